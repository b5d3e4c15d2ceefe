"""OptimizationDisplay: the axes are asked what they show."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from registry import draw
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftmax import OptimizationDisplay, SoftmaxRegression

matplotlib = pytest.importorskip("matplotlib")
pytestmark = pytest.mark.usefixtures("no_window")
X, Y = draw(120, 5, 3)


@pytest.fixture(scope="module")
def models():
    return {name: SoftmaxRegression(solver=name).fit(X, Y) for name in ("gd", "lbfgs", "newton")}


@pytest.mark.parametrize("x", ["iterations", "time"])
def test_objectives_are_drawn(models, x):
    display = OptimizationDisplay.from_estimators(models, x=x, distance=False)
    assert list(display.lines_) == list(models) and display.validation_lines_ == {}
    for name, model in models.items():
        line = display.lines_[name]
        assert_array_equal(line.get_ydata(), model.objective_curve_)
        along = model.time_curve_ if x == "time" else np.arange(model.n_iter_ + 1)
        assert_array_equal(line.get_xdata(), along)
    assert display.ax_.get_xlabel() == {"iterations": "steps", "time": "seconds"}[x]
    assert display.ax_.get_ylabel() == "objective"
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == list(models)
    assert display.ax_.get_yscale() == "linear" and display.tol_lines_ == {}


def test_distances_are_bounds_on_a_logarithmic_scale(models):
    display = OptimizationDisplay.from_estimators(models)
    best = SoftmaxRegression(tol=1e-13).fit(X, Y).objective_
    for name, model in models.items():
        heights = display.lines_[name].get_ydata()
        assert (heights >= model.objective_curve_ - best - 1e-15).all()
        assert heights[-1] == pytest.approx(model.gap_, rel=1e-6)
    assert display.ax_.get_yscale() == "log"
    assert display.ax_.get_ylabel() == "distance to the optimum"


def test_the_distance_that_tol_asks_for_is_drawn(models):
    other = SoftmaxRegression(tol=1e-3).fit(X, Y)
    display = OptimizationDisplay.from_estimators({**models, "loose": other})
    assert list(display.tol_lines_) == ["gd", "loose"]  # that of the others is that of "gd"
    for name, model in (("gd", models["gd"]), ("loose", other)):
        height = display.tol_lines_[name].get_ydata()[0]
        assert height == pytest.approx(model.tol * model.objective_)
        assert (display.lines_[name].get_ydata()[-1] <= height) == model.converged_
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == [*models, "loose", "tol = 1e-06", "tol = 0.001"]
    exact = SoftmaxRegression(tol=0, C=0.1).fit(X, Y)
    assert OptimizationDisplay.from_estimator(exact).tol_lines_ == {}


def test_a_stream_of_which_nothing_is_proved_is_drawn_without_a_warning():
    stream = SoftmaxRegression(solver="sgd").partial_fit(X, Y, classes=[0, 1, 2])
    display = OptimizationDisplay.from_estimator(stream)
    display.figure_.canvas.draw()
    (line,) = display.lines_.values()
    assert len(line.get_ydata()) and np.isfinite(line.get_ydata()).all()


def test_where_nothing_is_proved_the_least_value_is_the_bound(models):
    model = SoftmaxRegression(solver="gd").fit(X, Y)
    model.gap_ = np.inf
    display = OptimizationDisplay.from_estimator(model, distance=True, name="gd")
    heights = display.lines_["gd"].get_ydata()
    assert_array_equal(heights, model.objective_curve_ - model.objective_curve_.min())


def test_losses_of_rows_held_out_are_drawn(models):
    model = SoftmaxRegression(early_stopping=True, random_state=0, C=1e4).fit(X, Y)
    display = OptimizationDisplay.from_estimators({"early": model, **models}, distance=False)
    assert list(display.validation_lines_) == ["early"]
    assert_array_equal(display.validation_lines_["early"].get_ydata(), model.validation_curve_)
    for options in ({"validation": False, "distance": False}, {}):
        display = OptimizationDisplay.from_estimator(model, **options)
        assert display.validation_lines_ == {}


def test_pipelines_and_searches_are_drawn(models):
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegression()).fit(X, Y)
    search = GridSearchCV(pipeline, {"softmaxregression__C": [0.1, 1.0]}, cv=2).fit(X, Y)
    display = OptimizationDisplay.from_estimators({"one": pipeline, "two": search}, distance=False)
    assert_array_equal(display.lines_["one"].get_ydata(), pipeline[-1].objective_curve_)
    best = search.best_estimator_[-1]
    assert_array_equal(display.lines_["two"].get_ydata(), best.objective_curve_)


def test_names_are_what_estimators_print_as(models):
    display = OptimizationDisplay.from_estimators([*models.values(), models["gd"]])
    text = "SoftmaxRegression(solver='gd')"
    assert next(iter(display.lines_)) == text and list(display.lines_)[-1] == f"{text} (2)"
    assert list(OptimizationDisplay.from_estimator(models["gd"]).lines_) == [text]


def test_axes_and_options_are_taken(models):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    display = OptimizationDisplay.from_estimator(models["gd"], ax=ax, color="red", name="descent")
    assert display.ax_ is ax and display.figure_ is figure
    assert display.lines_["descent"].get_color() == "red"


def test_bad_input_is_refused(models):
    with pytest.raises(ValueError, match="x must be one of"):
        OptimizationDisplay.from_estimators(models, x="steps")
    with pytest.raises(NotFittedError):
        OptimizationDisplay.from_estimator(SoftmaxRegression())
    with pytest.raises(TypeError, match="LogisticRegression keeps none"):
        OptimizationDisplay.from_estimator(LogisticRegression().fit(X, Y))
