"""Columns of scores are matched to classes by the name of the class, never by position."""

from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from sksoftmax import (
    DecisionScores,
    ReliabilityDisplay,
    SoftmaxCalibratedClassifier,
    SoftmaxTransformer,
    metrics,
)

NAMES = np.array(["oak", "ash", "elm"])
METHODS = ("decision_function", "predict_log_proba", "predict_proba")


class Permuted(ClassifierMixin, BaseEstimator):
    """A classifier whose classes are in another order than sorted, such as that of appearance."""

    def __init__(self, method="decision_function", frames=False, reverse=False):
        self.method = method
        self.frames = frames
        self.reverse = reverse

    def fit(self, X, y):
        _, first = np.unique(y, return_index=True)
        self.classes_ = np.asarray(y)[np.sort(first)][:: -1 if self.reverse else 1]
        model = LogisticRegression(max_iter=1000) if self.method == METHODS[0] else GaussianNB()
        self.model_ = model.fit(X, y)
        return self

    def __getattr__(self, name):
        if name not in METHODS or name != self.__dict__.get("method"):
            raise AttributeError(name)
        return partial(self._columns, name)

    def _columns(self, name, X):
        values, sorted_classes = getattr(self.model_, name)(X), self.model_.classes_
        if values.ndim == 1:
            return values if self.classes_[1] == sorted_classes[1] else -values
        if self.frames:  # named by class, in the order of neither
            return pd.DataFrame(np.roll(values, 1, 1), columns=np.roll(sorted_classes, 1))
        return values[:, np.searchsorted(sorted_classes, self.classes_)]

    def predict(self, X):
        return self.model_.predict(X)


def data(n_classes):
    X, y = load_iris(return_X_y=True)
    random = np.random.default_rng(0)
    order = random.permutation(len(y))
    X, y = (X + random.normal(size=X.shape))[order, :2], y[order]
    return X[y < n_classes], NAMES[y[y < n_classes]]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("frames", [False, True])
def test_the_order_of_a_classifiers_classes_changes_nothing(n_classes, method, reverse, frames):
    X, y = data(n_classes)
    permuted = Permuted(method, frames, reverse)
    plain = LogisticRegression(max_iter=1000) if method == METHODS[0] else GaussianNB()
    scores = [DecisionScores(model).fit_transform(X, y) for model in (permuted, plain)]
    assert_allclose(scores[0], scores[1], rtol=1e-9)
    of_all = DecisionScores(permuted).fit(X, y)
    assert_array_equal(of_all.classes_, np.unique(y))
    assert_allclose(of_all.transform(X), DecisionScores(plain).fit(X, y).transform(X), rtol=1e-9)
    found, expected = (
        SoftmaxCalibratedClassifier(model, "temperature").fit(X, y) for model in (permuted, plain)
    )
    assert_array_equal(found.classes_, expected.classes_)
    assert_allclose(found.predict_proba(X), expected.predict_proba(X), rtol=1e-6)
    assert found.score(X, y) == expected.score(X, y)
    pipelines = [make_pipeline(DecisionScores(m), SoftmaxTransformer("vector"))
                 for m in (permuted, plain)]  # fmt: skip
    found, expected = (model.fit(X, y).transform(X) for model in pipelines)
    assert_allclose(found, expected, rtol=1e-6)


METRICS = {
    "ece": metrics.expected_calibration_error,
    "classwise": metrics.classwise_calibration_error,
    "refinement": metrics.refinement_loss,
    "log loss": log_loss,
    "brier": brier_score_loss,
}
METRIC = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


@METRIC
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("frames", [False, True])
@pytest.mark.usefixtures("no_window")
def test_scorers_read_columns_by_class(metric, n_classes, frames):
    X, y = data(n_classes)
    model = Permuted("predict_proba", frames, reverse=True).fit(X, y)
    expected = GaussianNB().fit(X, y)
    scorer = metrics.probability_scorer(metric)
    assert_allclose(scorer(model, X, y), scorer(expected, X, y), rtol=1e-9)
    found = ReliabilityDisplay.from_estimator(model, X, y, per_class=True).curves
    curves = ReliabilityDisplay.from_estimator(expected, X, y, per_class=True).curves
    for name in curves:
        assert_allclose(found[name].accuracy, curves[name].accuracy)


def frames_of(values, columns):
    """Frames of columns named by class, in every order."""
    for order in ([0, 1, 2], [2, 0, 1], [1, 0, 2]):
        part = dict(zip([columns[k] for k in order], values.T[order], strict=True))
        yield pd.DataFrame(part)
        if isinstance(columns[0], str):
            yield pl.DataFrame(part)
        else:
            yield pl.DataFrame({str(name): column for name, column in part.items()})


def probabilities(labels):
    X, y = data(3)
    model = GaussianNB().fit(X, labels[np.searchsorted(np.unique(NAMES), y)])
    return model.predict_proba(X), labels[np.searchsorted(np.unique(NAMES), y)]


LABELS = {"text": np.array(["b", "d", "f"]), "numbers": np.array([2, 5, 7])}
LABEL = pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)


@LABEL
@METRIC
def test_metrics_read_frames_by_name(labels, metric):
    p, y = probabilities(labels)
    if metric not in (log_loss, brier_score_loss):
        for frame in frames_of(p, labels.tolist()):
            assert_allclose(metric(y, frame), metric(y, p), rtol=1e-9)


@LABEL
@pytest.mark.parametrize("calibration", [None, "temperature", "vector", "structured"])
def test_transformers_read_frames_by_name(labels, calibration):
    p, y = probabilities(labels)
    model = SoftmaxTransformer(calibration, input="probabilities", classes=labels, floor=0.01)
    expected = model.fit(p, y).transform(p)
    back = model.inverse_transform(expected)
    for frame in frames_of(p, labels.tolist()):
        model.fit(frame, y)
        assert_array_equal(model.classes_, labels)
        for other in frames_of(p, labels.tolist()):
            if type(other) is type(frame):
                assert_allclose(model.transform(other), expected, rtol=1e-6)
        # Columns of fit in their order, and classes in that of `classes_`.
        columns = model.inverse_transform(expected)
        indices = [list(map(str, frame.columns)).index(str(label)) for label in labels]
        assert_allclose(columns[:, indices], back, rtol=1e-6, atol=1e-9)


def test_frames_after_arrays_are_read_by_name():
    p, y = probabilities(LABELS["text"])
    model = SoftmaxTransformer("vector", input="probabilities").fit(p, y)
    frame = next(iter(frames_of(p, ["b", "d", "f"])))[["f", "b", "d"]]
    with pytest.warns(UserWarning, match="feature names"):
        assert_allclose(model.transform(frame), model.transform(p))


@pytest.mark.parametrize("names", [["x", "y", "z"], [0, 1, 2], ["0", "1", "2"]])
def test_other_names_are_read_by_position(names):
    p, y = probabilities(LABELS["numbers"])
    frame = pd.DataFrame(p, columns=names)
    assert metrics.refinement_loss(y, frame) == metrics.refinement_loss(y, p)
    model = SoftmaxTransformer("vector", input="probabilities")
    assert_array_equal(model.fit(frame, y).transform(frame), model.fit(p, y).transform(p))


@pytest.mark.parametrize("names", [["b", "d", "x"], ["x", "f", "y"]])
def test_columns_of_which_some_are_named_by_class_are_refused(names):
    p, y = probabilities(LABELS["text"])
    frame = pd.DataFrame(p, columns=names)
    for function in (
        partial(metrics.expected_calibration_error, y, frame),
        partial(SoftmaxTransformer("vector", input="probabilities").fit, frame, y),
        partial(SoftmaxTransformer(classes=["b", "d", "f"]).fit, frame),
    ):
        with pytest.raises(ValueError, match="name each column by its class, or none"):
            function()


def test_the_one_column_of_two_classes_is_that_of_the_second():
    scores, y = np.array([0.9, 0.2, 0.7]), np.array(["yes", "no", "no"])
    found = metrics.expected_calibration_error(y, pd.DataFrame({"yes": scores}))
    assert found == metrics.expected_calibration_error(y, scores)
    with pytest.raises(ValueError, match="name each column by its class"):
        metrics.expected_calibration_error(y, pd.DataFrame({"no": scores}))


class Narrow(Permuted):
    """A classifier that knows no class of fewer rows than 31."""

    def fit(self, X, y):
        names, counts = np.unique(y, return_counts=True)
        kept = np.isin(y, names[counts >= 31])
        return super().fit(X[kept], y[kept])


def test_a_class_that_a_copy_does_not_know_is_missing_from_its_part():
    X, y = data(3)
    cv = KFold(3)
    counts = [np.unique(y[train], return_counts=True)[1].min() for train, _ in cv.split(X)]
    assert min(counts) < 31 <= max(counts)
    with pytest.warns(UserWarning, match="rows were left out"):
        model = SoftmaxCalibratedClassifier(Narrow(), "vector", cv=cv).fit(X, y)
    assert model.predict_proba(X).shape == (150, 3)
    with pytest.raises(ValueError, match="has no row of class"):
        DecisionScores(Narrow(), cv=cv).fit_transform(X, y)


def test_cross_fitted_scores_are_scikit_learns_where_classes_are_sorted():
    X, y = data(3)
    model = LogisticRegression(max_iter=1000)
    found = DecisionScores(model, cv=KFold(4)).fit_transform(X, y)
    expected = cross_val_predict(model, X, y, cv=KFold(4), method="decision_function")
    assert_array_equal(found, expected)
