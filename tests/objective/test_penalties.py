"""Laws of penalties."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from registry import PENALTIES, five_point

from sksoftmax._objective.penalties import Ridge

PENALTY = pytest.mark.parametrize("make", PENALTIES.values(), ids=PENALTIES)
THETA = np.array([1.0, -2.0, 0.5, 3.0])


@PENALTY
def test_gradient_is_that_of_the_value(make):
    penalty = make()
    value, gradient = penalty.value_and_gradient(THETA)
    assert isinstance(value, float)
    for j, axis in enumerate(np.eye(4)):
        slope = five_point(lambda t, a=axis: penalty.value_and_gradient(THETA + t * a)[0], 1e-2)
        assert_allclose(gradient[j], slope, atol=1e-11)


@PENALTY
def test_strength_is_the_curvature(make):
    penalty = make()
    for j, axis in enumerate(np.eye(4)):
        curvature = five_point(lambda t, a=axis: penalty.value_and_gradient(THETA + t * a)[1], 1e-2)
        assert_allclose(curvature, penalty.strength[j] * axis, atol=1e-11)


@PENALTY
def test_zeros_cost_nothing_and_the_gradient_is_fresh(make):
    penalty = make()
    value, gradient = penalty.value_and_gradient(np.zeros(4))
    assert value == 0
    assert_array_equal(gradient, 0)
    gradient += 1  # must change neither theta nor the penalty
    assert_array_equal(penalty.value_and_gradient(np.zeros(4))[1], 0)


def test_ridge_is_its_formula():
    value, _ = Ridge(np.array([1.0, 2.0, 0.0, 4.0])).value_and_gradient(THETA)
    assert_allclose(value, 0.5 * (1 + 2 * 4 + 0 + 4 * 9))
