"""Stochastic variance-reduced gradients (SVRG, Johnson and Zhang 2013) for a stochastic method.

Each pass goes over all rows in random batches. The gradient of a batch is corrected by the batch's
and the full gradient at a snapshot, the point where the pass began. Its noise vanishes at the
optimum, so the method converges and a certificate can prove it. Far from the optimum the first
pass is made without the correction.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.line_search import ROUNDING, Point
from sksoftmax._solvers.stochastic import StreamState

# Rows of a batch, where they are chosen: about a hundred batches a pass, of no fewer rows than make
# the interpreter's calls worth while and no more than are as good as all.
FEWEST, MOST, A_PASS = 32, 512, 100
# A pass that does not lead down is taken back, and the next made in steps this much shorter.
CAUTION = 0.25
SHORTEST = 1e-6


class EpochState(NamedTuple):
    """Iterate after a pass over all rows, with the state of the stochastic method."""

    point: Point
    decrement: float
    stalled: bool
    stream: StreamState
    n_epochs: int
    solver: str


@dataclass(frozen=True)
class VarianceReduced:
    """The objective on a batch, with its gradient corrected by that at the snapshot."""

    batch: object
    snapshot: Point
    checks_steps = False  # a pass that does not lead down is taken back

    def __getattr__(self, name):
        return getattr(self.batch, name)

    def observe(self, theta, full):
        value, gradient, moments = self.batch.observe(theta, full)
        _, before = self.batch.value_and_gradient(self.snapshot.theta)
        return value, gradient - before + self.snapshot.gradient, moments


@dataclass(frozen=True)
class Epochs:
    """method : StreamMethod
    batch_size : rows of a batch, or "auto"
    seed : of the order of the rows
    """

    method: object
    batch_size: object = "auto"
    seed: int = 0

    def start(self, problem, theta):
        return self._arrive(problem, theta, StreamState(theta, theta), 0)

    def step(self, problem, state):
        point, stream = state.point, state.stream
        # Plain steps come as near as the number of parameters over that of rows, and no nearer.
        noise = problem.map.n_parameters / problem.n_rows
        plain = state.n_epochs == 0 and state.decrement > noise
        if plain:  # the curvature is about to change
            stream = StreamState(point.theta, point.theta)
        random = np.random.default_rng((self.seed, state.n_epochs))
        try:
            for batch in problem.batches(self.rows_of_batch(problem), random):
                stream = self.method.advance(
                    batch if plain else VarianceReduced(batch, point), stream
                )
            arrived = self._arrive(problem, stream.average, stream, state.n_epochs + 1)
            if arrived.point.value <= point.value + ROUNDING * abs(point.value):
                return arrived
        except np.linalg.LinAlgError:
            pass  # far too long steps have led where nothing is finite
        step_scale = CAUTION * state.stream.step_scale
        stream = state.stream._replace(
            step_scale=step_scale, first=None, second=None, n_gradients=0
        )
        return state._replace(
            stream=stream, stalled=step_scale < SHORTEST, n_epochs=state.n_epochs + 1
        )

    def rows_of_batch(self, problem):
        if self.batch_size == "auto":
            return int(np.clip(problem.n_rows // A_PASS, FEWEST, MOST))
        return self.batch_size

    def _arrive(self, problem, theta, stream, n_epochs):
        """The state at a point, where the next pass begins."""
        value, gradient, moments = problem.observe(theta, self.method.full)
        moments = moments.of_all()
        preconditioner = problem.preconditioner_of_moments(moments)
        decrement = 0.5 * float(gradient @ preconditioner.solve(gradient))
        stream = StreamState(
            theta, theta, value, known=problem.total_weight, moments=moments,
            step_scale=min(1.0, 2 * stream.step_scale), first=stream.first, second=stream.second,
            n_gradients=stream.n_gradients,
        )  # fmt: skip
        point = Point(theta, value, gradient)
        return EpochState(point, decrement, False, stream, n_epochs, self.method.name)
