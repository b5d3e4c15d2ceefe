"""A user's script with types: mypy checks it against the installed package, and it runs."""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import sksoftmax
from sksoftmax import (
    DecisionScores,
    ElasticNet,
    GroupLasso,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
    metrics,
)

Floats = NDArray[np.floating[Any]]


def functions(scores: list[list[float]], y: list[int]) -> float:
    assert_type(sksoftmax.softmax(scores, axis=1, temperature=2.0), Floats)
    assert_type(sksoftmax.log_softmax(scores, where=[True, False, True]), Floats)
    assert_type(sksoftmax.logsumexp(scores), Any)
    loss = sksoftmax.cross_entropy(scores, y)
    both = sksoftmax.cross_entropy(scores, y, return_gradient=True)
    assert_type(loss, float)
    assert_type(both, tuple[float, Floats])
    return loss


def models(X: NDArray[np.float64], y: NDArray[np.str_]) -> SoftmaxRegression:
    model = SoftmaxRegression(C=0.5, penalty=ElasticNet(), max_iter=200)
    assert_type(model.fit(X, y), SoftmaxRegression)
    assert_type(model.predict_proba(X), Floats)
    assert_type(model.decision_function(X), Floats)
    assert_type(model.predict(X), NDArray[Any])
    assert_type(model.score(X, y), float)
    assert_type(model.coef_, Floats)
    assert_type(model.converged_, bool)
    assert_type(model.gap_, float)
    assert_type(model.n_iter_, int)
    stream = SoftmaxRegression(solver="sgd")
    assert_type(stream.partial_fit(X, y, classes=np.unique(y)), SoftmaxRegression)
    chosen = SoftmaxRegressionCV(Cs=[0.1, 1.0], l1_ratios=[0.5], penalty=GroupLasso(), cv=2)
    assert_type(chosen.fit(X, y), SoftmaxRegressionCV)
    assert_type(chosen.C_, float)
    return model


def calibration(X: NDArray[np.float64], y: NDArray[np.str_], scores: Floats) -> Floats:
    calibrated = SoftmaxCalibratedClassifier(SoftmaxRegression(), "temperature", cv=3)
    assert_type(calibrated.fit(X, y), SoftmaxCalibratedClassifier)
    probabilities = calibrated.predict_proba(X)
    assert_type(probabilities, Floats)
    assert_type(SoftmaxTransformer("vector").fit(scores, y).transform(scores), Floats)
    assert_type(DecisionScores(SoftmaxRegression()).fit_transform(X, y), Floats)
    assert_type(metrics.expected_calibration_error(y, probabilities), float)
    assert_type(metrics.reliability(y, probabilities, n_bins=5), metrics.Reliability)
    assert_type(metrics.log_loss_decomposition(y, probabilities).refinement, float)
    return probabilities


def inference(model: SoftmaxRegression, X: NDArray[np.float64], y: NDArray[np.str_]) -> None:
    result = sksoftmax.infer(model, X, y)
    assert_type(result, sksoftmax.Inference)
    assert_type(result.std_error, Floats)
    assert_type(result.summary(), str)


def misuse(model: SoftmaxRegression, X: NDArray[np.float64]) -> None:
    """What a type checker refuses: each line needs its comment, or mypy --strict complains."""
    SoftmaxRegression(C="large")  # type: ignore[arg-type]
    SoftmaxRegression(alpha=1.0)  # type: ignore[call-arg]
    model.predict_proba()  # type: ignore[call-arg]
    sksoftmax.softmax(X, temperature="hot")  # type: ignore[arg-type]


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(90, 3))
    labels = np.array(["a", "b", "c"])[(rows + rng.normal(size=rows.shape)).argmax(axis=1)]
    functions([[1.0, 2.0, 3.0]], [2])
    fitted = models(rows, labels)
    calibration(rows, labels, fitted.decision_function(rows))
    inference(fitted, rows, labels)
