"""What the methods have in common that see a sequence of objectives, each on a few rows.

The clock is the weight seen so far. Steps shorten as it goes on, like one over it, and what is
kept is an average of where they led that forgets the first of them.
"""

from typing import NamedTuple, Protocol

import numpy as np

# A step is so many times longer than one over the number of batches so far. Long steps forget the
# start where the metric is poor; the average takes back the noise that they bring.
LENGTH = 20.0
# Rows a parameter that the first steps are shortened for, times LENGTH.
BURN_IN = 0.5
# Weight of the last batch in the average of all: 2 over their number gives weights like 1, 2, 3 ...
RECENT = 2.0
# Batches in a row that have to be worse than expected, and rows a column, before a stream is taken
# to have changed. Where they are worse than usual by the first factor the average is begun anew;
# where worse than a model that knows nothing, by the second, all is.
PATIENCE, PATIENT_ROWS = 5, 4
DRIFTING = 1.5
DIVERGING = 2.0
# Times what a model that knows nothing would lose, or the stream does as a rule: no batch counts as
# more in the objective of late.
MOST_COSTLY = 10.0


class Run(NamedTuple):
    """Batches without a break."""

    n_batches: int = 0
    n_rows: int = 0

    def longer(self, goes_on, n_rows):
        return Run(self.n_batches + 1, self.n_rows + n_rows) if goes_on else Run()

    def is_long(self, n_columns):
        return self.n_batches >= PATIENCE and self.n_rows >= PATIENT_ROWS * n_columns


class StreamState(NamedTuple):
    """Where a stream stands: immutable, and all that it remembers.

    theta : where the next step starts
    average : of the thetas of late, what the stream has to show
    value : the objective on the batches of late, each before its step
    clock : weight that the length of the steps goes by
    began : the clock when the average began
    known : weight that moments stand for
    moments : Moments of the rows; before the first batch what is expected of them, or None
    boldness : factor of the steps' length
    metric, due, diagonal : made of the moments, for so much weight, and their diagonal then
    unusual, hopeless : Run of batches that are worse than expected
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
    """A method for a sequence of objectives, as one pure function of states."""

    full: bool  # whether it uses the moments between columns
    memory: float  # weight of the last batch in the moments: memory over the number of all

    def advance(self, problem, state): ...


def observed(problem, state, method):
    """The state after a look at a batch, the gradient there, and the batch's moments."""
    value, gradient, seen = problem.observe(state.theta, method.full)
    before, state = state, watched(problem, state, value)
    if state.theta is not before.theta:
        value, gradient, seen = problem.observe(state.theta, method.full)
    weight = problem.total_weight
    known = state.known + weight
    share = min(1.0, method.memory * weight / known)
    if state.moments is not None:
        restraint = state.moments.restrained(seen, share)
        seen = seen.scaled(restraint)
        gradient = gradient * np.repeat(restraint, problem.map.n_scores)
    moments = state.moments.blended(seen, share) if state.known else seen
    # One row out of all proportion may cost more than all that came before it.
    if np.isfinite(value):
        value = min(value, MOST_COSTLY * max(problem.map.uniform_cross_entropy, state.value))
    value = state.value + share * (value - state.value)
    weight_seen = state.weight_seen + weight
    return (
        state._replace(value=value, weight_seen=weight_seen, known=known, moments=moments),
        gradient,
        seen,
    )


def watched(problem, state, value):
    """The state, or one that begins anew where the stream is no more what it was."""
    n_rows, n_columns = problem.n_rows, problem.map.n_columns
    nothing = problem.map.uniform_cross_entropy
    diverging = state.diverging.longer(value > DIVERGING * nothing, n_rows)
    drifting = state.drifting.longer(value > DRIFTING * state.value, n_rows)
    if diverging.is_long(n_columns):
        initial = np.zeros_like(state.theta)
        return StreamState(initial, initial, value=nothing, step_scale=state.step_scale)
    if drifting.is_long(n_columns):
        return state._replace(
            diverging=diverging, drifting=Run(), averaging_start=state.weight_seen
        )
    return state._replace(diverging=diverging, drifting=drifting)


def length(problem, state, learning_rate):
    """Length of the step on a batch: like one over the number of batches, shorter at first.

    Steps bring noise in proportion to the number of parameters a row; the first, of which there
    is no average to take it back, are shortened by that. Of sparse columns a row speaks of few:
    between these and all, measured, lies what neither overfits nor stands still.
    """
    if learning_rate != "auto":
        return state.step_scale * learning_rate
    weight = problem.total_weight
    columns = np.sqrt(problem.entries_of_row * state.moments.size)
    burn_in = BURN_IN * columns * problem.map.n_scores * weight / problem.n_rows
    return state.step_scale * LENGTH * weight / (state.weight_seen + LENGTH * (weight + burn_in))


def moved(problem, state, step):
    """The state after a step, which has no part that all classes share, and its average."""
    theta = state.theta + problem.map.sum_to_zero(step)
    share = min(1.0, RECENT * problem.total_weight / (state.weight_seen - state.averaging_start))
    return state._replace(theta=theta, average=state.average + share * (theta - state.average))
