"""A model whose coefficients were set is one that was fitted: it predicts, and is gone on from."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from sksoftmax import SoftmaxRegression, SoftmaxRegressionCV
from sksoftmax._solvers import STREAMS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
NAMES = np.array(["one", "three", "two"])
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
ESTIMATORS = pytest.mark.parametrize("make", [SoftmaxRegression, SoftmaxRegressionCV])
N_CLASSES = pytest.mark.parametrize("n_classes", [2, 3])


def labels(n_classes):
    return NAMES[np.minimum(Y, n_classes - 1)]


def fitted(n_classes):
    return LogisticRegression(max_iter=1000).fit(X, labels(n_classes))


# Ways in which coefficients are written.
FORMS = {
    "arrays": lambda coef, intercept: (coef, intercept),
    "lists": lambda coef, intercept: (coef.tolist(), intercept.tolist()),
    "a sparse matrix": lambda coef, intercept: (sp.csr_matrix(coef), intercept),
    "a sparse array": lambda coef, intercept: (sp.csc_array(coef), intercept),
    "integers": lambda coef, intercept: (np.rint(coef).astype(int), np.rint(intercept).astype(int)),
    "one number for all": lambda coef, intercept: (coef, 0.5),
}


def set_by_hand(make, n_classes, form="arrays", **options):
    model, like = make(**options), fitted(n_classes)
    model.coef_, model.intercept_ = FORMS[form](like.coef_, like.intercept_)
    model.classes_ = like.classes_
    dense = model.coef_.toarray() if sp.issparse(model.coef_) else np.asarray(model.coef_, float)
    like.coef_, like.intercept_ = dense, np.asarray(model.intercept_, float)
    return model, like


@ESTIMATORS
@N_CLASSES
@pytest.mark.parametrize("form", FORMS)
def test_coefficients_set_by_hand_predict(make, n_classes, form):
    model, like = set_by_hand(make, n_classes, form)
    for rows in (X, X[:1], sp.csr_array(X), X.astype(np.float32), pd.DataFrame(X).to_numpy()):
        for method in METHODS:
            found, expected = (getattr(each, method)(rows) for each in (model, like))
            if method == "predict":
                assert_array_equal(found, expected)
            else:
                assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert SoftmaxRegression.score(model, X, labels(n_classes)) == like.score(X, labels(n_classes))


@ESTIMATORS
@N_CLASSES
@pytest.mark.parametrize("form", FORMS)
def test_coefficients_set_by_hand_are_exported_and_made_sparse(make, n_classes, form):
    model, like = set_by_hand(make, n_classes, form)
    for _ in range(2):
        own = model.to_sklearn()
        assert type(own.coef_) is np.ndarray
        assert_allclose(own.predict_proba(X), like.predict_proba(X), rtol=1e-12, atol=1e-14)
        model.sparsify()
        assert sp.issparse(model.coef_)
    assert_allclose(model.densify().predict_proba(X), like.predict_proba(X), rtol=1e-9, atol=1e-14)


@N_CLASSES
@pytest.mark.parametrize("form", FORMS)
def test_a_warm_start_begins_at_them_unless_nothing_is_better(n_classes, form):
    options = {"warm_start": True, "max_iter": 0}
    model, like = set_by_hand(SoftmaxRegression, n_classes, form, **options)
    y = labels(n_classes)
    if log_loss(y, like.predict_proba(X)) > log_loss(y, np.full((150, n_classes), 1 / n_classes)):
        like.coef_, like.intercept_ = 0 * like.coef_, np.log(np.unique(y, return_counts=True)[1])
        like.intercept_ = np.diff(like.intercept_) if n_classes == 2 else like.intercept_
    model.fit(X, y)
    assert_allclose(model.predict_proba(X), like.predict_proba(X), rtol=1e-9, atol=1e-14)


@N_CLASSES
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("solver", STREAMS)
@pytest.mark.parametrize("before", ["nothing", "fit", "partial_fit"])
def test_a_stream_goes_on_from_them(n_classes, form, solver, before):
    model, like = set_by_hand(SoftmaxRegression, n_classes, form, solver=solver)
    y = labels(n_classes)
    if before != "nothing":
        found = model.coef_, model.intercept_
        model = SoftmaxRegression(solver=solver, max_iter=1, random_state=0)
        model.fit(X, y) if before == "fit" else model.partial_fit(X, y, classes=np.unique(y))
        model.coef_, model.intercept_ = found
    # Steps so short that they lead nowhere.
    model.set_params(learning_rate=1e-12).partial_fit(X[::7], y[::7])
    assert_allclose(model.predict_proba(X), like.predict_proba(X), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("solver", STREAMS)
def test_a_mean_of_models_between_calls_is_gone_on_from(solver):
    """Federated learning: each round ends with the mean, which all parties go on from."""
    random = np.random.default_rng(0)
    parties = np.array_split(random.permutation(150), 3)
    models = [SoftmaxRegression(solver=solver, C=10.0) for _ in parties]
    for _ in range(12):
        for model, rows in zip(models, parties, strict=True):
            model.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
        for name in ("coef_", "intercept_"):
            mean = np.mean([getattr(model, name) for model in models], axis=0)
            for model in models:
                setattr(model, name, mean.copy())
    assert_array_equal(models[0].predict_proba(X), models[1].predict_proba(X))
    assert models[0].score(X, Y) > 0.94


@pytest.mark.parametrize("solver", STREAMS)
def test_coefficients_left_alone_or_set_to_what_they_are_change_no_step(solver):
    models = [SoftmaxRegression(solver=solver) for _ in range(4)]
    for start in range(0, 150, 30):
        for model in models:
            model.partial_fit(X[start : start + 30], Y[start : start + 30], classes=[0, 1, 2])
        models[1].coef_ = models[1].coef_.copy()
        models[2].sparsify()
        models[3].coef_ = models[3].coef_.tolist()
    models[2].densify()
    for model in models[1:]:
        assert_array_equal(model.coef_, models[0].coef_)
        assert_array_equal(model.intercept_, models[0].intercept_)


@pytest.mark.parametrize("solver", STREAMS)
def test_coefficients_changed_in_place_are_gone_on_from(solver):
    model = SoftmaxRegression(solver=solver, learning_rate=1e-12)
    model.partial_fit(X, Y, classes=[0, 1, 2])
    model.coef_ += [[0.5, 0, 0, 0], [0, 0, 0, 0], [-0.5, 0, 0, 0]]
    expected = model.predict_proba(X)
    model.partial_fit(X, Y)
    assert_allclose(model.predict_proba(X), expected, rtol=1e-6, atol=1e-12)


# Coefficients that do not belong together, or not to the data.
WRONG = {
    "rows": {"coef_": np.zeros((2, 4))},
    "columns": {"coef_": np.zeros((3, 5))},
    "a vector": {"coef_": np.zeros(4)},
    "intercepts": {"intercept_": np.zeros(2)},
    "text": {"coef_": [["a"] * 4] * 3},
    "labels": {"classes_": np.arange(2)},
    "order of the labels": {"classes_": np.array([2, 0, 1])},
}
CALLS = {
    "predict": lambda model: model.predict(X),
    "warm start": lambda model: model.set_params(warm_start=True).fit(X, Y),
    "partial_fit": lambda model: model.partial_fit(X, Y),
    "to_sklearn": lambda model: model.to_sklearn(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("before", ["nothing", "fit", "partial_fit"])
def test_what_does_not_fit_is_an_error_and_changes_nothing(wrong, call, before):
    model = SoftmaxRegression(solver="sgd", max_iter=1, random_state=0)
    if before == "nothing":
        model.coef_, model.intercept_, model.classes_ = np.eye(3, 4), np.zeros(3), np.arange(3)
    else:
        model.fit(X, Y) if before == "fit" else model.partial_fit(X, Y, classes=[0, 1, 2])
    vars(model).update(WRONG[wrong])
    if (wrong, call) == ("columns", "to_sklearn"):
        return  # they are those of other data
    if wrong == "order of the labels" and call in ("to_sklearn", "predict"):
        return  # to predict, any order will do
    state = vars(model).copy()
    with pytest.raises(ValueError):
        CALLS[call](model)
    state["warm_start"] = model.warm_start
    assert vars(model) == state or all(vars(model)[name] is state[name] for name in state)


def test_a_stream_needs_no_classes_of_the_model_where_it_is_told_them():
    model, _ = set_by_hand(SoftmaxRegression, 3, solver="sgd")
    del model.classes_
    assert model.partial_fit(X, labels(3), classes=NAMES).score(X, labels(3)) > 0.9


def test_nothing_less_than_all_of_them_is_a_model():
    model = SoftmaxRegression()
    for name, value in {"coef_": np.eye(3, 4), "intercept_": np.zeros(3)}.items():
        with pytest.raises(ValueError, match="not fitted"):
            model.predict(X)
        setattr(model, name, value)
    with pytest.raises(ValueError, match="not fitted"):
        model.predict(X)
    assert model.predict_proba(X).shape == (150, 3)


@ESTIMATORS
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("rows", [X, X[:1]], ids=["rows", "a row"])
def test_coefficients_that_are_not_finite_are_named_and_not_the_rows(make, bad, form, rows):
    model, _ = set_by_hand(make, 3)
    model.coef_[0, 1] = bad
    model.coef_ = form(model.coef_)
    for method in METHODS:
        with pytest.raises(ValueError, match="coef_ and intercept_ must be finite to predict"):
            getattr(model, method)(rows)


def test_coefficients_of_objects_can_be_made_sparse():
    model, like = set_by_hand(SoftmaxRegression, 3)
    model.coef_ = model.coef_.astype(object)
    assert_allclose(model.sparsify().predict_proba(X), like.predict_proba(X))
