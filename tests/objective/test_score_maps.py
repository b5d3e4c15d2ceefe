"""Laws of score maps: backward is the transpose of forward, and theta means the same everywhere."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from registry import MAPS

from sksoftmax._objective.score_maps import LinearMap

MAP = pytest.mark.parametrize("make", MAPS.values(), ids=MAPS)
KINDS = {"dense": np.asarray, "fortran": np.asfortranarray, "sparse": sp.csr_array}
KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def make_columns(score_map, n_rows=11, seed=0):
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(size=(n_rows, score_map.n_features)), 2)


def make_theta(score_map, seed=1):
    return np.random.default_rng(seed).normal(size=score_map.initial().size)


def forward(score_map, theta, X):
    return score_map.forward(score_map.prepare(theta, X.dtype), X)


@MAP
@KIND
def test_backward_is_the_transpose_of_forward(make, kind):
    score_map = make()
    X, theta = kind(make_columns(score_map)), make_theta(score_map)
    residual = np.random.default_rng(2).normal(size=(score_map.n_scores, 11))
    scores = forward(score_map, theta, X)
    constant = forward(score_map, score_map.initial(), X)
    gradient = score_map.gradient(score_map.backward(X, residual))
    assert gradient.shape == theta.shape and gradient.dtype == np.float64
    assert_allclose(np.vdot(scores - constant, residual), theta @ gradient, rtol=1e-12)


@MAP
@KIND
def test_scores_are_the_formula(make, kind):
    score_map = make()
    X, theta = make_columns(score_map), make_theta(score_map)
    coef, intercept = score_map.split(theta)
    center = score_map.center if score_map.has_intercept else np.zeros(5)
    expected = coef @ (X - center).T
    if score_map.has_intercept:
        expected = expected + intercept[:, None]
    scores = forward(score_map, theta, kind(X))
    assert scores.flags.c_contiguous and scores.flags.writeable
    assert_allclose(scores, expected, rtol=1e-10, atol=1e-12)


@MAP
def test_scores_are_fresh_arrays(make):
    score_map = make()
    X = make_columns(score_map)
    prepared = score_map.prepare(make_theta(score_map), X.dtype)
    first = score_map.forward(prepared, X)
    expected = first.copy()
    first[:] = np.nan
    assert_array_equal(score_map.forward(prepared, X), expected)


@MAP
def test_sparse_columns_are_dense_ones(make):
    score_map = make()
    X, theta = make_columns(score_map), make_theta(score_map)
    residual = np.random.default_rng(2).normal(size=(score_map.n_scores, 11))
    assert_allclose(forward(score_map, theta, sp.csr_array(X)), forward(score_map, theta, X))
    for one, other in zip(
        score_map.backward(sp.csr_array(X), residual), score_map.backward(X, residual), strict=True
    ):
        assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@MAP
def test_single_precision_makes_single_precision_scores_and_double_sums(make):
    score_map = make()
    X, theta = make_columns(score_map).astype(np.float32), make_theta(score_map)
    scores = forward(score_map, theta, X)
    assert scores.dtype == np.float32
    assert_allclose(scores, forward(score_map, theta, X.astype(np.float64)), rtol=1e-4, atol=1e-4)
    assert all(part.dtype == np.float64 for part in score_map.backward(X, scores))


@MAP
def test_join_and_split_are_inverse_and_split_makes_views(make):
    score_map = make()
    theta = make_theta(score_map)
    coef, intercept = score_map.split(theta)
    assert coef.shape == (score_map.n_scores, 5)
    assert_array_equal(score_map.join(coef, intercept), theta)
    coef[:] = 0
    if score_map.has_intercept:
        intercept[:] = 0
    assert_array_equal(theta, score_map.initial())


@MAP
def test_initial_parameters_make_scores_of_zero(make):
    score_map = make()
    assert_array_equal(forward(score_map, score_map.initial(), make_columns(score_map)), 0)


@pytest.mark.parametrize("n_scores", [1, 3])
def test_centring_is_a_change_of_parameters_and_no_other(n_scores):
    center = np.array([3.0, -1.0, 100.0])
    plain, centred = LinearMap(n_scores, 3, np.zeros(3)), LinearMap(n_scores, 3, center)
    X, theta = make_columns(plain), make_theta(plain)
    coef, intercept = plain.split(theta)
    moved = centred.join(coef, intercept + coef @ center)
    assert_allclose(forward(centred, moved, X), forward(plain, theta, X), rtol=1e-10)
    # The same function of X has the same derivative along the same change of it.
    residual = np.random.default_rng(3).normal(size=(n_scores, 11))
    by_plain = plain.split(plain.gradient(plain.backward(X, residual)))
    by_centred = centred.split(centred.gradient(centred.backward(X, residual)))
    assert_allclose(by_centred[0], by_plain[0] - np.outer(by_plain[1], center), rtol=1e-10)
    assert_allclose(by_centred[1], by_plain[1], rtol=1e-12)


def test_offsets_of_columns_do_not_change_centred_scores():
    X = make_columns(LinearMap(3, 5))
    theta = make_theta(LinearMap(3, 5, np.zeros(5)))
    near = forward(LinearMap(3, 5, np.zeros(5)), theta, X)
    far = forward(LinearMap(3, 5, np.full(5, 1e6)), theta, X + 1e6)
    assert_allclose(far, near, atol=1e-8)
