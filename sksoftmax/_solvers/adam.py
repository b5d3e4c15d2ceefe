"""Adam, with gradients scaled by the columns' standard deviations (Kingma and Ba 2015)."""

from dataclasses import dataclass

import numpy as np

from sksoftmax._solvers.stochastic import length, moved, observed

# The automatic step size is that of `Sgd` times LONGEST_STEP over the root of the number of
# columns, since the steps of all columns together change a row's scores.
LONGEST_STEP = 1.5
TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Adam:
    """Steps along the running mean of the gradient, over the root of its running mean square.

    learning_rate : float, length of a step in units of the inverse standard deviations; or "auto"
    decay, square_decay : float, weights that the running means keep at each step
    """

    learning_rate: object = "auto"
    decay: float = 0.9
    square_decay: float = 0.999
    name = "adam"
    full = False
    memory = 1.0  # the moments are plain means over all rows

    def advance(self, problem, state):
        state, gradient, _, point = observed(problem, state, self)
        scales = state.moments.scales()
        gradient = scales * gradient
        first = _decayed(state.first, gradient, self.decay)
        second = _decayed(state.second, gradient**2, self.square_decay)
        n_gradients = state.n_gradients + 1
        mean = first / (1 - self.decay**n_gradients)
        size = np.sqrt(second / (1 - self.square_decay**n_gradients)) + TINY
        step_length = length(problem, state, self.learning_rate)
        if self.learning_rate == "auto":
            step_length *= LONGEST_STEP / np.sqrt(state.moments.size)
        state = state._replace(first=first, second=second, n_gradients=n_gradients)
        return moved(problem, state, -step_length * scales * (mean / size), point)


def _decayed(mean, term, share):
    return (1 - share) * term if mean is None else share * mean + (1 - share) * term
