"""Learners: functions from a `Sample` of scores and labels to a `Calibration`.

Each begins with temperature scaling, so that the result does not depend on the units of the
scores, and most go on with a map under a ridge towards the identity. Sample sizes are sums of
weights, so that a weight of 2 is the row twice.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from sksoftmax._calibration.transforms import (
    MatrixScaling,
    PolynomialScaling,
    TemperatureScaling,
    UniformMixture,
    VectorScaling,
    compact,
    forward,
    log_cosh_half,
    sum_of_losses,
)
from sksoftmax._curvature import approximations
from sksoftmax._objective.objective import Objective
from sksoftmax._objective.penalties import Ridge
from sksoftmax._objective.rows import Block, Largest, Rows, partition, take_rows
from sksoftmax._objective.scaling_maps import TemperatureMap, VectorMap
from sksoftmax._objective.score_maps import LinearMap
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax._solvers import SOLVERS, minimize
from sksoftmax._solvers.lbfgs import Lbfgs
from sksoftmax._solvers.loop import descend

# Tolerances of the solvers. Beyond 1e-6 the sampling error of a matrix is far larger.
TEMPERATURE_TOL, MAP_TOL, DESCENT_TOL = 1e-12, 1e-6, 1e-7
NEVER = 10**9
# The inverse temperature, on scores of unit size, where the best temperature is infinite.
MIN_INVERSE_TEMPERATURE = 1e-6
# Rows count as separated if all margins, on scores of unit size, are above this.
MIN_MARGIN = -1e-9
# Rows of each block that are tried first: they nearly always show that classes overlap.
ROWS_TO_TRY = 100
# Curvature of the ridge on a binary map, divided by the weight of the sample.
BINARY_RIDGE = 1.0
# The ridge on a map that is nearly free, beside that of the others.
WEAK_RIDGE = 0.01
# Above so many classes "auto" tries no matrix: it has n_classes ** 2 parameters.
MAX_CLASSES_OF_MATRIX = 100

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

OUT_OF_PROPORTION = (
    "The scores have entries so large that beside them those of most rows are less than 1e-9, "
    "which leaves no digits to learn from: if they stand for classes that are ruled out, a score "
    "a million times as low as the others says so as well."
)
TOO_LARGE = (
    "The scores have entries above 1e150 in magnitude, whose squares overflow: divide all scores "
    "by a power of ten; if an entry stands for a class that is ruled out, say so by -1e9."
)


@dataclass(frozen=True)
class Sample:
    """Scores, labels and weights that a calibration is learned from.

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
    def from_arrays(cls, scores, labels, weight):
        """From compact scores (n_rows, n_scores), and class indices and weights > 0 (n_rows,)."""
        rows = partition(scores, labels, weight, scores.shape[1])
        return cls(rows, scores.shape[1], len(scores), float(weight.sum()))

    @classmethod
    def from_encoded(cls, data, scores_of):
        """From encoded rows (``_data.score_rows``); ``scores_of`` maps their columns to scores."""
        n_scores = 1 if len(data.classes) == 2 else len(data.classes)
        sample = cls(data.rows, n_scores, data.n_rows, float(data.by_class.sum()))
        return sample.with_scores(lambda columns: compact(scores_of(columns)))

    @property
    def n_classes(self):
        return max(2, self.n_scores)

    def with_scores(self, function):
        """The sample with ``function(scores)`` in the place of the scores of each block."""
        return replace(self, rows=self.rows.map(lambda block: scored(block, function)))

    def select(self, choose):
        """The rows where ``choose(scores)``, a mask for each block, is true."""

        def selected(block):
            indices = np.flatnonzero(choose(block.X))
            if len(indices):
                return take_rows(block, indices)
            # Blocks must have rows: a row of weight 0 stands for none.
            return Block(block.X[:1], block.target[:1], 0 * block.weight[:1])

        rows = self.rows.map(selected)
        n_rows, total = rows.sum(lambda block: (np.count_nonzero(block.weight), block.weight.sum()))
        return replace(self, rows=rows, n_rows=n_rows, total=float(total))

    def log_loss(self, steps=()):
        """Weighted mean of minus the log probability of each row's label, after the steps."""

        def block_sum(block):
            return sum_of_losses(forward(steps, block.X), block.target, block.weight)

        return float(self.rows.sum(block_sum)) / self.total

    def is_separated(self):
        """Whether the true class has the largest score in every row."""
        return all(self.smallest_margin(most) >= MIN_MARGIN for most in (ROWS_TO_TRY, None))

    def smallest_margin(self, most=None):
        """Smallest margin of a row: its true class's score less the largest of the others.

        most : int, rows of each block to look at; None is all
        """

        def block_margin(block):
            own = np.flatnonzero(block.weight)[:most]
            return Largest(-margins(block.X[own], block.target[own]).min(initial=np.inf))

        return -float(self.rows.sum(block_margin).number)

    def typical_margin(self):
        """Geometric mean of the sizes of the margins other than 0; 1 where there are none."""

        def block_logs(block):
            sizes = np.abs(margins(block.X, block.target))
            some = sizes > 0
            weight = block.weight[some]
            return weight @ np.log(sizes[some]), weight.sum()

        logs, weight = self.rows.sum(block_logs)
        return float(np.exp(logs / weight)) if weight > 0 else 1.0


def scored(block, function):
    """The block with ``function(scores)``, in column-major order, for its scores."""
    return Block(np.asfortranarray(function(block.X)), block.target, block.weight)


def true_class_scores(scores, labels):
    """Score of the true class of each row less the mean over classes, (n_rows,)."""
    if scores.shape[1] == 1:
        return scores[:, 0] * (labels - 0.5)
    return np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]


def margins(scores, labels):
    """Margins of the rows of compact scores, (n_rows,) (see `Sample.smallest_margin`)."""
    if scores.shape[1] == 1:
        return 2 * true_class_scores(scores, labels)
    others = scores.copy()
    np.put_along_axis(others, labels[:, None], -np.inf, axis=1)
    return true_class_scores(scores, labels) - others.max(axis=1)


def score_sums(block):
    """Weighted sums over a block: of squared scores, and of the scores of the true classes."""
    squares = np.einsum("n,nk,nk->", block.weight, block.X, block.X)
    return squares, block.weight @ true_class_scores(block.X, block.target)


class Calibration(NamedTuple):
    """Learned steps from compact scores to calibrated ones, and warnings for the user."""

    steps: tuple
    messages: tuple = ()
    name: str | None = None  # of the calibration


def identity(sample):
    """Scores as they are."""
    return Calibration(())


def temperature(sample):
    """The inverse temperature of least log loss; of smoothed labels where there is none."""
    squares, own = sample.rows.sum(score_sums)
    if not np.isfinite(squares):
        raise ValueError(TOO_LARGE)
    size = np.sqrt(squares / sample.total)
    if not size > np.finfo(np.float64).tiny:
        return Calibration((TemperatureScaling(1.0),), (CONSTANT,), "temperature")
    # The loss is convex, and its derivative at 0 is minus the mean score of the true classes.
    if not own > MIN_INVERSE_TEMPERATURE * size * sample.total:
        flat = TemperatureScaling(float(MIN_INVERSE_TEMPERATURE / size))
        return Calibration((flat,), (REVERSED,), "temperature")
    unit = sample.with_scores(lambda scores: scores / size)
    separated = unit.is_separated()
    if separated and unit.typical_margin() < -MIN_MARGIN:
        raise ValueError(OUT_OF_PROPORTION)
    learned_from = _smoothed(unit) if separated else unit
    objective = _objective(learned_from, TemperatureMap(sample.n_scores), Ridge(np.zeros(1)))
    solution = _minimized(objective, TEMPERATURE_TOL)
    step = TemperatureScaling(float(max(solution.theta[0], MIN_INVERSE_TEMPERATURE) / size))
    return Calibration((step,), (SEPARATED,) if separated else (), "temperature")


def vector(sample):
    """A temperature, then a scale and a bias for each class."""
    learn = _scalar("linear") if sample.n_scores == 1 else _vector
    return _followed(sample, temperature(sample), learn, "vector")


def matrix(sample):
    """A temperature, then a matrix and a bias."""
    learn = _scalar("linear") if sample.n_scores == 1 else _matrix(off_diagonal=1)
    return _followed(sample, temperature(sample), learn, "matrix")


def structured(sample):
    """A temperature, a mixture with the uniform distribution, a matrix under a structured ridge."""
    scaled = temperature(sample)
    if sample.n_scores == 1:
        return _followed(sample, scaled, _scalar("linear", "square"), "structured")
    mixed = mixed_with_uniform(sample, scaled)
    return _followed(sample, mixed, _matrix(off_diagonal=sample.n_classes - 1), "structured")


def mixed_with_uniform(sample, learned):
    """The calibration, and the probabilities mixed with 1/K by ``1 / (n + 1)``."""
    return learned._replace(steps=(*learned.steps, UniformMixture(1 / (sample.total + 1))))


def family(n_scores):
    """Learners of steps of one class, by name, simpler ones first: those that "auto" averages.

    They are learned from scores that are scaled by a temperature and mixed with the uniform.
    """
    if n_scores == 1:
        return {
            "temperature": lambda sample: PolynomialScaling(0.0, 1.0),
            "vector": _scalar("linear"),
            "structured": _scalar("linear", "square"),
            "beta": _scalar("linear", "beta"),
        }
    nearly_free = partial(_vector, ridge=WEAK_RIDGE)
    if n_scores > MAX_CLASSES_OF_MATRIX:
        ones, zeros = np.ones(n_scores), np.zeros(n_scores)
        return {
            "temperature": lambda sample: VectorScaling(ones, zeros),
            "vector": _vector,
            "vector, weak ridge": nearly_free,
        }
    nothing = np.zeros((n_scores, n_scores))
    as_matrix = partial(_as_matrix, square=nothing)
    return {
        "temperature": lambda sample: MatrixScaling(np.eye(n_scores), np.zeros(n_scores), nothing),
        "vector": lambda sample: as_matrix(_vector(sample)),
        "vector, weak ridge": lambda sample: as_matrix(nearly_free(sample)),
        "matrix": lambda sample: as_matrix(_matrix(off_diagonal=1)(sample)),
        "structured": lambda sample: as_matrix(_matrix(n_scores - 1)(sample)),
        "quadratic": _matrix(n_scores - 1, degree=2),
    }


def _as_matrix(step, square):
    if isinstance(step, VectorScaling):
        return MatrixScaling(np.diag(step.scale), step.bias, square)
    return replace(step, square=square)


def _followed(sample, learned, learn, name):
    step = learn(sample.with_scores(partial(forward, learned.steps)))
    return learned._replace(steps=(*learned.steps, step), name=name)


def _vector(sample, ridge=1.0):
    """A scale and a bias for each class, under ``ridge`` times the usual ridge."""
    score_map = VectorMap(sample.n_scores)
    strength = np.full(score_map.n_parameters, ridge * 2 * sample.n_classes / sample.total)
    objective = _objective(sample, score_map, Ridge(strength, score_map.initial()))
    solution = _minimized(objective, MAP_TOL)
    return VectorScaling(*score_map.split(solution.theta))


def _matrix(off_diagonal, degree=1):
    """Learner of a matrix whose ridge is ``off_diagonal`` times as strong off the diagonal.

    degree : 1, or 2 for a second matrix under the same ridge, of the squares of the scores
    """

    def learn(sample):
        size = sample.n_scores
        powers = sample.with_scores(lambda scores: np.hstack([scores, scores**2][:degree]))
        score_map = LinearMap(size, degree * size, center=np.zeros(degree * size))
        times = np.where(np.eye(size, dtype=bool), 1.0, off_diagonal)
        strength = score_map.join(np.tile(times, degree), 1.0)
        strength *= 2 * sample.n_classes / sample.total
        start = score_map.join(np.eye(size, degree * size), 0.0)
        objective = _objective(powers, score_map, Ridge(strength, start))
        # Where strengths differ by entry the diagonal is a better and cheaper preconditioner.
        solver = Lbfgs(preconditioner=approximations.diagonal(objective, start), refresh=NEVER)
        # A proof would cost several times the descent.
        solution = descend(SmoothProblem(objective), solver, start, tol=DESCENT_TOL, max_iter=500)
        matrix, bias = map(np.copy, score_map.split(solution.theta))
        return MatrixScaling(matrix[:, :size], bias, *[matrix[:, size:]][: degree - 1])

    return learn


# Functions of a single score, by the field of `PolynomialScaling` that multiplies them.
SCALAR_FUNCTIONS = {"linear": np.positive, "square": np.square, "beta": log_cosh_half}


def _scalar(*names):
    """Learner of a combination of functions of a single score; the first is ``"linear"``."""

    def learn(sample):
        functions = [SCALAR_FUNCTIONS[name] for name in names]
        columns = sample.with_scores(lambda scores: np.hstack([f(scores) for f in functions]))
        score_map = LinearMap(1, len(names), center=np.zeros(len(names)))
        start = score_map.join(np.eye(1, len(names)), 0.0)
        strength = np.full(len(names) + 1, BINARY_RIDGE / sample.total)
        problem = SmoothProblem(_objective(columns, score_map, Ridge(strength, start)))
        solution = minimize(problem, SOLVERS["newton"], start, tol=TEMPERATURE_TOL, max_iter=100)
        coef, intercept = score_map.split(solution.theta)
        found = dict(zip(names, map(float, coef[0]), strict=True))
        return PolynomialScaling(float(intercept[0]), **found)

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
    """Minimise over few parameters; many rows start from the optimum of a sample of them."""
    problem, newton = SmoothProblem(objective), SOLVERS["newton"]
    start, n_rows = objective.map.initial(), problem.worthwhile_sample()
    if n_rows == 0:
        return minimize(problem, newton, start, tol=tol, max_iter=100)
    subproblem = problem.sample(n_rows)
    start = descend(subproblem, newton, start, tol=1e-4, max_iter=20).theta
    solver = Lbfgs(preconditioner=subproblem.hessian(start))
    return minimize(problem, solver, start, tol=tol, max_iter=100)


def _smoothed(sample):
    """The sample with smoothed labels: a mixture with the uniform of weight 1 / (total + 1)."""
    smoothing, n_classes = 1 / (sample.total + 1), sample.n_classes

    def smooth(block):
        target = np.full((n_classes, len(block.target)), smoothing / n_classes)
        target[block.target, np.arange(len(block.target))] += 1 - smoothing
        return Block(block.X, target, block.weight)

    return replace(sample, rows=sample.rows.map(smooth))


LEARNERS = {
    "temperature": temperature,
    "vector": vector,
    "matrix": matrix,
    "structured": structured,
}
