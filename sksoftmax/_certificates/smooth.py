"""An upper bound on ``value - optimum`` of a smooth objective at any theta.

Fenchel duality: for *any* distributions ``q_i`` over the classes

    value(theta) - optimum <= mean_i KL(q_i, p_i) + sum_j r_j^2 / (2 strength_j),

where ``p_i`` are the probabilities at theta and ``r`` is the gradient with ``q_i`` in the place of
``p_i``. The distributions must be dual feasible, which means that they balance every unpenalised
parameter j, the intercepts among them: ``r_j = 0``. With ``q = p``, r is the gradient itself. That
balances nothing, and the bound would be too large by the ratio of the curvature to the penalty,
thousands as a rule. So the distributions are tilted: with scores ``b_i`` linear in the row's
columns,

    q_i = p_i - A_i b_i,    0 <= A_i <= diag(p_i) - p_i p_i',

which sums to one and is positive where ``rho``, the largest range of any ``b_i``, is below 1. It
changes the gradient by ``-(L - Lambda) b``: L is the Hessian with the ``A_i`` in the place of the
curvatures of the rows, and Lambda that of the penalty. With ``L b = gradient`` what remains is
``r = Lambda b``, zero for every unpenalised parameter. Since
``(1 + a) log(1 + a) - a <= f(rho) a^2`` for ``a >= -rho``, where f rises from 1/2 at 0 to 1 at 1
(`divergence_factor`),

    value(theta) - optimum <= f(rho) gradient' L^-1 gradient.

Three matrices are used, each of which costs and proves more than the one before: the block of the
intercepts alone, the rest being left to the penalty; ``A_i = min_k p_ik (I - 11'/K)``, which makes
L one matrix on columns for all classes, of any part of the rows, since ``A_i = 0`` is allowed; and
``A_i = diag(p_i) - p_i p_i'``, which makes L the Hessian.

Constant, repeated and collinear columns leave directions v that change no row's scores ``B_i v``.
For these

    r . v = mean_i (q_i - y_i)' B_i v = 0

whatever the ``q_i``, unless they are penalised: they are balanced already. What is computed of
``r . v`` is rounding, of a sum whose terms cancel. So an unpenalised parameter counts as balanced
where its r is within the rounding of its sum, a small multiple of
``eps mean_i |B_i|' |q_i - y_i|``: no data that differ from these by rounding could tell it from
zero. The same rounding is taken out of the gradient before the tilt is chosen. It would ask for
large coefficients along v, which scores then lose in their own rounding.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.preconditioners import Factor, Preconditioner
from sksoftmax._objective.kernels import curvature_product, lower_product
from sksoftmax._objective.rows import Largest, strided
from sksoftmax._solvers.conjugate_gradients import conjugate_gradients

# Norm of the unpenalised part of ``gradient - L b``, relative to the gradient's, that counts as 0.
MOST_UNSOLVED = 1e-5
# Error of a factor's solution, relative to it, that its jitter may cause.
JITTER = 0.1
SOLVED = 1e-12  # residual of a solution for the intercepts, relative to their gradient
CUTOFF = 1e-15  # eigenvalues that count as 0, relative to the largest
MOST_PRODUCTS = 20  # of L with a vector, to solve for a tilt where columns are nearly collinear


def gap(objective, theta, gradient, target_gap=0.0):
    """The bound by the cheapest tilt that proves ``target_gap``, or the least of all for 0.

    theta, gradient : ndarrays of shape (n_parameters,)

    Returns
    -------
    gap : float, inf where nothing is proved
    """
    least = np.inf
    if objective.penalised_coef and (
        target_gap == 0 or ridge_bound(objective, gradient) <= target_gap
    ):
        least = by_intercepts(objective, theta, gradient)
    if least <= target_gap:
        return least
    for lower in lower_bounds(objective, theta, last=target_gap == 0):
        least = min(least, _by_preconditioner(objective, theta, gradient, lower))
        if least <= target_gap:
            break
    return least


class LowerBound(NamedTuple):
    """A matrix below the Hessian, of every stride-th row.

    product : kernel
        Its product with a direction, by blocks: `lower_product` or `curvature_product`.
    """

    preconditioner: Preconditioner
    stride: int
    product: Callable


def lower_bounds(objective, theta, last=False):
    """Yield the LowerBounds that a proof can afford, the cheaper first.

    last : whether no steps will follow
        Else the Hessian is left out where all coefficients are penalised: a few steps further on
        the cheaper matrix proves as much.
    """
    has_free = not objective.penalised_coef  # and no bound without one of these
    if objective.is_symmetric and (costs.columns_are_affordable(objective) or has_free):
        stride = costs.proof_stride(objective)
        yield LowerBound(approximations.lower(objective, theta, stride), stride, lower_product)
    if objective.map.n_scores == 1 and objective.is_symmetric:
        return  # that was the Hessian
    is_needed = has_free or not objective.is_symmetric
    fits, cheap = costs.hessian_fits(objective), costs.hessian_is_cheap(objective)
    if (is_needed and fits) or (last and cheap):
        yield LowerBound(approximations.exact(objective, theta), 1, curvature_product)


def ridge_bound(objective, gradient):
    """The penalty's term of the bound for ``q = p``, unpenalised parameters being left out.

    It takes no pass over the rows, and is a guess at the bound of `by_intercepts`.
    """
    strength = objective.penalty.strength
    penalised = strength > 0
    return 0.5 * float(np.sum(gradient[penalised] ** 2 / strength[penalised]))


def divergence_factor(score_range):
    """f: the most of ``((1 + a) log(1 + a) - a) / a^2`` for ``a >= -score_range``; inf above 1."""
    if score_range < 1e-3:  # where rounding hides the quotient, 1/2 + score_range / 6 + ...
        return 0.5 + score_range / 3
    return (
        ((1 - score_range) * math.log1p(-score_range) + score_range) / score_range**2
        if score_range < 1
        else math.inf
    )


def _by_preconditioner(objective, theta, gradient, lower):
    """The bound by the tilt b of ``L b = gradient``, solved by the lower bound's factor.

    L is as ill conditioned as the columns are collinear, so the solution is checked. With the
    residual ``left = gradient - L b`` of the equation, r is ``Lambda b + left``, which adds
    ``left . b + left^2 / (2 strength)`` to the bound. Where no penalty is, left must be next to 0.
    """
    # No tilt changes the part of a gradient that all classes share, which is the penalty's own.
    shared = (
        objective.map.shift_part(gradient) if objective.is_symmetric else np.zeros_like(gradient)
    )
    rounding = 0.0 if objective.penalised_coef else objective.rounding(theta)
    gradient = _without_rounding(rounding, gradient - shared)
    tilt = lower.preconditioner.solve(gradient)
    score_range, image = _tilted(objective, theta, tilt, lower)
    left = _without_rounding(rounding, gradient - image)
    if _relative_norm(lower.preconditioner, left, gradient) > MOST_UNSOLVED:
        tilt = conjugate_gradients(
            lambda vector: _tilted(objective, theta, vector, lower)[1],
            lower.preconditioner.solve, gradient, MOST_UNSOLVED, MOST_PRODUCTS,
        )  # fmt: skip
        score_range, image = _tilted(objective, theta, tilt, lower)
        left = _without_rounding(rounding, gradient - image)
    free = np.where(objective.penalty.strength > 0, 0.0, left)
    if not (score_range < 1 and _is_feasible(objective, theta, lower, free, gradient)):
        return np.inf
    square = max(float(tilt @ image), 0.0)  # b' L b, which rounding may make negative
    divergence = square * divergence_factor(score_range) + abs(float(left @ tilt))
    return divergence + ridge_bound(objective, left) + ridge_bound(objective, shared)


def _is_feasible(objective, theta, lower, free, gradient):
    """Whether the unpenalised parameters are balanced, but for a negligible residual.

    The factor says how large that is. Where columns are nearly collinear its jitter exceeds their
    curvature along some directions, and it cannot tell: it must then solve for the residual too.

    free : ndarray of shape (n_parameters,), the residual in these parameters, 0 in others
    """
    if _relative_norm(lower.preconditioner, free, gradient) > MOST_UNSOLVED:
        return False
    if objective.penalised_coef or lower.preconditioner.factor.is_accurate or not free.any():
        return True
    solved = _tilted(objective, theta, lower.preconditioner.solve(free), lower)[1]
    return _relative_norm(lower.preconditioner, free - solved, free) <= JITTER


def _without_rounding(rounding, gradient):
    """The entries of a gradient that exceed the rounding of their sums; 0 for others."""
    return np.where(np.abs(gradient) > rounding, gradient, 0.0)


def _relative_norm(preconditioner, part, whole):
    """The norm of a vector relative to another's, in the inverse of the preconditioner."""
    size = whole @ preconditioner.solve(whole)
    return float(np.sqrt(max(part @ preconditioner.solve(part), 0.0) / size)) if size > 0 else 0.0


def _tilted(objective, theta, tilt, lower):
    """The largest range of a tilt's scores, and the product of L with it, (n_parameters,)."""
    probability_of = approximations.probabilities_at(objective, theta)
    along = objective.map.prepare(tilt, objective.dtype)
    forward, backward = objective.map.forward, objective.map.backward
    stride, product = lower.stride, lower.product

    def block_sums(block):
        block = strided(stride, block)
        moved = forward(along, block.X)
        score_range = Largest(_range(moved))
        return score_range, backward(block.X, product(probability_of(block), moved, block.weight))

    score_range, sums = objective.rows.sum(block_sums)
    image = objective.map.gradient(sums) / objective.total_weight
    return float(score_range.number), image + objective.penalty.strength * tilt


def by_intercepts(objective, theta, gradient):
    """The bound by a tilt of the intercepts alone; inf where its scores range too far."""
    score_map = objective.map
    if (objective.penalty.strength > 0).all():
        return ridge_bound(objective, gradient)
    probability_of = approximations.probabilities_at(objective, theta)
    frequency, agreement = objective.rows.sum(
        lambda block: approximations.class_curvature(probability_of(block), block.weight)
    )
    curvature = (np.diag(frequency) - agreement) / objective.total_weight

    def image(tilt):
        zeros = np.zeros((score_map.n_scores, score_map.n_features))
        return objective.hessian_product(theta, score_map.join(zeros, tilt))

    return _by_intercepts(objective, gradient, curvature, image)


def by_intercepts_of_rows(objective, gradient, X, probability, weight):
    """The bound by a tilt of the intercepts, where the distributions of some rows alone are tilted.

    X : ndarray or CSR array of shape (n_rows, n_features), these rows
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
    """The bound by a tilt of the intercepts.

    curvature : ndarray of shape (n_scores, n_scores), the intercepts' block of L
    image : function of a tilt (n_scores,), the product of L with it (n_parameters,)
    """
    tilt = -_pseudo_solution(curvature, objective.map.split(gradient)[1])
    score_range = _range(tilt[:, None])
    if not score_range < 1:
        return np.inf
    divergence = max(float(tilt @ curvature @ tilt), 0.0) * divergence_factor(score_range)
    return divergence + ridge_bound(objective, gradient + image(tilt))


def _pseudo_solution(matrix, vector):
    """The pseudo-inverse of a matrix on classes, whose rows sum to zero, times a vector."""
    if len(matrix) > 1:
        # With curvature added along the shift of all classes a factor solves, as a rule, in a
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
    """The largest range of any row's scores along a direction, see `_range`."""
    prepared = objective.map.prepare(direction, objective.dtype)
    forward = objective.map.forward
    largest = objective.rows.sum(lambda block: Largest(_range(forward(prepared, block.X))))
    return float(largest.number)


def _range(scores):
    """Largest difference between two classes' scores of a row, of scores (n_scores, n_rows)."""
    if scores.shape[0] == 1:
        return float(np.abs(scores).max())
    return float((scores.max(axis=0) - scores.min(axis=0)).max())
