"""The curvature of softmax regression, exact where the model looks and averaged elsewhere.

The classes' part of the Hessian depends on a row by its scores alone, which are its columns along
the few directions that the coefficients span. So a row is split into what lies along these and
what is uncorrelated with it. For the former the Hessian is taken as it is, a small matrix. For the
latter rows and classes are taken apart, ``mean_i (diag(p_i) - p_i p_i') (x) mean_i x_i x_i'``:
exact where what the model doesn't look at has nothing to do with what it does, as in normal
columns. On skewed columns it is little better than `curvature.averaged`, and a matrix on columns
for each class better than both, at many times the price.

The coordinates, in which the columns' second moments and the ridge are both diagonal, are made
once for all thetas and strengths of the ridge. A metric then takes a pass over a few rows and a
small matrix.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from sksoftmax.curvature import class_curvature, joint_products, probabilities_at
from sksoftmax.maps import Affine
from sksoftmax.rows import every

# Side of the small matrix, and rows for each of it.
MOST_EXACT = 200
ROWS_A_PARAMETER = 20
FEWEST_ROWS = 1000
# Directions shorter than this beside the longest span nothing but rounding.
LEAST_LENGTH = 1e-6
# Of the ridge that is added to moments, beside the largest column's.
LEAST_SIZE = 1e-8
# Curvatures of classes smaller than this beside their mean are noise.
LEAST_CURVATURE = 1e-6


@dataclass(frozen=True)
class UnitColumns:
    """Coordinates in which the columns' second moments and the ridge are both diagonal.

    They add up to one: ``spread + least * stiffness = 1``, with some of the ridge added to the
    moments, of which a factor is then taken. Collinear columns have a spread of zero.

    inside, outside : ndarray of shape (n_columns, n_columns), inverse to each other
        ``x @ inside`` are a row's coordinates, ``outside @ w`` those of a coefficient.
    spread : ndarray of shape (n_columns,), second moments
    stiffness : ndarray of shape (n_columns,), a ridge of strength 1
    """

    inside: np.ndarray
    outside: np.ndarray
    spread: np.ndarray
    stiffness: np.ndarray

    @classmethod
    def of(cls, moments, penalised):
        """Of columns with these second moments, some of which a ridge holds."""
        sizes = np.diag(moments)[penalised]
        added = max(sizes.min(), LEAST_SIZE * sizes.max())
        matrix = moments.copy()
        matrix[penalised, penalised] += added
        root = scipy.linalg.cholesky(matrix, check_finite=False)
        inverse = scipy.linalg.solve_triangular(root, np.eye(len(root)), check_finite=False)
        spread, rotation = np.linalg.eigh(inverse.T @ moments @ inverse)
        spread = np.clip(spread, 0.0, 1.0)
        return cls(inverse @ rotation, rotation.T @ root, spread, (1 - spread) / added)

    def curvature(self, objective, theta):
        """The metrics at theta, by the strength of the ridge."""
        coef = theta.reshape(len(self.inside), objective.map.n_scores)
        coef = self.outside @ (coef - coef.mean(axis=1, keepdims=True))
        directions, span = self._orthonormal(coef)
        if objective.map.has_intercept:
            room = max(MOST_EXACT // coef.shape[1] - 1, 1)
            joint = np.column_stack([directions[:, :room], self.outside[:, -1]])
            directions, span = self._orthonormal(joint)
        exact, classes = _moments(objective, theta, self.inside @ directions)
        return SpannedCurvature.of(self, span, exact, classes)

    def _orthonormal(self, directions):
        """What directions span, such that scores along them are uncorrelated, the longest first.

        And their images under the moments.
        """
        root = np.sqrt(self.spread)[:, None]
        left, lengths, right = np.linalg.svd(root * directions, full_matrices=False)
        kept = lengths > LEAST_LENGTH * lengths[0]
        return directions @ (right[kept].T / lengths[kept]), root * left[:, kept]


def _moments(objective, theta, directions):
    """The Hessian of a few directions, (d, K, d, K), and the mean curvature of the classes."""
    score_map = objective.map
    at = probabilities_at(objective, theta)
    size = score_map.n_scores * directions.shape[1]
    stride = max(1, objective.n_rows // max(FEWEST_ROWS, ROWS_A_PARAMETER * size))
    along, shift = directions, np.zeros(directions.shape[1])
    if score_map.has_intercept:
        along = directions[:-1]
        shift = directions[-1] - score_map.center @ along
    prepared = Affine(along.astype(objective.dtype), shift[:, None].astype(objective.dtype))

    def block_sums(block):
        block = every(stride, block)
        probability = at(block)
        columns = score_map.forward(prepared, block.X).T
        exact = joint_products(columns, probability, block.weight)
        return exact, class_curvature(probability, block.weight)

    exact, (frequency, agreement) = objective.rows.sum(block_sums)
    total = frequency.sum()
    shape = (directions.shape[1], score_map.n_scores) * 2
    return exact.reshape(shape) / total, (np.diag(frequency) - agreement) / total


@dataclass(frozen=True)
class SpannedCurvature:
    """The curvature at a theta; called with the strength of a ridge it is a metric.

    units : UnitColumns
    span : ndarray of shape (n_columns, d), images of the directions
    rotation : ndarray of shape (n_scores, n_scores - 1), what sums to zero over classes
    mean : ndarray of shape (n_scores - 1,), the mean curvatures in the rotation's directions
    excess : square matrix of side ``d * (n_scores - 1)``, what the Hessian has more in the span
    """

    units: UnitColumns
    span: np.ndarray
    rotation: np.ndarray
    mean: np.ndarray
    excess: np.ndarray

    @classmethod
    def of(cls, units, span, exact, classes):
        n_classes, d = len(classes), span.shape[1]
        sums_to_zero = scipy.linalg.null_space(np.ones((1, n_classes)))
        mean, rotation = np.linalg.eigh(sums_to_zero.T @ classes @ sums_to_zero)
        mean = np.maximum(mean, LEAST_CURVATURE * max(mean.mean(), np.finfo(float).tiny))
        rotation = sums_to_zero @ rotation
        excess = np.einsum("kr,akbl,ls->arbs", rotation, exact, rotation, optimize=True)
        excess = excess.reshape((d * (n_classes - 1),) * 2)
        excess[np.diag_indices_from(excess)] -= np.tile(mean, d)
        return cls(units, span, rotation, mean, excess)

    def __call__(self, strength):
        """The metric with a ridge of strength (n_parameters,), the same for all it holds."""
        spread = np.maximum(self.units.spread, np.finfo(np.float64).eps)
        diagonal = np.outer(spread, self.mean) + strength.max() * self.units.stiffness[:, None]
        n_classes = len(self.mean)
        inner = (self.span.T / diagonal.T[:, None, :]) @ self.span  # (n_scores - 1, d, d)
        product = self.excess.reshape(len(self.excess), -1, n_classes).transpose(2, 0, 1) @ inner
        product = product.transpose(1, 2, 0).reshape(self.excess.shape)
        product[np.diag_indices_from(product)] += 1
        core = np.linalg.solve(product, self.excess)
        return SpannedMetric(self.units.inside, self.rotation, diagonal, self.span, core)


@dataclass(frozen=True)
class SpannedMetric:
    """The inverse, by Woodbury's identity, of a diagonal plus a small matrix in a span."""

    inside: np.ndarray
    rotation: np.ndarray
    diagonal: np.ndarray
    span: np.ndarray
    core: np.ndarray

    def solve(self, vector):
        matrix = vector.reshape(*vector.shape[:-1], len(self.inside), -1)
        matrix = self.inside.T @ (matrix @ self.rotation) / self.diagonal
        within = self.span.T @ matrix
        within = (within.reshape(*vector.shape[:-1], -1) @ self.core.T).reshape(within.shape)
        matrix -= (self.span @ within) / self.diagonal
        return (self.inside @ matrix @ self.rotation.T).reshape(vector.shape)
