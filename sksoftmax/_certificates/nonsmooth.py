r"""An upper bound on the distance to the optimum where the penalty is not smooth.

As in ``smooth``, any distributions ``q_i`` over the classes bound the optimum from below:
replace each row's log-sum-exp by ``q_i . z + H(q_i)``, which is never larger. With
``d = mean_i B_i' (q_i - y_i)`` what remains is linear in theta but for the penalty P, and its
minimum is ``-P*(-d)``. So for every theta

    value(theta) - optimum <= mean_i KL(q_i, p_i) + [P(theta) + P*(-d) + d . theta].

The bracket is not negative, and is a sum over the parts of theta that each norm is of. With the
ridge's strength s, the l1 strength t and a norm that is its own dual,

    P(x) = s |x|^2 / 2 + t norm(x),        P*(-d) = max(norm(d) - t, 0)^2 / (2 s),

where s = 0 means that ``norm(d) <= t`` must hold, exactly, and s = t = 0 that ``d = 0``. The
probabilities themselves, ``q = p``, make d the gradient g of the loss. It violates both. So

1. tilt p to a ``q~`` that balances what is not penalised, as ``smooth`` does: with
   ``q~_i = p_i - (diag(p_i) - p_i p_i') b_i`` and ``b_i`` linear in the free columns alone, chosen
   by ``L b = g`` there, L being the Hessian on them. Then d is ``g - H b``, one product with the
   Hessian, zero on the free columns; and ``mean_i KL(q~_i, p_i) <= b' L b / (2 (1 - rho))``, rho
   being the largest range of any ``b_i``.
2. rescale the residuals: ``q = c q~ + (1 - c) y`` with ``0 <= c <= 1`` is a distribution too. Its d
   is c times that of ``q~``: what was balanced stays so, and a small enough c satisfies every
   constraint. KL is convex in its first argument, hence

       mean_i KL(q_i, p_i) <= c mean_i KL(q~_i, p_i) + (1 - c) mean_i KL(y_i, p_i),

   the last being at most the loss.

All terms are then known for every c without another pass, and the best of a few c is taken: c = 1
where the ridge is strong, the largest that satisfies the constraints where it is weak or absent.
The bound is linear in the violation of the optimality conditions, and 0 where they hold.

Where second moments of the columns are affordable there is a better ``q~``, whose bound is
quadratic: tilt along the columns, all or those that are not zero, towards the d that the optimum
would have. With ``v_i = min_k p_ik``,

    q~_i = p_i - v_i (b_i - mean_k b_ik),        v_i (I - 11'/K) <= diag(p_i) - p_i p_i',

moves d by ``M b``, M being the columns' moments weighted by ``v_i``. The target of d is
``-(s x + t sign(x))`` for what is not zero, where the bracket vanishes, and for zeros the nearest
within the l1 strength; b solves ``M b = g - target``. What is left, since classes must sum to zero
and columns are left out, is left to step 2: d is computed and not assumed. M may be of another
theta, and the cost is added up row by row: see ``stale_moments``.
"""

from typing import NamedTuple

import numpy as np

from sksoftmax._certificates.smooth import MOST_TILT, MOST_UNSOLVED, largest_range
from sksoftmax._certificates.stale_moments import StaleMoments
from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.preconditioners import Factor

# Where between 1 and the c that satisfies all constraints, those that the ridge would soften too.
SHARES = np.array([0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 1.0])
# Shares of probabilities that a tilt may take, and that it may be expected to take to be tried.
MOST_SHARE = 0.99
UNLIKELY = 0.9
# Share of the columns from which on to tilt along all, and a number of them that are few.
ALL = 0.9
FEW = 100
# Share of a direction's curvature that may be the factor's jitter.
JITTER = 0.1
# Rounding of a product with moments, beside its terms.
UNITS = 8 * np.finfo(np.float64).eps
# The constraints are met with a margin for rounding.
MARGIN = 1 - 1e-15


class Dual(NamedTuple):
    """``d`` for ``q~``, and the bound on ``mean_i KL(q~_i, p_i)``.

    loss_gradient : ndarray like theta, ``d``
    residual : function of blocks
        ``w_i (q~_i - y_i)``, of which the gradient in columns that the objective lacks is made.
    """

    loss_gradient: np.ndarray
    cost: float
    residual: object = None


class Bound(NamedTuple):
    """The least bound found, with the dual and the c, the share of ``q~``, that prove it.

    moments : StaleMoments or None, those that the next proof begins with
    """

    gap: float
    share: float = 0.0
    dual: Dual | None = None
    moments: StaleMoments | None = None


def bound(objective, point, target_gap=0.0, moments=None):
    """The Bound by the cheaper tilt that proves the target gap; inf where nothing is proved.

    The tilt that is expected to suffice comes first: dense paths of fifty fits take 1.7 to 2 times
    as long by a fixed order.

    objective : CompositeObjective
    point : Point, with the value of the sum and the gradient of its smooth part
    moments : StaleMoments or None, made by an earlier proof of a like objective
    """
    loss_gradient = objective.loss_gradient(point.theta, point.gradient)
    tilts = [_balanced, _along_columns]
    if expected(objective, point) > target_gap:
        # Balance proves no more than that.
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
    """The bound as if the free columns were balanced, which needs no pass over the data."""
    loss_gradient = objective.loss_gradient(point.theta, point.gradient)
    return _best(objective, point, Dual(loss_gradient, 0.0)).gap


def _best(objective, point, dual):
    """The least Bound over c, the share of ``q~``."""
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
    for share in _shares(norms, strength, l1_strength):
        conjugate = _conjugate(share * norms, strength, l1_strength)
        bracket = ridge + l1 + share * alignment + conjugate
        found = share * dual.cost + (1 - share) * loss + max(bracket, 0.0)
        if found < least.gap:
            least = Bound(found, share, dual)
    return least


def _shares(norms, strength, l1_strength):
    """Values of c to try: from 1 to what satisfies all constraints, if the ridge allows it."""
    violated = norms > l1_strength
    if not violated.any():
        return [1.0]
    ratio = np.divide(l1_strength, norms, out=np.ones_like(norms), where=violated)
    hard = violated & (strength == 0)
    most = MARGIN * float(ratio[hard].min()) if hard.any() else 1.0
    least = min(most, MARGIN * float(ratio.min()))
    if least == most:
        return [most]
    return most - (most - least) * SHARES


def _conjugate(norms, strength, l1_strength):
    violation = np.maximum(norms - l1_strength, 0)
    soft = np.broadcast_to(strength > 0, norms.shape)
    terms = np.divide(violation**2, 2 * strength, out=np.zeros_like(norms), where=soft)
    return float(np.sum(terms))


def _balanced(objective, point, loss_gradient, skip_unlikely, moments):
    """The Dual of distributions that balance the free columns, unless they are too far off."""
    smooth, theta = objective.smooth, point.theta
    free = np.flatnonzero(objective.is_free)
    if len(free) == 0:
        yield Dual(loss_gradient, 0.0, smooth.residuals(theta)), moments
        return
    features = free[free < smooth.map.n_features]
    part = smooth.on_columns(features, free)
    at = approximations.probabilities_at(smooth, theta)
    curvature = approximations.exact_of(part, features, at, smooth.rows)
    unbalanced = objective.rows_of(loss_gradient)[free]
    tilt = -np.linalg.pinv(curvature, hermitian=True) @ unbalanced.ravel()
    left = _centred(unbalanced + (curvature @ tilt).reshape(unbalanced.shape)).ravel()
    score_range = largest_range(part, tilt)
    if score_range > MOST_TILT:
        return
    direction = np.zeros_like(theta)
    objective.rows_of(direction)[free] = tilt.reshape(len(free), -1)
    product = smooth.hessian_product(theta, direction) - smooth.penalty.strength * direction
    # Rounding is not below 0.
    cost = max(float(tilt @ curvature @ tilt), 0.0) / (2 * (1 - score_range))
    rounding = _rounding(objective, theta, free).ravel()
    system = System(curvature, Factor.of(curvature), rounding)
    cost += _unsolved(system, tilt, left, _smooth_value(objective, point), cost)
    if cost < np.inf:
        yield Dual(loss_gradient + product, cost, smooth.residuals(theta, direction)), moments


def _along_columns(objective, point, loss_gradient, skip_unlikely, at_hand):
    """The Duals of distributions tilted along columns, by moments at hand and by new ones.

    skip_unlikely : skip candidates whose expected tilt is too large to be valid

    Yields
    ------
    dual : Dual or None
    moments : StaleMoments or None, those that the next proof begins with
    """
    smooth, theta = objective.smooth, point.theta
    columns = _columns_to_tilt(objective, theta, loss_gradient)
    if columns is not None and not _can_tilt(smooth, len(columns)):
        return
    wanted = _dual_target(objective, theta, loss_gradient)
    change = _centred(objective.rows_of(loss_gradient) - wanted)
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
    """The moments at hand, if they are of these columns, and then those made at theta."""
    if at_hand is not None and at_hand.covers(columns):
        yield at_hand
        if at_hand.theta is theta:
            return
    rows = slice(None) if columns is None else objective.rows_of_columns(columns)
    yield StaleMoments.of(objective.smooth, theta, columns, rows)


def _smooth_value(objective, point):
    return point.value - objective.nonsmooth.value(point.theta)


class System(NamedTuple):
    """What a tilt is the solution of.

    rounding : ndarray like the right side, of what is to be balanced there
    """

    matrix: np.ndarray
    factor: Factor
    rounding: np.ndarray


def _rounding(objective, theta, rows):
    """What rounding may make of the gradient, in some rows of theta; 0 if no column is free."""
    n_features = objective.map.n_features
    if not objective.is_free[:n_features].any():
        return np.zeros(objective.rows_of(theta).shape)[rows]
    return objective.rows_of(objective.smooth.rounding(theta))[rows]


def _unsolved(system, tilt, left, value, cost):
    """What it costs to balance what a solution left of the free columns; inf if that is too much.

    Nothing where it is rounding. Where columns are nearly collinear more is left; and along what
    its jitter makes up for, the factor can't tell how much that is worth.
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
    """Whether moments of so many columns are worth what they cost.

    Not by the number of rows, which is another where rows are repeated for their weights.
    """
    cost = costs.SPEED * costs.products_of_columns(smooth, n_columns)
    return cost <= costs.MOST_FOR_COLUMNS * costs.evaluation(smooth)


def _columns_to_tilt(objective, theta, loss_gradient):
    """Columns that are not zero, or want to leave it; None for all, where they are few or most.

    The others need no tilt, and to keep all of them at zero takes large ones.
    """
    smooth = objective.smooth
    wanted = objective.rows_of(theta).any(axis=1) | (objective.violations(loss_gradient) > 0)
    wanted = wanted[: smooth.map.n_features]
    affordable = _can_tilt(smooth, len(wanted)) and costs.columns_are_affordable(smooth)
    most = wanted.mean() >= ALL or len(wanted) <= FEW
    return None if affordable and most else np.flatnonzero(wanted)


def _dual_target(objective, theta, loss_gradient):
    """The d that the optimum would have if its zeros and signs were those of theta."""
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
    # Classes sum to zero: what is inside its bounds makes up for the rest.
    inside = ~on & (nonsmooth.norms(loss_gradient) < l1_strength)
    count = inside.sum(axis=1, keepdims=True)
    total = target.sum(axis=1, keepdims=True)
    return target - np.divide(total, count, out=np.zeros_like(total), where=count > 0) * inside


def _centred(rows):
    """Rows less their mean over classes: all that probabilities can move by."""
    return rows if rows.shape[1] == 1 else rows - rows.mean(axis=1, keepdims=True)
