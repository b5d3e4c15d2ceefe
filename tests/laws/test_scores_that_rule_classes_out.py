"""Very low scores, by which a class is ruled out, cost the scores of other classes no digit."""

import numpy as np
import pytest
from scipy.special import softmax

from sksoftmax import SoftmaxTransformer

rng = np.random.default_rng(0)
LABELS = rng.integers(3, size=300)
SCORES = 2 * rng.normal(size=(300, 3)) + 2 * np.eye(3)[LABELS]
LEARNED = ["temperature", "vector", "matrix", "structured", "auto"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lowest", [-1e9, -1e16, -1e30, np.finfo("float32").min])
@pytest.mark.parametrize("calibration", [None, "temperature"])
def test_a_temperature_is_the_softmax_of_the_scores_over_it(calibration, lowest, dtype):
    transformer = SoftmaxTransformer(calibration).fit(SCORES, LABELS)
    rows = np.array([[lowest, 1, 5], [3, lowest, -2], [lowest, lowest, 0]], dtype)
    expected = softmax(rows.astype(np.float64) / transformer.temperature_, axis=1)
    np.testing.assert_allclose(transformer.transform(rows), expected, rtol=1e-5)


@pytest.mark.parametrize("calibration", LEARNED)
def test_how_far_below_the_others_a_class_is_changes_nothing(calibration):
    transformer = SoftmaxTransformer(calibration).fit(SCORES, LABELS)
    lower, lowest = (transformer.transform([[low, 1.0, 5.0]]) for low in (-1e16, -1e100))
    np.testing.assert_allclose(lowest, lower, rtol=1e-6)


@pytest.mark.parametrize("size", [1e155, 1e308])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("calibration", LEARNED)
def test_scores_whose_squares_overflow_are_refused_in_words(calibration, n_classes, size):
    kept = np.isin(LABELS, range(n_classes))
    scores, labels = SCORES[kept, :n_classes].copy(), LABELS[kept]
    scores[0, 0] = -size
    transformer = SoftmaxTransformer(calibration)
    with pytest.raises(ValueError, match="The scores have entries above 1e150"):
        transformer.fit(scores, labels)
    assert not hasattr(transformer, "temperature_")


@pytest.mark.parametrize("lowest", [-1e12, -1e20, np.finfo("float32").min, -1e100])
@pytest.mark.parametrize("share", [0.01, 0.3])
@pytest.mark.parametrize("calibration", LEARNED)
def test_scores_beside_which_others_vanish_are_refused_in_words(calibration, share, lowest):
    scores, seed = SCORES.copy(), np.random.default_rng(1)
    ruled_out = seed.random(scores.shape) < share
    ruled_out[np.arange(len(scores)), LABELS] = False
    scores[ruled_out] = lowest
    with pytest.raises(ValueError, match="a million times as low"):
        SoftmaxTransformer(calibration).fit(scores, LABELS)
    scores[ruled_out] = -1e6
    moderate = SoftmaxTransformer("temperature").fit(scores, LABELS)
    scores[ruled_out] = -1e4
    expected = SoftmaxTransformer("temperature").fit(scores, LABELS).temperature_
    assert moderate.temperature_ == pytest.approx(expected, rel=1e-6)
