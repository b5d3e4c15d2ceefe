"""Score maps: how parameters and features make the scores of a block.

``forward`` makes scores of theta, a float64 vector (n_parameters,), and of a block's X.
``backward``, its transpose, makes of residuals the sums from which the gradient is made.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from sksoftmax._objective.kernels import class_major_scores


class ScoreMap(Protocol):
    """Scores of a block as a linear function of theta."""

    def initial(self):
        """The theta at which fits start, (n_parameters,)."""

    def prepare(self, theta, dtype):
        """What `forward` needs of theta, in the dtype of its products."""

    def forward(self, prepared, X):
        """The scores of a block, a fresh array of shape (n_scores, n_rows)."""

    def backward(self, X, residual):
        """Sums over a block's rows, from residuals of shape (n_scores, n_rows)."""

    def gradient(self, sums):
        """The gradient, (n_parameters,), from the sums of all blocks."""


class Affine(NamedTuple):
    """Coefficients (n_features, n_scores) and intercepts (n_scores, 1) in a block's dtype."""

    coef_t: np.ndarray
    intercept: np.ndarray


@dataclass(frozen=True)
class LinearMap:
    """``scores = (X - center) @ coef.T + intercept``, the map of softmax regression.

    theta is the matrix (n_columns, n_scores) of the transposed coefficients, with the intercepts as
    its last row if there are any, flattened: in this layout products with X need no copy. Centring
    makes intercepts and curvature independent of the columns' offsets. It costs nothing, since not
    X is centred but the intercept in `prepare` and the gradient in `gradient`.

    n_scores : int, number of classes, or 1 for two classes
    n_features : int, columns of X
    center : ndarray of shape (n_features,), the columns' means; None where there is no intercept
    """

    n_scores: int
    n_features: int
    center: np.ndarray | None = None
    hessian_sums = None  # the Hessian is made by ``_curvature``

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
        """The cross-entropy of equal probabilities of all classes."""
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
        """Theta from coefficients (n_scores, n_features) and intercepts at the center."""
        theta = self.initial()
        own_coef, own_intercept = self.split(theta)
        own_coef[:] = coef
        if self.has_intercept:
            own_intercept[:] = intercept
        return theta

    def shift_part(self, vector):
        """The part of a vector (n_parameters,) that all classes share, its mean over classes.

        A step along it changes no probability. Two classes have none.
        """
        if self.n_scores == 1:
            return np.zeros_like(vector)
        means = vector.reshape(self.n_columns, self.n_scores).mean(axis=1)
        return np.repeat(means, self.n_scores)

    def sum_to_zero(self, vector):
        """A vector (n_parameters,) without its `shift_part`."""
        return vector - self.shift_part(vector)

    def recentred(self, theta, shift):
        """The theta of the same scores for the center plus ``shift``, (n_features,)."""
        theta = theta.copy()
        coef, intercept = self.split(theta)
        intercept += coef @ shift
        return theta

    def prepare(self, theta, dtype):
        """`Affine` for columns about zero."""
        coef, intercept = self.split(theta)
        coef_t = coef.T.astype(dtype, copy=False)
        shift = np.zeros(self.n_scores) if intercept is None else intercept - coef @ self.center
        return Affine(coef_t, shift.astype(dtype)[:, None])

    @staticmethod
    def forward(prepared, X):
        """Scores, (n_scores, n_rows), a fresh array."""
        return class_major_scores(X, *prepared)

    @staticmethod
    def backward(X, residual):
        """Sums by coefficient (n_scores, n_features) and by intercept (n_scores,), in float64."""
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
