"""What the methods have in common that see a sequence of objectives, each on a few rows.

The clock is the weight seen so far. Steps shorten as it goes on, like one over it, and what is
kept is an average of where they led that forgets the first of them.
"""

from typing import NamedTuple, Protocol

import numpy as np

# A step is so many times longer than one over the number of batches so far. Long steps forget the
# start where the metric is poor; the average takes back the noise that they bring.
LENGTH = 20.0
# Rows a column that the first steps are shortened for, times LENGTH.
CARE = 2.0
# Weight of the last batch in the average of all: 2 over their number gives weights like 1, 2, 3 ...
RECENT = 2.0
# The same for the moments, which change as the model sharpens.
MEMORY = 3.0


class StreamState(NamedTuple):
    """Where a stream stands: immutable, and all that it remembers.

    theta : where the next step starts
    average : of the thetas of late, what the stream has to show
    value : the objective on the batches of late, each before its step
    clock : weight that the length of the steps goes by
    known : weight that moments stand for
    moments : Moments of the rows; None before the first batch
    boldness : factor of the steps' length
    metric, due, diagonal : made of the moments, for so much weight, and their diagonal then
    first, second, n_gradients : Adam's moments of the gradient, and how many gradients they are of
    """

    theta: np.ndarray
    average: np.ndarray
    value: float = 0.0
    clock: float = 0.0
    known: float = 0.0
    moments: object = None
    boldness: float = 1.0
    metric: object = None
    due: float = 0.0
    diagonal: np.ndarray | None = None
    first: np.ndarray | None = None
    second: np.ndarray | None = None
    n_gradients: int = 0


class StreamMethod(Protocol):
    """A method for a sequence of objectives, as one pure function of states."""

    full: bool  # whether it uses the moments between columns

    def advance(self, objective, state): ...


def observed(objective, state, full):
    """The state after a look at a batch, the gradient there, and the batch's moments."""
    value, gradient, seen = objective.observe(state.theta, full)
    weight = objective.total_weight
    known = state.known + weight
    share = min(1.0, MEMORY * weight / known)
    moments = seen if state.moments is None else state.moments.blended(seen, share)
    value = state.value + share * (value - state.value)
    clock = state.clock + weight
    return state._replace(value=value, clock=clock, known=known, moments=moments), gradient, seen


def rate(objective, state):
    """Length of the step on a batch: like one over the number of batches, shorter at first.

    A row moves its own scores by as much as it is unlike the rest, the number of columns on
    average; the first steps are shortened by that.
    """
    weight = objective.total_weight
    a_row = weight / objective.n_rows
    bold = LENGTH * weight
    return state.boldness * bold / (state.clock + bold + CARE * LENGTH * state.moments.size * a_row)


def moved(objective, state, step):
    """The state after a step, which has no part that all classes share, and its average."""
    theta = state.theta + objective.map.balanced(step)
    share = min(1.0, RECENT * objective.total_weight / state.clock)
    return state._replace(theta=theta, average=state.average + share * (theta - state.average))
