"""Laws of objectives that are evaluated together: each is what it would be alone."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from registry import Problem, draw, encoded, make_objective, settings_of

from sksoftmax._certificates.smooth import largest_range
from sksoftmax._curvature import approximations
from sksoftmax._curvature.simultaneous_diagonalisation import DiagonalisingBasis
from sksoftmax._paths.fits import problem_at
from sksoftmax._paths.fold_certificates import FoldCertificates
from sksoftmax._paths.fold_objectives import fold_objectives
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax._solvers import SOLVERS, minimize
from sksoftmax._solvers.line_search import evaluate
from sksoftmax._solvers.lockstep import EvaluationRequest, GapRequest, run

SETTINGS = settings_of(tol=1e-9)


# All rows, and all but each of three parts.
KEEPS = np.vstack([np.ones((1, 3), dtype=bool), ~np.eye(3, dtype=bool)])


def make_folds(X, y, weight=None, C=1.0, **options):
    """Four fits on three parts, and the part of each row."""
    data = encoded(X, y, weight)
    settings = replace(SETTINGS, **options)
    part_of = np.arange(data.n_rows) % 3
    return fold_objectives(problem_at(data, C, 0.0, settings).objective, part_of, KEEPS), part_of


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_points_are_those_of_each_objective_alone(n_classes, fit_intercept):
    X, y = draw(97, 5, n_classes)
    weight = np.random.default_rng(0).uniform(0.5, 2, 97)
    folds, part_of = make_folds(X, y, weight, fit_intercept=fit_intercept)
    fits = [3, 0, 1, 2]
    random = np.random.default_rng(1)
    thetas = [random.standard_normal(folds.whole.map.n_parameters) for _ in fits]
    together = folds.evaluate(thetas, fits)
    for fit, theta, point in zip(fits, thetas, together, strict=True):
        kept = KEEPS[fit][part_of]
        data = encoded(X[kept], y[kept], weight[kept])
        # The same intercepts stand for those about the center of all.
        alone = problem_at(data, 1.0, 0.0, settings_of(fit_intercept=fit_intercept))
        coef, intercept = folds.whole.map.split(theta)
        if fit_intercept:
            intercept = intercept + coef @ (data.center - folds.whole.map.center)
        value = evaluate(alone, alone.map.join(coef, intercept)).value
        assert_allclose(point.value, value, rtol=1e-12)
        expected = evaluate(folds.objective(fit), theta)
        assert_allclose(point.value, expected.value, rtol=1e-12)
        assert_allclose(point.gradient, expected.gradient, rtol=1e-9, atol=1e-13)


def near_optima(folds, random):
    """Of each fit: its number, a point near its optimum, and the true gap there."""
    for fit in range(4):
        objective = folds.objective(fit)
        problem, start = SmoothProblem(objective), folds.whole.map.initial()
        best = minimize(problem, SOLVERS["newton"], start, tol=1e-13, max_iter=99)
        for size in (1e-4, 1e-3):
            theta = best.theta + size * random.standard_normal(len(best.theta))
            if folds.whole.map.n_scores > 1:
                theta -= folds.whole.map.shift_part(theta)
            point = evaluate(objective, theta)
            yield fit, point, point.value - best.value


@pytest.mark.parametrize("far", [0.1, 1e-3])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gaps_from_other_moments_are_bounds(n_classes, far):
    X, y = draw(150, 4, n_classes)
    folds, _ = make_folds(0.3 * X, y)
    certificates = FoldCertificates.of(folds)
    random = np.random.default_rng(2)
    for fit, point, true in near_optima(folds, random):
        near = point.theta + far * random.standard_normal((4, len(point.theta)))
        lower = certificates.lower_moments(folds, list(near))
        (gap,), _ = certificates.by_moments(folds, [point], [fit], lower)
        assert true - 1e-14 <= gap < 1e3 * true


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gaps_left_to_the_penalty_are_bounds(n_classes, fit_intercept):
    X, y = draw(150, 4, n_classes)
    folds, _ = make_folds(0.3 * X, y, fit_intercept=fit_intercept, C=0.01)
    certificates = FoldCertificates.of(folds)
    # Intercepts that are balanced on fewer rows cost more, and are.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sksoftmax._paths.fold_certificates.FEW", 40)
        fewer = FoldCertificates.of(folds)
    for fit, point, true in near_optima(folds, np.random.default_rng(2)):
        (gap,) = certificates.by_intercepts(folds, [point], [fit])
        assert true - 1e-14 <= gap < 30 * true
        (more,) = fewer.by_intercepts(folds, [point], [fit])
        assert more >= true - 1e-14 and (more != gap) == fit_intercept


@pytest.mark.parametrize("n_classes", [4, 6])
@pytest.mark.parametrize("n_features", [3, 12])
def test_the_spanned_curvature_is_the_hessian_where_it_is_exact(n_classes, n_features):
    X, y = draw(200, n_features, n_classes)
    X = X * np.logspace(0, 3, n_features) + 5
    weight = np.random.default_rng(0).uniform(0.5, 2, 200)
    folds, _ = make_folds(X, y, weight)
    objective, random = folds.whole, np.random.default_rng(1)
    held = objective.penalty.strength.reshape(-1, n_classes)[:, 0] > 0
    coordinates = DiagonalisingBasis.of(FoldCertificates.of(folds).moments, held)
    assert_allclose(
        coordinates.basis @ coordinates.inverse_basis, np.eye(n_features + 1), atol=1e-9
    )
    # Scores that span all columns, or none, so that all rows have the same probabilities.
    theta = np.zeros((n_features + 1, n_classes))
    theta[-1] = random.standard_normal(n_classes)
    if n_features < n_classes:
        theta[:-1] = random.standard_normal((n_features, n_classes)) / X.std(axis=0)[:, None]
    preconditioner = coordinates.curvature(objective, theta.ravel())(objective.penalty.strength)
    vector = objective.map.sum_to_zero(random.standard_normal(theta.size))
    solved = preconditioner.solve(objective.hessian_product(theta.ravel(), vector))
    assert_allclose(solved, vector, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("column", ["no variance", "duplicated", "one scale of many"])
def test_the_spanned_curvature_is_positive_wherever_the_model_looks(column, fit_intercept, size):
    X, y = draw(60, 4, 5)
    X = X * {"no variance": 0, "duplicated": 1, "one scale of many": np.logspace(-6, 6, 4)}[column]
    X[:, 0] = X[:, 1]
    objective = make_objective(Problem(X, y, fit_intercept=fit_intercept))
    moments = approximations.lower_moments(objective, np.zeros(objective.map.n_parameters)) * 5
    held = objective.penalty.strength.reshape(-1, 5)[:, 0] > 0
    theta = size * np.random.default_rng(0).standard_normal(objective.map.n_parameters)
    preconditioner = DiagonalisingBasis.of(moments, held).curvature(objective, theta)(
        objective.penalty.strength
    )
    inverse = np.array([preconditioner.solve(unit) for unit in np.eye(theta.size)])
    scale = np.sqrt(np.diag(inverse))
    assert np.linalg.eigvalsh(inverse / scale / scale[:, None])[0] > -1e-9


def test_gaps_are_asked_for_when_no_descent_wants_an_evaluation():
    def descent(steps):
        for step in range(steps):
            assert (yield EvaluationRequest(step)) == step
        gap = yield GapRequest(steps)
        return gap

    asked = []

    def prove(points, numbers, knowledge):
        asked.append(numbers)
        return points, knowledge + 1

    gaps, knowledge = run(
        [descent(0), descent(3), descent(1)],
        lambda thetas, numbers: asked.append(numbers) or thetas, prove, 0,
    )  # fmt: skip
    assert asked == [[1, 2], [1], [1], [0, 1, 2]] and gaps == [0, 3, 1] and knowledge == 1


@pytest.mark.parametrize("n_classes", [2, 3])
def test_ranges_of_scores_are_bounded(n_classes):
    X, y = draw(90, 4, n_classes)
    X[:, 3] = X[:, 2]  # collinear
    folds, part_of = make_folds(X, y)
    direction = np.random.default_rng(0).standard_normal(folds.whole.map.n_parameters)
    coef, intercept = folds.whole.map.split(direction)
    scores = (X - folds.whole.map.center) @ coef.T + intercept
    sizes = np.abs(scores[:, 0]) if n_classes == 2 else np.ptp(scores, axis=1)
    for fit in (0, 2):
        true = sizes[KEEPS[fit][part_of]].max()
        found = largest_range(folds.objective(fit), direction)
        assert_allclose(found, true, rtol=1e-12)
        free = FoldCertificates.of(folds).score_range.bound(direction, folds.whole.map.n_scores)
        assert true * (1 - 1e-9) <= free <= 10 * true
