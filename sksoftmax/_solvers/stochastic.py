"""State and steps that the stochastic methods share.

Each step sees the objective on one batch of rows. Step sizes decay as 1 / (weight seen). The
result is a running average that down-weights early iterates (Polyak and Juditsky 1992).
"""

from typing import NamedTuple, Protocol

import numpy as np

from sksoftmax._solvers.line_search import Point

# Step size times the number of batches so far. Long steps leave the start behind even where the
# preconditioner is poor; averaging removes the noise that they add.
LENGTH = 20.0
# Rows a parameter, times LENGTH, by which the first steps are shortened.
BURN_IN = 0.5
# Weight of the last batch in the average, times their number: 2 gives weights like 1, 2, 3, ...
RECENT = 2.0
# Drift detection: a loss that is too high must be seen in PATIENCE consecutive batches with
# PATIENT_ROWS rows a column in all. A loss above DRIFTING times the running mean restarts the
# average; one above DIVERGING times the uniform cross-entropy restarts the whole state.
PATIENCE, PATIENT_ROWS = 5, 4
DRIFTING = 1.5
DIVERGING = 2.0
# Largest value of a batch in the running mean of the objective, relative to the larger of that mean
# and the uniform cross-entropy.
MOST_COSTLY = 10.0
# Armijo's constant: a step is halved until the batch's own objective falls by this fraction of what
# its gradient promises. On a parabola that excludes steps beyond 1.5 times the way to its minimum.
DECREASE = 0.25
MOST_HALVINGS = 6


class Run(NamedTuple):
    """Number and rows of consecutive batches that met a condition."""

    n_batches: int = 0
    n_rows: int = 0

    def longer(self, goes_on, n_rows):
        return Run(self.n_batches + 1, self.n_rows + n_rows) if goes_on else Run()

    def is_long(self, n_columns):
        return self.n_batches >= PATIENCE and self.n_rows >= PATIENT_ROWS * n_columns


class StreamState(NamedTuple):
    """State of a stochastic method, immutable.

    theta : ndarray of shape (n_parameters,), where the next step starts
    average : ndarray of shape (n_parameters,), running average of theta: the result
    value : running mean of the objective on batches, each before its step
    weight_seen : total weight of the rows seen, which the step size decays by
    averaging_start : the weight seen when the average was started
    known : total weight of the rows that moments are of
    moments : Moments of the rows; before the first batch what is expected of them, or None
    step_scale : factor of the step size
    preconditioner : made of the moments
    due : weight to be seen before the preconditioner is made anew
    diagonal : of the moments when it was made
    drifting, diverging : Run of batches that lose more than expected, for drift detection
    first, second, n_gradients : Adam's moments of the gradient, and how many gradients they are of
    """

    theta: np.ndarray
    average: np.ndarray
    value: float = 0.0
    weight_seen: float = 0.0
    averaging_start: float = 0.0
    known: float = 0.0
    moments: object = None
    step_scale: float = 1.0
    preconditioner: object = None
    due: float = 0.0
    diagonal: np.ndarray | None = None
    drifting: Run = Run()
    diverging: Run = Run()
    first: np.ndarray | None = None
    second: np.ndarray | None = None
    n_gradients: int = 0


class StreamMethod(Protocol):
    """A stochastic method: a pure function from a batch's problem and a state to the next state."""

    learning_rate: object  # float or "auto"
    full: bool  # whether it uses the moments between columns
    memory: float  # weight of the last batch in the moments: memory over the number of all

    def advance(self, problem, state): ...


def observed(problem, state, method):
    """The state after a look at a batch, and what a step needs to know of the batch.

    Returns
    -------
    state : StreamState
    gradient : ndarray of shape (n_parameters,), to descend by; outliers are scaled down in it
    seen : Moments of the batch
    point : Point at the state's theta, with the batch's gradient itself
        None if the step is not to be checked there.
    """
    value, gradient, seen = problem.observe(state.theta, method.full)
    before, state = state, watched(problem, state, value)
    if state.theta is not before.theta:
        value, gradient, seen = problem.observe(state.theta, method.full)
    is_checked = problem.checks_steps and method.learning_rate == "auto"
    point = Point(state.theta, value, gradient) if is_checked else None
    known = state.known + problem.total_weight
    share = min(1.0, method.memory * problem.total_weight / known)
    if state.moments is not None:
        restraint = state.moments.restrained(seen, share)
        seen = seen.scaled(restraint)
        gradient = gradient * np.repeat(restraint, problem.map.n_scores)
    moments = state.moments.blended(seen, share) if state.known else seen
    # An outlier may cost more than all rows before it.
    if np.isfinite(value):
        value = min(value, MOST_COSTLY * max(problem.map.uniform_cross_entropy, state.value))
    value = state.value + share * (value - state.value)
    weight_seen = state.weight_seen + problem.total_weight
    state = state._replace(value=value, weight_seen=weight_seen, known=known, moments=moments)
    return state, gradient, seen, point


def watched(problem, state, value):
    """The state, restarted in part or whole if the batch's value shows drift or divergence."""
    n_rows, n_columns = problem.n_rows, problem.map.n_columns
    uniform = problem.map.uniform_cross_entropy
    diverging = state.diverging.longer(value > DIVERGING * uniform, n_rows)
    drifting = state.drifting.longer(value > DRIFTING * state.value, n_rows)
    if diverging.is_long(n_columns):
        initial = np.zeros_like(state.theta)
        return StreamState(initial, initial, value=uniform, step_scale=state.step_scale)
    state = state._replace(diverging=diverging, drifting=drifting)
    if drifting.is_long(n_columns):
        return state._replace(drifting=Run(), averaging_start=state.weight_seen)
    return state


def length(problem, state, learning_rate):
    """The step size on a batch: it decays as 1 / (number of batches), after a burn-in.

    A step adds noise in proportion to the number of parameters over that of rows. The average does
    not remove the noise of the first steps, so the burn-in shortens them in this proportion. For
    sparse rows the number of columns is the geometric mean of all and of a row's entries, which was
    best when measured.
    """
    if learning_rate != "auto":
        return state.step_scale * learning_rate
    weight = problem.total_weight
    columns = np.sqrt(problem.entries_of_row * state.moments.size)
    burn_in = BURN_IN * columns * problem.map.n_scores * weight / problem.n_rows
    return state.step_scale * LENGTH * weight / (state.weight_seen + LENGTH * (weight + burn_in))


def checked(problem, point, step):
    """The step, halved until the batch's own objective falls enough by it.

    Preconditioners are Kronecker products or diagonals. Where probabilities are near 0 and 1, or
    columns are correlated, the curvature along a step can be many times theirs, and steps of full
    length would lead away from a model that is good already.
    """
    slope = min(0.0, float(point.gradient @ step))  # steps with momentum may go up a little
    for halvings in range(MOST_HALVINGS):
        share = 0.5**halvings
        if problem.value(point.theta + share * step) <= point.value + DECREASE * share * slope:
            return share * step
    return 0.5**MOST_HALVINGS * step


def moved(problem, state, step, point):
    """The state after a step, projected to sum to zero over classes, with the average updated.

    point : Point at the state's theta if the step is to be checked there, else None
    """
    step = problem.map.sum_to_zero(step)
    if point is not None:
        step = checked(problem, point, step)
    theta = state.theta + step
    share = min(1.0, RECENT * problem.total_weight / (state.weight_seen - state.averaging_start))
    return state._replace(theta=theta, average=state.average + share * (theta - state.average))
