"""SoftmaxRegressionCV(cv="loo"): the losses of approximate leave-one-out choose along the path."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import LeaveOneOut
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksoftmax import SoftmaxRegression, SoftmaxRegressionCV, approximate_leave_one_out

X, Y = load_iris(return_X_y=True)
X, Y = X[::3], np.array(["red", "blue", "green"])[Y[::3]]
WEIGHT = np.random.default_rng(0).integers(0, 4, len(Y)).astype(float)
ZERO = {"red": 0, "blue": 2, "green": 1}


@parametrize_with_checks([SoftmaxRegressionCV(3, cv="loo")])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("class_weight", [None, "balanced", ZERO])
def test_scores_are_weighted_means_of_the_losses(class_weight):
    options = dict(class_weight=class_weight, tol=1e-10)
    model = SoftmaxRegressionCV([0.1, 1.0], l1_ratios=[0, 0.7], cv="loo", **options)
    model.fit(X, Y, sample_weight=WEIGHT)
    assert model.scores_.shape == model.n_iter_.shape == (1, 2, 2)
    for ratio, l1_ratio in enumerate([0, 0.7]):
        for index, C in enumerate([0.1, 1.0]):
            fit = SoftmaxRegression(C, l1_ratio=l1_ratio, **options).fit(X, Y, WEIGHT)
            losses = approximate_leave_one_out(fit, X, Y, sample_weight=WEIGHT)
            expected = -np.average(losses, weights=WEIGHT)
            np.testing.assert_allclose(model.scores_[0, ratio, index], expected, rtol=1e-4)
            if class_weight != ZERO:  # a class without weight is nan in a fold
                shown = model.coefs_paths_[0, ratio, index]
                np.testing.assert_array_equal(shown, model.coef_path_[ratio, index])


def test_the_choice_is_that_of_leaving_each_row_out():
    Cs = np.logspace(-1, 3, 5)
    fast = SoftmaxRegressionCV(Cs, cv="loo").fit(X, Y)
    slow = SoftmaxRegressionCV(Cs, cv=LeaveOneOut()).fit(X, Y)
    np.testing.assert_allclose(fast.scores_[0], slow.scores_.mean(axis=0), rtol=0.01)
    assert fast.C_ == slow.C_
    np.testing.assert_allclose(fast.coef_, slow.coef_, rtol=1e-3)


def test_one_standard_error_is_that_of_the_mean_over_rows():
    Cs = np.logspace(-2, 2, 9)
    few = X[:, :2]
    model = SoftmaxRegressionCV(Cs, cv="loo", rule="1se", tol=1e-9).fit(few, Y)
    losses = np.array([
        approximate_leave_one_out(SoftmaxRegression(C, tol=1e-9).fit(few, Y), few, Y)
        for C in Cs
    ])  # fmt: skip
    best = losses.mean(axis=1).argmin()
    error = losses[best].std(ddof=1) / np.sqrt(len(Y))
    within = losses.mean(axis=1) <= losses[best].mean() + error
    assert model.C_ == Cs[np.flatnonzero(within)[0]] < Cs[best]


def test_a_weight_is_known_to_the_standard_error_as_repetition():
    weight, Cs = np.full(len(Y), 2.0), np.logspace(-2, 2, 9)
    weighted = SoftmaxRegressionCV(Cs, cv="loo", rule="1se").fit(X, Y, weight)
    single = SoftmaxRegressionCV(2 * Cs, cv="loo", rule="1se").fit(X, Y)
    # The same losses, of twice as many rows: the bar is shorter by a root of two.
    np.testing.assert_allclose(weighted.scores_, single.scores_, rtol=1e-3)
    assert 2 * weighted.C_ >= single.C_


def test_sparse_rows_and_the_mean_over_folds_are_the_same():
    dense = SoftmaxRegressionCV([0.1, 1.0], l1_ratios=[0, 1], cv="loo").fit(X, Y)
    sparse = clone(dense).fit(sp.csr_matrix(X), Y)
    np.testing.assert_allclose(sparse.scores_, dense.scores_, rtol=1e-4)
    mean = clone(dense).set_params(refit=False).fit(X, Y)
    np.testing.assert_allclose(mean.coef_, dense.coef_, atol=1e-12)


def test_what_it_cannot_do_is_refused_with_what_to_write():
    for scoring in ("accuracy", None, "neg_brier_score", lambda model, X, y: 0.0):
        with pytest.raises(ValueError, match="scoring='neg_log_loss'"):
            SoftmaxRegressionCV(cv="loo", scoring=scoring).fit(X, Y)
    with pytest.raises(ValueError, match="LeaveOneGroupOut"):
        SoftmaxRegressionCV(cv="loo").fit(X, Y, groups=np.arange(len(Y)))
    with pytest.raises(ValueError, match="at least 2 classes"):
        SoftmaxRegressionCV(cv="loo").fit(X, Y, sample_weight=(Y == "red").astype(float))
    many = sp.random(1500, 1500, density=0.01, format="csr", random_state=0)
    with pytest.raises(ValueError, match="3002 coefficients"):
        SoftmaxRegressionCV(cv="loo").fit(many, np.arange(1500) % 3)


def test_metadata_routing_has_no_splitter_to_route_to():
    routing = SoftmaxRegressionCV(cv="loo").get_metadata_routing()
    assert "scorer" in str(routing)
