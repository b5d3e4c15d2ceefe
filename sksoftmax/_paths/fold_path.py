"""Ridge fits along C of all rows and of all but each part of them, sharing what they can.

At each C all rows are fitted first, from where they ended at the last C. The folds start from where
they ended too, moved along with the optimum of all rows, and descend together: in a metric of all
rows, and with pairs gathered along the whole path, which know of another C but for its ridge. Their
proofs need moments of the columns that all share too. Whatever is not proved so is left to an
ordinary fit.
"""

from typing import NamedTuple

import numpy as np

from sksoftmax._curvature import ridge_metrics
from sksoftmax._paths.elastic_net_path import fit_of, pose
from sksoftmax._paths.fold_objectives import NOTHING, cut
from sksoftmax._problems import build
from sksoftmax._problems.row_space import reduce_columns
from sksoftmax._solvers import minimize
from sksoftmax._solvers.lbfgs import two_loop
from sksoftmax._solvers.line_search import Point, evaluate
from sksoftmax._solvers.lockstep import Convoy, descent, extended, scale_of, stiffened
from sksoftmax._solvers.loop import Proof

# Steps after which a metric is behind the times, and those after which its kind is too weak.
STALE = 2
WEAK = 8
LONGEST = 40
# How much too large a bound that costs nothing may be, to be waited for.
NEARLY = 16
# Fits that are worth holding side by side, and numbers in their coefficients.
MOST_FITS = 21
MOST_NUMBERS = 1_000_000


@np.errstate(all="ignore")
def fit_folds(data, part_of, n_folds, Cs, settings, done=None):
    """Fits at increasing values of C, of all rows and of all but each part.

    part_of : ndarray of shape (n_rows,)
        The part of each row, as by `parts_of`.
    done : callable of an int, optional
        Called after so many fits.

    Returns
    -------
    fits : list over C of lists of Fit
        The first is of all rows, the others leave out each part in turn.
    """
    data, columns = reduce_columns(data)
    first = pose(data, Cs[0], 0.0, settings)
    along = Along(cut(first, part_of, int(part_of.max()) + 1), n_folds, settings)
    along.begin(build.neutral(data, first.map))
    fits = []
    for C in Cs:
        solutions = along.at(pose(data, C, 0.0, settings).penalty)
        fits.append([fit_of(solution, data, columns, first.map) for solution in solutions])
        if done is not None:
            done(len(solutions))
    return fits


def suits(data, settings, n_fits=1):
    """Whether these are plain ridge fits, few and small enough to hold side by side."""
    size = n_fits * data.n_scores * data.n_features
    plain = settings.solver == "auto" and settings.shape.penalty_factor is None
    return plain and n_fits <= MOST_FITS and size <= MOST_NUMBERS


def parts_of(folds, weight, data, settings):
    """The part of each row that has weight, if the folds can be fitted together; else None.

    They can where each leaves out rows of its own and keeps all others, and all classes.

    folds : list of (train, test)
    weight : ndarray of shape (n_samples,)
    """
    # "balanced" weighs the rows of each fold in its own way.
    balanced = isinstance(settings.class_weight, str)
    if balanced or len(folds) < 2 or not suits(data, settings, len(folds) + 1):
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


class Progress(NamedTuple):
    """Where a fit ended, and what it learned on the way.

    slack : how much larger its proofs are than what its metric expects
    """

    point: Point
    pairs: tuple
    slack: float

    def moved_to(self, old, new):
        """The same under another ridge, which changes all of this in a known way."""
        theta, value, gradient = self.point
        stiffer = new.strength - old.strength
        pull = stiffer * theta
        point = Point(theta, value + 0.5 * float(pull @ theta), gradient + pull)
        return self._replace(point=point, pairs=stiffened(self.pairs, stiffer))

    def tried(self, found):
        """The better of two points, and the pair that they make."""
        pairs = extended(self.pairs, self.point, found)
        point = found if found.value < self.point.value else self.point
        return self._replace(point=point, pairs=pairs)


class Proved(NamedTuple):
    """What a fit needs to know of a descent that was proved."""

    theta: np.ndarray
    value: float
    gap: float
    n_iter: int
    converged: bool = True


class Along:
    """The fits on their way along C.

    folds : Folds, at the present C
    progress : dict of Progress, by the part that is left out
    maker : index of the kind of metric in use
    metric : what the last maker returned; None where it is stale
    made : dict of metrics at the present C, by the weight that is left
    anchor : Anchor of proofs
    """

    def __init__(self, folds, n_folds, settings):
        self.folds, self.settings = folds, settings
        self.tol = max(settings.tol, Proof.FLOOR)
        self.held = list(range(n_folds))
        self.makers, self.maker = ridge_metrics.makers(folds.whole, folds.moments), 0
        self.metric = self.anchor = None

    def begin(self, theta):
        """All fits at one theta."""
        slack, all_held = self.folds.whole.usual_slack, [NOTHING, *self.held]
        points = self.folds.points_at(theta, all_held)
        self.progress = {
            out: Progress(point, (), slack) for out, point in zip(all_held, points, strict=True)
        }

    def at(self, penalty):
        """Solutions at another C: of all rows, and without each part."""
        old, self.folds = self.folds, self.folds.with_penalty(penalty)
        self.made = {}
        for out, own in self.progress.items():
            self.progress[out] = own.moved_to(old.penalty(out), self.folds.penalty(out))
        before = self.progress[NOTHING].point
        convoy, all_held = Convoy(), [NOTHING, *self.held]
        convoy.add(self._descents([NOTHING]))
        convoy.advance(lambda thetas, _: self.folds.evaluate(thetas, [NOTHING]))
        self._follow(before, convoy.point(0))
        convoy.add(self._descents(self.held))
        tracks = convoy.drive(
            lambda thetas, numbers: self.folds.evaluate(thetas, [all_held[n] for n in numbers]),
            lambda points, numbers: self._prove(points, [all_held[n] for n in numbers]),
        )  # fmt: skip
        self._judge(max(track.n_iter for track in tracks))
        for out, track in zip(all_held, tracks, strict=True):
            self.progress[out] = Progress(track.point, track.pairs, track.slack)
        return list(map(self._solution, all_held, tracks))

    def _follow(self, before, after):
        """Move the folds as the fit of all rows moved, where that is for the better.

        Their gradients change about as its own did, but for the ridge. What that would leave of
        them is corrected in the same step.
        """
        step = after.theta - before.theta
        if not (step.any() and self.held):
            return
        change = after.gradient - before.gradient - self.folds.whole.penalty.strength * step
        thetas = []
        for out, metric in zip(self.held, self._metrics(self.held), strict=True):
            (theta, _, gradient), pairs, _ = self.progress[out]
            left = gradient + change + self.folds.penalty(out).strength * step
            thetas.append(theta + step - two_loop(pairs, metric, scale_of(pairs, metric), left))
        for out, found in zip(self.held, self.folds.evaluate(thetas, self.held), strict=True):
            self.progress[out] = self.progress[out].tried(found)

    def _descents(self, held):
        return list(map(self._descent, held, self._metrics(held)))

    def _descent(self, out, metric):
        point, pairs, slack = self.progress[out]
        strength = self.folds.strength(out)
        return descent(
            point, pairs, metric, tol=self.tol, slack=slack,
            bound=lambda gradient: self.folds.ridge_bound(strength, gradient),
            longest=min(LONGEST, self.settings.max_iter),
        )  # fmt: skip

    def _metrics(self, held):
        """A metric for each fit; those of nearly the same weight share one."""
        if self.metric is None:
            theta = self.progress[NOTHING].point.theta
            self.metric = self.makers[self.maker](self.folds.whole, theta)
        for out in held:
            alike = round(float(np.log(self.folds.share(out))), 2)
            if alike not in self.made:
                self.made[alike] = self.metric(self.folds.penalty(out).strength)
            yield self.made[alike]

    def _judge(self, steps):
        if steps > STALE:
            self.metric = None
        if steps > WEAK:
            self.maker = min(self.maker + 1, len(self.makers) - 1)

    def _prove(self, points, held):
        """Gaps of some fits, by whichever proof may do."""
        enough = np.array([self.tol * abs(point.value) for point in points])
        gaps = np.full(len(held), np.inf)
        for prove, hopeful in (
            (self._by_ridge, 1.1 * self._ridge_bounds(points, held) <= enough),
            (self._by_anchor if self.folds.can_anchor else self._alone, True),
        ):
            left = np.flatnonzero((gaps > enough) & hopeful)
            if len(left):
                gaps[left] = prove([points[i] for i in left], [held[i] for i in left], enough[left])
        return gaps

    def _by_ridge(self, points, held, enough):
        return self.folds.loose_gaps(points, held)

    def _alone(self, points, held, enough):
        objectives = map(self.folds.objective, held)
        return [
            objective.gap(point.theta, point.gradient, most)
            for objective, point, most in zip(objectives, points, enough, strict=True)
        ]

    def _by_anchor(self, points, held, enough):
        """Proofs from the last anchor, or, where that is too far away, from one at the points.

        Not for those that the penalty will prove a step or two from here, which costs less.
        """
        gaps, far = np.full(len(held), np.inf), True
        if self.anchor is not None:
            gaps, far = self.folds.gaps(points, held, self.anchor, enough)
        worthwhile = self._ridge_bounds(points, held) > NEARLY * enough
        if (far & (gaps > enough) & worthwhile).any():
            at = {out: own.point.theta for out, own in self.progress.items()}
            at |= {out: point.theta for out, point in zip(held, points, strict=True)}
            self.anchor = self.folds.anchor(at)
            gaps, _ = self.folds.gaps(points, held, self.anchor, enough)
        return gaps

    def _ridge_bounds(self, points, held):
        """Of their gaps but for the intercepts' part, at next to no cost."""
        strengths = map(self.folds.strength, held)
        return np.array([
            self.folds.ridge_bound(strength, point.gradient)
            for strength, point in zip(strengths, points, strict=True)
        ])  # fmt: skip

    def _solution(self, out, track):
        theta, value, _ = track.point
        if track.gap <= self.tol * abs(value):
            return Proved(theta, value, track.gap, track.n_iter)
        objective = self.folds.objective(out)
        solution = minimize(
            objective, build.solver_for(objective, self.settings.solver, warm=True), theta,
            tol=self.settings.tol, max_iter=max(0, self.settings.max_iter - track.n_iter),
        )  # fmt: skip
        # Where it ended is where the fit at the next C begins.
        self.progress[out] = self.progress[out].tried(evaluate(objective, solution.theta))
        return solution._replace(n_iter=solution.n_iter + track.n_iter)
