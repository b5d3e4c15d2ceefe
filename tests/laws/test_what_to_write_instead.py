"""Those who come from LogisticRegression are told what to write instead."""

import inspect

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftmax import (
    DecisionScores,
    ElasticNet,
    GroupLasso,
    PathDisplay,
    ReliabilityDisplay,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
    metrics,
)
from sksoftmax._solvers import COMPOSITE_SOLVERS, SOLVERS

X, Y = load_iris(return_X_y=True)
LINEAR = pytest.mark.parametrize("make", [SoftmaxRegression, SoftmaxRegressionCV])
PENALTIES = {
    "l1": "write l1_ratio=1.0", "l2": "write l1_ratio=0.0", None: "write C=np.inf",
    "none": "write C=np.inf",
    "lasso": "l1_ratio is the share",
    ElasticNet: r"write penalty=ElasticNet\(\)", GroupLasso: r"write penalty=GroupLasso\(\)",
}  # fmt: skip
NORMS = pytest.mark.parametrize("make", [ElasticNet, GroupLasso])


@LINEAR
@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalties_of_logistic_regression_are_refused_with_what_to_write(make, penalty):
    with pytest.raises((TypeError, ValueError), match=PENALTIES[penalty]):
        make(penalty=penalty).fit(X, Y)


@LINEAR
@pytest.mark.parametrize(
    "solver",
    sorted(
        LogisticRegression._parameter_constraints["solver"][0].options
        - {*SOLVERS, *COMPOSITE_SOLVERS}
    ),
)
def test_solvers_of_logistic_regression_are_refused_with_what_to_write(make, solver):
    with pytest.raises(ValueError, match="scikit-learn's LogisticRegression: write solver='auto'"):
        make(solver=solver).fit(X, Y)


ESTIMATORS = {
    "SoftmaxRegression": SoftmaxRegression(),
    "SoftmaxRegressionCV": SoftmaxRegressionCV(Cs=2, cv=2),
    "SoftmaxCalibratedClassifier": SoftmaxCalibratedClassifier(SoftmaxRegression()),
    "DecisionScores": DecisionScores(SoftmaxRegression()),
    "SoftmaxTransformer": SoftmaxTransformer("temperature"),
}
PROBA = SoftmaxRegression().fit(X, Y).predict_proba(X)
LABELLED = {
    **{f"{name}.fit": (lambda y, e=e: e.fit(X, y)) for name, e in ESTIMATORS.items()},
    "weighted": lambda y: ESTIMATORS["SoftmaxCalibratedClassifier"].fit(X, y, np.ones(150)),
    "fit_transform": lambda y: ESTIMATORS["DecisionScores"].fit_transform(X, y),
    "partial_fit": lambda y: SoftmaxRegression(solver="sgd").partial_fit(X, y, [0, 1, 2]),
    "score": lambda y: SoftmaxRegression().fit(X, Y).score(X, y),
    "score of a search": lambda y: clone(ESTIMATORS["SoftmaxRegressionCV"]).fit(X, Y).score(X, y),
    "display": lambda y: ReliabilityDisplay.from_estimator(SoftmaxRegression().fit(X, Y), X, y),
    **{
        name: (lambda y, name=name: getattr(metrics, name)(y, PROBA))
        for name in metrics.__all__
        if "y_true" in inspect.signature(getattr(metrics, name)).parameters
    },
}


@pytest.mark.parametrize("call", LABELLED)
def test_no_labels_are_said_to_be_missing(call):
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        LABELLED[call](None)


# -- penalties are parameters ---------------------------------------------------------------------


@NORMS
def test_parameters_of_a_penalty_are_got_set_and_cloned(make):
    model = SoftmaxRegression(penalty=make())
    assert model.get_params()["penalty__penalty_factor"] is None
    other = clone(model).set_params(penalty__penalty_factor=[1, 2, 1, 1])
    assert other.penalty.penalty_factor == [1, 2, 1, 1] and model.penalty.penalty_factor is None
    assert clone(other).penalty is not other.penalty
    assert clone(other).penalty.get_params() == other.penalty.get_params()
    with pytest.raises(ValueError, match="Invalid parameter 'factor'"):
        other.set_params(penalty__factor=1)


@NORMS
@pytest.mark.parametrize("of_search", [False, True])
def test_a_search_chooses_penalty_factors(make, of_search):
    factors = [[1, 1, np.inf, np.inf], [1, 1, 1, 1]]
    model = (
        SoftmaxRegressionCV(Cs=[1.0], l1_ratios=[0.5], cv=2, penalty=make())
        if of_search
        else SoftmaxRegression(l1_ratio=0.5, penalty=make())
    )
    search = GridSearchCV(model, {"penalty__penalty_factor": factors}, cv=3).fit(X, Y)
    assert search.best_params_["penalty__penalty_factor"] == factors[1]
    assert search.cv_results_["mean_test_score"][0] < search.best_score_
    assert model.penalty.penalty_factor is None


# -- pictures of what is inside a pipeline --------------------------------------------------------


def test_a_path_is_drawn_of_a_pipeline_and_of_a_search(no_window):
    names = np.array(["sepal length", "sepal width", "petal length", "petal width"])
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=2))
    search = GridSearchCV(pipeline, {"softmaxregressioncv__Cs": [[0.1, 1.0]]}, cv=2)
    for estimator in (pipeline, search):
        frame = pd.DataFrame(X, columns=names)
        estimator.fit(frame, Y)
        display = PathDisplay.from_estimator(estimator, kind="coefficients")
        assert set(display.feature_names) == set(names)
        own = pipeline if estimator is pipeline else search.best_estimator_
        assert display.C == own[-1].C_


@pytest.mark.parametrize("estimator", [SoftmaxRegression(), StandardScaler()])
def test_what_has_no_path_is_named(estimator):
    with pytest.raises(TypeError, match=f"got {type(estimator).__name__}"):
        PathDisplay.from_estimator(make_pipeline(StandardScaler(), estimator))


# -- what is wanted is said ------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["a", -1, 2**32, np.random.default_rng(0)])
def test_a_bad_seed_is_named(bad):
    model = SoftmaxRegression(random_state=bad)
    with pytest.raises(ValueError, match=r"random_state must be None, an integer from 0.*got "):
        model.fit(X, Y)
    assert not hasattr(model, "coef_")


def test_a_warm_start_from_other_classes_says_what_to_do():
    model = SoftmaxRegression(warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=r"fit a clone, or set warm_start=False"):
        model.fit(X, Y + 1)


def test_metrics_name_their_own_argument():
    with pytest.raises(ValueError, match="y_true contains NaN"):
        metrics.expected_calibration_error(np.full(len(Y), np.nan), PROBA)
