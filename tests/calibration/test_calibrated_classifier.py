"""SoftmaxCalibratedClassifier: cross-fitted scores, one map, one model."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    cross_val_predict,
    train_test_split,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksoftmax import SoftmaxCalibratedClassifier, SoftmaxTransformer

ESTIMATORS = {
    # So exact that a weight of 2 is the row twice, whatever the kernels.
    "linear": LinearSVC(dual=False, tol=1e-10, random_state=0),
    # A bootstrap draws rows, so that a weight of 2 is not the row twice for such a forest itself.
    "forest": RandomForestClassifier(
        n_estimators=5, bootstrap=False, max_features=None, random_state=0
    ),
    "bayes": GaussianNB(),
}
EACH = pytest.mark.parametrize("name", ESTIMATORS)
CALIBRATIONS = [None, "temperature", "vector", "matrix", "structured", "auto"]
# The data of scikit-learn's checks are easy: their classes can be separated.
NOTHING_LEARNED = "ignore:The scores (are no better|tell the class|do not differ):UserWarning"


def make_data(n_classes=3, n_samples=400, seed=0):
    return make_classification(
        n_samples=n_samples, n_features=8, n_informative=6, n_classes=n_classes, class_sep=0.7,
        random_state=seed,
    )  # fmt: skip


@pytest.mark.filterwarnings(NOTHING_LEARNED)
@pytest.mark.filterwarnings("ignore:KNeighborsClassifier takes no sample_weight:UserWarning")
@pytest.mark.filterwarnings("ignore:.*rows were left out of the calibration:UserWarning")
@parametrize_with_checks([SoftmaxCalibratedClassifier(e) for e in ESTIMATORS.values()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@EACH
@pytest.mark.parametrize("calibration", CALIBRATIONS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_are_those_of_one_map_on_cross_fitted_scores(name, calibration, n_classes):
    X, y = make_data(n_classes)
    model = SoftmaxCalibratedClassifier(ESTIMATORS[name], calibration, cv=3, ensemble=False)
    model.fit(X, y)
    whole = clone(ESTIMATORS[name]).fit(X, y)
    if name == "linear":
        method, options = "decision_function", {}
    else:
        floor = None if calibration is None else "auto"
        method, options = "predict_proba", {"input": "probabilities", "floor": floor}
    scores = cross_val_predict(ESTIMATORS[name], X, y, cv=3, method=method)
    new = getattr(whole, method)(X)
    scores, new = (a[:, None] if a.ndim == 1 else a for a in (scores, new))
    by_hand = SoftmaxTransformer(calibration, **options).fit(scores, y)
    assert_allclose(model.predict_proba(X), by_hand.transform(new), atol=1e-6)


ENSEMBLES = pytest.mark.parametrize("ensemble", [True, False, "auto"])


@EACH
@ENSEMBLES
@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_are_means_over_classifiers_of_one_map(name, ensemble, n_classes):
    X, y = make_data(n_classes)
    model = SoftmaxCalibratedClassifier(ESTIMATORS[name], "vector", cv=3, ensemble=ensemble)
    model.fit(X, y)
    members = [clone(ESTIMATORS[name]).fit(X[i], y[i]) for i, _ in StratifiedKFold(3).split(X, y)]
    whole = [clone(ESTIMATORS[name]).fit(X, y)]
    expected = {True: members, False: whole, "auto": members + whole}[ensemble]
    assert len(model.estimators_) == len(expected)
    assert hasattr(model, "estimator_") == (ensemble is not True)
    assert ensemble is True or model.estimator_ is model.estimators_[-1]
    alone = SoftmaxCalibratedClassifier(ESTIMATORS[name], "vector", cv=3, ensemble=False)
    map_alone = alone.fit(X, y).calibrator_
    method = "decision_function" if name == "linear" else "predict_proba"
    answers = [map_alone.transform(np.c_[getattr(each, method)(X)]) for each in expected]
    assert_allclose(model.predict_proba(X), np.mean(answers, axis=0), atol=1e-6)
    assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), atol=1e-12)
    assert_array_equal(model.predict(X), model.predict_proba(X).argmax(axis=1))
    assert model.n_features_in_ == 8


@ENSEMBLES
def test_a_frozen_estimator_is_alone(ensemble):
    X, y = make_data()
    frozen = FrozenEstimator(LinearSVC(random_state=0).fit(X[:200], y[:200]))
    model = SoftmaxCalibratedClassifier(frozen, "vector", ensemble=ensemble)
    assert model.fit(X[200:], y[200:]).estimators_ == [model.estimator_]
    assert model.estimator_.estimator is frozen.estimator


@ENSEMBLES
def test_classifiers_that_lack_a_class_are_not_averaged(ensemble):
    X, y = make_data()
    order = np.argsort(y == 2, kind="stable")
    X, y = X[order], y[order]
    cv = [*KFold(2).split(X), *StratifiedKFold(2).split(X, y)]
    model = SoftmaxCalibratedClassifier(GaussianNB(), "vector", cv=cv, ensemble=ensemble)
    with pytest.warns(UserWarning, match="200 rows were left out"):
        model.fit(X, y)
    assert len(model.estimators_) == {True: 3, False: 1, "auto": 4}[ensemble]
    assert model.predict_proba(X).shape == (400, 3)


def test_what_ensemble_may_be_is_said():
    X, y = make_data()
    for ensemble in (None, "yes", 2, [True]):
        with pytest.raises(ValueError, match="ensemble must be one of True, False, 'auto'"):
            SoftmaxCalibratedClassifier(GaussianNB(), ensemble=ensemble).fit(X, y)


def test_log_probabilities_of_an_average_do_not_underflow():
    X, y = make_data(2)
    model = SoftmaxCalibratedClassifier(LinearSVC(random_state=0), None).fit(X, y)
    logs = model.predict_log_proba(1e4 * X)
    assert np.isfinite(logs).all() and logs.min() < -1000


@EACH
def test_log_loss_is_lower_than_without(name):
    X, y = make_data(n_samples=1200)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    plain = SoftmaxCalibratedClassifier(ESTIMATORS[name], None).fit(X, y)
    learned = SoftmaxCalibratedClassifier(ESTIMATORS[name]).fit(X, y)
    before, after = (log_loss(y_test, m.predict_proba(X_test)) for m in (plain, learned))
    assert after < before
    assert_allclose(np.exp(learned.predict_log_proba(X_test)), learned.predict_proba(X_test))


@EACH
@pytest.mark.parametrize("names", [["ash", "birch", "cedar"], [1, 2, 3], [-1, 7, 100]])
def test_labels_of_any_kind_give_the_same_probabilities(name, names):
    X, y = make_data()
    labels = pd.Series(np.array(names)[y], index=np.arange(len(y))[::-1] + 7)
    plain = SoftmaxCalibratedClassifier(ESTIMATORS[name], "vector").fit(X, y)
    named = SoftmaxCalibratedClassifier(ESTIMATORS[name], "vector").fit(X, labels)
    assert_array_equal(named.classes_, names)
    assert_allclose(named.predict_proba(X), plain.predict_proba(X), atol=1e-9)
    assert set(named.predict(X)) == set(names)
    assert_array_equal(named.predict(X), np.array(names)[plain.predict(X)])


@pytest.mark.parametrize("n_classes", [2, 3])
def test_temperature_keeps_the_predicted_class(n_classes):
    X, y = make_data(n_classes)
    model = SoftmaxCalibratedClassifier(LinearSVC(random_state=0), "temperature", ensemble=False)
    model.fit(X, y)
    assert_array_equal(model.predict(X), model.estimator_.predict(X))


def test_a_frozen_estimator_is_left_as_it_is():
    X, y = make_data()
    fitted = LinearSVC(random_state=0).fit(X[:200], y[:200])
    model = SoftmaxCalibratedClassifier(FrozenEstimator(fitted), "vector").fit(X[200:], y[200:])
    by_hand = SoftmaxTransformer("vector").fit(fitted.decision_function(X[200:]), y[200:])
    expected = by_hand.transform(fitted.decision_function(X))
    assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    weighted = clone(model).fit(X[200:], y[200:], sample_weight=np.full(len(X) - 200, 2.0))
    assert np.abs(weighted.predict_proba(X) - expected).max() < 0.05


def test_a_frozen_estimator_may_know_more_classes_than_y():
    X, y = make_data()
    fitted = LinearSVC(random_state=0).fit(X, np.array(["a", "b", "c"])[y])
    two = y < 2
    model = SoftmaxCalibratedClassifier(FrozenEstimator(fitted), "vector")
    model.fit(X[two], np.array(["a", "b", "c"])[y[two]])
    assert_array_equal(model.classes_, ["a", "b", "c"])
    assert model.predict_proba(X).shape == (len(X), 3)


def test_pairs_of_classes_are_refused():
    X, y = make_data()
    with pytest.raises(ValueError, match='decision_function_shape="ovr"'):
        SoftmaxCalibratedClassifier(SVC(decision_function_shape="ovo")).fit(X, y)
    two = y < 2
    model = SoftmaxCalibratedClassifier(SVC(decision_function_shape="ovo"), "vector")
    assert model.fit(X[two], y[two]).predict_proba(X).shape == (len(X), 2)


def test_what_has_no_scores_is_refused():
    X, y = make_data()
    with pytest.raises(TypeError, match="must be a classifier"):
        SoftmaxCalibratedClassifier(LinearRegression()).fit(X, y)


def test_folds_that_lack_a_class_are_left_out():
    X, y = make_data()
    order = np.argsort(y != 2, kind="stable")  # all of class 2 is in the first fold of two or so
    X, y = X[order], y[order]
    n_last = int((y == 2).sum())
    model = SoftmaxCalibratedClassifier(LinearSVC(random_state=0), "vector", cv=KFold(3))
    with pytest.warns(UserWarning, match=r"13\d rows were left out"):
        model.fit(X, y)
    assert n_last < 134 + 10 and model.predict_proba(X).shape == (400, 3)
    with pytest.raises(ValueError, match="every split lacks a class"):
        splits = [(np.flatnonzero(y == k), np.flatnonzero(y != k)) for k in (0,)]
        splits += [(np.flatnonzero(y != 0), np.flatnonzero(y == 0))]
        clone(model).set_params(cv=splits).fit(X, y)


def test_weights_go_to_classifier_and_map():
    X, y = make_data()
    weight = np.random.default_rng(0).random(len(y)) + 0.1
    model = SoftmaxCalibratedClassifier(LogisticRegression(), "vector", cv=3, ensemble=False)
    model.fit(X, y, sample_weight=weight)
    expected = LogisticRegression().fit(X, y, sample_weight=weight)
    assert_array_equal(model.estimator_.coef_, expected.coef_)
    scores = cross_val_predict(
        LogisticRegression(), X, y, cv=3, method="decision_function",
        params={"sample_weight": weight},
    )  # fmt: skip
    by_hand = SoftmaxTransformer("vector").fit(scores, y, sample_weight=weight)
    expected = by_hand.transform(model.estimator_.decision_function(X))
    assert_allclose(model.predict_proba(X), expected, rtol=1e-10)


def test_a_classifier_that_takes_no_weights_is_told_of():
    X, y = make_data()
    with pytest.warns(UserWarning, match="KNeighborsClassifier takes no sample_weight"):
        model = SoftmaxCalibratedClassifier(KNeighborsClassifier(), "temperature")
        model.fit(X, y, sample_weight=np.ones(len(y)))


def test_metadata_are_routed():
    X, y = make_data()
    weight, groups = np.random.default_rng(0).random(len(y)) + 0.1, np.arange(len(y)) % 7
    with config_context(enable_metadata_routing=True):
        estimator = LogisticRegression().set_fit_request(sample_weight=True)
        model = SoftmaxCalibratedClassifier(estimator, "vector", cv=GroupKFold(3))
        model.set_fit_request(sample_weight=True)
        model.fit(X, y, sample_weight=weight, groups=groups)
        expected = LogisticRegression().fit(X, y, sample_weight=weight)
        assert_array_equal(model.estimator_.coef_, expected.coef_)
        unweighted = LogisticRegression().set_fit_request(sample_weight=False)
        model = SoftmaxCalibratedClassifier(unweighted, "vector", cv=3)
        model.set_fit_request(sample_weight=True).fit(X, y, sample_weight=weight)
        assert_array_equal(model.estimator_.coef_, LogisticRegression().fit(X, y).coef_)


def test_jobs_do_not_change_the_answer():
    X, y = make_data()
    one = SoftmaxCalibratedClassifier(GaussianNB(), "vector").fit(X, y)
    two = SoftmaxCalibratedClassifier(GaussianNB(), "vector", n_jobs=2).fit(X, y)
    assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_sparse_matrices_frames_and_pipelines_pass_through():
    X, y = make_data()
    expected = SoftmaxCalibratedClassifier(LinearSVC(random_state=0), "vector").fit(X, y)
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(8)])
    for data in (scipy.sparse.csr_array(X), frame):
        model = SoftmaxCalibratedClassifier(LinearSVC(random_state=0), "vector").fit(data, y)
        assert_allclose(model.predict_proba(data), expected.predict_proba(X), atol=1e-3)
    assert_array_equal(model.feature_names_in_, frame.columns)
    piped = SoftmaxCalibratedClassifier(make_pipeline(StandardScaler(), LinearSVC(random_state=0)))
    assert piped.fit(frame, y).predict_proba(frame).shape == (400, 3)


def test_a_grid_search_over_calibrations_and_parameters_of_the_classifier():
    X, y = load_iris(return_X_y=True)
    model = SoftmaxCalibratedClassifier(SVC())
    grid = {"calibration": ["vector", "temperature"], "estimator__C": [0.1, 1.0]}
    search = GridSearchCV(model, grid, scoring="neg_log_loss", cv=StratifiedKFold(3)).fit(X, y)
    assert search.best_score_ > -0.3


def test_copies_answer_the_same_and_unfitted_ones_say_so():
    X, y = make_data()
    model = SoftmaxCalibratedClassifier(GaussianNB())
    for method in ("predict", "predict_proba", "predict_log_proba"):
        with pytest.raises(NotFittedError):
            getattr(model, method)(X)
    copied = pickle.loads(pickle.dumps(model.fit(X, y)))
    assert_array_equal(copied.predict_proba(X), model.predict_proba(X))
