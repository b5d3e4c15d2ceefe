"""Soft targets and label smoothing: a row is one row of each class, weighted by its share."""

import copy
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from registry import draw, exponential_weights
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

from sksoftmax import GroupLasso, SoftmaxRegression

ROUGH = {"l1_ratio": 0.5, "C": 0.1}
SOLVERS = {
    "auto": {"solver": "auto"},
    "gd": {"solver": "gd"},
    "lbfgs": {"solver": "lbfgs"},
    "newton": {"solver": "newton"},
    "proximal": {"solver": "proximal", **ROUGH},
    "group lasso": {"solver": "auto", "penalty": GroupLasso(), **ROUGH},
}
SOLVER = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
N_CLASSES = pytest.mark.parametrize("n_classes", [2, 4])


def soft_data(n_classes, n_rows=60, concentration=0.5, seed=0):
    X, y = draw(n_rows, 5, n_classes, seed=seed)
    rng = np.random.default_rng(seed + 1)
    target = rng.dirichlet(np.full(n_classes, concentration), size=n_rows)
    target[::4] = np.eye(n_classes)[y[::4]]  # some rows are certain
    return X, target


def repeated(X, target, weight=None):
    """A row for each class, weighted by the class's share of it."""
    n_rows, n_classes = target.shape
    weight = np.ones(n_rows) if weight is None else weight
    rows = np.repeat(np.arange(n_rows), n_classes)
    return X[rows], np.tile(np.arange(n_classes), n_rows), (weight[:, None] * target).ravel()


def assert_same_model(one, other, atol=1e-7):
    assert_array_equal(one.classes_, other.classes_)
    assert one.converged_ == other.converged_
    assert_allclose(one.objective_, other.objective_, rtol=1e-10)
    assert_allclose(one.coef_, other.coef_, atol=atol)
    assert_allclose(one.intercept_, other.intercept_, atol=atol)


OPTIONS = {
    "plain": {},
    "balanced": {"class_weight": "balanced"},
    "class weights": {"class_weight": {0: 3.0, 1: 0.2}},
    "through the origin": {"fit_intercept": False},
    "smoothed": {"label_smoothing": 0.2},
    "smoothed, balanced": {"label_smoothing": 0.2, "class_weight": "balanced"},
}


@SOLVER
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@N_CLASSES
def test_soft_targets_are_weighted_rows(n_classes, weighted, options, solver):
    X, target = soft_data(n_classes)
    weight = exponential_weights(len(X)) if weighted else None
    model = SoftmaxRegression(tol=1e-10, **solver, **options)
    again = copy.copy(model).fit(*repeated(X, target, weight))
    assert_same_model(model.fit(X, target, sample_weight=weight), again)
    assert model.coef_.shape == ((1, 5) if n_classes == 2 else (n_classes, 5))


@SOLVER
@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3.0}])
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@N_CLASSES
def test_smoothed_labels_are_the_soft_targets_of_the_formula(n_classes, kind, class_weight, solver):
    X, y = draw(80, 5, n_classes)
    share, weight = 0.15, exponential_weights(80)
    target = (1 - share) * np.eye(n_classes)[y] + share / n_classes
    model = SoftmaxRegression(tol=1e-10, class_weight=class_weight, **solver)
    expected = copy.copy(model).fit(kind(X), target, weight)
    assert_same_model(model.set_params(label_smoothing=share).fit(kind(X), y, weight), expected)


@pytest.mark.parametrize("solver", ["auto", "gd", "lbfgs", "newton", "proximal"])
@pytest.mark.parametrize("class_weight", [None, {0: 4.0}])
@N_CLASSES
def test_the_objective_is_the_formula(n_classes, class_weight, solver):
    X, target = soft_data(n_classes)
    factors = np.ones(n_classes)
    factors[0] = 4.0 if class_weight else 1.0
    model = SoftmaxRegression(C=0.3, solver=solver, class_weight=class_weight).fit(X, target)
    scores = X @ model.coef_.T + model.intercept_
    scores = np.column_stack([np.zeros(len(X)), scores]) if n_classes == 2 else scores
    losses = -np.sum(factors * target * log_softmax(scores, axis=1), axis=1)
    total = (target @ factors).sum()
    expected = (losses.sum() + np.sum(model.coef_**2) / (2 * 0.3)) / total
    assert_allclose(model.objective_, expected, rtol=1e-12)


@N_CLASSES
def test_certain_targets_are_labels(n_classes):
    X, y = draw(60, 5, n_classes)
    expected = SoftmaxRegression(tol=1e-10).fit(X, y)
    model = SoftmaxRegression(tol=1e-10).fit(X, np.eye(n_classes)[y])
    assert_same_model(model, expected)
    assert_array_equal(model.objective_curve_.shape, expected.objective_curve_.shape)
    assert model.score(X, y) == np.mean(model.predict(X) == y)


FORMS = {
    "list": np.ndarray.tolist,
    "list of rows": list,
    "fortran": np.asfortranarray,
    "strided": lambda target: np.repeat(target, 2, axis=1)[:, ::2],
    "pandas": pd.DataFrame,
    "float32 X": None,
}


@pytest.mark.parametrize("convert", FORMS.values(), ids=FORMS)
@N_CLASSES
def test_the_form_of_soft_targets_does_not_matter(n_classes, convert):
    X, target = soft_data(n_classes)
    expected = SoftmaxRegression(tol=1e-8).fit(X, target)
    if convert is None:
        single = SoftmaxRegression(tol=1e-8).fit(X.astype(np.float32), target.astype(np.float32))
        assert single.coef_.dtype == np.float32 and single.converged_
        assert_allclose(single.coef_, expected.coef_, atol=1e-5)
        return
    before = target.copy()
    model = SoftmaxRegression(tol=1e-8).fit(X, convert(target))
    assert_same_model(model, expected, atol=0)
    assert_array_equal(target, before)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
@N_CLASSES
def test_columns_of_a_frame_name_the_classes(n_classes, frame):
    X, target = soft_data(n_classes)
    names = ["cedar", "ash", "elm", "birch"][:n_classes]
    model = SoftmaxRegression(tol=1e-8).fit(X, frame(dict(zip(names, target.T, strict=True))))
    assert_array_equal(model.classes_, sorted(names))
    expected = SoftmaxRegression(tol=1e-8).fit(X, target)
    order = np.argsort(names)
    assert_allclose(model.predict_proba(X), expected.predict_proba(X)[:, order], atol=1e-4)
    assert_array_equal(model.predict(X), np.array(names)[expected.predict(X)])
    assert model.score(X, model.predict(X)) == 1


@pytest.mark.parametrize("n_classes", [3, 4])
def test_a_class_without_any_probability_has_no_part_in_the_others(n_classes):
    X, target = soft_data(n_classes)
    wider = np.insert(target, 1, 0.0, axis=1)
    model = SoftmaxRegression(tol=1e-8).fit(X, wider)
    assert_array_equal(model.classes_, np.arange(n_classes + 1))
    expected = SoftmaxRegression(tol=1e-8).fit(X, target)
    assert_allclose(np.delete(model.coef_, 1, axis=0), expected.coef_, rtol=1e-12)
    assert not model.coef_[1].any()


def test_rows_without_weight_leave_no_trace_whatever_their_target():
    X, target = soft_data(3)
    expected = SoftmaxRegression().fit(X, target, np.ones(60))
    wild = np.vstack([target, [[0.0, 0.0, 0.0], [9.0, -1.0, 0.5]]])
    weight = np.append(np.ones(60), [0.0, 0.0])
    model = SoftmaxRegression().fit(np.vstack([X, 1e9 * X[:2]]), wild, weight)
    assert_array_equal(model.coef_, expected.coef_)


def with_row(row, values):
    target = soft_data(3)[1]
    target[row] = values
    return target


BAD = {
    "sum": (with_row(7, [0.5, 0.3, 0.4]), "row 7 is none, its sum is 1.2"),
    "nothing": (with_row(0, [0.0, 0.0, 0.0]), "row 0 is none, its sum is 0"),
    "negative": (with_row(59, [1.25, -0.25, 0.0]), "row 59 is none, an entry is -0.25"),
    "nan": (with_row(3, np.nan), "y contains NaN"),
    "infinite": (with_row(3, [np.inf, 0, 0]), "y contains infinity"),
    "short": (soft_data(3)[1][:-1], "inconsistent numbers of samples"),
    "integers": (np.eye(3, dtype=int)[np.arange(60) % 3], r"is int64: .* as y.astype\(float\)"),
    "indicators": (pd.DataFrame(np.eye(3, dtype=bool)[np.arange(60) % 3]), "is bool: labels"),
    "names twice": (pd.DataFrame(soft_data(3)[1], columns=list("aab")), "differ|unique column"),
    "names of two kinds": (pd.DataFrame(soft_data(3)[1], columns=[0, "a", "b"]), "of one kind"),
    "cube": (np.full((60, 2, 2), 0.5), "dim 3"),
}


@pytest.mark.parametrize("target, message", BAD.values(), ids=BAD)
def test_bad_targets_are_refused_and_change_nothing(target, message):
    X, good = soft_data(3)
    model = SoftmaxRegression().fit(X, good)
    before = copy.deepcopy(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(X, target)
    assert before.keys() == vars(model).keys()
    assert_array_equal(model.coef_, before["coef_"])


def test_sums_within_rounding_are_taken_for_one():
    X, target = soft_data(3)
    model = SoftmaxRegression().fit(X, target * (1 + 5e-7))
    assert_allclose(model.coef_, SoftmaxRegression().fit(X, target).coef_, rtol=1e-12)


def test_many_classes_in_single_precision_may_sum_to_a_little_more():
    X, _ = draw(6, 2, 2)
    target = np.full((6, 1000), 1.00005 / 1000)
    SoftmaxRegression(C=1e-3, tol=1e-2).fit(X, target.astype(np.float32))
    with pytest.raises(ValueError, match=r"row 0 is none, its sum is 1\.00005"):
        SoftmaxRegression().fit(X, target)


def test_a_floating_column_is_ravelled_with_a_warning():
    X, y = draw(60, 5, 3)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        model = SoftmaxRegression().fit(X, y[:, None].astype(float))
    assert_array_equal(model.classes_, [0.0, 1.0, 2.0])


# -- promises ---------------------------------------------------------------------------------


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    n_classes=st.integers(2, 5),
    concentration=st.sampled_from([0.01, 0.3, 10.0]),
    C=st.sampled_from([1e-2, 1.0, 1e3]),
    l1_ratio=st.sampled_from([0.0, 0.5, 1.0]),
    steps=st.integers(0, 12),
    smoothing=st.sampled_from([0.0, 0.3]),
)
def test_no_gap_is_too_small(seed, n_classes, concentration, C, l1_ratio, steps, smoothing):
    X, target = soft_data(n_classes, 30, concentration, seed)
    options = {"C": C, "l1_ratio": l1_ratio, "label_smoothing": smoothing}
    best = SoftmaxRegression(tol=1e-11, **options).fit(X, target)
    solvers = ["auto"] if l1_ratio else ["lbfgs", "newton"]
    for solver in solvers:
        model = SoftmaxRegression(tol=1e-9, max_iter=steps, solver=solver, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, target)
        assert model.gap_ >= model.objective_ - best.objective_ - 1e-13


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e5])
@pytest.mark.parametrize("n_classes", [2, 10])
def test_wild_columns_in_single_precision_keep_the_promise(n_classes, scale):
    # Distributions whose sums round to other than 1 must not pull all classes at once.
    X, target = soft_data(n_classes, 400)
    X = (X * scale * [1, 10, 1, 1, 0.1]).astype(np.float32)
    model = SoftmaxRegression(C=1e4).fit(X, target.astype(np.float32))
    best = SoftmaxRegression(C=1e4, tol=1e-12).fit(X.astype(float), target)
    assert model.converged_
    assert abs(model.objective_ - best.objective_) <= 2e-6 * best.objective_


@pytest.mark.parametrize("solver", ["auto", "gd", "lbfgs", "newton"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@N_CLASSES
def test_smoothed_classes_have_an_optimum_though_they_can_be_separated(
    n_classes, fit_intercept, solver
):
    X, y = draw(8, 5, n_classes, noise=0.1)
    options = {"C": np.inf, "fit_intercept": fit_intercept, "solver": solver}
    with pytest.warns(ConvergenceWarning, match="no optimum"):
        SoftmaxRegression(**options).fit(X, y)
    model = SoftmaxRegression(label_smoothing=0.1, **options).fit(X, y)
    assert model.converged_


@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_is_known_whether_soft_targets_have_an_optimum(n_classes):
    X, y = draw(60, 2, n_classes, seed=1)
    y = (X @ np.random.default_rng(0).normal(size=(2, n_classes))).argmax(axis=1)
    target = np.eye(n_classes)[y]
    model = SoftmaxRegression(C=np.inf)
    with pytest.warns(ConvergenceWarning, match="no optimum"):
        model.fit(X, target)
    # A row in the midst of its class that is no longer certain holds all directions but few.
    target[::2] = 0.9 * target[::2] + 0.1 / n_classes
    assert model.fit(X, target).converged_
    expected = SoftmaxRegression(C=np.inf).fit(*repeated(X, target))
    assert_allclose(model.objective_, expected.objective_, rtol=1e-6)


@pytest.mark.parametrize("solver", ["auto", "gd", "lbfgs", "newton"])
@pytest.mark.parametrize("zero", [0.0, 0.05])
def test_a_small_loss_of_uncertain_rows_is_no_separation(zero, solver):
    # Every loss is below log 2, which of labels would prove that the classes are separable.
    X = np.array([[-1.0], [-0.5], [0.5], [1.0]])
    target = np.array([[0.95, 0.05], [0.85, 0.15], [0.9, 0.1], [1 - zero, zero]])
    model = SoftmaxRegression(C=np.inf, solver=solver, max_iter=0)
    with pytest.warns(ConvergenceWarning, match="increase max_iter"):
        model.fit(X, target)
    assert model.objective_ < np.log(2)
