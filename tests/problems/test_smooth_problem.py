"""Laws of the objective, its derivatives and its preconditioners, over all problems."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from registry import (
    ENGINES,
    PRECONDITIONERS,
    PROBLEMS,
    SINGLE_PRECISION,
    SPARSE,
    Problem,
    brute_value,
    class_blocks,
    column_scales,
    draw,
    exponential_weights,
    five_point,
    make_objective,
    make_problem,
    partition_two_threads,
    random_theta,
    rounding_errors,
    small_blocks,
    sparse_problem,
    theta_scales,
)

from sksoftmax._certificates import smooth as smooth_certificate
from sksoftmax._curvature import approximations, costs, low_rank
from sksoftmax._curvature.preconditioners import (
    DiagonalFactor,
    DiagonalPreconditioner,
    Factor,
    FullPreconditioner,
    KroneckerPreconditioner,
    SharedPreconditioner,
    preconditioner_factor,
)
from sksoftmax._problems.smooth import SmoothProblem

PROBLEM = pytest.mark.parametrize("name", PROBLEMS)
ENGINE = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
# Small enough for their Hessians to be taken apart.
SMALL = pytest.mark.parametrize(
    "name",
    [name for name, problem in PROBLEMS.items() if random_theta(problem).size <= 60],
)


def zero_sum_basis(problem):
    """Orthonormal columns that span what sums to zero over classes."""
    size = len(column_scales(problem))
    if problem.n_scores == 1:
        return np.eye(size)
    classes = np.eye(problem.n_scores) - 1 / problem.n_scores
    return np.kron(np.eye(size), np.linalg.svd(classes)[0][:, :-1])


def scaled_hessian(problem, objective, theta):
    """The Hessian in standardised columns, one product for each."""
    scales = theta_scales(problem)
    columns = [objective.hessian_product(theta, axis) for axis in np.diag(1 / scales)]
    return np.array(columns) / scales


def scaled_matrix(problem, preconditioner):
    """The matrix of a preconditioner, found from its solutions alone."""
    scales = theta_scales(problem)
    inverse = np.array([preconditioner.solve(axis) for axis in np.diag(scales)]) * scales
    return np.linalg.pinv(inverse, rcond=1e-15, hermitian=True)


# -- value and gradient -------------------------------------------------------------------------


@PROBLEM
@pytest.mark.parametrize("size", [0.0, 1.0, 30.0])
def test_value_is_the_formula(name, size):
    problem = PROBLEMS[name]
    theta = random_theta(problem, size=size)
    value, _ = make_objective(problem).value_and_gradient(theta)
    assert isinstance(value, float)
    assert_allclose(value, brute_value(problem, theta), rtol=1e-9)


@PROBLEM
def test_gradient_is_that_of_the_value(name):
    problem = PROBLEMS[name]
    objective, theta = make_objective(problem), random_theta(problem)
    _, gradient = objective.value_and_gradient(theta)
    for seed in range(4):
        direction = random_theta(problem, seed=10 + seed)
        slope = five_point(lambda t, d=direction: brute_value(problem, theta + t * d), 3e-3)
        assert_allclose(gradient @ direction, slope, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", sorted(SINGLE_PRECISION))
def test_low_precision_is_single_precision_and_close(name):
    problem = PROBLEMS[name]
    objective, single = make_objective(problem), make_problem(problem).low_precision
    theta, direction = random_theta(problem), random_theta(problem, seed=1)
    value, gradient = single.value_and_gradient(theta)
    assert single.objective.dtype == np.float32 and single.low_precision is None
    assert gradient.dtype == np.float64
    expected_value, expected_gradient = objective.value_and_gradient(theta)
    assert 0 < abs(value - expected_value) < 1e-6
    assert_allclose(gradient, expected_gradient, atol=1e-6)
    product = single.hessian_product(theta, direction)
    assert_allclose(product, objective.hessian_product(theta, direction), atol=1e-5)


def test_double_precision_of_few_scores_has_no_low_precision_form():
    assert make_problem(PROBLEMS["three classes"]).low_precision is None


@PROBLEM
@ENGINE
def test_engines_agree(name, engine):
    problem = PROBLEMS[name]
    if len(problem.y) > 1000:
        pytest.skip("thousands of blocks of a few rows show nothing new")
    theta = random_theta(problem)
    with make_objective(problem, engine).rows as rows:
        assert rows is not None
        value, gradient = make_objective(problem, engine).value_and_gradient(theta)
    expected_value, expected = make_objective(problem, ENGINES["one block"]).value_and_gradient(
        theta
    )
    value_error, gradient_error = rounding_errors(problem, theta)
    assert abs(value - expected_value) <= 2 * value_error
    assert (np.abs(gradient - expected) <= 2 * gradient_error).all()


def kind(preconditioner):
    """Its class, and whether it takes columns to be uncorrelated."""
    base = getattr(preconditioner, "base", preconditioner)
    return type(preconditioner), getattr(base, "is_diagonal", False)


@pytest.mark.parametrize("name", sorted(SPARSE))
def test_sparse_columns_are_dense_ones(name):
    problem = PROBLEMS[name]
    sparse, dense = make_objective(problem), make_objective(problem._replace(X=problem.X.toarray()))
    theta, direction = random_theta(problem), random_theta(problem, seed=1)
    atol = 1e-13
    for one, other in zip(
        sparse.value_and_gradient(theta), dense.value_and_gradient(theta), strict=True
    ):
        assert_allclose(one, other, atol=atol)
    one, other = (f.hessian_product(theta, direction) for f in (sparse, dense))
    assert_allclose(one, other, atol=atol)
    for preconditioner in PRECONDITIONERS.values():
        pair = [preconditioner(f, theta) for f in (sparse, dense)]
        if kind(pair[0]) == kind(pair[1]):  # sparse products are cheaper, preconditioners are not
            one, other = (preconditioner.solve(direction) for preconditioner in pair)
            assert_allclose(one, other, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize("matrix, kept", [(np.eye(6), True), (np.eye(6) + 1, False)])
def test_uncorrelated_columns_stay_apart_as_the_model_sharpens(matrix, kept, monkeypatch):
    monkeypatch.setattr(costs, "CLASS_COLUMNS", 0)
    objective = make_objective(PROBLEMS["three classes"])
    groups = ((np.arange(3), preconditioner_factor(matrix)),)
    last = KroneckerPreconditioner(np.eye(3), groups, np.ones(3), matrix)
    refreshed = approximations.refreshed(objective, random_theta(PROBLEMS["three classes"]), last)
    assert isinstance(refreshed, DiagonalPreconditioner) == kept


@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_are_repetitions(n_classes):
    X, y = draw(40, 3, n_classes)
    weight = np.random.default_rng(1).integers(1, 4, size=40)
    once = make_objective(Problem(X, y, weight.astype(float)))
    twice = make_objective(Problem(np.repeat(X, weight, axis=0), np.repeat(y, weight)))
    theta = random_theta(Problem(X, y))
    for one, other in zip(
        once.value_and_gradient(theta), twice.value_and_gradient(theta), strict=True
    ):
        assert_allclose(one, other, atol=1e-14)
    for preconditioner in PRECONDITIONERS.values():
        one, other = (preconditioner(f, theta).solve(theta) for f in (once, twice))
        assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@PROBLEM
def test_evaluations_leave_data_and_theta_alone(name):
    problem = PROBLEMS[name]
    theta = random_theta(problem)
    parts = (problem.X.data, problem.X.indices) if sp.issparse(problem.X) else (problem.X,)
    before = [np.array(part) for part in (*parts, problem.y, theta)]
    objective = make_objective(problem)
    first = objective.value_and_gradient(theta)
    objective.hessian_product(theta, theta)
    for preconditioner in PRECONDITIONERS.values():
        preconditioner(objective, theta)
    smooth_certificate.gap(objective, theta, first[1])
    for part, old in zip((*parts, problem.y, theta), before, strict=True):
        assert_array_equal(part, old)
    again = objective.value_and_gradient(theta)
    assert again[0] == first[0]
    assert_array_equal(again[1], first[1])


# -- curvature ----------------------------------------------------------------------------------


@PROBLEM
def test_hessian_product_is_the_difference_of_gradients(name):
    problem = PROBLEMS[name]
    objective, theta = make_objective(problem), random_theta(problem)
    for seed in range(2):
        direction = random_theta(problem, seed=20 + seed)

        def gradient(step, direction=direction):
            return objective.value_and_gradient(theta + step * direction)[1]

        scales = theta_scales(problem)
        found = objective.hessian_product(theta, direction) / scales
        assert_allclose(found, five_point(gradient, 1e-2) / scales, atol=1e-7)


@SMALL
def test_the_exact_preconditioner_undoes_hessian_products(name):
    problem = PROBLEMS[name]
    objective, theta = make_objective(problem), random_theta(problem)
    preconditioner = SmoothProblem(objective).hessian(theta)
    assert preconditioner is not None
    for seed in range(3):
        image = objective.hessian_product(theta, random_theta(problem, seed=30 + seed))
        # Applied again: where columns are collinear only the image is determined.
        again = objective.hessian_product(theta, preconditioner.solve(image))
        scales = theta_scales(problem)
        assert_allclose(again / scales, image / scales, rtol=1e-6, atol=1e-9)


@SMALL
def test_the_exact_preconditioner_is_the_hessian_where_that_is_definite(name):
    if "collinear" in name:
        pytest.skip("the Hessian is singular")
    problem = PROBLEMS[name]
    objective, theta = make_objective(problem), random_theta(problem)
    preconditioner = SmoothProblem(objective).hessian(theta)
    direction = random_theta(problem, seed=3)
    back = preconditioner.solve(objective.hessian_product(theta, direction))
    scales = theta_scales(problem)
    assert_allclose(back * scales, direction * scales, rtol=1e-6, atol=1e-8)


@SMALL
@pytest.mark.parametrize("size", [0.0, 1.0, 10.0])
def test_the_bohning_bound_lies_above_the_hessian_and_lower_below(name, size):
    problem = PROBLEMS[name]
    if "collinear" in name:
        pytest.skip("the matrices are singular")
    objective, theta = make_objective(problem), random_theta(problem, size=size)
    basis = zero_sum_basis(problem)
    hessian = basis.T @ scaled_hessian(problem, objective, theta) @ basis
    above = basis.T @ scaled_matrix(problem, approximations.bohning_bound(objective)) @ basis
    assert isinstance(approximations.bohning_bound(objective), SharedPreconditioner)
    assert scipy.linalg.eigvalsh(hessian, above).max() <= 1 + 1e-6
    below = basis.T @ scaled_matrix(problem, approximations.lower(objective, theta)) @ basis
    assert np.linalg.eigvalsh(hessian - below).min() >= -1e-9 * np.abs(hessian).max()


@pytest.mark.parametrize("name", ["binary", "three classes", "weighted", "unpenalised binary"])
def test_the_bound_is_reached_where_classes_are_equal(name):
    problem = PROBLEMS[name]
    objective, theta = make_objective(problem), random_theta(problem, size=0.0)
    basis = zero_sum_basis(problem)
    hessian = basis.T @ scaled_hessian(problem, objective, theta) @ basis
    for preconditioner, factor in (
        (
            approximations.bohning_bound(objective),
            4 / 4 if problem.n_scores == 1 else 2 / problem.n_classes,
        ),
        (approximations.lower(objective, theta), 1.0),
    ):
        matrix = basis.T @ scaled_matrix(problem, preconditioner) @ basis
        if np.isinf(problem.C):
            assert_allclose(hessian, factor * matrix, rtol=1e-6, atol=1e-9)
        else:  # the penalty is in both in full
            assert scipy.linalg.eigvalsh(hessian, matrix).max() <= 1 + 1e-9


@SMALL
def test_the_kronecker_preconditioner_is_the_hessian_where_all_rows_are_alike(name):
    if "collinear" in name:
        pytest.skip("the matrices are singular")
    problem = PROBLEMS[name]
    objective, theta = make_objective(problem), random_theta(problem, size=0.0)
    basis = zero_sum_basis(problem)
    hessian = basis.T @ scaled_hessian(problem, objective, theta) @ basis
    preconditioner = (
        basis.T @ scaled_matrix(problem, approximations.kronecker(objective, theta)) @ basis
    )
    assert_allclose(preconditioner, hessian, rtol=1e-5, atol=1e-7 * np.abs(hessian).max())


@pytest.mark.parametrize("name", ["three classes", "weighted binary", "ten classes", "rare class"])
def test_the_kronecker_preconditioner_is_like_the_hessian_elsewhere(name):
    problem = PROBLEMS[name]
    objective, theta = make_objective(problem), random_theta(problem)
    basis = zero_sum_basis(problem)
    hessian = basis.T @ scaled_hessian(problem, objective, theta) @ basis
    preconditioner = (
        basis.T @ scaled_matrix(problem, approximations.kronecker(objective, theta)) @ basis
    )
    ratios = scipy.linalg.eigvalsh(hessian, preconditioner)
    assert ratios.min() > 0.2 and ratios.max() < 4


@pytest.mark.parametrize("name", ["sparse, wide", "wide binary"])
def test_wide_columns_get_a_diagonal(name):
    problem = PROBLEMS[name]
    objective, theta = make_objective(problem), random_theta(problem)
    preconditioner = approximations.bohning_bound(objective)
    assert isinstance(preconditioner, DiagonalPreconditioner)
    peak = 0.25 if problem.n_scores == 1 else 0.5
    share = problem.weights / problem.weights.sum()
    squares = np.append(share @ (problem.columns - problem.center) ** 2, 1.0)
    expected = np.repeat(peak * squares, problem.n_scores) + objective.penalty.strength
    assert_allclose(preconditioner.diagonal.ravel(), expected, rtol=1e-9)
    own = [a @ objective.hessian_product(theta, a) for a in np.eye(theta.size)]
    assert_allclose(SmoothProblem(objective).curvature(theta).diagonal.ravel(), own, rtol=1e-9)


@PROBLEM
@pytest.mark.parametrize("preconditioner", PRECONDITIONERS.values(), ids=PRECONDITIONERS)
def test_preconditioners_are_symmetric_and_positive(name, preconditioner):
    problem = PROBLEMS[name]
    theta = random_theta(problem)
    solve = preconditioner(make_objective(problem), theta).solve
    for seed in range(3):
        first, second = random_theta(problem, seed=seed), random_theta(problem, seed=40 + seed)
        scales = theta_scales(problem) ** 2
        first, second = first * scales, second * scales
        assert first @ solve(first) > 0
        scale = np.sqrt((first @ solve(first)) * (second @ solve(second)))
        assert_allclose(first @ solve(second), second @ solve(first), atol=1e-4 * scale)


@PROBLEM
def test_preconditioners_keep_classes_that_sum_to_zero(name):
    problem = PROBLEMS[name]
    if problem.n_scores == 1 or "collinear" in name:
        pytest.skip("one row of scores has no such sum, and singular matrices any solution")
    objective, theta = make_objective(problem), random_theta(problem)
    gradient = objective.value_and_gradient(theta)[1]
    for make_preconditioner in PRECONDITIONERS.values():
        preconditioner = make_preconditioner(objective, theta)
        if isinstance(preconditioner, DiagonalPreconditioner):
            continue  # with a number of its own for each class
        step = class_blocks(preconditioner.solve(gradient), problem.n_scores)
        allowed = 1e-7 * np.abs(step).max(axis=0).clip(1e-12)
        assert (np.abs(step.sum(axis=0)) <= allowed + 1e-9 / column_scales(problem)).all()


@pytest.mark.parametrize("has_intercept", [True, False])
@pytest.mark.parametrize("n_classes, n_features", [(3, 2), (6, 3), (6, 5)])
def test_the_low_rank_preconditioner_is_the_hessian_where_coefficients_span_all(
    n_classes, n_features, has_intercept
):
    X, y = draw(200, n_features, n_classes)
    objective = make_objective(Problem(X, y, fit_intercept=has_intercept))
    theta = np.random.default_rng(1).normal(size=objective.map.n_parameters)
    last = approximations.kronecker(objective, np.zeros_like(theta))
    preconditioner = low_rank.along_coefficients(objective, theta, last)
    size = objective.map.n_parameters
    hessian = np.array([objective.hessian_product(theta, unit) for unit in np.eye(size)])
    direction = np.random.default_rng(2).normal(size=size).reshape(-1, n_classes)
    direction -= direction.mean(axis=1, keepdims=True)
    found = preconditioner.solve(hessian @ direction.ravel())
    assert_allclose(found, direction.ravel(), atol=1e-3 * np.abs(direction).max())


def test_the_low_rank_preconditioner_lies_near_the_hessian_of_normal_columns():
    X, y = draw(4000, 12, 4)
    objective = make_objective(Problem(X, y))
    theta = np.random.default_rng(1).normal(size=objective.map.n_parameters)
    last = approximations.kronecker(objective, np.zeros_like(theta))
    direction = np.random.default_rng(2).normal(size=(13, 4))
    direction = (direction - direction.mean(axis=1, keepdims=True)).ravel()
    image = objective.hessian_product(theta, direction)

    def error(preconditioner):
        return np.linalg.norm(preconditioner.solve(image) - direction)

    makers = (approximations.kronecker, approximations.class_blocks)
    others = [error(make(objective, theta)) for make in makers]
    assert error(low_rank.along_coefficients(objective, theta, last)) < 0.3 * min(others)


@pytest.mark.parametrize("n_features", [3, 12])
def test_the_low_rank_preconditioner_leaves_what_all_classes_share_to_its_base(n_features):
    # Had it little curvature there, rounding would be carried far.
    X, y = draw(200, n_features, 4)
    objective = make_objective(Problem(X, y))
    theta = np.random.default_rng(1).normal(size=objective.map.n_parameters)
    preconditioner = low_rank.along_coefficients(
        objective, theta, approximations.kronecker(objective, 0 * theta)
    )
    shared = np.repeat(np.random.default_rng(2).normal(size=n_features + 1), 4)
    expected = preconditioner.base.solve(shared)
    assert_allclose(preconditioner.solve(shared), expected, atol=1e-9 * np.abs(expected).max())


def inverse_of(preconditioner, objective):
    """What a preconditioner solves with, on what sums to zero over classes."""
    n_columns, n_classes = objective.map.n_columns, objective.map.n_scores
    inverse = np.array([preconditioner.solve(unit) for unit in np.eye(n_columns * n_classes)])
    shift = np.kron(np.eye(n_columns), np.eye(n_classes) - 1 / n_classes)
    return shift @ inverse @ shift + np.eye(len(shift)) - shift


@pytest.mark.parametrize("engine", [small_blocks, partition_two_threads], ids=lambda f: f.__name__)
def test_matrices_of_classes_are_blocks_of_the_hessian(engine):
    problem = Problem(*draw(200, 5, 4))
    objective = make_objective(problem, engine)
    theta = random_theta(problem)
    size, n_classes = objective.map.n_columns, objective.map.n_scores
    hessian = approximations.joint_moments(objective, theta).reshape((size, n_classes) * 2)
    # What joint moments add to the shift of all classes lies on the columns' diagonal.
    apart = ~np.eye(size, dtype=bool)
    found = approximations.class_block_moments(objective, theta)
    for k in range(n_classes):
        assert_allclose(found[k][apart], hessian[:, k, :, k][apart], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("C", [0.02, 1e3])
@pytest.mark.parametrize("seed", [0, 3])
def test_the_low_rank_preconditioner_is_positive_where_columns_are_kept_apart(seed, C, monkeypatch):
    # The few rows of a column correlate it with hundreds of others a little: along the largest
    # of their principal axes columns vary more than the diagonal tells.
    monkeypatch.setattr(costs, "SMALL", 0)
    monkeypatch.setattr(costs, "SOLUTION", 0)
    X, y = draw(700, 120, 5, noise=10.0, seed=seed)
    objective = make_objective(Problem(X, y, C=C))
    theta = np.zeros((121, 5))
    theta[:-1] = 5 * np.linalg.eigh(X.T @ X)[1][:, -5:]
    last = approximations.kronecker(objective, np.zeros(theta.size))
    preconditioner = low_rank.along_coefficients(objective, theta.ravel(), last)
    assert np.linalg.eigvalsh(inverse_of(preconditioner, objective))[0] > 0


@pytest.mark.parametrize("C", [1e-2, np.inf])
@pytest.mark.parametrize("offset", [0.0, 1e8])
@pytest.mark.parametrize("size", [0.0, 1e-200, 1e3])
@pytest.mark.parametrize("has_intercept", [True, False])
def test_the_low_rank_preconditioner_is_positive_but_for_rounding(has_intercept, size, offset, C):
    X, y = draw(40, 4, 3)
    objective = make_objective(Problem(X + offset, y, C=C, fit_intercept=has_intercept))
    theta = size * np.random.default_rng(1).normal(size=objective.map.n_parameters)
    for last in (
        approximations.kronecker(objective, 0 * theta),
        approximations.diagonal(objective, theta),
    ):
        preconditioner = low_rank.along_coefficients(objective, theta, last)
        inverse = inverse_of(preconditioner, objective)
        # Units of the parameters are as far apart as columns are from the intercept.
        scale = np.sqrt(np.diag(inverse))
        lowest = np.linalg.eigvalsh(inverse / scale / scale[:, None])[0]
        assert lowest > -1e-9


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_factors_do_not_care_for_units(scale):
    A = np.random.default_rng(0).normal(size=(30, 4))
    matrix, units = A.T @ A, np.logspace(0, 6, 4) * scale
    vector = np.arange(1.0, 5)
    found = Factor.of(matrix * units * units[:, None]).solve(vector * units) * units
    assert_allclose(found, np.linalg.solve(matrix, vector), rtol=1e-9)


def test_factors_survive_singular_matrices():
    ones = np.ones((4, 4))
    assert np.isfinite(Factor.of(ones).solve(np.ones(4))).all()
    assert_allclose(ones @ Factor.of(ones).solve(np.ones(4)), np.ones(4), rtol=1e-6)
    empty = np.diag([1.0, 0.0])
    assert_allclose(Factor.of(empty).solve(np.array([2.0, 0.0])), [2, 0], rtol=1e-12)
    assert np.isfinite(Factor.of(-np.eye(2) + 2 * np.ones((2, 2))).solve(np.ones(2))).all()


def test_factors_solve_for_several_columns_at_once():
    factor = Factor.of(np.diag([1.0, 4.0]) + 0.5)
    columns = np.array([[1.0, 2.0, 0.0], [3.0, -1.0, 1.0]])
    both = np.column_stack([factor.solve(column) for column in columns.T])
    assert_allclose(factor.solve(columns), both, rtol=1e-14)


# -- what an evaluation is worth ------------------------------------------------------------------


def test_large_hessians_are_not_held(monkeypatch):
    problem = PROBLEMS["three classes"]
    objective, theta = make_objective(problem), random_theta(problem)
    assert isinstance(SmoothProblem(objective).hessian(theta), FullPreconditioner)
    monkeypatch.setattr(costs, "MOST_PARAMETERS", theta.size - 1)
    assert SmoothProblem(objective).hessian(theta) is None
    monkeypatch.setattr(costs, "MOST_PARAMETERS", theta.size)
    assert SmoothProblem(objective).hessian(theta) is not None


def test_samples_are_taken_only_of_many_rows():
    assert make_problem(PROBLEMS["three classes"]).worthwhile_sample() == 0
    assert make_problem(PROBLEMS["many rows"]).worthwhile_sample() == 2000
    many_columns = make_problem(sparse_problem(300, 100, 3))
    assert many_columns.worthwhile_sample() == 0


def test_the_objective_on_a_sample_is_close_to_the_whole():
    problem = PROBLEMS["many rows"]._replace(weight=exponential_weights(17000))
    objective, theta = make_objective(problem), random_theta(problem)
    part = objective.sample(4000)
    assert part.n_rows == 4000 and part.n_entries == 12000
    assert_allclose(sum(b.weight.sum() for b in part.rows), objective.total_weight, rtol=1e-10)
    value, gradient = objective.value_and_gradient(theta)
    value_of_part, gradient_of_part = part.value_and_gradient(theta)
    assert_allclose(value_of_part, value, rtol=0.05)
    assert_allclose(gradient_of_part, gradient, atol=0.05)


def test_what_is_penalised_is_known():
    assert make_objective(PROBLEMS["three classes"]).penalised_coef
    assert make_objective(PROBLEMS["no intercept"]).penalised_coef
    assert not make_objective(PROBLEMS["unpenalised"]).penalised_coef


def test_a_preconditioner_is_its_diagonal_only_where_no_column_is_explained_by_others():
    rng = np.random.default_rng(0)
    columns, vector = rng.normal(size=(4000, 60)), rng.normal(size=60)
    scales = np.logspace(-3, 3, 60)
    alone = (columns.T @ columns) * np.outer(scales, scales)
    assert isinstance(preconditioner_factor(alone), DiagonalFactor)
    assert_allclose(preconditioner_factor(alone).solve(vector), vector / np.diag(alone))
    for hidden in (columns[:, 1], columns[:, 1:9].sum(axis=1), columns[:, 1:].sum(axis=1)):
        columns[:, 0] = hidden + 1e-3 * rng.normal(size=4000) * hidden.std()
        together = (columns.T @ columns) * np.outer(scales, scales)
        assert isinstance(preconditioner_factor(together), Factor)
