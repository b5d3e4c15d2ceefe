"""Second moments of the columns made at one theta, by which distributions are tilted at others.

For any positive weights ``v_i`` of the rows, the distributions

    q_i = p_i - v_i (b_i - mean_k b_ik)

change the gradient by ``-M b``, exactly, M being the columns' moments weighted by ``v_i``. They
must be positive, and nothing else: with ``a_ik`` the share of ``p_ik`` that is taken away,

    KL(q_i, p_i) <= sum_k p_ik a_ik^2 / (2 (1 - max(a_ik, 0))),

which is added up over the rows. So M may be made at another theta, and no bound is needed on how
far away that is.

The weights come from the probabilities at that theta, of which ``m_i`` is the least of row i:
``v_i = m_i^2 / (m_i + l)`` with ``l = 0.01 / K``. Rows with probabilities near 0 add little to the
moments, but their shares may be the largest. Damped weights make these smaller: paths on text take
0.82 of the steps. For two classes ``v_i = p_i (1 - p_i)``.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sksoftmax._curvature.approximations import lower_curvature, lower_moments
from sksoftmax._curvature.preconditioners import Factor
from sksoftmax._objective.kernels import cross_entropy_residual, probabilities
from sksoftmax._objective.rows import Largest
from sksoftmax._objective.score_maps import Affine, LinearMap

# l relative to the probability of equally likely classes.
DAMPED = 0.01


def damped_curvature(probability):
    """The ``v_i`` of rows by their probabilities (n_scores, n_rows); at most `lower_curvature`."""
    least = lower_curvature(probability)
    if len(probability) == 1:
        return least
    return least**2 / (least + DAMPED / len(probability))


class Tilted(NamedTuple):
    """The distributions that a tilt makes.

    share : float, the largest ``a_ik``; they are positive where it is below 1
    cost : float, a bound on ``mean_i KL(q_i, p_i)`` if they are
    """

    share: float
    cost: float


@dataclass(frozen=True)
class Tilts:
    """The tilted distributions of a block's rows.

    joint : Affine
        Coefficients of theta, of the tilt, and of the moments' theta if it is another, side by
        side.
    """

    map: LinearMap
    joint: Affine

    @classmethod
    def of(cls, objective, vectors):
        """Of theta, the tilt and maybe the moments' theta, (n_parameters,) each."""
        prepared = (objective.map.prepare(vector, objective.dtype) for vector in vectors)
        coefs_t, intercepts = zip(*prepared, strict=True)
        return cls(objective.map, Affine(np.hstack(coefs_t), np.vstack(intercepts)))

    def scores(self, block):
        """The scores of each vector, (2 or 3, n_scores, n_rows), by one product."""
        n_rows = len(block.weight)
        return self.map.forward(self.joint, block.X).reshape(-1, self.map.n_scores, n_rows)

    def of_rows(self, scores):
        """The ``p_i``, ``b_i`` and ``v_i`` of rows with these scores, which are overwritten."""
        probability, b = probabilities(scores[0]), scores[1]
        then = probability if len(scores) == 2 else probabilities(scores[2])
        return probability, b, damped_curvature(then)

    def residual(self, block):
        """``w_i (q_i - y_i)``, (n_scores, n_rows)."""
        scores = self.scores(block)
        residual = scores[0].copy()
        cross_entropy_residual(residual, block.target, block.weight)
        _, b, v = self.of_rows(scores)
        b *= v * block.weight
        residual -= b
        return residual


@dataclass(frozen=True)
class StaleMoments:
    """Second moments of some columns, weighted by the ``v_i`` at a theta.

    theta : ndarray of shape (n_parameters,), where they were made
    columns : indices of these columns in X; None for all
    rows : indices of their rows in theta, the intercept's included
    matrix : ndarray of shape (len(rows), len(rows)), M
    factor : Factor of the matrix
    steepness : float, share that the last tilt took over its norm in M; 0 before the first
    """

    theta: np.ndarray
    columns: np.ndarray | None
    rows: np.ndarray
    matrix: np.ndarray
    factor: Factor
    steepness: float = 0.0

    @classmethod
    def of(cls, objective, theta, columns, rows):
        """Moments of some columns at theta, which is zero on all others."""
        own = theta
        if columns is not None:
            objective = objective.on_columns(columns, rows)
            own = theta.reshape(-1, objective.map.n_scores)[rows].ravel()
        matrix = lower_moments(objective, own, curvature=damped_curvature)
        return cls(theta, columns, rows, matrix, Factor.of(matrix))

    def covers(self, columns):
        """Whether these are moments of all the columns."""
        if columns is None or self.columns is None:
            return self.columns is None
        return bool(np.isin(columns, self.columns).all())

    def tilted(self, objective, theta, tilt):
        """The distributions at theta that are tilted along the columns, by one pass over the rows.

        tilt : ndarray of shape (len(rows), n_scores), whose rows sum to zero over classes

        Returns
        -------
        outcome : Tilted
        taken : ndarray of shape (n_parameters,), what the tilt takes from the gradient
        residual : function of blocks, their ``w_i (q_i - y_i)``
        moments : StaleMoments, these with the steepness of this tilt
        """
        score_map, n_scores = objective.map, objective.map.n_scores
        whole = np.zeros((score_map.n_columns, n_scores))
        whole[self.rows] = tilt
        vectors = (theta, whole.ravel())
        if self.theta is not theta:
            vectors = (*vectors, self.theta)
        tilts = Tilts.of(objective, vectors)
        of_all = self.columns is None  # and M tells all that the tilt takes

        def block_sums(block):
            probability, b, v = tilts.of_rows(tilts.scores(block))
            numbers = _share_and_divergence(probability, b, v, block.weight)
            if of_all:
                return numbers
            b *= v * block.weight
            return *numbers, *score_map.backward(block.X, b)

        share, divergence, *sums = objective.rows.sum(block_sums)
        norm = _norm(self.matrix, tilt)
        steepness = float(share.number) / norm if norm > 0 else 0.0
        if of_all:
            taken = (self.matrix @ tilt).ravel()
        else:
            taken = score_map.gradient(sums) / objective.total_weight
        outcome = Tilted(float(share.number), divergence / objective.total_weight)
        return outcome, taken, tilts.residual, replace(self, steepness=steepness)

    def expected_share(self, tilt):
        """The share that a tilt is expected to take, by the steepness of the last one.

        Not to try what is unlikely to be valid saves 12 to 29 % of dense paths.
        """
        return self.steepness * _norm(self.matrix, tilt)


def _share_and_divergence(probability, b, v, weight):
    """The largest ``a_ik`` of some rows, and a bound on their sum of ``w_i KL(q_i, p_i)``.

    probability, b : ndarrays of shape (n_scores, n_rows)
    v, weight : ndarrays of shape (n_rows,)
    """
    if len(b) == 1:
        probability = np.vstack([1 - probability, probability])
        b = np.vstack([-b, b])
    taken = b * v
    # The share of a probability that underflows is 0 if v underflows too, else far above 1.
    share = taken / np.maximum(probability, np.finfo(probability.dtype).tiny)
    divergence = taken * share
    divergence /= 1 - np.maximum(share, 0)
    divergence = 0.5 * float(divergence.sum(axis=0, dtype=np.float64) @ weight)
    return Largest(float(share.max())), divergence


def _norm(moments, tilt):
    """The norm of a tilt in M, whose square rounding may make negative."""
    return max(float(np.sum(tilt * (moments @ tilt))), 0.0) ** 0.5
