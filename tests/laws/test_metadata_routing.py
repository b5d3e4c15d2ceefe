"""Weights reach every estimator by metadata routing, in pipelines and in searches."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import sksoftmax
from sksoftmax import (
    DecisionScores,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
)

X, Y = load_iris(return_X_y=True)
X = X[:, :3]
WEIGHT = np.random.default_rng(0).integers(0, 4, size=len(Y)).astype(float)


def weighted_classifier():
    return LogisticRegression().set_fit_request(sample_weight=True)


ESTIMATORS = {
    "SoftmaxRegression": SoftmaxRegression,
    "SoftmaxRegressionCV": lambda: SoftmaxRegressionCV(Cs=2, cv=2, scoring="accuracy"),
    "SoftmaxTransformer": lambda: SoftmaxTransformer("temperature"),
    "DecisionScores": lambda: DecisionScores(weighted_classifier()),
    "SoftmaxCalibratedClassifier": lambda: SoftmaxCalibratedClassifier(weighted_classifier()),
}
OF_ITS_OWN = [name for name in ESTIMATORS if name != "DecisionScores"]


def answer(model):
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.transform(X)


def test_every_estimator_is_routed():
    public = [getattr(sksoftmax, name) for name in sksoftmax.__all__]
    assert {cls.__name__ for cls in public if hasattr(cls, "fit")} == set(ESTIMATORS)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_pipeline_passes_weights_on(name):
    with config_context(enable_metadata_routing=True):
        alone, routed = ESTIMATORS[name](), ESTIMATORS[name]()
        if name in OF_ITS_OWN:
            routed.set_fit_request(sample_weight=True)
        assert "sample_weight" in str(routed.get_metadata_routing())
        pipeline = make_pipeline(FunctionTransformer(), routed)
        pipeline.fit(X, Y, sample_weight=WEIGHT)
        alone.fit(X, Y, sample_weight=WEIGHT)
        assert_array_equal(answer(pipeline[-1]), answer(alone))
        unweighted = clone(alone).fit(X, Y)
        assert (answer(unweighted) != answer(alone)).any()


@pytest.mark.parametrize("name", OF_ITS_OWN)
def test_a_request_survives_a_clone(name):
    with config_context(enable_metadata_routing=True):
        model = ESTIMATORS[name]().set_fit_request(sample_weight="weight")
        assert "'weight'" in str(clone(model).get_metadata_routing())


def test_a_search_passes_weights_to_fits_and_scores():
    with config_context(enable_metadata_routing=True):
        model = SoftmaxRegression().set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"C": [0.01, 1.0]}, cv=3, scoring=None)
        search.fit(X, Y, sample_weight=WEIGHT)
    repeated = SoftmaxRegression(C=search.best_params_["C"]).fit(X, Y, sample_weight=WEIGHT)
    assert_array_equal(search.predict_proba(X), repeated.predict_proba(X))
