"""Ridge objectives of several fits that share their rows, evaluated together.

The fits of a cross-validation share nearly all of their rows. Rows are sorted once into parts, each
of the rows that the same fits keep. The coefficients of all fits side by side make one matrix, so
that a block of X is read once and multiplied once for all of them.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sksoftmax._curvature import costs
from sksoftmax._objective.kernels import losses_and_residuals
from sksoftmax._objective.objective import Objective
from sksoftmax._objective.penalties import Ridge
from sksoftmax._objective.row_selection import are_consecutive, rows_at_all
from sksoftmax._objective.rows import Block, InMemoryRows, as_it_is, in_runs, is_little
from sksoftmax._objective.score_maps import Affine
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax._runtime.types import SINGLE
from sksoftmax._solvers.line_search import Point, evaluate


@dataclass(frozen=True)
class FoldObjectives:
    """The ridge objectives of fits that each keep some parts of the same rows.

    whole : Objective on all rows
    parts : tuple of InMemoryRows
    weights : ndarray of shape (n_parts,), the summed weight of each part
    keeps : ndarray of bool of shape (n_fits, n_parts), the parts that each fit keeps
    """

    whole: Objective
    parts: tuple
    weights: np.ndarray
    keeps: np.ndarray

    @cached_property
    def shares(self):
        """The fraction of all weight that each fit keeps, (n_fits,)."""
        return self.keeps @ self.weights / self.whole.total_weight

    def with_penalty(self, penalty):
        return replace(self, whole=replace(self.whole, penalty=penalty))

    @property
    def low_precision(self):
        """The objectives in single precision; None if there is no gain."""
        whole = self.whole
        # Rows in double precision are rounded by `Objective.value_and_gradient`, that is for one
        # fit.
        gains = whole.working_dtype == SINGLE or len(self.keeps) == 1
        if not (gains and costs.single_is_cheaper(whole)):
            return None
        low = SmoothProblem(whole).low_precision
        return None if low is None else replace(self, whole=low.objective)

    def objective(self, fit):
        """The objective of one fit, on the same blocks."""
        if self.keeps[fit].all():
            return self.whole
        share = self.shares[fit]
        rows = self.rows_of(fit, self.parts)
        return replace(
            self.whole,
            rows=rows,
            total_weight=self.whole.total_weight * share,
            n_rows=sum(len(block.weight) for block in rows),
            n_entries=int(self.whole.n_entries * share),
            penalty=self.penalty(fit),
        )

    def rows_of(self, fit, parts):
        """The rows that a fit keeps, of rows in parts."""
        kept = [part for part, keeps in zip(parts, self.keeps[fit], strict=True) if keeps]
        chunks = tuple(chunk for part in kept for chunk in part.chunks)
        return InMemoryRows(chunks, kept[0].n_threads, kept[0]._pool)

    def penalty(self, fit):
        """The ridge of a fit, whose strength is relative to the weight that it keeps."""
        return Ridge(self.whole.penalty.strength / self.shares[fit])

    def strength(self, fit):
        """The strength of the ridge on each coefficient of a fit."""
        return float(self.whole.penalty.strength[0]) / self.shares[fit]

    def evaluate(self, thetas, fits):
        """The Points of some fits, a list.

        thetas : list of ndarray of shape (n_parameters,)
        fits : sequence of int, the fit of each theta
        """
        if len(fits) == 1:
            return [evaluate(self.objective(fits[0]), thetas[0])]
        score_map, fits = self.whole.map, np.asarray(fits)
        joint = self.side_by_side(thetas)
        losses = np.zeros(len(fits))
        by_coef = np.zeros((score_map.n_scores, len(fits), score_map.n_features))
        by_intercept = np.zeros((score_map.n_scores, len(fits)))
        for part, keeps in zip(self.parts, self.keeps[fits].T, strict=True):
            kept = np.flatnonzero(keeps)
            if len(kept):
                loss, coef, intercept = self._sums(part, joint.of(kept), len(kept))
                losses[kept] += loss
                by_coef[:, kept] += coef
                by_intercept[:, kept] += intercept
        points = []
        for i, (theta, fit) in enumerate(zip(thetas, fits, strict=True)):
            total = self.whole.total_weight * self.shares[fit]
            value, gradient = self.penalty(fit).value_and_gradient(theta)
            gradient += score_map.gradient((by_coef[:, i], by_intercept[:, i])) / total
            points.append(Point(theta, value + losses[i] / total, gradient))
        return points

    def side_by_side(self, thetas):
        """Thetas as `SideBySide`."""
        prepared = [self.whole.map.prepare(theta, self.whole.dtype) for theta in thetas]
        coef_t = np.stack([one.coef_t for one in prepared], axis=2)
        return SideBySide(coef_t, np.stack([one.intercept for one in prepared], axis=1))

    def _sums(self, rows, joint, n_fits):
        """Losses (n_fits,) and the sums of `LinearMap.backward` by fit, of some rows.

        joint : Affine, of the fits side by side
        """
        score_map = self.whole.map

        def block_sums(block):
            scores = score_map.forward(joint, block.X)
            target = np.tile(block.target, n_fits)
            as_rows = scores.reshape(score_map.n_scores, -1)  # the rows once for each fit
            losses = losses_and_residuals(as_rows, target, np.tile(block.weight, n_fits))
            losses = losses.reshape(n_fits, -1).astype(np.float64, copy=False) @ block.weight
            return losses, *score_map.backward(block.X, scores)

        losses, by_coef, by_intercept = rows.sum(block_sums)
        shape = score_map.n_scores, n_fits
        return losses, by_coef.reshape(*shape, -1), by_intercept.reshape(shape)


class SideBySide(NamedTuple):
    """Coefficients (n_features, n_scores, n_fits) and intercepts (n_scores, n_fits, 1) of fits."""

    coef_t: np.ndarray
    intercept: np.ndarray

    def of(self, fits):
        """Those of some fits as one Affine, whose scores are ordered by class, then by fit."""
        coef_t, intercept = self.coef_t[:, :, fits], self.intercept[:, fits]
        return Affine(coef_t.reshape(len(coef_t), -1), intercept.reshape(-1, 1))


def one_fit(objective):
    """The FoldObjectives of a single fit, of all rows."""
    weights = np.array([objective.total_weight])
    return FoldObjectives(objective, (objective.rows,), weights, np.ones((1, 1), dtype=bool))


def fold_objectives(objective, part_of, keeps):
    """The FoldObjectives of an objective on rows in memory.

    part_of : ndarray of int of shape (n_rows,), the part of each row
    keeps : ndarray of bool of shape (n_fits, n_parts)
    """
    indices = np.split(np.argsort(part_of, kind="stable"), np.cumsum(np.bincount(part_of))[:-1])
    parts = [_part(objective.rows, own) for own in indices]
    if is_little(parts):
        parts = [part.map(as_it_is) for part in parts]
    weights = [sum(block.weight.sum(dtype=np.float64) for block in part.stored) for part in parts]
    return FoldObjectives(objective, tuple(parts), np.array(weights), keeps)


def _part(rows, indices):
    """Some of the rows, by their indices in ascending order, in blocks of about equal length."""
    stored = list(rows.stored)
    starts = np.cumsum([0] + [len(block.weight) for block in stored])
    if are_consecutive(indices):
        # Blocks end where those of all rows do, so that they are views of these.
        ends = np.append(starts[(starts > indices[0]) & (starts <= indices[-1])], indices[-1] + 1)
        cuts = np.searchsorted(indices, ends)
    else:
        # Blocks may be longer than usual: products with the coefficients of many fits gain by it.
        longest = max(len(block.weight) for block in stored)
        n_blocks = max(1, len(indices) // longest)
        step = -(-len(indices) // n_blocks)
        cuts = np.arange(step, len(indices) + step, step)
    blocks = [_block(stored, starts, own) for own in np.split(indices, cuts) if len(own)]
    return replace(rows, chunks=in_runs(blocks))


def _block(stored, starts, indices):
    """The block of some rows, by their indices in ascending order.

    stored : list of Block, all rows
    starts : ndarray of int of shape (n_blocks + 1,), the index of the first row of each
    """
    ends = np.searchsorted(indices, starts)
    pieces = [
        (block, (indices[first:last] - start).astype(np.int32))
        for block, start, first, last in zip(stored, starts, ends, ends[1:], strict=False)
        if first < last
    ]
    target = np.concatenate([block.target[..., own] for block, own in pieces], axis=-1)
    weight = np.concatenate([block.weight[own] for block, own in pieces])
    return Block(rows_at_all([(block.X, own) for block, own in pieces]), target, weight)
