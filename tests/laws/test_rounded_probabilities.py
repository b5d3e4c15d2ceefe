"""Probabilities sum to 1 within their own rounding, wherever they are passed."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from sksoftmax import SoftmaxRegression, SoftmaxTransformer, cross_entropy, metrics, softmax

SCORES = 2 * np.random.default_rng(0).normal(size=(60, 7))
Y = (SCORES + np.random.default_rng(2).gumbel(size=SCORES.shape)).argmax(axis=1)
X = np.random.default_rng(1).normal(size=(60, 2))

TAKES = {
    "ece": partial(metrics.expected_calibration_error, Y),
    "refinement": partial(metrics.refinement_loss, Y),
    "reliability": lambda p: metrics.reliability(Y, p).accuracy,
    "transformer": lambda p: SoftmaxTransformer(input="probabilities").fit(p).transform(p),
    "calibration": lambda p: (
        SoftmaxTransformer("vector", input="probabilities").fit(p, Y).transform(p)
    ),
    "soft targets": lambda p: SoftmaxRegression(tol=1e-2).fit(X, p).coef_,
}
ROUNDED = {
    "four digits": lambda p: p.round(4),
    "four digits, single": lambda p: p.round(4).astype(np.float32),
    "half": lambda p: p.astype(np.float16),
    "half, as single": lambda p: p.astype(np.float16).astype(np.float32),
    "computed in half": lambda p: softmax(SCORES.astype(np.float16)),
    "frame of half": lambda p: pd.DataFrame(p.astype(np.float16)),
}


def inner(take, p):
    return np.asarray(take(p), dtype=np.float64)


@pytest.mark.parametrize("rounded", ROUNDED.values(), ids=ROUNDED)
@pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)
def test_rounded_probabilities_are_taken(take, rounded):
    p = softmax(SCORES)
    assert np.isfinite(inner(take, rounded(p))).all()


@pytest.mark.parametrize("take", TAKES.values(), ids=TAKES)
def test_what_is_further_off_is_refused(take):
    p = softmax(SCORES)
    for bad in (1.00001 * p, 1.01 * p.astype(np.float16), 1.01 * p.astype(np.float32)):
        with pytest.raises(ValueError, match="sum"):
            take(bad)


def test_the_cross_entropy_of_rounded_targets_is_that_of_normalised_ones():
    scores = SCORES[:, ::-1]
    for rounded in (softmax(SCORES).round(4), softmax(SCORES).astype(np.float16)):
        exact = rounded.astype(np.float64)
        exact /= exact.sum(axis=1, keepdims=True)
        expected, gradient = cross_entropy(scores, exact, return_gradient=True)
        found, slope = cross_entropy(scores, rounded, return_gradient=True)
        # Targets in half precision are divided in it.
        tolerance = 1e-3 if rounded.dtype == np.float16 else 1e-12
        assert abs(found - expected) <= tolerance * expected
        np.testing.assert_allclose(slope, gradient, rtol=tolerance, atol=tolerance / 60)
    with pytest.raises(ValueError, match="sum to 1"):
        cross_entropy(scores, 1.00001 * softmax(SCORES))
