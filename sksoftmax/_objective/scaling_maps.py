"""The score map of vector scaling.

``X`` holds decision scores here, one column a class, and the scores that come out are the
calibrated ones. The map of matrix scaling is the ``LinearMap`` of regression.
Few parameters make the Hessian cheap: the map adds it up itself.
"""

from dataclasses import dataclass

import numpy as np

from sksoftmax._objective.kernels import variances


@dataclass(frozen=True)
class VectorMap:
    """``scores_k = scale_k * X_k + bias_k``; theta is all scales, then all biases.

    n_scores : number of classes, 3 or more
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
        """``B' (diag(p) - p p') B`` summed, with ``B = [diag(x), I]`` of each row."""
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
        of_scale, _, of_bias = self._moments(X, variances(probability) * weight)
        return np.concatenate([of_scale, of_bias])

    @staticmethod
    def _moments(X, mass):
        """Sums of ``mass x^2``, ``mass x`` and ``mass`` for each class."""
        first = mass * X.T
        return np.einsum("kn,kn->k", first, X.T), first.sum(axis=1), mass.sum(axis=1)
