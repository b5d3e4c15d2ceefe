"""What the laws run over: one line an entry, and each entry gets every law of its kind.

The references here are written apart from the package, row by row in dense float64, with no block,
no center in the parameters and no two-class shortcut other than its definition, scores ``(0, s)``.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog
from scipy.special import logsumexp

from sksoftmax import SoftmaxRegression, _solvers
from sksoftmax._curvature import approximations, low_rank
from sksoftmax._data import validation
from sksoftmax._objective.objective import Objective
from sksoftmax._objective.penalties import ElasticNet, GroupLasso, Ridge
from sksoftmax._objective.rows import Block, InMemoryRows, partition, row_slice
from sksoftmax._objective.score_maps import LinearMap
from sksoftmax._paths.fits import Settings
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax._solvers.gradient_descent import GradientDescent
from sksoftmax._solvers.lbfgs import Lbfgs
from sksoftmax._solvers.newton import Newton

# -- problems -----------------------------------------------------------------------------------


class Problem(NamedTuple):
    X: object
    y: np.ndarray  # class indices
    weight: np.ndarray | None = None
    C: float = 1.0
    fit_intercept: bool = True
    target: np.ndarray | None = None  # (n_rows, n_classes), distributions instead of y

    @property
    def n_classes(self):
        return int(self.y.max()) + 1

    @property
    def truth(self):
        """The target of each row as a distribution, (n_rows, n_classes)."""
        return np.eye(self.n_classes)[self.y] if self.target is None else self.target

    @property
    def encoded(self):
        """Targets as blocks have them."""
        if self.target is None:
            return self.y
        return np.ascontiguousarray(self.target.T, dtype=self.X.dtype)

    @property
    def n_scores(self):
        return 1 if self.n_classes == 2 else self.n_classes

    @property
    def weights(self):
        return np.ones(len(self.y)) if self.weight is None else self.weight.astype(np.float64)

    @property
    def columns(self):
        """X, dense and in float64."""
        return (self.X.toarray() if sp.issparse(self.X) else self.X).astype(np.float64)

    @property
    def center(self):
        return self.weights @ self.columns / self.weights.sum()


def draw(n_rows, n_features, n_classes, *, noise=1.0, seed=0):
    """Normal columns and labels of a linear model; the first rows hold every class."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features))
    scores = X @ rng.normal(size=(n_features, n_classes)) / np.sqrt(n_features)
    y = np.argmax(2 * scores + noise * rng.gumbel(size=scores.shape), axis=1)
    y[:n_classes] = np.arange(n_classes)
    return X, y


def exponential_weights(n_rows, seed=1):
    return np.random.default_rng(seed).exponential(size=n_rows)


def thinned(X, density=0.3, seed=2):
    return X * (np.random.default_rng(seed).random(X.shape) < density)


def weighted_problem(n_rows, n_features, n_classes, **options):
    return Problem(*draw(n_rows, n_features, n_classes), exponential_weights(n_rows), **options)


# What a path of fits may meet, made of normal columns.
KINDS = {
    "dense": lambda X: X,
    "sparse": lambda X: sp.csr_array(thinned(X)),
    "units and offset": lambda X: X * np.logspace(0, 3, X.shape[1]) + 50,
    "wide": lambda X: np.random.default_rng(3).standard_normal((len(X), 200)),
    "separable": lambda X: 30 * X,
    "single": lambda X: X.astype(np.float32),
}


def sparse_problem(n_rows, n_features, n_classes, density=0.3, dtype=np.float64, **options):
    X, y = draw(n_rows, n_features, n_classes)
    return Problem(sp.csr_array(thinned(X, density).astype(dtype)), y, **options)


def single_precision_problem():
    X, y = draw(90, 5, 3)
    return Problem(X.astype(np.float32), y)


def collinear_problem(C=1.0):
    X, y = draw(80, 3, 3)
    still = np.full((80, 1), 7.0)
    return Problem(np.hstack([X, X[:, :1], X[:, 1:2] + X[:, 2:], still, 0 * still]), y, C=C)


def scaled_problem(exponent=6, offset=1e6, C=1.0):
    X, y = draw(200, 5, 3, seed=3)
    return Problem(X * np.logspace(0, exponent, 5) + offset, y, C=C)


def forty_classes_problem():
    """So many that the descent begins in single precision, where the columns' offsets would drown
    what they have to say."""
    X, y = draw(160, 3, 40)
    return Problem(X + 1e3, y, exponential_weights(160))


def rare_class_problem():
    X, y = draw(120, 4, 3)
    y = np.where(y == 2, 0, y)
    y[[5, 50]] = 2
    return Problem(X, y)


def heavy_weights_problem():
    X, y = draw(90, 4, 3)
    return Problem(X, y, np.random.default_rng(4).choice([1e-6, 1.0, 1e6], size=90))


def soft_problem(n_rows, n_features, n_classes, concentration=0.5, **options):
    """Distributions about the labels, some of them with zeros."""
    X, y = draw(n_rows, n_features, n_classes)
    rng = np.random.default_rng(6)
    target = rng.dirichlet(np.full(n_classes, concentration), size=n_rows)
    target[::3] = np.eye(n_classes)[y[::3]]
    target[1::3] = 0.5 * target[1::3] + 0.5 * np.eye(n_classes)[y[1::3]]
    return Problem(X, y, target=target, **options)


PROBLEMS = {
    "binary": Problem(*draw(60, 4, 2)),
    "three classes": Problem(*draw(90, 5, 3)),
    "ten classes": Problem(*draw(150, 6, 10)),
    "weighted": weighted_problem(90, 4, 3),
    "weighted binary": weighted_problem(70, 4, 2, C=10.0),
    "heavy weights": heavy_weights_problem(),
    "sparse": sparse_problem(80, 12, 3),
    "sparse binary": sparse_problem(60, 8, 2),
    "sparse, wide": sparse_problem(80, 110, 3, density=0.05),
    "sparse, no intercept": sparse_problem(80, 10, 4, fit_intercept=False),
    "single precision": single_precision_problem(),
    "sparse, single precision": sparse_problem(80, 12, 3, dtype=np.float32),
    "collinear and constant columns": collinear_problem(),
    "scaled and offset columns": scaled_problem(),
    "nearly separable": Problem(*draw(150, 4, 3, noise=0.05), C=1e3),
    "rare class": rare_class_problem(),
    "wide": Problem(*draw(30, 60, 3)),
    "wide binary": Problem(*draw(40, 130, 2)),
    "no intercept": Problem(*draw(90, 5, 3), fit_intercept=False),
    "binary, no intercept": Problem(*draw(60, 4, 2), fit_intercept=False),
    "one column": Problem(*draw(50, 1, 3)),
    "strong penalty": Problem(*draw(90, 5, 3), C=1e-4),
    "unpenalised": Problem(*draw(200, 4, 3, noise=2.0), C=np.inf),
    "unpenalised binary": Problem(*draw(100, 4, 2, noise=2.0), C=np.inf),
    "unpenalised, collinear": collinear_problem(C=np.inf),
    "forty classes, offset columns": forty_classes_problem(),
    "forty classes, no intercept": Problem(*draw(160, 3, 40), fit_intercept=False),
    "soft targets": soft_problem(90, 5, 4, weight=exponential_weights(90)),
    "soft targets, binary": soft_problem(60, 4, 2),
    "soft targets, one class certain": soft_problem(60, 4, 3, concentration=1e-3, C=1e3),
    "soft targets, unpenalised": soft_problem(40, 5, 3, concentration=5.0, C=np.inf),
    "many rows": Problem(*draw(17000, 3, 3)),
}
# Those whose descent begins in single precision.
SINGLE_PRECISION = {
    name
    for name, problem in PROBLEMS.items()
    if problem.X.dtype == np.float32 or problem.n_classes == 40
}
SPARSE = {name for name, problem in PROBLEMS.items() if sp.issparse(problem.X)}

# -- engines ------------------------------------------------------------------------------------


def cut(X, target, weight, n_classes, step=7, run=3, n_threads=1):
    """Blocks of ``step`` rows in runs of ``run``, written apart from ``partition``."""
    starts = range(0, X.shape[0], step)
    ends = [min(start + step, X.shape[0]) for start in starts]
    blocks = [
        Block(row_slice(X, start, end), target[..., start:end], weight[start:end])
        for start, end in zip(starts, ends, strict=True)
    ]
    chunks = tuple(tuple(blocks[i : i + run]) for i in range(0, len(blocks), run))
    return InMemoryRows(chunks, n_threads)


def one_block(X, target, weight, n_classes):
    return InMemoryRows(((Block(X, target, weight),),))


def small_blocks(X, target, weight, n_classes):
    return cut(X, target, weight, n_classes)


def small_blocks_two_threads(X, target, weight, n_classes):
    return cut(X, target, weight, n_classes, n_threads=2)


def one_run(X, target, weight, n_classes):
    return cut(X, target, weight, n_classes, step=16, run=10**6)


def partition_two_threads(X, target, weight, n_classes):
    return partition(X, target, weight, n_classes, n_threads=2)


def small_blocks_on_dask(X, target, weight, n_classes):
    """The same blocks and runs as ``small_blocks``."""
    from dask.delayed import delayed

    from sksoftmax._data.dask.rows import DaskRows, Partition

    rows = cut(X, target, weight, n_classes)
    return DaskRows.persist([delayed(Partition.of(run), traverse=False) for run in rows.chunks])


IN_MEMORY = {
    "one block": one_block,
    "partition": partition,
    "partition, two threads": partition_two_threads,
    "small blocks": small_blocks,
    "small blocks, two threads": small_blocks_two_threads,
    "one run": one_run,
}
ENGINES = dict(IN_MEMORY)
if find_spec("dask"):
    ENGINES["small blocks, on Dask"] = small_blocks_on_dask

# -- maps, penalties, preconditioners, solvers ---------------------------------------------------

MAPS = {
    "linear": lambda: LinearMap(3, 5),
    "linear, one score": lambda: LinearMap(1, 5),
    "linear, intercept": lambda: LinearMap(3, 5, np.zeros(5)),
    "linear, centred": lambda: LinearMap(4, 5, np.array([1.0, -2.0, 0.0, 3.0, 10.0])),
    "linear, centred, one score": lambda: LinearMap(1, 5, np.arange(5.0)),
}
PENALTIES = {
    "ridge": lambda: Ridge(np.array([0.5, 2.0, 1.0, 3.0])),
    "ridge, free parameters": lambda: Ridge(np.array([0.5, 0.0, 1.0, 0.0])),
    "no penalty": lambda: Ridge(np.zeros(4)),
}


class NonsmoothCase(NamedTuple):
    """A nonsmooth penalty: its class, and what a feature costs by definition."""

    make: type
    cost: object


NONSMOOTH = {
    "elastic net": NonsmoothCase(ElasticNet, lambda row: sum(abs(row))),
    "group lasso": NonsmoothCase(GroupLasso, lambda row: sum(row**2) ** 0.5),
}


def low_rank_after_kronecker(objective, theta):
    last = approximations.kronecker(objective, np.zeros_like(theta))
    suits = objective.is_symmetric and objective.map.n_scores > 1
    return low_rank.along_coefficients(objective, theta, last) if suits else last


PRECONDITIONERS = {
    "bohning": lambda objective, theta: approximations.bohning_bound(objective),
    "kronecker": approximations.kronecker,
    "refreshed": approximations.refreshed,
    "lower": approximations.lower,
    "diagonal": approximations.diagonal,
    "low rank": low_rank_after_kronecker,
    "exact": approximations.exact,
}


class HessianFree(SmoothProblem):
    """A problem that holds no Hessian, as if it were too large."""

    def hessian(self, theta):
        return None


class Large(SmoothProblem):
    """A problem that seems to be worth a thought before each step."""

    is_small = False


@dataclass(frozen=True)
class Shown:
    """A solver that is shown another kind of problem, and so takes the way meant for it."""

    kind: type
    solver: object

    def start(self, problem, theta):
        return self.solver.start(self.kind(problem.objective), theta)

    def step(self, problem, state):
        return self.solver.step(self.kind(problem.objective), state)


SOLVERS = {
    **_solvers.SOLVERS,
    "gd, restless": GradientDescent(refresh=2),
    "lbfgs, one pair": Lbfgs(memory=1, refresh=3),
    "newton, truncated": Shown(HessianFree, Newton()),
    "newton, truncated early": Shown(HessianFree, Newton(accuracy=0.5, longest=3)),
    "auto, of large data": Shown(Large, _solvers.SOLVERS["auto"]),
}

# -- making objectives, and knowing their optima by another way ----------------------------------


def flat(matrix):
    """Theta from a matrix of a row for each class: the one place that knows its layout."""
    return matrix.T.ravel()


def class_blocks(theta, n_scores):
    """A row for each class, with the intercept last."""
    return theta.reshape(-1, n_scores).T


def make_objective(problem, engine=partition):
    weight = problem.weights.astype(problem.X.dtype)
    n_features = problem.X.shape[1]
    center = problem.center if problem.fit_intercept else None
    score_map = LinearMap(problem.n_scores, n_features, center)
    strength = np.zeros((problem.n_scores, score_map.n_columns))
    strength[:, :n_features] = 1 / (problem.C * problem.weights.sum())
    return Objective(
        rows=engine(problem.X, problem.encoded, weight, problem.n_scores),
        map=score_map,
        penalty=Ridge(flat(strength)),
        total_weight=float(problem.weights.sum()),
        n_rows=problem.X.shape[0],
        n_entries=problem.X.nnz if sp.issparse(problem.X) else problem.X.size,
        working_dtype=problem.X.dtype,
    )


def make_problem(problem, engine=partition):
    """What solvers are given."""
    return SmoothProblem(make_objective(problem, engine))


def encoded(X, y, weight=None):
    """Rows as a fit encodes them."""
    return validation.encode(SoftmaxRegression(), X, y, weight)


def settings_of(norm=None, *, fit_intercept=True, solver="auto", tol=1e-6, max_iter=1000):
    """Settings of a path, of an elastic net unless another norm is told."""
    norm = ElasticNet() if norm is None else norm
    return Settings(norm, fit_intercept, solver, tol, max_iter)


def column_scales(problem):
    """The columns' standard deviations, and 1 for the intercept."""
    scales = (problem.columns - problem.center if problem.fit_intercept else problem.columns).std(0)
    scales = np.where(scales > 0, scales, 1.0)
    return np.append(scales, 1.0) if problem.fit_intercept else scales


def theta_scales(problem):
    """The scale of each parameter's column."""
    return np.repeat(column_scales(problem), problem.n_scores)


def random_theta(problem, seed=0, size=1.0):
    """Parameters that make scores of about ``size``, and sum to zero over classes."""
    rng = np.random.default_rng(seed)
    scales = column_scales(problem)
    matrix = size * rng.normal(size=(problem.n_scores, len(scales))) / scales / len(scales) ** 0.5
    if len(matrix) > 1:
        matrix -= matrix.mean(axis=0)
    return flat(matrix)


def design(problem):
    """Rows about the center, with a 1 for the intercept."""
    if not problem.fit_intercept:
        return problem.columns
    return np.column_stack([problem.columns - problem.center, np.ones(len(problem.y))])


def brute_scores(problem, theta):
    scores = design(problem) @ class_blocks(theta, problem.n_scores).T
    return np.column_stack([np.zeros(len(scores)), scores]) if scores.shape[1] == 1 else scores


def brute_value(problem, theta):
    """The objective from its formula."""
    scores, weight = brute_scores(problem, theta), problem.weights
    losses = logsumexp(scores, axis=1) - np.sum(problem.truth * scores, axis=1)
    coef = class_blocks(theta, problem.n_scores)[:, : problem.X.shape[1]]
    penalty = np.sum(coef**2) / (2 * problem.C)
    return float((weight @ losses + penalty) / weight.sum())


def rounding_errors(problem, theta):
    """Bounds of the rounding errors of the value and the gradient in double precision.

    To first order and in the worst case: a sum of m products errs by at most
    ``m * eps * sum(abs(product))`` (Higham 2002, 3.1). Scores are sums over columns, of what is not
    centred, and gradients are sums over rows; an error of a score moves its probability by at most
    twice that, relatively.
    """
    eps = np.finfo(np.float64).eps
    columns, n_rows = design(problem), len(problem.y)
    centered = problem.center if problem.fit_intercept else np.zeros(problem.X.shape[1])
    uncentered = np.abs(columns)
    uncentered[:, : len(centered)] = np.abs(problem.columns) + np.abs(centered)
    size = uncentered @ np.abs(class_blocks(theta, problem.n_scores)).T
    score_error = (columns.shape[1] + 2) * eps * size.max(axis=1, keepdims=True)
    scores, weight = brute_scores(problem, theta), problem.weights / problem.weights.sum()
    probability = np.exp(scores - logsumexp(scores, axis=1, keepdims=True))
    classes = slice(problem.n_classes - problem.n_scores, None)
    moved = (2 * score_error + problem.n_classes * eps) * probability[:, classes]
    residual = np.abs(probability - problem.truth)[:, classes]
    terms = (n_rows * eps * residual + moved).T * weight
    value_error = 2 * weight @ score_error[:, 0] + n_rows * eps * brute_value(problem, theta)
    penalty = np.abs(theta) / (problem.C * problem.weights.sum())
    return value_error, flat(terms @ uncentered) + 2 * eps * penalty


class Optimum(NamedTuple):
    value: float
    theta: np.ndarray
    found: bool


def find_optimum(problem, n_steps=200):
    """Damped Newton on standardised columns, with dense Hessians from their definition."""
    scales = theta_scales(problem)
    theta = np.zeros(len(scales))
    value, expected = brute_value(problem, theta), np.inf
    for _ in range(n_steps):
        gradient, hessian = _brute_derivatives(problem, theta)
        gradient, hessian = gradient / scales, hessian / scales / scales[:, None]
        step = -np.linalg.pinv(hessian, rcond=1e-14, hermitian=True) @ gradient / scales
        expected = -0.5 * gradient @ (step * scales)
        length = 1.0
        while brute_value(problem, theta + length * step) > value and length > 1e-6:
            length /= 2
        if length <= 1e-6 or expected <= 1e-16 * value:
            break
        theta = theta + length * step
        value = brute_value(problem, theta)
    return Optimum(value, theta, bool(expected <= 1e-13 * value and value > 1e-8))


@cache
def optimum(name):
    """The optimum of a registered problem."""
    found = find_optimum(PROBLEMS[name])
    assert found.found, name
    return found


def _brute_derivatives(problem, theta):
    columns, scores = design(problem), brute_scores(problem, theta)
    weight = problem.weights / problem.weights.sum()
    probability = np.exp(scores - logsumexp(scores, axis=1, keepdims=True))
    residual = (probability - problem.truth) * weight[:, None]
    classes = slice(problem.n_classes - problem.n_scores, None)
    n_columns = columns.shape[1]
    strength = np.zeros((problem.n_scores, n_columns))
    strength[:, : problem.X.shape[1]] = 1 / (problem.C * problem.weights.sum())
    gradient = residual[:, classes].T @ columns + strength * class_blocks(theta, problem.n_scores)
    hessian = np.zeros((n_columns, problem.n_scores) * 2)
    for first in range(problem.n_scores):
        for second in range(problem.n_scores):
            p, q = probability[:, classes][:, first], probability[:, classes][:, second]
            moments = columns.T * (weight * ((first == second) * p - p * q)) @ columns
            hessian[:, first, :, second] = moments
    hessian = hessian.reshape(theta.size, theta.size)
    return flat(gradient), hessian + np.diag(flat(strength))


def covariance_kinds(groups):
    """Options of `infer` for each kind of covariance."""
    return {
        "information": {},
        "information, sampling": {"weights": "sampling"},
        "robust": {"covariance": "robust"},
        "robust, sampling": {"covariance": "robust", "weights": "sampling"},
        "cluster": {"covariance": "cluster", "groups": groups},
    }


def is_separable(X, y):
    """Whether some coefficients lower no margin of a row and raise one: then no optimum exists.

    The linear programme of Konis (2007), on the margins of each row's class over each other one,
    which are linear in the coefficients.
    """
    columns, units = np.column_stack([X, np.ones(len(X))]), np.eye(int(y.max()) + 1)
    margins = np.array([
        np.outer(units[own] - unit, row).ravel()
        for row, own in zip(columns, y, strict=True)
        for unit in np.delete(units, own, axis=0)
    ])  # fmt: skip
    margins /= np.abs(margins).max(axis=0)
    none = np.zeros(len(margins))
    best = linprog(-margins.sum(axis=0), A_ub=-margins, b_ub=none, bounds=(-1, 1))
    return -best.fun > 1e-6


def five_point(function, step):
    """Derivative at 0 of a function of one number, to fourth order."""
    far = function(-2 * step) - function(2 * step)
    return (far + 8 * (function(step) - function(-step))) / (12 * step)
