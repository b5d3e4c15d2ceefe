"""Running moments of the rows of a stream, of which its preconditioner is made.

The Hessian is ``mean_i (diag(p_i) - p_i p_i') (x) x_i x_i'``. Where the model holds it is, in
expectation, also ``mean_i r_i r_i' (x) x_i x_i'`` with the residuals ``r_i = p_i - y_i``. The
second is larger where the model does not hold: a class that turns up late has no probability and
hence no curvature, but it has residuals. The mean of both is right near the optimum, and makes
steps shorter elsewhere. It is approximated by the Kronecker product of a matrix on classes and one
on columns, as in ``approximations.kronecker``.

Row i has the curvature ``c_i``, the mean over classes of ``(p_ik (1 - p_ik) + r_ik^2) / 2``.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.moments import Centring, centred_columns, gram
from sksoftmax._curvature.preconditioners import DiagonalPreconditioner
from sksoftmax._objective.kernels import cross_entropy_residual, restored, variances
from sksoftmax._objective.rows import strided

TINY = np.finfo(np.float64).tiny
# Standard deviation of a column, in units of rounding of its center, up to which it is constant.
ROUNDING = 8
# Factor by which a batch must raise the moment of a column or class for its gradient to be damped.
STRANGE = 2.0
# Largest factor by which a batch may raise the moment of a column of which KNOWN_ROWS rows were
# seen: an outlier would raise it by more.
MOST_GROWTH = 10.0
KNOWN_ROWS = 30
# Fraction of the diagonal that is always added, so that steps along collinear columns stay short.
COLLINEAR = 1e-8


@dataclass(frozen=True)
class FullColumns:
    """Second moments of the columns, with the intercept's 1 as the last.

    matrix : ndarray of shape (n_columns, n_columns), ``mean_i c_i x_i x_i'`` about the center
    """

    matrix: np.ndarray

    @property
    def diagonal(self):
        return np.diagonal(self.matrix)

    @property
    def offset(self):
        """Means of the columns about the center, (n_features,)."""
        return self.matrix[-1, :-1] / max(self.matrix[-1, -1], TINY)

    def blended(self, other, share):
        return FullColumns((1 - share) * self.matrix + share * other.matrix)

    def scaled(self, factors):
        return FullColumns(self.matrix * factors * factors[:, None])

    def recentred(self, shift):
        to_new = np.eye(len(self.matrix))
        to_new[:-1, -1] = -shift
        return FullColumns(to_new @ self.matrix @ to_new.T)

    def preconditioner(self, classes, scale, extra, objective):
        return approximations.product(classes, self.matrix * scale + np.diag(extra), objective)


@dataclass(frozen=True)
class PlainColumns:
    """The diagonal of the matrix of `FullColumns`, and its last row.

    diagonal, first : ndarrays of shape (n_columns,), ``mean_i c_i x_i^2`` and ``mean_i c_i x_i``
    """

    diagonal: np.ndarray
    first: np.ndarray

    @property
    def offset(self):
        return self.first[:-1] / max(self.first[-1], TINY)

    def blended(self, other, share):
        return PlainColumns(
            (1 - share) * self.diagonal + share * other.diagonal,
            (1 - share) * self.first + share * other.first,
        )

    def scaled(self, factors):
        return PlainColumns(self.diagonal * factors**2, self.first * factors)

    def recentred(self, shift):
        first, diagonal, mass = self.first.copy(), self.diagonal.copy(), self.first[-1]
        diagonal[:-1] += shift * (shift * mass - 2 * first[:-1])
        first[:-1] -= shift * mass
        return PlainColumns(np.maximum(diagonal, 0), first)

    def preconditioner(self, classes, scale, extra, objective):
        diagonal = np.outer(self.diagonal * scale + extra, np.diagonal(classes))
        diagonal += objective.penalty.strength.reshape(diagonal.shape)
        return DiagonalPreconditioner(np.maximum(diagonal, TINY))


@dataclass(frozen=True)
class Moments:
    """Running means over the rows of a stream.

    columns : FullColumns or PlainColumns
    classes : ndarray of shape (n_scores, n_scores)
        ``mean_i (diag(p_i) - p_i p_i' + r_i r_i') / 2``.
    n_rows : float, the number of rows seen; inf if they are all that there are
    """

    columns: object
    classes: np.ndarray
    n_rows: float

    @classmethod
    def expected(cls, columns, n_rows):
        """The moments that are expected before a stream's first batch.

        columns : ndarray of shape (n_columns,), mean squares; 0 where they are not known
        n_rows : float, the number of rows that the expectation counts for
        """
        return cls(PlainColumns(columns, np.zeros(len(columns))), np.eye(1), n_rows)

    def blended(self, other, share):
        """``(1 - share) * these + share * other``."""
        return Moments(
            self.columns.blended(other.columns, share),
            (1 - share) * self.classes + share * other.classes,
            self.n_rows + other.n_rows,
        )

    def scaled(self, factors):
        """The moments as if each column were multiplied by its factor."""
        return replace(self, columns=self.columns.scaled(factors))

    def restrained(self, other, share):
        """Factors for the columns of a batch, (n_columns,), below 1 for outliers.

        By them its moments raise these by a factor of MOST_GROWTH at most.

        other : Moments of the batch
        share : its weight when they are blended
        """
        own, new = self.units, share * other.units
        large = (new > MOST_GROWTH * own) & (own > 0) & (KNOWN_ROWS <= self.n_rows < np.inf)
        ratio = np.divide(MOST_GROWTH * own, new, out=np.ones_like(own), where=large)
        return np.sqrt(ratio)

    @property
    def units(self):
        """Means of the columns' squares, weighted by ``c_i``: (n_columns,), 1 for the intercept."""
        return self.columns.diagonal / self.mass

    def of_all(self):
        """These as the moments of all rows that there are, and not of a sample."""
        return replace(self, n_rows=np.inf)

    def recentred(self, shift):
        return replace(self, columns=self.columns.recentred(shift))

    @property
    def size(self):
        """Number of columns that were not constant so far, the intercept's among them."""
        return max(1, np.count_nonzero(self.columns.diagonal))

    @property
    def mass(self):
        """The mean of ``c_i`` over the rows."""
        return max(float(np.trace(self.classes)) / len(self.classes), TINY)

    @property
    def diagonal(self):
        """The diagonals of columns and of classes, one after the other."""
        return np.concatenate([self.columns.diagonal, np.diagonal(self.classes)])

    def preconditioner(self, objective):
        """The preconditioner; the fewer the rows, the more is added to its diagonal."""
        columns = self.columns.diagonal
        extra = columns * (self.size / self.n_rows + COLLINEAR) / self.mass
        return self.columns.preconditioner(self.classes, 1 / self.mass, extra, objective)

    def damping(self, other, share):
        """Factors for gradient and step, (n_parameters,), below 1 for new columns and classes.

        These moments are near zero for a column or class that was hardly seen before, so that steps
        along it would be far too long. Those of the gradient's own rows tell how much.

        other : Moments of the batch that the gradient is of
        share : its weight when they are blended
        """
        columns = _damping(self.columns.diagonal, other.columns.diagonal, share)
        classes = _damping(np.diagonal(self.classes), np.diagonal(other.classes), share)
        return np.outer(columns, classes).ravel()

    def scales(self):
        """Units of the parameters, (n_parameters,): one over the columns' standard deviations."""
        deviation = np.sqrt(self.units)
        unit = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        return np.repeat(unit, len(self.classes))


def _damping(own, other, share):
    # Exactly 1 for all that is known: factors that differ would separate collinear columns.
    new = share * other > STRANGE * own
    damping = np.divide(STRANGE * own, share * other, out=np.ones_like(own), where=new)
    return np.where(own > 0, np.sqrt(damping), 0.0)


def observe(objective, theta, full):
    """The value, gradient and Moments of a batch at theta, in one pass.

    full : whether moments between columns are made too
    """
    prepared = objective.map.prepare(theta, objective.dtype)
    forward, backward = objective.map.forward, objective.map.backward
    centring, least = Centring.of(objective), _least(objective)
    stride = costs.moments_stride(objective) if full else 1
    of_columns = _full if full else _plain

    def block_sums(block):
        scores = forward(prepared, block.X)
        loss = cross_entropy_residual(scores, block.target, block.weight)
        some = strided(stride, block)
        classes, row_curvature = _curvatures(scores[:, ::stride], some)
        columns = of_columns(some.X, row_curvature, centring, least)
        return loss, backward(block.X, scores), classes, columns

    loss, sums, classes, columns = objective.rows.sum(block_sums)
    value, gradient = objective.penalty.value_and_gradient(theta)
    gradient += objective.map.gradient(sums) / objective.total_weight
    share = stride / objective.total_weight
    kind = FullColumns if full else PlainColumns
    moments = Moments(
        kind(*(share * part for part in columns)), share * classes, objective.n_rows / stride
    )
    return value + loss / objective.total_weight, gradient, moments


def _curvatures(residual, block):
    """The sum of the classes' matrices, and ``w_i c_i`` of each row.

    residual : ndarray of shape (n_scores, n_rows), of the weighted rows of the block

    Returns
    -------
    classes, row_curvature : ndarrays of shape (n_scores, n_scores) and (n_rows,)
    """
    residual, probability = restored(residual, block.target, block.weight)
    classes = np.asarray((residual * block.weight) @ residual.T, dtype=np.float64)
    row_curvature = variances(probability)
    if len(probability) == 1:
        classes += row_curvature[0] @ block.weight
    else:
        weighted = probability * block.weight
        classes += np.diag(weighted.sum(axis=1)) - weighted @ probability.T
    row_curvature += np.square(residual, out=residual)
    return 0.5 * classes, 0.5 * row_curvature.mean(axis=0) * block.weight


def _full(X, row_curvature, centring, least):
    """The sum of which `FullColumns` is made, zero for columns that are constant."""
    matrix = gram(centred_columns(X, centring), row_curvature)
    constant = _are_constant(matrix.diagonal(), least)
    matrix[constant] = 0
    matrix[:, constant] = 0
    return (matrix,)


def _least(objective):
    """Mean squares of constant columns about their rounded center, at most; None if not centred."""
    center = objective.map.center
    if center is None:
        return None
    return (ROUNDING * np.finfo(objective.working_dtype).eps * np.append(center, 0)) ** 2


def _are_constant(diagonal, least):
    """A mask of the columns that are constant, their center being rounded."""
    return diagonal <= (0 if least is None else least * diagonal[-1])


def _plain(X, row_curvature, centring, least):
    """The sums of which `PlainColumns` is made, zero for columns that are constant."""
    mass, center = float(row_curvature.sum()), centring.center
    if not sp.issparse(X) and center is not None:
        X, center = X - center, np.zeros_like(center)
    squares = X.power(2) if sp.issparse(X) else np.square(X)
    second = np.asarray(squares.T @ row_curvature, dtype=np.float64)
    first = np.asarray(X.T @ row_curvature, dtype=np.float64)
    if center is None:
        return second, first
    second = np.maximum(second - center * (2 * first - mass * center), 0)
    second, first = np.append(second, mass), np.append(first - mass * center, mass)
    varying = ~_are_constant(second, least)
    return second * varying, first * varying
