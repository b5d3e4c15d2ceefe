"""A prediction is of the model as it is when the call begins, whatever a fit beside it does.

Another thread can fit the same object between any two lines. Here it happens while the rows are
read, which is after a call has begun and before any coefficient is used.
"""

import sys
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris

from sksoftmax import (
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
)
from sksoftmax._linear_model import coefficients, prediction

X, Y = load_iris(return_X_y=True)
PROBA = SoftmaxRegression(C=0.01).fit(X, np.roll(Y, 9)).predict_proba(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


class Rows:
    """Rows that call a function when they are read."""

    def __init__(self, values, function):
        self.values, self.function = values, function

    def __array__(self, dtype=None, copy=None):
        self.function()
        return np.asarray(self.values, dtype=dtype)


def fit(model):
    return model.fit(X, NAMES)


def stream(model):
    return model.partial_fit(X, NAMES, classes=np.unique(NAMES))


# How a model comes about, and how it is fitted again: with other labels, and fewer of them.
MODELS = {
    "fit": (SoftmaxRegression, fit, lambda model: model.fit(X, Y > 0)),
    "sparse": (
        SoftmaxRegression, lambda model: fit(model).sparsify(), lambda model: model.fit(X, Y > 0)
    ),
    "search": (
        partial(SoftmaxRegressionCV, Cs=2, cv=2), fit, lambda model: model.fit(X, Y > 0)
    ),
    "calibrated": (
        lambda: SoftmaxCalibratedClassifier(SoftmaxRegression(), None, cv=2), fit,
        lambda model: model.fit(X, Y > 0),
    ),
    "partial_fit": (
        partial(SoftmaxRegression, solver="sgd"), stream,
        lambda model: model.partial_fit(X, np.roll(NAMES, 50)),
    ),
}  # fmt: skip
CALLS = {
    "predict": lambda model, X: model.predict(X),
    "predict_proba": lambda model, X: model.predict_proba(X),
    "predict_log_proba": lambda model, X: model.predict_log_proba(X),
    "decision_function": lambda model, X: model.decision_function(X),
    "score": lambda model, X: model.score(X, NAMES),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", MODELS)
def test_a_call_has_one_view_of_the_model(name, call):
    make, begin, again = MODELS[name]
    model = begin(make())
    if not hasattr(model, call):
        return
    expected = CALLS[call](model, X)
    found = CALLS[call](model, Rows(X, lambda: again(model)))
    assert_array_equal(found, expected)
    assert not np.array_equal(model.predict(X), NAMES)


@pytest.mark.parametrize("step", [(coefficients, "as_they_are"), (prediction, "largest")])
def test_labels_are_of_the_coefficients_that_were_used(step, monkeypatch):
    model = SoftmaxRegression().fit(X, NAMES)
    expected, original = model.predict(X), getattr(*step)

    def beside(*arguments):
        result = original(*arguments)
        monkeypatch.undo()
        model.fit(X, Y > 0)
        return result

    monkeypatch.setattr(*step, beside)
    assert_array_equal(model.predict(X), expected)
    assert_array_equal(model.predict(X), Y > 0)


TRANSFORMER = (
    partial(SoftmaxTransformer, "vector", input="probabilities"),
    lambda model: model.fit(PROBA, Y),
    lambda model: model.fit(PROBA[:, :2] / PROBA[:, :2].sum(axis=1, keepdims=True), Y > 0),
)


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_a_transformer_has_one_view_of_its_map(method):
    make, begin, again = TRANSFORMER
    model = begin(make())
    expected = getattr(model, method)(PROBA)
    found = getattr(model, method)(Rows(PROBA, lambda: again(model)))
    assert_array_equal(found, expected)
    assert model.n_features_in_ == 2


ALL = MODELS | {"transformer": TRANSFORMER}


@pytest.mark.parametrize("name", [name for name in ALL if name != "sparse"])
def test_a_fit_changes_all_attributes_at_once(name):
    """Before each line another thread may look: it sees the old model or the new one."""
    make, begin, again = ALL[name]
    model = begin(make())
    seen = [vars(model).copy()]

    def look(frame, event, argument):
        state = vars(model)
        if any(state.get(key) is not seen[-1].get(key) for key in state.keys() | seen[-1].keys()):
            seen.append(state.copy())
        return look

    sys.settrace(look)
    try:
        again(model)
    finally:
        sys.settrace(None)
    assert len(seen) == 2
