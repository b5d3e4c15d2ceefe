"""Moments of the columns at one theta, by which distributions are tilted at others nearby.

With ``v_i`` the least probability of row i at the anchor, the distributions

    q_i = p_i - v_i (b_i - mean_k b_ik)

at another theta move the pull of the columns by the anchor's moments times b, exactly. They need be
no more than positive: with ``a_ik`` the share of ``p_ik`` that is taken away,

    KL(q_i, p_i) <= sum_k p_ik a_ik^2 / (2 (1 - max(a_ik, 0))),

so that rows whose probabilities have changed since cost what they cost, and no bound on how far
away the anchor is, is needed.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax import curvature
from sksoftmax.factors import Factor
from sksoftmax.kernels import probabilities, variances
from sksoftmax.maps import Affine
from sksoftmax.rows import Largest


class Tilted(NamedTuple):
    """What a tilt does to the rows.

    share : the largest part that it takes of any probability
    fresh : the same, about, of the tilt by moments that are made here
    cost : a bound on the mean KL, where the share is below 1
    """

    share: float
    fresh: float
    cost: float


@dataclass
class Anchor:
    """Where moments were made last; empty at first.

    columns : indices of the columns of X that they are of; None for all
    places : rows of theta that belong to them
    moments : ndarray of shape (n_places, n_places)
    factor : Factor, of them
    steepness : share that the last tilt took, over its norm in the moments
    """

    theta: np.ndarray | None = None
    columns: np.ndarray | None = None
    places: np.ndarray | None = None
    moments: np.ndarray | None = None
    factor: Factor | None = None
    steepness: float = 0.0

    def covers(self, columns):
        """Whether there are moments of all these columns."""
        if self.theta is None or columns is None or self.columns is None:
            return self.theta is not None and self.columns is None
        return bool(np.isin(columns, self.columns).all())

    def drop(self, objective, theta, columns, places):
        """Make the moments of some columns at theta, which is zero on all others."""
        self.theta, self.columns, self.places = theta, columns, places
        if columns is not None:
            objective = objective.on_columns(columns, places)
            theta = theta.reshape(-1, objective.map.n_scores)[places].ravel()
        self.moments = curvature.least_moments(objective, theta)
        self.factor, self.steepness = Factor.of(self.moments), 0.0

    def tilted(self, objective, theta, tilt):
        """What a tilt does, and the pull that it takes away from all columns.

        tilt : ndarray of shape (n_places, n_scores), whose rows sum to zero over classes
        """
        score_map, n_scores = objective.map, objective.map.n_scores
        whole = np.zeros((score_map.n_columns, n_scores))
        whole[self.places] = tilt
        here = self.theta is theta
        vectors = (theta, whole.ravel()) if here else (theta, whole.ravel(), self.theta)
        # One product for all.
        prepared = (score_map.prepare(vector, objective.dtype) for vector in vectors)
        coefs_t, intercepts = zip(*prepared, strict=True)
        joint = Affine(np.hstack(coefs_t), np.vstack(intercepts))
        known = self.columns is None

        def block_sums(block):
            scores = score_map.forward(joint, block.X).reshape(len(vectors), n_scores, -1)
            probability, moved = probabilities(scores[0]), scores[1]
            now = _least(probability)
            then = now if here else _least(probabilities(scores[2]))
            numbers = _numbers(probability, moved, now, then, block.weight)
            if known:
                return numbers
            moved *= then * block.weight
            return *numbers, *score_map.backward(block.X, moved)

        share, fresh, bent, then, now, *sums = objective.rows.sum(block_sums)
        norm = _norm(self.moments, tilt)
        self.steepness = share.number / norm if norm > 0 else 0.0  # which is to say, unknown
        if known:
            taken = (self.moments @ tilt).ravel()
        else:
            taken = score_map.gradient(sums) / objective.total_weight
        outcome = Tilted(share.number, fresh.number * then / now, bent / objective.total_weight)
        return outcome, taken

    def expected_share(self, tilt):
        return self.steepness * _norm(self.moments, tilt)


def _numbers(probability, moved, now, then, weight):
    """Of some rows: largest shares, divergence, and sums of least probabilities."""
    if len(moved) == 1:
        probability = np.vstack([1 - probability, probability])
        moved = np.vstack([-moved, moved])
    share = moved / probability
    fresh = Largest(float((share.max(axis=0) * now).max()))
    share *= then
    bent = moved * share
    bent *= then
    bent /= 1 - np.maximum(share, 0)
    bent = 0.5 * float(bent.sum(axis=0, dtype=np.float64) @ weight)
    return Largest(float(share.max())), fresh, bent, float(then @ weight), float(now @ weight)


def _norm(moments, tilt):
    # Rounding may leave a square below 0.
    return max(float(np.sum(tilt * (moments @ tilt))), 0.0) ** 0.5


def _least(probability):
    return variances(probability)[0] if len(probability) == 1 else probability.min(axis=0)
