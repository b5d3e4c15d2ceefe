"""The score map of vector scaling, for calibration.

X holds decision scores here, one column a class, and the map's scores are the calibrated ones.
There are so few parameters that the map adds up its own Hessian. (Matrix scaling has the
``LinearMap`` of regression.)
"""

from dataclasses import dataclass

import numpy as np

from sksoftmax._objective.kernels import variances


@dataclass(frozen=True)
class VectorMap:
    """``scores_k = scale_k * X_k + bias_k``; theta is the scales followed by the biases.

    n_scores : int, number of classes, 3 or more
    """

    n_scores: int
    center = None  # columns are not centred

    @property
    def n_parameters(self):
        return 2 * self.n_scores

    def initial(self):
        return np.repeat([1.0, 0.0], self.n_scores)

    def split(self, theta):
        return theta[: self.n_scores], theta[self.n_scores :]

    def prepare(self, theta, dtype):
        return tuple(part.astype(dtype)[:, None] for part in self.split(theta))

    def forward(self, prepared, X):
        scale, bias = prepared
        scores = np.multiply(X.T, scale, order="C")
        scores += bias
        return scores

    def backward(self, X, residual):
        by_scale = np.einsum("kn,kn->k", X.T, residual)
        return np.concatenate([by_scale, residual.sum(axis=1)])

    def gradient(self, sums):
        return sums

    def hessian_sums(self, X, probability, weight):
        """``sum_i w_i B_i' (diag(p_i) - p_i p_i') B_i`` with ``B_i = [diag(x_i), I]``.

        probability : ndarray of shape (n_scores, n_rows)

        Returns
        -------
        matrix : ndarray of shape (n_parameters, n_parameters)
        """
        joint = np.concatenate([probability * X.T, probability])
        matrix = -(joint * weight) @ joint.T
        of_scale, of_both, of_bias = self._moments(X, probability * weight)
        first, second = np.arange(self.n_scores), self.n_scores + np.arange(self.n_scores)
        matrix[first, first] += of_scale
        matrix[first, second] += of_both
        matrix[second, first] += of_both
        matrix[second, second] += of_bias
        return matrix

    def hessian_diagonal(self, X, probability, weight):
        """The diagonal of `hessian_sums`, (n_parameters,)."""
        of_scale, _, of_bias = self._moments(X, variances(probability) * weight)
        return np.concatenate([of_scale, of_bias])

    @staticmethod
    def _moments(X, mass):
        """Sums of ``mass x^2``, ``mass x`` and ``mass`` over the rows, (n_scores,) each."""
        first = mass * X.T
        return np.einsum("kn,kn->k", first, X.T), first.sum(axis=1), mass.sum(axis=1)
