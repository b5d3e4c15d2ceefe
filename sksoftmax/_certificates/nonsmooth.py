r"""An upper bound on ``value - optimum`` where the penalty is not smooth.

As in ``smooth``, any distributions ``q_i`` over the classes bound the optimum from below: replace
the log-sum-exp of each row's scores z by ``q_i . z + H(q_i)``, which is never larger. With
``d = mean_i B_i' (q_i - y_i)`` what remains is linear in theta but for the penalty P, and its
minimum is ``-P*(-d)``. So for every theta

    value(theta) - optimum <= mean_i KL(q_i, p_i) + [P(theta) + P*(-d) + d . theta].

The bracket is not negative, and is a sum over the parts of theta that have a norm each. With the
ridge's strength s, the l1 strength t and a norm that is its own dual,

    P(x) = s |x|^2 / 2 + t norm(x),        P*(-d) = max(norm(d) - t, 0)^2 / (2 s),

where ``norm(d) <= t`` must hold exactly if s = 0, and ``d = 0`` if t = 0 too, that is in the free
columns. With the probabilities themselves, ``q = p``, d is the gradient g of the loss, which
violates both. So

1. tilt p to a ``q~`` that balances the free columns, as ``smooth`` does: with
   ``q~_i = p_i - (diag(p_i) - p_i p_i') b_i`` and ``b_i`` linear in the free columns alone, chosen
   by ``L b = g`` there, L being the Hessian H on them. Then d is ``g - H b``, one product with the
   Hessian, zero on the free columns; and ``mean_i KL(q~_i, p_i) <= f(rho) b' L b``, as there.
2. rescale the residuals (Ndiaye and others 2017, Journal of Machine Learning Research 18):
   ``q = c q~ + (1 - c) y`` with ``0 <= c <= 1`` is a distribution too. Its d is c times that of
   ``q~``: what is balanced stays so, and a small enough c satisfies every constraint. KL is convex
   in its first argument, hence

       mean_i KL(q_i, p_i) <= c mean_i KL(q~_i, p_i) + (1 - c) mean_i KL(y_i, p_i),

   the last being at most the loss.

All terms are then known for every c without another pass, and the best of a few c is taken: c = 1
where the ridge is strong, the largest that satisfies the constraints where it is weak or absent.
The bound is linear in the violation of the optimality conditions, and 0 where they hold.

Where second moments of the columns are affordable there is a better ``q~``, whose bound is
quadratic. It is tilted along the columns, all or those that are not zero, such that d becomes what
it would be at the optimum. With a positive weight ``v_i`` for each row

    q~_i = p_i - v_i (b_i - mean_k b_ik)

changes d by ``-M b``, M being the columns' moments weighted by ``v_i``. The target of d is
``-(s x + t x / |x|)`` for coefficients x that are not zero, where the bracket vanishes, and for
zeros the nearest d within the l1 strength; b solves ``M b = g - target``. Classes must sum to zero
and columns are left out, so that the target is not met exactly: d is computed, and step 2 satisfies
what constraints are left. The ``v_i`` may be of another theta, see ``stale_moments``.
"""

from typing import NamedTuple

import numpy as np

from sksoftmax._certificates.smooth import JITTER, MOST_UNSOLVED, divergence_factor, largest_range
from sksoftmax._certificates.stale_moments import StaleMoments
from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.preconditioners import Factor
from sksoftmax._objective.objective import UNITS

# Values of c that are tried: from the largest that is feasible, at 0, to the one at 1 with which
# all norms are within the l1 strength, also where a ridge does not ask for it.
WAYS = np.array([0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 1.0])
# Largest share of a probability that a tilt may take, and expected share from which on it is not
# tried.
MOST_SHARE = 0.99
UNLIKELY = 0.9
# Fraction of the columns from which on a tilt is along all of them, as it is along few columns.
ALL = 0.9
FEW = 100
# Factor for c, so that rounding violates no constraint.
MARGIN = 1 - 1e-15


class Dual(NamedTuple):
    """The distributions ``q~``, as far as bounds need them.

    loss_gradient : ndarray of shape (n_parameters,), their d
    cost : float, a bound on ``mean_i KL(q~_i, p_i)``
    residual : function of blocks
        ``w_i (q~_i - y_i)``, of which d in columns that the objective lacks can be made.
    """

    loss_gradient: np.ndarray
    cost: float
    residual: object = None


class Bound(NamedTuple):
    """The least bound found.

    gap : float, inf where nothing is proved
    scale, dual : float and Dual, the c and the ``q~`` that prove it
    moments : StaleMoments or None, for the next proof to begin with
    """

    gap: float
    scale: float = 0.0
    dual: Dual | None = None
    moments: StaleMoments | None = None


def bound(objective, point, target_gap=0.0, moments=None):
    """The Bound by the first tilt that proves the target gap, or the least of all for 0.

    The tilt that is expected to suffice comes first: dense paths of fifty fits take 1.7 to 2 times
    as long by a fixed order.

    objective : CompositeObjective
    point : Point, with the value of the sum and the gradient of its smooth part
    moments : StaleMoments or None, made by an earlier proof of a similar objective
    """
    loss_gradient = objective.loss_gradient(point.theta, point.gradient)
    tilts = [_along_free_columns, _along_columns]
    if expected(objective, point) > target_gap:
        # A tilt along the free columns proves no more than that.
        tilts = tilts[1:] if target_gap > 0 else tilts
        tilts.reverse()
    elif moments is not None:
        tilts.reverse()
    least = Bound(np.inf)
    for tilted in tilts:
        for dual, latest in tilted(objective, point, loss_gradient, target_gap > 0, moments):
            moments = latest
            found = Bound(np.inf) if dual is None else _best(objective, point, dual)
            least = found if found.gap < least.gap else least
            if least.gap <= target_gap:
                return least._replace(moments=moments)
    return least._replace(moments=moments)


def expected(objective, point):
    """The gap as if the free columns were balanced, which takes no pass over the rows."""
    loss_gradient = objective.loss_gradient(point.theta, point.gradient)
    return _best(objective, point, Dual(loss_gradient, 0.0)).gap


def _best(objective, point, dual):
    """The Bound with the best c."""
    theta, value, _ = point
    rows = objective.rows_of(theta)
    strength = objective.rows_of(objective.smooth.penalty.strength)[:, :1]
    l1_strength = objective.nonsmooth.l1_strength
    penalised = ~objective.is_free
    ridge = 0.5 * float(np.sum(strength * rows**2))
    l1 = objective.nonsmooth.value(theta)
    loss = value - ridge - l1
    norms = objective.nonsmooth.norms(dual.loss_gradient)[penalised]
    alignment = float(np.sum(objective.rows_of(dual.loss_gradient)[penalised] * rows[penalised]))
    strength, l1_strength = strength[penalised], l1_strength[penalised]
    least = Bound(np.inf)
    for scale in _scales(norms, strength, l1_strength):
        conjugate = _conjugate(scale * norms, strength, l1_strength)
        bracket = ridge + l1 + scale * alignment + conjugate
        found = scale * dual.cost + (1 - scale) * loss + max(bracket, 0.0)
        if found < least.gap:
            least = Bound(found, scale, dual)
    return least


def _scales(norms, strength, l1_strength):
    """Values of c to try, see WAYS.

    norms : ndarray of shape (n, n_scores) or (n, 1), of d in the penalised columns
    strength, l1_strength : ndarrays of shape (n, 1)
    """
    violated = norms > l1_strength
    if not violated.any():
        return [1.0]
    ratio = np.divide(l1_strength, norms, out=np.ones_like(norms), where=violated)
    infeasible = violated & (strength == 0)
    most = MARGIN * float(ratio[infeasible].min()) if infeasible.any() else 1.0
    least = min(most, MARGIN * float(ratio.min()))
    if least == most:
        return [most]
    return most - (most - least) * WAYS


def _conjugate(norms, strength, l1_strength):
    """``P*(-d)`` from the norms of d, which must be feasible where the ridge is 0."""
    violation = np.maximum(norms - l1_strength, 0)
    has_ridge = np.broadcast_to(strength > 0, norms.shape)
    terms = np.divide(violation**2, 2 * strength, out=np.zeros_like(norms), where=has_ridge)
    return float(np.sum(terms))


def _along_free_columns(objective, point, loss_gradient, skip_unlikely, moments):
    """Yield the Dual tilted along the free columns, unless the tilt is too large, and the moments.

    skip_unlikely : without effect, see `_along_columns`
    """
    smooth, theta = objective.smooth, point.theta
    free = np.flatnonzero(objective.is_free)
    if len(free) == 0:
        yield Dual(loss_gradient, 0.0, smooth.residuals(theta)), moments
        return
    features = free[free < smooth.map.n_features]
    part = smooth.on_columns(features, free)
    probability_of = approximations.probabilities_at(smooth, theta)
    curvature = approximations.exact_of(part, features, probability_of, smooth.rows)
    unbalanced = objective.rows_of(loss_gradient)[free]
    tilt = -np.linalg.pinv(curvature, hermitian=True) @ unbalanced.ravel()
    left = _centred(unbalanced + (curvature @ tilt).reshape(unbalanced.shape)).ravel()
    score_range = largest_range(part, tilt)
    if not score_range < 1:
        return
    direction = np.zeros_like(theta)
    objective.rows_of(direction)[free] = tilt.reshape(len(free), -1)
    product = smooth.hessian_product(theta, direction) - smooth.penalty.strength * direction
    cost = max(float(tilt @ curvature @ tilt), 0.0) * divergence_factor(score_range)
    rounding = _rounding(objective, theta, free).ravel()
    system = System(curvature, Factor.of(curvature), rounding)
    cost += _unsolved(system, tilt, left, _smooth_value(objective, point), cost)
    if cost < np.inf:
        yield Dual(loss_gradient + product, cost, smooth.residuals(theta, direction)), moments


def _along_columns(objective, point, loss_gradient, skip_unlikely, at_hand):
    """Yield the Duals tilted along columns, by the moments at hand and then by new ones.

    skip_unlikely : whether to skip tilts that are expected to be too large

    Yields
    ------
    dual : Dual or None
    moments : StaleMoments or None, for the next proof to begin with
    """
    smooth, theta = objective.smooth, point.theta
    columns = _columns_to_tilt(objective, theta, loss_gradient)
    if columns is not None and not _can_tilt(smooth, len(columns)):
        return
    target = _dual_target(objective, theta, loss_gradient)
    change = _centred(objective.rows_of(loss_gradient) - target)
    rounding = _rounding(objective, theta, slice(None))
    for moments in _moments(objective, theta, columns, at_hand):
        tilt = moments.factor.solve(change[moments.rows])
        if skip_unlikely and moments.expected_share(tilt) > UNLIKELY:
            break
        left = _centred(change[moments.rows] - moments.matrix @ tilt)
        left = np.where(objective.is_free[moments.rows, None], left, 0.0)
        (share, cost), taken, residual, moments = moments.tilted(smooth, theta, tilt)
        system = System(moments.matrix, moments.factor, rounding[moments.rows])
        cost += _unsolved(system, tilt, left, _smooth_value(objective, point), cost)
        if share <= MOST_SHARE and cost < np.inf:
            taken = _centred(objective.rows_of(taken)).ravel()
            yield Dual(loss_gradient - taken, cost, residual), moments
    yield None, moments


def _moments(objective, theta, columns, at_hand):
    """Yield the moments at hand, if they are of these columns, and then those made at theta."""
    if at_hand is not None and at_hand.covers(columns):
        yield at_hand
        if at_hand.theta is theta:
            return
    rows = slice(None) if columns is None else objective.rows_of_columns(columns)
    yield StaleMoments.of(objective.smooth, theta, columns, rows)


def _smooth_value(objective, point):
    return point.value - objective.nonsmooth.value(point.theta)


class System(NamedTuple):
    """The linear equations that a tilt solves.

    matrix : ndarray of shape (n, n)
    factor : Factor of the matrix
    rounding : ndarray of the shape of the right side, how much of it may be rounding
    """

    matrix: np.ndarray
    factor: Factor
    rounding: np.ndarray


def _rounding(objective, theta, rows):
    """Rounding of the gradient in some rows of theta; 0 where all features are penalised."""
    n_features = objective.map.n_features
    if not objective.is_free[:n_features].any():
        return np.zeros(objective.rows_of(theta).shape)[rows]
    return objective.rows_of(objective.smooth.rounding(theta))[rows]


def _unsolved(system, tilt, left, value, cost):
    """What the residual of a solution in the free columns adds to the cost; inf if it is large.

    It is 0 where the residual is rounding. Where columns are nearly collinear the residual is
    larger, and where the jitter exceeds their curvature the factor cannot tell what it costs.

    left : ndarray of the shape of tilt, the residual, 0 in all other columns
    value : float, the objective's smooth part
    """
    matrix, factor, rounding = system
    rounding = rounding + UNITS * (np.abs(matrix) @ np.abs(tilt)) * (rounding > 0)
    left = np.where(np.abs(left) > rounding, left, 0.0)
    solution = factor.solve(left)
    size = float(np.sum(left * solution))
    again = left - matrix @ solution
    if float(np.sum(again * factor.solve(again))) > JITTER**2 * size:
        return np.inf
    size /= 1 - JITTER
    return size + 2 * np.sqrt(size * cost) if size <= MOST_UNSOLVED**2 * value else np.inf


def _can_tilt(smooth, n_columns):
    """Whether second moments of ``n_columns`` columns are affordable for a proof.

    Judged relative to an evaluation, and not by the number of rows: a row of weight 2 is to be
    treated as the row twice.
    """
    cost = costs.SPEED * costs.products_of_columns(smooth, n_columns)
    return cost <= costs.MOST_FOR_COLUMNS * costs.evaluation(smooth)


def _columns_to_tilt(objective, theta, loss_gradient):
    """Indices of the columns that are not zero, or violate their optimality condition.

    None stands for all columns, where there are few, or most are wanted. No other column needs a
    tilt, and one that kept them all within their l1 strengths would be large.
    """
    smooth = objective.smooth
    wanted = objective.rows_of(theta).any(axis=1) | (objective.violations(loss_gradient) > 0)
    wanted = wanted[: smooth.map.n_features]
    affordable = _can_tilt(smooth, len(wanted)) and costs.columns_are_affordable(smooth)
    most = wanted.mean() >= ALL or len(wanted) <= FEW
    return None if affordable and most else np.flatnonzero(wanted)


def _dual_target(objective, theta, loss_gradient):
    """The d of the optimum if its zeros and signs were those of theta, (n_columns, n_scores)."""
    rows, gradients = objective.rows_of(theta), objective.rows_of(loss_gradient)
    nonsmooth = objective.nonsmooth
    l1_strength, norms = nonsmooth.l1_strength, nonsmooth.norms(theta)
    strength = objective.rows_of(objective.smooth.penalty.strength)[:, :1]
    on = np.broadcast_to(norms > 0, rows.shape)
    slopes = np.divide(l1_strength, norms, out=np.zeros_like(norms), where=norms > 0)
    beyond = nonsmooth.norm.prox(gradients, l1_strength)
    target = np.where(on, -(strength * rows + rows * slopes), gradients - beyond)
    if rows.shape[1] == 1:
        return target
    # The classes of d sum to zero: those of zeros strictly within their bounds make up for the
    # rest.
    inside = ~on & (nonsmooth.norms(loss_gradient) < l1_strength)
    count = inside.sum(axis=1, keepdims=True)
    total = target.sum(axis=1, keepdims=True)
    return target - np.divide(total, count, out=np.zeros_like(total), where=count > 0) * inside


def _centred(rows):
    """Rows (n, n_scores) less their means over classes: changes of probabilities sum to zero."""
    return rows if rows.shape[1] == 1 else rows - rows.mean(axis=1, keepdims=True)
