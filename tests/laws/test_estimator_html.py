"""The HTML of estimators, as notebooks show it: what was proved, and a link to the page."""

import re

import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

import sksoftmax
from sksoftmax import (
    DecisionScores,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
)

X, Y = load_iris(return_X_y=True)
ESTIMATORS = {
    type(e).__name__: e
    for e in (
        DecisionScores(GaussianNB()),
        SoftmaxCalibratedClassifier(GaussianNB()),
        SoftmaxRegression(),
        SoftmaxRegressionCV(Cs=2, cv=2),
        SoftmaxTransformer("temperature"),
    )
}
SITE = "https://sksoftmax.readthedocs.io/en/stable/generated/"


def captions(html):
    return re.findall(r'<div class="caption">(.*?)</div>', html)


def test_every_estimator_is_here():
    public = [getattr(sksoftmax, name) for name in sksoftmax.__all__]
    assert {e.__name__ for e in public if hasattr(e, "fit")} == set(ESTIMATORS)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_page_of_the_class_is_linked(name):
    link = f'href="{SITE}sksoftmax.{name}.html"'
    estimator = clone(ESTIMATORS[name])
    with config_context(display="diagram"):
        before = make_pipeline(StandardScaler(), estimator)._repr_html_()
        html = estimator.fit(X[:, :3], Y)._repr_html_()
        assert estimator._repr_mimebundle_()["text/html"]
    assert link in before and link in html
    assert captions(before) == []


def test_classes_of_others_have_no_page_here():
    class Own(SoftmaxRegression):
        pass

    assert SITE not in estimator_html_repr(Own())


def test_a_fit_says_what_it_proved_and_by_what():
    model = SoftmaxRegression().fit(X, Y)
    (caption,) = captions(estimator_html_repr(model))
    assert caption.startswith("converged: gap ") and caption.endswith(f"solver {model.solver_}")
    assert f"{model.gap_:.1e}" in caption
    with pytest.warns(ConvergenceWarning):
        model.set_params(max_iter=1, solver="gd").fit(X, Y)
    (caption,) = captions(estimator_html_repr(make_pipeline(model)))
    assert caption.startswith("not converged: ") and caption.endswith("solver gd")
    stream = SoftmaxRegression(solver="sgd").partial_fit(X, Y, classes=[0, 1, 2])
    assert "no gap proved" in captions(estimator_html_repr(stream))[0]


def test_what_was_chosen_or_learned_is_said():
    model = SoftmaxRegressionCV(Cs=[0.1, 10.0], cv=2).fit(X, Y)
    assert captions(estimator_html_repr(model)) == [f"chosen: C = {model.C_:g}, l1_ratio = 0"]
    scaled = SoftmaxTransformer("temperature").fit(model.decision_function(X), Y)
    (caption,) = captions(estimator_html_repr(scaled))
    assert caption == f"calibration: temperature, temperature {scaled.temperature_:.3g}"
