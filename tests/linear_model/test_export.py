"""Exported models predict the same, and are fitted again as the same model or not at all."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_iris

from sksoftmax import ElasticNet, GroupLasso, SoftmaxRegression, SoftmaxRegressionCV

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
EXPRESSED = {
    "ridge": {},
    "no penalty": {"C": 1e3},
    "l1": {"l1_ratio": 1.0},
    "elastic net": {"l1_ratio": 0.5, "C": 0.3},
    "no intercept": {"fit_intercept": False},
    "class weights": {"class_weight": {0: 1, 1: 2, 2: 3}},
    "a ridge by another name": {"penalty": ElasticNet()},
}
FOREIGN = {
    "group lasso": {"penalty": GroupLasso(), "l1_ratio": 0.5},
    "penalty factors": {"penalty": ElasticNet([1.0, 2.0, 1.0, 1.0])},
    "smoothed labels": {"label_smoothing": 0.1},
}


@pytest.mark.parametrize("options", EXPRESSED.values(), ids=EXPRESSED)
def test_a_model_that_scikit_learn_has_is_fitted_again_as_itself(options):
    model = SoftmaxRegression(tol=1e-9, **options).fit(X, Y)
    own = model.to_sklearn()
    assert_allclose(own.predict_proba(X), model.predict_proba(X), rtol=1e-9)
    again = clone(own).set_params(tol=1e-7, max_iter=100_000).fit(X, Y)
    assert_allclose(again.predict_proba(X), model.predict_proba(X), atol=2e-3)


@pytest.mark.parametrize("options", FOREIGN.values(), ids=FOREIGN)
def test_a_model_that_scikit_learn_lacks_is_never_fitted_as_another_one(options):
    model = SoftmaxRegression(**options).fit(X, Y)
    own = model.to_sklearn()
    assert_allclose(own.predict_proba(X), model.predict_proba(X), rtol=1e-9)
    for other in (own, clone(own)):
        with pytest.raises(ValueError, match="fitted by sksoftmax with"):
            other.fit(X, Y)
    assert_allclose(own.predict_proba(X), model.predict_proba(X), rtol=1e-9)


def test_a_group_lasso_of_two_classes_is_an_elastic_net():
    model = SoftmaxRegression(0.1, l1_ratio=1.0, penalty=GroupLasso(), tol=1e-9).fit(X, Y == 1)
    again = clone(model.to_sklearn()).set_params(tol=1e-7, max_iter=100_000).fit(X, Y == 1)
    assert_allclose(again.coef_, model.coef_, atol=1e-3)


def test_the_model_that_a_search_chose_is_exported():
    search = SoftmaxRegressionCV(Cs=[0.1, 1.0], l1_ratios=[0.5], cv=2, penalty=GroupLasso())
    with pytest.raises(ValueError, match=r"fitted by sksoftmax with penalty=GroupLasso\("):
        search.fit(X, Y).to_sklearn().fit(X, Y)
    own = search.set_params(penalty="elasticnet").fit(X, Y).to_sklearn()
    assert (own.C, own.l1_ratio) == (search.C_, search.l1_ratio_)
    assert np.isfinite(own.coef_).all()
