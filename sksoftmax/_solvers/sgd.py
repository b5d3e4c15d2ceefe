"""Stochastic gradient descent with a running preconditioner.

Each batch's gradient is turned by the inverse of the curvature seen so far, so that neither scale
nor offset nor correlation of the columns matters from the first batches on, and there is no
learning rate to tune.
"""

from dataclasses import dataclass

from sksoftmax._solvers.stochastic import length, moved, observed

# A preconditioner serves until the weight seen has grown by the fraction GROWTH, or until a moment
# has grown by the factor SURPRISE.
GROWTH = 0.1
SURPRISE = 2.0


@dataclass(frozen=True)
class Sgd:
    """Stochastic gradient descent.

    learning_rate : float, or "auto", by which step sizes fall
    """

    learning_rate: object = "auto"
    name = "sgd"
    full = True
    memory = 3.0  # later rows count for more, since the curvature changes with the model

    def advance(self, problem, state):
        state, gradient, seen, point = observed(problem, state, self)
        state = _renewed(problem, state)
        share = length(problem, state, self.learning_rate)
        damping = state.moments.damping(seen, min(share, 1.0))
        step = damping * state.preconditioner.solve(damping * gradient)
        return moved(problem, state, -share * step, point)


def _renewed(problem, state):
    """The state, with a new preconditioner if one is due."""
    due, diagonal = state.due - problem.total_weight, state.moments.diagonal
    has_grown = state.diagonal is None or (diagonal > SURPRISE * state.diagonal).any()
    if due > 0 and not has_grown:
        return state._replace(due=due)
    due = max(GROWTH * state.known, problem.moments_cost())
    preconditioner = problem.preconditioner_of_moments(state.moments)
    return state._replace(preconditioner=preconditioner, due=due, diagonal=diagonal)
