"""Stochastic variance-reduced gradients (SVRG, Johnson and Zhang 2013) for a stochastic method.

Each pass goes over all rows in random batches. From a batch's gradient its gradient at a snapshot,
the point where the pass began, is subtracted, and the full gradient there is added. The noise of
this vanishes at the optimum, so that the method converges and a certificate can prove it. Far from
the optimum the first pass is made without the correction.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.line_search import ROUNDING, Point
from sksoftmax._solvers.stochastic import StreamState

# Automatic sizes of batches: A_PASS batches a pass, within FEWEST and MOST rows. Of fewer rows the
# interpreter's calls cost more than the products; of more a gradient is no better.
FEWEST, MOST, A_PASS = 32, 512, 100
# A pass that does not lead down is undone, and the next one has steps shorter by this factor; those
# that would be shorter than SHORTEST end the run.
CAUTION = 0.25
SHORTEST = 1e-6


class EpochState(NamedTuple):
    """State after a pass over all rows, see ``loop.State``.

    stream : StreamState of the stochastic method
    n_epochs : int, number of passes, those that were undone included
    """

    point: Point
    decrement: float
    stalled: bool
    stream: StreamState
    n_epochs: int
    solver: str


@dataclass(frozen=True)
class VarianceReduced:
    """The problem on a batch, with its gradient corrected by that at the snapshot.

    batch : SmoothProblem
    snapshot : Point, with the full gradient
    """

    batch: object
    snapshot: Point
    checks_steps = False  # passes are checked as a whole

    def __getattr__(self, name):
        return getattr(self.batch, name)

    def observe(self, theta, full):
        value, gradient, moments = self.batch.observe(theta, full)
        _, before = self.batch.value_and_gradient(self.snapshot.theta)
        return value, gradient - before + self.snapshot.gradient, moments


@dataclass(frozen=True)
class Epochs:
    """A solver whose steps are passes over all rows by a stochastic method.

    method : StreamMethod
    batch_size : int, rows of a batch, or "auto"
    seed : int, of the order of the rows
    """

    method: object
    batch_size: object = "auto"
    seed: int = 0

    def start(self, problem, theta):
        return self._arrive(problem, theta, StreamState(theta, theta), 0)

    def step(self, problem, state):
        point, stream = state.point, state.stream
        # The decrement to which noise lets steps without the correction come.
        noise = problem.map.n_parameters / problem.n_rows
        plain = state.n_epochs == 0 and state.decrement > noise
        if plain:  # the curvature is about to change
            stream = StreamState(point.theta, point.theta)
        random = np.random.default_rng((self.seed, state.n_epochs))
        try:
            for batch in problem.batches(self.rows_of_batch(problem), random):
                batch = batch if plain else VarianceReduced(batch, point)
                stream = self.method.advance(batch, stream)
            arrived = self._arrive(problem, stream.average, stream, state.n_epochs + 1)
            if arrived.point.value <= point.value + ROUNDING * abs(point.value):
                return arrived
        except np.linalg.LinAlgError:
            pass  # steps were far too long, and led to where nothing is finite
        scale, n_epochs = CAUTION * state.stream.step_scale, state.n_epochs + 1
        stream = state.stream._replace(step_scale=scale, first=None, second=None, n_gradients=0)
        return state._replace(stream=stream, stalled=scale < SHORTEST, n_epochs=n_epochs)

    def rows_of_batch(self, problem):
        if self.batch_size == "auto":
            return int(np.clip(problem.n_rows // A_PASS, FEWEST, MOST))
        return self.batch_size

    def _arrive(self, problem, theta, stream, n_epochs):
        """The state at theta, from where the next pass begins."""
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
