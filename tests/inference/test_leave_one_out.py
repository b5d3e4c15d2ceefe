"""Approximate leave-one-out: against the fits that leave each row out, one by one."""

import numpy as np
import pytest
import scipy.sparse as sp
from registry import encoded
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import StandardScaler

from sksoftmax import (
    ElasticNet,
    GroupLasso,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    approximate_leave_one_out,
)
from sksoftmax._inference import free_parameters, leave_one_out, refit
from sksoftmax._problems import build

LEAST = -np.log(np.finfo(float).eps)
RANDOM = np.random.default_rng(0)
IRIS, Y = load_iris(return_X_y=True)
IRIS, Y = IRIS[::3], Y[::3]
WEIGHT = RANDOM.integers(0, 4, len(Y)).astype(float)
FACTORS = ElasticNet(penalty_factor=[0, 1, np.inf, 2])


def refitted_losses(model, X, y, weight=None):
    """The loss of each row by the model fitted without it, that is with its weight at 0."""
    weight = np.ones(len(y)) if weight is None else weight
    shares = y if np.ndim(y) == 2 else y[:, None] == np.unique(y)
    losses = np.empty(len(y))
    for row in range(len(y)):
        others = weight.copy()
        others[row] = 0
        fit = clone(model).set_params(tol=1e-9).fit(X, y, sample_weight=others)
        logs = np.maximum(fit.predict_log_proba(X[row : row + 1])[0], -LEAST)
        losses[row] = -np.sum(shares[row] * logs)
    return losses


@pytest.mark.parametrize(
    "parameters",
    [
        dict(C=1.0),
        dict(C=30.0),
        dict(C=1.0, fit_intercept=False),
        dict(C=1.0, class_weight={0: 1, 1: 2, 2: 0.5}),
        dict(C=1.0, class_weight={0: 0, 1: 2, 2: 0.5}),
        dict(C=1.0, label_smoothing=0.1),
        dict(C=1.0, label_smoothing=0.1, class_weight={0: 1, 1: 2, 2: 0.5}),
        dict(C=0.3, penalty=FACTORS),
        dict(C=0.3, l1_ratio=0.5, penalty=GroupLasso()),
        dict(C=np.inf, label_smoothing=0.1),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:penalty=ElasticNet")
def test_losses_are_those_of_fits_without_each_row(parameters):
    check_losses(parameters, WEIGHT)


@pytest.mark.parametrize("C", [1.0, 30.0])
def test_losses_are_those_of_fits_without_each_row_where_none_weighs_more(C):
    check_losses(dict(C=C), None)


def check_losses(parameters, weight):
    model = SoftmaxRegression(tol=1e-9, **parameters).fit(IRIS, Y, weight)
    found = approximate_leave_one_out(model, IRIS, Y, sample_weight=weight)
    exact = refitted_losses(model, IRIS, Y, weight)
    np.testing.assert_allclose(found.mean(), exact.mean(), rtol=5e-3)
    np.testing.assert_allclose(found, exact, rtol=0.05, atol=0.01)


def model_losses(model):
    return -model.predict_log_proba(IRIS)[np.arange(len(Y)), Y]


@pytest.mark.parametrize("l1_ratio, C", [(0.5, 0.3), (1.0, 3.0)])
def test_an_l1_part_has_the_losses_of_fits_without_each_row(l1_ratio, C):
    model = SoftmaxRegression(C, l1_ratio=l1_ratio, tol=1e-9).fit(IRIS, Y)
    found = approximate_leave_one_out(model, IRIS, Y)
    np.testing.assert_allclose(found.mean(), refitted_losses(model, IRIS, Y).mean(), rtol=0.01)


def test_soft_targets_are_scored_by_their_cross_entropy():
    shares = np.random.default_rng(1).dirichlet(np.ones(3), len(Y))
    model = SoftmaxRegression(tol=1e-9).fit(IRIS, shares, WEIGHT)
    found = approximate_leave_one_out(model, IRIS, shares, sample_weight=WEIGHT)
    np.testing.assert_allclose(found, refitted_losses(model, IRIS, shares, WEIGHT), atol=0.01)


def test_the_mean_is_within_a_percent_where_a_newton_step_alone_is_not(monkeypatch):
    X, y = load_wine(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[::4], y[::4]
    model = SoftmaxRegression(C=3.0).fit(X, y)
    exact = refitted_losses(model, X, y).mean()
    np.testing.assert_allclose(approximate_leave_one_out(model, X, y).mean(), exact, rtol=0.01)
    monkeypatch.setattr(leave_one_out, "FAR", np.inf)
    assert abs(approximate_leave_one_out(model, X, y).mean() / exact - 1) > 0.01


def newton_steps_by_hand(model, X, y, C, weight):
    """One Newton step without each row, of all coefficients, by matrices that are built entire."""
    K, n, p = len(model.classes_), *X.shape
    augmented = np.column_stack([X, np.ones(n)])
    beta = np.column_stack([model.coef_, model.intercept_]).ravel()
    ridge = np.diag(np.tile(np.append(np.full(p, 1 / C), 0), K))
    # Shifts of all classes have no curvature of the loss: give them some.
    shifts = np.kron(np.ones((K, K)), np.eye(p + 1))
    losses = np.empty(n)
    hessians, gradients = [], []
    for x, label, w in zip(augmented, y, weight, strict=True):
        scores = beta.reshape(K, -1) @ x
        proba = np.exp(scores - scores.max())
        proba /= proba.sum()
        hessians.append(w * np.kron(np.diag(proba) - np.outer(proba, proba), np.outer(x, x)))
        gradients.append(w * np.kron(proba - np.eye(K)[label], x))
    for row in range(n):
        kept = [j for j in range(n) if j != row]
        hessian = sum(hessians[j] for j in kept) + ridge + shifts
        gradient = sum(gradients[j] for j in kept) + ridge @ beta
        scores = (beta - np.linalg.solve(hessian, gradient)).reshape(K, -1) @ augmented[row]
        losses[row] = np.log(np.exp(scores - scores[y[row]]).sum())
    return losses


def test_the_step_is_newtons_for_the_other_rows(monkeypatch):
    """By another formula: the whole Hessian of the other rows, and no identity of inverses."""
    monkeypatch.setattr(leave_one_out, "FAR", np.inf)
    weight = WEIGHT + 0.5
    model = SoftmaxRegression(0.7, tol=1e-13).fit(IRIS, Y, weight)
    found = approximate_leave_one_out(model, IRIS, Y, sample_weight=weight)
    expected = newton_steps_by_hand(model, IRIS, Y, 0.7, weight)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


def made(X, y):
    data = encoded(X, y)
    problem = build.make_problem(
        data, C=1.0, l1_ratio=0.0, norm=ElasticNet(), fit_intercept=True, solver="auto"
    )
    model = SoftmaxRegression(tol=1e-12).fit(X, y)
    coef, intercept = model.coef_, model.intercept_
    return data, problem, problem.map.join(coef, intercept + coef @ data.center)


@pytest.mark.parametrize("base", [0, 2])
def test_the_hessian_is_the_derivative_of_the_gradient(base):
    _, problem, theta = made(IRIS, Y)
    free = free_parameters.FreeParameters.of(problem, theta, base)
    step = 1e-5
    columns = []
    for unit in np.eye(len(free.score)):
        up, down = (free.at(free.moved(s * step * unit)).value_and_gradient()[1] for s in (1, -1))
        columns.append((up - down) / (2 * step))
    np.testing.assert_allclose(free.hessian(), np.array(columns), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("piece", [1, 100, 2**18])
def test_pieces_of_any_size_give_the_same_losses(piece, monkeypatch):
    model = SoftmaxRegression(10.0).fit(IRIS, Y)
    whole = approximate_leave_one_out(model, IRIS, Y)
    monkeypatch.setattr(free_parameters, "PIECE", piece)
    np.testing.assert_allclose(approximate_leave_one_out(model, IRIS, Y), whole, rtol=1e-9)


@pytest.mark.parametrize("parameters", [dict(C=10.0), dict(C=0.3, l1_ratio=1.0)], ids=str)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_sparse_dask_and_single_precision_give_the_same_losses(parameters, n_classes):
    da = pytest.importorskip("dask.array")
    y = np.array(["no", "yes", "yes", "perhaps"])[Y + (n_classes == 3) * (Y == 2)]
    model = SoftmaxRegression(tol=1e-10, **parameters).fit(IRIS, y, WEIGHT)
    dense = approximate_leave_one_out(model, IRIS, y, sample_weight=WEIGHT)
    sparse = approximate_leave_one_out(model, sp.csr_array(IRIS), y, sample_weight=WEIGHT)
    np.testing.assert_allclose(sparse, dense, rtol=1e-9)
    lazy = (da.from_array(values, chunks=17) for values in (IRIS, y, WEIGHT))
    lazy_X, lazy_y, lazy_weight = lazy
    on_dask = approximate_leave_one_out(model, lazy_X, lazy_y, sample_weight=lazy_weight)
    np.testing.assert_allclose(on_dask, dense, rtol=1e-9)
    single = SoftmaxRegression(tol=1e-7, **parameters).fit(IRIS.astype("f4"), y, WEIGHT)
    found = approximate_leave_one_out(single, IRIS.astype("f4"), y, sample_weight=WEIGHT)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, dense, rtol=5e-3, atol=2e-3)


def test_two_classes_are_one_row_of_scores():
    """The same problem as three classes of which one has no rows that weigh."""
    y = (Y == 2).astype(int)
    model = SoftmaxRegression(tol=1e-9).fit(IRIS, y)
    found = approximate_leave_one_out(model, IRIS, y)
    X, three = np.vstack([IRIS, IRIS[:1]]), np.append(y, 2)
    weight = np.append(np.ones(len(y)), 0)
    other = SoftmaxRegression(tol=1e-9).fit(X, three, weight)
    of_three = approximate_leave_one_out(other, X, three, sample_weight=weight)
    np.testing.assert_allclose(of_three[:-1], found, rtol=1e-6)


def test_a_row_of_weight_two_leaves_as_a_whole():
    """Two equal rows: without one of them the other is there, without both is another fit."""
    weight = np.ones(len(Y))
    weight[3] = 2
    X, y = np.vstack([IRIS, IRIS[3]]), np.append(Y, Y[3])
    heavy = SoftmaxRegression(tol=1e-10).fit(IRIS, Y, weight)
    twice = SoftmaxRegression(tol=1e-10).fit(X, y)
    found = approximate_leave_one_out(heavy, IRIS, Y, sample_weight=weight)
    repeated = approximate_leave_one_out(twice, X, y)
    others = np.arange(len(Y)) != 3
    np.testing.assert_allclose(found[others], repeated[:-1][others], rtol=1e-5)
    assert found[3] > repeated[3]


def test_a_row_without_weight_has_the_loss_of_the_model():
    model = SoftmaxRegression().fit(IRIS, Y, WEIGHT)
    losses = approximate_leave_one_out(model, IRIS, Y, sample_weight=WEIGHT)
    unseen = WEIGHT == 0
    np.testing.assert_allclose(losses[unseen], model_losses(model)[unseen])


def test_rows_of_the_only_class_with_weight_are_certain_without_each_row():
    weight = (Y == 1).astype(float)
    model = SoftmaxRegression().fit(IRIS, Y, weight)
    losses = approximate_leave_one_out(model, IRIS, Y, sample_weight=weight)
    np.testing.assert_allclose(losses, refitted_losses(model, IRIS, Y, weight), atol=1e-12)


@pytest.mark.parametrize("alone", [[7], [0, 7]])
def test_a_row_alone_in_its_class_has_the_largest_loss(alone):
    y = Y.copy()
    for row, label in enumerate(alone):
        y[row] = label + 10
    model = SoftmaxRegression().fit(IRIS, y)
    losses = approximate_leave_one_out(model, IRIS, y)
    assert (losses[: len(alone)] == LEAST).all() and (losses[len(alone) :] < LEAST).all()
    without = SoftmaxRegression(tol=1e-9, fit_intercept=False).fit(IRIS, y)
    found = approximate_leave_one_out(without, IRIS, y)
    np.testing.assert_allclose(found, refitted_losses(without, IRIS, y), rtol=0.02, atol=0.01)


def test_losses_are_finite_and_positive_whatever_the_leverage():
    """Rows that no other row is like, columns of one row, and next to no penalty."""
    X = np.vstack([np.eye(12), np.zeros((3, 12)), 1e3 * np.ones((1, 12))])
    y = np.arange(16) % 3
    for C in (1e-3, 1.0, 1e6):
        model = SoftmaxRegression(C, tol=1e-8).fit(X, y)
        losses = approximate_leave_one_out(model, X, y)
        assert np.isfinite(losses).all() and (losses >= 0).all() and (losses <= LEAST).all()


def test_collinear_columns_change_nothing_without_a_penalty():
    rows = np.random.default_rng(2).normal(size=(60, 2))
    y = (rows[:, 0] + np.random.default_rng(3).normal(size=60) > 0).astype(int)
    wide = np.column_stack([rows, rows @ [1.0, 2.0], np.ones(60)])
    plain, collinear = (SoftmaxRegression(np.inf, tol=1e-10).fit(X, y) for X in (rows, wide))
    found = approximate_leave_one_out(collinear, wide, y)
    np.testing.assert_allclose(found, approximate_leave_one_out(plain, rows, y), rtol=1e-4)


def test_wide_dense_data_are_taken_in_the_span_of_their_rows():
    X = np.random.default_rng(4).normal(size=(30, 3000))
    y = np.arange(30) % 3
    model = SoftmaxRegression(1e-3, tol=1e-10).fit(X, y)
    found = approximate_leave_one_out(model, X, y)
    np.testing.assert_allclose(found, refitted_losses(model, X, y), rtol=5e-3)


def test_too_many_coefficients_are_refused_with_what_to_do():
    X = sp.random(60, 1500, density=0.01, format="csr", random_state=0)
    y = np.arange(60) % 3
    model = SoftmaxRegression().fit(X, y)
    with pytest.raises(ValueError, match=r"3002 coefficients.*1501 columns.*l1_ratio"):
        approximate_leave_one_out(model, X, y)
    lasso = SoftmaxRegression(5.0, l1_ratio=1.0).fit(X, y)
    assert np.isfinite(approximate_leave_one_out(lasso, X, y)).all()


def test_what_is_no_fit_of_these_rows_is_refused():
    model = SoftmaxRegression().fit(IRIS, Y)
    with pytest.raises(ValueError, match="not at the optimum of its objective on these rows"):
        approximate_leave_one_out(model, IRIS, Y, sample_weight=WEIGHT)
    with pytest.raises(ValueError, match="not among the model's classes_"):
        approximate_leave_one_out(model, IRIS, Y + 1)
    with pytest.raises(ValueError, match="features"):
        approximate_leave_one_out(model, IRIS[:, :3], Y)
    with pytest.raises(ValueError, match="requires y to be passed"):
        approximate_leave_one_out(model, IRIS, None)
    with pytest.raises(TypeError, match="fitted SoftmaxRegression"):
        approximate_leave_one_out(StandardScaler().fit(IRIS), IRIS, Y)
    stopped = SoftmaxRegression(early_stopping=True, random_state=0).fit(IRIS, Y)
    with pytest.raises(ValueError, match="early_stopping=True"):
        approximate_leave_one_out(stopped, IRIS, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_separable_classes_without_a_penalty_are_refused():
    X, y = np.arange(12.0)[:, None], np.arange(12) // 6
    model = SoftmaxRegression(np.inf).fit(X, y)
    with pytest.raises(ValueError, match="separable"):
        approximate_leave_one_out(model, X, y)


def test_frames_and_cross_validated_models_are_taken():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(IRIS, columns=list("abcd"))
    model = SoftmaxRegressionCV([0.5, 1.0], cv=3).fit(X, Y)
    found = approximate_leave_one_out(model, X, pd.Series(Y))
    plain = SoftmaxRegression(model.C_).fit(IRIS, Y)
    np.testing.assert_allclose(found, approximate_leave_one_out(plain, IRIS, Y), rtol=1e-3)


@pytest.mark.parametrize("l1_ratio", [0, 1])
def test_all_rows_may_be_fitted_on_to_the_exact_losses(l1_ratio, monkeypatch):
    """Zeros leave zero, and coefficients become zero, as they do in fits without the rows."""
    for module, name, value in ((leave_one_out, "FAR", 0), (refit, "LITTLE", 1e12)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(refit, "MOST_PASSES", 60)
    monkeypatch.setattr(refit, "MOST_ACROSS_KINKS", 400)
    monkeypatch.setattr(refit, "LAST_DECREASE", 1e-9)
    monkeypatch.setattr(free_parameters, "NEAR_STRENGTH", 1e-9)
    model = SoftmaxRegression(3.0 if l1_ratio else 30.0, l1_ratio=l1_ratio, tol=1e-11)
    model.fit(IRIS, Y, WEIGHT)
    found = approximate_leave_one_out(model, IRIS, Y, sample_weight=WEIGHT)
    exact = refitted_losses(model, IRIS, Y, WEIGHT)
    np.testing.assert_allclose(found, exact, rtol=2e-3, atol=1e-5)
