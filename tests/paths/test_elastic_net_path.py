"""Laws of a path: each fit is what it would be from nothing, and its gap is a bound."""

import numpy as np
import pytest
from registry import draw, encoded, settings_of

from sksoftmax import ElasticNet, GroupLasso, SoftmaxRegression
from sksoftmax._paths import elastic_net_path
from sksoftmax._paths.fit_path import fit_path
from sksoftmax._paths.fits import grid, problem_at, smallest_C
from sksoftmax._paths.predictor import extrapolated
from sksoftmax._problems.composite import CompositeProblem
from sksoftmax._solvers import working_set
from sksoftmax._solvers.line_search import evaluate
from sksoftmax._solvers.proximal_newton import Proximal

X, Y = draw(200, 12, 3)


def without_gradient(history, log_C):
    ahead = extrapolated(history, log_C)
    return ahead._replace(loss_gradient=0 * ahead.loss_gradient)


@pytest.fixture(params=["whole", "screened", "blind"])
def screened(request, monkeypatch):
    """All columns; those that are expected to be wanted; those that were, which is too few."""
    if request.param != "whole":
        monkeypatch.setattr(working_set, "FEW", 0)
        monkeypatch.setattr(working_set, "MOST", 1.0)
    if request.param == "blind":
        monkeypatch.setattr(elastic_net_path, "extrapolated", without_gradient)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("l1_ratio, norm", [(1.0, ElasticNet()), (0.5, ElasticNet()),
                                             (1.0, GroupLasso()), (0.0, ElasticNet())])  # fmt: skip
@pytest.mark.usefixtures("screened")
def test_each_fit_is_the_fit_from_nothing(l1_ratio, norm, dtype):
    columns = X.astype(dtype)
    settings = settings_of(norm)
    data = encoded(columns, Y)
    Cs = grid(8, smallest_C(data, l1_ratio, settings))
    fits = fit_path(data, Cs, l1_ratio, settings)
    if l1_ratio == 0:
        lbfgs = settings_of(norm, solver="lbfgs")  # no path of its own, but warm starts
        fits += fit_path(data, Cs, l1_ratio, lbfgs)
    for C, fit in zip([*Cs, *Cs], fits, strict=False):
        best = SoftmaxRegression(C, l1_ratio=l1_ratio, penalty=norm, tol=1e-10).fit(columns, Y)
        assert fit.converged and fit.gap <= 1e-6 * fit.objective
        assert (fit.objective - best.objective_) / best.objective_ >= -1e-9
        assert fit.objective - best.objective_ <= fit.gap * (1 + 1e-9) + 1e-13


@pytest.mark.parametrize("factor", [None, [0.0, np.inf] + [1.0] * 10], ids=["all", "some free"])
@pytest.mark.parametrize("C", [1e-4, 0.3, 30.0])
@pytest.mark.usefixtures("screened")
def test_a_path_of_one_fit_is_that_fit(C, factor):
    norm = ElasticNet(penalty_factor=factor)
    settings = settings_of(norm)
    (fit,) = fit_path(encoded(X, Y), [C], 1.0, settings)
    best = SoftmaxRegression(C, l1_ratio=1.0, penalty=norm, tol=1e-10).fit(X, Y)
    assert fit.converged and fit.gap <= 1e-6 * fit.objective
    assert -1e-12 <= fit.objective - best.objective_ <= fit.gap * (1 + 1e-9) + 1e-13


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e6])
def test_c_min_goes_with_the_columns_units(unit, offset):
    settings = settings_of()
    one, other = (
        smallest_C(encoded(columns, Y), 1.0, settings) for columns in (X, unit * (X + offset))
    )
    np.testing.assert_allclose(other * unit, one, rtol=1e-6)


@pytest.mark.parametrize("norm", [ElasticNet, GroupLasso])
def test_c_min_takes_a_factor_for_a_column_in_other_units(norm):
    factor = np.random.default_rng(0).permutation(np.logspace(-2, 2, 12))
    one, other = (
        smallest_C(encoded(columns, Y), 1.0,
                   settings_of(penalty))
        for columns, penalty in ((X, norm(factor)), (X / factor, norm()))
    )  # fmt: skip
    np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("norm", [ElasticNet(), GroupLasso(), ElasticNet([0.0, 0.0, 0.0]),
                                   ElasticNet([0.0, np.inf, 1.0])])  # fmt: skip
@pytest.mark.parametrize("number", [0.0, 0.1, 7.0, 1e6 + 0.1, np.float32(0.1)])
def test_where_nothing_can_leave_zero_c_min_is_infinite(number, norm):
    columns = np.full((200, 3), number)
    settings = settings_of(norm)
    for y in (Y, np.minimum(Y, 1)):
        data = encoded(columns, y, np.linspace(1, 2, 200))
        assert smallest_C(data, 1.0, settings) == np.inf
        if norm.penalty_factor is None:
            fits = fit_path(data, [1.0, 1e4], 1.0, settings)
            assert all(fit.converged and not fit.coef.any() for fit in fits)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_a_value_of_c_that_comes_twice_is_fitted_twice(l1_ratio):
    X, y = draw(120, 6, 3)
    settings = settings_of(solver="proximal", tol=1e-9)
    data = encoded(X, y)
    fits = fit_path(data, [0.1, 0.1, 0.1, 1.0, 1.0], l1_ratio, settings)
    assert all(fit.converged for fit in fits)
    for once, again in ((0, 1), (1, 2), (3, 4)):
        np.testing.assert_allclose(fits[once].coef, fits[again].coef, atol=1e-4)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_most_fits_are_where_they_were_expected(l1_ratio):
    X, y = draw(600, 8, 3)
    settings = settings_of(tol=1e-4)
    data = encoded(X, y)
    fits = fit_path(data, grid(40, smallest_C(data, l1_ratio, settings)), l1_ratio, settings)
    # Without the model's step from the parabola there are twice as many.
    assert sum(fit.n_iter for fit in fits) <= 30


@pytest.mark.usefixtures("screened")
def test_columns_without_curvature_change_nothing():
    # Far from zero, sums of their squares are all rounding.
    settings = settings_of()
    constant = np.full((200, 1), 3e10)
    paths = []
    for columns in (X, np.hstack([constant, X])):
        data = encoded(columns, Y)
        paths.append(fit_path(data, grid(8, smallest_C(data, 1.0, settings)), 1.0, settings))
    for one, other in zip(*paths, strict=True):
        assert other.converged and not other.coef[:, 0].any()
        assert abs(one.objective - other.objective) <= 2e-6 * one.objective


@pytest.mark.parametrize("max_iter", [0, 1, 7])
@pytest.mark.parametrize("least", [1.0, 1e-120])
@pytest.mark.usefixtures("screened")
def test_the_steps_of_the_whole_way_are_at_most_those_allowed(least, max_iter):
    # Not even where the C at which all is zero is beyond numbers.
    settings = settings_of(ElasticNet([least] + [1.0] * 11), max_iter=max_iter)
    data = encoded(X, Y)
    for fit in fit_path(data, [1e-3, 0.3, 30.0], 1.0, settings):
        assert fit.n_iter <= max_iter and np.isfinite(fit.coef).all()


def test_a_long_way_is_no_longer_than_one_from_nothing():
    columns, y = draw(300, 30, 4)
    settings = settings_of(tol=1e-5)
    data = encoded(columns, y)
    _, far = fit_path(data, [1e-4, 1e4], 1.0, settings)
    best = SoftmaxRegression(1e4, l1_ratio=1.0, tol=1e-5, max_iter=1000).fit(columns, y)
    assert far.converged and far.n_iter <= 1.5 * best.n_iter_


@pytest.mark.parametrize("Cs, is_near", [([0.1, 0.2, 0.5], True), ([0.05, 50.0], False)])
def test_curvature_at_a_fit_is_taken_for_that_of_another_which_is_near(Cs, is_near, monkeypatch):
    made, make = [], CompositeProblem.model

    def recorded(problem, theta, slow=False, near=False):
        made.append(near)
        return make(problem, theta, slow, near)

    monkeypatch.setattr(CompositeProblem, "model", recorded)
    data = encoded(X, Y)
    settings = settings_of()
    first = fit_path(data, Cs[:1], 1.0, settings)
    assert not any(made) and len(made) and first[0].converged
    made.clear()
    assert all(fit.converged for fit in fit_path(data, Cs, 1.0, settings))
    assert any(made) == is_near


def test_a_descent_begins_where_it_is_told_and_looks_at_a_known_point_once(monkeypatch):
    """In single precision a path's descent leads on to another point than where it began."""
    data = encoded(X, Y)
    problem = problem_at(data, 1.0, 1.0, settings_of())
    begin = evaluate(problem, problem.map.initial())
    other = begin.theta + 1.0
    solver = Proximal(begin=begin)
    state = solver.start(problem, other)
    assert state.point.theta is other
    assert state.point.value == problem.value_and_gradient(other)[0] != begin.value
    monkeypatch.setattr(CompositeProblem, "value_and_gradient", None)
    assert solver.start(problem, begin.theta).point is begin
