"""An error begins with the argument that is wrong, by the name that the caller knows it by."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.datasets import load_iris

from sksoftmax import OptimizationDisplay, SoftmaxRegression, SoftmaxTransformer, metrics

X, Y = load_iris(return_X_y=True)
SHARES = np.full((len(Y), 3), 1 / 3)
METRICS = {
    name: getattr(metrics, name)
    for name in (
        "classwise_calibration_error", "expected_calibration_error", "log_loss_decomposition",
        "refinement_loss", "reliability",
    )
}  # fmt: skip


def of_metrics(argument, y=Y, **options):
    return [(argument, lambda metric=m: metric(y, SHARES, **options)) for m in METRICS.values()]


def of_fit(argument, sample_weight=None, **parameters):
    return argument, lambda: SoftmaxRegression(**parameters).fit(X, Y, sample_weight)


def of_map(argument, **parameters):
    return argument, lambda: SoftmaxTransformer("temperature", **parameters).fit(SHARES, Y)


def of_stream(classes):
    return "classes", lambda: SoftmaxRegression(solver="sgd").partial_fit(X, Y, classes)


CALLS = [
    *of_metrics("labels", labels=[0, 1]),
    *of_metrics("labels", labels=[0, 1, 1]),
    *of_metrics("labels", labels=1),
    *of_metrics("y_true", labels=["0", "1", "2"]),
    ("label", lambda: metrics.reliability(Y, SHARES, label=[1, 2])),
    ("label", lambda: metrics.reliability(Y, SHARES, label="1")),
    ("level", lambda: metrics.reliability(Y, SHARES, level="0.95")),
    ("level", lambda: metrics.reliability(Y, SHARES, level=95)),
    ("metric", lambda: metrics.probability_scorer("log_loss")),
    ("estimators", lambda: OptimizationDisplay.from_estimators({})),
    ("estimators", lambda: OptimizationDisplay.from_estimators([])),
    *(of_fit(name, **{name: Fraction(1, 2)}) for name in ("C", "l1_ratio", "tol")),
    of_fit("sample_weight", set(range(len(Y)))),
    of_fit("sample_weight", [{}] * len(Y)),
    of_fit("sample_weight", np.ones(len(Y)) + 1j),
    of_fit("sample_weight", np.ones((len(Y), 1, 1))),
    of_map("target_priors", target_priors="uniform"),
    of_map("target_priors", target_priors=[np.nan, 0.5, 0.5]),
    of_map("target_priors", target_priors={0: None, 1: 0.5, 2: 0.5}),
    of_map("classes", classes=[0, 1]),
    of_stream(3),
    of_stream([[0, 1, 2]]),
    of_stream({0, 1, 2}),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_an_error_begins_with_the_argument_that_is_wrong(number):
    argument, call = CALLS[number]
    with pytest.raises((TypeError, ValueError), match=rf"^{argument}\b"):
        call()
