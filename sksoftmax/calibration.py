"""Learning how decision scores become calibrated ones: each calibration is a score map or two.

All but ``"auto"`` begin with a temperature, which makes what follows indifferent to the units of
the scores, and go on with a map that a ridge holds near the identity. Sizes of samples are sums
of weights, so that a weight of 2 is the row twice.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sksoftmax import curvature
from sksoftmax.maps import LinearMap
from sksoftmax.objective import Objective
from sksoftmax.penalties import Ridge
from sksoftmax.rows import partition
from sksoftmax.scaling_maps import TemperatureMap, VectorMap
from sksoftmax.score_steps import MatrixStep, Mix, PolynomialStep, Scale, VectorStep, forward
from sksoftmax.solvers import SOLVERS, minimize
from sksoftmax.solvers.lbfgs import Lbfgs
from sksoftmax.solvers.loop import descend

# A temperature is one number and soon exact; of a matrix more than this is lost in the noise of
# the sample.
FINE, GOOD = 1e-12, 1e-6
NEVER = 10**9
# Inverse temperature, on scores of unit size, of what should be infinitely hot.
LEAST = 1e-6
# A lead of the labels' own scores, on scores of unit size, above which rows count as separated.
NO_LEAD = -1e-9
# Rows that nearly always show that classes are not separated.
FEW = 1000
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

    scores : ndarray of shape (n_rows, n_scores), compact
    labels : ndarray of shape (n_rows,), indices of classes
    weight : ndarray of shape (n_rows,), positive
    """

    scores: np.ndarray
    labels: np.ndarray
    weight: np.ndarray

    @property
    def n_scores(self):
        return self.scores.shape[1]

    @property
    def n_classes(self):
        return max(2, self.n_scores)

    @property
    def total(self):
        return float(self.weight.sum())

    def own_scores(self):
        """Each row's score of its own class, less the mean of all classes."""
        if self.n_scores == 1:
            return self.scores[:, 0] * (self.labels - 0.5)
        return np.take_along_axis(self.scores, self.labels[:, None], axis=1)[:, 0]

    def is_separated(self):
        """Whether each row's own score is the largest."""
        few = replace(self, scores=self.scores[:FEW], labels=self.labels[:FEW])
        return few.least_lead() >= NO_LEAD and self.least_lead() >= NO_LEAD

    def least_lead(self):
        """The least by which a row's own score leads the best of the others."""
        if self.n_scores == 1:
            return 2 * self.own_scores().min()
        others = self.scores.copy()
        np.put_along_axis(others, self.labels[:, None], -np.inf, axis=1)
        return (self.own_scores() - others.max(axis=1)).min()


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
    squares = np.einsum("n,nk,nk->", sample.weight, sample.scores, sample.scores)
    size = np.sqrt(squares / sample.total)
    if not size > np.finfo(np.float64).tiny:
        return Learned((Scale(1.0),), (CONSTANT,), "temperature")
    unit = replace(sample, scores=np.asfortranarray(sample.scores / size))
    # The loss is convex in beta and its slope at 0 is minus this mean.
    if not sample.weight @ unit.own_scores() > LEAST * sample.total:
        return Learned((Scale(float(LEAST / size)),), (REVERSED,), "temperature")
    separated = unit.is_separated()
    target = _smoothed(sample) if separated else sample.labels
    objective = _objective(unit, TemperatureMap(sample.n_scores), Ridge(np.zeros(1)), target)
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
    scores = forward(learned.steps, sample.scores)
    step = learn(replace(sample, scores=scores))
    return learned._replace(steps=(*learned.steps, step), name=name)


def _vector(sample):
    score_map = VectorMap(sample.n_scores)
    strength = np.full(score_map.n_parameters, 2 * sample.n_classes / sample.total)
    objective = _objective(sample, score_map, Ridge(strength, score_map.neutral()))
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
        solver = Lbfgs(metric=curvature.diagonal(objective, start), refresh=NEVER)
        solution = minimize(objective, solver, start, tol=GOOD, max_iter=500)
        return MatrixStep(*map(np.copy, score_map.split(solution.theta)))

    return learn


def _polynomial(degree):
    """Learn a polynomial of a single score."""

    def learn(sample):
        powers = sample.scores ** np.arange(1, degree + 1)
        score_map = LinearMap(1, degree, center=np.zeros(degree))
        start = score_map.join([1.0, 0.0][:degree], 0.0)
        strength = np.full(degree + 1, BINARY_RIDGE / sample.total)
        objective = _objective(replace(sample, scores=powers), score_map, Ridge(strength, start))
        solution = minimize(objective, SOLVERS["newton"], start, tol=GOOD, max_iter=100)
        coef, intercept = score_map.split(solution.theta)
        return PolynomialStep(float(intercept[0]), *map(float, coef[0]))

    return learn


def _objective(sample, score_map, penalty, target=None):
    X = sample.scores
    return Objective(
        rows=partition(
            X, sample.labels if target is None else target, sample.weight, score_map.n_scores
        ),
        map=score_map,
        penalty=penalty,
        total_weight=sample.total,
        n_rows=len(X),
        n_entries=X.size,
    )


def _minimized(objective, tol):
    """The optimum of a map that has few parameters, from that of a sample where rows are many."""
    start, newton = objective.map.neutral(), SOLVERS["newton"]
    n_rows = objective.worthwhile_sample()
    if n_rows == 0:
        return minimize(objective, newton, start, tol=tol, max_iter=100)
    part = objective.sample(n_rows)
    start = descend(part, newton, start, tol=1e-4, max_iter=20).theta
    solver = Lbfgs(metric=part.hessian(start))
    return minimize(objective, solver, start, tol=tol, max_iter=100)


def _smoothed(sample):
    """Labels as distributions that leave one row's weight in all to the other classes."""
    share = 1 / (sample.total + 1)
    target = np.full((sample.n_classes, len(sample.labels)), share / sample.n_classes)
    target[sample.labels, np.arange(len(sample.labels))] += 1 - share
    return target


LEARNERS = {
    "temperature": temperature,
    "vector": vector,
    "matrix": matrix,
    "structured": structured,
}
