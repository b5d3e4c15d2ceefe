"""Laws of streams that begin at a good model: further rows of the same kind do it no harm."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from registry import PROBLEMS, make_problem
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss

from sksoftmax import SoftmaxRegression
from sksoftmax._solvers import STREAMS
from sksoftmax._solvers.line_search import evaluate
from sksoftmax._solvers.stochastic import DECREASE, checked

STREAM = pytest.mark.parametrize("solver", STREAMS)


def shuffled_iris():
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    return X[order], y[order]


def loss(model, X, y):
    return log_loss(y, model.predict_proba(X), labels=model.classes_)


@STREAM
@pytest.mark.parametrize("C", [1.0, 1e3])
def test_batches_of_the_same_rows_do_not_ruin_a_fit(C, solver):
    X, y = shuffled_iris()
    model = SoftmaxRegression(C=C).fit(X, y).set_params(solver=solver)
    before = loss(model, X, y)
    for _ in range(6):
        model.partial_fit(X, y)
        # The 12 parameters of 150 rows: a tenth is what the noise of so few may cost.
        assert loss(model, X, y) <= 1.1 * before + 12 / 150


@STREAM
@pytest.mark.parametrize("size", [75, 150])
def test_coefficients_set_by_hand_are_not_ruined_by_the_next_rows(size, solver):
    X, y = shuffled_iris()
    fitted = SoftmaxRegression().fit(X, y)
    model = SoftmaxRegression(solver=solver, random_state=0)
    for name in ("coef_", "intercept_", "classes_", "n_features_in_"):
        setattr(model, name, getattr(fitted, name))
    for _ in range(6):
        for start in range(0, len(y), size):
            model.partial_fit(X[start : start + size], y[start : start + size])
        assert loss(model, X, y) <= 1.1 * loss(fitted, X, y) + 12 / 150


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_checked_step_lowers_the_objective_however_long_it_was(name):
    problem = make_problem(PROBLEMS[name])
    point = evaluate(problem, problem.map.initial())
    assert_allclose(problem.value(point.theta), point.value, rtol=1e-6)
    newton = -problem.curvature(point.theta).solve(point.gradient)
    for factor in (1, 4, 16):
        step = checked(problem, point, factor * newton)
        assert problem.value(point.theta + step) <= point.value + DECREASE * point.gradient @ step
        halvings = np.log2(factor * abs(newton).max() / abs(step).max())
        assert_allclose(halvings, round(halvings), atol=1e-9)


def test_a_good_step_stays_as_it_is():
    problem = make_problem(PROBLEMS["many rows"])
    point = evaluate(problem, problem.map.initial())
    newton = -problem.curvature(point.theta).solve(point.gradient)
    assert_array_equal(checked(problem, point, newton), newton)
