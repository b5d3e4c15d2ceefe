"""What L-BFGS does where few rows hold the curvature of many classes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from registry import PROBLEMS, Problem, make_problem
from scipy.linalg import eigh, sqrtm

from sksoftmax import SoftmaxRegression
from sksoftmax._curvature.separated_classes import root_of_columns
from sksoftmax._objective.rows import gather
from sksoftmax._solvers.lbfgs import Lbfgs, ritz_deviation
from sksoftmax._solvers.loop import descend
from sksoftmax._solvers.pairs import Pair


class Inverse:
    """A preconditioner that is known as a matrix."""

    def __init__(self, matrix):
        self.solve = lambda vector: np.linalg.solve(matrix, vector)


def positive_definite(rng, size):
    root = rng.standard_normal((size, size))
    return root @ root.T + 0.1 * np.eye(size)


@pytest.mark.parametrize("n_pairs", [3, 6])
def test_spread_is_that_of_the_ritz_values_of_a_quadratic(n_pairs):
    rng = np.random.default_rng(n_pairs)
    hessian, matrix = positive_definite(rng, 9), positive_definite(rng, 9)
    steps = rng.standard_normal((n_pairs, 9))
    pairs = [Pair(step, hessian @ step, step @ hessian @ step) for step in steps]
    image = hessian @ np.linalg.solve(matrix, hessian)
    values = eigh(steps @ image @ steps.T, steps @ hessian @ steps.T, eigvals_only=True)
    assert_allclose(ritz_deviation(pairs, Inverse(matrix)), np.log(values).std(), rtol=1e-6)
    assert ritz_deviation(pairs, Inverse(3 * hessian)) < 1e-6


def test_the_spread_of_a_preconditioner_that_is_not_finite_is_infinite():
    pairs = [Pair(axis, axis, 1.0) for axis in np.eye(3)]
    assert ritz_deviation(pairs, Inverse(np.full((3, 3), np.nan))) == np.inf


@pytest.mark.parametrize("weighted", [False, True])
def test_the_root_of_the_columns_squares_to_their_moments(weighted):
    problem = make_problem(PROBLEMS["weighted" if weighted else "three classes"])
    objective = problem.objective
    for last in (None, problem.curvature(objective.map.initial())):
        preconditioner = root_of_columns(objective, last)
        block = gather(objective.rows)
        X = np.asarray(block.X, dtype=float) - objective.map.center
        moments = (X.T * block.weight) @ X / objective.total_weight
        root = sqrtm(moments * (np.trace(moments) / len(moments))).real / objective.map.n_scores
        strength = objective.penalty.strength.reshape(-1, objective.map.n_scores)[:-1, 0]
        vector = np.random.default_rng(0).standard_normal((len(root) + 1, objective.map.n_scores))
        vector -= vector.mean(axis=1, keepdims=True)
        solution = preconditioner.solve(vector.ravel()).reshape(vector.shape)
        assert_allclose((root + np.diag(strength)) @ solution[:-1], vector[:-1], rtol=1e-6)


def embeddings(n_rows, n_columns, n_classes):
    """Class means and noise, the variance of columns falling like 1/j."""
    rng = np.random.default_rng(0)
    spectrum = np.arange(1, n_columns + 1) ** -0.5
    y = np.arange(n_rows) % n_classes
    means = rng.standard_normal((n_classes, n_columns))[y]
    return (means + 0.6 * rng.standard_normal((n_rows, n_columns))) * spectrum, y


def test_separated_classes_take_few_steps():
    """They took 3 times as many where the preconditioner evened out all directions."""
    X, y = embeddings(400, 48, 40)
    model = SoftmaxRegression(C=1e4, tol=1e-3).fit(X, y)
    assert model.converged_ and model.n_iter_ <= 60


def test_a_preconditioner_that_explains_the_steps_worse_is_refused():
    X, y = embeddings(400, 48, 40)
    refused = []

    class Watched(Lbfgs):
        def step(self, problem, state):
            after = super().step(problem, state)
            if state.initial.due <= 0 and after.initial.made is state.initial.made:
                refused.append(after.initial.wait)
            return after

    problem = make_problem(Problem(X, y, C=10.0))
    descend(problem, Watched(), problem.map.initial(), tol=1e-9, max_iter=60)
    assert refused and all(wait > Lbfgs().refresh for wait in refused)
