"""The objective of a smooth model: a loss that is a sum over rows, and a ridge."""

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import scipy.sparse as sp

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
from sksoftmax._objective.score_maps import LinearMap
from sksoftmax._runtime.types import DOUBLE

# Rounding of a sum over the rows, beside the sum of its terms' sizes.
UNITS = 8 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class Objective:
    """``sum_i w_i cross_entropy_i(map(theta)) / sum_i w_i + penalty(theta)``.

    rows : Rows
        The encoded data, behind an engine that adds over blocks.
    map : ScoreMap
    penalty : Penalty
    total_weight : float
    n_rows, n_entries : int
        Rows, and entries of X that a product multiplies: what the cost of a pass is counted in.
    dtype : dtype of the products with X; theta and all sums are float64
    working_dtype : dtype of products that are good enough far from the optimum
    fits_single : whether the rows are dense and single precision can hold them and their squares
    """

    rows: Rows
    map: LinearMap
    penalty: Penalty
    total_weight: float
    n_rows: int
    n_entries: int
    dtype: np.dtype = DOUBLE
    working_dtype: np.dtype = DOUBLE
    fits_single: bool = True

    @cached_property
    def is_symmetric(self):
        """Whether a permutation of the classes permutes the objective.

        What all classes share then moves no score and has a gradient of the penalty's alone,
        which is zero from a start that shares nothing; preconditioners and proofs use it.
        """
        if self.map.hessian_sums is not None:
            return False
        strength = self.penalty.strength.reshape(-1, self.map.n_scores)
        return bool((strength == strength[:, :1]).all())

    @property
    def entries_of_row(self):
        """Columns that a row is not zero in, the intercept's among them, in the mean."""

        def block_entries(block):
            return block.X.nnz if hasattr(block.X, "nnz") else np.count_nonzero(block.X)

        entries = self.rows.sum(block_entries)
        return entries / self.n_rows + self.map.n_columns - self.map.n_features

    @property
    def penalised_coef(self):
        """Whether the penalty holds every coefficient, so that an optimum exists."""
        return bool(self.map.split(self.penalty.strength > 0)[0].all())

    def value_and_gradient(self, theta):
        score_map, center = self.map, None
        if self.dtype != self.working_dtype == DOUBLE and score_map.has_intercept:
            # Rounded about their means columns lose nothing, whatever their offsets.
            score_map, center = replace(score_map, center=0 * score_map.center), score_map.center
        loss, sums = self.rows.sum(partial(
            loss_and_sums, prepared=score_map.prepare(theta, self.dtype), dtype=self.dtype,
            center=center, forward=score_map.forward, backward=score_map.backward,
        ))  # fmt: skip
        value, gradient = self.penalty.value_and_gradient(theta)
        gradient += score_map.gradient(sums) / self.total_weight
        return value + loss / self.total_weight, gradient

    def value(self, theta):
        """The value alone: a pass without products of residuals."""
        prepared, forward = self.map.prepare(theta, self.dtype), self.map.forward

        def block_loss(block):
            scores = forward(prepared, block.X)
            return cross_entropy_residual(scores, block.target, block.weight)

        loss = self.rows.sum(block_loss)
        return self.penalty.value_and_gradient(theta)[0] + loss / self.total_weight

    def hessian_product(self, theta, direction):
        """The Hessian at theta times a direction, the probabilities being made again."""
        at, along = (self.map.prepare(vector, self.dtype) for vector in (theta, direction))

        forward, backward = self.map.forward, self.map.backward

        def block_sums(block):
            probability = probabilities(forward(at, block.X))
            moved = forward(along, block.X)
            return backward(block.X, curvature_product(probability, moved, block.weight))

        product = self.map.gradient(self.rows.sum(block_sums)) / self.total_weight
        return product + self.penalty.strength * direction

    def rounding(self, theta):
        """What rounding may make of each parameter's gradient, where its terms cancel."""
        score_map, residual = self.map, self.residuals(theta)
        if score_map.hessian_sums is not None:
            return 0.0

        def block_sums(block):
            sizes = block.X.copy() if sp.issparse(block.X) else np.abs(block.X)
            if sp.issparse(sizes):
                np.abs(sizes.data, out=sizes.data)
            return score_map.backward(sizes, np.abs(residual(block)))

        if score_map.has_intercept:
            score_map = replace(score_map, center=-np.abs(score_map.center))
        return UNITS * score_map.gradient(self.rows.sum(block_sums)) / self.total_weight

    def residuals(self, theta, direction=None):
        """A function of blocks: their weighted residuals, moved to first order along a direction.

        Of blocks that only hold the columns that theta is of, as this objective's own do.
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
        """The gradient on all columns, from residuals made of some of them.

        part : Objective, of the same rows with fewer columns
        residual : function of its blocks
        """
        backward = self.map.backward
        pairs = paired(part.rows, self.rows)
        sums = pairs.sum(lambda pair: backward(pair[1].X, residual(pair[0])))
        return self.map.gradient(sums) / self.total_weight

    def free_part(self, theta):
        """The objective on the columns of X that no penalty holds, and theta there."""
        strength = self.penalty.strength.reshape(self.map.n_columns, -1)
        return self.restricted(np.flatnonzero((strength == 0).all(axis=1)), theta)

    def restricted(self, columns, theta):
        """The objective on some columns of X and on the intercept, and theta there."""
        n_features = self.map.n_features
        columns = columns[columns < n_features]
        if len(columns) == n_features:
            return self, theta
        kept = np.append(columns, n_features) if self.map.has_intercept else columns
        rows = theta.reshape(self.map.n_columns, -1)
        return self.on_columns(columns, kept), rows[kept].ravel()

    def sample(self, n_rows):
        """The objective on about so many of its rows."""
        rows = sample(self.rows, n_rows, self.total_weight, self.map.n_scores)
        share = n_rows / self.n_rows
        return replace(self, rows=rows, n_rows=n_rows, n_entries=int(share * self.n_entries))

    def batches(self, size, random):
        """Objectives of ``size`` rows each, all rows once, in random order.

        Each is normalised by the mean weight of all, so that their mean is this one.
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
        """The objective on some columns of X; ``indices`` are the rows of theta that stay."""
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
    """A block's part of the value and gradient, in products of a dtype, about a center if any.

    A function of the module, so that it travels to other machines by its name: it is what every
    evaluation sends.
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
