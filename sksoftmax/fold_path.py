"""Ridge fits along C of all rows and of all but each part of them, sharing what they can.

At each C all rows are fitted first. Their optimum is where each fold starts: the gradient of every
fold there costs one pass for all. The folds then descend together, in a metric of all rows and
with the pairs that they gathered at the last C; a proof needs moments of the columns that all
folds share too. Whatever is not proved so is left to an ordinary fit.
"""

import numpy as np

from sksoftmax import curvature, drawing, prices, problem
from sksoftmax.certificate import ridge_bound
from sksoftmax.factors import ClassMetric, DiagonalMetric, Factor, FullMetric
from sksoftmax.folds import NOTHING, cut
from sksoftmax.path import fit_of, pose
from sksoftmax.penalties import Ridge
from sksoftmax.row_space import reduce_columns
from sksoftmax.solvers import minimize
from sksoftmax.solvers.loop import Proof
from sksoftmax.solvers.search import Point, evaluate
from sksoftmax.solvers.together import descent, drive, extended, stiffened

# Steps after which a metric is behind the times, and those after which its kind is too weak.
STALE = 2
WEAK = 8
LONGEST = 40
# Where scores differ by more from those that the moments of proofs are of, new ones prove more.
FAR = 1.0
# Fits that are worth holding side by side, and numbers in their coefficients.
MOST_FITS = 21
MOST_NUMBERS = 1_000_000


def fit_folds(data, part_of, n_parts, Cs, settings, watch=None):
    """Fits at increasing values of C, of all rows and of all but each part.

    part_of : ndarray of shape (n_rows,)
        The part of each row; rows of parts beyond ``n_parts`` are in every fit.

    Returns
    -------
    fits : list over C of lists of Fit
        The first is of all rows, the others leave out each part in turn.
    """
    data, columns = reduce_columns(data)
    first = pose(data, Cs[0], 0.0, settings)
    folds = cut(first, part_of, int(part_of.max()) + 1)
    descents = Descents(folds, n_parts, settings)
    theta = problem.neutral(data, first.map)
    fits = []
    for C in Cs:
        penalty = pose(data, C, 0.0, settings).penalty
        solutions = descents.at(penalty, theta)
        theta = solutions[0].theta
        fits.append([fit_of(solution, data, columns, first.map) for solution in solutions])
        if watch is not None:
            watch(len(solutions))
    return fits


def parts_of(folds, weight, data, settings):
    """The part of each row that has weight, if the folds can be fitted together; else None.

    They can where each leaves out rows of its own and keeps all others, and all classes.

    folds : list of (train, test)
    weight : ndarray of shape (n_samples,)
    """
    shape, n_fits = settings.shape, len(folds) + 1
    size = n_fits * data.n_scores * data.n_features
    if settings.solver != "auto" or shape.penalty_factor is not None:
        return None
    # "balanced" weighs the rows of each fold in its own way.
    if isinstance(settings.class_weight, str) or not 2 < n_fits <= MOST_FITS or size > MOST_NUMBERS:
        return None
    part_of = np.full(len(weight), len(folds))
    for number, (train, test) in enumerate(folds):
        inside = np.zeros(len(weight), dtype=int)
        inside[train] += 1
        if (np.bincount(np.arange(len(weight))[train], minlength=len(weight)) > 1).any():
            return None
        if (part_of[test] != len(folds)).any():
            return None
        inside[test] += 1
        part_of[test] = number
        if not (inside == 1).all():
            return None
    part_of = part_of[weight > 0]
    labels = np.concatenate([block.target for block in data.rows])
    counts = np.zeros((len(folds) + 1, len(data.classes)), dtype=int)
    np.add.at(counts, (part_of, labels), 1)
    left_out = counts[:-1]
    if not left_out.any(axis=1).all() or not (counts.sum(axis=0) - left_out > 0).all():
        return None
    return part_of


class Descents:
    """What the fits at one C leave to those at the next."""

    def __init__(self, folds, n_parts, settings):
        self.folds, self.settings = folds, settings
        self.held = list(range(n_parts))
        self.tol = max(settings.tol, Proof.FLOOR)
        self.kinds = kinds(folds.whole)
        self.kind = 0
        self.loose = None
        self.anchor = None
        self.pairs = {out: () for out in (NOTHING, *self.held)}
        self.points = {}
        self.slack = dict.fromkeys(self.pairs, folds.whole.usual_slack)

    def at(self, penalty, theta):
        """Solutions of all fits: of all rows, and without each part."""
        before = self.folds
        self.folds = before.with_penalty(penalty)
        for out in self.pairs:
            more = self.folds.penalty(out).strength - before.penalty(out).strength
            self.pairs[out] = stiffened(self.pairs[out], more)
            if out in self.points:
                self.points[out] = moved(self.points[out], before.penalty(out), self.folds.penalty(out))
        if NOTHING in self.points:
            theta = self.points[NOTHING].theta
            starts = [self.points[NOTHING]]
        else:
            starts = [evaluate(self.folds.whole, theta)]
        (whole,) = self._descend(starts, [NOTHING])
        if self.held[0] in self.points:
            change = whole.theta - theta
            held = [out for out in self.held if np.any(change)]
            trials = [self.points[out].theta + change for out in held]
            for out, found in zip(held, self.folds.evaluate(trials, held), strict=True):
                if found.value < self.points[out].value:
                    self.pairs[out] = extended(self.pairs[out], self.points[out], found)
                    self.points[out] = found
            starts = [self.points[out] for out in self.held]
        else:
            starts = self.folds.points_at(whole.theta, self.held)
        return [whole, *self._descend(starts, self.held)]

    def _descend(self, points, held):
        """Solutions of fits that start from these points."""
        longest = min(LONGEST, self.settings.max_iter)
        metrics = self._metrics(points[0].theta, held)
        tracks = drive(
            [self._descent(point, out, metric, longest)
             for point, out, metric in zip(points, held, metrics, strict=True)],
            lambda thetas, numbers: self.folds.evaluate(thetas, [held[n] for n in numbers]),
            lambda points, numbers: self._prove(points, [held[n] for n in numbers]),
        )  # fmt: skip
        steps = max(track.n_iter for track in tracks)
        if steps > STALE:
            self.loose = None
        if steps > WEAK and self.kind < len(self.kinds) - 1:
            self.kind += 1
        for track, out in zip(tracks, held, strict=True):
            self.pairs[out], self.slack[out] = track.pairs, track.slack
            self.points[out] = track.point
        return [self._solution(track, out) for track, out in zip(tracks, held, strict=True)]

    def _descent(self, point, out, metric, longest):
        objective = self.folds.objective(out)
        return descent(
            point, self.pairs[out], metric, tol=self.tol, slack=self.slack[out],
            bound=objective.gap_estimate, longest=longest,
        )  # fmt: skip

    def _metrics(self, theta, held):
        if self.loose is None:
            self.loose = self.kinds[self.kind](self.folds.whole, theta)
        made = {}
        for out in held:
            strength = self.folds.penalty(out).strength
            # Parts of nearly the same weight share a factor.
            key = round(float(np.log(self.folds.share(out))), 2)
            if key not in made:
                made[key] = self.loose(strength)
            yield made[key]

    def _prove(self, points, held):
        """Gaps of some fits, by whichever proof may do."""
        gaps = [np.inf] * len(held)
        if self.folds.can_anchor:
            gaps = self._by_anchor(points, held)
        for i, (point, out) in enumerate(zip(points, held, strict=True)):
            objective, enough = self.folds.objective(out), self.tol * abs(point.value)
            by_ridge = 1.3 * ridge_bound(objective, point.gradient) <= enough
            if gaps[i] > enough and (by_ridge or not self.folds.can_anchor):
                gaps[i] = objective.gap(point.theta, point.gradient, enough)
        return gaps

    def _by_anchor(self, points, held):
        if held == [NOTHING]:
            theta = points[0].theta
            moved = self.anchor is not None and self.folds.ranges(
                [theta - self.anchor.theta], [NOTHING])[0]  # fmt: skip
            if self.anchor is None or moved > FAR:
                self.anchor = self.folds.anchor(theta)
        if self.anchor is None:
            self.anchor = self.folds.anchor(points[0].theta)
        return self.folds.gaps(points, held, self.anchor)

    def _solution(self, track, out):
        objective, n_iter = self.folds.objective(out), track.n_iter
        theta, value, gradient = track.point
        if track.gap <= self.tol * abs(value):
            return _Solution(theta, value, track.gap, n_iter, True)
        solver = problem.solver_for(objective, self.settings.solver, warm=True)
        solution = minimize(
            objective, solver, theta, tol=self.settings.tol,
            max_iter=max(0, self.settings.max_iter - n_iter),
        )  # fmt: skip
        return solution._replace(n_iter=solution.n_iter + n_iter)


from typing import NamedTuple


class _Solution(NamedTuple):
    theta: np.ndarray
    value: float
    gap: float
    n_iter: int
    converged: bool


def moved(point, old, new):
    """The point with another penalty."""
    theta, value, gradient = point
    was, of_was = old.value_and_gradient(theta)
    now, of_now = new.value_and_gradient(theta)
    return Point(theta, value - was + now, gradient - of_was + of_now)


def kinds(objective):
    """Makers of metrics that the objective can afford, the cheaper first.

    Each is a function of the objective and theta; what it returns takes the penalty's strength and
    gives a metric.
    """
    if not prices.columns_are_affordable(objective):
        return [_diagonal]
    able = [_averaged]
    if prices.classes_are_affordable(objective):
        able.append(_by_class)
    if objective.map.n_scores > 1 and objective.holds_hessian:
        able.append(_drawn)
    return able


def _diagonal(objective, theta):
    loose = curvature.diagonal(_without_penalty(objective), theta).diagonal
    return lambda strength: DiagonalMetric(loose + strength.reshape(loose.shape))


def _averaged(objective, theta):
    classes, columns = curvature.averaged_moments(objective, theta)
    return lambda strength: curvature.product(
        classes, columns, _with_penalty(objective, strength)
    )


def _by_class(objective, theta):
    matrices = curvature.class_moments(objective, theta)

    def metric(strength):
        ridge = np.diag(strength.reshape(-1, len(matrices))[:, 0])
        return ClassMetric(tuple(Factor.of(matrix + ridge) for matrix in matrices))

    return metric


def _drawn(objective, theta):
    matrix = curvature.joint_moments(drawing.on_drawn_rows(objective, theta), theta)
    return lambda strength: FullMetric(Factor.of(matrix + np.diag(strength)))


def _with_penalty(objective, strength):
    from dataclasses import replace
    return replace(objective, penalty=Ridge(strength))


def _without_penalty(objective):
    return _with_penalty(objective, np.zeros(objective.map.n_parameters))
