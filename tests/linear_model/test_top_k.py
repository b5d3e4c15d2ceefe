"""The k most probable classes are the first k of all, sorted by probability."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from sksoftmax import SoftmaxRegression

random = np.random.default_rng(0)
FORMS = {
    "array": np.asarray,
    "float32": np.float32,
    "csr": sp.csr_array,
    "csc": sp.csc_matrix,
    "pandas": lambda X: pd.DataFrame(X, columns=list("abcd")),
    "polars": lambda X: pl.DataFrame(X, schema=list("abcd")),
    "list": np.ndarray.tolist,
}


def fitted(n_classes, form=np.asarray):
    X = random.standard_normal((4 * n_classes, 4))
    y = np.array([f"class {k}" for k in range(n_classes)])[np.arange(len(X)) % n_classes]
    return SoftmaxRegression(tol=1e-2).fit(form(X), y)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n_classes", [2, 3, 90])
@pytest.mark.parametrize("sparsified", [False, True])
def test_top_k_is_the_head_of_all_probabilities_sorted(n_classes, form, sparsified):
    X = FORMS[form](random.standard_normal((700, 4)))
    model = fitted(n_classes, FORMS[form])
    model = model.sparsify() if sparsified else model
    every = model.predict_proba(X)
    for k in {1, 2, n_classes}:
        classes, shares = model.top_k(X, k)
        order = np.argsort(-every, axis=1, kind="stable")[:, :k]
        expected = np.take_along_axis(every, order, axis=1)
        rounding = 20 * np.finfo(every.dtype).eps
        np.testing.assert_allclose(shares, expected, rtol=rounding)
        # Classes that differ by no more than rounding may change places.
        found = np.searchsorted(model.classes_, classes)
        assert all(len(set(row)) == k for row in found.tolist())
        np.testing.assert_allclose(np.take_along_axis(every, found, 1), expected, rtol=rounding)
        assert shares.dtype == every.dtype
    np.testing.assert_array_equal(model.top_k(X, 1)[0][:, 0], model.predict(X))


@pytest.mark.parametrize("n_classes", [3, 90])
def test_of_equal_classes_the_first_come_first(n_classes):
    model = fitted(n_classes)
    model.coef_ = np.zeros((n_classes, 4))
    model.intercept_ = np.arange(n_classes) % 2 * 1.0
    X = np.ones((2, 4))
    order = np.argsort(-model.intercept_, kind="stable")
    for k in range(1, n_classes + 1):
        np.testing.assert_array_equal(model.top_k(X, k)[0][1], model.classes_[order[:k]])
    np.testing.assert_array_equal(model.top_k(X, 1)[0][:, 0], model.predict(X))


def test_top_k_of_dask_is_lazy_and_the_same():
    dask_array = pytest.importorskip("dask.array")
    model, X = fitted(7), random.standard_normal((50, 4))
    lazy = model.top_k(dask_array.from_array(X, chunks=(20, 4)), 3)
    for found, expected in zip(lazy, model.top_k(X, 3), strict=True):
        assert found.shape == (50, 3)
        np.testing.assert_array_equal(found.compute(), expected)
    assert not hasattr(model, "_k")


@pytest.mark.parametrize("k", [0, 4, -1, 1.0, "1", True, None])
def test_a_k_that_is_no_number_of_classes_is_refused(k):
    with pytest.raises((TypeError, ValueError), match="k must be an integer >= 1 and <= 3"):
        fitted(3).top_k(np.ones((1, 4)), k)


def test_top_k_refuses_entries_that_are_not_finite():
    with pytest.raises(ValueError, match="Input X contains NaN"):
        fitted(3).top_k([[1.0, np.nan, 0.0, 1.0]], 2)
