"""What inference refuses, and what the messages name."""

import re
import warnings

import numpy as np
import pytest
from registry import is_separable
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftmax import (
    ElasticNet,
    GroupLasso,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    approximate_leave_one_out,
    infer,
)


def draw(n_rows=120, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 3))
    scores = X @ rng.normal(size=(3, n_classes))
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    return X, np.array(["pear", "apple", "fig", "kiwi"])[y]


X, Y = draw()


def fit(X=X, y=Y, **options):
    """A fit that may warn, as those without an optimum do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SoftmaxRegression(**options).fit(X, y)


MODEL = fit()
PARAMETERS = {
    "covariance": ({"covariance": "hc1"}, ValueError, "'robust'.*'hc1'"),
    "covariance of another type": ({"covariance": None}, ValueError, "covariance"),
    "weights": ({"weights": "analytic"}, ValueError, "'sampling'.*'analytic'"),
    "no groups": ({"covariance": "cluster"}, ValueError, "needs groups="),
    "groups without effect": ({"groups": Y}, ValueError, "no effect.*'information'"),
    "too few groups": ({"covariance": "cluster", "groups": Y[:-1]}, ValueError, "rows, got 119"),
    "one group": ({"covariance": "cluster", "groups": np.ones(120)}, ValueError, "one group"),
    "missing groups": (
        {"covariance": "cluster", "groups": np.r_[np.nan, np.ones(119)]}, ValueError, "missing"
    ),
    "correction without effect": ({"small_sample": True}, ValueError, "no effect"),
    "correction": ({"small_sample": 1}, TypeError, "small_sample"),
    "reference": ({"reference": "plum"}, ValueError, "'plum'.*'apple'"),
    "reference by number": ({"reference": 0}, ValueError, "reference=0"),
    "classes": ({"classes": ["plum"]}, ValueError, "'plum'"),
    "classes as text": ({"classes": "fig"}, TypeError, "list"),
    "the reference's own row": ({"classes": ["fig"], "reference": "fig"}, ValueError, "against"),
    "a class twice": ({"classes": ["fig", "fig"]}, ValueError, "twice"),
    "no classes": ({"classes": []}, ValueError, "empty"),
    "features": ({"features": ["x7"]}, ValueError, "'x7'.*'x0', 'x1', 'x2', 'intercept'"),
    "features by number": ({"features": [4]}, ValueError, "4"),
    "a feature twice": ({"features": ["x1", 1]}, ValueError, "twice"),
    "negative weights": ({"sample_weight": -np.ones(120)}, ValueError, "Negative"),
    "weights of other rows": ({"sample_weight": np.ones(9)}, ValueError, "sample"),
}  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
def test_bad_parameters_are_named(name):
    options, kind, message = PARAMETERS[name]
    with pytest.raises(kind, match=message):
        infer(MODEL, X, Y, **options)


MODELS = {
    "a class": (SoftmaxRegression, TypeError, "got the class SoftmaxRegression"),
    "no fit": (SoftmaxRegression(), NotFittedError, "not fitted"),
    "another model": (LogisticRegression().fit(X, Y), TypeError, "got LogisticRegression"),
    "a pipeline": (
        make_pipeline(StandardScaler(), SoftmaxRegression()).fit(X, Y), TypeError, r"model\[-1\]"
    ),
    "a search": (
        GridSearchCV(SoftmaxRegression(), {"C": [1.0]}).fit(X, Y), TypeError, "best_estimator_"
    ),
    "elastic net": (fit(l1_ratio=0.5), ValueError, "ElasticNet has an l1.*Choose the features"),
    "lasso": (fit(C=0.1, l1_ratio=1.0), ValueError, "l1_ratio=1"),
    "group lasso": (fit(l1_ratio=1.0, penalty=GroupLasso()), ValueError, "GroupLasso has an l1"),
    "early stopping": (fit(early_stopping=True), ValueError, "early_stopping"),
    "few steps": (fit(solver="gd", max_iter=1), ValueError, "not at the optimum.*max_iter"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_models_without_errors_are_refused_with_what_to_do(name):
    model, kind, message = MODELS[name]
    with pytest.raises(kind, match=message):
        infer(model, X, Y)


def test_a_ridge_by_any_name_is_taken():
    for model in (fit(penalty=GroupLasso()), fit(l1_ratio=0.5, C=np.inf), fit(solver="proximal")):
        assert infer(model, X, Y).coef.shape == (3, 4)


def other_weights():
    return {"sample_weight": np.r_[np.full(60, 5.0), np.ones(60)]}


DATA = {
    "other rows": (X[:100], Y[:100], {}, "not at the optimum"),
    "other labels": (X, np.roll(Y, 1), {}, "not at the optimum"),
    "other weights": (X, Y, other_weights(), "not at the optimum"),
    "other columns": (X[:, :2], Y, {}, "expecting 3 features"),
    "an unknown label": (X, np.where(Y == "fig", "plum", Y), {}, "label 'plum'"),
    "a missing class": (X[Y != "fig"], Y[Y != "fig"], {}, "no row of the class 'fig'"),
    "no labels": (X, None, {}, "y is None"),
    "nan": (np.where(X > 2, np.nan, X), Y, {}, "NaN"),
}


@pytest.mark.parametrize("name", DATA)
def test_data_that_the_model_was_not_fitted_on_are_refused(name):
    rows, y, options, message = DATA[name]
    with pytest.raises(ValueError, match=message):
        infer(MODEL, rows, y, **options)


def test_another_penalty_than_that_of_the_fit_is_refused():
    model = fit()
    with pytest.raises(ValueError, match="not at the optimum"):
        infer(model.set_params(C=0.1), X, Y)


def test_names_of_columns_must_be_those_of_the_fit():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = SoftmaxRegression().fit(frame, Y)
    found = infer(model, frame, Y)
    assert found.features.tolist() == ["a", "b", "c", "intercept"]
    with pytest.raises(ValueError, match="feature names"):
        infer(model, frame[["b", "a", "c"]], Y)
    with pytest.raises(ValueError, match="feature names"):
        found.predict_interval(frame[["b", "a", "c"]])


def test_a_class_without_weight_has_no_errors():
    weight = np.where(Y == "fig", 0.0, 1.0)
    model = SoftmaxRegression().fit(X, Y, weight)
    with pytest.raises(ValueError, match="'fig' has no weight"):
        infer(model, X, Y, sample_weight=weight)


# -- where nothing determines the coefficients ----------------------------------------------------


def dummies():
    index = np.random.default_rng(3).integers(0, 3, len(X))
    return np.column_stack([X, np.eye(3)[index]])


FLAT = {
    "a sum": (np.column_stack([X, X[:, 0] + X[:, 2]]), "'x0', 'x2', 'x3' are collinear"),
    "a copy": (np.column_stack([X, 1e6 * X[:, 1]]), "'x1', 'x3' are collinear"),
    "a constant": (np.column_stack([X, np.full(120, 7.3)]), "'x3' is constant"),
    "zeros": (np.column_stack([X, np.zeros(120)]), "'x3' is constant"),
    "a dummy for each category": (dummies(), "'x3', 'x4', 'x5' are collinear"),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FLAT)
def test_collinear_columns_are_named_and_a_ridge_helps(name, dtype):
    rows, message = FLAT[name]
    if dtype == np.float32 and name in ("a sum", "a copy"):
        pytest.skip("rounded, they are not collinear")
    rows = rows.astype(dtype)
    with pytest.raises(ValueError, match=message):
        infer(fit(rows, C=np.inf), rows, Y)
    assert np.isfinite(infer(fit(rows), rows, Y).covariance_matrix).all()


def test_columns_may_separate_where_that_is_too_large_a_question(monkeypatch):
    rows, message = FLAT["a copy"]
    monkeypatch.setattr("sksoftmax._certificates.separability.MOST_ENTRIES", 0)
    with pytest.raises(ValueError, match=rf"{message}.*, or the classes are separable"):
        infer(fit(rows, C=np.inf), rows, Y)


def test_a_constant_may_take_the_place_of_the_intercept():
    rows = np.column_stack([X, np.ones(120)])
    one = infer(fit(rows, C=np.inf, fit_intercept=False), rows, Y)
    other = infer(fit(C=np.inf), X, Y)
    np.testing.assert_allclose(one.std_error, other.std_error, rtol=1e-6)
    with pytest.raises(ValueError, match="intercept-only model is not nested"):
        one.likelihood_ratio_test()


def marked(n_marked):
    """A column that is 1 for a few rows of one class, and for no others."""
    column = np.zeros(len(X))
    column[np.flatnonzero(Y == "fig")[:n_marked]] = 1
    return np.column_stack([X, column])


@pytest.mark.parametrize("tol", [1e-4, 1e-10])
@pytest.mark.parametrize("n_marked", [2, 1000])
def test_a_column_that_separates_is_named(n_marked, tol):
    rows = marked(n_marked)
    with pytest.raises(ValueError, match=r"separable, at least in part.*column 'x3' separates"):
        infer(fit(rows, C=np.inf, tol=tol), rows, Y)
    free = ElasticNet(penalty_factor=[1, 1, 1, 0])
    with pytest.raises(ValueError, match="'x3' separates"):
        infer(fit(rows, penalty=free, tol=tol), rows, Y)
    assert np.isfinite(infer(fit(rows), rows, Y).std_error).all()


@pytest.mark.parametrize("n_marked", [2, 1000])
def test_a_column_that_separates_is_named_where_some_of_the_rows_tell(n_marked):
    rows, y = np.tile(marked(n_marked), (150, 1)), np.tile(Y, 150)
    with pytest.raises(ValueError, match="column 'x3' separates"):
        infer(fit(rows, y, C=np.inf), rows, y)


def test_columns_that_separate_each_alone_are_named():
    other = np.isin(np.arange(len(Y)), np.flatnonzero(Y == "pear")[:10])
    rows = np.column_stack([marked(10), other])
    with pytest.raises(ValueError, match="columns 'x3', 'x4' separate them"):
        infer(fit(rows, C=np.inf), rows, Y)


def test_no_column_is_named_where_none_is_needed_and_none_separates_alone():
    rows = np.random.default_rng(0).normal(size=(120, 150))
    with pytest.raises(ValueError, match="Leave out columns that separate them"):
        infer(fit(rows, C=np.inf), rows, Y)


@pytest.mark.parametrize("margin", [5, 10, 15, 20, 25, 26, 27, 28, 30, 35, 40])
def test_a_column_that_separates_is_named_however_far_the_fit_went(margin):
    rows = marked(2)
    others = rows[:, 3] == 0  # all that is left of the loss where the marked rows are certain
    model, without = fit(rows, C=np.inf), fit(X[others], Y[others], C=np.inf, tol=1e-14)
    model.coef_[:, :3], model.intercept_ = without.coef_, without.intercept_
    model.coef_[:, 3] = margin * (np.array(["apple", "fig", "pear"]) == "fig")
    with pytest.raises(ValueError, match="'x3' separates"):
        infer(model, rows, Y)


@pytest.mark.parametrize("seed", range(24))
def test_errors_are_given_where_the_classes_overlap_and_nowhere_else(seed):
    rng = np.random.default_rng(seed)
    n_classes, n_rows = rng.integers(2, 4), rng.integers(15, 60)
    X = rng.normal(size=(n_rows, 2)) * 10.0 ** rng.integers(-3, 4, 2)
    scores = X / X.std(axis=0) @ rng.normal(size=(2, n_classes)) * rng.choice([1, 4])
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    y[:n_classes] = np.arange(n_classes)
    model = fit(X, y, C=np.inf, tol=rng.choice([1e-4, 1e-8]))
    if not is_separable(X, y):
        assert (infer(model, X, y).std_error > 0).all()
    else:
        with pytest.raises(ValueError, match="separable"):
            infer(model, X, y)


# -- methods --------------------------------------------------------------------------------------

CALLS = {
    "level": (lambda found: found.frame(level=95), ValueError, "level"),
    "level 0": (lambda found: found.confidence_interval(0), ValueError, "level"),
    "level as text": (lambda found: found.predict_interval(X, "95"), TypeError, "level"),
    "at": (lambda found: found.marginal_effects("median"), ValueError, "'median'"),
    "method": (lambda found: found.predict_interval(X, method="bayes"), ValueError, "'bayes'"),
    "scale": (lambda found: found.predict_interval(X, scale="odds"), ValueError, "'odds'"),
    "draws": (
        lambda found: found.predict_interval(X, method="draws", n_draws=1), ValueError, "n_draws"
    ),
    "columns": (lambda found: found.predict_proba(X[:, :2]), ValueError, "3 features"),
    "kind": (lambda found: found.pseudo_r2("efron"), ValueError, "'efron'"),
    "another model": (lambda found: found.likelihood_ratio_test(MODEL), TypeError, "Inference"),
    "not nested": (lambda found: found.likelihood_ratio_test(found), ValueError, "nested"),
    "L": (lambda found: found.wald_test(np.eye(3)), ValueError, "12 columns"),
    "nan in L": (lambda found: found.wald_test(np.full(12, np.nan)), ValueError, "finite"),
    "L as text": (lambda found: found.wald_test(["x0 = x1"]), ValueError, "numbers"),
    "value": (lambda found: found.wald_test(np.eye(12), [1, 2]), ValueError, "value"),
    "contradiction": (lambda found: found.wald_test(np.ones((2, 12)), [0, 1]), ValueError, "contr"),
    "other rows": (lambda found: found.influence(X[:90], Y[:90]), ValueError, "log likelihood"),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_bad_calls_are_named(name):
    call, kind, message = CALLS[name]
    pytest.importorskip("pandas")
    with pytest.raises(kind, match=message):
        call(infer(MODEL, X, Y))


def test_sampling_weights_have_no_likelihood_ratio():
    with pytest.raises(ValueError, match="pseudo-likelihood"):
        infer(MODEL, X, Y, weights="sampling").likelihood_ratio_test()


def test_small_samples_have_no_correction_for_more_coefficients_than_rows():
    weight = np.full(len(Y), 0.05)
    model = SoftmaxRegression(C=1e4).fit(X, Y, weight)
    with pytest.raises(ValueError, match=r"6 less 7.*more rows are needed"):
        infer(model, X, Y, sample_weight=weight, covariance="robust", small_sample=True)


def test_effects_that_take_too_much_memory_are_refused_with_what_to_do(monkeypatch):
    pytest.importorskip("pandas")
    monkeypatch.setattr("sksoftmax._inference.margins.MOST_MOMENTS", 0)
    found = infer(MODEL, X, Y)
    with pytest.raises(ValueError, match="use at='mean'"):
        found.marginal_effects()
    assert np.isfinite(found.marginal_effects("mean")["std_error"]).all()


def test_a_smaller_model_that_fits_better_is_not_nested():
    noise = np.random.default_rng(1).normal(size=X.shape)
    larger = infer(fit(noise), noise, Y)
    with pytest.raises(ValueError, match="is above this one's"):
        larger.likelihood_ratio_test(infer(fit(X[:, :2]), X[:, :2], Y))


def test_other_rows_are_not_nested():
    one = infer(fit(X[:100, :1], Y[:100]), X[:100, :1], Y[:100])
    with pytest.raises(ValueError, match="same rows, weights and classes"):
        infer(MODEL, X, Y).likelihood_ratio_test(one)


@pytest.mark.parametrize("model", [SoftmaxRegression(C=1.0), SoftmaxRegressionCV(Cs=[1.0], cv=2)])
def test_messages_name_the_class_of_the_model_as_its_own_do(model):
    inference = infer(model.fit(X, Y), X, Y)
    calls = [
        lambda X: infer(model, X, Y),
        lambda X: approximate_leave_one_out(model, X, Y),
        lambda X: inference.influence(X, Y),
        inference.predict_interval,
        inference.predict_proba,
    ]
    for wrong in (X[:, :2], np.where(X > 1, np.nan, X)):
        with pytest.raises(ValueError) as own:
            model.predict(wrong)
        for call in calls:
            with pytest.raises(ValueError, match=re.escape(str(own.value))) as error:
                call(wrong)
            assert "FittedModel" not in str(error.value)
