"""Quadratic models of the smooth objective, that proximal steps minimise.

Preconditioners are solved with; models are multiplied with, and offer ``scale``: an upper
bound, column by column and the same for all classes, on the curvature of each parameter alone.
"""

from dataclasses import dataclass, replace

import numpy as np

from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.preconditioners import Factor

# Of a parameter's own curvature, beside what the product of two matrices says.
LEAST_STRETCH = 1e-6
# Rounding of a sum of squares, which may be at most this share of the curvature that is expected.
ROUNDING = 1e-13
MOST_ROUNDING = 0.01


@dataclass(frozen=True)
class ProductModel:
    """``D (columns (x) classes) D`` plus the ridge, D being the diagonal matrix ``stretch``.

    columns : ndarray of shape (n_columns, n_columns)
    classes : ndarray of shape (n_scores, n_scores)
    strength : ndarray of shape (n_columns, 1)
    stretch : ndarray of shape (n_columns, n_scores), or 1
    """

    columns: np.ndarray
    classes: np.ndarray
    strength: np.ndarray
    stretch: np.ndarray | float = 1.0
    is_exact = False

    @property
    def scale(self):
        steepest = np.linalg.eigvalsh(self.classes)[-1]
        largest = np.atleast_2d(self.stretch).max(axis=1)
        return steepest * np.diag(self.columns) * largest**2 + self.strength[:, 0]

    def apply(self, vector):
        rows = vector.reshape(len(self.columns), -1)
        image = self.columns @ (self.stretch * rows) @ self.classes
        return (self.stretch * image + self.strength * rows).ravel()


@dataclass(frozen=True)
class FullModel:
    """The Hessian itself.

    matrix : ndarray of shape (n_parameters, n_parameters)
    """

    matrix: np.ndarray
    n_scores: int
    is_exact = True

    @property
    def scale(self):
        return np.diag(self.matrix).reshape(-1, self.n_scores).max(axis=1)

    def apply(self, vector):
        return self.matrix @ vector

    def solve(self, places, more, vector):
        """The solution of a system of some of the parameters, with more curvature."""
        return Factor.of(self.matrix[np.ix_(places, places)] + more).solve(vector)


@dataclass(frozen=True)
class DiagonalModel:
    """One positive number for each parameter, (n_columns, n_scores)."""

    diagonal: np.ndarray
    is_exact = False

    @property
    def scale(self):
        return self.diagonal.max(axis=1)

    def apply(self, vector):
        return self.diagonal.ravel() * vector


def model(objective, theta, free, slow=False, near=False):
    """The curvature at theta in the dearest form that pays.

    free : of each column, whether no penalty holds it
    slow : whether cheaper models have taken many steps
    near : whether theta is near the optimum
        A product of two matrices is stretched then to the Hessian's own diagonal, which knows the
        columns that only some of the classes use: paths on text take 1.6 times as many steps
        without. Far from the optimum the least curvatures are those of rows that a wrong model is
        sure of, and steps would be far too long.
    """
    n_scores = objective.map.n_scores
    if costs.is_small(objective) or (slow and costs.hessian_model_is_affordable(objective)):
        return hessian(objective, theta, free)
    if not costs.model_is_affordable(objective):
        diagonal = approximations.diagonal(objective, theta).diagonal
        return DiagonalModel(diagonal.reshape(-1, n_scores))
    classes, columns = approximations.kronecker_factors(objective, theta)
    strength = objective.penalty.strength.reshape(-1, n_scores)[:, :1]
    product = ProductModel(columns, classes, strength)
    return replace(product, stretch=_stretch(objective, theta, product)) if near else product


def _stretch(objective, theta, product):
    """What makes the diagonal of a ProductModel that of the Hessian, (n_columns, n_scores).

    1 where the mean of a column is so far from zero that its squares about it are rounding.
    """
    expected = np.outer(np.diag(product.columns), np.diag(product.classes))
    known = expected > np.finfo(np.float64).tiny
    squares, center = approximations.class_squares(objective, theta), objective.map.center
    if center is not None:
        shift = np.append(center, 0.0)[:, None]
        known &= MOST_ROUNDING * expected > ROUNDING * squares[-1] * shift**2
    ratio = np.divide(squares, expected, out=np.ones_like(squares), where=known)
    return np.sqrt(np.clip(ratio, LEAST_STRETCH, 1 / LEAST_STRETCH))


def hessian(objective, theta, free):
    """The Hessian at theta as a model.

    With curvature where nothing holds the same shift of all classes, which has no gradient there.
    """
    if objective.map.n_scores == 1:
        matrix = approximations.lower_moments(objective, theta)
    else:
        matrix = approximations.joint_moments(objective, theta, free)
    matrix[np.diag_indices_from(matrix)] += objective.penalty.strength
    return FullModel(matrix, objective.map.n_scores)


def column_scales(objective):
    """Bounds on the curvature of every column, everywhere, in one cheap pass."""
    diagonal = approximations.bohning_diagonal(objective).diagonal
    return diagonal.reshape(-1, objective.map.n_scores)[:, 0]
