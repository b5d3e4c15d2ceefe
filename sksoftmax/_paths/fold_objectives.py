"""Fits of all rows and of all but a part of them, evaluated together.

The fits of a cross-validation share nearly all of their rows. Their coefficients side by side
make one matrix, so that each block of X is read once, and multiplied once, for all of them.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sksoftmax._certificates.balance import balanced_bound
from sksoftmax._certificates.self_concordance import FAR, Reach
from sksoftmax._certificates.smooth import MOST_TILT, MOST_UNSOLVED, divergence_factor
from sksoftmax._curvature import costs
from sksoftmax._curvature.approximations import least_spread
from sksoftmax._curvature.moments import Centring, moments
from sksoftmax._curvature.preconditioners import Factor
from sksoftmax._objective.kernels import losses_and_residuals, probabilities
from sksoftmax._objective.penalties import Ridge
from sksoftmax._objective.rows import (
    Block,
    InMemoryRows,
    Largest,
    block_rows,
    every,
    joined,
    partition,
    picked,
)
from sksoftmax._objective.score_maps import Affine
from sksoftmax._problems.smooth import Objective
from sksoftmax._solvers.line_search import Point, evaluate

NOTHING = -1  # is held out of the fit of all rows
# Rows by which the intercepts are balanced.
FEW = 2000
# Ranges of scores between fits, up to which an anchor at one of them serves all.
NEAR = 0.5


class Anchor(NamedTuple):
    """Moments of each fit below its curvature at all of some thetas, by what it leaves out."""

    thetas: dict
    moments: dict


@dataclass(frozen=True)
class Folds:
    """All rows in parts, and the ridge objectives that leave one part out.

    whole : Objective
        On all rows; its ``total_weight`` and ``penalty`` are those of all.
    parts : tuple of InMemoryRows
    weights : ndarray of shape (n_parts,)
    few : Block of some rows, and the part of each
    reach : Reach, or None where it costs too much
    """

    whole: Objective
    parts: tuple
    weights: np.ndarray
    few: Block
    few_parts: np.ndarray
    reach: Reach | None = None

    @property
    def moments(self):
        """Second ones of the columns, if they are known."""
        return None if self.reach is None else self.reach.moments

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
        if list(held) == [NOTHING]:
            return [evaluate(self.whole, thetas[0])]
        score_map, held = self.whole.map, np.asarray(held)
        joint = self._joint(thetas)
        losses = np.zeros(len(held))
        by_coef = np.zeros((score_map.n_scores, len(held), score_map.n_features))
        by_intercept = np.zeros((score_map.n_scores, len(held)))
        for h, part in enumerate(self.parts):
            kept = np.flatnonzero(held != h)
            if len(kept):
                loss, coef, intercept = self._sums(part, joint.of(kept), len(kept))
                losses[kept] += loss
                by_coef[:, kept] += coef
                by_intercept[:, kept] += intercept
        points = []
        for i, (theta, out) in enumerate(zip(thetas, held, strict=True)):
            total = self.whole.total_weight * self.share(out)
            value, gradient = self.penalty(out).value_and_gradient(theta)
            gradient += score_map.gradient((by_coef[:, i], by_intercept[:, i])) / total
            points.append(Point(theta, value + losses[i] / total, gradient))
        return points

    def _joint(self, thetas):
        prepared = [self.whole.map.prepare(theta, self.whole.dtype) for theta in thetas]
        coef_t = np.stack([one.coef_t for one in prepared], axis=2)
        return SideBySide(coef_t, np.stack([one.intercept for one in prepared], axis=1))

    def _sums(self, rows, joint, n_fits):
        """Losses and the sums of gradients, side by side, of some rows.

        To the kernel they are the rows as often as there are fits.
        """
        score_map = self.whole.map

        def block_sums(block):
            scores = score_map.forward(joint, block.X)
            target = np.tile(block.target, n_fits)
            as_rows = scores.reshape(score_map.n_scores, -1)
            losses = losses_and_residuals(as_rows, target, np.tile(block.weight, n_fits))
            losses = losses.reshape(n_fits, -1).astype(np.float64, copy=False) @ block.weight
            return losses, *score_map.backward(block.X, scores)

        losses, by_coef, by_intercept = rows.sum(block_sums)
        shape = score_map.n_scores, n_fits
        return losses, by_coef.reshape(*shape, -1), by_intercept.reshape(shape)

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

    def ranges(self, directions, held):
        """Of each fit, the largest range over the classes of any row's scores."""
        joint = self._joint(directions)
        largest = np.zeros(len(held))
        for h, part in enumerate(self.parts):
            kept = [i for i, out in enumerate(held) if out != h]
            if kept:
                found = self._part_ranges(part, joint.of(kept), len(kept))
                largest[kept] = np.maximum(largest[kept], found)
        return largest

    def _part_ranges(self, rows, joint, n_fits):
        def block_ranges(block):
            return Largest(_ranges(self.whole.map.forward(joint, block.X), n_fits))

        return rows.sum(block_ranges).number

    def ridge_bound(self, strength, gradient):
        """The free part of a bound: what a ridge of this strength on all coefficients holds."""
        held = gradient[: self.whole.map.n_scores * self.whole.map.n_features]
        return 0.5 * float(held @ held) / strength if strength > 0 else np.inf

    def strength(self, out):
        """Of the ridge of the fit that leaves out a part."""
        return float(self.whole.penalty.strength[0]) / self.share(out)

    def loose_gaps(self, points, held):
        """Upper bounds that leave all to the penalty but the intercepts, which few rows balance."""
        has_intercept, gaps = self.whole.map.has_intercept, []
        spreads = self._spreads(points, held) if has_intercept else [None] * len(held)
        for point, out, spread in zip(points, held, spreads, strict=True):
            objective = replace(self.whole, penalty=self.penalty(out))
            gaps.append(balanced_bound(objective, point.gradient, spread))
        return np.array(gaps)

    def _spreads(self, points, held):
        """As of `balance.Observed`, of the few rows, the others being allowed no curvature."""
        score_map, (X, _, weight) = self.whole.map, self.few
        joint = self._joint([point.theta for point in points]).of(slice(None))
        scores = score_map.forward(joint, X).reshape(score_map.n_scores, -1)
        least = least_spread(probabilities(scores)).reshape(len(held), -1) * weight
        least[self.few_parts == np.asarray(held)[:, None]] = 0
        masses = least.sum(axis=1, dtype=np.float64)[:, None]
        totals = np.array([self.whole.total_weight * self.share(out) for out in held])
        return np.hstack([least @ X - masses * score_map.center, masses]) / totals[:, None]

    @property
    def can_anchor(self):
        return costs.columns_are_affordable(self.whole) and self.whole.is_symmetric

    def anchor(self, thetas):
        """Of thetas by what their fits leave out, each row's least curvature at any of them."""
        score_map, whole = self.whole.map, thetas[NOTHING]
        moved = (self.reach.bound(theta - whole, score_map.n_scores) for theta in thetas.values())
        if max(moved) <= NEAR:
            thetas = dict.fromkeys(thetas, whole)
        distinct = list({id(theta): theta for theta in thetas.values()}.values())
        joint = self._joint(distinct).of(slice(None))
        parts = [self._least_moments(part, joint, len(distinct)) for part in self.parts]
        total = sum(parts)
        moments = {
            out: (total if out == NOTHING else total - parts[out]) / self.share(out)
            for out in thetas
        }
        return Anchor(thetas, moments)

    def _least_moments(self, rows, joint, n_fits):
        score_map, about = self.whole.map, Centring.of(self.whole)

        def block_sums(block):
            scores = score_map.forward(joint, block.X).reshape(score_map.n_scores, -1)
            spread = least_spread(probabilities(scores)).reshape(n_fits, -1).min(axis=0)
            return moments(block.X, spread * block.weight, about)

        return rows.sum(block_sums) / self.whole.total_weight

    def gaps(self, points, held, anchor, enough):
        """Upper bounds on the distances to the optima, from the moments at other thetas.

        The bound of ``certificate``, with these moments in the place of L: see ``reach``. What
        costs no pass over the rows comes first. A number above ``enough`` need not be a bound: it
        is the least that the proof might have given.

        Returns
        -------
        gaps : ndarray
        far : ndarray of bool
            Whether moments at the points themselves would prove a good deal more.
        """
        n_scores = self.whole.map.n_scores
        gaps, reaches, tilts = [], [], []
        for point, out in zip(points, held, strict=True):
            moved = self.reach.bound(point.theta - anchor.thetas[out], n_scores)
            below, strength = np.exp(-moved) * anchor.moments[out], self.strength(out)
            tilt = self._tilted(point.gradient, below, strength)
            gaps.append(tilt.gap(self.reach.bound(tilt.direction, n_scores)))
            reaches.append(moved)
            tilts.append(tilt)
        self._measure(gaps, tilts, held, enough)
        return np.array(gaps), np.array(reaches) > FAR

    def _measure(self, gaps, tilts, held, enough):
        """Prove those gaps by their tilts' true ranges, that may be small enough."""
        trying = [i for i, gap in enumerate(gaps) if gap > enough[i] >= tilts[i].gap(0.0)]
        if trying:
            reaches = self.ranges([tilts[i].direction for i in trying], [held[i] for i in trying])
            for i, reach in zip(trying, reaches, strict=True):
                gaps[i] = min(gaps[i], tilts[i].gap(reach))

    def _tilted(self, gradient, least, strength):
        """The tilt that balances all, as far as a factor tells."""
        score_map, shape = self.whole.map, (-1, self.whole.map.n_scores)
        common = score_map.common(gradient)
        gradient = gradient - common
        matrix = least.copy()
        held = np.arange(score_map.n_features)
        matrix[held, held] += strength
        factor = Factor.of(matrix)
        tilt = factor.solve(gradient.reshape(shape))
        image = (matrix @ tilt).ravel()
        tilt, left = tilt.ravel(), gradient - image
        rest = abs(float(left @ tilt))
        rest += self.ridge_bound(strength, left) + self.ridge_bound(strength, common)
        if score_map.has_intercept:
            free = np.zeros((score_map.n_columns, score_map.n_scores))
            free[-1] = left[-score_map.n_scores :]
            unsolved = float(np.sum(free * factor.solve(free)))
            if unsolved > MOST_UNSOLVED**2 * float(gradient @ tilt):
                rest = np.inf
        return Tilt(tilt, float(tilt @ image), rest)


class SideBySide(NamedTuple):
    """Coefficients (n_features, n_scores, n_fits) and intercepts (n_scores, n_fits, 1) of fits."""

    coef_t: np.ndarray
    intercept: np.ndarray

    def of(self, fits):
        """Those of some, as of one model: all scores of the first class, then of the next."""
        coef_t, intercept = self.coef_t[:, :, fits], self.intercept[:, fits]
        return Affine(coef_t.reshape(len(coef_t), -1), intercept.reshape(-1, 1))


class Tilt(NamedTuple):
    """A direction, what a tilt along it costs but for its reach, and a bound on what it leaves."""

    direction: np.ndarray
    cost: float
    rest: float

    def gap(self, reach):
        """The bound, where no row's scores along the direction have a range beyond this."""
        return self.cost * divergence_factor(reach) + self.rest if reach <= MOST_TILT else np.inf


def _ranges(scores, n_fits):
    each = scores.reshape(-1, n_fits, scores.shape[1])
    if len(each) == 1:
        return np.abs(each[0]).max(axis=1)
    return (each.max(axis=0) - each.min(axis=0)).max(axis=1)


def _joined(parts):
    chunks = tuple(chunk for part in parts for chunk in part.chunks)
    return InMemoryRows(chunks, parts[0].n_threads, parts[0]._pool)


def _count(rows):
    return sum(len(block.weight) for block in rows)


def cut(objective, part_of, n_parts):
    """The Folds of an objective on rows in memory, ``part_of`` naming each row's part."""
    rows = objective.rows
    places = np.split(np.argsort(part_of, kind="stable"), np.cumsum(np.bincount(part_of))[:-1])
    starts = np.cumsum([0] + [len(block.weight) for block in rows])
    parts, weights = [], []
    for own in places:
        ends = np.searchsorted(own, starts)
        pieces = [
            picked(block, own[first:last] - start)
            for block, start, first, last in zip(rows, starts, ends, ends[1:], strict=False)
            if first < last
        ]
        X, target, weight = joined(pieces)
        # Blocks of like length; the products of many fits have nothing against longer ones.
        n_blocks = max(1, len(own) // block_rows(X, objective.map.n_scores))
        step = -(-len(own) // n_blocks)
        part = partition(X, target, weight, objective.map.n_scores, rows.n_threads, step)
        parts.append(replace(part, _pool=rows._pool))
        weights.append(float(weight.sum(dtype=np.float64)))
    whole = replace(objective, rough_dtype=objective.dtype)
    stride = max(1, objective.n_rows // FEW)
    few = [joined([every(stride, block) for block in part]) for part in parts]
    few_parts = np.repeat(np.arange(n_parts), [len(own.weight) for own in few])
    folds = Folds(whole, tuple(parts), np.array(weights), joined(few), few_parts)
    return replace(folds, reach=Reach.of(whole)) if folds.can_anchor else folds
