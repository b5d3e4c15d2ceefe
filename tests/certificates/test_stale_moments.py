"""Laws of dual corrections (tilts) by moments of another theta: what they move, take and cost."""

from itertools import product

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


class Case:
    """A tilt of the residuals at theta, by moments of the same or another theta.

    The rows are tilted here by the definition, as dense arrays: the probabilities move by
    ``curvature * (scores of the tilt)``.
    """

    def __init__(self, n_classes, columns, sparse, here):
        X, y = draw(120, 5, n_classes)
        X = thinned(X) if sparse else X
        self.columns, self.n_classes = columns, n_classes
        self.weight = np.random.default_rng(0).uniform(0.5, 2, 120)
        data = encoded(sp.csr_array(X) if sparse else X, y, self.weight)
        self.objective = problem_at(data, 1.0, 1.0, SETTINGS).objective
        self.smooth, random = self.objective.smooth, np.random.default_rng(1)
        self.indices = slice(None) if columns is None else self.objective.rows_of_columns(columns)
        n_rows, n_scores = self.smooth.map.n_columns, self.smooth.map.n_scores
        n_rows = len(np.arange(n_rows)[self.indices])
        self.theta = self.in_all_columns(0.3 * random.standard_normal((n_rows, n_scores)))
        self.moments = StaleMoments.of(
            self.smooth, self.theta if here else 0.8 * self.theta, columns, self.indices
        )
        self.tilt = random.standard_normal((n_rows, n_scores))
        self.tilt *= 0.1 / np.abs(self.tilt).max()
        self.tilt -= self.tilt.mean(axis=1, keepdims=True) if n_classes > 2 else 0
        self.probability = softmax(scores_of(self.smooth, X, self.theta))
        least = self.row_curvature(softmax(scores_of(self.smooth, X, self.moments.theta)))
        moves = scores_of(self.smooth, X, self.in_all_columns(self.tilt))
        self.moves = least[:, None] * (
            np.column_stack([-moves, moves]) if n_classes == 2 else moves
        )
        self.rows = np.column_stack([X - self.smooth.map.center, np.ones(len(X))])

    def in_all_columns(self, rows):
        """Theta, zero in the other columns."""
        theta = np.zeros(self.smooth.map.n_parameters)
        self.objective.rows_of(theta)[self.indices] = rows
        return theta

    def row_curvature(self, probability):
        least = probability.min(axis=1)
        two = self.n_classes == 2
        return probability.prod(axis=1) if two else least**2 / (least + 0.01 / self.n_classes)

    def tilted(self):
        return self.moments.tilted(self.smooth, self.theta, self.tilt)


@pytest.fixture(params=product((2, 4), (None, SOME), (False, True), (True, False)), ids=str)
def case(request):
    return Case(*request.param)


def test_moments_are_known_to_cover_their_columns(case):
    assert case.moments.covers(case.columns) and case.moments.covers(SOME[:1])
    assert case.moments.covers(None) is (case.columns is None)


def test_the_share_is_the_largest_relative_change_of_a_probability(case):
    (share, _), _, _, after = case.tilted()
    assert share == pytest.approx((case.moves / case.probability).max()) and share < 1
    assert after.expected_share(case.tilt) == pytest.approx(share)


def test_the_cost_is_above_the_divergence_and_not_far(case):
    (share, cost), *_ = case.tilted()
    tilted = case.probability - case.moves
    divergences = np.sum(tilted * np.log(tilted / case.probability), axis=1)
    divergence = np.average(divergences, weights=case.weight)
    assert tilted.min() > 0 and divergence <= cost <= 2 * divergence / (1 - share)


def test_what_a_tilt_takes_from_the_gradient_is_known_from_moments_and_from_residuals(case):
    _, taken, residual, _ = case.tilted()
    taken, smooth = case.objective.rows_of(taken), case.smooth
    moves = case.moves[:, 1:] if case.n_classes == 2 else case.moves
    share = case.weight / case.weight.sum()
    assert_allclose(taken, case.rows.T @ (share[:, None] * moves), atol=1e-13)
    assert_allclose(taken[case.indices], case.moments.matrix @ case.tilt, atol=1e-12)
    gradient = smooth.value_and_gradient(case.theta)[1] - smooth.penalty.strength * case.theta
    left = gradient - smooth.gradient_of_residuals(smooth, residual)
    assert_allclose(case.objective.rows_of(left), taken, atol=1e-13)


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
