"""Laws of the moments that a stream keeps, each from its definition, row by row."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from registry import PROBLEMS, brute_scores, design, make_objective, random_theta
from scipy.special import softmax

from sksoftmax._problems.smooth import SmoothProblem

NAMES = ["binary", "three classes", "weighted", "weighted binary", "sparse", "sparse, no intercept"]
NAME = pytest.mark.parametrize("name", NAMES)
FULL = pytest.mark.parametrize("full", [True, False])


def expected_moments(problem, theta):
    """Half of each: what the model says of the residuals, and the residuals themselves."""
    probability = softmax(brute_scores(problem, theta), axis=1)
    residual = probability - np.eye(problem.n_classes)[problem.y]
    classes = slice(problem.n_classes - problem.n_scores, None)
    share = problem.weights / problem.weights.sum()
    row_curvature, matrix = np.zeros(len(share)), np.zeros((problem.n_scores,) * 2)
    for i, (p, r) in enumerate(zip(probability, residual, strict=True)):
        each = 0.5 * (np.diag(p) - np.outer(p, p) + np.outer(r, r))[classes, classes]
        row_curvature[i], matrix = np.trace(each) / problem.n_scores, matrix + share[i] * each
    columns = design(problem)
    return matrix, columns.T @ (columns * (share * row_curvature)[:, None])


@NAME
@FULL
def test_observe_is_an_evaluation_with_moments(name, full):
    problem, objective = PROBLEMS[name], make_objective(PROBLEMS[name])
    theta = random_theta(problem)
    value, gradient, moments = SmoothProblem(objective).observe(theta, full)
    expected = objective.value_and_gradient(theta)
    assert_allclose(value, expected[0], rtol=1e-14)
    assert_allclose(gradient, expected[1], rtol=1e-12, atol=1e-15)
    classes, columns = expected_moments(problem, theta)
    assert_allclose(moments.classes, classes, rtol=1e-10, atol=1e-14)
    assert_allclose(moments.columns.diagonal, np.diag(columns), rtol=1e-10)
    assert_allclose(moments.mass, np.trace(classes) / problem.n_scores, rtol=1e-12)
    if full:
        assert_allclose(moments.columns.matrix, columns, rtol=1e-10, atol=1e-12)
    if problem.fit_intercept:
        assert_allclose(moments.columns.offset, columns[-1, :-1] / columns[-1, -1], atol=1e-12)


@pytest.mark.parametrize("name", ["binary", "three classes", "weighted", "sparse"])
@FULL
def test_moments_about_another_center_are_those_taken_there(name, full):
    problem, objective = PROBLEMS[name], make_objective(PROBLEMS[name])
    theta, score_map = random_theta(problem), objective.map
    shift = np.linspace(-1, 2, score_map.n_features)
    there = replace(objective, map=replace(score_map, center=score_map.center + shift))
    moved = score_map.recentred(theta, shift)
    assert_allclose(there.value_and_gradient(moved)[0], objective.value_and_gradient(theta)[0])
    expected = SmoothProblem(there).observe(moved, full)[2].columns
    found = SmoothProblem(objective).observe(theta, full)[2].recentred(shift).columns
    assert_allclose(found.diagonal, expected.diagonal, rtol=1e-10)
    assert_allclose(found.offset, expected.offset, rtol=1e-9, atol=1e-12)
    if full:
        assert_allclose(found.matrix, expected.matrix, rtol=1e-9, atol=1e-12)
    middle = found.recentred(found.offset)
    assert_allclose(middle.offset, 0, atol=1e-12)


@FULL
def test_blending_batches_by_weight_gives_the_moments_of_all(full):
    problem = PROBLEMS["weighted"]
    objective, theta = make_objective(problem), random_theta(problem)
    whole = SmoothProblem(objective).observe(theta, full)[2]
    weight, blend = 0.0, None
    for batch in SmoothProblem(objective).batches(20, np.random.default_rng(0)):
        weight += batch.total_weight
        own = batch.observe(theta, full)[2]
        blend = own if blend is None else blend.blended(own, batch.total_weight / weight)
    assert_allclose(blend.classes, whole.classes, rtol=1e-12)
    assert_allclose(blend.columns.diagonal, whole.columns.diagonal, rtol=1e-12)
    assert blend.n_rows == whole.n_rows == objective.n_rows


@FULL
def test_columns_that_stand_still_have_no_moments_and_no_steps(full):
    problem = PROBLEMS["collinear and constant columns"]
    objective = make_objective(problem)
    moments = SmoothProblem(objective).observe(objective.map.initial(), full)[2]
    still = np.append(problem.columns.std(axis=0) < 1e-12, False)
    assert still.sum() == 2
    assert_array_equal(moments.columns.diagonal == 0, still)
    damping = moments.damping(moments, 1.0).reshape(-1, problem.n_scores)
    assert_array_equal(damping, np.where(still, 0.0, 1.0)[:, None] * np.ones(problem.n_scores))
    assert_array_equal(moments.scales() == 0, np.repeat(still, problem.n_scores))


def test_what_is_hardly_known_is_damped_to_what_the_batch_knows():
    problem = PROBLEMS["three classes"]
    objective = make_objective(problem)
    batch = SmoothProblem(objective).observe(objective.map.initial(), True)[2]
    matrix = batch.columns.matrix.copy()
    matrix[2, 2] *= 1e-6
    known = replace(batch, columns=replace(batch.columns, matrix=matrix))
    damping = known.damping(batch, 0.5).reshape(-1, 3)
    assert_array_equal(np.delete(damping, 2, axis=0), 1.0)
    # With damping on both sides a step along it is no longer than twice the batch's own.
    step = 0.5 * damping[2] ** 2 / matrix[2, 2]
    assert_allclose(step, 2 / batch.columns.matrix[2, 2])


def test_the_preconditioner_of_few_rows_is_a_diagonal():
    objective = make_objective(PROBLEMS["three classes"])
    theta = objective.map.initial()
    gradient, moments = SmoothProblem(objective).observe(theta, True)[1:]
    of_all = moments.of_all().preconditioner(objective).solve(gradient)
    exact = SmoothProblem(objective).hessian(theta).solve(gradient)
    assert_allclose(of_all, exact, rtol=0.3, atol=0.3 * abs(exact).max())
    few = replace(moments, n_rows=1e-9).preconditioner(objective).solve(gradient)
    diagonal = np.outer(moments.columns.diagonal, np.diag(moments.classes)).ravel()
    angle = few @ (gradient / diagonal)
    assert angle >= 0.95 * np.linalg.norm(few) * np.linalg.norm(gradient / diagonal)
    assert np.linalg.norm(few) < 1e-6 * np.linalg.norm(of_all)
