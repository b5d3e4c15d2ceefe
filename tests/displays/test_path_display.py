"""PathDisplay: the axes are asked what they show."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from registry import draw

from sksoftmax import PathDisplay, SoftmaxRegression, SoftmaxRegressionCV

matplotlib = pytest.importorskip("matplotlib")
pytestmark = pytest.mark.usefixtures("no_window")
X, Y = draw(120, 6, 3)
NAMES = np.array(["ash", "birch", "cedar"])


@pytest.fixture(scope="module")
def model():
    return SoftmaxRegressionCV(6, l1_ratios=[0.5, 1.0], cv=4, rule="1se", tol=1e-4).fit(X, NAMES[Y])


def test_scores_are_drawn_with_their_errors(model):
    ratio = list(model.l1_ratios_).index(model.l1_ratio_)
    display = PathDisplay.from_estimator(model)
    scores = model.scores_[:, ratio]
    assert_array_equal(display.lines_[0].get_xdata(), model.Cs_)
    assert_allclose(display.lines_[0].get_ydata(), scores.mean(axis=0))
    bars = display.errorbar_.lines[2][0].get_segments()
    lengths = [np.ptp(bar[:, 1]) for bar in bars]
    assert_allclose(lengths, 2 * scores.std(axis=0, ddof=1) / 2)
    assert display.chosen_line_.get_xdata()[0] == model.C_
    best = model.Cs_[np.argmax(scores.mean(axis=0))]
    assert best > model.C_ and display.best_line_.get_xdata()[0] == best
    assert display.ax_.get_xscale() == "log" and display.ax_.get_ylabel() == "neg_log_loss"
    assert display.figure_ is display.ax_.figure


def test_coefficients_are_drawn_by_feature_or_for_a_class(model):
    coefs = model.coef_path_[0, :, :, :-1]
    display = PathDisplay.from_estimator(model, l1_ratio=0.5, kind="coefficients", most_names=2)
    assert_allclose(
        np.array([line.get_ydata() for line in display.lines_]).T, np.linalg.norm(coefs, axis=1)
    )
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert len(legend) == 3 and display.errorbar_ is None
    colors = [line.get_color() for line in display.lines_]
    assert colors.count("silver") == 4 and {"C0", "C1"} < set(colors)
    assert display.ax_.get_ylabel() == "norm over classes"
    display.plot(kind="coefficients", label="birch", color="red")
    assert_allclose(np.array([line.get_ydata() for line in display.lines_]).T, coefs[:, 1])
    assert display.lines_[0].get_color() == "red"
    assert display.ax_.get_ylabel() == "coefficient, birch"


def test_two_classes_have_one_row():
    two = SoftmaxRegressionCV([0.1, 1.0], cv=2, fit_intercept=False).fit(X, Y == 1)
    display = PathDisplay.from_estimator(two, kind="coefficients")
    assert len(display.lines_) == 6
    assert_allclose(display.lines_[3].get_ydata(), two.coef_path_[0, :, 0, 3])
    assert display.ax_.get_ylabel() == "coefficient"
    display.plot(kind="coefficients", label=False)
    assert_allclose(display.lines_[3].get_ydata(), -two.coef_path_[0, :, 0, 3])


def test_axes_are_taken_and_bad_options_named(model):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    display = PathDisplay.from_estimator(model, ax=ax)
    assert display.ax_ is ax and display.figure_ is figure
    for bad in ({"l1_ratio": 0.3}, {"kind": "x"}, {"kind": "coefficients", "label": "oak"},
                {"most_names": -1}):  # fmt: skip
        with pytest.raises(ValueError, match=list(bad)[-1]):
            PathDisplay.from_estimator(model, **bad)
    with pytest.raises(TypeError, match="SoftmaxRegressionCV"):
        PathDisplay.from_estimator(SoftmaxRegression().fit(X, Y))


def test_numbers_alone_are_enough():
    display = PathDisplay([0.1, 1.0], scores=np.zeros((2, 2)), coefs=np.ones((2, 3, 4)), C=0.1)
    assert display.plot().ax_.get_ylabel() == "score"
    assert len(display.plot(kind="coefficients").lines_) == 4
