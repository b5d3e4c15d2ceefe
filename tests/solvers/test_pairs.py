"""Pairs tell of the function's curvature, or are not kept."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sksoftmax._solvers.line_search import Point
from sksoftmax._solvers.pairs import Pair, with_pair, with_ridge

MATRIX = np.diag([1.0, 4.0, 0.0])


def on_quadratic(theta, matrix=MATRIX):
    theta = np.array(theta, dtype=float)
    return Point(theta, 0.5 * theta @ matrix @ theta, matrix @ theta)


def random_pairs(memory=5, n_steps=4, matrix=MATRIX):
    pairs, random = (), np.random.default_rng(0)
    points = [on_quadratic(theta, matrix) for theta in random.normal(size=(n_steps + 1, 3))]
    for old, new in pairwise(points):
        pairs = with_pair(pairs, old, new, memory)
    return pairs


@pytest.mark.parametrize("memory", [1, 3, 10])
def test_the_last_pairs_are_kept_and_map_steps_to_changes(memory):
    pairs, every = random_pairs(memory), random_pairs()
    assert len(pairs) == min(memory, 4)
    for pair, same in zip(pairs, every[-memory:], strict=True):
        assert_allclose(pair.change, MATRIX @ pair.step, atol=1e-14)
        assert pair.product == pytest.approx(pair.step @ MATRIX @ pair.step)
        assert_allclose(pair.step, same.step)


@pytest.mark.parametrize("curvature", [0.0, 1e-16, -1e-16, -1.0])
def test_a_step_along_which_there_is_no_curvature_beyond_rounding_leaves_the_pairs(curvature):
    pairs, old, new = random_pairs(), on_quadratic([0.0, 1, 0]), on_quadratic([0.0, 1, 1])
    change = np.array([1.0, 0, curvature])
    new = new._replace(gradient=old.gradient + change)
    assert with_pair(pairs, old, new, 5) is pairs
    convex = new._replace(gradient=old.gradient + np.array([1.0, 0, 1e-6]))
    assert len(with_pair(pairs, old, convex, 5)) == len(pairs) + 1


def test_pairs_with_a_ridge_are_those_of_the_function_with_it():
    ridge = np.array([0.5, 0.0, 2.0])
    for pair, expected in zip(
        with_ridge(random_pairs(), ridge), random_pairs(matrix=MATRIX + np.diag(ridge)), strict=True
    ):
        for value, other in zip(pair, expected, strict=True):
            assert_allclose(value, other, atol=1e-14)
    flat = Pair(np.array([0.0, 0, 1]), np.zeros(3), 0.0)
    assert with_ridge((flat,), np.zeros(3)) == ()
