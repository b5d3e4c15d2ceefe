"""The promise: no gap is ever smaller than the distance to the optimum, and near it few are larger.

Optima are found by the registry's own Newton method, on objectives written out from the formula.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st
from registry import (
    PROBLEMS,
    SOLVERS,
    Problem,
    brute_value,
    draw,
    exponential_weights,
    find_optimum,
    make_objective,
    optimum,
    random_theta,
)

from sksoftmax._certificates import smooth as smooth_certificate
from sksoftmax._curvature import approximations, costs
from sksoftmax._objective.rows import gather
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax._solvers import minimize

# Half of a proof may be right by luck: each of these asks for another bound first.
TARGET_GAPS = {"the best": 0.0, "the cheapest": np.inf, "what is usual": 1e-6, "much": 1e-3}

# A counterexample is reported as it is found: making it smaller takes minutes.
SEARCH = settings(
    derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


def points_of(objective, solver, theta, max_iter=25):
    """Parameters along a solver's path."""
    path = []
    minimize(
        SmoothProblem(objective), solver, theta, tol=0, max_iter=max_iter,
        watch=lambda n_iter, state: path.append(state.point.theta),
    )  # fmt: skip
    return path


def assert_bounds(problem, objective, path, best, rounding):
    for theta in path:
        value, gradient = objective.value_and_gradient(theta)
        distance = brute_value(problem, theta) - best
        for target_gap in TARGET_GAPS.values():
            gap = smooth_certificate.gap(objective, theta, gradient, target_gap)
            assert not np.isnan(gap) and gap >= 0
            assert gap >= distance - rounding * value


@pytest.mark.parametrize("solver", ["lbfgs", "newton", "gd"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_gaps_bound_the_distance_along_paths(name, solver):
    problem = PROBLEMS[name]
    objective = make_objective(problem)
    theta = np.zeros_like(objective.penalty.strength)
    path = points_of(objective, SOLVERS[solver], theta)
    path = path[:3] + path[3::6] if len(problem.y) > 1000 else path
    rounding = 1e-9 if "offset" in name else 1e-13
    assert_bounds(problem, objective, path, optimum(name).value, rounding)


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("size", [0.01, 1.0, 20.0])
def test_gaps_bound_the_distance_at_random_points(name, size):
    problem = PROBLEMS[name]
    objective = make_objective(problem)
    near = optimum(name).theta
    path = [near * share + random_theta(problem, seed, size) for seed in (0, 1) for share in (0, 1)]
    assert_bounds(problem, objective, path, optimum(name).value, 1e-9)


@pytest.mark.parametrize("name", PROBLEMS)
def test_gaps_are_tight_near_the_optimum(name):
    problem = PROBLEMS[name]
    objective = make_objective(problem)
    best = optimum(name)
    for size in (1e-2, 1e-3):
        theta = best.theta + random_theta(problem, 5, size)
        value, gradient = objective.value_and_gradient(theta)
        gap, distance = smooth_certificate.gap(objective, theta, gradient), value - best.value
        assert distance - 1e-10 <= gap <= 5 * distance + 1e-9


problems = st.builds(
    dict,
    seed=st.integers(0, 10**6),
    n_rows=st.integers(8, 60),
    n_features=st.integers(1, 6),
    n_classes=st.integers(2, 6),
    C=st.sampled_from([1e-3, 1e-1, 1.0, 1e2, 1e4, 1e6, np.inf]),
    noise=st.sampled_from([0.1, 1.0, 5.0]),
    weighted=st.booleans(),
    fit_intercept=st.booleans(),
    spread=st.sampled_from([0, 3]),
    offset=st.sampled_from([0.0, 100.0]),
    sharpness=st.sampled_from([None, 0.05, 1.0, 20.0]),
)


def make_problem(
    seed, n_rows, n_features, n_classes, C, noise, weighted, fit_intercept, spread, offset,
    sharpness,
):  # fmt: skip
    X, y = draw(n_rows, n_features, n_classes, noise=noise, seed=seed)
    X = X * np.logspace(0, spread, n_features) + (offset if fit_intercept else 0)
    weight = exponential_weights(n_rows, seed) if weighted else None
    target = None
    if sharpness is not None:
        rng = np.random.default_rng(seed)
        target = 0.5 * np.eye(n_classes)[y]
        target += 0.5 * rng.dirichlet(np.full(n_classes, sharpness), size=n_rows)
    return Problem(X, y, weight, C, fit_intercept, target)


@settings(SEARCH, max_examples=80)
@given(problems, st.sampled_from(["lbfgs", "newton", "gd", "auto"]))
@example(
    dict(
        seed=0, n_rows=60, n_features=1, n_classes=2, C=np.inf, noise=5.0, weighted=False,
        fit_intercept=True, spread=0, offset=0.0, sharpness=None,
    ),
    "newton",
)  # fmt: skip
def test_no_problem_is_found_whose_gap_is_too_small(options, solver):
    problem = make_problem(**options)
    best = find_optimum(problem)
    assume(best.found)
    objective = make_objective(problem)
    theta = np.zeros_like(objective.penalty.strength)
    path = points_of(objective, SOLVERS[solver], theta, max_iter=15)
    path += [random_theta(problem, options["seed"], 3.0)]
    assert_bounds(problem, objective, path[::2], best.value, 1e-11)


@settings(SEARCH, max_examples=40)
@given(problems, st.sampled_from([1e-3, 1e-6, 1e-9]), st.sampled_from(["auto", "lbfgs", "newton"]))
def test_converged_is_within_tol_of_the_optimum(options, tol, solver):
    problem = make_problem(**options)
    best = find_optimum(problem)
    assume(best.found)
    objective = make_objective(problem)
    theta = np.zeros_like(objective.penalty.strength)
    solution = minimize(SmoothProblem(objective), SOLVERS[solver], theta, tol=tol, max_iter=200)
    assert solution.converged
    assert solution.value - best.value <= tol * solution.value + 1e-12 * best.value


@pytest.mark.parametrize("C", [1e-2, 1.0, 100.0])
@pytest.mark.parametrize("n_classes", [3, 5])
def test_gaps_hold_where_classes_do_not_sum_to_zero(n_classes, C):
    # A shift of all classes changes no probability, but the penalty has to be brought down.
    problem = Problem(*draw(60, 3, n_classes), C=C)
    objective, best = make_objective(problem), find_optimum(problem)
    shift = np.random.default_rng(0).normal(size=4)
    for size in (0.01, 0.1, 1.0):
        theta = best.theta + size * np.repeat(shift, n_classes)
        assert_bounds(problem, objective, [theta], best.value, 1e-12)


@pytest.mark.parametrize("name", ["three classes", "unpenalised", "wide", "sparse, wide"])
def test_gaps_hold_where_no_hessian_is_held(name, monkeypatch):
    monkeypatch.setattr(costs, "MOST_PARAMETERS", 0)
    problem = PROBLEMS[name]
    objective = make_objective(problem)
    path = points_of(objective, SOLVERS["lbfgs"], np.zeros_like(objective.penalty.strength))
    assert_bounds(problem, objective, path, optimum(name).value, 1e-12)
    gradient = objective.value_and_gradient(path[-1])[1]
    assert smooth_certificate.gap(objective, path[-1], gradient) < 1e-6


def test_separable_classes_without_a_penalty_prove_nothing():
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    problem = Problem(X, np.array([0, 0, 1, 1]), C=np.inf)
    objective = make_objective(problem)
    for slope in (0.0, 1.0, 10.0):
        theta = np.array([slope, 0.0])
        _, gradient = objective.value_and_gradient(theta)
        assert smooth_certificate.gap(objective, theta, gradient) == np.inf


@pytest.mark.parametrize("name", ["binary", "three classes", "weighted"])
def test_each_bound_holds_alone(name):
    """The gap is the least of these, so that a wrong bound may hide behind a lower one."""
    problem = PROBLEMS[name]
    objective, best = make_objective(problem), optimum(name)
    for size in (0.03, 0.3, 1.0, 3.0):
        theta = best.theta + random_theta(problem, 7, size)
        value, gradient = objective.value_and_gradient(theta)
        distance = value - best.value
        bounds = [smooth_certificate.by_intercepts(objective, theta, gradient)]
        for lower in smooth_certificate.lower_bounds(objective, theta, last=True):
            bounds.append(smooth_certificate._by_preconditioner(objective, theta, gradient, lower))
        assert min(bounds) >= distance
        if size <= 0.03:
            assert np.isfinite(bounds).all()


@pytest.mark.parametrize("name", ["binary", "three classes", "weighted"])
def test_intercepts_may_be_balanced_on_some_of_the_rows(name):
    objective, best = make_objective(PROBLEMS[name]), optimum(name)
    theta = best.theta + random_theta(PROBLEMS[name], 7, 0.03)
    value, gradient = objective.value_and_gradient(theta)
    block = gather(objective.rows)
    probability = approximations.probabilities_at(objective, theta)(block)
    bounds = []
    for stride in (1, 2, 4):
        weight = np.where(np.arange(len(block.weight)) % stride, 0.0, block.weight)
        weight /= objective.total_weight
        bounds.append(smooth_certificate.by_intercepts_of_rows(
            objective, gradient, block.X, probability, weight
        ))  # fmt: skip
    expected = smooth_certificate.by_intercepts(objective, theta, gradient)
    np.testing.assert_allclose(bounds[0], expected, rtol=1e-9)
    assert bounds[-1] != bounds[0] and min(bounds) >= value - best.value


def test_the_bound_at_no_cost_is_the_ridge_part_alone():
    problem = PROBLEMS["no intercept"]
    objective, best = make_objective(problem), optimum("no intercept")
    theta = best.theta + random_theta(problem, 3, 0.1)
    value, gradient = objective.value_and_gradient(theta)
    expected = 0.5 * problem.C * problem.weights.sum() * np.sum(gradient**2)
    bound = smooth_certificate.ridge_bound(objective, gradient)
    np.testing.assert_allclose(bound, expected, rtol=1e-12)
    assert value - best.value <= bound


@pytest.mark.parametrize(
    "scores, expected",
    [([[1.0, -3.0]], 3.0), ([[1.0, 5.0], [2.0, 0.5], [0.0, 4.0]], 4.5)],
)
def test_range_of_scores(scores, expected):
    assert smooth_certificate._range(np.array(scores)) == expected


@pytest.mark.parametrize("solver", ["auto", "gd", "lbfgs", "newton"])
@pytest.mark.parametrize("C", [1.0, 1e3, np.inf])
@pytest.mark.parametrize("nearness", [1e-3, 1e-6, 1e-8, 1e-10])
def test_nearly_collinear_columns_prove_nothing_that_is_not_so(nearness, C, solver):
    """A factor that cannot tell two columns apart lies above the Hessian there."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 300))
    y = (2 * second + rng.logistic(size=300) > 0).astype(int)
    near = Problem(np.column_stack([first, first + nearness * second]), y, None, C, True)
    # The same span in columns that are far from collinear; without a penalty, the same problem.
    apart = Problem(np.column_stack([first, second]), y, None, np.inf, True)
    best = find_optimum(apart).value
    objective = make_objective(near)
    theta = np.zeros_like(objective.penalty.strength)
    solution = minimize(SmoothProblem(objective), SOLVERS[solver], theta, tol=1e-6, max_iter=200)
    if np.inf == C and solution.converged:
        assert solution.value - best <= 2e-6 * best
    for other in ("lbfgs", "newton"):
        found = minimize(
            SmoothProblem(objective), SOLVERS[other], solution.theta, tol=1e-12, max_iter=200
        )  # fmt: skip
        # Coefficients that nearly cancel leave the objective their rounding.
        rounding = 1e-15 * max(1.0, np.abs(solution.theta).max())
        assert solution.gap >= solution.value - found.value - rounding


@pytest.mark.parametrize("score_range", [1e-6, 9e-4, 1.1e-3, 0.1, 0.5, 0.9, 0.999])
def test_the_divergence_factor_is_the_largest_ratio(score_range):
    tilts = score_range * np.linspace(-1, 1, 2000, dtype=np.longdouble)
    ratios = ((1 + tilts) * np.log1p(tilts) - tilts) / tilts**2
    factor = smooth_certificate.divergence_factor(score_range)
    assert ratios.max() * (1 - 1e-9) <= factor <= min(1.0, ratios.max() * (1 + score_range))
    assert smooth_certificate.divergence_factor(1.0) == np.inf
