"""Laws of tilts by moments of another theta: what they move, what they take, what they cost."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from registry import draw, encoded, settings_of, thinned

from sksoftmax._certificates.stale_moments import StaleMoments
from sksoftmax._paths.fits import problem_at

SETTINGS = settings_of(tol=1e-7)
SOME = np.array([0, 2, 3])


def scores_of(smooth, X, theta):
    coef, intercept = smooth.map.split(theta)
    columns = X - smooth.map.center
    return columns @ coef.T + intercept


def softmax(scores):
    if scores.shape[1] == 1:
        scores = np.column_stack([np.zeros(len(scores)), scores])
    exponential = np.exp(scores)
    return exponential / exponential.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("columns", [None, SOME], ids=["all", "some"])
@pytest.mark.parametrize("here", [True, False])
def test_tilts(here, columns, n_classes, sparse):
    X, y = draw(120, 5, n_classes)
    X = thinned(X) if sparse else X
    weight = np.random.default_rng(0).uniform(0.5, 2, 120)
    data = encoded(sp.csr_array(X) if sparse else X, y, weight)
    objective = problem_at(data, 1.0, 1.0, SETTINGS).objective
    smooth, random = objective.smooth, np.random.default_rng(1)
    places = slice(None) if columns is None else objective.rows_of_columns(columns)

    def some_theta():
        theta = np.zeros(smooth.map.n_parameters)
        rows = objective.rows_of(theta)
        rows[places] = 0.3 * random.standard_normal(rows[places].shape)
        return theta

    theta = some_theta()
    moments = StaleMoments.of(smooth, theta if here else 0.8 * theta, columns, places)
    assert moments.covers(columns) and moments.covers(SOME[:1])
    assert moments.covers(None) is (columns is None)
    tilt = random.standard_normal((len(moments.matrix), smooth.map.n_scores))
    tilt *= 0.1 / np.abs(tilt).max()
    tilt -= tilt.mean(axis=1, keepdims=True) if n_classes > 2 else 0
    outcome, taken, residual, after = moments.tilted(smooth, theta, tilt)
    share, cost = outcome
    whole = np.zeros_like(theta)
    objective.rows_of(whole)[places] = tilt

    probability = softmax(scores_of(smooth, X, theta))
    then = softmax(scores_of(smooth, X, moments.theta))

    def row_curvature(p):
        least = p.min(axis=1)
        return p.prod(axis=1) if n_classes == 2 else least**2 / (least + 0.01 / n_classes)

    least = row_curvature(then)
    moved = scores_of(smooth, X, whole)
    moved = np.column_stack([-moved, moved]) if n_classes == 2 else moved
    moved *= least[:, None]
    tilted = probability - moved
    assert tilted.min() > 0 and share < 1
    assert share == pytest.approx((moved / probability).max())
    assert after.expected_share(tilt) == pytest.approx(share)
    mean = weight / weight.sum()
    divergence = mean @ np.sum(tilted * np.log(tilted / probability), axis=1)
    assert divergence <= cost <= 2 * divergence / (1 - share)

    with_one = np.column_stack([X - smooth.map.center, np.ones(len(X))])
    difference = moved[:, 1:] if n_classes == 2 else moved
    taken = objective.rows_of(taken)
    # In the columns that the moments are of, they tell it too.
    assert_allclose(taken[places], moments.matrix @ tilt, atol=1e-12)
    assert_allclose(taken, with_one.T @ (mean[:, None] * difference), atol=1e-13)
    # What residuals are left tell it by another way.
    loss_gradient = smooth.value_and_gradient(theta)[1] - smooth.penalty.strength * theta
    left = objective.rows_of(loss_gradient - smooth.gradient_of_residuals(smooth, residual))
    assert_allclose(left, taken, atol=1e-13)


def test_moments_that_rounding_makes_negative_are_nothing():
    matrix = np.diag([1.0, -1e-18])
    moments = StaleMoments(np.zeros(2), None, slice(None), matrix, None, steepness=1.0)
    assert moments.expected_share(np.array([[0.0], [1.0]])) == 0
    assert moments.expected_share(np.array([[3.0], [1.0]])) == pytest.approx(3)


def test_probabilities_that_have_underflown_leave_a_tilt_what_it_is():
    X, y = draw(120, 5, 3)
    data = encoded(X, y)
    objective = problem_at(data, 1.0, 1.0, SETTINGS).objective
    theta = 2e3 * np.random.default_rng(1).standard_normal(objective.map.n_parameters)
    scores = scores_of(objective.smooth, X, theta)
    assert (softmax(scores - scores.max(axis=1, keepdims=True)) == 0).any()
    moments = StaleMoments.of(objective.smooth, theta, None, slice(None))
    tilt = np.zeros((6, 3))
    tilt[:, 0], tilt[:, 1] = 1e-3, -1e-3
    (share, cost), *_ = moments.tilted(objective.smooth, theta, tilt)
    assert 0 <= share < 1 and cost >= 0
