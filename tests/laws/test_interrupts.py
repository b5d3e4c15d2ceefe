"""Ctrl-C, wherever it comes: no global setting remains changed, and no model is half fitted."""

from pathlib import Path

import numpy as np
import pytest
from interrupts import interrupt_everywhere
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_info, threadpool_limits

import sksoftmax
from sksoftmax import (
    DecisionScores,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
    cross_entropy,
    log_softmax,
    logsumexp,
    softmax,
)
from sksoftmax.metrics import expected_calibration_error

PACKAGE = str(Path(sksoftmax.__file__).parent)
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
OLD, NEW = (np.argmax(sign * X + RANDOM.normal(size=X.shape), axis=1) for sign in (1, 2))
NEW = NEW + 10
ESTIMATORS = {
    "smooth": SoftmaxRegression(max_iter=3, tol=1e-1),
    "threads": SoftmaxRegression(max_iter=3, tol=1e-1, n_jobs=2),
    "l1": SoftmaxRegression(l1_ratio=0.5, max_iter=3, tol=1e-1),
    "sgd": SoftmaxRegression(solver="sgd", max_iter=2, tol=1e-1, random_state=0),
    "early stopping": SoftmaxRegression(early_stopping=True, max_iter=3, tol=1e-1, random_state=0),
    "folds together": SoftmaxRegressionCV([0.1, 1.0], cv=3, tol=1e-1),
    "folds apart": SoftmaxRegressionCV([0.1, 1.0], l1_ratios=[0.5], cv=3, tol=1e-1),
    "transformer": SoftmaxTransformer("vector"),
    "scores": DecisionScores(SoftmaxRegression(tol=1e-1), cv=3),
    "calibrated": SoftmaxCalibratedClassifier(SoftmaxRegression(tol=1e-1), "temperature", cv=3),
}
LARGE = np.tile(X, (700, 30))  # enough for a product to be shared among threads
COEF = RANDOM.normal(size=(3, 90))


def large_model():
    model = SoftmaxRegression()
    model.classes_, model.coef_, model.intercept_ = np.arange(3), COEF, np.zeros(3)
    model.n_features_in_ = 90
    return model


CALLS = {
    "softmax": lambda: softmax(X),
    "log_softmax": lambda: log_softmax(X),
    "logsumexp": lambda: logsumexp(X),
    "cross_entropy": lambda: cross_entropy(X, OLD, return_gradient=True),
    "error": lambda: expected_calibration_error(OLD, softmax(X)),
    "one row": lambda: large_model().predict_proba(LARGE[:1]),
    "predict": lambda: large_model().predict(LARGE),
    "predict_proba": lambda: large_model().predict_proba(LARGE),
    "predict_log_proba": lambda: large_model().predict_log_proba(LARGE),
}


def settings():
    """What is global, or of the thread."""
    threads = [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
    return threads, np.geterr()


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"), np.errstate(under="warn"):
        yield


def of_package(name):
    return name.startswith(PACKAGE)


def of_settings(name):
    """Files in which settings change."""
    return "_runtime" in Path(name).parts


def fitted(value):
    """What an estimator has learned, to be compared."""
    if isinstance(value, BaseEstimator):
        names = sorted(name for name in vars(value) if name.endswith("_") and name != "time_curve_")
        return [(name, fitted(vars(value)[name])) for name in names]
    return value.tolist() if isinstance(value, np.ndarray) else repr(value)


@pytest.mark.parametrize("files", [of_settings, of_package])
@pytest.mark.parametrize("name", CALLS)
def test_an_interrupted_call_changes_no_setting(name, files):
    before = settings()
    for at in interrupt_everywhere(CALLS[name], files, most=20):
        assert settings() == before, at


@pytest.mark.filterwarnings("ignore:.*tol:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("files", [of_settings, of_package])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_interrupted_fit_leaves_the_old_model_or_the_new(name, files):
    model, before = ESTIMATORS[name], settings()
    new = fitted(model.fit(X, NEW))
    old = fitted(model.fit(X, OLD))

    def fit():
        model.fit(X, OLD)
        model.fit(X, NEW)

    assert old != new
    for at in interrupt_everywhere(fit, files, most=20):
        assert settings() == before, at
        assert fitted(model) in (old, new), at


@pytest.mark.parametrize("files", [of_settings, of_package])
def test_an_interrupted_partial_fit_counts_as_none_or_as_one(files):
    model, before = SoftmaxRegression(solver="sgd"), settings()
    model.partial_fit(X, OLD, classes=[0, 1, 2])

    def step():
        model.partial_fit(X, OLD)

    for at in interrupt_everywhere(step, files, most=20):
        assert settings() == before, at
        # None half: what remains goes on as a model would that took whole batches only.
        other = SoftmaxRegression(solver="sgd").partial_fit(X, OLD, classes=[0, 1, 2])
        while other.n_iter_ < model.n_iter_:
            other.partial_fit(X, OLD)
        assert fitted(model) == fitted(other), at
