"""Fits of all rows and of all but a part of them, evaluated together.

The fits of a cross-validation share nearly all of their rows. Their coefficients side by side
make one matrix, so that each block of X is read once, and multiplied once, for all of them.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sksoftmax import curvature, prices
from sksoftmax.balance import balanced_bound
from sksoftmax.certificate import MOST_TILT, MOST_UNSOLVED
from sksoftmax.factors import Factor
from sksoftmax.kernels import losses_and_residuals
from sksoftmax.maps import Affine
from sksoftmax.objective import Objective
from sksoftmax.penalties import Ridge
from sksoftmax.reach import NEAR, Reach
from sksoftmax.rows import InMemoryRows, partition
from sksoftmax.solvers.search import Point

NOTHING = -1  # is held out of the fit of all rows


class Anchor(NamedTuple):
    """The least curvature at a theta: moments of each part, that add up to the mean of all."""

    theta: np.ndarray
    moments: tuple


@dataclass(frozen=True)
class Folds:
    """All rows in parts, and the ridge objectives that leave one part out.

    whole : Objective
        On all rows; its ``total_weight`` and ``penalty`` are those of all.
    parts : tuple of InMemoryRows
    weights : ndarray of shape (n_parts,)
    reach : Reach, or None where it costs too much
    """

    whole: Objective
    parts: tuple
    weights: np.ndarray
    reach: Reach | None = None

    def with_penalty(self, penalty):
        return replace(self, whole=replace(self.whole, penalty=penalty))

    def objective(self, held):
        """The objective without a part, on the same blocks."""
        if held == NOTHING:
            return self.whole
        kept = [part for h, part in enumerate(self.parts) if h != held]
        share = self.share(held)
        return replace(
            self.whole,
            rows=_joined(kept),
            total_weight=self.whole.total_weight * share,
            n_rows=self.whole.n_rows - _count(self.parts[held]),
            n_entries=int(self.whole.n_entries * share),
            penalty=self.penalty(held),
        )

    def share(self, held):
        """Of the weight, that is left."""
        return 1.0 if held == NOTHING else 1 - self.weights[held] / self.whole.total_weight

    def penalty(self, held):
        """Its strength is relative to the weight that is left."""
        return Ridge(self.whole.penalty.strength / self.share(held))

    def evaluate(self, thetas, held):
        """The points at these thetas, of the fits that leave out these parts."""
        score_map = self.whole.map
        prepared = [score_map.prepare(theta, self.whole.dtype) for theta in thetas]
        losses = np.zeros(len(held))
        by_coef = np.zeros((len(held), score_map.n_scores, score_map.n_features))
        by_intercept = np.zeros((len(held), score_map.n_scores))
        for h, part in enumerate(self.parts):
            kept = [i for i, out in enumerate(held) if out != h]
            if kept:
                loss, coef, intercept = self._sums(part, [prepared[i] for i in kept])
                losses[kept] += loss
                by_coef[kept] += coef
                by_intercept[kept] += intercept
        points = []
        for i, (theta, out) in enumerate(zip(thetas, held, strict=True)):
            total = self.whole.total_weight * self.share(out)
            value, gradient = self.penalty(out).value_and_gradient(theta)
            gradient += score_map.gradient((by_coef[i], by_intercept[i])) / total
            points.append(Point(theta, value + losses[i] / total, gradient))
        return points

    def _sums(self, rows, prepared):
        """Losses and the sums of gradients, side by side, of some rows.

        To the kernel they are the rows as often as there are fits.
        """
        joint, n_fits = _side_by_side(prepared), len(prepared)
        score_map = self.whole.map

        def block_sums(block):
            scores = score_map.forward(joint, block.X)
            target = np.tile(block.target, n_fits)
            as_rows = scores.reshape(score_map.n_scores, -1)
            losses = losses_and_residuals(as_rows, target, np.tile(block.weight, n_fits))
            losses = losses.reshape(n_fits, -1).astype(np.float64, copy=False) @ block.weight
            return losses, *score_map.backward(block.X, scores)

        losses, by_coef, by_intercept = rows.sum(block_sums)
        by_coef = by_coef.reshape(score_map.n_scores, n_fits, -1).swapaxes(0, 1)
        return losses, by_coef, by_intercept.reshape(score_map.n_scores, n_fits).T

    def points_at(self, theta, held):
        """The points of all these fits at one theta, for the price of one evaluation."""
        loose = replace(self.whole, penalty=Ridge(np.zeros_like(theta)))
        sums = [replace(loose, rows=part).value_and_gradient(theta) for part in self.parts]
        points = []
        for out in held:
            kept = [own for h, own in enumerate(sums) if h != out]
            value, gradient = self.penalty(out).value_and_gradient(theta)
            value += sum(own[0] for own in kept) / self.share(out)
            gradient = gradient + sum(own[1] for own in kept) / self.share(out)
            points.append(Point(theta, value, gradient))
        return points

    def bounds(self, directions):
        """As `ranges`, all of them such as cost nothing."""
        return [self.reach.bound(one, self.whole.map.n_scores) for one in directions]

    def ranges(self, directions, held):
        """Of each fit, a bound on the range over the classes of any row's scores.

        One that costs nothing where that is small, else the largest of all rows.
        """
        score_map = self.whole.map
        bounds = self.bounds(directions)
        if max(bounds) <= NEAR:
            return bounds
        prepared = [score_map.prepare(theta, self.whole.dtype) for theta in directions]
        largest = np.zeros(len(held))
        for h, part in enumerate(self.parts):
            kept = [i for i, out in enumerate(held) if out != h]
            if kept:
                joint = _side_by_side([prepared[i] for i in kept])
                found = self._part_ranges(part, joint, len(kept))
                largest[kept] = np.maximum(largest[kept], found)
        return largest

    def _part_ranges(self, rows, joint, n_fits):
        def block_ranges(block):
            return _Largest(_ranges(self.whole.map.forward(joint, block.X), n_fits))

        return rows.sum(block_ranges).numbers

    def ridge_bound(self, penalty, gradient):
        """The free part of a bound; inf where some coefficient is not penalised."""
        objective = replace(self.whole, penalty=penalty)
        return objective.gap_estimate(gradient)

    @property
    def can_anchor(self):
        return prices.columns_are_affordable(self.whole) and self.whole.is_symmetric

    def anchor(self, theta):
        return Anchor(theta, tuple(
            curvature.least_moments(replace(self.whole, rows=part), theta) for part in self.parts
        ))  # fmt: skip

    def gaps(self, points, held, anchor, enough):
        """Upper bounds on the distances to the optima, from the moments at another theta.

        The bound of ``certificate``, with these moments in the place of L: see ``reach``. What
        costs no pass over the rows comes first. A number above ``enough`` need not be a bound: it
        is the least that the proof might have given.
        """
        moved, enough = [point.theta - anchor.theta for point in points], np.asarray(enough)
        gaps = self._each(self._balanced, points, held, anchor, self.bounds(moved))
        left = np.flatnonzero(gaps > enough)
        if len(left):
            points, held = [points[i] for i in left], [held[i] for i in left]
            far = self.ranges([moved[i] for i in left], held)
            gaps[left] = self._by_tilts(points, held, anchor, far, enough[left])
        return gaps

    def _by_tilts(self, points, held, anchor, far, enough):
        gaps = self._each(self._balanced, points, held, anchor, far)
        tilts, costs, rests = self._each(self._tilted, points, held, anchor, far).T
        hoped = (costs / 2 + rests).astype(np.float64)
        trying = np.flatnonzero((gaps > enough) & (hoped <= enough))
        if len(trying):
            reaches = self.ranges(list(tilts[trying]), [held[i] for i in trying])
            for i, reach in zip(trying, reaches, strict=True):
                bent = costs[i] / (2 * (1 - reach)) + rests[i]
                hoped[i] = bent if reach <= MOST_TILT else np.inf
        return np.minimum(gaps, hoped)

    def _each(self, prove, points, held, anchor, far):
        """What a proof says of each point, given how far it is from the anchor."""
        found = []
        for point, out, reach in zip(points, held, far, strict=True):
            moments = sum(own for h, own in enumerate(anchor.moments) if h != out)
            moments = moments * (np.exp(-reach) / self.share(out))
            found.append(prove(point.gradient, moments, self.penalty(out)))
        return np.array(found, dtype=object if isinstance(found[0], tuple) else None)

    def _balanced(self, gradient, moments, penalty):
        """The bound by a tilt of the intercepts alone: all else is left to the penalty."""
        spread = moments[:, -1] if self.whole.map.has_intercept else None
        return balanced_bound(replace(self.whole, penalty=penalty), gradient, spread)

    def _tilted(self, gradient, moments, penalty):
        """A tilt, twice what it costs but for its reach, and the bound on what it leaves."""
        score_map, shape = self.whole.map, (-1, self.whole.map.n_scores)
        common = score_map.common(gradient)
        gradient = gradient - common
        strength = penalty.strength.reshape(shape)[:, :1]
        factor = Factor.of(moments + np.diag(strength[:, 0]))
        tilt = factor.solve(gradient.reshape(shape))
        image = (moments @ tilt + strength * tilt).ravel()
        tilt, left = tilt.ravel(), gradient - image
        free = np.where(penalty.strength > 0, 0.0, left).reshape(shape)
        size = float(gradient @ tilt)
        if float(np.sum(free * factor.solve(free))) > MOST_UNSOLVED**2 * size:
            return tilt, np.inf, np.inf
        rest = abs(float(left @ tilt))
        rest += self.ridge_bound(penalty, left) + self.ridge_bound(penalty, common)
        return tilt, float(tilt @ image), rest


class _Largest:
    """Numbers that add by taking the larger of each pair."""

    def __init__(self, numbers):
        self.numbers = numbers

    def __iadd__(self, other):
        return _Largest(np.maximum(self.numbers, other.numbers))


def _ranges(scores, n_fits):
    each = scores.reshape(-1, n_fits, scores.shape[1])
    if len(each) == 1:
        return np.abs(each[0]).max(axis=1)
    return (each.max(axis=0) - each.min(axis=0)).max(axis=1)


def _side_by_side(prepared):
    """Scores of several fits: all of the first class's, then of the next's."""
    coef_t = np.stack([one.coef_t for one in prepared], axis=2)
    intercept = np.stack([one.intercept for one in prepared], axis=1)
    return Affine(coef_t.reshape(len(coef_t), -1), intercept.reshape(-1, 1))


def _joined(parts):
    chunks = tuple(chunk for part in parts for chunk in part.chunks)
    return InMemoryRows(chunks, parts[0].n_threads, parts[0]._pool)


def _count(rows):
    return sum(len(block.weight) for block in rows)


def cut(objective, part_of, n_parts):
    """The Folds of an objective on rows in memory, ``part_of`` naming each row's part."""
    rows, parts, weights = objective.rows, [], []
    starts = np.cumsum([0] + [len(block.weight) for block in rows])
    for h in range(n_parts):
        chosen = [np.flatnonzero(part_of[first:last] == h)
                  for first, last in pairwise(starts)]  # fmt: skip
        pieces = [(block.X[own], block.target[..., own], block.weight[own])
                  for block, own in zip(rows, chosen, strict=True) if len(own)]  # fmt: skip
        Xs, targets, all_weights = zip(*pieces, strict=True)
        X = sp.vstack(Xs, format="csr") if sp.issparse(Xs[0]) else np.concatenate(Xs)
        weight = np.concatenate(all_weights)
        target = np.concatenate(targets, axis=-1)
        own = partition(X, target, weight, objective.map.n_scores, rows.n_threads)
        parts.append(replace(own, _pool=rows._pool))
        weights.append(float(weight.sum(dtype=np.float64)))
    whole = replace(objective, rows=_joined(parts), rough_dtype=objective.dtype)
    folds = Folds(whole, tuple(parts), np.array(weights))
    return replace(folds, reach=Reach.of(whole)) if folds.can_anchor else folds
