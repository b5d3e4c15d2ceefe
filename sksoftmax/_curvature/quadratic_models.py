"""Quadratic models of the smooth objective, which proximal steps minimise.

A model has ``apply``, its product with a vector like theta, and ``scale``, an ndarray of shape
(n_columns,): the diagonal of the model or more, the same for all classes.
"""

from dataclasses import dataclass, replace

import numpy as np

from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.preconditioners import Factor

# Smallest ratio, and inverse of the largest, of a parameter's curvature to that of the product.
LEAST_STRETCH = 1e-6
# Rounding of a sum of squares, relative to it, and how much of the product's curvature it may be.
ROUNDING = 1e-13
MOST_ROUNDING = 0.01


@dataclass(frozen=True)
class ProductModel:
    """``D (columns (x) classes) D`` plus the ridge, with a diagonal matrix D, ``stretch``.

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
    """The Hessian.

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

    def solve(self, indices, added, vector):
        """The inverse of the block of some parameters plus another matrix, times a vector.

        indices : ndarray of int of shape (n,), the parameters
        added, vector : ndarrays of shape (n, n) and (n,)
        """
        return Factor.of(self.matrix[np.ix_(indices, indices)] + added).solve(vector)


@dataclass(frozen=True)
class DiagonalModel:
    """A diagonal matrix.

    diagonal : ndarray of shape (n_columns, n_scores), positive
    """

    diagonal: np.ndarray
    is_exact = False

    @property
    def scale(self):
        return self.diagonal.max(axis=1)

    def apply(self, vector):
        return self.diagonal.ravel() * vector


def model(objective, theta, free, slow=False, near=False):
    """The model of the curvature at theta that costs the least time in all.

    free : ndarray of bool of shape (n_columns,), the columns without a penalty
    slow : whether cheaper models have taken many steps
    near : whether theta is near the optimum
        A ProductModel then has the diagonal of the Hessian, which tells which classes use a column:
        paths on text take 1.6 times as many steps without. Far from the optimum some of these
        curvatures are too small, of rows for which a wrong model gives probabilities near 0 and 1,
        and steps would be far too long.
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
    """The stretch that gives a ProductModel the diagonal of the Hessian, (n_columns, n_scores).

    It is 1 where the mean of a column is so large that its squares about the mean are rounding.
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

    In columns without a penalty a shift of all classes is given curvature, so that the matrix is
    not singular; no gradient has a part in that shift.
    """
    if objective.map.n_scores == 1:
        matrix = approximations.lower_moments(objective, theta)
    else:
        matrix = approximations.joint_moments(objective, theta, free)
    matrix[np.diag_indices_from(matrix)] += objective.penalty.strength
    return FullModel(matrix, objective.map.n_scores)


def column_scales(objective):
    """An upper bound on each column's curvature at every theta, (n_columns,)."""
    diagonal = approximations.bohning_diagonal(objective).diagonal
    return diagonal.reshape(-1, objective.map.n_scores)[:, 0]
