"""An upper bound on the distance to the optimum, from the point reached alone.

Fenchel duality: for *any* distributions ``q_i`` over the classes whose residuals balance every
unpenalised parameter, the intercept among them,

    value(theta) - optimum <= mean_i KL(q_i, p_i) + sum_j r_j^2 / (2 strength_j)

where ``p_i`` are the probabilities at theta and ``r`` is the gradient with ``q_i`` in the place
of ``p_i``. The gradient itself is ``r`` for ``q = p``, which balances nothing and is loose by the
ratio of the curvature to the penalty, many thousands as a rule. So tilt the distributions, against
the gradient: with scores ``b_i`` linear in the row's columns,

    q_i = p_i - A_i b_i,    A_i <= diag(p_i) - p_i p_i'

sums to one and is positive where ``rho``, the largest range of any ``b_i``, is below 1. It moves
the gradient by the linear map ``L - Lambda``, L being the matrix that has the ``A_i`` in the place
of the curvatures of the rows and ``Lambda`` the penalty's. Choose ``b`` by ``L b = gradient``: what
remains is ``r = Lambda b``, zero for every unpenalised parameter. And since
``(1 + a) log(1 + a) - a <= f(rho) a^2`` for ``a >= -rho``, where ``f`` goes from 1/2 at 0 to 1 at
1 (`divergence_factor`), the bound adds up to

    gap <= f(rho) gradient' L^-1 gradient,

a Newton decrement, but a proof. With ``A_i = diag(p_i) - p_i p_i'`` L is the Hessian; with
``A_i = min_k p_ik`` it is one small matrix for all classes, of as many rows as one likes to tilt,
since ``A_i = 0`` is allowed; with ``b`` confined to the intercepts
only they are balanced and the rest is left to the penalty. Each costs more than the next and
proves more.

Where columns are constant, repeated or combinations of others, some directions change no row's
scores. In such a direction v all ``B_i v`` are zero, hence

    d . v = mean_i (q_i - y_i)' B_i v = 0

for *every* choice of the ``q_i``: it is balanced already, and asks nothing of the tilt. What is
computed of ``d . v`` is what rounding leaves of sums whose terms cancel. So an unpenalised
parameter counts as balanced where the size of its ``r`` is within the rounding of its sum,
``eps mean_i |B_i|' |q_i - y_i|`` times a small number: no data that differ from these by rounding
could tell it from zero. The same rounding is taken out of the gradient before the tilt is chosen,
since it would ask for large coefficients along what is flat, that scores then lose in their own
rounding.
"""

import math

import numpy as np

from sksoftmax._curvature import approximations
from sksoftmax._curvature.preconditioners import Factor
from sksoftmax._objective.kernels import curvature_product
from sksoftmax._objective.rows import Largest, strided
from sksoftmax._solvers.conjugate_gradients import conjugate_gradients

# Where the tilt is larger than this, the point is so far from the optimum that nothing is proved.
MOST_TILT = 0.9
# Share of the bound, in the preconditioner, that may remain of what no penalty holds: rounding.
MOST_UNSOLVED = 1e-5
# Share of what is left that may be beyond the factor, for its jitter.
JITTER = 0.1
SOLVED = 1e-12  # share of a gradient of intercepts that is rounding
CUTOFF = 1e-15  # of eigenvalues, beside the largest
MOST_PRODUCTS = 20  # to solve for a tilt where columns are nearly collinear


def gap(objective, theta, gradient, target_gap=0.0):
    """The bound by the cheapest tilt that proves ``target_gap``; for 0, by the best of all."""
    least = np.inf
    if objective.penalised_coef and (
        target_gap == 0 or ridge_bound(objective, gradient) <= target_gap
    ):
        least = by_intercepts(objective, theta, gradient)
    if least <= target_gap:
        return least
    for lower in approximations.lower_bounds(objective, theta, last=target_gap == 0):
        least = min(least, _by_preconditioner(objective, theta, gradient, lower))
        if least <= target_gap:
            break
    return least


def ridge_bound(objective, gradient):
    """The bound without a tilt and with the intercepts left out: free, and never larger."""
    strength = objective.penalty.strength
    penalised = strength > 0
    return 0.5 * float(np.sum(gradient[penalised] ** 2 / strength[penalised]))


def divergence_factor(score_range):
    """The largest ``((1 + a) log(1 + a) - a) / a^2`` of ``a >= -score_range``: from 1/2 to 1."""
    if score_range < 1e-3:  # where rounding would tell nothing; the next term is score_range^2 / 12
        return 0.5 + score_range / 3
    return (
        ((1 - score_range) * math.log1p(-score_range) + score_range) / score_range**2
        if score_range < 1
        else math.inf
    )


def _by_preconditioner(objective, theta, gradient, lower):
    """The bound by a tilt that solves ``L b = gradient``, as far as it does.

    L is as ill conditioned as the columns are collinear, so what the factor gives is looked at
    once more: with ``left = gradient - L b`` the penalised parameters are left ``Lambda b + left``,
    which costs ``left . b + left^2 / (2 strength)`` more. Nothing is proved if much of what no
    penalty holds is left.
    """
    # What all classes share no tilt can balance: it is left to the penalty, which alone makes it.
    common = (
        objective.map.shift_part(gradient) if objective.is_symmetric else np.zeros_like(gradient)
    )
    # Nor is there anything to balance where rounding of the sums is all that the gradient is.
    rounding = 0.0 if objective.penalised_coef else objective.rounding(theta)
    gradient = _beyond(rounding, gradient - common)
    tilt = lower.preconditioner.solve(gradient)
    score_range, image = _tilted(objective, theta, tilt, lower)
    left = _beyond(rounding, gradient - image)
    if _share(lower.preconditioner, left, gradient) > MOST_UNSOLVED:
        tilt = conjugate_gradients(
            lambda vector: _tilted(objective, theta, vector, lower)[1],
            lower.preconditioner.solve, gradient, MOST_UNSOLVED, MOST_PRODUCTS,
        )  # fmt: skip
        score_range, image = _tilted(objective, theta, tilt, lower)
        left = _beyond(rounding, gradient - image)
    free = np.where(objective.penalty.strength > 0, 0.0, left)
    if score_range > MOST_TILT or not _is_balanced(objective, theta, lower, free, gradient):
        return np.inf
    # The square is none below 0 but for rounding.
    divergence = max(float(tilt @ image), 0.0) * divergence_factor(score_range) + abs(
        float(left @ tilt)
    )
    return divergence + ridge_bound(objective, left) + ridge_bound(objective, common)


def _is_balanced(objective, theta, lower, free, gradient):
    """Whether next to nothing is left of what no penalty holds.

    Where columns are nearly collinear, the jitter of the factor is more than the curvature along
    what tells them apart, and the factor can't say how much is left there: then what it makes of
    ``free`` is not its solution.
    """
    if _share(lower.preconditioner, free, gradient) > MOST_UNSOLVED:
        return False
    if objective.penalised_coef or lower.preconditioner.factor.is_accurate or not free.any():
        return True
    solved = _tilted(objective, theta, lower.preconditioner.solve(free), lower)[1]
    return _share(lower.preconditioner, free - solved, free) <= JITTER


def _beyond(rounding, left):
    """What is left of a gradient, without what may be rounding of its sums."""
    return np.where(np.abs(left) > rounding, left, 0.0)


def _share(preconditioner, part, whole):
    """The size of a vector beside another, in the preconditioner's norm."""
    size = whole @ preconditioner.solve(whole)
    return float(np.sqrt(max(part @ preconditioner.solve(part), 0.0) / size)) if size > 0 else 0.0


def _tilted(objective, theta, tilt, lower):
    """The largest range of the tilt's scores, and the lower bound's matrix times the tilt."""
    at = approximations.probabilities_at(objective, theta)
    along = objective.map.prepare(tilt, objective.dtype)
    forward, backward = objective.map.forward, objective.map.backward
    stride, product = lower.stride, lower.product

    def block_sums(block):
        block = strided(stride, block)
        moved = forward(along, block.X)
        score_range = Largest(_range(moved))
        return score_range, backward(block.X, product(at(block), moved, block.weight))

    score_range, sums = objective.rows.sum(block_sums)
    image = objective.map.gradient(sums) / objective.total_weight
    return float(score_range.number), image + objective.penalty.strength * tilt


def by_intercepts(objective, theta, gradient):
    """The bound by a tilt of the intercepts alone; inf where that is too large."""
    score_map = objective.map
    if (objective.penalty.strength > 0).all():
        return ridge_bound(objective, gradient)
    at = approximations.probabilities_at(objective, theta)
    frequency, agreement = objective.rows.sum(
        lambda block: approximations.class_curvature(at(block), block.weight)
    )
    curvature = (np.diag(frequency) - agreement) / objective.total_weight

    def image(tilt):
        zeros = np.zeros((score_map.n_scores, score_map.n_features))
        return objective.hessian_product(theta, score_map.join(zeros, tilt))

    return _by_intercepts(objective, gradient, curvature, image)


def by_intercepts_of_rows(objective, gradient, X, probability, weight):
    """The same where only the distributions of some rows are tilted, which are at hand.

    X : array of shape (n_rows, n_features)
    probability : ndarray of shape (n_scores, n_rows), at the point where the gradient is
    weight : ndarray of shape (n_rows,), relative to the weight of all rows
    """
    frequency, agreement = approximations.class_curvature(probability, weight)

    def image(tilt):
        moved = np.repeat(tilt[:, None], len(weight), axis=1)
        moved = curvature_product(probability, moved, weight)
        return objective.map.gradient(objective.map.backward(X, moved))

    return _by_intercepts(objective, gradient, np.diag(frequency) - agreement, image)


def _by_intercepts(objective, gradient, curvature, image):
    """The bound from the intercepts' own block of L, and the product of L with such a tilt."""
    tilt = -_pseudo_solution(curvature, objective.map.split(gradient)[1])
    score_range = _range(tilt[:, None])
    if not score_range <= MOST_TILT:
        return np.inf
    divergence = max(float(tilt @ curvature @ tilt), 0.0) * divergence_factor(score_range)
    return divergence + ridge_bound(objective, gradient + image(tilt))


def _pseudo_solution(matrix, vector):
    """The pseudo-inverse of a matrix on classes, whose rows sum to zero, times a vector."""
    if len(matrix) > 1:
        # With curvature along what all classes share a factor tells, as a rule, and it takes a
        # twentieth of the time of eigenvectors.
        vector = vector - vector.mean()
        factor = Factor.of(matrix + np.diag(matrix).mean() / len(matrix))
        solution = factor.solve(vector)
        solution += factor.solve(vector - matrix @ solution)
        if np.abs(vector - matrix @ solution).max() <= SOLVED * np.abs(vector).max():
            return solution - solution.mean()
    values, vectors = np.linalg.eigh(matrix)
    sizes = np.abs(values)
    kept = sizes > CUTOFF * sizes.max(initial=0)
    vectors = vectors[:, kept]
    return vectors @ ((vector @ vectors) / values[kept])


def largest_range(objective, direction):
    """The largest difference between two classes' scores of any row, along a direction."""
    prepared = objective.map.prepare(direction, objective.dtype)
    forward = objective.map.forward
    largest = objective.rows.sum(lambda block: Largest(_range(forward(prepared, block.X))))
    return float(largest.number)


def _range(scores):
    """Largest difference between two classes' scores of a row; a single row of scores is (0, s)."""
    if scores.shape[0] == 1:
        return float(np.abs(scores).max())
    return float((scores.max(axis=0) - scores.min(axis=0)).max())
