"""The composite objective: a smooth one plus a nonsmooth penalty, which makes coefficients zero."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sksoftmax._objective.objective import Objective
from sksoftmax._objective.penalties import NonsmoothPenalty, Penalty


class CompositeSum(NamedTuple):
    """``smooth(theta) + nonsmooth(theta)``, the smooth part being an Objective or a Penalty."""

    smooth: Objective | Penalty
    nonsmooth: NonsmoothPenalty

    def value_and_gradient(self, theta):
        """The value of the sum, and the gradient of its smooth part."""
        value, gradient = self.smooth.value_and_gradient(theta)
        return value + self.nonsmooth.value(theta), gradient


@dataclass(frozen=True)
class CompositeObjective:
    """``smooth(theta) + nonsmooth(theta)``, with its columns and those of them without a penalty.

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
        """The sum of both penalties, without the loss."""
        return CompositeSum(self.smooth.penalty, self.nonsmooth)

    def value_and_gradient(self, theta):
        """The value of the sum, and the gradient of its smooth part."""
        return CompositeSum(self.smooth, self.nonsmooth).value_and_gradient(theta)

    def loss_gradient(self, theta, gradient):
        """The gradient of the loss alone, (n_parameters,), from that of the smooth part."""
        return gradient - self.smooth.penalty.strength * theta

    def rows_of(self, vector):
        """A vector (n_parameters,) as a row for each column: (n_columns, n_scores)."""
        return vector.reshape(self.map.n_columns, self.map.n_scores)

    @property
    def is_free(self):
        """A mask, of shape (n_columns,), of the columns without a penalty."""
        return (self.rows_of(self.smooth.penalty.strength)[:, 0] == 0) & (
            self.nonsmooth.l1_strength[:, 0] == 0
        )

    def violations(self, gradient):
        """The distance of minus the gradient to the subdifferential at zero, (n_columns,)."""
        return np.sqrt(np.sum(self.nonsmooth.subdiff_distance(gradient) ** 2, axis=1))

    def free_part(self, theta):
        """The smooth objective on the columns of X without a penalty, and theta there."""
        return self.smooth.restricted(np.flatnonzero(self.is_free), theta)

    def on_columns(self, columns, known=None):
        """The objective on some columns of X, the coefficients of all others being zero.

        columns : ndarray of int
        known : CompositeObjective on these columns, optional
            With other penalties; it saves a copy of the columns.
        """
        rows = self.rows_of_columns(columns)
        if known is None:
            smooth = self.smooth.on_columns(columns, rows)
        else:
            penalty = self.smooth.penalty.on_columns(rows, self.map.n_scores)
            smooth = replace(known.smooth, penalty=penalty, dtype=self.smooth.dtype)
        return CompositeObjective(smooth, self.nonsmooth.on_columns(rows))

    def rows_of_columns(self, columns):
        """Indices of the rows of theta that belong to columns of X, the intercept's included."""
        if not self.map.has_intercept:
            return columns
        return np.append(columns, self.map.n_features)
