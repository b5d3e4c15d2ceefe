"""Running moments of a stream: the preconditioner of a descent that sees each row once.

The Hessian is, in expectation, both ``mean_i (diag(p_i) - p_i p_i') (x) x_i x_i'`` and, where the
model holds, ``mean_i r_i r_i' (x) x_i x_i'`` of the residuals ``r_i = p_i - y_i``. The second is
large where the model does not hold: a class that turns up late has no curvature, having no
probability, but it has residuals. Half of each is a preconditioner that is right near the optimum
and careful elsewhere. Classes and columns are taken apart, as in ``approximations.kronecker``.
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
# A column has moved whose spread is more than so many units of rounding of its center.
ROUNDING = 8
# A column or class is hardly known whose moment a step would multiply by this factor.
STRANGE = 2.0
# A batch makes the moment of a column that is known larger by this factor at most: what else its
# entries say is that some row is out of all proportion.
MOST_GROWTH = 10.0
ENOUGH_ROWS = 30  # to know a column
# Share of the diagonal that is added always, to keep collinear columns from far too long steps.
COLLINEAR = 1e-8


@dataclass(frozen=True)
class FullColumns:
    """Second moments of the columns about the center, with those of the intercept's 1.

    matrix : ndarray of shape (n_columns, n_columns)
    """

    matrix: np.ndarray

    @property
    def diagonal(self):
        return np.diagonal(self.matrix)

    @property
    def offset(self):
        """Means of the columns, from the center."""
        return self.matrix[-1, :-1] / max(self.matrix[-1, -1], TINY)

    def blended(self, other, share):
        return FullColumns((1 - share) * self.matrix + share * other.matrix)

    def scaled(self, factors):
        return FullColumns(self.matrix * factors * factors[:, None])

    def recentred(self, shift):
        turn = np.eye(len(self.matrix))
        turn[:-1, -1] = -shift
        return FullColumns(turn @ self.matrix @ turn.T)

    def preconditioner(self, classes, scale, extra, objective):
        return approximations.product(classes, self.matrix * scale + np.diag(extra), objective)


@dataclass(frozen=True)
class PlainColumns:
    """The diagonal of the same, and the row of the intercept.

    diagonal, first : ndarray of shape (n_columns,)
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
    """What a stream remembers of its rows.

    columns : FullColumns or PlainColumns
    classes : ndarray of shape (n_scores, n_scores)
    n_rows : rows that they stand for
    """

    columns: object
    classes: np.ndarray
    n_rows: float

    @classmethod
    def expected(cls, columns, n_rows):
        """What moments of the columns to expect of so many rows; 0 where that is not known."""
        return cls(PlainColumns(columns, np.zeros(len(columns))), np.eye(1), n_rows)

    def blended(self, other, share):
        """These, with so much of the others'."""
        return Moments(
            self.columns.blended(other.columns, share),
            (1 - share) * self.classes + share * other.classes,
            self.n_rows + other.n_rows,
        )

    def scaled(self, factors):
        """The moments as if each column were multiplied by its factor."""
        return replace(self, columns=self.columns.scaled(factors))

    def restrained(self, other, share):
        """Factors of the columns, by which the others do not outweigh these: see MOST_GROWTH."""
        own, new = self.units, share * other.units
        large = (new > MOST_GROWTH * own) & (own > 0) & (ENOUGH_ROWS <= self.n_rows < np.inf)
        ratio = np.divide(MOST_GROWTH * own, new, out=np.ones_like(own), where=large)
        return np.sqrt(ratio)

    @property
    def units(self):
        """Mean squares of the columns, by curvature, and 1 for the intercept."""
        return self.columns.diagonal / self.mass

    def of_all(self):
        """These as the moments of all rows there are, and no sample of more."""
        return replace(self, n_rows=np.inf)

    def recentred(self, shift):
        return replace(self, columns=self.columns.recentred(shift))

    @property
    def size(self):
        """Number of columns that were seen to move, the intercept's among them."""
        return max(1, np.count_nonzero(self.columns.diagonal))

    @property
    def mass(self):
        """Mean curvature of a row and a class."""
        return max(float(np.trace(self.classes)) / len(self.classes), TINY)

    @property
    def diagonal(self):
        """Of columns and of classes, one after the other."""
        return np.concatenate([self.columns.diagonal, np.diagonal(self.classes)])

    def preconditioner(self, objective):
        """The preconditioner: of few rows, the diagonal counts for more than the rest."""
        columns = self.columns.diagonal
        extra = columns * (self.size / self.n_rows + COLLINEAR) / self.mass
        return self.columns.preconditioner(self.classes, 1 / self.mass, extra, objective)

    def damping(self, other, share):
        """What to multiply gradient and step by, lest they feel the others more than these.

        A column or class that these hardly know has next to no curvature, and a step along it no
        measure. The others, which are of the rows of the gradient, know it.
        """
        columns = _damping(self.columns.diagonal, other.columns.diagonal, share)
        classes = _damping(np.diagonal(self.classes), np.diagonal(other.classes), share)
        return np.outer(columns, classes).ravel()

    def scales(self):
        """Units of the parameters: one over the columns' spread, the same for all classes."""
        row_curvature = np.sqrt(self.columns.diagonal / self.mass)
        return np.repeat(
            np.divide(1, row_curvature, out=np.zeros_like(row_curvature), where=row_curvature > 0),
            len(self.classes),
        )


def _damping(own, other, share):
    # One for all that is known, exactly: to turn collinear columns apart would lead far astray.
    new = share * other > STRANGE * own
    damping = np.divide(STRANGE * own, share * other, out=np.ones_like(own), where=new)
    return np.where(own > 0, np.sqrt(damping), 0.0)


def observe(objective, theta, full):
    """Value, gradient and moments in one pass.

    full : whether to take the moments between columns too
    """
    prepared = objective.map.prepare(theta, objective.dtype)
    forward, backward = objective.map.forward, objective.map.backward
    about, least = Centring.of(objective), _least(objective)
    stride = costs.moments_stride(objective) if full else 1
    of_columns = _full if full else _plain

    def block_sums(block):
        scores = forward(prepared, block.X)
        loss = cross_entropy_residual(scores, block.target, block.weight)
        some = strided(stride, block)
        classes, row_curvature = _curvatures(scores[:, ::stride], some)
        columns = of_columns(some.X, row_curvature, about, least)
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
    """Weighted, of the classes over all rows, and of each row over the classes."""
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


def _full(X, row_curvature, about, least):
    matrix = gram(centred_columns(X, about), row_curvature)
    still = _still(matrix.diagonal(), least)
    matrix[still] = 0
    matrix[:, still] = 0
    return (matrix,)


def _least(objective):
    """Mean squares of the columns that rounding of their center can make of constant ones."""
    center = objective.map.center
    if center is None:
        return None
    return (ROUNDING * np.finfo(objective.working_dtype).eps * np.append(center, 0)) ** 2


def _still(diagonal, least):
    """Which columns are constant but for what rounding makes of their center."""
    return diagonal <= (0 if least is None else least * diagonal[-1])


def _plain(X, row_curvature, about, least):
    mass, center = float(row_curvature.sum()), about.center
    if not sp.issparse(X) and center is not None:
        X, center = X - center, np.zeros_like(center)
    squares = X.power(2) if sp.issparse(X) else np.square(X)
    second = np.asarray(squares.T @ row_curvature, dtype=np.float64)
    first = np.asarray(X.T @ row_curvature, dtype=np.float64)
    if center is None:
        return second, first
    second = np.maximum(second - center * (2 * first - mass * center), 0)
    second, first = np.append(second, mass), np.append(first - mass * center, mass)
    moving = ~_still(second, least)
    return second * moving, first * moving
