"""ReliabilityDisplay: the axes are asked what they show."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sksoftmax import DecisionScores, ReliabilityDisplay, SoftmaxTransformer
from sksoftmax.metrics import reliability

matplotlib = pytest.importorskip("matplotlib")
pytestmark = pytest.mark.usefixtures("no_window")


@pytest.fixture
def fitted():
    X, y = load_iris(return_X_y=True)
    y = np.array(["ash", "birch", "cedar"])[y]
    return GaussianNB().fit(X[:, :1], y), X[:, :1], y


def assert_draws(display, name, curve):
    assert_array_equal(display.lines_[name].get_xdata(), curve.confidence)
    assert_array_equal(display.lines_[name].get_ydata(), curve.accuracy)


def test_the_most_probable_class_is_drawn(fitted):
    model, X, y = fitted
    weight = np.random.default_rng(0).random(len(y))
    display = ReliabilityDisplay.from_estimator(model, X, y, sample_weight=weight, n_bins=8)
    curve = reliability(y, model.predict_proba(X), sample_weight=weight, n_bins=8)
    assert_draws(display, "most probable class", curve)
    heights = [bar.get_height() for bar in display.histogram_ax_.patches]
    assert_allclose(heights, curve.weight / weight.sum())
    assert [bar.get_x() for bar in display.histogram_ax_.patches] == list(curve.lower)
    vertices = display.bands_["most probable class"].get_paths()[0].vertices
    assert_allclose(vertices[:, 1].min(), curve.low.min())
    assert_allclose(vertices[:, 1].max(), curve.high.max())
    assert display.ax_.get_ylabel() and display.histogram_ax_.get_xlabel() == "probability"


@pytest.mark.parametrize("per_class, names", [(True, ["ash", "birch", "cedar"]), (["birch"],) * 2])
def test_classes_are_drawn(fitted, per_class, names):
    model, X, y = fitted
    display = ReliabilityDisplay.from_predictions(y, model.predict_proba(X), per_class=per_class)
    assert list(display.lines_) == names
    for name in names:
        assert_draws(display, name, reliability(y, model.predict_proba(X), label=name))
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["perfectly calibrated", *names]


def test_axes_names_and_options_are_taken(fitted):
    import matplotlib.pyplot as plt

    model, X, y = fitted
    figure, ax = plt.subplots()
    display = ReliabilityDisplay.from_estimator(
        model, X, y, ax=ax, name="bayes", band=False, histogram=False, color="red",
        strategy="quantile",
    )  # fmt: skip
    assert display.ax_ is ax and display.figure_ is figure
    assert display.bands_ == {} and display.histogram_ax_ is None
    assert display.lines_["bayes"].get_color() == "red"
    assert ax.get_xlabel() == "probability"


def test_a_pipeline_that_ends_in_a_transformer_is_drawn():
    X, y = load_iris(return_X_y=True)
    scores = DecisionScores(LinearSVC(random_state=0))
    pipeline = make_pipeline(scores, SoftmaxTransformer("temperature")).fit(X, y)
    display = ReliabilityDisplay.from_estimator(pipeline, X, y)
    assert_draws(display, "most probable class", reliability(y, pipeline.transform(X)))


@pytest.mark.parametrize("n_rows", [5, 60, 4000])
def test_bins_are_as_many_as_the_sample_supports(n_rows):
    rng = np.random.default_rng(n_rows)
    top = rng.beta(4, 1, size=n_rows)
    proba, y = np.column_stack([1 - top, top]), (rng.random(n_rows) < top).astype(int)
    display = ReliabilityDisplay.from_predictions(y, proba, labels=[0, 1])
    curve = display.curves["most probable class"]
    fine = reliability(y, proba, labels=[0, 1], n_bins=15)
    assert (curve.weight >= 10).all() or len(curve.weight) == 1
    assert_allclose(curve.weight.sum(), n_rows)
    assert_allclose(curve.weight @ curve.confidence, fine.weight @ fine.confidence)
    assert_allclose(curve.weight @ curve.accuracy, fine.weight @ fine.accuracy)
    assert set(curve.lower) <= set(fine.lower) and set(curve.upper) <= set(fine.upper)
    assert (curve.upper[:-1] <= curve.lower[1:]).all()
    if fine.weight.min() >= 10:
        assert len(curve.weight) == len(fine.weight)


def test_the_histogram_stays_within_the_axes_that_were_given(fitted):
    import matplotlib.pyplot as plt

    model, X, y = fitted
    figure, axes = plt.subplots(2, 1)
    outer = axes[0].get_position()
    display = ReliabilityDisplay.from_estimator(model, X, y, ax=axes[0])
    figure.canvas.draw()
    for ax in (display.ax_, display.histogram_ax_):
        inner = ax.get_window_extent().transformed(figure.transFigure.inverted())
        assert outer.y0 - 1e-9 <= inner.y0 and inner.y1 <= outer.y1 + 1e-9
    assert display.histogram_ax_.get_window_extent().height > 20
