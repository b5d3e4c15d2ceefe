"""Score maps: how parameters and features make the scores of a block.

A map carries theta, a flat float64 vector that solvers move about in, forward to class-major
scores and residuals back to the gradient: ``backward`` is the transpose of ``forward``.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from sksoftmax._objective.kernels import class_major_scores


class ScoreMap(Protocol):
    """Scores of a block as a linear function of theta."""

    def initial(self): ...

    def prepare(self, theta, dtype): ...

    def forward(self, prepared, X): ...

    def backward(self, X, residual): ...

    def gradient(self, sums): ...


class Affine(NamedTuple):
    """Coefficients (n_features, n_scores) and intercepts (n_scores, 1) in a block's dtype."""

    coef_t: np.ndarray
    intercept: np.ndarray


@dataclass(frozen=True)
class LinearMap:
    """``scores = (X - center) @ coef.T + intercept``, the map of softmax regression.

    theta is the (n_columns, n_scores) matrix of coefficients, transposed, with the intercepts as
    its last row if there are any, flattened: the layout in which the products with X need no copy.
    Centring costs nothing, since it is done to the intercept and to the gradient instead of to X,
    and makes both independent of the columns' offsets.

    n_scores : number of classes, or 1 for two classes
    n_features : columns of X
    center : ndarray of shape (n_features,), the columns' means; None where there is no intercept
    """

    n_scores: int
    n_features: int
    center: np.ndarray | None = None
    hessian_sums = None  # made of columns and probabilities apart, by ``curvature``

    @property
    def has_intercept(self):
        return self.center is not None

    @property
    def n_columns(self):
        return self.n_features + self.has_intercept

    @property
    def n_parameters(self):
        return self.n_scores * self.n_columns

    @property
    def uniform_cross_entropy(self):
        """The cross-entropy of even probabilities."""
        return float(np.log(max(2, self.n_scores)))

    def initial(self):
        return np.zeros(self.n_parameters)

    def split(self, theta):
        """Views of theta: coefficients (n_scores, n_features), intercepts (n_scores,) or None."""
        matrix = theta.reshape(self.n_columns, self.n_scores)
        if not self.has_intercept:
            return matrix.T, None
        return matrix[:-1].T, matrix[-1]

    def join(self, coef, intercept):
        """Theta from coefficients and intercepts at the center."""
        theta = self.initial()
        own_coef, own_intercept = self.split(theta)
        own_coef[:] = coef
        if self.has_intercept:
            own_intercept[:] = intercept
        return theta

    def shift_part(self, vector):
        """The mean over classes of a vector like theta: a shift that changes no probability."""
        if self.n_scores == 1:
            return np.zeros_like(vector)
        means = vector.reshape(self.n_columns, self.n_scores).mean(axis=1)
        return np.repeat(means, self.n_scores)

    def sum_to_zero(self, vector):
        """The projection of a vector like theta on those that sum to zero over the classes."""
        return vector - self.shift_part(vector)

    def recentred(self, theta, shift):
        """The same scores' theta for a center that is moved by ``shift``."""
        theta = theta.copy()
        coef, intercept = self.split(theta)
        intercept += coef @ shift
        return theta

    def prepare(self, theta, dtype):
        coef, intercept = self.split(theta)
        coef_t = coef.T.astype(dtype, copy=False)
        shift = np.zeros(self.n_scores) if intercept is None else intercept - coef @ self.center
        return Affine(coef_t, shift.astype(dtype)[:, None])

    @staticmethod
    def forward(prepared, X):
        """Class-major scores, (n_scores, n_rows), a fresh array."""
        return class_major_scores(X, *prepared)

    @staticmethod
    def backward(X, residual):
        """The two sums over rows of which a gradient is made, in float64."""
        return (
            np.asarray(residual @ X, dtype=np.float64),
            residual.sum(axis=1, dtype=np.float64),
        )

    def gradient(self, sums):
        by_coef, by_intercept = sums
        if not self.has_intercept:
            return by_coef.T.ravel()
        gradient = np.empty((self.n_columns, self.n_scores))
        np.multiply(self.center[:, None], -by_intercept, out=gradient[:-1])
        gradient[:-1] += by_coef.T
        gradient[-1] = by_intercept
        return gradient.ravel()
