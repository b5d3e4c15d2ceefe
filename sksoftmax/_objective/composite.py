"""A composite objective: a smooth one plus a nonsmooth penalty, which makes coefficients zero."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sksoftmax._objective.objective import Objective
from sksoftmax._objective.penalties import NonsmoothPenalty, Penalty


class CompositePenalty(NamedTuple):
    """``smooth(theta) + nonsmooth(theta)`` of the penalties alone."""

    smooth: Penalty
    nonsmooth: NonsmoothPenalty

    def value_and_gradient(self, theta):
        """The value of the sum, and the gradient of its smooth part."""
        value, gradient = self.smooth.value_and_gradient(theta)
        return value + self.nonsmooth.value(theta), gradient


@dataclass(frozen=True)
class CompositeObjective:
    """``smooth(theta) + nonsmooth(theta)``.

    smooth : Objective
    nonsmooth : NonsmoothPenalty
    """

    smooth: Objective
    nonsmooth: NonsmoothPenalty

    @property
    def map(self):
        return self.smooth.map

    @property
    def penalty(self):
        """What it has beside the loss."""
        return CompositePenalty(self.smooth.penalty, self.nonsmooth)

    def value_and_gradient(self, theta):
        """The value of the sum, and the gradient of its smooth part."""
        value, gradient = self.smooth.value_and_gradient(theta)
        return value + self.nonsmooth.value(theta), gradient

    def loss_gradient(self, theta, gradient):
        """The gradient of the loss alone, from that of the smooth part."""
        return gradient - self.smooth.penalty.strength * theta

    def rows_of(self, vector):
        """A vector like theta, (n_columns * n_scores,), as rows of a column each."""
        return vector.reshape(self.map.n_columns, self.map.n_scores)

    @property
    def is_free(self):
        """Of each column, whether no part of the penalty holds it, (n_columns,)."""
        return (self.rows_of(self.smooth.penalty.strength)[:, 0] == 0) & (
            self.nonsmooth.l1_strength[:, 0] == 0
        )

    def violations(self, gradient):
        """Of each column, the distance of minus its gradient to the subdifferential at zero."""
        return np.sqrt(np.sum(self.nonsmooth.subdiff_distance(gradient) ** 2, axis=1))

    def free_part(self, theta):
        """The smooth objective on the columns of X that no penalty holds, and theta there."""
        return self.smooth.restricted(np.flatnonzero(self.is_free), theta)

    def on_columns(self, columns, known=None):
        """The objective of these columns alone, all others being zero.

        known : one of the same columns that only has other penalties, which saves a copy of them
        """
        rows = self.rows_of_columns(columns)
        if known is None:
            smooth = self.smooth.on_columns(columns, rows)
        else:
            penalty = self.smooth.penalty.on_columns(rows, self.map.n_scores)
            smooth = replace(known.smooth, penalty=penalty, dtype=self.smooth.dtype)
        return CompositeObjective(smooth, self.nonsmooth.on_columns(rows))

    def rows_of_columns(self, columns):
        """Rows of theta that belong to columns of X, the intercept's included."""
        if not self.map.has_intercept:
            return columns
        return np.append(columns, self.map.n_features)
