"""Scores take labels in a column, and splits of every kind, as scikit-learn does."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RepeatedKFold,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.svm import SVC

from sksoftmax import (
    DecisionScores,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
    metrics,
)

X, Y = load_iris(return_X_y=True)
MODEL = LogisticRegression(max_iter=1000).fit(X, Y)
P = MODEL.predict_proba(X)
WEIGHT = np.arange(1, 151.0)
COLUMNS = {"array": Y[:, None], "list": Y[:, None].tolist(), "frame": pd.DataFrame({"y": Y})}


def scorer(scoring):
    return SoftmaxRegressionCV([1.0], cv=3, scoring=scoring).fit(X, Y).score


SCORES = {
    "ece": lambda y, **w: metrics.expected_calibration_error(y, P, **w),
    "classwise": lambda y, **w: metrics.classwise_calibration_error(y, P, **w),
    "refinement": lambda y, **w: metrics.refinement_loss(y, P, **w),
    "scorer": lambda y, **w: metrics.probability_scorer(log_loss)(MODEL, X, y, **w),
    "regression": lambda y, **w: SoftmaxRegression().fit(X, Y).score(X, y, **w),
    "calibrated": lambda y, **w: SoftmaxCalibratedClassifier(MODEL).fit(X, Y).score(X, y, **w),
} | {
    name: lambda y, name=name, **w: scorer(name)(X, y, **w)
    for name in ("neg_log_loss", "neg_brier_score", "roc_auc_ovr", "f1_macro", "accuracy", None)
}  # fmt: skip


@pytest.mark.parametrize("score", SCORES.values(), ids=map(str, SCORES))
def test_a_score_takes_a_column_of_labels_and_no_column_of_weights(score):
    for weights in ({}, {"sample_weight": WEIGHT}):
        expected = score(Y, **weights)
        for column in COLUMNS.values():
            assert score(column, **weights) == expected
    with pytest.raises(ValueError, match=r"(?i)sample.weight.* (1d|1D)"):
        score(Y, sample_weight=WEIGHT[:, None])


@pytest.mark.parametrize(
    "fit",
    [
        DecisionScores(MODEL).fit_transform,
        SoftmaxCalibratedClassifier(MODEL).fit,
        SoftmaxRegression().fit,
        SoftmaxTransformer("vector").fit,
    ],
)
def test_a_fit_warns_of_a_column_once(fit):
    with pytest.warns(DataConversionWarning) as warned:
        fit(X[:, :3], Y[:, None])
    assert len(warned) == 1


@pytest.mark.parametrize("scoring", ["neg_brier_score", "top_k_accuracy", "neg_log_loss"])
def test_a_fold_may_lack_classes(scoring):
    model = SoftmaxRegressionCV([0.1, 1.0], cv=KFold(3), scoring=scoring).fit(X, Y)
    assert np.isfinite(model.scores_).all()


def test_weights_reach_a_scorer_that_requests_them():
    weighted = metrics.probability_scorer(log_loss)
    with pytest.raises(RuntimeError, match="enable_metadata_routing"):
        weighted.set_score_request(sample_weight=True)
    with config_context(enable_metadata_routing=True):
        model = LogisticRegression(max_iter=1000).set_fit_request(sample_weight=True)
        cv = KFold(3, shuffle=True, random_state=0)
        options = {"cv": cv, "params": {"sample_weight": WEIGHT}}
        with pytest.raises(ValueError, match="sample_weight"):
            cross_validate(model, X, Y, scoring=weighted, **options)
        found = cross_validate(
            model, X, Y, scoring=weighted.set_score_request(sample_weight=True), **options
        )["test_score"]
    for (train, test), score in zip(options["cv"].split(X), found, strict=True):
        p = model.fit(X[train], Y[train], sample_weight=WEIGHT[train]).predict_proba(X[test])
        assert score == -log_loss(Y[test], p, sample_weight=WEIGHT[test])


def test_splits_of_any_kind_and_groups_are_taken():
    order = np.random.default_rng(0).permutation(150)
    data, y = X[order, :2], Y[order]
    for cv in (TimeSeriesSplit(3), RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)):
        model = SoftmaxCalibratedClassifier(MODEL, "vector", cv=cv).fit(data, y)
        assert model.score(data, y) > 0.7
        with pytest.raises(ValueError, match="partitions"):
            DecisionScores(MODEL, cv=cv).fit_transform(data, y)
    groups = np.arange(150) % 5
    model = SoftmaxCalibratedClassifier(MODEL, "vector", cv=GroupKFold(5))
    same = SoftmaxCalibratedClassifier(MODEL, "vector", cv=list(GroupKFold(5).split(X, y, groups)))
    expected = same.fit(data, y).predict_proba(data)
    np.testing.assert_array_equal(model.fit(data, y, groups=groups).predict_proba(data), expected)
    with pytest.raises(ValueError, match="FrozenEstimator"):
        SoftmaxCalibratedClassifier(MODEL, cv="prefit").fit(data, y)


def test_what_cannot_be_read_is_named():
    with pytest.raises(TypeError, match="SoftmaxCalibratedClassifier"):
        metrics.probability_scorer(log_loss)(SVC().fit(X, Y), X, Y)
    with pytest.raises(ValueError, match="labels are of type int, and the classes of type str"):
        metrics.refinement_loss(Y, P, labels=["0", "1", "2"])
    for y, complaint in ((Y[:9], "inconsistent"), (Y + 1, "not among the classes")):
        with pytest.raises(ValueError, match=complaint):
            SoftmaxTransformer(classes=[0, 1, 2]).fit(P, y)


def test_log_probabilities_of_a_calibrated_classifier_do_not_underflow():
    far = 1e4 * X[:, :1]
    model = SoftmaxCalibratedClassifier(LogisticRegression(max_iter=1000), None).fit(X[:, :1], Y)
    logs = model.predict_log_proba(far)
    assert np.isfinite(logs).all() and logs.min() < -1000
    np.testing.assert_array_equal(model.predict(far), model.estimator_.predict(far))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    "call", [SoftmaxRegression().fit(X, Y).score, DecisionScores(MODEL).fit_transform]
)
def test_labels_that_are_not_finite_are_refused_without_a_warning(call, value):
    with pytest.raises(ValueError, match="Input y contains"):
        call(X, np.where(Y == 1, value, Y.astype(float)))
