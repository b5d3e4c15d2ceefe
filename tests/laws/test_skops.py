"""Models are stored and loaded by skops, which asks the user to trust public types only."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import sksoftmax
from sksoftmax import (
    DecisionScores,
    ElasticNet,
    GroupLasso,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
)

skops = pytest.importorskip("skops.io")
X, Y = load_iris(return_X_y=True)
X = X[:, :3]
LABELS = np.array(["setosa", "versicolor", "virginica"])[Y]
ESTIMATORS = {
    "regression": SoftmaxRegression(),
    "elastic net": SoftmaxRegression(l1_ratio=0.5, penalty=ElasticNet([1, 0.5, 2])),
    "group lasso": SoftmaxRegression(l1_ratio=1.0, penalty=GroupLasso()),
    "stream": SoftmaxRegression(solver="sgd", max_iter=5, tol=1.0),
    "cross-validation": SoftmaxRegressionCV(Cs=2, cv=2),
    "scores": DecisionScores(LogisticRegression()),
    "temperature": SoftmaxTransformer("temperature"),
    "structured": SoftmaxTransformer("structured"),
    "calibrated": SoftmaxCalibratedClassifier(LogisticRegression(), "vector", cv=2),
}


def answers(model):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.transform(X)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_is_loaded_predicts_the_same(name):
    model = ESTIMATORS[name].fit(X, LABELS)
    stored = skops.dumps(model)
    unknown = skops.get_untrusted_types(data=stored)
    assert set(unknown) <= {f"sksoftmax.{public}" for public in sksoftmax.__all__}
    loaded = skops.loads(stored, trusted=unknown)
    assert_array_equal(answers(loaded), answers(model))
    assert repr(loaded) == repr(model)


def test_as_scikit_learns_own_nothing_needs_trust():
    model = SoftmaxRegression().fit(X, LABELS)
    stored = skops.dumps(model.to_sklearn())
    assert skops.get_untrusted_types(data=stored) == []
    assert_array_equal(skops.loads(stored).predict(X), model.predict(X))


def test_a_stream_goes_on_where_it_was_stored():
    stream = SoftmaxRegression(solver="sgd").partial_fit(X, LABELS, classes=np.unique(LABELS))
    stored = skops.dumps(stream)
    loaded = skops.loads(stored, trusted=skops.get_untrusted_types(data=stored))
    both = [model.partial_fit(X, LABELS).coef_ for model in (stream, loaded)]
    assert_array_equal(*both)
