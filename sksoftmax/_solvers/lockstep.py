"""Quasi-Newton descents of several objectives that are evaluated together.

Each descent is a coroutine that yields what it wants to know, a point or a proof, and is sent the
answer. Whoever drives them collects the questions, so that one pass over the data answers all.
Proofs wait until all have asked for theirs.
"""

from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.lbfgs import RESCALE, Pair, two_loop
from sksoftmax._solvers.line_search import MOST_TRIALS, Point, cubic_minimum, low_enough

MEMORY = 8


class Trial(NamedTuple):
    """Asks for the point at a theta."""

    theta: np.ndarray


class Claim(NamedTuple):
    """Asks for a proved gap at a point."""

    point: Point


class Track(NamedTuple):
    """Where a descent ended, and what it learned.

    gap : proved by then; inf where it ended for lack of progress or of steps
    """

    point: Point
    gap: float
    pairs: tuple
    n_iter: int
    slack: float


def descent(point, pairs, metric, *, tol, slack, bound, longest):
    """Steps from a point whose value and gradient are known.

    slack : how much larger the proof is than the decrement, as far as is known
    bound : function of a gradient, a bound on the gap that costs nothing
    """
    n_iter = 0
    while True:
        enough, gap = tol * abs(point.value), None
        if 1.3 * bound(point.gradient) <= enough:
            gap = yield Claim(point)
            if gap <= enough:
                return Track(point, gap, pairs, n_iter, slack)
        if n_iter % RESCALE <= 1:
            scale = scale_of(pairs, metric)
        direction = -two_loop(pairs, metric, scale, point.gradient)
        decrement = -0.5 * float(point.gradient @ direction)
        if gap is None and slack * decrement <= enough:
            gap = yield Claim(point)
            if gap <= enough:
                return Track(point, gap, pairs, n_iter, slack)
        if gap is not None:
            missed = gap / max(decrement, np.finfo(np.float64).tiny)
            slack *= 8.0 if np.isinf(missed) else max(2.0, missed / slack)
        if n_iter == longest:
            return Track(point, np.inf, pairs, n_iter, slack)
        found = yield from _search(point, direction)
        if found is None:
            return Track(point, np.inf, pairs, n_iter, slack)
        pairs, point = extended(pairs, point, found), found
        n_iter += 1


def scale_of(pairs, metric):
    """What the metric's inverse is multiplied by: halfway to what would suit the last pair.

    That speaks for one direction of many. Measured: all the way, or none, takes more steps.
    """
    if not pairs:
        return 1.0
    last = pairs[-1]
    return np.sqrt(last.product / (last.change @ metric.solve(last.change)))


def _search(point, direction):
    slope = float(point.gradient @ direction)
    length = 1.0
    for _ in range(MOST_TRIALS if slope < 0 else 0):
        trial = yield Trial(point.theta + length * direction)
        values = point.value, trial.value, length * slope, length * (trial.gradient @ direction)
        if low_enough(*values):
            return trial
        length *= min(max(cubic_minimum(*values), 0.1), 0.6)
    return None


def extended(pairs, old, new):
    step, change = new.theta - old.theta, new.gradient - old.gradient
    pair = Pair(step, change, float(step @ change))
    if pair.product > 1e-14 * np.linalg.norm(step) * np.linalg.norm(change):
        return (*pairs, pair)[-MEMORY:]
    return pairs


def stiffened(pairs, strength):
    """Pairs of the same function with so much more of a ridge."""
    stiff = []
    for step, change, _ in pairs:
        change = change + strength * step
        product = float(step @ change)
        if product > 0:
            stiff.append(Pair(step, change, product))
    return tuple(stiff)


class Convoy:
    """Descents under way, whose questions are answered together.

    descents : list of coroutines; results : of those that have ended, by number
    asked : dict of questions by number
    """

    def __init__(self):
        self.descents, self.results, self.asked = [], [], {}

    def add(self, descents):
        """Descents that join; they are numbered on from those that are under way."""
        first = len(self.descents)
        self.descents += descents
        self.results += [None] * len(descents)
        for number in range(first, len(self.descents)):
            self._tell(number, None)

    def advance(self, evaluate):
        """Answer what can be evaluated, until nothing but claims is left.

        evaluate : function of a list of thetas and the descents' numbers
        """
        while trials := [n for n, question in self.asked.items() if isinstance(question, Trial)]:
            found = evaluate([self.asked[n].theta for n in trials], trials)
            for number, point in zip(trials, found, strict=True):
                self._tell(number, point)

    def drive(self, evaluate, prove):
        """Run all to their ends; the results in their order.

        prove : function of a list of points and the descents' numbers
        """
        self.advance(evaluate)
        while self.asked:
            claims = list(self.asked)
            gaps = prove([self.asked[n].point for n in claims], claims)
            for number, gap in zip(claims, gaps, strict=True):
                self._tell(number, gap)
            self.advance(evaluate)
        return self.results

    def point(self, number):
        """Where a descent stands that claims, or has ended."""
        return (self.asked.get(number) or self.results[number]).point

    def _tell(self, number, answer):
        try:
            self.asked[number] = self.descents[number].send(answer)
        except StopIteration as end:
            self.results[number] = end.value
            self.asked.pop(number, None)
