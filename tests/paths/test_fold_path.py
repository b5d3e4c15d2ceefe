"""Laws of fits that are made together: each is what it would be alone."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from registry import KINDS, Problem, draw, make_objective
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold

from sksoftmax import ElasticNet, SoftmaxRegression, SoftmaxRegressionCV
from sksoftmax._curvature import approximations
from sksoftmax._curvature.simultaneous_diagonalisation import UnitColumns
from sksoftmax._data import validation
from sksoftmax._paths.elastic_net_path import Settings, pose
from sksoftmax._paths.fold_objectives import NOTHING, cut
from sksoftmax._paths.fold_path import fit_folds, parts_of
from sksoftmax._problems import build
from sksoftmax._solvers import minimize
from sksoftmax._solvers.line_search import evaluate
from sksoftmax._solvers.lockstep import Claim, Convoy, Trial

SETTINGS = Settings(ElasticNet(), True, "auto", 1e-9, 1000)
CS = [1e-3, 0.1, 10.0, 1e3]


def posed(X, y, weight=None, C=1.0, **options):
    """The Folds of three parts, and the data that they are of."""
    data = validation.encode(SoftmaxRegression(), X, y, weight)
    settings = Settings(**{**SETTINGS.__dict__, **options})
    part_of = np.arange(data.n_rows) % 3
    return cut(pose(data, C, 0.0, settings), part_of, 3), part_of


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_points_are_those_of_each_objective_alone(n_classes, fit_intercept):
    X, y = draw(97, 5, n_classes)
    weight = np.random.default_rng(0).uniform(0.5, 2, 97)
    folds, part_of = posed(X, y, weight, fit_intercept=fit_intercept)
    held = [NOTHING, 0, 1, 2]
    random = np.random.default_rng(1)
    thetas = [random.standard_normal(folds.whole.map.n_parameters) for _ in held]
    together = folds.evaluate(thetas, held)
    at_one = folds.points_at(thetas[0], held)
    for out, theta, point, other in zip(held, thetas, together, at_one, strict=True):
        kept = part_of != out
        data = validation.encode(SoftmaxRegression(), X[kept], y[kept], weight[kept])
        # The same intercepts stand for those about the center of all.
        alone = pose(data, 1.0, 0.0, Settings(ElasticNet(), fit_intercept, "auto", 0, 0))
        coef, intercept = folds.whole.map.split(theta)
        if fit_intercept:
            intercept = intercept + coef @ (data.center - folds.whole.map.center)
        value = evaluate(alone, alone.map.join(coef, intercept)).value
        assert_allclose(point.value, value, rtol=1e-12)
        own = folds.objective(out)
        for found, where in ((point, theta), (other, thetas[0])):
            expected = evaluate(own, where)
            assert_allclose(found.value, expected.value, rtol=1e-12)
            assert_allclose(found.gradient, expected.gradient, rtol=1e-9, atol=1e-13)


def near_optima(folds, random):
    """Of each fit: what it leaves out, a point near its optimum, and the true gap there."""
    for out in [NOTHING, 0, 1, 2]:
        objective = folds.objective(out)
        solver = build.solver_for(objective, "newton")
        best = minimize(objective, solver, folds.whole.map.neutral(), tol=1e-13, max_iter=99)
        for size in (1e-4, 1e-3):
            theta = best.theta + size * random.standard_normal(len(best.theta))
            if folds.whole.map.n_scores > 1:
                theta -= folds.whole.map.common(theta)
            point = evaluate(objective, theta)
            yield out, point, point.value - best.value


@pytest.mark.parametrize("far", [0.1, 1e-3])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gaps_from_other_moments_are_bounds(n_classes, far):
    X, y = draw(150, 4, n_classes)
    folds, _ = posed(0.3 * X, y)
    random = np.random.default_rng(2)
    for out, point, true in near_optima(folds, random):
        held = [NOTHING, 0, 1, 2]
        near = point.theta + far * random.standard_normal((4, len(point.theta)))
        anchor = folds.anchor(dict(zip(held, near, strict=True)))
        # What is above the goal claims nothing; by 1e3 some proof has reached it.
        for goal in true * np.array([0.5, 1.0, 1.1, 1.5, 3.0, 30.0, 1e3]):
            (gap,), _ = folds.gaps([point], [out], anchor, [goal])
            assert gap > goal or gap >= true - 1e-14
        assert gap < goal


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gaps_left_to_the_penalty_are_bounds(n_classes, fit_intercept):
    X, y = draw(150, 4, n_classes)
    folds, _ = posed(0.3 * X, y, fit_intercept=fit_intercept, C=0.01)
    # Intercepts that are balanced on fewer rows cost more, and are.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sksoftmax._paths.fold_objectives.FEW", 40)
        fewer, _ = posed(0.3 * X, y, fit_intercept=fit_intercept, C=0.01)
    for out, point, true in near_optima(folds, np.random.default_rng(2)):
        (gap,) = folds.loose_gaps([point], [out])
        assert true - 1e-14 <= gap < 30 * true
        (more,) = fewer.loose_gaps([point], [out])
        assert more >= true - 1e-14 and (more != gap) == fit_intercept


@pytest.mark.parametrize("n_classes", [4, 6])
@pytest.mark.parametrize("n_features", [3, 12])
def test_the_spanned_curvature_is_the_hessian_where_it_is_exact(n_classes, n_features):
    X, y = draw(200, n_features, n_classes)
    X = X * np.logspace(0, 3, n_features) + 5
    weight = np.random.default_rng(0).uniform(0.5, 2, 200)
    folds, _ = posed(X, y, weight)
    objective, random = folds.whole, np.random.default_rng(1)
    held = objective.penalty.strength.reshape(-1, n_classes)[:, 0] > 0
    units = UnitColumns.of(folds.moments, held)
    assert_allclose(units.inside @ units.outside, np.eye(n_features + 1), atol=1e-9)
    # Scores that span all columns, or none, so that all rows have the same probabilities.
    theta = np.zeros((n_features + 1, n_classes))
    theta[-1] = random.standard_normal(n_classes)
    if n_features < n_classes:
        theta[:-1] = random.standard_normal((n_features, n_classes)) / X.std(axis=0)[:, None]
    metric = units.curvature(objective, theta.ravel())(objective.penalty.strength)
    vector = objective.map.balanced(random.standard_normal(theta.size))
    solved = metric.solve(objective.hessian_product(theta.ravel(), vector))
    assert_allclose(solved, vector, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("column", ["no variance", "duplicated", "one scale of many"])
def test_the_spanned_curvature_is_positive_wherever_the_model_looks(column, fit_intercept, size):
    X, y = draw(60, 4, 5)
    X = X * {"no variance": 0, "duplicated": 1, "one scale of many": np.logspace(-6, 6, 4)}[column]
    X[:, 0] = X[:, 1]
    objective = make_objective(Problem(X, y, fit_intercept=fit_intercept))
    moments = approximations.least_moments(objective, np.zeros(objective.map.n_parameters)) * 5
    held = objective.penalty.strength.reshape(-1, 5)[:, 0] > 0
    theta = size * np.random.default_rng(0).standard_normal(objective.map.n_parameters)
    metric = UnitColumns.of(moments, held).curvature(objective, theta)(objective.penalty.strength)
    inverse = np.array([metric.solve(unit) for unit in np.eye(theta.size)])
    scale = np.sqrt(np.diag(inverse))
    assert np.linalg.eigvalsh(inverse / scale / scale[:, None])[0] > -1e-9


def test_proofs_wait_until_all_have_asked():
    def descent(steps):
        for step in range(steps):
            assert (yield Trial(step)) == step
        gap = yield Claim(steps)
        return gap

    asked = []
    convoy = Convoy()
    convoy.add([descent(0), descent(3)])
    convoy.advance(lambda thetas, numbers: asked.append(numbers) or thetas)
    convoy.add([descent(1)])
    gaps = convoy.drive(lambda thetas, numbers: asked.append(numbers) or thetas,
                        lambda points, numbers: asked.append(numbers) or points)  # fmt: skip
    assert asked == [[1], [1], [1], [2], [0, 1, 2]] and gaps == [0, 3, 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_fits_together_are_the_fits_apart(kind, n_classes):
    X, y = draw(120, 6, n_classes)
    X = KINDS[kind](X)
    folds = list(StratifiedKFold(3).split(X, y))
    data = validation.encode(SoftmaxRegression(), X, y)
    part_of = parts_of(folds, np.ones(120), data, SETTINGS)
    fits = fit_folds(data, part_of, 3, CS, SETTINGS)
    rows = [np.arange(120), *(train for train, _ in folds)]
    for C, along in zip(CS, fits, strict=True):
        for own, fit in zip(rows, along, strict=True):
            one = SoftmaxRegression(C, tol=1e-9).fit(X[own], y[own])
            assert fit.converged and one.converged_
            assert abs(fit.objective - one.objective_) <= 2e-9 * one.objective_
            scores = X @ fit.coef.T + fit.intercept
            expected = X @ one.coef_.T + one.intercept_
            assert_allclose(scores, expected, atol=2e-3 * np.abs(expected).max())


def test_what_can_be_fitted_together():
    X, y = draw(60, 3, 3)
    data, ones = validation.encode(SoftmaxRegression(), X, y), np.ones(60)
    halves = [(np.arange(30), np.arange(30, 60)), (np.arange(30, 60), np.arange(30))]
    assert (parts_of(halves, ones, data, SETTINGS) == (np.arange(60) < 30)).all()
    masks = [(np.arange(60) < 30, np.arange(60) >= 30)] * 2
    assert parts_of(masks, ones, data, SETTINGS) is None  # the same rows twice
    shuffled = list(ShuffleSplit(3, random_state=0).split(X))
    assert parts_of(shuffled, ones, data, SETTINGS) is None
    twice = [(np.r_[train, train], test) for train, test in halves]
    assert parts_of(twice, ones, data, SETTINGS) is None
    lacking = np.sort(y)
    data = validation.encode(SoftmaxRegression(), X, lacking)
    assert parts_of(list(KFold(3).split(X)), ones, data, SETTINGS) is None
    some = [(np.r_[10:60], np.r_[0:10]), (np.r_[0:10, 20:60], np.r_[10:20])]
    data = validation.encode(SoftmaxRegression(), X, y)
    assert set(parts_of(some, ones, data, SETTINGS)) == {0, 1, 2}  # the last is in every fit
    model = SoftmaxRegressionCV([0.1, 1.0], cv=some, tol=1e-9).fit(X, y)
    one = SoftmaxRegression(1.0, tol=1e-9).fit(X[some[1][0]], y[some[1][0]])
    assert_allclose(model.coefs_paths_[1, 0, 1, :, :-1], one.coef_, atol=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_ranges_of_scores_are_bounded(n_classes):
    X, y = draw(90, 4, n_classes)
    X[:, 3] = X[:, 2]  # collinear
    folds, part_of = posed(X, y)
    direction = np.random.default_rng(0).standard_normal(folds.whole.map.n_parameters)
    coef, intercept = folds.whole.map.split(direction)
    scores = (X - folds.whole.map.center) @ coef.T + intercept
    sizes = np.abs(scores[:, 0]) if n_classes == 2 else np.ptp(scores, axis=1)
    for out in (NOTHING, 1):
        true = sizes[part_of != out].max()
        (found,) = folds.ranges([direction], [out])
        assert_allclose(found, true, rtol=1e-12)
        free = folds.reach.bound(direction, folds.whole.map.n_scores)
        assert true * (1 - 1e-9) <= free <= 10 * true
