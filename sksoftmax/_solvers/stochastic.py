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
CARE = 0.5
# Weight of the last batch in the average of all: 2 over their number gives weights like 1, 2, 3 ...
RECENT = 2.0
# Batches in a row that have to be worse than expected, and rows a column, before a stream is taken
# to have changed. Where they are worse than usual by the first factor the average is begun anew;
# where worse than a model that knows nothing, by the second, all is.
PATIENCE, PATIENT_ROWS = 5, 4
UNUSUAL = 1.5
HOPELESS = 2.0
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
    clock: float = 0.0
    began: float = 0.0
    known: float = 0.0
    moments: object = None
    boldness: float = 1.0
    metric: object = None
    due: float = 0.0
    diagonal: np.ndarray | None = None
    unusual: Run = Run()
    hopeless: Run = Run()
    first: np.ndarray | None = None
    second: np.ndarray | None = None
    n_gradients: int = 0


class StreamMethod(Protocol):
    """A method for a sequence of objectives, as one pure function of states."""

    full: bool  # whether it uses the moments between columns
    memory: float  # weight of the last batch in the moments: memory over the number of all

    def advance(self, objective, state): ...


def observed(objective, state, method):
    """The state after a look at a batch, the gradient there, and the batch's moments."""
    value, gradient, seen = objective.observe(state.theta, method.full)
    before, state = state, watched(objective, state, value)
    if state.theta is not before.theta:
        value, gradient, seen = objective.observe(state.theta, method.full)
    weight = objective.total_weight
    known = state.known + weight
    share = min(1.0, method.memory * weight / known)
    if state.moments is not None:
        restraint = state.moments.restrained(seen, share)
        seen = seen.scaled(restraint)
        gradient = gradient * np.repeat(restraint, objective.map.n_scores)
    moments = state.moments.blended(seen, share) if state.known else seen
    # One row out of all proportion may cost more than all that came before it.
    if np.isfinite(value):
        value = min(value, MOST_COSTLY * max(objective.map.ignorance, state.value))
    value = state.value + share * (value - state.value)
    clock = state.clock + weight
    return state._replace(value=value, clock=clock, known=known, moments=moments), gradient, seen


def watched(objective, state, value):
    """The state, or one that begins anew where the stream is no more what it was."""
    n_rows, n_columns = objective.n_rows, objective.map.n_columns
    nothing = objective.map.ignorance
    hopeless = state.hopeless.longer(value > HOPELESS * nothing, n_rows)
    unusual = state.unusual.longer(value > UNUSUAL * state.value, n_rows)
    if hopeless.is_long(n_columns):
        neutral = np.zeros_like(state.theta)
        return StreamState(neutral, neutral, value=nothing, boldness=state.boldness)
    if unusual.is_long(n_columns):
        return state._replace(hopeless=hopeless, unusual=Run(), began=state.clock)
    return state._replace(hopeless=hopeless, unusual=unusual)


def length(objective, state, learning_rate):
    """Length of the step on a batch: like one over the number of batches, shorter at first.

    Steps bring noise in proportion to the number of parameters a row; the first, of which there
    is no average to take it back, are shortened by that. Of sparse columns a row speaks of few:
    between these and all, measured, lies what neither overfits nor stands still.
    """
    if learning_rate != "auto":
        return state.boldness * learning_rate
    weight = objective.total_weight
    columns = np.sqrt(objective.entries_of_row * state.moments.size)
    care = CARE * columns * objective.map.n_scores * weight / objective.n_rows
    return state.boldness * LENGTH * weight / (state.clock + LENGTH * (weight + care))


def moved(objective, state, step):
    """The state after a step, which has no part that all classes share, and its average."""
    theta = state.theta + objective.map.balanced(step)
    share = min(1.0, RECENT * objective.total_weight / (state.clock - state.began))
    return state._replace(theta=theta, average=state.average + share * (theta - state.average))
