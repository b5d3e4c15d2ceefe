"""What a user has set for all of NumPy and scikit-learn changes no answer."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftmax import (
    DecisionScores,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxTransformer,
    metrics,
)

X, Y = load_iris(return_X_y=True)
P = GaussianNB().fit(X[::2], Y[::2]).predict_proba(X)
FAR = np.maximum(P, 1e-300)  # some of its entries are close to underflow


def answers(model, *names):
    model.fit(X, Y)
    return [getattr(model, name)(X) for name in names]


SCALED = make_pipeline(StandardScaler(), LogisticRegression())
PREDICTIONS = ("predict_proba", "predict_log_proba", "predict")
JOBS = {
    "regression": lambda: answers(SoftmaxRegression(), "predict", "predict_log_proba"),
    "calibrated": lambda: answers(
        SoftmaxCalibratedClassifier(SCALED, "vector"), *PREDICTIONS
    ),
    "calibrated bayes": lambda: answers(
        SoftmaxCalibratedClassifier(GaussianNB()), *PREDICTIONS
    ),
    "scores": lambda: [np.asarray(DecisionScores(SCALED).fit_transform(X, Y))],
    "pipeline": lambda: answers(
        make_pipeline(DecisionScores(SCALED), SoftmaxTransformer("vector")), "transform"
    ),
    "transformer": lambda: [
        SoftmaxTransformer("structured", input="probabilities", floor="auto")
        .fit(FAR, Y).transform(P)
    ],
    "ece": lambda: [metrics.expected_calibration_error(Y, FAR)],
    "refinement": lambda: [metrics.refinement_loss(Y, FAR)],
}  # fmt: skip
SETTINGS = {
    "pandas": lambda: config_context(transform_output="pandas"),
    "polars": lambda: config_context(transform_output="polars"),
    "routing": lambda: config_context(enable_metadata_routing=True),
    "finite": lambda: config_context(assume_finite=True, skip_parameter_validation=True),
    "raise": lambda: np.errstate(all="raise"),
    "printing": lambda: np.printoptions(precision=2, threshold=3),
}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_no_answer_depends_on_global_settings(job, setting):
    expected = job()
    with setting():
        found = job()
    for one, other in zip(found, expected, strict=True):
        assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-12, atol=1e-300)
