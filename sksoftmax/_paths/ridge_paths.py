"""Ridge fits along C, of one fit or of all folds of a cross-validation together.

Along log C the optima are smooth curves, and so are the gradients of the loss there. Each fit
starts at a prediction: the parabolas through its last three optima and gradients, followed by one
quasi-Newton step with the gradient that these give; or, where the next C is far, the line through
its last two optima. All fits then run L-BFGS in lockstep, with one pass over the rows for all and a
shared preconditioner. Curvature pairs are reused along C, because only the ridge changes and its
part in them is known. Proofs share second moments of the columns. A fit whose gap is not proved in
this way is ended by an ordinary fit.
"""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from sksoftmax._curvature import ridge_preconditioners
from sksoftmax._paths.fits import fit_of, problem_at
from sksoftmax._paths.fold_certificates import FoldCertificates, LowerMoments, ridge_bound
from sksoftmax._paths.fold_objectives import FoldObjectives, fold_objectives, one_fit
from sksoftmax._paths.predictor import PathPoint, extended_history, extrapolated
from sksoftmax._problems import build
from sksoftmax._problems.row_space import reduce_columns
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax._runtime.quiet import quiet
from sksoftmax._solvers import lockstep, minimize
from sksoftmax._solvers.lbfgs import two_loop
from sksoftmax._solvers.line_search import Point
from sksoftmax._solvers.loop import FLOOR, SINGLE_TOL
from sksoftmax._solvers.pairs import with_pair, with_ridge

# Steps of a descent, at the most, after which a preconditioner serves again, and after which the
# next one is made by the same maker.
STALE = 2
WEAK = 8
# Steps of a descent, at the most, before an ordinary fit takes over.
LONGEST = 40
# Rounding of values, which are means of losses, in single precision; absolute.
SINGLE_ROUNDING = 1e-8
# Numbers of fits and of their coefficients, at the most, that are fitted side by side.
MOST_FITS = 21
MOST_NUMBERS = 1_000_000
# Ratio of a bound that costs nothing to the target from which on new moments are made for a proof.
# Below it the bound will do after a few more steps, which cost less.
NEARLY = 16
# Largest step in log C over which a parabola predicts. Relative to no prediction, paths of ten
# values over eight decades take 0.92 of the time by a line and 1.1 by the parabola; 50 values take
# 0.3 to 0.8 by the parabola.
FARTHEST = 0.5


@quiet
def fit_ridge_paths(data, Cs, settings, memberships=None, done=None):
    """Fits at increasing values of C, of all rows and of folds.

    data : Encoded
    Cs : ndarray of shape (n_Cs,), increasing
    settings : Settings
    memberships : Memberships, optional
        Which rows the folds' fits keep, see ``memberships``.
    done : callable of an int, optional
        Called with the number of fits that were made since the last call.

    Returns
    -------
    fits : list over C of lists of Fit
        The first is of all rows.
    """
    data, columns = reduce_columns(data)
    first = problem_at(data, Cs[0], 0.0, settings).objective
    folds = one_fit(first) if memberships is None else fold_objectives(first, *memberships)
    paths = RidgePaths.of(folds, settings)
    state = paths.start(folds, build.initial(data, first.map))
    fits = []
    for C in Cs:
        penalty = problem_at(data, C, 0.0, settings).objective.penalty
        state, solutions = paths.advance(state, np.log(C), penalty)
        fits.append([fit_of(solution, data, columns, first.map) for solution in solutions])
        if done is not None:
            done(len(solutions))
    return fits


def suits(data, settings, n_fits=1):
    """Whether fits have a plain ridge, and are few and small enough to be side by side."""
    size = n_fits * data.n_scores * data.n_features
    plain = settings.solver == "auto" and settings.norm.penalty_factor is None
    return plain and n_fits <= MOST_FITS and size <= MOST_NUMBERS


class FitState(NamedTuple):
    """Where a fit stands, and what it has learned.

    point : Point at the present C
    pairs : tuple of Pair, the latest last
    slack : float, ratio of proved gaps to the decrement
    history : tuple of PathPoint, the latest last
    """

    point: Point
    pairs: tuple
    slack: float
    history: tuple = ()

    def with_ridge(self, old, new):
        """The state under another ridge, without a pass over the rows."""
        theta, value, gradient = self.point
        stiffer = new.strength - old.strength
        added = stiffer * theta
        point = Point(theta, value + 0.5 * float(added @ theta), gradient + added)
        return self._replace(point=point, pairs=with_ridge(self.pairs, stiffer))

    def with_point(self, found):
        """The state at another Point, if that is lower, and with the pair of the step to it."""
        pairs = with_pair(self.pairs, self.point, found, lockstep.MEMORY)
        point = found if found.value < self.point.value else self.point
        return self._replace(point=point, pairs=pairs)


class Start(NamedTuple):
    """Where the descent of a fit starts.

    fit : FitState
    preconditioner : Preconditioner
    prediction : ndarray of shape (n_parameters,), of theta at the optimum; or None
    n_iter : int, steps that were made before
    """

    fit: FitState
    preconditioner: object
    prediction: np.ndarray | None
    n_iter: int = 0

    def after(self, result, point):
        """The start of another descent from the end of one, at which the objective is ``point``."""
        fit = self.fit._replace(point=point, pairs=result.pairs)
        return self._replace(fit=fit, prediction=None, n_iter=result.n_iter)


class Proved(NamedTuple):
    """The solution of a fit whose gap was proved, with these fields of a ``loop.Solution``."""

    theta: np.ndarray
    value: float
    gap: float
    n_iter: int
    converged: bool = True


class PathState(NamedTuple):
    """All fits at one C.

    folds : FoldObjectives with the ridge of this C
    fits : tuple of FitState
    maker : int, index of the maker of preconditioners in use
    curvature : what it made, a function of the ridge's strength; None where it is stale
    lower : LowerMoments of the last proofs, or None
    """

    folds: FoldObjectives
    fits: tuple
    maker: int = 0
    curvature: object = None
    lower: LowerMoments | None = None


@dataclass(frozen=True)
class RidgePaths:
    """The method of a path.

    certificates : FoldCertificates
    makers : list of makers of preconditioners, see ``ridge_preconditioners``
    solver, tol, max_iter : the estimator's parameters
    """

    certificates: FoldCertificates
    makers: list
    solver: str
    tol: float
    max_iter: int

    @classmethod
    def of(cls, folds, settings):
        certificates = FoldCertificates.of(folds)
        makers = ridge_preconditioners.makers(folds.whole, certificates.moments)
        return cls(certificates, makers, settings.solver, settings.tol, settings.max_iter)

    @property
    def target(self):
        """The gap that is to be proved, relative to the value."""
        return max(self.tol, FLOOR)

    def start(self, folds, theta):
        slack = SmoothProblem(folds.whole).usual_slack
        n_fits = len(folds.keeps)
        points = folds.evaluate([theta] * n_fits, range(n_fits))
        return PathState(folds, tuple(FitState(point, (), slack) for point in points))

    def advance(self, state, log_C, penalty):
        """The state at the next C, and the list of the fits' solutions, Proved or Solution."""
        folds = state.folds.with_penalty(penalty)
        fits = [
            fit.with_ridge(state.folds.penalty(i), folds.penalty(i))
            for i, fit in enumerate(state.fits)
        ]
        curvature = state.curvature
        if curvature is None:
            curvature = self.makers[state.maker](folds.whole, fits[0].point.theta)
        rescaled = ridge_preconditioners.is_to_be_scaled(folds.whole, self.makers[state.maker])
        starts = []
        for i, preconditioner in enumerate(_preconditioners(curvature, folds)):
            prediction = _predicted(folds, i, fits[i], preconditioner, log_C, rescaled)
            starts.append(Start(fits[i], preconditioner, prediction))
        results, lower = self._descended(folds, starts, rescaled, state.lower)
        longest = max(result.n_iter for result in results)
        after, solutions = [], []
        for i, result in enumerate(results):
            fit = FitState(result.point, result.pairs, result.slack, fits[i].history)
            solution, fit = self._solution(folds, i, fit, result)
            last = PathPoint.of(log_C, fit.point, folds.penalty(i))
            after.append(fit._replace(history=extended_history(fit.history, last)))
            solutions.append(solution)
        maker = min(state.maker + (longest > WEAK), len(self.makers) - 1)
        curvature = None if longest > STALE else curvature
        return PathState(folds, tuple(after), maker, curvature, lower), solutions

    def _descended(self, folds, starts, rescaled, lower):
        """The Results of all descents, and the LowerMoments of their proofs.

        Where single precision is cheaper, descents in that come first, without proofs.

        starts : list of Start
        """
        single = folds.low_precision
        if single is not None:
            tol = max(self.target, SINGLE_TOL)
            descents = self._descents(single, starts, rescaled, tol, SINGLE_ROUNDING)
            results, _ = lockstep.run(descents, single.evaluate, _assumed, None)
            points = folds.evaluate([result.point.theta for result in results], range(len(starts)))
            starts = [
                start.after(result, point)
                for start, result, point in zip(starts, results, points, strict=True)
            ]
        prove = partial(self._prove, folds, [start.fit for start in starts])
        descents = self._descents(folds, starts, rescaled, self.target)
        results, lower = lockstep.run(descents, folds.evaluate, prove, lower)
        results = [
            result._replace(n_iter=result.n_iter + start.n_iter)
            for result, start in zip(results, starts, strict=True)
        ]
        return results, lower

    def _descents(self, folds, starts, rescaled, tol, rounding=0.0):
        """The descents of all fits, see ``lockstep.descent``."""
        return [
            lockstep.descent(
                start.fit.point, start.fit.pairs, start.preconditioner, rescaled=rescaled,
                prediction=start.prediction, slack=start.fit.slack, tol=tol, rounding=rounding,
                bound=partial(ridge_bound, folds, folds.strength(i)),
                longest=min(LONGEST, self.max_iter - start.n_iter),
            )
            for i, start in enumerate(starts)
        ]  # fmt: skip

    def _solution(self, folds, i, fit, result):
        """The solution and state of a fit; an ordinary fit goes on if no gap was proved."""
        theta, value, _ = result.point
        if result.gap <= self.target * abs(value):
            return Proved(theta, value, result.gap, result.n_iter), fit
        problem = SmoothProblem(folds.objective(i))
        solution = minimize(
            problem, build.solver_for(problem, self.solver, warm=True), theta,
            tol=self.tol, max_iter=max(0, self.max_iter - result.n_iter),
        )  # fmt: skip
        fit = fit.with_point(solution.point)
        return solution._replace(n_iter=solution.n_iter + result.n_iter), fit

    def _prove(self, folds, fits, points, numbers, lower):
        """Gaps of some fits at Points, by the cheapest proof that may do, and the LowerMoments.

        numbers : list of int, the fits
        """
        targets = np.array([self.target * abs(point.value) for point in points])
        bounds = np.array([
            ridge_bound(folds, folds.strength(i), point.gradient)
            for i, point in zip(numbers, points, strict=True)
        ])  # fmt: skip
        gaps = np.full(len(numbers), np.inf)
        likely = np.flatnonzero(1.1 * bounds <= targets)  # to balance the intercepts costs a little
        if len(likely):
            gaps[likely] = self.certificates.by_intercepts(
                folds, [points[j] for j in likely], [numbers[j] for j in likely]
            )
        left = np.flatnonzero(gaps > targets)
        if len(left):
            asked = [points[j] for j in left], [numbers[j] for j in left], targets[left]
            if self.certificates.score_range is None:
                gaps[left] = _proved_alone(folds, *asked)
            else:
                worthwhile = bounds[left] > NEARLY * targets[left]
                gaps[left], lower = self._by_moments(folds, fits, *asked, worthwhile, lower)
        return gaps, lower

    def _by_moments(self, folds, fits, points, numbers, targets, worthwhile, lower):
        """Gaps by the last LowerMoments, or by new ones at the points if those are of too far away.

        worthwhile : ndarray of bool of shape (n,), whether new ones may be made for a fit
        """
        prove, gaps, far = self.certificates.by_moments, np.full(len(numbers), np.inf), True
        if lower is not None:
            gaps, far = prove(folds, points, numbers, lower)
        if (far & (gaps > targets) & worthwhile).any():
            thetas = [fit.point.theta for fit in fits]
            for i, point in zip(numbers, points, strict=True):
                thetas[i] = point.theta
            lower = self.certificates.lower_moments(folds, thetas)
            gaps, _ = prove(folds, points, numbers, lower)
        return gaps, lower


def _assumed(points, numbers, knowledge):
    """Gaps of 0, so that descents end where they would ask for a proof."""
    return [0.0] * len(points), knowledge


def _proved_alone(folds, points, numbers, targets):
    """Gaps of some fits, each by a certificate of its own."""
    return [
        SmoothProblem(folds.objective(i)).certify(point, target).gap
        for i, point, target in zip(numbers, points, targets, strict=True)
    ]


def _predicted(folds, i, fit, preconditioner, log_C, rescaled):
    """The prediction of a fit's theta at the next C; None with too short a history."""
    if not fit.history:
        return None
    if log_C - fit.history[-1].log_C > FARTHEST:
        return extrapolated(fit.history[-2:], log_C).theta if len(fit.history) > 1 else None
    ahead = extrapolated(fit.history, log_C)
    gradient = ahead.loss_gradient + folds.penalty(i).strength * ahead.theta
    scale = lockstep.initial_scale(fit.pairs, preconditioner) if rescaled else 1.0
    return ahead.theta - two_loop(fit.pairs, preconditioner, scale, gradient)


def _preconditioners(curvature, folds):
    """Yield the preconditioner of each fit.

    Fits of weights that differ by a percent share one, which saves 3 %.
    """
    made = {}
    for i, share in enumerate(folds.shares):
        alike = round(float(np.log(share)), 2)
        if alike not in made:
            made[alike] = curvature(folds.penalty(i).strength)
        yield made[alike]
