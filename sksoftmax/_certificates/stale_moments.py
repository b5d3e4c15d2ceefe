"""Moments of the columns at one theta, by which distributions are tilted at others nearby.

With ``v_i`` any positive weight of row i, the distributions

    q_i = p_i - v_i (b_i - mean_k b_ik)

move the pull of the columns by their moments, weighted by v, times b, exactly. They need be no more
than positive: with ``a_ik`` the share of ``p_ik`` that is taken away,

    KL(q_i, p_i) <= sum_k p_ik a_ik^2 / (2 (1 - max(a_ik, 0))),

so that rows whose probabilities have changed since cost what they cost, and no bound on how far
away the anchor is, is needed.

The weights are the least probabilities at the anchor.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax._curvature.approximations import least_moments, least_spread
from sksoftmax._curvature.preconditioners import Factor
from sksoftmax._objective.kernels import cross_entropy_residual, probabilities
from sksoftmax._objective.rows import Largest
from sksoftmax._objective.score_maps import Affine, LinearMap


class Tilted(NamedTuple):
    """What a tilt does to the rows.

    share : the largest part that it takes of any probability
    fresh : the same, about, of the tilt by moments that are made here
    cost : a bound on the mean KL, where the share is below 1
    """

    share: float
    fresh: float
    cost: float


@dataclass(frozen=True)
class Tilts:
    """The tilts of rows, from their columns.

    joint : Affine
        The scores of theta, those of the tilt, and those of the anchor where it is elsewhere.
    """

    map: LinearMap
    joint: Affine

    @classmethod
    def of(cls, objective, vectors):
        # One product for all.
        prepared = (objective.map.prepare(vector, objective.dtype) for vector in vectors)
        coefs_t, intercepts = zip(*prepared, strict=True)
        return cls(objective.map, Affine(np.hstack(coefs_t), np.vstack(intercepts)))

    def scores(self, block):
        n_rows = len(block.weight)
        return self.map.forward(self.joint, block.X).reshape(-1, self.map.n_scores, n_rows)

    def of_rows(self, scores):
        """Probabilities, ``b_i`` and ``v_i``, over the scores."""
        probability, moved = probabilities(scores[0]), scores[1]
        then = probability if len(scores) == 2 else probabilities(scores[2])
        return probability, moved, least_spread(then)

    def residual(self, block):
        """``w_i (q_i - y_i)``."""
        scores = self.scores(block)
        residual = scores[0].copy()
        cross_entropy_residual(residual, block.target, block.weight)
        _, moved, then = self.of_rows(scores)
        moved *= then * block.weight
        residual -= moved
        return residual


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
        self.moments = least_moments(objective, theta)
        self.factor, self.steepness = Factor.of(self.moments), 0.0

    def tilted(self, objective, theta, tilt):
        """What a tilt does, the pull that it takes away from all columns, and what it leaves.

        tilt : ndarray of shape (n_places, n_scores), whose rows sum to zero over classes

        Returns
        -------
        outcome : Tilted
        taken : ndarray like theta
        residual : function of blocks
            Their weighted residuals.
        """
        score_map, n_scores = objective.map, objective.map.n_scores
        whole = np.zeros((score_map.n_columns, n_scores))
        whole[self.places] = tilt
        vectors = (theta, whole.ravel())
        if self.theta is not theta:
            vectors = (*vectors, self.theta)
        tilts = Tilts.of(objective, vectors)
        known = self.columns is None

        def block_sums(block):
            probability, moved, then = tilts.of_rows(tilts.scores(block))
            numbers = _numbers(probability, moved, then, block.weight)
            if known:
                return numbers
            moved *= then * block.weight
            return *numbers, *score_map.backward(block.X, moved)

        share, fresh, bent, then, now, *sums = objective.rows.sum(block_sums)
        norm = _norm(self.moments, tilt)
        self.steepness = float(share.number) / norm if norm > 0 else 0.0  # which is to say, unknown
        if known:
            taken = (self.moments @ tilt).ravel()
        else:
            taken = score_map.gradient(sums) / objective.total_weight
        # Where all rows are sure of their class, moments made here would be nothing.
        fresh = float(fresh.number) * then / now if now > 0 else np.inf
        outcome = Tilted(float(share.number), fresh, bent / objective.total_weight)
        return outcome, taken, tilts.residual

    def expected_share(self, tilt):
        return self.steepness * _norm(self.moments, tilt)


def _numbers(probability, moved, then, weight):
    """Of some rows: largest shares, divergence, and sums of least curvatures."""
    now = least_spread(probability)
    if len(moved) == 1:
        probability = np.vstack([1 - probability, probability])
        moved = np.vstack([-moved, moved])
    taken = moved * then
    # Where a probability has underflown so has its row's weight, and nothing is taken.
    share = taken / np.maximum(probability, np.finfo(probability.dtype).tiny)
    renewed = np.divide(now, then, out=np.zeros_like(then), where=then > 0)
    fresh = Largest(float((share.max(axis=0) * renewed).max()))
    bent = taken * share
    bent /= 1 - np.maximum(share, 0)
    bent = 0.5 * float(bent.sum(axis=0, dtype=np.float64) @ weight)
    return Largest(float(share.max())), fresh, bent, float(then @ weight), float(now @ weight)


def _norm(moments, tilt):
    # Rounding may leave a square below 0.
    return max(float(np.sum(tilt * (moments @ tilt))), 0.0) ** 0.5
