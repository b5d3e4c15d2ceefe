r"""An upper bound on the distance to the optimum where the penalty has corners.

As in ``certificate``, any distributions ``q_i`` over the classes bound the optimum from below:
replace each row's log-sum-exp by ``q_i . z + H(q_i)``, which is never larger. With
``d = mean_i B_i' (q_i - y_i)`` what remains is linear in theta but for the penalty P, and its
minimum is ``-P*(-d)``. So for every theta

    value(theta) - optimum <= mean_i KL(q_i, p_i) + [P(theta) + P*(-d) + d . theta].

The bracket is not negative and splits by what becomes zero together. With the ridge's strength s,
the amount t and a size that is its own dual norm,

    P(x) = s |x|^2 / 2 + t size(x),        P*(-d) = max(size(d) - t, 0)^2 / (2 s),

where s = 0 means that ``size(d) <= t`` must hold, exactly, and s = t = 0 that ``d = 0``. The
probabilities themselves, ``q = p``, make d the gradient g of the loss. It violates both. So

1. tilt p to a ``q~`` that balances what is not penalised, as ``certificate`` does: with
   ``q~_i = p_i - (diag(p_i) - p_i p_i') b_i`` and ``b_i`` linear in the free columns alone, chosen
   by ``L b = g`` there, L being the Hessian on them. Then d is ``g - H b``, one product with the
   Hessian, zero on the free columns; and ``mean_i KL(q~_i, p_i) <= b' L b / (2 (1 - rho))``, rho
   being the largest range of any ``b_i``.
2. shrink the residuals: ``q = c q~ + (1 - c) y`` with ``0 <= c <= 1`` is a distribution too. Its d
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

moves d by ``M b``, M being the columns' moments weighted by ``v_i``. Aim at ``-(s x + t sign(x))``
for what is not zero, where the bracket vanishes, and at what is nearest and within the amount for
what is; ``M b`` is the way there. The rest, which comes of classes having to sum to zero and of
columns left out, is left to step 2, since d is computed and not assumed. M may be of another theta,
and the cost is added up row by row: see ``anchors``.
"""

from typing import NamedTuple

import numpy as np

from sksoftmax._certificates.smooth import MOST_TILT, MOST_UNSOLVED, largest_range
from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.preconditioners import Factor

# Where between 1 and the c that satisfies all constraints, those that the ridge would soften too.
SHARES = np.array([0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 1.0])
# Shares of probabilities that a tilt may take, that it may be expected to take and yet be tried,
# and that of new moments beside those at hand, at which to make them.
MOST_SHARE = 0.99
UNLIKELY = 0.9
STALE = 0.5
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

    residual : function of blocks
        ``w_i (q~_i - y_i)``, of which the pull on columns that the objective lacks is made too.
    """

    pull: np.ndarray
    cost: float
    residual: object = None


class Bound(NamedTuple):
    """The least bound found, with the dual and the c, the share of ``q~``, that prove it."""

    value: float
    share: float = 0.0
    dual: Dual | None = None


def bound(objective, theta, gradient, enough=0.0):
    """The Bound by the cheaper tilt that proves enough; inf where nothing is proved."""
    smooth = objective.smooth
    pull = gradient - smooth.penalty.strength * theta
    value = objective.smooth_at(theta)[0] + objective.corner_value(theta)
    ways = [_balanced, _aimed]
    if expected(objective, theta, value, gradient) > enough:
        # Balance proves no more than that.
        ways = ways[1:] if enough > 0 else ways
        ways.reverse()
    elif objective.anchor.theta is not None:
        ways.reverse()
    least = Bound(np.inf)
    for way in ways:
        for dual in way(objective, theta, pull, enough > 0):
            found = _best(objective, theta, value, dual)
            least = found if found.value < least.value else least
            if least.value <= enough:
                return least
    return least


def expected(objective, theta, value, gradient):
    """The bound as if the free columns were balanced, which needs no pass over the data."""
    pull = gradient - objective.smooth.penalty.strength * theta
    return _best(objective, theta, value, Dual(pull, 0.0)).value


def _best(objective, theta, value, dual):
    """The least Bound over c, the share of ``q~``."""
    rows = objective.rows_of(theta)
    strength = objective.rows_of(objective.smooth.penalty.strength)[:, :1]
    amount = objective.corners.amount
    held = ~objective.is_free
    ridge = 0.5 * float(np.sum(strength * rows**2))
    corner = objective.corner_value(theta)
    loss = value - ridge - corner
    sizes = objective.corners.sizes(dual.pull)[held]
    alignment = float(np.sum(objective.rows_of(dual.pull)[held] * rows[held]))
    strength, amount = strength[held], amount[held]
    least = Bound(np.inf)
    for share in _shares(sizes, strength, amount):
        conjugate = _conjugate(share * sizes, strength, amount)
        bracket = ridge + corner + share * alignment + conjugate
        found = share * dual.cost + (1 - share) * loss + max(bracket, 0.0)
        if found < least.value:
            least = Bound(found, share, dual)
    return least


def _shares(sizes, strength, amount):
    """Values of c to try: from 1 to what satisfies all constraints, if the ridge allows it."""
    inside = sizes > amount
    if not inside.any():
        return [1.0]
    ratio = np.divide(amount, sizes, out=np.ones_like(sizes), where=inside)
    hard = inside & (strength == 0)
    most = MARGIN * float(ratio[hard].min()) if hard.any() else 1.0
    least = min(most, MARGIN * float(ratio.min()))
    if least == most:
        return [most]
    return most - (most - least) * SHARES


def _conjugate(sizes, strength, amount):
    excess = np.maximum(sizes - amount, 0)
    soft = np.broadcast_to(strength > 0, sizes.shape)
    return float(np.sum(np.divide(excess**2, 2 * strength, out=np.zeros_like(sizes), where=soft)))


def _balanced(objective, theta, pull, hopefully):
    """The pull of distributions that balance the free columns, unless they are too far off."""
    smooth = objective.smooth
    free = np.flatnonzero(objective.is_free)
    if len(free) == 0:
        yield Dual(pull, 0.0, smooth.residuals(theta))
        return
    features = free[free < smooth.map.n_features]
    part = smooth.on_columns(features, free)
    at = approximations.probabilities_at(smooth, theta)
    spread = approximations.exact_of(part, features, at, smooth.rows)
    way = objective.rows_of(pull)[free]
    tilt = -np.linalg.pinv(spread, hermitian=True) @ way.ravel()
    left = _centred(way + (spread @ tilt).reshape(way.shape)).ravel()
    reach = largest_range(part, tilt)
    if reach > MOST_TILT:
        return
    direction = np.zeros_like(theta)
    objective.rows_of(direction)[free] = tilt.reshape(len(free), -1)
    moved = pull + smooth.hessian_product(theta, direction) - smooth.penalty.strength * direction
    cost = max(float(tilt @ spread @ tilt), 0.0) / (2 * (1 - reach))  # rounding is not less
    system = System(spread, Factor.of(spread), _rounding(objective, theta, free).ravel())
    cost += _unsolved(system, tilt, left, objective.smooth_at(theta)[0], cost)
    if cost < np.inf:
        yield Dual(moved, cost, smooth.residuals(theta, direction))


def _aimed(objective, theta, pull, hopefully):
    """The pulls of distributions tilted along columns, by moments at hand and by new ones.

    hopefully : whether to leave out what is not likely to prove anything
    """
    smooth, anchor = objective.smooth, objective.anchor
    columns = _columns_to_tilt(objective, theta, pull)
    if columns is not None and not _can_tilt(smooth, len(columns)):
        return
    places = slice(None) if columns is None else objective.places(columns)
    way = _centred(objective.rows_of(pull) - _aim(objective, theta, pull))
    rounding = _rounding(objective, theta, slice(None))
    while True:
        if not anchor.covers(columns):
            anchor.drop(smooth, theta, columns, places)
        tilt = anchor.factor.solve(way[anchor.places])
        if hopefully and anchor.expected_share(tilt) > UNLIKELY:
            return
        left = _centred(way[anchor.places] - anchor.moments @ tilt)
        left = np.where(objective.is_free[anchor.places, None], left, 0.0)
        (share, fresh, cost), taken, residual = anchor.tilted(smooth, theta, tilt)
        system = System(anchor.moments, anchor.factor, rounding[anchor.places])
        cost += _unsolved(system, tilt, left, objective.smooth_at(theta)[0], cost)
        if share <= MOST_SHARE and cost < np.inf:
            yield Dual(pull - _centred(objective.rows_of(taken)).ravel(), cost, residual)
        if anchor.theta is theta:
            return
        stale = fresh < STALE * share
        if hopefully and not stale and (share <= MOST_SHARE or fresh > UNLIKELY):
            return
        anchor.theta = None
        if hopefully and fresh > MOST_SHARE:
            return


class System(NamedTuple):
    """What a tilt is the solution of.

    rounding : ndarray like the right side, of what is to be balanced there
    """

    matrix: np.ndarray
    factor: Factor
    rounding: np.ndarray


def _rounding(objective, theta, places):
    """What rounding may make of the gradient, in some rows of theta; 0 where columns are held."""
    n_features = objective.map.n_features
    if not objective.is_free[:n_features].any():
        return np.zeros(objective.rows_of(theta).shape)[places]
    return objective.rows_of(objective.smooth.rounding(theta))[places]


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
    """Whether moments of so many columns are worth their price.

    Not by the number of rows, which is another where rows are repeated for their weights.
    """
    price = costs.SPEED * costs.products_of_columns(smooth, n_columns)
    return price <= costs.MOST_FOR_COLUMNS * costs.evaluation(smooth)


def _columns_to_tilt(objective, theta, pull):
    """Columns that are not zero, or want to leave it; None for all, where they are few or most.

    The others need no tilt, and to keep all of them where they are takes large ones.
    """
    smooth = objective.smooth
    wanted = objective.rows_of(theta).any(axis=1) | (objective.violations(pull) > 0)
    wanted = wanted[: smooth.map.n_features]
    affordable = _can_tilt(smooth, len(wanted)) and costs.columns_are_affordable(smooth)
    most = wanted.mean() >= ALL or len(wanted) <= FEW
    return None if affordable and most else np.flatnonzero(wanted)


def _aim(objective, theta, pull):
    """The d that the optimum would have if its zeros and signs were those of theta."""
    rows, pulls = objective.rows_of(theta), objective.rows_of(pull)
    amount = objective.corners.amount
    strength = objective.rows_of(objective.smooth.penalty.strength)[:, :1]
    on = np.broadcast_to(objective.corners.sizes(theta) > 0, rows.shape)
    sizes = objective.corners.sizes(theta)
    held = rows * np.divide(amount, sizes, out=np.zeros_like(rows[:, : sizes.shape[1]]),
                            where=sizes > 0)  # fmt: skip
    excess = objective.corners.shape.shrink(pulls, amount)
    aim = np.where(on, -(strength * rows + held), pulls - excess)
    if rows.shape[1] == 1:
        return aim
    # Classes sum to zero: what is inside its bounds makes up for the rest.
    inside = ~on & (objective.corners.sizes(pull) < amount)
    count = inside.sum(axis=1, keepdims=True)
    total = aim.sum(axis=1, keepdims=True)
    return aim - np.divide(total, count, out=np.zeros_like(total), where=count > 0) * inside


def _centred(rows):
    """Rows less their mean over classes: all that probabilities can move by."""
    return rows if rows.shape[1] == 1 else rows - rows.mean(axis=1, keepdims=True)
