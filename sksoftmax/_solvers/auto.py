"""The solver that chooses: starts cheap, watches its progress, and pays for more when it must."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.lbfgs import Lbfgs
from sksoftmax._solvers.loop import descend, hand_over
from sksoftmax._solvers.newton import Newton

# What a fit is expected to ask for, relative to the objective, and what a sample is fitted to.
GOAL = 1e-7
ROUGHLY = 3e-4
# Steps over which progress is measured.
WINDOW = 7
TINY = np.finfo(np.float64).tiny
# How many times the price of the stages to come each stage may cost, by its rate of late: in the
# metric of Hessians a rate of late is a poor guide, for it grows towards the end.
PATIENCE = (1, 4)


class AutoState(NamedTuple):
    inner: object
    stage: int
    record: tuple  # values of the stage, the latest last

    @property
    def point(self):
        return self.inner.point

    @property
    def decrement(self):
        return self.inner.decrement

    @property
    def stalled(self):
        return self.inner.stalled

    @property
    def solver(self):
        return self.inner.solver


@dataclass(frozen=True)
class Auto:
    """Metric L-BFGS, from the optimum of a sample where rows are many; Newton where all is small.

    Where progress is slow it goes on in the metric of the Hessian, of rows drawn for it; where
    that stalls, or the Hessian is too large to hold, by Newton steps.

    sampling : whether to begin on a sample, which is a waste where the start is a good one
    """

    sampling: bool = True

    def start(self, objective, theta):
        if objective.is_small:
            return _enter(STAGES[-1], objective, theta, len(STAGES) - 1)
        metric = None
        n_rows = objective.worthwhile_sample() if self.sampling else 0
        if n_rows:
            part = objective.sample(n_rows)
            theta = descend(part, Lbfgs(), theta, tol=ROUGHLY, max_iter=60).theta
            metric = objective.metric_of_sample(part, theta)
        return _enter(Lbfgs(metric=metric), objective, theta, 0)

    def resume(self, objective, state):
        inner = hand_over(objective, STAGES[state.stage], state.inner)
        return AutoState(inner, state.stage, (inner.point.value,))

    def step(self, objective, state):
        if state.stage < len(STAGES) - 1 and _slow(objective, state):
            state = _next(objective, state)
        inner = STAGES[state.stage].step(objective, state.inner)
        if inner.stalled and state.stage < len(STAGES) - 1:
            return self.step(objective, _next(objective, state))
        record = (*state.record, inner.point.value)[-2 * WINDOW - 1 :]
        return AutoState(inner, state.stage, record)


STAGES = (Lbfgs(), Lbfgs(sharp=True, refresh=5), Newton())


def _prices(objective):
    """Of finishing in each stage but the first, in evaluations."""
    return np.inf, objective.drawn_price(), objective.newton_price()


def _next(objective, state):
    """Enter the cheapest of the stages to come."""
    prices = _prices(objective)
    stage = min(range(state.stage + 1, len(STAGES)), key=prices.__getitem__)
    return _enter(STAGES[stage], objective, state.point.theta, stage)


def _enter(method, objective, theta, stage):
    inner = method.start(objective, theta)
    return AutoState(inner, stage, (inner.point.value,))


def _slow(objective, state):
    """Whether the stage, at its rate of late, would cost more than one of those to come.

    Of a sequence that converges linearly, each window gains the same share of what the window
    before it gained. What the metric expects to be left is often far too little.
    """
    if len(state.record) <= 2 * WINDOW:
        return False
    first, middle, last = state.record[0], state.record[WINDOW], state.record[-1]
    share = np.clip((middle - last) / max(first - middle, TINY), 1e-6, 0.98)
    left = max(state.decrement, (middle - last) * share / (1 - share), TINY)
    goal = max(GOAL * abs(last), TINY)
    steps = np.log(max(left / goal, 1.0)) * WINDOW / -np.log(share)
    return steps > PATIENCE[state.stage] * min(_prices(objective)[state.stage + 1 :])
