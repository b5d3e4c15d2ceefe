"""Whether an optimum exists is known wherever columns are left without a penalty."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from sksoftmax import ElasticNet, GroupLasso, SoftmaxRegression

RANDOM = np.random.default_rng(0)
N_ROWS = 90
PENALTIES = {
    "ridge": (ElasticNet, 0.0),
    "lasso": (ElasticNet, 1.0),
    "both": (ElasticNet, 0.5),
    "groups": (GroupLasso, 0.7),
}


def data(n_classes, seed=0):
    random = np.random.default_rng(seed)
    y = np.arange(N_ROWS) % n_classes
    scores = np.eye(n_classes)[y] + 0.3 * random.random((N_ROWS, n_classes))
    return np.column_stack([random.normal(size=(N_ROWS, 3)), scores[:, :1], scores]), y


def complaints(factor, make=np.asarray, n_classes=3, penalty="ridge", C=1.0, **options):
    X, y = data(n_classes)
    shape, l1_ratio = PENALTIES[penalty]
    factor = np.concatenate([factor, np.repeat(factor[-1], X.shape[1] - len(factor))])
    model = SoftmaxRegression(C, l1_ratio=l1_ratio, penalty=shape(factor), **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(make(X), y)
    return model, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_free_columns_that_separate_are_named(penalty, n_classes, make):
    model, said = complaints([1.0, 1.0, 1.0, 0.0], make, n_classes, penalty)
    assert not model.converged_
    assert "separable by columns that no penalty holds" in said[0] and "C=inf" not in said[0]


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_columns_that_a_penalty_holds_or_leaves_out_do_not_separate(penalty, n_classes):
    for last in (1.0, np.inf):
        model, said = complaints([0.0, 0.0, 0.0, last], n_classes=n_classes, penalty=penalty)
        assert model.converged_ and not said


def test_one_free_column_that_separates_one_class_is_enough():
    model, said = complaints([1.0, 1.0, 1.0, 0.0, 1.0])
    assert not model.converged_ and "separable by columns that no penalty holds" in said[0]


def test_without_a_penalty_the_message_names_C():
    _, said = complaints([1.0], C=np.inf)
    assert "C=inf is no penalty" in said[0]


def test_a_fit_that_ran_out_of_steps_blames_no_separation():
    _, said = complaints([0.0, 0.0, 0.0, 1.0], max_iter=1, tol=1e-12, solver="lbfgs")
    assert "increase max_iter" in said[0] and "separable" not in said[0]


def test_a_loss_below_log_2_in_the_mean_separates_no_classes_that_overlap():
    """Every row's loss must be, and one that is far on the wrong side is not."""
    y = np.arange(N_ROWS) % 2
    X = (2.0 * y - 1)[:, None] + 0.1 * np.random.default_rng(0).normal(size=(N_ROWS, 1))
    X[0] = -X[0]
    model = SoftmaxRegression(C=np.inf, tol=1e-14, max_iter=2)
    with pytest.warns(ConvergenceWarning) as warned:
        model.fit(X, y)
    assert model.objective_ < np.log(2) and not model.converged_
    assert not any("separable" in str(warning.message) for warning in warned)
