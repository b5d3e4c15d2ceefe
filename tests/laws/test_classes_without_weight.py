"""A class whose rows have no weight stays a class, and changes nothing else of the model."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from sksoftmax import (
    GroupLasso,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
)

X, Y = load_iris(return_X_y=True)
NAMES = np.array(["a", "b", "c"])[Y]
WITHOUT = np.where(Y == 1, 0.0, np.random.default_rng(0).uniform(0.5, 2, 150))
ONLY = np.where(Y == 2, WITHOUT, 0.0)
MODELS = {
    "ridge": SoftmaxRegression(),
    "newton": SoftmaxRegression(solver="newton", C=1e3),
    "l1": SoftmaxRegression(l1_ratio=1.0),
    "groups": SoftmaxRegression(l1_ratio=0.5, penalty=GroupLasso()),
    "balanced": SoftmaxRegression(class_weight="balanced"),
    "early stopping": SoftmaxRegression(early_stopping=True, random_state=0),
    "path": SoftmaxRegressionCV(Cs=3, cv=2),
    "path, mean of folds": SoftmaxRegressionCV(Cs=3, cv=2, refit=False),
    "path of l1": SoftmaxRegressionCV(Cs=3, cv=2, l1_ratios=(1.0,)),
}
FORMATS = {"dense": np.asarray, "sparse": sp.csr_array, "float32": np.float32}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def assert_next_to_nothing(probability, own):
    assert_allclose(probability.sum(axis=1), 1, rtol=1e-6)
    assert (probability[:, own] < 1e-15).all() and (probability[:, own] > 0).all()


@each_model
@pytest.mark.parametrize("rows", FORMATS.values(), ids=FORMATS)
def test_the_other_classes_are_fitted_as_without_its_rows(model, rows):
    model.fit(rows(X), NAMES, WITHOUT)
    probability, log_probability = model.predict_proba(X), model.predict_log_proba(X)
    assert model.classes_.tolist() == ["a", "b", "c"] and model.coef_.shape == (3, 4)
    assert_next_to_nothing(probability, 1)
    assert np.isfinite(log_probability).all() and "b" not in model.predict(X)
    kept = WITHOUT > 0
    model.fit(rows(X)[kept], NAMES[kept], WITHOUT[kept])
    assert_allclose(probability[:, [0, 2]], model.predict_proba(X), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("model", [MODELS["ridge"], MODELS["path"]], ids=["ridge", "path"])
def test_no_row_however_far_away_is_taken_for_it(model):
    far = 10.0 ** np.random.default_rng(0).uniform(-3, 8, (500, 1))
    far = far * np.random.default_rng(1).standard_normal((500, 4))
    model.fit(X, Y, WITHOUT)
    assert (model.predict_proba(far)[:, 1] < 1e-15).all()


@each_model
@pytest.mark.parametrize("own", [0, 1, 2])
def test_a_class_weight_of_nothing_is_rows_without_weight(model, own):
    if model.class_weight is not None:
        pytest.skip("has class weights of its own")
    expected = model.fit(X, Y, (own != Y).astype(float)).predict_proba(X)
    model.set_params(class_weight={own: 0}).fit(X, Y)
    assert_allclose(model.predict_proba(X), expected, rtol=1e-6, atol=1e-15)
    model.set_params(class_weight=None)


@pytest.mark.parametrize("solver", ["auto", "proximal", "sgd", "newton"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_all_the_weight_may_be_of_one_class(n_classes, solver):
    y = np.minimum(Y, n_classes - 1)
    weight = (y == n_classes - 1).astype(float)
    model = SoftmaxRegression(solver=solver).fit(X, y, weight)
    assert model.predict_proba(X).shape == (150, n_classes) and not model.coef_.any()
    assert_allclose(model.predict_proba(X)[:, -1], 1, rtol=1e-15)
    assert model.converged_ and model.objective_ == model.gap_ == 0
    assert model.decision_function(X).shape == ((150,) if n_classes == 2 else (150, 3))
    assert_allclose(model.intercept_.sum(), 0, atol=1e-12) if n_classes > 2 else None


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_column_of_soft_targets_without_probability_stays(fit_intercept):
    shares = np.random.default_rng(0).dirichlet(np.ones(4), 150)
    shares[:, 2] = 0
    shares /= shares.sum(axis=1, keepdims=True)
    model = SoftmaxRegression(fit_intercept=fit_intercept).fit(X, shares)
    assert model.classes_.tolist() == [0, 1, 2, 3] and model.converged_
    if fit_intercept:
        assert_next_to_nothing(model.predict_proba(X), 2)


def test_without_an_intercept_it_is_a_class_like_any_other():
    model = SoftmaxRegression(fit_intercept=False, tol=1e-10).fit(X, Y, WITHOUT)
    theirs = LogisticRegression(fit_intercept=False, tol=1e-10, max_iter=5000).fit(X, Y, WITHOUT)
    assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_without_an_intercept_it_is_a_class_like_any_other_in_folds(l1_ratio):
    options = {"cv": 2, "l1_ratios": (l1_ratio,), "fit_intercept": False, "tol": 1e-10}
    model = SoftmaxRegressionCV([0.1], **options, refit=False).fit(X, Y, WITHOUT)
    folds = StratifiedKFold(2).split(X, Y)
    for matrix, (rows, _) in zip(model.coefs_paths_[:, 0, 0], folds, strict=True):
        one = SoftmaxRegression(0.1, l1_ratio=l1_ratio, fit_intercept=False, tol=1e-10)
        assert_allclose(matrix, one.fit(X[rows], Y[rows], WITHOUT[rows]).coef_, atol=1e-4)
    assert_allclose(model.coef_, model.coefs_paths_[:, 0, 0].mean(axis=0))


def test_smoothed_labels_give_it_weight():
    model = SoftmaxRegression(label_smoothing=0.3).fit(X, Y, WITHOUT)
    assert model.predict_proba(X)[:, 1].mean() > 0.05


def test_a_warm_start_is_never_worse_than_a_cold_one():
    for before, after in ((None, WITHOUT), (WITHOUT, None), (ONLY, None), (None, ONLY)):
        model = SoftmaxRegression(warm_start=True).fit(X, Y, before).fit(X, Y, after)
        cold = SoftmaxRegression().fit(X, Y, after)
        assert model.converged_
        assert_allclose(model.objective_, cold.objective_, rtol=2e-6, atol=0)


def test_a_stream_may_have_classes_without_weight():
    model = SoftmaxRegression(solver="sgd", class_weight={1: 0})
    model.partial_fit(X, Y, classes=[0, 1, 2])
    assert (model.predict_proba(X)[:, 1] < 0.34).all()


@pytest.mark.filterwarnings("ignore:The scores tell the class")
def test_members_of_an_ensemble_agree_on_the_classes():
    y = Y.copy()
    y[:2] = 7  # in few of the samples
    bag = BaggingClassifier(SoftmaxRegression(), n_estimators=20, random_state=0).fit(X, y)
    assert bag.predict_proba(X).shape == (150, 4)
    votes = [("one", SoftmaxRegression()), ("other", LogisticRegression(max_iter=500))]
    vote = VotingClassifier(votes, voting="soft").fit(X, Y, sample_weight=WITHOUT)
    assert_allclose(vote.predict_proba(X).sum(axis=1), 1)
    calibrated = SoftmaxCalibratedClassifier(SoftmaxRegression(), cv=3).fit(X, Y, WITHOUT)
    assert calibrated.predict_proba(X).shape == (150, 3)


@pytest.mark.parametrize("y", [np.zeros(150), np.full(150, "a")])
def test_one_class_is_refused_and_named(y):
    with pytest.raises(ValueError, match="y has only one class"):
        SoftmaxRegression().fit(X, y)
