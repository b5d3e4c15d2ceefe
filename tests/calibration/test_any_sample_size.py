"""Calibrated classifiers of a few rows, rare classes and folds that lack one: every option."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sksoftmax import SoftmaxCalibratedClassifier, SoftmaxTransformer

CALIBRATIONS = ["auto", "structured", "matrix", "vector", "temperature", None]
SPLITS = {
    "stratified": 3,
    "in order": KFold(3),  # sorted classes: the training part of a fold lacks one
    "shuffled": StratifiedKFold(2, shuffle=True, random_state=0),
    "overlapping": ShuffleSplit(3, random_state=0),
}
CLASSIFIERS = {
    "scores": LinearSVC(random_state=0),
    "probabilities": GaussianNB(),
    "certain": DecisionTreeClassifier(random_state=0),
}
EXPECTED = r"\d+ rows were left out|The scores (tell|are no better)|The least populated class"


def draw(n_samples, n_rare, n_classes=3, seed=0):
    """Rows in the order of their classes, of which the last has ``n_rare`` rows."""
    rng = np.random.default_rng(seed)
    y = np.sort(rng.integers(0, n_classes - 1, n_samples))
    y[n_samples - n_rare :] = n_classes - 1
    return rng.normal(size=(n_samples, 3)) + 1.5 * np.eye(n_classes, 3)[y], y


def fit_with_expected_warnings(model, *data):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", EXPECTED, UserWarning)
        return model.fit(*data)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("ensemble", ["auto", True, False])
@pytest.mark.parametrize("name, n_classes", [("scores", 2), ("probabilities", 3), ("certain", 3)])
@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_thirty_rows_with_three_of_a_class_make_probabilities(
    calibration, name, n_classes, ensemble, split
):
    X, y = draw(30, 3, n_classes)
    model = SoftmaxCalibratedClassifier(
        CLASSIFIERS[name], calibration, cv=SPLITS[split], ensemble=ensemble
    )
    fit_with_expected_warnings(model, X, y)
    X_new, y_new = draw(400, 40, n_classes, seed=1)
    p = model.predict_proba(X_new)
    assert p.shape == (400, n_classes)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    log_p = model.predict_log_proba(X_new)
    assert_allclose(np.exp(log_p), p, atol=1e-12)
    assert np.array_equal(model.predict(X_new), log_p.argmax(axis=1))
    if calibration is not None:
        assert log_loss(y_new, p) < 1.25 * np.log(n_classes)


@pytest.mark.parametrize("calibration", CALIBRATIONS[:-1])
@pytest.mark.parametrize("n_columns", [1, 3])
@pytest.mark.parametrize("n_rows", [1, 2, 3, 7])
def test_a_map_of_a_few_rows_gives_probabilities_above_zero(calibration, n_columns, n_rows):
    rng = np.random.default_rng(n_rows)
    scores = rng.normal(size=(n_rows, n_columns))
    n_classes = max(2, n_columns)
    y = rng.integers(0, n_classes, n_rows)
    model = SoftmaxTransformer(calibration, classes=np.arange(n_classes))
    fit_with_expected_warnings(model, scores, y)
    p = model.transform(rng.normal(size=(50, n_columns)))
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert p.min() > 0
