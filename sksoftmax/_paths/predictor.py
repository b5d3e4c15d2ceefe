"""The predictor of a path: polynomials in log C through the last fits (Park and Hastie 2007)."""

from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.line_search import Point

# Number of fits that a polynomial goes through.
HISTORY = 3


class PathPoint(NamedTuple):
    """A fit of the path: log C, theta, and the loss there with its gradient.

    theta, loss_gradient : ndarrays of shape (n_parameters,)
    """

    log_C: float
    theta: np.ndarray
    loss: float
    loss_gradient: np.ndarray

    @classmethod
    def of(cls, log_C, point, penalty):
        """Of a Point under a penalty, whose value and gradient are subtracted."""
        value, gradient = penalty.value_and_gradient(point.theta)
        return cls(log_C, point.theta, point.value - value, point.gradient - gradient)

    def point(self, penalty):
        """The Point under a penalty."""
        value, gradient = penalty.value_and_gradient(self.theta)
        return Point(self.theta, self.loss + value, self.loss_gradient + gradient)


def extended_history(history, latest):
    """The history with another PathPoint: HISTORY in all, of increasing C."""
    return (*[known for known in history if known.log_C < latest.log_C][1 - HISTORY :], latest)


def extrapolated(history, log_C):
    """The PathPoint at another C, extrapolated by polynomials through those of the history."""
    weights = lagrange_weights([known.log_C for known in history], log_C)
    _, *values = (
        sum(weight * value for weight, value in zip(weights, of_fits, strict=True))
        for of_fits in zip(*history, strict=True)
    )
    return PathPoint(log_C, *values)


def lagrange_weights(nodes, at):
    """The weights of values at ``nodes`` in the value at ``at`` of the polynomial through them."""
    weights = np.ones(len(nodes))
    for i, own in enumerate(nodes):
        for other in nodes:
            if other != own:
                weights[i] *= (at - other) / (own - other)
    return weights
