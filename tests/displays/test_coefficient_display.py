"""CoefficientDisplay: the axes are asked what they show."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris

from sksoftmax import CoefficientDisplay, SoftmaxRegression, infer

matplotlib = pytest.importorskip("matplotlib")
pytestmark = pytest.mark.usefixtures("no_window")
X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


@pytest.fixture(scope="module")
def fit():
    return SoftmaxRegression().fit(X, NAMES)


def drawn(container):
    """Points and ends of the intervals, and the height of the points."""
    points, _, (bars,) = container.lines
    ends = np.array([segment[:, 0] for segment in bars.get_segments()])
    return points.get_xdata(), ends[:, 0], ends[:, 1], points.get_ydata()


@pytest.mark.parametrize("reference", [None, "setosa"])
@pytest.mark.parametrize("level", [0.95, 0.5])
def test_intervals_of_each_class_are_drawn(fit, reference, level):
    inference = infer(fit, X, NAMES, reference=reference)
    display = CoefficientDisplay.from_inference(inference, level=level)
    assert list(display.errorbars_) == inference.classes.tolist()
    lower, upper = inference.confidence_interval(level)
    for row, label in enumerate(inference.classes):
        middle, left, right, _ = drawn(display.errorbars_[label])
        assert_allclose(middle, inference.coef[row, :4])
        assert_allclose(left, lower[row, :4])
        assert_allclose(right, upper[row, :4])
    assert display.no_effect_line_.get_xdata()[0] == 0 and display.ax_.get_xscale() == "linear"
    against = "the mean of the classes" if reference is None else reference
    assert (
        display.ax_.get_xlabel() == f"coefficient, against {against}, {100 * level:g} % intervals"
    )
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == inference.classes.tolist() and display.figure_ is display.ax_.figure


def test_odds_ratios_are_those_of_the_inference(fit):
    inference = infer(fit, X, NAMES, reference="virginica")
    display = CoefficientDisplay.from_inference(inference, kind="odds_ratio")
    table = inference.odds_ratios()
    for label, container in display.errorbars_.items():
        own = table[(table["class"] == label) & (table["feature"] != "intercept")]
        middle, left, right, _ = drawn(container)
        assert_allclose(middle, own["coef"])
        assert_allclose(left, own["lower"])
        assert_allclose(right, own["upper"])
    assert display.no_effect_line_.get_xdata()[0] == 1 and display.ax_.get_xscale() == "log"


def test_features_come_from_the_top_and_classes_apart(fit):
    inference = infer(fit, X, NAMES)
    display = CoefficientDisplay.from_inference(inference, intercept=True)
    names = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert names == inference.features.tolist() == ["x0", "x1", "x2", "x3", "intercept"]
    bottom, top = display.ax_.get_ylim()
    assert bottom > top
    heights = np.array([drawn(container)[3] for container in display.errorbars_.values()])
    assert (np.diff(heights, axis=0) > 0).all() and (np.round(heights) == np.arange(5)).all()
    assert_allclose(heights.mean(axis=0), np.arange(5), atol=1e-12)


def test_what_was_asked_of_infer_is_drawn(fit):
    inference = infer(fit, X, NAMES, features=["x2", "x0"], classes=["virginica"])
    figure, ax = matplotlib.pyplot.subplots()
    display = CoefficientDisplay.from_inference(inference, ax=ax, color="red", marker="s")
    assert display.ax_ is ax and display.figure_ is figure and ax.get_legend() is None
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["x0", "x2"]
    points = display.errorbars_["virginica"].lines[0]
    assert points.get_color() == "red" and points.get_marker() == "s"
    assert ax.get_xlabel().startswith("coefficient, virginica against the mean of the classes")


def test_two_classes_are_the_second_against_the_first():
    fit = SoftmaxRegression().fit(X, Y == 2)
    display = CoefficientDisplay.from_inference(infer(fit, X, Y == 2))
    assert list(display.errorbars_) == [True]
    assert_allclose(drawn(display.errorbars_[True])[0], fit.coef_[0], rtol=1e-2)
    assert display.ax_.get_xlabel().startswith("coefficient, True against False")


def test_an_odds_ratio_beyond_all_numbers_is_not_drawn():
    display = CoefficientDisplay(
        np.array([[2.0, np.inf]]), lower=np.array([[1.0, 1e300]]),
        upper=np.array([[np.inf, np.inf]]), classes=["a"], features=["x", "y"],
        kind="odds_ratio", reference="b",
    ).plot()  # fmt: skip
    display.figure_.canvas.draw()
    assert_allclose(display.errorbars_["a"].lines[0].get_xdata(), [2.0, np.nan])


def test_bad_parameters_are_named(fit):
    inference = infer(fit, X, NAMES)
    for bad, error, message in (
        (dict(kind="odds"), ValueError, "kind must be one of"),
        (dict(level=1.5), ValueError, "level"),
        (dict(intercept="yes"), TypeError, "intercept"),
    ):
        with pytest.raises((error, ValueError), match=message):
            CoefficientDisplay.from_inference(inference, **bad)
    with pytest.raises(TypeError, match=r"sksoftmax.infer\(model, X, y\)"):
        CoefficientDisplay.from_inference(fit)
    only = infer(fit, X, NAMES, features=["intercept"])
    with pytest.raises(ValueError, match="intercept=True"):
        CoefficientDisplay.from_inference(only)
