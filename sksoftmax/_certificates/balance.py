"""A bound on the distance to the optimum that an evaluation brings along.

The certificate by a tilt of the intercepts alone (see ``certificate``), by ``v_i (I - 11'/K)`` with
``v_i = min_k p_ik``: it needs the columns' means weighted by ``v_i`` and no more, which are added
up on the way. All else is left to the penalty.
"""

from typing import NamedTuple

import numpy as np

from sksoftmax._certificates.smooth import MOST_TILT, divergence_factor
from sksoftmax._objective.kernels import cross_entropy_residual, weighted_probabilities


class Observed(NamedTuple):
    """An evaluation.

    spread : ndarray of shape (n_columns,)
        The columns' means weighted by ``v_i``, the intercept's last; None where there is none.
    """

    value: float
    gradient: np.ndarray
    spread: np.ndarray | None


def observe(objective, theta):
    """Value and gradient, and what balances the intercepts, in one pass."""
    score_map, dtype = objective.map, objective.dtype
    prepared = score_map.prepare(theta, dtype)
    if not score_map.has_intercept:
        return Observed(*objective.value_and_gradient(theta), None)

    def block_sums(block):
        X = block.X.astype(dtype, copy=False)
        scores = score_map.forward(prepared, X)
        loss = cross_entropy_residual(scores, block.target, block.weight)
        sums = score_map.backward(X, scores)
        least = _least(scores, block)
        return loss, sums, np.asarray(least @ X, dtype=np.float64), float(least.sum())

    loss, sums, columns, mass = objective.rows.sum(block_sums)
    value, gradient = objective.penalty.value_and_gradient(theta)
    gradient += score_map.gradient(sums) / objective.total_weight
    spread = np.append(columns - mass * score_map.center, mass) / objective.total_weight
    return Observed(value + loss / objective.total_weight, gradient, spread)


def _least(residual, block):
    """Weighted ``v_i`` of the rows whose residuals these are; they are overwritten."""
    weighted = weighted_probabilities(residual, block.target, block.weight)
    if len(weighted) == 1:
        return weighted[0] * (1 - weighted[0] / block.weight)
    return weighted.min(axis=0)


def balanced_bound(objective, gradient, spread):
    """The bound, for next to nothing; inf where nothing is proved.

    spread : as `Observed` has it, or less of it: a positive number times all
    """
    score_map = objective.map
    if spread is None:
        return objective.gap_estimate(gradient)
    common = score_map.common(gradient)
    left = (gradient - common).reshape(-1, score_map.n_scores)
    tilt = left[-1] / max(spread[-1], np.finfo(np.float64).tiny)
    reach = abs(tilt[0]) if len(tilt) == 1 else np.ptp(tilt)
    if not reach <= MOST_TILT:
        return np.inf
    divergence = float(left[-1] @ tilt) * divergence_factor(reach)
    rest = (left - np.outer(spread, tilt)).ravel()
    return divergence + objective.gap_estimate(rest) + objective.gap_estimate(common)
