"""A prediction is of the model as it is when the call begins, whatever a fit beside it does.

Another thread can fit the same object between any two lines. Here it happens while the rows are
read, which is after a call has begun and before any coefficient is used.
"""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris

from sksoftmax import SoftmaxRegression, SoftmaxRegressionCV
from sksoftmax._linear_model import coefficients, prediction

X, Y = load_iris(return_X_y=True)
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
