"""Learning how decision scores become calibrated ones: each calibration is a score map or two.

All but ``"auto"`` begin with a temperature, which makes what follows indifferent to the units of
the scores, and go on with a map that a ridge holds near the identity. Sizes of samples are sums
of weights, so that a weight of 2 is the row twice.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from sksoftmax._calibration.transforms import (
    MatrixStep,
    Mix,
    PolynomialStep,
    Scale,
    VectorStep,
    compact,
    forward,
    sum_of_losses,
)
from sksoftmax._curvature import approximations
from sksoftmax._objective.objective import Objective
from sksoftmax._objective.penalties import Ridge
from sksoftmax._objective.rows import Block, Largest, Rows, partition, picked
from sksoftmax._objective.scaling_maps import TemperatureMap, VectorMap
from sksoftmax._objective.score_maps import LinearMap
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax._solvers import SOLVERS, minimize
from sksoftmax._solvers.lbfgs import Lbfgs
from sksoftmax._solvers.loop import descend

# A temperature is one number and soon exact; of a matrix more than this is lost in the noise of
# the sample.
FINE, GOOD = 1e-12, 1e-6
NEVER = 10**9
# Inverse temperature, on scores of unit size, of what should be infinitely hot.
LEAST = 1e-6
# A lead of the labels' own scores, on scores of unit size, above which rows count as separated.
NO_LEAD = -1e-9
# Rows of each block that nearly always show that classes are not separated.
FEW = 100
# Curvature of the ridge on a binary map, divided by the weight of the sample.
BINARY_RIDGE = 1.0

CONSTANT = (
    "The scores do not differ between classes: there is no temperature to learn, and 1 is kept."
)
REVERSED = (
    "The scores are no better than none at telling the classes of y: no positive temperature is "
    "the best, and one is taken that makes all probabilities alike. Check the order of the "
    "columns and of the classes."
)
SEPARATED = (
    "The scores tell the class of every row of y, so that the best temperature is 0. It was "
    "learned from smoothed labels instead; are these scores of the rows that the classifier was "
    "fitted on?"
)


@dataclass(frozen=True)
class Sample:
    """What is learned from.

    rows : Rows
        Blocks of compact scores, whose targets are indices of classes.
    n_scores : number of columns
    n_rows : int
    total : float, sum of the weights
    """

    rows: Rows
    n_scores: int
    n_rows: int
    total: float

    @classmethod
    def of(cls, scores, labels, weight):
        """Of arrays: compact scores, indices of classes, and positive weights."""
        rows = partition(scores, labels, weight, scores.shape[1])
        return cls(rows, scores.shape[1], len(scores), float(weight.sum()))

    @classmethod
    def read(cls, data, scores_of):
        """Of encoded rows (``_data.score_rows``), whose columns a function reads as scores."""
        n_scores = 1 if len(data.classes) == 2 else len(data.classes)
        sample = cls(data.rows, n_scores, data.n_rows, float(data.by_class.sum()))
        return sample.with_scores(lambda columns: compact(scores_of(columns)))

    @property
    def n_classes(self):
        return max(2, self.n_scores)

    def with_scores(self, function):
        """The sample with what a function makes of the scores of a block."""
        return replace(self, rows=self.rows.map(lambda block: scored(block, function)))

    def where(self, choose):
        """The rows that a function of the scores of a block chooses, as a mask."""

        def pick(block):
            places = np.flatnonzero(choose(block.X))
            if len(places):
                return picked(block, places)
            # No block is without rows: one without weight stands for none.
            return Block(block.X[:1], block.target[:1], 0 * block.weight[:1])

        rows = self.rows.map(pick)
        n_rows, total = rows.sum(
            lambda block: (np.count_nonzero(block.weight), block.weight.sum())
        )
        return replace(self, rows=rows, n_rows=n_rows, total=float(total))

    def log_loss(self, steps=()):
        """Weighted mean of minus the log probability of each row's label, after the steps."""

        def block_sum(block):
            return sum_of_losses(forward(steps, block.X), block.target, block.weight)

        return float(self.rows.sum(block_sum)) / self.total

    def is_separated(self):
        """Whether each row's own score is the largest."""
        return self.least_lead(FEW) >= NO_LEAD and self.least_lead() >= NO_LEAD

    def least_lead(self, most=None):
        """The least by which a row's own score leads the best of the others.

        most : rows to look at in each block
        """

        def block_lead(block):
            own = np.flatnonzero(block.weight)[:most]
            return Largest(-lead(block.X[own], block.target[own]))

        return -float(self.rows.sum(block_lead).number)


def scored(block, function):
    """The block with what a function makes of its scores, each column by itself in memory."""
    return Block(np.asfortranarray(function(block.X)), block.target, block.weight)


def own_scores(scores, labels):
    """Each row's score of its own class, less the mean of all classes."""
    if scores.shape[1] == 1:
        return scores[:, 0] * (labels - 0.5)
    return np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]


def lead(scores, labels):
    """The least by which a row's own score leads the best of the others; inf of no rows."""
    if scores.shape[1] == 1:
        return 2 * own_scores(scores, labels).min(initial=np.inf)
    others = scores.copy()
    np.put_along_axis(others, labels[:, None], -np.inf, axis=1)
    return (own_scores(scores, labels) - others.max(axis=1)).min(initial=np.inf)


def sizes(block):
    """Summed squares of the scores of a block, and summed scores of the rows' own classes."""
    squares = np.einsum("n,nk,nk->", block.weight, block.X, block.X)
    return squares, block.weight @ own_scores(block.X, block.target)


class Learned(NamedTuple):
    """Steps from scores to calibrated ones, and what the user should be told."""

    steps: tuple
    notes: tuple = ()
    name: str | None = None  # of the calibration


def identity(sample):
    """Scores as they are."""
    return Learned(())


def temperature(sample):
    """The inverse temperature of least log loss; of smoothed labels where there is none."""
    squares, own = sample.rows.sum(sizes)
    size = np.sqrt(squares / sample.total)
    if not size > np.finfo(np.float64).tiny:
        return Learned((Scale(1.0),), (CONSTANT,), "temperature")
    # The loss is convex in beta and its slope at 0 is minus the mean of rows' own scores.
    if not own > LEAST * size * sample.total:
        return Learned((Scale(float(LEAST / size)),), (REVERSED,), "temperature")
    unit = sample.with_scores(lambda scores: scores / size)
    separated = unit.is_separated()
    learned_from = _smoothed(unit) if separated else unit
    objective = _objective(learned_from, TemperatureMap(sample.n_scores), Ridge(np.zeros(1)))
    solution = _minimized(objective, FINE)
    beta = float(max(solution.theta[0], LEAST) / size)
    return Learned((Scale(beta),), (SEPARATED,) if separated else (), "temperature")


def vector(sample):
    """A temperature, then a scale and a bias for each class."""
    learn = _polynomial(1) if sample.n_scores == 1 else _vector
    return _followed(sample, temperature(sample), learn, "vector")


def matrix(sample):
    """A temperature, then a matrix and a bias."""
    learn = _polynomial(1) if sample.n_scores == 1 else _matrix(off_diagonal=1)
    return _followed(sample, temperature(sample), learn, "matrix")


def structured(sample):
    """A temperature, a mix with equal probabilities, then a matrix under a structured ridge."""
    scaled = temperature(sample)
    if sample.n_scores == 1:
        return _followed(sample, scaled, _polynomial(2), "structured")
    mixed = scaled._replace(steps=(*scaled.steps, Mix(1 / (sample.total + 1))))
    return _followed(sample, mixed, _matrix(off_diagonal=sample.n_classes - 1), "structured")


def _followed(sample, learned, learn, name):
    step = learn(sample.with_scores(partial(forward, learned.steps)))
    return learned._replace(steps=(*learned.steps, step), name=name)


def _vector(sample):
    score_map = VectorMap(sample.n_scores)
    strength = np.full(score_map.n_parameters, 2 * sample.n_classes / sample.total)
    objective = _objective(sample, score_map, Ridge(strength, score_map.initial()))
    solution = _minimized(objective, GOOD)
    return VectorStep(*score_map.split(solution.theta))


def _matrix(off_diagonal):
    """Learn a matrix whose entries off the diagonal are held so many times as fast."""

    def learn(sample):
        size = sample.n_scores
        score_map = LinearMap(size, size, center=np.zeros(size))
        times = np.where(np.eye(size, dtype=bool), 1.0, off_diagonal)
        strength = score_map.join(times, 1.0) * (2 * sample.n_classes / sample.total)
        start = score_map.join(np.eye(size), 0.0)
        objective = _objective(sample, score_map, Ridge(strength, start))
        # Where strengths differ by entry the diagonal is the better metric, and the cheaper.
        solver = Lbfgs(preconditioner=approximations.diagonal(objective, start), refresh=NEVER)
        problem = SmoothProblem(objective)
        solution = minimize(problem, solver, start, tol=GOOD, max_iter=500)
        return MatrixStep(*map(np.copy, score_map.split(solution.theta)))

    return learn


def _polynomial(degree):
    """Learn a polynomial of a single score."""

    def learn(sample):
        powers = sample.with_scores(lambda scores: scores ** np.arange(1, degree + 1))
        score_map = LinearMap(1, degree, center=np.zeros(degree))
        start = score_map.join([1.0, 0.0][:degree], 0.0)
        strength = np.full(degree + 1, BINARY_RIDGE / sample.total)
        problem = SmoothProblem(_objective(powers, score_map, Ridge(strength, start)))
        solution = minimize(problem, SOLVERS["newton"], start, tol=GOOD, max_iter=100)
        coef, intercept = score_map.split(solution.theta)
        return PolynomialStep(float(intercept[0]), *map(float, coef[0]))

    return learn


def _objective(sample, score_map, penalty):
    return Objective(
        rows=sample.rows,
        map=score_map,
        penalty=penalty,
        total_weight=sample.total,
        n_rows=sample.n_rows,
        n_entries=sample.n_rows * sample.n_scores,
    )


def _minimized(objective, tol):
    """The optimum of a map that has few parameters, from that of a sample where rows are many."""
    problem, newton = SmoothProblem(objective), SOLVERS["newton"]
    start, n_rows = objective.map.initial(), problem.worthwhile_sample()
    if n_rows == 0:
        return minimize(problem, newton, start, tol=tol, max_iter=100)
    part = problem.sample(n_rows)
    start = descend(part, newton, start, tol=1e-4, max_iter=20).theta
    solver = Lbfgs(preconditioner=part.hessian(start))
    return minimize(problem, solver, start, tol=tol, max_iter=100)


def _smoothed(sample):
    """Labels as distributions that leave one row's weight in all to the other classes."""
    share, n_classes = 1 / (sample.total + 1), sample.n_classes

    def smooth(block):
        target = np.full((n_classes, len(block.target)), share / n_classes)
        target[block.target, np.arange(len(block.target))] += 1 - share
        return Block(block.X, target, block.weight)

    return replace(sample, rows=sample.rows.map(smooth))


LEARNERS = {
    "temperature": temperature,
    "vector": vector,
    "matrix": matrix,
    "structured": structured,
}
