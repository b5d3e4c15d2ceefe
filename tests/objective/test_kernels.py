"""Laws of the arithmetic of one block, on class-major scores."""

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from registry import five_point

from sksoftmax._objective.kernels import (
    class_major_scores,
    cross_entropy_residual,
    curvature_product,
    probabilities,
    restored,
    variances,
)

N_SCORES = [1, 3, 10]
DTYPES = [np.float64, np.float32]
TARGETS = ["labels", "soft"]


def make_block(n_scores, target="labels", dtype=np.float64, n_rows=13, scale=3.0):
    rng = np.random.default_rng(n_scores)
    n_classes = max(2, n_scores)
    scores = (scale * rng.normal(size=(n_scores, n_rows))).astype(dtype)
    weight = rng.exponential(size=n_rows).astype(dtype)
    if target == "soft":
        return scores, rng.dirichlet(np.ones(n_classes), size=n_rows).T.astype(dtype), weight
    return scores, rng.integers(n_classes, size=n_rows).astype(np.uint8), weight


def all_scores(scores):
    return np.vstack([np.zeros_like(scores), scores]) if len(scores) == 1 else scores


def one_hot(labels, n_scores):
    return np.eye(max(2, n_scores))[labels].T


def loss_of(scores, target, weight):
    return cross_entropy_residual(scores.copy(), target, weight)


def residual_of(scores, target, weight):
    residual = scores.copy()
    cross_entropy_residual(residual, target, weight)
    return residual


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("n_scores", N_SCORES)
def test_loss_is_that_of_exact_arithmetic(n_scores, target, dtype):
    scores, goal, weight = make_block(n_scores, target, dtype)
    soft = goal if target == "soft" else one_hot(goal, n_scores)
    with mpmath.workdps(40):
        expected = mpmath.mpf(0)
        for i, column in enumerate(all_scores(scores).T):
            exact = [mpmath.mpf(float(s)) for s in column]
            log_sum = mpmath.log(sum(map(mpmath.exp, exact)))
            for k, s in enumerate(exact):
                expected += float(weight[i]) * float(soft[k, i]) * (log_sum - s)
    loss = loss_of(scores, goal, weight)
    assert isinstance(loss, float)
    assert_allclose(loss, float(expected), rtol=30 * np.finfo(dtype).eps)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("n_scores", N_SCORES)
def test_residual_is_the_derivative_of_the_loss(n_scores, target):
    scores, goal, weight = make_block(n_scores, target, n_rows=4)
    residual = residual_of(scores, goal, weight)
    for index in np.ndindex(scores.shape):

        def moved(step, index=index):
            other = scores.copy()
            other[index] += step
            return loss_of(other, goal, weight)

        assert_allclose(residual[index], five_point(moved, 1e-3), atol=1e-10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_scores", N_SCORES)
def test_labels_are_one_hot_targets(n_scores, dtype):
    scores, labels, weight = make_block(n_scores, dtype=dtype)
    soft = one_hot(labels, n_scores).astype(dtype)
    rtol = 30 * np.finfo(dtype).eps
    assert_allclose(loss_of(scores, labels, weight), loss_of(scores, soft, weight), rtol=rtol)
    found, expected = residual_of(scores, labels, weight), residual_of(scores, soft, weight)
    assert_allclose(found, expected, atol=rtol)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("n_scores", N_SCORES)
def test_probabilities_are_restored_from_residuals(n_scores, target, dtype):
    scores, goal, weight = make_block(n_scores, target, dtype)
    weight += dtype(0.1)
    weighted = residual_of(scores, goal, weight)
    residual, probability = restored(weighted.copy(), goal, weight)
    rounding = 30 * np.finfo(dtype).eps
    assert_allclose(probability, probabilities(scores.copy()), atol=rounding)
    assert_allclose(residual * weight, weighted, atol=rounding)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
@pytest.mark.parametrize("target", TARGETS)
def test_one_row_of_scores_is_the_pair_with_zero(target, scale):
    scores, goal, weight = make_block(1, target, scale=scale)
    pair = all_scores(scores)
    assert_allclose(loss_of(scores, goal, weight), loss_of(pair, goal, weight), rtol=1e-13)
    expected = residual_of(pair, goal, weight)
    assert_allclose(residual_of(scores, goal, weight)[0], expected[1], atol=1e-14)
    assert_allclose(probabilities(scores.copy())[0], probabilities(pair)[1], rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_scores", N_SCORES)
def test_probabilities_are_those_of_scipy(n_scores, dtype):
    scores, _, _ = make_block(n_scores, dtype=dtype)
    wide = all_scores(scores.astype(np.float64))
    expected = scipy.special.softmax(wide, axis=0)[-n_scores:]
    found = probabilities(scores)
    assert found is scores and found.dtype == dtype
    assert_allclose(found, expected, rtol=30 * np.finfo(dtype).eps)


@pytest.mark.parametrize("shift", [-400.0, -12.0, 0.0, 12.0, 400.0])
def test_what_all_classes_share_changes_nothing(shift):
    """Whether or not the largest score has to be subtracted first."""
    scores, target, weight = make_block(4, n_rows=50)
    shifted = scores + shift
    loss, moved = (cross_entropy_residual(each, target, weight) for each in (scores, shifted))
    assert_allclose(moved, loss, rtol=1e-15 * max(4, abs(shift)))
    assert_allclose(shifted, scores, rtol=0, atol=1e-15 * max(4, abs(shift)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("as_container", [np.asarray, np.asfortranarray, sp.csr_array])
@pytest.mark.parametrize("n_scores", [1, 3, 80])
def test_class_major_scores_are_the_product(n_scores, as_container, dtype):
    rng = np.random.default_rng(0)
    X, coef_t = rng.normal(size=(9, 5)).astype(dtype), rng.normal(size=(5, n_scores)).astype(dtype)
    intercept = rng.normal(size=(n_scores, 1)).astype(dtype)
    expected = np.einsum("ij,jk->ki", X, coef_t) + intercept
    found = class_major_scores(as_container(X), coef_t, intercept)
    assert found.flags.c_contiguous and found.dtype == dtype
    assert_allclose(found, expected, rtol=20 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("n_scores", N_SCORES)
def test_curvature_product_is_the_derivative_of_the_residual(n_scores):
    scores, labels, weight = make_block(n_scores)
    direction = np.random.default_rng(5).normal(size=scores.shape)
    expected = five_point(lambda t: residual_of(scores + t * direction, labels, weight), 1e-3)
    moved = direction.copy()
    found = curvature_product(probabilities(scores.copy()), moved, weight)
    assert found is moved
    assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("n_scores", N_SCORES)
def test_variances_are_the_diagonal_of_the_curvature(n_scores):
    scores, _, weight = make_block(n_scores)
    probability = probabilities(scores)
    for k in range(n_scores):
        direction = np.zeros_like(probability)
        direction[k] = 1
        diagonal = curvature_product(probability, direction, np.ones_like(weight))[k]
        assert_allclose(variances(probability)[k], diagonal, rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1e3, 1e30])
@pytest.mark.parametrize("n_scores", N_SCORES)
def test_huge_scores_neither_overflow_nor_warn(n_scores, size, dtype):
    signs = np.array([[1, -1, 0, 1]] + [[-1, 1, 0, 0]] * (n_scores - 1), dtype=dtype)
    scores = signs * dtype(size)
    goal, weight = np.zeros(4, dtype=np.uint8), np.ones(4, dtype=dtype)
    wide = all_scores(scores.astype(np.float64))
    expected = np.sum(scipy.special.logsumexp(wide, axis=0) - wide[0])
    residual = residual_of(scores, goal, weight)
    assert_allclose(loss_of(scores, goal, weight), expected, rtol=1e-6)
    assert np.isfinite(residual).all() and (np.abs(residual) <= 1).all()
    assert np.isfinite(probabilities(scores)).all()


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("n_scores", N_SCORES)
def test_kernels_keep_nothing_from_call_to_call(n_scores, target):
    first = make_block(n_scores, target)
    other = make_block(n_scores, target, n_rows=29, scale=1.0)
    loss, residual = loss_of(*first), residual_of(*first)
    residual_of(*other)
    assert loss_of(*first) == loss
    assert_array_equal(residual_of(*first), residual)


@pytest.mark.parametrize("n_scores", N_SCORES)
def test_arguments_other_than_the_scores_are_left_alone(n_scores):
    for target in TARGETS:
        scores, goal, weight = make_block(n_scores, target)
        before = goal.copy(), weight.copy()
        cross_entropy_residual(scores, goal, weight)
        assert_array_equal(goal, before[0])
        assert_array_equal(weight, before[1])


@pytest.mark.parametrize("n_scores", [1, 3])
def test_sums_of_single_precision_are_made_in_double(n_scores):
    # float32 can't count past 2**24, where adding 1 changes nothing.
    n_rows = 300
    scores = np.zeros((n_scores, n_rows), dtype=np.float32)
    weight = np.ones(n_rows, dtype=np.float32)
    weight[0] = 2.0**26
    labels = np.zeros(n_rows, dtype=np.uint8)
    one = float(np.log(np.float32(max(2, n_scores))))
    expected = one * (2.0**26 + n_rows - 1)
    assert_allclose(cross_entropy_residual(scores, labels, weight), expected, rtol=1e-12)


@pytest.mark.parametrize("label_dtype", [np.uint8, np.int8, np.uint16, np.int64])
def test_labels_of_any_dtype_are_read_alike(label_dtype):
    scores, _, _ = make_block(3, n_rows=300)
    weight = np.ones(300)
    labels = np.random.default_rng(6).integers(3, size=300)
    expected = residual_of(scores, labels, weight)
    assert_array_equal(residual_of(scores, labels.astype(label_dtype), weight), expected)
