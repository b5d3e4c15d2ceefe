"""SoftmaxRegression: scikit-learn's contract, and LogisticRegression as the reference."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from registry import PROBLEMS, SOLVERS, draw, exponential_weights
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_class_weight_classifiers, parametrize_with_checks

from sksoftmax import SoftmaxRegression
from sksoftmax._solvers import STREAMS

N_CLASSES = pytest.mark.parametrize("n_classes", [2, 3, 10])
THROUGH_THE_ORIGIN = {
    "check_class_weight_classifiers": "blobs that lie on one side of the origin need an intercept"
}
CONFIGURATIONS = [
    SoftmaxRegression(),
    SoftmaxRegression(solver="gd"),
    SoftmaxRegression(solver="lbfgs", n_jobs=2),
    SoftmaxRegression(solver="newton"),
    SoftmaxRegression(solver="sgd"),
    SoftmaxRegression(solver="adam"),
    SoftmaxRegression(fit_intercept=False),
    SoftmaxRegression(class_weight="balanced", warm_start=True),
    SoftmaxRegression(C=100.0),
    SoftmaxRegression(label_smoothing=0.1),
]


MINI_BATCHES = {
    f"check_sample_weight_equivalence_on_{kind}_data": "batches hold other rows"
    for kind in ("dense", "sparse")
}


def expected_failures(estimator):
    through_the_origin = {} if estimator.fit_intercept else THROUGH_THE_ORIGIN
    return {**through_the_origin, **(MINI_BATCHES if estimator.solver in STREAMS else {})}


@parametrize_with_checks(CONFIGURATIONS, expected_failed_checks=expected_failures)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_the_expected_failure_is_that_of_any_classifier_through_the_origin():
    check_class_weight_classifiers("LogisticRegression", LogisticRegression())
    with pytest.raises(AssertionError):
        model = LogisticRegression(fit_intercept=False)
        check_class_weight_classifiers("LogisticRegression", model)


def tight(**options):
    return SoftmaxRegression(**{"tol": 1e-13, **options})


def reference(**options):
    return LogisticRegression(**{"solver": "newton-cholesky", "tol": 1e-12, **options})


def data(n_classes=3, n_rows=150, n_features=5, seed=0):
    return draw(n_rows, n_features, n_classes, noise=2.0, seed=seed)


def assert_same_model(one, other, atol=1e-9):
    assert_array_equal(one.classes_, other.classes_)
    assert_allclose(one.coef_, other.coef_, atol=atol)
    assert_allclose(one.intercept_, other.intercept_, atol=atol)


# -- LogisticRegression is the reference ----------------------------------------------------------


@pytest.mark.parametrize("solver", ["auto", "gd", "lbfgs", "newton"])
@pytest.mark.parametrize("C", [0.01, 1.0, 10.0])
@N_CLASSES
def test_coefficients_are_those_of_logistic_regression(n_classes, C, solver):
    X, y = data(n_classes)
    model = tight(C=C, solver=solver).fit(X, y)
    assert model.converged_
    expected = reference(C=C).fit(X, y)
    assert model.coef_.shape == expected.coef_.shape
    assert model.intercept_.shape == expected.intercept_.shape
    assert_same_model(model, expected, atol=1e-5)
    assert_allclose(model.predict_proba(X), expected.predict_proba(X), atol=1e-6)
    assert_allclose(model.decision_function(X), expected.decision_function(X), atol=1e-4)
    assert_array_equal(model.predict(X), expected.predict(X))


@pytest.mark.parametrize("options", [
    {"fit_intercept": False},
    {"class_weight": "balanced"},
    {"class_weight": {0: 3.0, 1: 0.5}},
    {"C": np.inf},
    {"C": np.inf, "fit_intercept": False},
])  # fmt: skip
@pytest.mark.parametrize("weighted", [False, True])
@N_CLASSES
def test_options_mean_what_they_mean_in_logistic_regression(n_classes, weighted, options):
    X, y = data(n_classes, n_rows=400)
    weight = exponential_weights(400) if weighted else None
    model = tight(**options).fit(X, y, sample_weight=weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its ways round singular Hessians
        expected = reference(**options).fit(X, y, sample_weight=weight)
    if np.isinf(model.C) and n_classes > 2:  # only differences between classes are determined
        for fitted in (model, expected):
            fitted.coef_ = fitted.coef_ - fitted.coef_.mean(axis=0)
    assert_same_model(model, expected, atol=2e-5)


@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, sp.csr_array])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_more_columns_than_rows_give_the_model_of_logistic_regression(
    n_classes, fit_intercept, kind
):
    X, y = data(n_classes, n_rows=20, n_features=70)
    X = X * np.logspace(-2, 1, 70) + (3 if fit_intercept else 0)
    weight = exponential_weights(20)
    options = {"C": 0.5, "fit_intercept": fit_intercept}
    expected = reference(**options).fit(X, y, sample_weight=weight)
    model = tight(warm_start=True, **options).fit(kind(X), y, sample_weight=weight)
    assert model.coef_.shape == expected.coef_.shape and model.n_features_in_ == 70
    assert_same_model(model, expected, atol=1e-5)
    steps = model.n_iter_
    assert model.fit(kind(X), y, sample_weight=weight).n_iter_ <= 1 < steps
    single = SoftmaxRegression(**options).fit(kind(X.astype(np.float32)), y, sample_weight=weight)
    assert single.coef_.dtype == np.float32
    assert_allclose(single.predict_proba(X), expected.predict_proba(X), atol=2e-2)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_is_known_whether_an_optimum_exists(n_classes, fit_intercept, weighted):
    X, y = data(n_classes, n_rows=60, n_features=2)
    weight = exponential_weights(60) if weighted else None
    model = SoftmaxRegression(C=np.inf, fit_intercept=fit_intercept)
    assert model.fit(X, y, sample_weight=weight).converged_  # the classes overlap: no warning
    y = (X @ np.random.default_rng(0).normal(size=(2, n_classes))).argmax(axis=1)
    for columns in (X, sp.csr_array(X), 1e6 * X, X * [1e-4, 1e4]):
        with pytest.warns(ConvergenceWarning, match="no optimum: the classes are separable"):
            model.fit(columns, y, sample_weight=weight)
        assert not model.converged_


def test_classes_that_overlap_are_not_called_separable():
    X, y = data(3, n_rows=60, n_features=2)
    with pytest.warns(ConvergenceWarning, match="increase max_iter"):
        SoftmaxRegression(C=np.inf, solver="newton", max_iter=1).fit(X * [1e-4, 1e4], y)


def test_the_objective_is_the_formula():
    X, y = data()
    weight = exponential_weights(len(y))
    model = tight(C=0.3).fit(X, y, sample_weight=weight)
    losses = -log_softmax(X @ model.coef_.T + model.intercept_, axis=1)[np.arange(len(y)), y]
    expected = (weight @ losses + np.sum(model.coef_**2) / (2 * 0.3)) / weight.sum()
    assert_allclose(model.objective_, expected, rtol=1e-12)


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("name", ["three classes", "binary", "scaled and offset columns", "wide"])
def test_the_promise_of_tol_is_kept(name, tol):
    problem = PROBLEMS[name]
    model = SoftmaxRegression(tol=tol).fit(problem.X, problem.y)
    best = SoftmaxRegression(tol=1e-10, solver="newton").fit(problem.X, problem.y).objective_
    assert model.converged_ and model.gap_ <= tol * model.objective_
    assert model.objective_ - best <= model.gap_ + 1e-9 * best


# -- ways to write the same data ------------------------------------------------------------------


def as_csr64(X):
    X = sp.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


SAME = {
    "list": np.ndarray.tolist,
    "fortran": np.asfortranarray,
    "csr": sp.csr_array,
    "csr matrix": sp.csr_matrix,
    "csc": sp.csc_array,
    "coo": sp.coo_array,
    "64-bit indices": as_csr64,
    "data frame": lambda X: pd.DataFrame(X, columns=list("abcdef")[: X.shape[1]]),
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
}


@pytest.mark.parametrize("convert", SAME.values(), ids=SAME)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_form_of_the_columns_does_not_matter(n_classes, convert):
    X, y = data(n_classes)
    X = np.where(X > 0, X, 0)
    expected = tight().fit(X, y)
    model = tight().fit(convert(X), y)
    assert_same_model(model, expected)
    assert_allclose(model.predict_proba(convert(X)), expected.predict_proba(X), atol=1e-9)
    assert_array_equal(model.predict(convert(X)), expected.predict(X))


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_single_precision_stays_single(n_classes, kind):
    X, y = data(n_classes)
    model = SoftmaxRegression().fit(kind(X.astype(np.float32)), y)
    assert model.coef_.dtype == model.intercept_.dtype == np.float32
    single = kind(X.astype(np.float32))
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        assert getattr(model, method)(single).dtype == np.float32
    expected = SoftmaxRegression().fit(X, y)
    assert_allclose(model.predict_proba(single), expected.predict_proba(X), atol=2e-3)
    assert expected.coef_.dtype == np.float64
    assert SoftmaxRegression().fit(np.round(X).astype(int), y).coef_.dtype == np.float64


LABELS = {
    "str": np.array(["ash", "birch", "cedar"]),
    "object": np.array(["ash", "birch", "cedar"], dtype=object),
    "float": np.array([-1.0, 0.0, 7.0]),
    "negative": np.array([-5, -3, 100]),
    "far apart": np.array([-(2**40), 0, 2**40]),
    "big": np.array([2**62, 2**62 + 1, 2**62 + 5]),
    **{
        np.dtype(t).name: np.array([np.iinfo(t).min, 5, np.iinfo(t).max], dtype=t)
        for t in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
    },
    "uint64, small": np.array([0, 3, 9], dtype=np.uint64),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("kind", ["array", "series"])
def test_labels_may_be_of_any_kind(labels, kind):
    X, y = data()
    expected = SoftmaxRegression().fit(X, y)
    named = labels[y]
    if kind == "series":
        named = pd.Series(named, index=np.arange(len(y)) * 3 + 7)
    model = SoftmaxRegression().fit(X, named)
    assert_array_equal(model.classes_, labels)
    assert_array_equal(model.predict(X), labels[expected.predict(X)])
    assert_allclose(model.coef_, expected.coef_, atol=1e-12)


@pytest.mark.parametrize(
    "labels", [np.array([False, True]), np.array(["no", "yes"]), np.array([1, -1])]
)
def test_the_second_class_is_the_larger_label(labels):
    X, y = data(2)
    model = SoftmaxRegression().fit(X, labels[y])
    assert_array_equal(model.classes_, np.sort(labels))
    positive = model.decision_function(X) > 0
    assert_array_equal(model.predict(X) == np.sort(labels)[1], positive)


def test_categories_of_pandas_are_labels():
    X, y = data()
    names = pd.Categorical(np.array(["c", "a", "b"])[y], categories=["c", "b", "a", "unused"])
    model = SoftmaxRegression().fit(X, pd.Series(names, index=range(1000, 1000 + len(y))))
    assert_array_equal(model.classes_, ["a", "b", "c"])
    assert set(model.predict(X)) == {"a", "b", "c"}


def test_a_column_of_labels_is_ravelled_with_a_warning():
    X, y = data()
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = SoftmaxRegression().fit(X, y[:, None])
    assert_same_model(model, SoftmaxRegression().fit(X, y))


def test_names_of_columns_are_kept_and_held_to():
    X, y = data()
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = SoftmaxRegression().fit(frame, y)
    assert_array_equal(model.feature_names_in_, list("abcde"))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict_proba(frame[list("edcba")])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict_proba(X)
    model.fit(X, y)
    assert not hasattr(model, "feature_names_in_")


# -- weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["auto", "gd", "lbfgs", "newton"])
@pytest.mark.parametrize("options", [{}, {"class_weight": "balanced"}, {"fit_intercept": False}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_are_repetitions(n_classes, options, solver):
    X, y = data(n_classes, n_rows=60)
    weight = np.random.default_rng(5).integers(0, 4, size=60)
    model = SoftmaxRegression(solver=solver, **options).fit(X, y, sample_weight=weight)
    again = SoftmaxRegression(solver=solver, **options)
    again.fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    assert_same_model(model, again)
    assert_allclose(model.objective_, again.objective_, rtol=1e-12)


def test_sparse_rows_without_a_zero_are_those_of_the_dense_matrix():
    X, y = np.random.default_rng(0).uniform(1, 2, (120, 3)), np.arange(120) % 40
    model = SoftmaxRegression(tol=1e-12)
    coef = [model.fit(kind(X), y).coef_ for kind in (np.asarray, sp.csr_array)]
    assert_allclose(*coef, atol=1e-5)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_rows_without_weight_leave_no_trace(kind):
    X, y = data()
    wild = np.vstack([X, np.full((3, 5), 1e9)])
    labels = np.append(y, [0, 1, 2])
    weight = np.append(np.ones(len(y)), [0, 0, 0])
    expected = SoftmaxRegression().fit(kind(X), y, sample_weight=np.ones(len(y)))
    model = SoftmaxRegression().fit(kind(wild), labels, sample_weight=weight)
    assert_array_equal(model.classes_, [0, 1, 2])
    assert_array_equal(model.coef_, expected.coef_)


@pytest.mark.parametrize("factor", [1e-6, 0.5, 1e6])
@N_CLASSES
def test_scaled_weights_are_a_scaled_C(n_classes, factor):
    X, y = data(n_classes)
    weight = exponential_weights(len(y))
    expected = SoftmaxRegression().fit(X, y, sample_weight=weight)
    model = SoftmaxRegression(C=1 / factor).fit(X, y, sample_weight=factor * weight)
    assert_same_model(model, expected, atol=1e-8)
    assert_allclose(model.objective_, expected.objective_, rtol=1e-10)


def test_one_number_is_the_weight_of_all_rows():
    X, y = data()
    one = SoftmaxRegression().fit(X, y, sample_weight=2)
    assert_same_model(one, SoftmaxRegression().fit(X, y, sample_weight=np.full(len(y), 2.0)))


def test_balanced_classes_have_the_same_weight():
    X, y = data()
    weight = exponential_weights(len(y))
    shares = np.bincount(y, weights=weight)
    factors = dict(enumerate(shares.sum() / (3 * shares)))
    balanced, weighted = (
        SoftmaxRegression(class_weight=kind).fit(X, y, sample_weight=weight)
        for kind in ("balanced", factors)
    )
    assert_same_model(balanced, weighted)


# -- steps, starts and threads ---------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["auto", "gd", "lbfgs", "newton"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_warm_start_continues(n_classes, fit_intercept, solver):
    X, y = data(n_classes)
    X = X + 3
    options = {"solver": solver, "fit_intercept": fit_intercept}
    model = SoftmaxRegression(warm_start=True, **options).fit(X, y)
    cold = model.n_iter_
    assert cold > 1
    first = model.objective_
    model.fit(X, y)
    assert model.n_iter_ <= 1 and model.objective_curve_[0] <= first * (1 + 1e-12)
    model.sparsify().fit(X, y)
    assert model.n_iter_ <= 1
    model.set_params(C=1.1).fit(X, y)
    assert model.n_iter_ <= cold
    other = SoftmaxRegression(C=1.1, **options).fit(X, y)
    assert_allclose(model.objective_, other.objective_, rtol=2e-6)
    assert SoftmaxRegression(**options).fit(X, y).fit(X, y).n_iter_ == cold


def test_a_warm_start_from_a_shifted_model_keeps_the_promise():
    X, y = data()
    best = tight(C=10.0).fit(X, y).objective_
    model = SoftmaxRegression(C=10.0, tol=1e-4, warm_start=True).fit(X, y)
    model.coef_ = model.coef_ + 10  # of all classes: the same probabilities, another penalty
    model.fit(X, y)
    assert not model.converged_ or model.objective_ - best <= 1e-4 * model.objective_


def test_intercepts_sum_to_zero_wherever_a_start_is():
    X, y = data()
    model = SoftmaxRegression(warm_start=True).fit(X, y)
    expected = model.predict_proba(X)
    model.intercept_ = model.intercept_ + 5
    model.fit(X, y)
    assert_allclose(model.intercept_.sum(), 0, atol=1e-12)
    assert_allclose(model.predict_proba(X), expected, atol=1e-3)


def test_a_warm_start_refuses_other_classes_and_columns():
    X, y = data()
    model = SoftmaxRegression(warm_start=True).fit(X, y)
    before = copy.deepcopy(vars(model))
    with pytest.raises(ValueError, match="warm_start needs the classes"):
        model.fit(X, y + 1)
    with pytest.raises(ValueError, match="warm_start needs the 5 features"):
        model.fit(X[:, :3], y)
    assert_same_state(vars(model), before)
    model.set_params(warm_start=False).fit(X[:, :3], y + 1)
    assert model.coef_.shape == (3, 3)


@pytest.mark.parametrize("n_jobs", [2, -1])
@pytest.mark.parametrize("name", ["many rows", "forty classes, offset columns"])
def test_threads_do_not_change_a_bit(n_jobs, name):
    problem = PROBLEMS[name]
    one = SoftmaxRegression(n_jobs=1).fit(problem.X, problem.y)
    model = SoftmaxRegression(n_jobs=n_jobs).fit(problem.X, problem.y)
    assert_array_equal(model.coef_, one.coef_)
    assert_array_equal(model.intercept_, one.intercept_)
    assert_array_equal(model.objective_curve_, one.objective_curve_)


@pytest.mark.parametrize("solver", ["auto", "gd", "lbfgs", "newton"])
def test_running_out_of_steps_warns_and_says_what_to_do(solver):
    X, y = data(10)
    for n_steps in (0, 2):
        model = SoftmaxRegression(solver=solver, max_iter=n_steps, tol=1e-9)
        with pytest.warns(ConvergenceWarning, match="increase max_iter") as w:
            model.fit(X, y)
        assert len(w) == 1 and w[0].filename == __file__
        assert f"After {n_steps} steps" in str(w[0].message)
        assert model.n_iter_ == n_steps and not model.converged_
        assert model.gap_ > 1e-9 * model.objective_


def test_what_is_proved_is_said_where_tol_is_not_reached():
    X, y = data(3)
    with pytest.warns(ConvergenceWarning, match=r"within \d.\de-\d+ of.*tol=1e-12 was asked") as w:
        SoftmaxRegression(solver="gd", max_iter=5, tol=1e-12).fit(X, y)
    assert len(w) == 1


def test_separable_classes_without_a_penalty_warn_of_it():
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    with pytest.warns(ConvergenceWarning, match="(?i)separable.*give C a finite value"):
        model = SoftmaxRegression(C=np.inf, max_iter=30).fit(X, [0, 0, 1, 1])
    assert model.gap_ == np.inf and np.isfinite(model.coef_).all()
    assert_array_equal(model.predict(X), [0, 0, 1, 1])


@pytest.mark.parametrize("solver", ["auto", "gd", "lbfgs", "newton"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_separable_classes_without_a_penalty_never_break_a_solver(n_classes, solver):
    X, y = draw(8, 5, n_classes, noise=0.1)
    model = SoftmaxRegression(C=np.inf, fit_intercept=False, solver=solver)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    assert np.isfinite(model.coef_).all()


def test_fitted_attributes_are_of_their_kind():
    X, y = data(4)
    model = SoftmaxRegression().fit(X, y)
    assert type(model.n_iter_) is int and type(model.converged_) is bool
    assert isinstance(model.objective_, float) and isinstance(model.gap_, float)
    assert model.objective_curve_.shape == (model.n_iter_ + 1,)
    assert model.objective_curve_[-1] == model.objective_
    assert model.solver_ in SOLVERS and model.n_features_in_ == 5
    assert_allclose(model.coef_.sum(axis=0), 0, atol=1e-8)
    assert_allclose(model.intercept_.sum(), 0, atol=1e-12)
    assert SoftmaxRegression(fit_intercept=False).fit(X, y).intercept_.tolist() == [0] * 4


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_start_is_the_frequencies_of_the_classes(n_classes):
    X, y = data(n_classes)
    weight = exponential_weights(len(y))
    share = np.bincount(y, weights=weight) / weight.sum()
    model = SoftmaxRegression(solver="lbfgs").fit(X, y, sample_weight=weight)
    assert_allclose(model.objective_curve_[0], -share @ np.log(share), rtol=1e-12)


# -- prediction -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [1, 50, 5000])
@pytest.mark.parametrize("n_classes", [2, 3, 40])
def test_predictions_agree_with_each_other(n_classes, n_rows):
    X, y = data(n_classes, n_rows=300)
    model = SoftmaxRegression(tol=1e-3).fit(X, y)
    rows = np.resize(X, (n_rows, 5))
    proba = model.predict_proba(rows)
    assert proba.shape == (n_rows, n_classes)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert_array_equal(model.predict(rows), model.classes_[proba.argmax(axis=1)])
    assert_allclose(np.exp(model.predict_log_proba(rows)), proba, rtol=1e-12)
    scores = rows @ model.coef_.T + model.intercept_
    decision = model.decision_function(rows)
    assert decision.shape == ((n_rows,) if n_classes == 2 else (n_rows, n_classes))
    assert_allclose(decision, scores.ravel() if n_classes == 2 else scores, atol=1e-12)
    wide = np.column_stack([np.zeros(n_rows), scores]) if n_classes == 2 else scores
    assert_allclose(model.predict_log_proba(rows), log_softmax(wide, axis=1), atol=1e-11)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_one_row_is_like_many(method, n_classes, kind):
    X, y = data(n_classes)
    model = SoftmaxRegression().fit(X, y)
    together = getattr(model, method)(kind(X))
    alone = [getattr(model, method)(kind(X[i : i + 1]))[0] for i in range(20)]
    if method == "predict":
        assert_array_equal(alone, together[:20])
    else:
        assert_allclose(alone, together[:20], rtol=1e-12, atol=1e-13)
    assert len(getattr(model, method)(kind(np.resize(X, (9000, 5))))) == 9000


@pytest.mark.parametrize("n_classes", [2, 3])
def test_log_probabilities_are_exact_where_probabilities_underflow(n_classes):
    X, y = data(n_classes)
    model = SoftmaxRegression().fit(X, y)
    far = 1e5 * X[:20]
    logs = model.predict_log_proba(far)
    scores = far @ model.coef_.T + model.intercept_
    wide = np.column_stack([np.zeros(20), scores]) if n_classes == 2 else scores
    assert (model.predict_proba(far) == 0).any() and np.isfinite(logs).all()
    assert_allclose(logs, log_softmax(wide, axis=1), rtol=1e-9, atol=1e-12)
    near = 60 * X[:20]  # top classes so certain that log(probability) is lost in rounding
    wide = (near @ model.coef_.T + model.intercept_).astype(np.longdouble)
    wide = np.column_stack([np.zeros(20), wide]) if n_classes == 2 else wide
    others = np.sort(wide - wide.max(axis=1, keepdims=True), axis=1)[:, :-1]
    expected = -np.log1p(np.exp(others).sum(axis=1)).astype(float)
    assert_allclose(model.predict_log_proba(near).max(axis=1), expected, rtol=1e-8)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_sparse_coefficients_predict_the_same(kind, n_classes):
    X, y = data(n_classes)
    model = SoftmaxRegression().fit(X, y)
    expected, coef = model.predict_proba(X), model.coef_.copy()
    labels, scores = model.predict(X), model.decision_function(X)
    assert model.sparsify() is model and sp.issparse(model.coef_)
    assert_allclose(model.predict_proba(kind(X)), expected, rtol=1e-12)
    assert_allclose(model.decision_function(kind(X)), scores, atol=1e-12)
    assert_array_equal(model.predict(kind(X)), labels)
    assert_allclose(model.to_sklearn().predict_proba(X), expected, rtol=1e-12)
    assert model.densify() is model
    assert_array_equal(model.densify().coef_, coef)


@pytest.mark.parametrize("n_classes", [2, 3, 40])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, np.float32])
@pytest.mark.parametrize("n_used, density", [(0, 1), (1, 1), (60, 0.5), (200, 0.01), (200, 1)])
def test_however_few_are_not_zero_they_predict_the_same(n_used, density, kind, n_classes):
    random = np.random.default_rng(0)
    X = kind(random.standard_normal((30, 200)))
    model, n_scores = SoftmaxRegression(), 1 if n_classes == 2 else n_classes
    model.classes_, model.n_features_in_ = np.arange(n_classes), 200
    model.intercept_ = random.standard_normal(n_scores)
    used = np.isin(np.arange(200), random.permutation(200)[:n_used])
    kept = used & (random.random((n_scores, 200)) < density)
    model.coef_ = random.standard_normal((n_scores, 200)) * kept
    for rows in (X, X[:2]):
        expected = model.densify().predict_log_proba(rows), model.decision_function(rows)
        for made in (sp.csr_array, sp.csc_array):
            model.coef_ = made(model.densify().coef_)
            assert_allclose(model.predict_log_proba(rows), expected[0], rtol=1e-9, atol=1e-12)
            assert_allclose(model.decision_function(rows), expected[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"C": 0.1, "class_weight": "balanced"}, {"C": np.inf}])
@N_CLASSES
def test_to_sklearn_predicts_the_same(n_classes, options):
    X, y = data(n_classes, n_rows=400)
    names = np.array(list("abcdefghij"))[y]
    frame = pd.DataFrame(X, columns=list("pqrst"))
    model = SoftmaxRegression(**options).fit(frame, names)
    plain = model.to_sklearn()
    assert type(plain) is LogisticRegression
    assert_array_equal(plain.predict(frame), model.predict(frame))
    assert_allclose(plain.predict_proba(frame), model.predict_proba(frame), atol=1e-13)
    assert plain.get_params()["C"] == model.C and plain.class_weight == model.class_weight
    plain.coef_[:] = 0
    assert model.coef_.any()


@pytest.mark.parametrize(
    "method",
    ["predict", "predict_proba", "predict_log_proba", "decision_function", "to_sklearn",
     "sparsify", "densify"],
)  # fmt: skip
def test_nothing_is_predicted_before_fit(method):
    arguments = [] if method in ("to_sklearn", "sparsify", "densify") else [np.ones((2, 2))]
    with pytest.raises(NotFittedError, match="SoftmaxRegression"):
        getattr(SoftmaxRegression(), method)(*arguments)


PREDICTION_ERRORS = {
    "nan": (np.full((2, 5), np.nan), ValueError, "NaN"),
    "infinity": (np.full((2, 5), np.inf), ValueError, "infinity"),
    "too few columns": (np.ones((2, 4)), ValueError, "4 features"),
    "no rows": (np.ones((0, 5)), ValueError, "0 sample"),
    "one dimension": (np.ones(5), ValueError, "2D array"),
    "complex": (np.ones((2, 5)) * 1j, ValueError, "Complex"),
    "words": (np.array([["a"] * 5]), ValueError, "could not convert"),
}


@pytest.mark.parametrize("X, error, message", PREDICTION_ERRORS.values(), ids=PREDICTION_ERRORS)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_bad_rows_are_refused(method, X, error, message):
    model = SoftmaxRegression().fit(*data())
    with pytest.raises(error, match=message):
        getattr(model, method)(X)


# -- bad input ------------------------------------------------------------------------------------

GOOD_X, GOOD_Y = data()
ROWS = len(GOOD_Y)


def with_value(value):
    X = GOOD_X.copy()
    X[3, 2] = value
    return X


BAD_PARAMETERS = {
    "C zero": ({"C": 0}, ValueError, "C must be a number > 0"),
    "C negative": ({"C": -1.0}, ValueError, "C must be a number > 0"),
    "C nan": ({"C": np.nan}, ValueError, "C must be"),
    "C text": ({"C": "1"}, TypeError, "C must be"),
    "C bool": ({"C": True}, TypeError, "C must be"),
    "C None": ({"C": None}, TypeError, "C must be"),
    "C array": ({"C": np.ones(3)}, TypeError, "C must be"),
    "tol negative": ({"tol": -1e-6}, ValueError, "tol must be a number >= 0"),
    "tol nan": ({"tol": np.nan}, ValueError, "tol must be"),
    "tol bool": ({"tol": False}, TypeError, "tol must be"),
    "label_smoothing one": ({"label_smoothing": 1.0}, ValueError, "a number >= 0 and < 1"),
    "label_smoothing negative": ({"label_smoothing": -0.1}, ValueError, "label_smoothing must"),
    "label_smoothing text": ({"label_smoothing": "0.1"}, TypeError, "label_smoothing must"),
    "max_iter negative": ({"max_iter": -1}, ValueError, "max_iter must be an integer >= 0"),
    "max_iter float": ({"max_iter": 10.0}, TypeError, "max_iter must be an integer"),
    "early_stopping": ({"early_stopping": 1}, TypeError, "early_stopping must be True or False"),
    "validation_fraction 0": ({"validation_fraction": 0}, ValueError, "a number > 0 and < 1"),
    "validation_fraction 1": ({"validation_fraction": 1.0}, ValueError, "validation_fraction must"),
    "n_iter_no_change zero": ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change must be"),
    "n_iter_no_change half": ({"n_iter_no_change": 0.5}, TypeError, "n_iter_no_change must be"),
    "random_state": ({"random_state": "x", "early_stopping": True}, ValueError, "seed"),
    "verbose negative": ({"verbose": -1}, ValueError, "verbose must be"),
    "verbose text": ({"verbose": "yes"}, TypeError, "verbose must be"),
    "fit_intercept": ({"fit_intercept": 1}, TypeError, "fit_intercept must be True or False"),
    "warm_start": ({"warm_start": "no"}, TypeError, "warm_start must be True or False"),
    "solver unknown": ({"solver": "magic"}, ValueError, "solver must be one of.*'auto'"),
    "solver None": ({"solver": None}, ValueError, "solver must be one of"),
    "solver foreign": ({"solver": "saga"}, ValueError, "'saga'.*scikit-learn.*'auto'"),
    "solver liblinear": ({"solver": "liblinear"}, ValueError, "'liblinear'.*'newton'"),
    "class_weight text": ({"class_weight": "even"}, ValueError, "class_weight must be"),
    "class_weight list": ({"class_weight": [1, 2, 3]}, ValueError, "class_weight must be"),
    "class_weight negative": ({"class_weight": {0: -1}}, ValueError, "must be finite and not neg"),
    "class_weight zero": ({"class_weight": {0: 0, 1: 0, 2: 0}}, ValueError, "no sample any weight"),
    "class_weight nan": ({"class_weight": {0: np.nan}}, ValueError, "class_weight must be finite"),
    "class_weight text value": ({"class_weight": {0: "a"}}, TypeError, "class_weight must hold n"),
    "class_weight unknown": ({"class_weight": {77: 2}}, ValueError, "class_weight"),
    "learning_rate text": ({"learning_rate": "best"}, ValueError, "learning_rate must be 'auto'"),
    "learning_rate zero": ({"learning_rate": 0.0}, ValueError, "learning_rate must be a num"),
    "learning_rate infinite": ({"learning_rate": np.inf}, ValueError, "learning_rate must be fin"),
    "learning_rate None": ({"learning_rate": None}, TypeError, "learning_rate must be"),
    "batch_size text": ({"batch_size": "all"}, ValueError, "batch_size must be 'auto'"),
    "batch_size zero": ({"batch_size": 0}, ValueError, "batch_size must be an integer >= 1"),
    "batch_size fraction": ({"batch_size": 1.5}, TypeError, "batch_size must be an integer"),
    "n_jobs zero": ({"n_jobs": 0}, ValueError, "n_jobs"),
    "C out of range": ({"C": 1e-320}, ValueError, "C=1e-320 is too small"),
    "n_jobs text": ({"n_jobs": "two"}, TypeError, "n_jobs"),
    "n_jobs fraction": ({"n_jobs": 1.5}, TypeError, "n_jobs"),
}
BAD_DATA = {
    "X nan": ((with_value(np.nan), GOOD_Y), ValueError, "X contains NaN"),
    "X infinite": ((with_value(np.inf), GOOD_Y), ValueError, "X contains infinity"),
    "X sparse nan": ((sp.csr_array(with_value(np.nan)), GOOD_Y), ValueError, "X contains NaN"),
    "X flat": ((GOOD_X[:, 0], GOOD_Y), ValueError, "2D array"),
    "X cube": ((GOOD_X[None], GOOD_Y[:1]), ValueError, "dim 3"),
    "X complex": ((GOOD_X * 1j, GOOD_Y), ValueError, "Complex data"),
    "X words": ((GOOD_X.astype(str).astype(object) + "x", GOOD_Y), ValueError, "convert"),
    "X no columns": ((GOOD_X[:, :0], GOOD_Y), ValueError, "0 feature"),
    "X no rows": ((GOOD_X[:0], GOOD_Y[:0]), ValueError, "0 sample"),
    "y short": ((GOOD_X, GOOD_Y[:-1]), ValueError, "inconsistent numbers of samples"),
    "y None": ((GOOD_X, None), ValueError, "requires y to be passed"),
    "y nan": ((GOOD_X, np.where(GOOD_Y, GOOD_Y, np.nan)), ValueError, "y contains NaN"),
    "y continuous": ((GOOD_X, GOOD_X[:, 0]), ValueError, "Unknown label type"),
    "y two columns": ((GOOD_X, GOOD_X[:, :2]), ValueError, "row 0 is none, an entry is -"),
    "y two labels": ((GOOD_X, np.stack([GOOD_Y] * 2, 1)), ValueError, "labels are one for each"),
    "y one class": ((GOOD_X, 0 * GOOD_Y), ValueError, "only one class"),
    "weight short": ((GOOD_X, GOOD_Y, np.ones(ROWS - 1)), ValueError, "inconsistent numbers"),
    "weight square": ((GOOD_X, GOOD_Y, np.ones((ROWS, 2))), ValueError, "sample_weight must be 1d"),
    "weight text": ((GOOD_X, GOOD_Y, ["a"] * ROWS), ValueError, "sample_weight must be numbers"),
    "weight nan": ((GOOD_X, GOOD_Y, np.full(ROWS, np.nan)), ValueError, "sample_weight contains N"),
    "weight infinite": ((GOOD_X, GOOD_Y, np.full(ROWS, np.inf)), ValueError, "sample_weight cont"),
    "weight negative": ((GOOD_X, GOOD_Y, 1 - GOOD_Y), ValueError, "Negative sample_weight"),
    "weight zero": ((GOOD_X, GOOD_Y, np.zeros(ROWS)), ValueError, "sample_weight are zero"),
    "weight words": ((GOOD_X, GOOD_Y, ["a"] * ROWS), ValueError, "could not convert"),
    "weight complex": ((GOOD_X, GOOD_Y, np.ones(ROWS) * 1j), ValueError, "Complex"),
}


def assert_same_state(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert type(value) is type(other[name]), name
        assert_array_equal(value, other[name], err_msg=name)


@pytest.mark.parametrize("options, error, message", BAD_PARAMETERS.values(), ids=BAD_PARAMETERS)
def test_bad_parameters_are_refused_and_change_nothing(options, error, message):
    model = SoftmaxRegression().fit(GOOD_X, GOOD_Y).set_params(**options)
    before, proba = copy.deepcopy(vars(model)), model.predict_proba(GOOD_X)
    with pytest.raises(error, match=message) as caught:
        model.fit(GOOD_X[:, :3], GOOD_Y)
    assert caught.type is error
    assert_same_state(vars(model), before)
    assert_array_equal(model.predict_proba(GOOD_X), proba)


@pytest.mark.parametrize("arguments, error, message", BAD_DATA.values(), ids=BAD_DATA)
def test_bad_data_are_refused_and_change_nothing(arguments, error, message):
    model = SoftmaxRegression().fit(pd.DataFrame(GOOD_X, columns=list("abcde")), GOOD_Y)
    before = copy.deepcopy(vars(model))
    with pytest.raises(error, match=message) as caught:
        model.fit(*arguments)
    assert caught.type is error
    assert_same_state(vars(model), before)


def test_unknown_parameters_are_refused_by_name():
    for name in ("dual", "intercept_scaling", "multi_class", "l2"):
        with pytest.raises(TypeError, match=name):
            SoftmaxRegression(**{name: 1})


# -- scikit-learn's tools -------------------------------------------------------------------------


def test_models_can_be_cloned_pickled_and_copied():
    X, y = data()
    model = SoftmaxRegression(C=0.5, solver="gd", n_jobs=2).fit(X, y)
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "coef_")
    kept = vars(model) | {"time_curve_": None}
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert_same_state(vars(other), kept)
        assert_array_equal(other.predict_proba(X), model.predict_proba(X))


def test_pipelines_and_grid_searches_choose_as_with_logistic_regression():
    X, y = load_iris(return_X_y=True)
    chosen = []
    for model in (SoftmaxRegression(tol=1e-9), LogisticRegression(tol=1e-9, max_iter=1000)):
        pipeline = make_pipeline(StandardScaler(), model)
        grid = {f"{pipeline.steps[-1][0]}__C": [1e-3, 1e-1, 10.0]}
        search = GridSearchCV(pipeline, grid, cv=3, scoring="neg_log_loss").fit(X, y)
        chosen.append(search.cv_results_["mean_test_score"])
    assert_allclose(chosen[0], chosen[1], rtol=1e-4)


def test_fitting_leaves_the_data_alone():
    X, y = data()
    weight = exponential_weights(len(y))
    before = [part.copy() for part in (X, y, weight)]
    for part in (X, y, weight):
        part.flags.writeable = False
    SoftmaxRegression(class_weight="balanced").fit(X, y, sample_weight=weight).predict_proba(X)
    for part, old in zip((X, y, weight), before, strict=True):
        assert_array_equal(part, old)
