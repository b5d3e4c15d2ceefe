"""Upper bounds on ``value - optimum`` of fits that share their rows.

The bounds are those of ``_certificates.smooth``. Their second moments, below the Hessian, are made
once, at thetas near those of all fits, and serve as long as scores have not moved far
(``_certificates.self_concordance``).
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sksoftmax._certificates.self_concordance import FAR, ScoreRange
from sksoftmax._certificates.smooth import (
    MOST_UNSOLVED,
    by_intercepts_of_rows,
    divergence_factor,
)
from sksoftmax._curvature import costs
from sksoftmax._curvature.approximations import lower_curvature
from sksoftmax._curvature.moments import Centring, moments
from sksoftmax._curvature.preconditioners import Factor
from sksoftmax._objective.kernels import probabilities
from sksoftmax._objective.rows import Block, concatenate_blocks, strided

# Number of rows whose distributions are tilted to balance the intercepts.
FEW = 2000


class LowerMoments(NamedTuple):
    """Second moments below the Hessian of each fit, see ``approximations.lower``.

    thetas : list of ndarray of shape (n_parameters,), one for each fit, at which they are
    matrices : list of ndarray of shape (n_columns, n_columns), one for each fit
    """

    thetas: list
    matrices: list


@dataclass(frozen=True)
class FoldCertificates:
    """What the proofs of all fits share.

    few : Block of some of the rows
    few_parts : ndarray of int of shape (n_few_rows,), the part of each of these
    score_range : ScoreRange, or None where second moments of the columns cost too much
    """

    few: Block
    few_parts: np.ndarray
    score_range: ScoreRange | None

    @classmethod
    def of(cls, folds):
        whole = folds.whole
        stride = max(1, whole.n_rows // FEW)
        # Each is a copy: a view would hold all rows of its block.
        few = [
            concatenate_blocks([concatenate_blocks([strided(stride, block)]) for block in part])
            for part in folds.parts
        ]
        few_parts = np.repeat(np.arange(len(few)), [len(own.weight) for own in few])
        affordable = costs.columns_are_affordable(whole) and whole.is_symmetric
        return cls(concatenate_blocks(few), few_parts, ScoreRange.of(whole) if affordable else None)

    @property
    def moments(self):
        """Second moments of the columns, (n_columns, n_columns), or None."""
        return None if self.score_range is None else self.score_range.moments

    def by_intercepts(self, folds, points, fits):
        """Gaps of some fits at Points, (n,), by tilts of the intercepts on few rows."""
        score_map, (X, _, weight) = folds.whole.map, self.few
        if not score_map.has_intercept:
            bounds = (ridge_bound(folds, folds.strength(fit), point.gradient)
                      for point, fit in zip(points, fits, strict=True))  # fmt: skip
            return np.array(list(bounds))
        joint = folds.side_by_side([point.theta for point in points]).of(slice(None))
        scores = score_map.forward(joint, X)
        scores = scores.reshape(score_map.n_scores, len(fits), len(weight))
        gaps = []
        for i, (point, fit) in enumerate(zip(points, fits, strict=True)):
            objective = replace(folds.whole, penalty=folds.penalty(fit))
            own = folds.keeps[fit][self.few_parts] * weight
            own = own / (folds.whole.total_weight * folds.shares[fit])
            probability = probabilities(scores[:, i].copy())
            gaps.append(by_intercepts_of_rows(objective, point.gradient, X, probability, own))
        return np.array(gaps)

    def lower_moments(self, folds, thetas):
        """The LowerMoments of all fits, of each row's least curvature at any of the thetas.

        thetas : list of ndarray of shape (n_parameters,), one for each fit
        """
        distinct = list({id(theta): theta for theta in thetas}.values())
        joint = folds.side_by_side(distinct).of(slice(None))
        parts = [_lower_moments(folds, part, joint, len(distinct)) for part in folds.parts]
        matrices = [
            sum(part for part, kept in zip(parts, keeps, strict=True) if kept) / share
            for keeps, share in zip(folds.keeps, folds.shares, strict=True)
        ]
        return LowerMoments(thetas, matrices)

    def by_moments(self, folds, points, fits, lower):
        """Gaps of some fits at Points by moments at other thetas, without a pass over the rows.

        Returns
        -------
        gaps : ndarray of shape (n,)
        far : ndarray of bool of shape (n,), whether new moments would prove much more
        """
        n_scores = folds.whole.map.n_scores
        gaps, ranges = [], []
        for point, fit in zip(points, fits, strict=True):
            moved = self.score_range.bound(point.theta - lower.thetas[fit], n_scores)
            below = np.exp(-moved) * lower.matrices[fit]
            gaps.append(self._by_tilt(folds, point.gradient, below, folds.strength(fit)))
            ranges.append(moved)
        return np.array(gaps), np.array(ranges) > FAR

    def _by_tilt(self, folds, gradient, below, strength):
        """The bound by a tilt along all columns, see ``_certificates.smooth``.

        below : ndarray of shape (n_columns, n_columns), L without the ridge of this strength
        """
        score_map = folds.whole.map
        shared = score_map.shift_part(gradient)
        gradient = gradient - shared
        matrix, penalised = below.copy(), np.arange(score_map.n_features)
        matrix[penalised, penalised] += strength
        factor = Factor.of(matrix)
        tilt = factor.solve(gradient.reshape(-1, score_map.n_scores))
        image = (matrix @ tilt).ravel()
        tilt, left = tilt.ravel(), gradient - image
        if score_map.has_intercept:
            free = np.zeros((score_map.n_columns, score_map.n_scores))
            free[-1] = left[-score_map.n_scores :]
            unsolved = float(np.sum(free * factor.solve(free)))
            if unsolved > MOST_UNSOLVED**2 * float(gradient @ tilt):
                return np.inf
        largest_range = self.score_range.bound(tilt, score_map.n_scores)
        if not largest_range < 1:
            return np.inf
        remainder = abs(float(left @ tilt))
        remainder += ridge_bound(folds, strength, left) + ridge_bound(folds, strength, shared)
        return float(tilt @ image) * divergence_factor(largest_range) + remainder


def ridge_bound(folds, strength, gradient):
    """The gap that is proved, without a pass over the rows, if the intercepts are balanced."""
    coefficients = gradient[: folds.whole.map.n_scores * folds.whole.map.n_features]
    return 0.5 * float(coefficients @ coefficients) / strength if strength > 0 else np.inf


def _lower_moments(folds, rows, joint, n_thetas):
    """Of some rows, of each row's least curvature at any of the thetas, which are side by side."""
    score_map, centring = folds.whole.map, Centring.of(folds.whole)

    def block_sums(block):
        scores = score_map.forward(joint, block.X).reshape(score_map.n_scores, -1)
        lower = lower_curvature(probabilities(scores)).reshape(n_thetas, -1).min(axis=0)
        return moments(block.X, lower * block.weight, centring)

    return rows.sum(block_sums) / folds.whole.total_weight
