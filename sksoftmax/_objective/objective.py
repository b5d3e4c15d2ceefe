"""The smooth objective: the cross-entropy, a sum over rows, plus a smooth penalty."""

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from sksoftmax._objective.kernels import cross_entropy_residual, curvature_product, probabilities
from sksoftmax._objective.penalties import Penalty
from sksoftmax._objective.rows import (
    InMemoryRows,
    Rows,
    batches,
    count_entries,
    paired,
    sample,
    select_columns,
)
from sksoftmax._objective.score_maps import LinearMap, ScoreMap
from sksoftmax._runtime.types import DOUBLE

# Rounding of a sum, relative to the sum of the moduli of its terms.
UNITS = 8 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class Objective:
    """``sum_i w_i cross_entropy_i(map(theta)) / sum_i w_i + penalty(theta)``.

    rows : Rows
    map : ScoreMap
    penalty : Penalty
    total_weight : float, the sum of the ``w_i``
    n_rows, n_entries : int
        Rows, and entries of X that a product multiplies, which the cost of a pass depends on.
    dtype : dtype of the products with X; theta and all sums are float64
    working_dtype : dtype of products that suffices far from the optimum
    fits_single : whether the rows are dense and single precision can hold them and their squares
    """

    rows: Rows
    map: ScoreMap
    penalty: Penalty
    total_weight: float
    n_rows: int
    n_entries: int
    dtype: np.dtype = DOUBLE
    working_dtype: np.dtype = DOUBLE
    fits_single: bool = True

    @cached_property
    def is_symmetric(self):
        """Whether the objective is the same for every order of the classes.

        A shift of all classes then has a gradient by the penalty alone, which is zero at vectors
        that sum to zero over classes: preconditioners and proofs leave it out.
        """
        if self.map.hessian_sums is not None:
            return False
        strength = self.penalty.strength.reshape(-1, self.map.n_scores)
        return bool((strength == strength[:, :1]).all())

    @property
    def entries_of_row(self):
        """Mean number of entries of a row that are not zero, with the intercept's 1."""

        def block_entries(block):
            return block.X.nnz if hasattr(block.X, "nnz") else np.count_nonzero(block.X)

        entries = self.rows.sum(block_entries)
        return entries / self.n_rows + self.map.n_columns - self.map.n_features

    @property
    def penalised_coef(self):
        """Whether all coefficients are penalised, so that an optimum exists."""
        return bool(self.map.split(self.penalty.strength > 0)[0].all())

    def value_and_gradient(self, theta):
        """The value, a float, and the gradient, (n_parameters,), by one pass over the rows."""
        score_map, center = self.map, None
        if self.dtype != self.working_dtype == DOUBLE and score_map.has_intercept:
            # Rounded about their means, columns lose no more digits by an offset.
            score_map, center = replace(score_map, center=0 * score_map.center), score_map.center
        loss, sums = self.rows.sum(partial(
            loss_and_sums, prepared=score_map.prepare(theta, self.dtype), dtype=self.dtype,
            center=center, forward=score_map.forward, backward=score_map.backward,
        ))  # fmt: skip
        value, gradient = self.penalty.value_and_gradient(theta)
        gradient += score_map.gradient(sums) / self.total_weight
        return value + loss / self.total_weight, gradient

    def value(self, theta):
        """The value alone, by half of the products."""
        prepared, forward = self.map.prepare(theta, self.dtype), self.map.forward

        def block_loss(block):
            scores = forward(prepared, block.X)
            return cross_entropy_residual(scores, block.target, block.weight)

        loss = self.rows.sum(block_loss)
        return self.penalty.value_and_gradient(theta)[0] + loss / self.total_weight

    def hessian_product(self, theta, direction):
        """The Hessian at theta times a direction, (n_parameters,), by one pass over the rows."""
        at, along = (self.map.prepare(vector, self.dtype) for vector in (theta, direction))

        forward, backward = self.map.forward, self.map.backward

        def block_sums(block):
            probability = probabilities(forward(at, block.X))
            moved = forward(along, block.X)
            return backward(block.X, curvature_product(probability, moved, block.weight))

        product = self.map.gradient(self.rows.sum(block_sums)) / self.total_weight
        return product + self.penalty.strength * direction

    def rounding(self, theta):
        """Bounds on the rounding error of the gradient at theta, (n_parameters,)."""
        score_map, residual = self.map, self.residuals(theta)

        def block_sums(block):
            return score_map.backward(abs(block.X), np.abs(residual(block)))

        if score_map.has_intercept:
            score_map = replace(score_map, center=-np.abs(score_map.center))
        return UNITS * score_map.gradient(self.rows.sum(block_sums)) / self.total_weight

    def residuals(self, theta, direction=None):
        """A function of blocks: their weighted residuals, (n_scores, n_rows).

        direction : ndarray of shape (n_parameters,), optional
            The derivative of the residuals along it is added.
        """
        at = self.map.prepare(theta, self.dtype)
        along = None if direction is None else self.map.prepare(direction, self.dtype)
        forward = self.map.forward

        def residual(block):
            scores = forward(at, block.X)
            moved = 0.0
            if along is not None:
                probability, moved = probabilities(scores.copy()), forward(along, block.X)
                moved = curvature_product(probability, moved, block.weight)
            cross_entropy_residual(scores, block.target, block.weight)
            return scores + moved

        return residual

    def gradient_of_residuals(self, part, residual):
        """The gradient of the loss on all columns, from residuals made of some of them.

        part : Objective on fewer columns of the same rows
        residual : function of its blocks, (n_scores, n_rows)
        """
        backward = self.map.backward
        pairs = paired(part.rows, self.rows)
        sums = pairs.sum(lambda pair: backward(pair[1].X, residual(pair[0])))
        return self.map.gradient(sums) / self.total_weight

    def free_part(self, theta):
        """The objective on the columns of X without a penalty, and theta there."""
        strength = self.penalty.strength.reshape(self.map.n_columns, -1)
        return self.restricted(np.flatnonzero((strength == 0).all(axis=1)), theta)

    def restricted(self, columns, theta):
        """The objective on some columns of X and the intercept, and theta there.

        columns : ndarray of int, indices of columns; that of the intercept is ignored
        """
        n_features = self.map.n_features
        columns = columns[columns < n_features]
        if len(columns) == n_features:
            return self, theta
        kept = np.append(columns, n_features) if self.map.has_intercept else columns
        rows = theta.reshape(self.map.n_columns, -1)
        return self.on_columns(columns, kept), rows[kept].ravel()

    def sample(self, n_rows):
        """The objective on a sample of about ``n_rows`` of its rows."""
        rows = sample(self.rows, n_rows, self.total_weight, self.map.n_scores)
        share = n_rows / self.n_rows
        return replace(self, rows=rows, n_rows=n_rows, n_entries=int(share * self.n_entries))

    def batches(self, size, random):
        """Yield objectives of ``size`` rows each, of all rows once in random order.

        Each is divided by its number of rows times the mean weight of all, so that the mean of all
        is this objective.
        """
        weight, entries = self.total_weight / self.n_rows, self.n_entries / self.n_rows
        for block in batches(self.rows, size, random):
            n_rows = len(block.weight)
            yield replace(
                self,
                rows=InMemoryRows(((block,),)),
                total_weight=n_rows * weight,
                n_rows=n_rows,
                n_entries=int(n_rows * entries),
            )

    def on_columns(self, columns, indices):
        """The objective on some columns of X.

        columns, indices : ndarrays of int
            Of the columns, and of their rows in theta, the intercept's included.
        """
        rows = select_columns(self.rows, columns)
        center = None if self.map.center is None else self.map.center[columns]
        return replace(
            self,
            rows=rows,
            map=LinearMap(self.map.n_scores, len(columns), center),
            penalty=self.penalty.on_columns(indices, self.map.n_scores),
            n_entries=rows.sum(count_entries),
        )


def loss_and_sums(block, *, prepared, dtype, center, forward, backward):
    """A block's summed loss, and the sums of which the gradient is made.

    A function of the module is pickled by its name: this one is sent in every evaluation.

    prepared, forward, backward : of a score map
    dtype : of the products with X
    center : ndarray of shape (n_features,), subtracted from X before it is rounded; or None
    """
    X, target, weight = block
    if center is None:
        X = X.astype(dtype, copy=False)
    else:
        weight, rounded = weight.astype(dtype), np.empty(X.shape, dtype)
        X = np.subtract(X, center, out=rounded, casting="same_kind")
    scores = forward(prepared, X)
    loss = cross_entropy_residual(scores, target, weight)
    return loss, backward(X, scores)
