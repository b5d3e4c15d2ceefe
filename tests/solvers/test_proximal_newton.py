"""Laws of sparse fits: optimality checked from its definition, and what must not matter."""

import warnings
from typing import NamedTuple

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from registry import NONSMOOTH, draw, exponential_weights, thinned
from scipy.special import logsumexp, softmax
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksoftmax import ElasticNet, GroupLasso, SoftmaxRegression
from sksoftmax._curvature.quadratic_models import DiagonalModel, FullModel
from sksoftmax._objective.penalties import NonsmoothPenalty
from sksoftmax._problems.composite import CompositeProblem
from sksoftmax._solvers import working_set
from sksoftmax._solvers.bfgs_model import corrected
from sksoftmax._solvers.line_search import Point
from sksoftmax._solvers.model_minimizer import minimize_model
from sksoftmax._solvers.pairs import Pair
from sksoftmax._solvers.proximal_newton import WORST, Proximal
from sksoftmax._solvers.working_set import BEST

COSTS = {case.make: case.cost for case in NONSMOOTH.values()}
PENALTY = pytest.mark.parametrize("penalty", COSTS, ids=NONSMOOTH)
X3, Y3 = draw(200, 12, 3)
X2, Y2 = draw(150, 8, 2)
WIDE, Y_WIDE = draw(60, 250, 4)
CASES = {
    "three classes": (X3, Y3, None),
    "binary": (X2, Y2, None),
    "weighted": (X3, Y3, exponential_weights(200)),
    "sparse": (sp.csr_array(thinned(X3)), Y3, None),
    "wide": (WIDE, Y_WIDE, None),
    "scaled and offset": (X3 * np.logspace(0, 2, 12) + 100, Y3, None),
}
CASE = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
RATIO = pytest.mark.parametrize("l1_ratio", [0.3, 1.0])


class Curved(NamedTuple):
    """A quadratic model that is a matrix."""

    matrix: np.ndarray
    scale: np.ndarray

    def apply(self, vector):
        return self.matrix @ vector


class NonsmoothOnly(NamedTuple):
    """A problem of which only the nonsmooth part is asked for."""

    nonsmooth: NonsmoothPenalty


@PENALTY
@pytest.mark.parametrize("condition", [1e2, 1e7, np.inf])
def test_the_minimum_of_a_model_is_found_however_flat_it_is(penalty, condition):
    # By many plain proximal steps, in coordinates where they are few. Under inf a shift that all
    # classes share has no curvature.
    random, n_scores = np.random.default_rng(0), 3
    curvature = np.logspace(0, -min(np.log10(condition), 4), 6)
    turn = np.linalg.qr(random.standard_normal((6, 6)))[0]
    columns = turn * curvature @ turn.T
    classes = np.eye(3) - 1 / 3 if condition == np.inf else np.eye(3)
    matrix = np.kron(columns, classes)
    nonsmooth = NonsmoothPenalty(penalty(), np.full((6, 1), 0.01), n_scores)
    theta, gradient = random.standard_normal(18), matrix @ random.standard_normal(18)
    model = FullModel(matrix, n_scores)
    problem, point = NonsmoothOnly(nonsmooth), Point(theta, 0.0, gradient)
    target, gain, *_ = minimize_model(problem, model, point, 0.05)

    def value(x):
        return gradient @ (x - theta) + (x - theta) @ matrix @ (x - theta) / 2 + nonsmooth.value(x)

    assert gain >= value(theta) - value(target) - 1e-12
    best = theta
    for _ in range(20_000):
        best = nonsmooth.prox(best - gradient - matrix @ (best - theta), np.ones(6))
    assert value(target) - value(best) <= 1e-2 * (value(theta) - value(best))


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.parametrize("C", [1e2, 1e5])
@PENALTY
def test_light_penalties_of_correlated_columns_take_few_steps(load, C, penalty):
    X, y = load(return_X_y=True)
    model = fit(scale(X), y, C=C, penalty=penalty, tol=1e-4)
    assert model.converged_ and model.n_iter_ <= 60


def fit(
    X, y, weight=None, C=0.08, l1_ratio=1.0, penalty=ElasticNet, factor=None, tol=1e-10, **more
):
    model = SoftmaxRegression(C, l1_ratio=l1_ratio, penalty=penalty(factor), tol=tol, **more)
    return model.fit(X, y, weight)


def derivatives(model, X, y, weight=None):
    """Loss, and its gradient by coefficients and intercepts, from their formulas."""
    X = X.toarray() if sp.issparse(X) else X
    weight = np.ones(len(y)) if weight is None else weight
    scores = X @ model.coef_.T.astype(float) + model.intercept_
    if scores.shape[1] == 1:
        scores = np.hstack([np.zeros_like(scores), scores])
    truth = np.eye(scores.shape[1])[y]
    loss = weight @ (logsumexp(scores, axis=1) - np.sum(scores * truth, axis=1)) / weight.sum()
    residual = (softmax(scores, axis=1) - truth) * weight[:, None] / weight.sum()
    residual = residual[:, -len(model.coef_) :]
    return loss, residual.T @ X, residual.sum(axis=0)


def value(model, X, y, weight=None, factor=1.0):
    loss = derivatives(model, X, y, weight)[0]
    total = len(y) if weight is None else weight.sum()
    coef = model.coef_.astype(float)
    norms = np.array([COSTS[type(model.penalty)](row) for row in coef.T])
    ridge = 0.5 * (coef**2).sum(axis=0)
    cost = factor * (model.l1_ratio * norms + (1 - model.l1_ratio) * ridge)
    return loss + cost.sum() / (model.C * total)


@PENALTY
@RATIO
@CASE
def test_the_optimality_conditions_hold(case, penalty, l1_ratio):
    X, y, weight = case
    model = fit(X, y, weight, l1_ratio=l1_ratio, penalty=penalty)
    total = len(y) if weight is None else weight.sum()
    _, gradient, balance = derivatives(model, X, y, weight)
    unit = 1 / (model.C * total)
    scale = np.abs(X).max(axis=0)
    scale = np.maximum(scale.toarray().ravel() if sp.issparse(scale) else scale, 1)
    loss_gradient = -(gradient + unit * (1 - l1_ratio) * model.coef_).T / (unit * l1_ratio)
    slack = 2e-3 * scale[:, None]  # a gap of 1e-10 leaves its root in gradients
    assert_allclose(balance, 0, atol=1e-5)
    sizes, loss_gradients = model.penalty.norms(model.coef_.T), model.penalty.norms(loss_gradient)
    assert (loss_gradients <= 1 + slack).all()
    on = sizes > 0
    minimum = model.coef_.T / np.where(on, sizes, 1)
    assert (np.abs(loss_gradient - minimum) <= slack)[
        np.broadcast_to(on, loss_gradient.shape)
    ].all()
    # Where the penalty holds with something to spare, zeros are exact.
    assert not on[loss_gradients < 1 - slack].any()


@PENALTY
@RATIO
@CASE
def test_the_objective_is_the_formula_and_the_promise_is_kept(case, penalty, l1_ratio):
    X, y, weight = case
    best = fit(X, y, weight, l1_ratio=l1_ratio, penalty=penalty)
    assert best.converged_ and best.solver_ == "proximal"
    assert_allclose(value(best, X, y, weight), best.objective_, rtol=1e-12)
    for tol in (1e-1, 1e-2, 1e-4):
        model = fit(X, y, weight, l1_ratio=l1_ratio, penalty=penalty, tol=tol)
        distance = model.objective_ - best.objective_
        assert model.converged_ and -1e-10 <= distance <= model.gap_ <= tol * model.objective_


@RATIO
@pytest.mark.parametrize("name", ["three classes", "binary", "sparse", "wide"])
def test_never_above_saga(name, l1_ratio):
    X, y, _ = CASES[name]
    theirs = LogisticRegression(
        C=0.08, l1_ratio=l1_ratio, solver="saga", tol=1e-7, max_iter=3000, random_state=0
    )
    theirs.fit(X, y)
    theirs.penalty = ElasticNet()
    assert fit(X, y, l1_ratio=l1_ratio).objective_ <= value(theirs, X, y) + 1e-8


@PENALTY
def test_the_gap_bounds_the_distance_at_every_step(penalty):
    best = fit(X3, Y3, l1_ratio=0.9, penalty=penalty)
    for steps in range(1, 12):
        model = SoftmaxRegression(0.08, l1_ratio=0.9, penalty=penalty(), tol=1e-9, max_iter=steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X3, Y3)
        assert model.objective_ - best.objective_ <= model.gap_ + 1e-14
        assert (np.diff(model.objective_curve_) <= 1e-14).all()


@PENALTY
@pytest.mark.parametrize("nearness", [1e-6, 1e-7, 3e-8, 3e-9])
def test_unpenalised_columns_that_are_nearly_collinear_prove_nothing_that_is_not_so(
    nearness, penalty
):
    rng = np.random.default_rng(0)
    X, second = rng.normal(size=(300, 4)), rng.normal(size=300)
    scores = 0.1 * np.column_stack([second, X[:, 3], -second])
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    # The same span, in columns that are far from collinear, what rounding did to them included.
    apart, near = X.copy(), X.copy()
    near[:, 1] = X[:, 0] + nearness * second
    apart[:, 1] = (near[:, 1] - X[:, 0]) / nearness
    factor = np.array([0.0, 0.0, 1.0, 1.0])
    best = fit(apart, y, C=1.0, penalty=penalty, factor=factor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = fit(near, y, C=1.0, penalty=penalty, factor=factor, tol=1e-6, max_iter=20)
    # Scores are small differences of products that are not: their rounding is in the objective.
    rounding = np.finfo(float).eps * np.max(np.abs(near) @ np.abs(model.coef_.T))
    assert model.gap_ >= model.objective_ - best.objective_ - rounding
    assert rounding < 1e-6


@PENALTY
def test_the_gap_is_a_bound_far_from_the_optimum(penalty):
    # Of separable classes under a light penalty, nearly all of the loss can be gained.
    X, y = draw(150, 4, 3, noise=0.0)
    with pytest.warns(ConvergenceWarning):
        start = fit(X, y, C=1e4, penalty=penalty, max_iter=0)
    other = SoftmaxRegression(1e3).fit(X, y)
    other.set_params(C=1e4, l1_ratio=1.0, penalty=penalty())
    assert 0.8 * start.objective_ <= start.objective_ - value(other, X, y) <= start.gap_


def test_of_two_classes_a_group_is_a_single_coefficient():
    one, other = fit(X2, Y2), fit(X2, Y2, penalty=GroupLasso)
    assert_allclose(one.coef_, other.coef_, atol=1e-6)
    assert_array_equal(one.coef_ == 0, other.coef_ == 0)


@PENALTY
def test_a_weight_is_a_repetition(penalty):
    weight = np.random.default_rng(0).integers(0, 4, 200)
    one = fit(X3, Y3, weight.astype(float), penalty=penalty, tol=1e-12)
    other = fit(np.repeat(X3, weight, axis=0), np.repeat(Y3, weight), penalty=penalty, tol=1e-12)
    assert_allclose(one.objective_, other.objective_, rtol=1e-12)
    assert_allclose(one.predict_proba(X3), other.predict_proba(X3), atol=1e-9)


@PENALTY
def test_sparse_is_dense(penalty):
    X = thinned(X3)
    one, other = fit(X, Y3, penalty=penalty), fit(sp.csr_array(X), Y3, penalty=penalty)
    assert_allclose(one.objective_, other.objective_, rtol=1e-9)
    assert_array_equal(one.coef_ == 0, other.coef_ == 0)


@PENALTY
def test_without_an_l1_part_it_is_the_ridge(penalty):
    ridge = SoftmaxRegression(0.08, tol=1e-12).fit(X3, Y3)
    nearly = fit(X3, Y3, l1_ratio=1e-9, penalty=penalty)
    assert_allclose(nearly.objective_, ridge.objective_, rtol=1e-7)
    assert_allclose(nearly.coef_, ridge.coef_, atol=1e-4)
    ones = np.ones(12)
    proximal = fit(X3, Y3, l1_ratio=0.0, penalty=penalty, factor=ones, solver="proximal")
    assert_allclose(proximal.coef_, ridge.coef_, atol=1e-5)


@PENALTY
def test_a_factor_of_0_leaves_a_column_free_and_inf_excludes_it(penalty):
    factor = np.ones(12)
    factor[[0, 3]], factor[[1, 5]], factor[2] = 0, np.inf, 3
    model = fit(X3, Y3, penalty=penalty, factor=factor, tol=1e-9)
    assert model.converged_
    assert_array_equal(model.coef_[:, [1, 5]], 0)
    _, gradient, _ = derivatives(model, X3, Y3)
    assert_allclose(gradient[:, [0, 3]], 0, atol=1e-6)
    kept = np.delete(np.arange(12), [1, 5])
    same = fit(X3[:, kept], Y3, penalty=penalty, factor=factor[kept], tol=1e-9)
    assert_allclose(model.objective_, same.objective_, rtol=1e-8)
    with pytest.raises(ValueError, match="penalty_factor"):
        fit(X3, Y3, penalty=penalty, factor=[1.0, 2.0])
    with pytest.raises(ValueError, match="penalty_factor"):
        fit(X3, Y3, penalty=penalty, factor=-factor)
    with pytest.raises(ValueError, match="penalty_factor must be numbers"):
        fit(X3, Y3, penalty=penalty, factor=["one"] * 12)
    with pytest.raises(ValueError, match="penalty_factor must be inf"):
        fit(X3, Y3, penalty=penalty, factor=[1e13] * 12)


def test_a_model_that_is_flat_along_a_step_stays_finite():
    flat = Curved(np.diag([0.0, 2.0]), np.ones(2))
    pairs = (Pair(np.array([1.0, 0.0]), np.array([1e-16, 0.0]), 1e-16),
             Pair(np.array([0.0, 1.0]), np.array([0.0, 3.0]), 3.0))  # fmt: skip
    model = corrected(flat, pairs)
    assert np.isfinite(model.apply(np.ones(2))).all()
    assert_allclose(model.apply(pairs[1].step), pairs[1].change)


@PENALTY
def test_factors_weigh_both_parts_of_the_penalty(penalty):
    factor = np.random.default_rng(0).permutation(np.logspace(-1, 1, 12))
    for l1_ratio in (0.3, 1.0):
        model = fit(X3, Y3, l1_ratio=l1_ratio, penalty=penalty, factor=factor)
        assert_allclose(value(model, X3, Y3, factor=factor), model.objective_, rtol=1e-9)
    ridge = fit(X3, Y3, l1_ratio=0.0, penalty=penalty, factor=factor)
    same = SoftmaxRegression(0.08, tol=1e-10).fit(X3 / np.sqrt(factor), Y3)
    assert_allclose(ridge.coef_ * np.sqrt(factor), same.coef_, atol=1e-5)


@PENALTY
def test_single_precision_and_threads(penalty):
    single = fit(X3.astype(np.float32), Y3, penalty=penalty, tol=1e-7)
    assert single.coef_.dtype == np.float32
    assert_allclose(single.objective_, fit(X3, Y3, penalty=penalty).objective_, rtol=1e-6)
    X, y = draw(12000, 5, 3)
    one, two = fit(X, y, penalty=penalty), fit(X, y, penalty=penalty, n_jobs=2)
    assert_array_equal(one.coef_, two.coef_)


def test_a_warm_start_goes_on_and_more_steps_are_the_same_descent(capsys):
    model = fit(X3, Y3, warm_start=True)
    steps = model.n_iter_
    assert model.fit(X3, Y3).n_iter_ < steps
    fit(X3, Y3, verbose=1)
    assert "proximal step 1:" in capsys.readouterr().out


def test_smooth_solvers_refuse_nonsmooth_penalties_and_name_proximal():
    for solver in ("gd", "lbfgs", "newton"):
        with pytest.raises(ValueError, match="proximal"):
            SoftmaxRegression(l1_ratio=0.5, solver=solver).fit(X3, Y3)
    with pytest.raises(ValueError, match="l1_ratio"):
        SoftmaxRegression(l1_ratio=1.5).fit(X3, Y3)
    with pytest.raises(TypeError, match="GroupLasso"):
        SoftmaxRegression(penalty=GroupLasso).fit(X3, Y3)
    with pytest.raises(ValueError, match="penalty"):
        SoftmaxRegression(penalty="l2").fit(X3, Y3)


def test_sparsified_it_predicts_the_same():
    model = fit(WIDE, Y_WIDE)
    before = model.predict_proba(WIDE)
    assert_allclose(model.sparsify().predict_proba(WIDE), before, rtol=1e-12)


@parametrize_with_checks(
    [SoftmaxRegression(l1_ratio=0.5), SoftmaxRegression(l1_ratio=1.0, penalty=GroupLasso())]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("factor", [None, [1.0, 1.0, np.inf]])
def test_it_is_known_whether_an_optimum_exists(factor):
    X, y = draw(60, 2, 3, noise=2.0)
    X = np.column_stack([X, y])  # the last column separates the classes
    penalty = ElasticNet(factor)
    model = SoftmaxRegression(C=np.inf, solver="proximal", penalty=penalty)
    if factor is None:
        with pytest.warns(ConvergenceWarning, match="no optimum: the classes are separable"):
            model.fit(X, y)
        assert not model.converged_
    else:
        assert model.fit(X, y).converged_
        expected = SoftmaxRegression(C=np.inf).fit(X[:, :2], y)
        assert_allclose(model.objective_, expected.objective_, rtol=1e-5)


@pytest.mark.parametrize("max_iter", [1, 2, 7, 20])
def test_max_iter_bounds_all_steps_those_on_a_working_set_too(max_iter, monkeypatch):
    steps, step = [], Proximal._step
    monkeypatch.setattr(Proximal, "_step", lambda *args: steps.append(0) or step(*args))
    X = np.random.default_rng(0).normal(size=(60, 400))
    model = SoftmaxRegression(1e2, l1_ratio=1.0, max_iter=max_iter, tol=1e-12)
    with pytest.warns(ConvergenceWarning, match=f"After {max_iter} steps.* lowered it by"):
        model.fit(X, np.arange(60) % 3)
    assert len(steps) == model.n_iter_ == max_iter
    assert len(model.objective_curve_) == max_iter + 1
    scores = model.decision_function(X)
    loss = np.mean(logsumexp(scores, axis=1) - scores[np.arange(60), np.arange(60) % 3])
    size = np.abs(model.coef_).sum() / (1e2 * 60)
    assert_allclose(model.objective_, loss + size, rtol=1e-9)
    assert (np.diff(model.objective_curve_) < 0).all()


@pytest.mark.parametrize("is_wrong", [False, True])
def test_a_model_is_minimised_the_less_the_more_the_last_one_was_wrong(is_wrong, monkeypatch):
    """Of the Hessian, and of its diagonal, which takes no notice of correlations."""
    wanted, minimize, make = [], working_set.minimize_model, CompositeProblem.model

    def diagonal(*args):
        matrix = make(*args).matrix
        return DiagonalModel(np.diag(matrix).reshape(9, 3))

    def recorded(objective, model, point, accuracy):
        wanted.append(accuracy)
        return minimize(objective, model, point, accuracy)

    monkeypatch.setattr(working_set, "minimize_model", recorded)
    if is_wrong:
        monkeypatch.setattr(CompositeProblem, "model", diagonal)
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 1)) + 0.1 * random.normal(size=(60, 8))
    SoftmaxRegression(1.0, l1_ratio=0.5, tol=1e-9).fit(X, np.arange(60) % 3)
    assert wanted[0] == BEST and all(BEST <= accuracy <= WORST for accuracy in wanted)
    assert (max(wanted) > 0.3) == is_wrong


def test_a_model_takes_a_bounded_number_of_factors(monkeypatch):
    """Of low rank, where Newton steps run from kink to kink by the hundred."""
    factors, minimize, solve = [], working_set.minimize_model, FullModel.solve

    def begin(*args):
        factors.append(0)
        return minimize(*args)

    def counted(*args):
        factors[-1] += 1
        return solve(*args)

    monkeypatch.setattr(working_set, "minimize_model", begin)
    monkeypatch.setattr(FullModel, "solve", counted)
    random = np.random.default_rng(0)
    X = random.normal(size=(100, 2)) @ random.normal(size=(2, 12)) * np.logspace(-2, 2, 12)
    model = SoftmaxRegression(1e5, l1_ratio=0.1, tol=1e-9, max_iter=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, np.arange(100) % 15)
    assert 0 < max(factors) <= 50
