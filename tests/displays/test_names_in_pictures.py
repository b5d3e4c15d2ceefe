"""Laws of every display: it needs matplotlib, and shows names of the user's as they are."""

import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from sklearn.datasets import load_iris

from sksoftmax import (
    CoefficientDisplay,
    OptimizationDisplay,
    PathDisplay,
    ReliabilityDisplay,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    infer,
)

pytestmark = pytest.mark.usefixtures("no_window")
X, Y = load_iris(return_X_y=True)
# Mathematics that does not parse, some that does, and what legends leave out.
NAMES = ["$%$ and $_$", "$x$", "_hidden", r"a\$b$"]
LABELS = np.array(NAMES)[Y]


def search():
    frame = pd.DataFrame(X, columns=NAMES)
    return SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=2, scoring=None).fit(frame, LABELS)


def model(**options):
    return SoftmaxRegression(max_iter=50, **options).fit(X, LABELS)


def intervals(**drawing):
    frame = pd.DataFrame(X, columns=NAMES)
    fit = SoftmaxRegression().fit(frame, LABELS)
    return CoefficientDisplay.from_inference(infer(fit, frame, LABELS), **drawing)


DISPLAYS = {
    "intervals": lambda: (intervals(), NAMES[:3]),
    "coefficients": lambda: (PathDisplay.from_estimator(search(), kind="coefficients"), NAMES),
    "coefficients of a class": lambda: (
        PathDisplay.from_estimator(search(), kind="coefficients", label=NAMES[0]), NAMES
    ),
    "scores": lambda: (
        PathDisplay(
            [1, 2], scores=np.eye(2), coefs=np.ones((2, 1, 1)), C=1, score_name=NAMES[0]
        ).plot(),
        [],
    ),
    "reliability by class": lambda: (
        ReliabilityDisplay.from_estimator(model(), X, LABELS, per_class=True), NAMES[:3]
    ),
    "reliability": lambda: (
        ReliabilityDisplay.from_estimator(model(), X, LABELS, name=NAMES[0]), NAMES[:1]
    ),
    "descents": lambda: (
        OptimizationDisplay.from_estimators({name: model() for name in NAMES}), NAMES
    ),
    "descents with rows held out": lambda: (
        OptimizationDisplay.from_estimator(
            model(early_stopping=True, random_state=0), name=NAMES[0]
        ),
        NAMES[:1],
    ),
}  # fmt: skip


def shown(text):
    """What matplotlib draws of a text, and whether that is mathematics."""
    return text._preprocess_math(text.get_text())


@pytest.mark.parametrize("name", DISPLAYS)
def test_names_are_drawn_as_they_are(name):
    display, names = DISPLAYS[name]()
    display.figure_.canvas.draw()
    display.ax_.legend()  # as a user may, to place it elsewhere
    display.figure_.canvas.draw()
    drawn = [shown(text) for text in display.ax_.get_legend().get_texts()]
    texts = {text.strip() for text, mathematics in drawn if not mathematics}
    assert set(names) <= texts
    for axis in (display.ax_.xaxis, display.ax_.yaxis):
        assert not shown(axis.label)[1]
    plt.close(display.figure_)


@pytest.mark.parametrize("name", DISPLAYS)
def test_without_matplotlib_the_message_says_what_to_install(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError, match=r"Display needs matplotlib: pip install sksoftmax\[plot\]"
    ):
        DISPLAYS[name]()
