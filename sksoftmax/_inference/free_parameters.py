"""The parameters that a small change of the data moves, and the Hessian of the objective in them.

Of more than two classes under a ridge, or a norm across classes, these are the coefficients of all
classes but one against it. Where moduli of single coefficients are penalised they are those that
are not zero, and the intercepts of all classes but one: the objective is not differentiable in the
others, and a small change of the data leaves them at zero. A larger one may move those whose
gradient is near the strength of their penalty; these are known beside the parameters.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg.lapack import dpotrf, dtrtri

from sksoftmax._curvature.costs import MOST_PARAMETERS
from sksoftmax._curvature.moments import Centring, centred_columns, gram
from sksoftmax._inference.contrasts import sum_to_zero
from sksoftmax._objective.kernels import probabilities, variances
from sksoftmax._objective.objective import Objective
from sksoftmax._objective.penalties import NonsmoothPenalty
from sksoftmax._objective.row_selection import row_slice
from sksoftmax._objective.rows import Block
from sksoftmax._problems.composite import CompositeProblem

# Entries of the scratch matrices of a piece of a block.
PIECE = 2**18
# Added to the diagonal of the correlations, by parameter: it makes what is collinear harmless.
JITTER = 1e-15
# Share of the l1 strength from which on the gradient of a coefficient at zero is near it.
NEAR_STRENGTH = 0.5
TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class FreeParameters:
    """A vector of parameters, by score and then by column, and the fit that they belong to.

    objective : Objective, on the columns that some parameter is of
    nonsmooth : NonsmoothPenalty on these, or None
    theta : ndarray, where the fit ended
    score, column : ndarrays of int of shape (n_parameters,)
        Position in ``scores``, and column, of each parameter.
    scores : ndarray of int of shape (n_free,), indices of the scores that have parameters
    lift : ndarray (n_scores, n_free), which makes theta's rows of those of the parameters
    near : tuple of ndarrays, score and column of coefficients at zero that may well leave it
    n_active : int, the number of parameters without those
    """

    objective: Objective
    nonsmooth: NonsmoothPenalty | None
    theta: np.ndarray
    score: np.ndarray
    column: np.ndarray
    scores: np.ndarray
    lift: np.ndarray
    near: tuple
    n_active: int

    @classmethod
    def of(cls, problem, theta, base=0):
        """Those of a problem whose fit ended at theta; base is the index of a class.

        Raises
        ------
        ValueError
            Where they are so many that their Hessian can't be held.
        """
        objective, nonsmooth = problem.objective, None
        if isinstance(problem, CompositeProblem):
            objective, nonsmooth = objective.smooth, objective.nonsmooth
        active = active_entries(objective.map, nonsmooth, theta)
        near = near_entries(objective, nonsmooth, theta, active)
        columns = np.flatnonzero((active | near).any(axis=1))
        part, theta = objective.restricted(columns, theta)
        active, near, n_scores = active[columns], near[columns], active.shape[1]
        nonsmooth = None if nonsmooth is None else nonsmooth.on_columns(columns)
        scores, lift = np.arange(n_scores), np.eye(n_scores)
        if n_scores > 1 and not is_by_entry(nonsmooth, n_scores):
            scores, lift = np.delete(scores, base), sum_to_zero(base, n_scores)
        elif n_scores > 1:
            # Without a penalty a shift of all classes changes nothing: the base has no parameter.
            is_free = part.penalty.strength.reshape(active.shape)[:, 0] == 0
            active[active.all(axis=1) & is_free, base] = False
        score, column = np.nonzero(active[:, scores].T)
        check_number(len(score), active.shape)
        return cls(
            part, nonsmooth, theta, score, column, scores, lift, np.nonzero(near.T), len(score)
        )

    def with_near(self):
        """These parameters, and after them the coefficients at zero that may well leave it."""
        score, column = map(np.append, (self.score, self.column), self.near)
        return replace(self, score=score, column=column)

    def vector(self, gradient):
        """A gradient like theta, as one of the parameters."""
        return (gradient.reshape(-1, len(self.lift)) @ self.lift)[self.column, self.score]

    def moved(self, vector):
        """Theta, moved by a vector."""
        rows = np.zeros((self.objective.map.n_columns, len(self.scores)))
        rows[self.column, self.score] = vector
        return self.theta + (rows @ self.lift.T).ravel()

    def at(self, theta):
        """The same parameters of a fit that ended at another theta."""
        return replace(self, theta=theta)

    def value_and_gradient(self):
        """Those of the objective where the fit ended, times the sum of the weights."""
        objective = self.objective
        value, gradient = objective.value_and_gradient(self.theta)
        if self.nonsmooth is not None:
            value += self.nonsmooth.value(self.theta)
            gradient = gradient + self.nonsmooth.gradient_on_support(self.theta)
        return value * objective.total_weight, self.vector(gradient) * objective.total_weight

    @cached_property
    def penalty(self):
        """The Hessian of the penalty, times the sum of the weights."""
        n_scores, n_columns = len(self.lift), self.objective.map.n_columns
        blocks = self.objective.penalty.strength.reshape(n_columns, n_scores, 1) * np.eye(n_scores)
        if self.nonsmooth is not None and self.nonsmooth.norms(self.theta).shape[1] < n_scores:
            blocks = blocks + _norm_hessians(self.nonsmooth, self.theta)
        blocks = self.objective.total_weight * (self.lift.T @ blocks @ self.lift)
        same = self.column[:, None] == self.column
        return same * blocks[self.column[:, None], self.score[:, None], self.score]

    @cached_property
    def l1_strength(self):
        """Of the modulus of each parameter, times the sum of the weights; zero without a kink."""
        if not is_by_entry(self.nonsmooth, len(self.lift)):
            return np.zeros(len(self.score))
        return self.nonsmooth.l1_strength[self.column, 0] * self.objective.total_weight

    @property
    def values(self):
        """Where the fit ended, in parameters whose moduli are penalised."""
        entries = self.theta.reshape(-1, len(self.lift))[self.column, self.scores[self.score]]
        return np.where(self.l1_strength > 0, entries, 0.0)

    def hessian(self):
        """That of the objective where the fit ended, times the sum of the weights."""
        score_map, about = self.objective.map, Centring.of(self.objective)
        prepared, forward = score_map.prepare(self.theta, self.objective.dtype), score_map.forward
        score, column, scores = self.score, self.column, self.scores

        def block_sums(block):
            matrix = np.zeros((len(score),) * 2)
            for part in pieces(block, len(score)):
                probability = probabilities(forward(prepared, part.X))
                columns = centred_columns(part.X, about)
                if len(probability) == 1:
                    matrix += gram(columns[:, column], variances(probability)[0] * part.weight)
                else:
                    add_products(matrix, columns, probability[scores], part.weight, score, column)
            return matrix

        return self.objective.rows.sum(block_sums) + self.penalty


def active_entries(score_map, nonsmooth, theta):
    """A mask of theta's entries (n_columns, n_scores) in which the objective is differentiable."""
    shape = score_map.n_columns, score_map.n_scores
    if nonsmooth is None:
        return np.ones(shape, dtype=bool)
    strength = nonsmooth.l1_strength
    active = (nonsmooth.norms(theta) > 0) | (strength == 0)
    return np.array(np.broadcast_to(active & np.isfinite(strength), shape))


def near_entries(objective, nonsmooth, theta, active):
    """A mask like that of the active entries: zeros whose gradients are near the l1 strength.

    Those nearest, if all are more than can be held.
    """
    near = np.zeros_like(active)
    if not is_by_entry(nonsmooth, active.shape[1]):
        return near
    strength, gradient = nonsmooth.l1_strength, objective.value_and_gradient(theta)[1]
    norms = nonsmooth.norms(gradient)
    share = np.where(active | np.isinf(strength), 0.0, norms / np.maximum(strength, TINY))
    most = max(0, MOST_PARAMETERS - np.count_nonzero(active))
    chosen = np.argsort(-share, axis=None, kind="stable")[:most]
    near.flat[chosen] = share.flat[chosen] >= NEAR_STRENGTH
    return near


def is_by_entry(nonsmooth, n_scores):
    """Whether the modulus of each coefficient is penalised, and not the norm across classes."""
    if nonsmooth is None:
        return False
    if not ((nonsmooth.l1_strength > 0) & np.isfinite(nonsmooth.l1_strength)).any():
        return False
    return nonsmooth.norms(np.zeros(nonsmooth.l1_strength.size * n_scores)).shape[1] == n_scores


def check_number(n_parameters, shape):
    """Raise a ValueError for a Hessian that is too large."""
    if n_parameters <= MOST_PARAMETERS:
        return
    n_columns, n_scores = shape
    raise ValueError(
        f"leave-one-out needs the Hessian of {n_parameters} coefficients, of {n_columns} columns "
        f"and {max(2, n_scores)} classes, and holds at most {MOST_PARAMETERS}: cross-validate with "
        "folds, as cv=10, pass fewer columns, or let an l1_ratio with a smaller C select them"
    )


def pieces(block, width):
    """The rows of a block, so few at a time that matrices of so many columns stay small."""
    n_rows, step = len(block.weight), max(1, PIECE // max(1, width))
    for start in range(0, n_rows, step):
        stop = min(start + step, n_rows)
        X = row_slice(block.X, start, stop)
        yield Block(X, block.target[..., start:stop], block.weight[start:stop])


def add_products(matrix, columns, probability, weight, score, column):
    """Add ``sum_i w_i (diag(p_i) - p_i p_i') (x) x_i x_i'``, of some pairs of score and column."""
    joint = columns[:, column] * (probability * np.sqrt(weight)).T[:, score]
    matrix -= joint.T @ joint
    for k, own in enumerate(probability):
        mine = np.flatnonzero(score == k)
        if len(mine):
            part = slice(mine[0], mine[-1] + 1)
            matrix[part, part] += gram(columns[:, column[part]], own * weight)


def _norm_hessians(nonsmooth, theta):
    """``strength (I - u u') / norm`` of each row of theta, u being its direction; zero without."""
    rows, norms = theta.reshape(-1, nonsmooth.n_scores), nonsmooth.norms(theta)
    finite = (norms > 0) & (nonsmooth.l1_strength > 0)
    unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    slope = np.divide(nonsmooth.l1_strength, norms, out=np.zeros_like(norms), where=finite)
    return slope[..., None] * (np.eye(rows.shape[1]) - unit[:, :, None] * unit[:, None, :])


def inverse_root(matrix):
    """The lower triangular U with ``U'U`` the inverse of a positive semidefinite matrix.

    A jitter beside its scaled diagonal keeps it finite in directions that no row sees. Products
    with U lose half as many digits there as those with the inverse would.
    """
    size = len(matrix)
    if size == 0:
        return matrix
    diagonal = np.diag(matrix)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled, jitter = matrix / scale / scale[:, None], JITTER * size
    while True:
        scaled[np.diag_indices(size)] += jitter
        lower, failed = dpotrf(scaled, lower=1)
        if not failed:
            break
        jitter *= 100
    root, _ = dtrtri(lower, lower=1)
    return np.ascontiguousarray(root) / scale
