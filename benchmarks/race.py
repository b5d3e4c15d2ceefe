"""Who comes within so much of the optimum first.

Every package's ``tol`` means another thing, so each contestant runs through its own tolerances,
from loose to tight, and an independent objective judges what it returns. Its time to a target is
that of the cheapest setting that got there. Contestants take turns, so that a busy moment of the
machine hits all of them.
"""

import statistics
import warnings
from dataclasses import dataclass, field

import numpy as np
from plain_objective import evaluate
from problems import Problem
from solvers import contestants
from stopwatch import OutOfTime, cpu_limit

TARGETS = (1e-3, 1e-6)  # suboptimality, relative to the optimum
DEFAULT = "default"
TIGHT = 1e-9  # tolerance of the fits that look for the optimum
ALLOWANCE = 1.5  # seconds to spend on repeating a setting
SWEEP = 4  # limits to spend on the tolerances of a contestant
TIGHT_LIMIT = 60.0  # seconds for each fit that looks for the optimum
KNOWN = 1e-7  # how near the optimum must be proved, or agreed on, for times to count
DIVERGING = 60  # times the fastest tight fit, after which a fit is stopped as well


@dataclass
class Attempt:
    """A contestant under one setting: a tolerance, or ``DEFAULT``."""

    setting: object
    value: float  # the objective of what it returned
    warned: bool
    seconds: list

    @property
    def time(self):
        return statistics.median(self.seconds)


@dataclass
class Racer:
    """A contestant on one problem, and what it did."""

    contestant: object
    problem: Problem
    limit: float
    refusal: str | None = None
    attempts: list = field(default_factory=list)
    out_of_time: bool = False
    longest: float = 0.0  # seconds of the longest fit, ended or not
    total: float = 0.0

    def run(self, setting):
        """Fit once more. False if the time ran out, or an error ended it."""
        try:
            with cpu_limit(self.limit):
                if setting == DEFAULT:
                    fit = self.contestant.fit_by_default(self.problem)
                else:
                    fit = self.contestant.fit(self.problem, setting)
        except OutOfTime:
            self.note_time(self.limit)
            self.out_of_time = True
            return False
        except Exception as error:
            self.refusal = f"failed: {type(error).__name__}: {error}"
            return False
        self.note_time(fit.seconds)
        known = [attempt for attempt in self.attempts if attempt.setting == setting]
        if known:
            known[0].seconds.append(fit.seconds)
        else:
            value = evaluate(self.problem, fit.coef, fit.intercept)
            self.attempts.append(Attempt(setting, value, fit.warned, [fit.seconds]))
        return True

    def note_time(self, seconds):
        self.longest = max(self.longest, seconds)
        self.total += seconds

    def best_to(self, level):
        """The cheapest attempt whose objective is at most ``level``; None if there is none."""
        reached = [each for each in self.attempts if each.value <= level]
        return min(reached, key=lambda each: each.time, default=None)

    @property
    def best_value(self):
        return min((attempt.value for attempt in self.attempts), default=np.inf)


def race(problem, entrants, *, repeats, limit):
    """Results of some contestants on a problem, as plain dictionaries."""
    reference = find_optimum(problem)
    limit = min(limit, max(1.0, DIVERGING * reference["seconds"]))
    racers = {
        name: Racer(contestant, problem, limit, contestant.refuses(problem))
        for name, contestant in entrants.items()
    }
    running = [racer for racer in racers.values() if not racer.refusal]
    warm_up(problem, running)
    for racer in running:
        racer.run(DEFAULT)
        racer.total = 0.0
    sweep(running, reference["value"])
    optimum = min(reference["value"], *(racer.best_value for racer in running))
    repeat(running, optimum, repeats)
    agreed = agreement(running, optimum)
    proved = above(reference["value"] * (1 - reference["gap"]), optimum) >= -KNOWN
    return {
        "shape": problem.shape,
        "known": bool(proved or agreed <= KNOWN),
        "limit": limit,
        "optimum": optimum,
        "reference": reference,
        "agreement": agreed,
        "racers": {name: summary(racer, optimum) for name, racer in racers.items()},
    }


def find_optimum(problem):
    """The best objective of a few tight fits, the relative gap that ours prove, the least time."""
    best = {"value": np.inf, "by": "nobody", "gap": np.inf, "seconds": np.inf}
    known = contestants()
    for name in ("sksoftmax auto", "sksoftmax newton", "sklearn newton-cholesky"):
        contestant = known[name]
        if contestant.refuses(problem) or best["gap"] <= KNOWN / 10:
            continue
        try:
            with cpu_limit(TIGHT_LIMIT):
                fit = contestant.fit(problem, TIGHT)
        except OutOfTime:
            continue
        value = evaluate(problem, fit.coef, fit.intercept)
        gap = min(best["gap"], getattr(fit.model, "gap_", np.inf) / value)
        least = min(best["seconds"], fit.seconds)
        best = min(best, {"value": value, "by": name}, key=lambda each: each["value"])
        best |= {"gap": gap, "seconds": least}
    return best


def warm_up(problem, racers):
    """Fit all on a few rows: what is loaded or compiled on first use is no part of a fit."""
    weight = problem.sample_weight
    rows = slice(0, 500)
    few = Problem(
        problem.X[rows], problem.y[rows], None if weight is None else weight[rows], problem.C
    )
    for racer in racers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            racer.contestant.make(C=few.C, tol=0.1, max_iter=3, **racer.contestant.settings).fit(
                few.X, few.y, sample_weight=few.sample_weight
            )


def sweep(racers, reference):
    """Run each contestant's tolerances in turns until it has reached the strictest target."""
    target = reference * (1 + 0.5 * min(TARGETS))
    waiting = {id(racer): list(racer.contestant.tolerances) for racer in racers}
    while any(waiting.values()):
        for racer in racers:
            tolerances = waiting[id(racer)]
            if not tolerances:
                continue
            if not racer.run(tolerances.pop(0)):
                tolerances.clear()
            elif racer.total > SWEEP * racer.limit:
                racer.out_of_time = bool(tolerances)
                tolerances.clear()
            elif np.isfinite(reference) and racer.attempts[-1].value <= target:
                tolerances.clear()


def repeat(racers, optimum, repeats):
    """Time the settings that count again, those of slow fits less often."""
    chosen = []
    for racer in racers:
        attempts = [racer.best_to(optimum * (1 + target)) for target in TARGETS]
        attempts += [each for each in racer.attempts if each.setting == DEFAULT]
        unique = {id(each): each for each in attempts if each is not None}
        chosen += [(racer, attempt) for attempt in unique.values()]
    for turn in range(1, repeats):
        for racer, attempt in chosen:
            if (turn + 1) * attempt.seconds[0] <= ALLOWANCE:
                racer.run(attempt.setting)


def above(value, optimum):
    return value / optimum - 1


def agreement(racers, optimum):
    """How far the best of the second-best package is above the optimum."""
    best = {}
    for racer in racers:
        package = racer.contestant.package
        best[package] = min(best.get(package, np.inf), racer.best_value)
    values = sorted(best.values())
    return above(values[1], optimum) if len(values) > 1 else np.inf


def summary(racer, optimum):
    if racer.refusal:
        return {"refusal": racer.refusal}
    default = [each for each in racer.attempts if each.setting == DEFAULT]
    return {
        "package": racer.contestant.package,
        "out_of_time": racer.out_of_time,
        "spent": racer.longest,
        "curve": [entry(each, optimum) for each in racer.attempts],
        "targets": [reached(racer, target, optimum) for target in TARGETS],
        "default": entry(default[0], optimum) if default else None,
    }


def reached(racer, target, optimum):
    attempt = racer.best_to(optimum * (1 + target))
    return attempt and entry(attempt, optimum)


def entry(attempt, optimum):
    return {
        "setting": attempt.setting,
        "seconds": attempt.time,
        "samples": len(attempt.seconds),
        "above": above(attempt.value, optimum),
        "warned": attempt.warned,
    }
