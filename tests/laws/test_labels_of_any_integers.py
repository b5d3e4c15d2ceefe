"""Labels are told apart exactly, whatever integers they are."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sksoftmax import (
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
    metrics,
)
from sksoftmax._data import targets

TOP, BOTTOM, MOST = 2**63 - 1, -(2**63), 2**64 - 1
# Three classes each, in order.
CLASSES = {
    "beyond int64": np.array([2**63, 2**63 + 1, MOST], dtype=np.uint64),
    "beyond int64, close": np.array([MOST - 2, MOST - 1, MOST], dtype=np.uint64),
    "on both sides of int64's end": np.array([TOP - 1, TOP, TOP + 1], dtype=np.uint64),
    "unsigned from 0": np.array([0, 1, 300], dtype=np.uint64),
    "ends of int64": np.array([BOTTOM, 0, TOP]),
    "beside an end": np.array([BOTTOM, BOTTOM + 1, BOTTOM + 2]),
    "alike in float64": np.array([2**60, 2**60 + 1, 2**60 + 2]),
    "mixed signs": np.array([-5, 0, 70_000]),
    "ends of int8": np.array([-128, 0, 127], dtype=np.int8),
    "ends of int16": np.array([-(2**15), -1, 2**15 - 1], dtype=np.int16),
    "ends of uint8": np.array([0, 254, 255], dtype=np.uint8),
    "ends of uint32": np.array([5, 2**31, 2**32 - 1], dtype=np.uint32),
    "big-endian": np.array([-7, 2, 3], dtype=">i4"),
    "big-endian, unsigned": np.array([2**63, 2**63 + 1, MOST], dtype=">u8"),
}
NUMBERS = np.random.default_rng(0).permutation(np.arange(60) % 3)
X = np.eye(3)[NUMBERS] + np.random.default_rng(1).normal(size=(60, 3))
any_classes = pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES)


@any_classes
def test_labels_are_numbered_in_order(classes):
    for order in (NUMBERS, NUMBERS[NUMBERS != 0], NUMBERS[NUMBERS == 2]):
        found, labels = targets.encode_labels(classes[order])
        assert_array_equal(found, classes[np.unique(order)])
        assert found.dtype == classes.dtype
        assert_array_equal(found[labels], classes[order])


def test_objects_are_numbered_like_the_integers_that_they_are():
    classes = np.array([3, TOP, MOST], dtype=object)
    found, labels = targets.encode_labels(classes[NUMBERS])
    assert found.tolist() == classes.tolist()
    assert_array_equal(labels, NUMBERS)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64])
def test_two_classes_are_told_apart(dtype):
    y = (NUMBERS > 0).astype(dtype)
    found, labels = targets.encode_labels(y)
    assert found.tolist() == [0, 1] and found.dtype == dtype
    assert_array_equal(labels, y)


def whole_fit(y, classes):
    return SoftmaxRegression().fit(X, y)


def stream(y, classes):
    model = SoftmaxRegression(solver="sgd", random_state=0)
    return model.partial_fit(X, y, classes[::-1]).partial_fit(X[:9], y[:9])


def search(y, classes):
    return SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=3).fit(X, y)


def calibrated(y, classes):
    return SoftmaxCalibratedClassifier(SoftmaxRegression(), "temperature", cv=3).fit(X, y)


@pytest.mark.parametrize("fit", [whole_fit, stream, search, calibrated])
@any_classes
def test_a_model_is_that_of_numbered_classes(fit, classes):
    plain, model = fit(NUMBERS, np.arange(3)), fit(classes[NUMBERS], classes)
    assert_array_equal(model.classes_, classes)
    assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
    assert_array_equal(model.predict(X), classes[plain.predict(X)])
    assert model.score(X, classes[NUMBERS]) == plain.score(X, NUMBERS)


@any_classes
def test_a_stream_takes_labels_of_another_dtype(classes):
    def streamed(*more):
        model = SoftmaxRegression(solver="sgd").partial_fit(X, classes[NUMBERS], classes)
        return model.partial_fit(X[:1], *more).coef_

    for number in classes.tolist():
        for dtype in (np.int64, np.uint64, object):
            if dtype is object or np.iinfo(dtype).min <= number <= np.iinfo(dtype).max:
                found = streamed(np.array([number], dtype=dtype))
                assert_array_equal(found, streamed(classes[classes == number]))
    for stranger in (7, -1, 2**62):
        if stranger not in classes.tolist():
            with pytest.raises(ValueError, match="not in classes"):
                streamed(np.array([stranger]))


@any_classes
def test_a_score_takes_labels_of_another_dtype(classes):
    models = SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=3).fit(X, classes[NUMBERS])
    for dtype in (np.int64, np.uint64):
        for number in classes.tolist():
            if np.iinfo(dtype).min <= number <= np.iinfo(dtype).max:
                same = models.score(X[:1], classes[classes == number])
                assert models.score(X[:1], np.array([number], dtype=dtype)) == same
    with pytest.raises(ValueError, match="labels"):
        models.score(X[:1], np.array([7]))


@any_classes
def test_calibrations_and_metrics_are_those_of_numbered_classes(classes):
    y, p = classes[NUMBERS], SoftmaxRegression().fit(X, NUMBERS).predict_proba(X)
    for given in (None, classes):
        expected = SoftmaxTransformer("vector", classes=np.arange(3)).fit(p, NUMBERS)
        found = SoftmaxTransformer("vector", classes=given).fit(p, y)
        assert_array_equal(found.transform(p), expected.transform(p))
        found = metrics.expected_calibration_error(y, p, labels=given)
        assert found == metrics.expected_calibration_error(NUMBERS, p)
