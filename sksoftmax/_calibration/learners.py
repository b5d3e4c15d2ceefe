"""Learners: functions from a `Sample` of scores and labels to a `Calibration`.

Each begins with temperature scaling, so that the result does not depend on the units of the
scores, and most go on with a map under a ridge towards the identity. Sample sizes are sums of
weights, so that a weight of 2 is the row twice.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from sksoftmax._calibration.temperature import Calibration, temperature
from sksoftmax._calibration.transforms import (
    MatrixScaling,
    PolynomialScaling,
    UniformMixture,
    VectorScaling,
    forward,
    log_cosh_half,
)
from sksoftmax._curvature import approximations
from sksoftmax._objective.objective import Objective
from sksoftmax._objective.penalties import Ridge
from sksoftmax._objective.scaling_maps import VectorMap
from sksoftmax._objective.score_maps import LinearMap
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax._solvers import SOLVERS, minimize
from sksoftmax._solvers.lbfgs import Lbfgs
from sksoftmax._solvers.loop import descend

# Tolerances of the solvers. The sampling error of a matrix is far above 1e-6. The last is of fits
# that start from the optimum of a sample: one more step makes the choice of the sample vanish.
BINARY_TOL, DESCENT_TOL, REFINEMENT_TOL = 1e-12, 1e-7, 1e-9
NEVER = 10**9
# All rows start from the optimum and the Hessian of a sample of so many rows a parameter, if they
# are eight times as many, and the parameters no more than this; and the tolerance on the sample.
ROWS_A_PARAMETER, MOST_PARAMETERS, SAMPLE_TOL = 50, 500, 1e-5
# Curvature of the ridge on a binary map, divided by the weight of the sample.
BINARY_RIDGE = 1.0
# The ridge on a map that is nearly free, beside that of the others.
WEAK_RIDGE = 0.01
# Above so many classes "auto" tries no matrix: it has n_classes ** 2 parameters.
MAX_CLASSES_OF_MATRIX = 100


def identity(sample):
    """Scores as they are."""
    return Calibration(())


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
    """A step as MatrixScaling, with a matrix of squares."""
    if isinstance(step, VectorScaling):
        return MatrixScaling(np.diag(step.scale), step.bias, square)
    return replace(step, square=square)


def _followed(sample, learned, learn, name):
    """The Calibration, followed by the step that ``learn`` makes of the scores that it gives."""
    step = learn(sample.with_scores(partial(forward, learned.steps)))
    return learned._replace(steps=(*learned.steps, step), name=name)


def _vector(sample, ridge=1.0):
    """A scale and a bias for each class, under ``ridge`` times the usual ridge."""
    score_map = VectorMap(sample.n_scores)
    strength = np.full(score_map.n_parameters, ridge * 2 * sample.n_classes / sample.total)
    start = score_map.initial()
    objective = _objective(sample, score_map, Ridge(strength, start))
    return VectorScaling(*score_map.split(_optimum(objective, start, _by_newton)))


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
        theta = _optimum(objective, start, _by_diagonal)
        matrix, bias = map(np.copy, score_map.split(theta))
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
        solution = minimize(problem, SOLVERS["newton"], start, tol=BINARY_TOL, max_iter=100)
        coef, intercept = score_map.split(solution.theta)
        found = dict(zip(names, map(float, coef[0]), strict=True))
        return PolynomialScaling(float(intercept[0]), **found)

    return learn


def _objective(sample, score_map, penalty):
    """The mean loss of a sample under a score map, plus a penalty."""
    return Objective(
        rows=sample.rows,
        map=score_map,
        penalty=penalty,
        total_weight=sample.total,
        n_rows=sample.n_rows,
        n_entries=sample.n_rows * sample.n_scores,
    )


def _optimum(objective, start, solver):
    """Theta of least value; many rows start from the optimum of a sample of them.

    A proof would cost several times the descent.

    solver : function of the objective and theta that makes the first solver
    """
    n_rows = ROWS_A_PARAMETER * len(start)
    if 8 * n_rows > objective.n_rows or len(start) > MOST_PARAMETERS:
        return _descended(objective, start, solver(objective, start), DESCENT_TOL)
    part = objective.sample(n_rows)
    start = _descended(part, start, solver(part, start), SAMPLE_TOL)
    refined = Lbfgs(preconditioner=approximations.exact(part, start), refresh=NEVER)
    return _descended(objective, start, refined, REFINEMENT_TOL)


def _descended(objective, start, solver, tol):
    return descend(SmoothProblem(objective), solver, start, tol=tol, max_iter=500).theta


def _by_newton(objective, start):
    return SOLVERS["newton"]


def _by_diagonal(objective, start):
    """Where strengths differ by entry the diagonal is a better and cheaper preconditioner."""
    return Lbfgs(preconditioner=approximations.diagonal(objective, start), refresh=NEVER)


LEARNERS = {
    "temperature": temperature,
    "vector": vector,
    "matrix": matrix,
    "structured": structured,
}
