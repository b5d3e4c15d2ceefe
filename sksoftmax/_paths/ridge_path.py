"""Ridge fits of the same rows at increasing values of C.

Optima move smoothly along log C, and so do the gradients of the loss there. A parabola through
the last three of both tells the next, as a rule to a small part of a thousandth of the objective,
and what it leaves of the gradient is corrected in the metric. That is often the fit, and the pass
that finds out proves it too.
"""

from dataclasses import replace

import numpy as np

from sksoftmax._certificates import balance
from sksoftmax._certificates.smooth import NEARLY
from sksoftmax._curvature import ridge_metrics
from sksoftmax._paths.elastic_net_path import fit_of, pose
from sksoftmax._paths.fold_path import LONGEST, STALE, WEAK, Progress, Proved
from sksoftmax._paths.predictor import Passed, extrapolated, lengthened
from sksoftmax._problems import build
from sksoftmax._problems.row_space import reduce_columns
from sksoftmax._solvers import minimize
from sksoftmax._solvers.lbfgs import two_loop
from sksoftmax._solvers.line_search import Point, backtrack, evaluate
from sksoftmax._solvers.lockstep import scale_of
from sksoftmax._solvers.loop import Proof

# Steps in the hope of a proof that costs nothing, before one that does.
HOPE = 2


@np.errstate(all="ignore")
def fit_ridge_path(data, Cs, settings, done=None):
    """Fits at increasing values of C.

    done : callable, optional
        Called after each fit.

    Returns
    -------
    fits : list of Fit
    """
    data, columns = reduce_columns(data)
    first = pose(data, Cs[0], 0.0, settings)
    walk = Walk(replace(first, rough_dtype=first.dtype), settings)
    walk.begin(build.neutral(data, first.map))
    fits = []
    for C in Cs:
        solution = walk.to(np.log(C), pose(data, C, 0.0, settings).penalty)
        fits.append(fit_of(solution, data, columns, first.map))
        if done is not None:
            done()
    return fits


class Watched:
    """The objective, that keeps what its last evaluation brought along."""

    def __init__(self, objective):
        self.objective, self.spread = objective, None

    def value_and_gradient(self, theta):
        value, gradient, self.spread = balance.observe(self.objective, theta)
        return value, gradient


class Walk:
    """A fit on its way along C.

    progress : Progress
    maker : index of the kind of metric in use
    metric : what the last maker returned; None where it is stale
    trail : list of Passed, the latest last
    """

    def __init__(self, objective, settings):
        self.watched, self.settings = Watched(objective), settings
        self.tol = max(settings.tol, Proof.FLOOR)
        self.makers, self.maker = ridge_metrics.makers(objective), 0
        self.metric, self.trail = None, []

    @property
    def objective(self):
        return self.watched.objective

    def begin(self, theta):
        point = evaluate(self.watched, theta)
        self.progress = Progress(point, (), self.objective.usual_slack)

    def to(self, place, penalty):
        """The solution at another log C."""
        old = self.objective.penalty
        self.watched.objective = replace(self.objective, penalty=penalty)
        self.progress = self.progress.moved_to(old, penalty)
        if self.metric is None:
            maker = self.makers[self.maker]
            self.metric = maker(self.objective, self.progress.point.theta)
        metric = self.metric(penalty.strength)
        self._predict(place, metric)
        solution = self._descend(metric)
        self.trail = lengthened(self.trail, Passed.at(place, self.progress.point, penalty))
        return solution

    def _direction(self, metric, pairs, gradient):
        # Matrices are true to scale, and the last pair, which leads along the path, is no guide
        # to that of all other directions.
        true = self.makers[self.maker] is not ridge_metrics.diagonal
        return -two_loop(pairs, metric, 1.0 if true else scale_of(pairs, metric), gradient)

    def _predict(self, place, metric):
        """Move to where the next fit is expected, if that is better."""
        if not self.trail:
            return
        spread = self.watched.spread
        ahead = extrapolated(self.trail, place)
        theta, left = ahead.theta, ahead.pull + self.objective.penalty.strength * ahead.theta
        theta = theta + self._direction(metric, self.progress.pairs, left)
        self._try(evaluate(self.watched, theta), spread)

    def _try(self, found, spread):
        """Go on to a point if it is better; the spread is of the present one."""
        if not found.value < self.progress.point.value:
            self.watched.spread = spread
        self.progress = self.progress.tried(found)

    def _descend(self, metric):
        """Quasi-Newton steps until the promise is proved."""
        n_iter, slack = 0, self.objective.usual_slack
        while True:
            point, pairs, _ = self.progress
            direction = self._direction(metric, pairs, point.gradient)
            decrement = -0.5 * float(point.gradient @ direction)
            gap, slack = self._prove(point, decrement, slack, n_iter)
            if gap <= self.tol * abs(point.value):
                break
            ended = n_iter >= min(LONGEST, self.settings.max_iter)
            spread = self.watched.spread
            found = None if ended else backtrack(self.watched, point, direction)
            if found is None:
                return self._leave(n_iter)
            self._try(found, spread)
            n_iter += 1
        self._judge(n_iter)
        return Proved(point.theta, point.value, gap, n_iter)

    def _prove(self, point, decrement, slack, n_iter):
        """A gap, and what was learned of how much larger it is than the decrement."""
        theta, value, gradient = point
        enough = self.tol * abs(value)
        gap = balance.balanced_bound(self.objective, gradient, self.watched.spread)
        near = self.objective.gap_estimate(gradient) <= NEARLY * enough
        if gap <= enough or slack * decrement > enough or (near and n_iter < HOPE):
            return gap, slack
        gap = self.objective.gap(theta, gradient, enough)
        missed = gap / max(decrement, np.finfo(np.float64).tiny)
        return gap, slack * (8.0 if np.isinf(missed) else max(2.0, missed / slack))

    def _judge(self, n_iter):
        """Whether the metric is behind the times, and its kind too weak."""
        if n_iter > STALE:
            self.metric = None
        if n_iter > WEAK:
            self.maker = min(self.maker + 1, len(self.makers) - 1)

    def _leave(self, n_iter):
        """The solution by an ordinary fit from here."""
        self._judge(n_iter)
        solution = minimize(
            self.objective, build.solver_for(self.objective, self.settings.solver, warm=True),
            self.progress.point.theta, tol=self.settings.tol,
            max_iter=max(0, self.settings.max_iter - n_iter),
        )  # fmt: skip
        # Where it ended is where the next fit begins.
        point = Point(solution.theta, *self.watched.value_and_gradient(solution.theta))
        self.progress = self.progress._replace(point=point)
        return solution._replace(n_iter=solution.n_iter + n_iter)
