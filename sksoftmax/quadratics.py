"""Quadratic models of the smooth objective, that proximal steps minimise.

Metrics are solved with; models are multiplied with, and offer ``scale``: an upper bound, column by
column and the same for all classes, on the curvature of each parameter alone.
"""

from dataclasses import dataclass

import numpy as np

from sksoftmax import curvature, prices


@dataclass(frozen=True)
class ProductModel:
    """A matrix on columns times a matrix on classes, plus the ridge.

    columns : ndarray of shape (n_columns, n_columns)
    classes : ndarray of shape (n_scores, n_scores)
    strength : ndarray of shape (n_columns, 1)
    """

    columns: np.ndarray
    classes: np.ndarray
    strength: np.ndarray

    @property
    def scale(self):
        steepest = np.linalg.eigvalsh(self.classes)[-1]
        return steepest * np.diag(self.columns) + self.strength[:, 0]

    def apply(self, vector):
        rows = vector.reshape(len(self.columns), -1)
        return (self.columns @ rows @ self.classes + self.strength * rows).ravel()


@dataclass(frozen=True)
class DiagonalModel:
    """One positive number for each parameter, (n_columns, n_scores)."""

    diagonal: np.ndarray

    @property
    def scale(self):
        return self.diagonal.max(axis=1)

    def apply(self, vector):
        return self.diagonal.ravel() * vector


def model(objective, theta):
    """The curvature at theta in the dearest form that pays."""
    n_scores = objective.map.n_scores
    if not prices.model_is_affordable(objective):
        diagonal = curvature.diagonal(objective, theta).diagonal
        return DiagonalModel(diagonal.reshape(-1, n_scores))
    classes, columns = curvature.averaged_moments(objective, theta)
    strength = objective.penalty.strength.reshape(-1, n_scores)[:, :1]
    return ProductModel(columns, classes, strength)


def column_scales(objective):
    """Bounds on the curvature of every column, everywhere, in one cheap pass."""
    diagonal = curvature.diagonal_bound(objective).diagonal
    return diagonal.reshape(-1, objective.map.n_scores)[:, 0]
