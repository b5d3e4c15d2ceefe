"""The solver that chooses: starts cheap, watches its progress, and pays for Newton when it must."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from sksoftmax.solvers.lbfgs import Lbfgs
from sksoftmax.solvers.loop import descend
from sksoftmax.solvers.newton import Newton


class AutoState(NamedTuple):
    inner: object
    method: object
    record: tuple  # decrements of the current method, the latest last

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
    """Metric L-BFGS from the optimum of a sample, then Newton if progress stalls.

    accuracy : relative decrement that the fit is expected to need
    roughly : relative decrement to which the sample is fitted
    window : steps over which progress is measured
    """

    accuracy: float = 1e-7
    roughly: float = 3e-4
    window: int = 10
    newton: Newton = field(default_factory=Newton)

    def start(self, objective, theta):
        method = Lbfgs()
        n_rows = objective.worthwhile_sample()
        if n_rows:
            part = objective.sample(n_rows)
            theta = descend(part, method, theta, tol=self.roughly, max_iter=60)
            method = Lbfgs(metric=part.hessian(theta) or part.curvature(theta))
        inner = method.start(objective, theta)
        return AutoState(inner, method, (inner.decrement,))

    def step(self, objective, state):
        if state.solver == "lbfgs" and self._slow(objective, state):
            inner = self.newton.start(objective, state.point.theta)
            state = AutoState(inner, self.newton, ())
        inner = state.method.step(objective, state.inner)
        if inner.stalled and state.solver == "lbfgs":
            return AutoState(self.newton.start(objective, inner.point.theta), self.newton, ())
        return AutoState(inner, state.method, (*state.record, inner.decrement))

    def _slow(self, objective, state):
        """Whether L-BFGS, at the rate of late, would cost more than Newton."""
        if len(state.record) <= self.window:
            return False
        goal = self.accuracy * abs(state.point.value)
        now, before = state.record[-1], state.record[-1 - self.window]
        left = np.log(max(now / goal, 1.0))
        rate = np.log(before / now) / self.window if now < before else 1e-3
        return left / rate > objective.newton_price()
