"""What `infer` promises: laws between data that are the same, and what is refused."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose

from sksoftmax import SoftmaxRegression, infer


def draw(n_rows=200, n_features=3, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features))
    scores = X @ rng.normal(size=(n_features, n_classes))
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    return X, np.array(["pear", "apple", "fig", "kiwi"])[y]


WEIGHTS = np.random.default_rng(1).integers(0, 4, 200)


@pytest.mark.parametrize("covariance", ["information", "robust"])
def test_a_frequency_weight_is_a_repetition(covariance):
    X, y = draw()
    repeated = np.repeat(X, WEIGHTS, axis=0), np.repeat(y, WEIGHTS)
    one = infer(
        SoftmaxRegression().fit(X, y, WEIGHTS), X, y, sample_weight=WEIGHTS, covariance=covariance
    )
    other = infer(SoftmaxRegression().fit(*repeated), *repeated, covariance=covariance)
    assert_allclose(one.covariance_matrix, other.covariance_matrix, rtol=1e-9)
    assert_allclose(one.coef, other.coef, rtol=1e-9)
    assert_allclose(one.bic, other.bic, rtol=1e-12)


def test_sparse_rows_give_what_dense_ones_do():
    X, y = draw()
    X[np.abs(X) < 0.5] = 0
    model = SoftmaxRegression().fit(X, y)
    dense, sparse = infer(model, X, y), infer(model, sp.csr_array(X), y)
    assert_allclose(dense.covariance_matrix, sparse.covariance_matrix, rtol=1e-9, atol=1e-14)
