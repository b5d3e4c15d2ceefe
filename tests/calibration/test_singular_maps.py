"""Where a map has no inverse its rows are named, and the others are what they are without them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sksoftmax._calibration.transforms import MatrixScaling, compact, solved

RANDOM = np.random.default_rng(0)


def test_rows_of_singular_matrices_have_no_solution_and_leave_those_of_others():
    matrices, right = RANDOM.normal(size=(4, 3, 3)), RANDOM.normal(size=(4, 3))
    matrices[2] = 0
    found = solved(matrices, right)
    assert np.isnan(found[2]).all()
    for row in (0, 1, 3):
        assert_allclose(matrices[row] @ found[row], right[row])


def test_a_row_at_which_the_slope_is_singular_is_named():
    # Of scores s it makes s + s^2 / 2, whose slope is 0 at the least value that it takes.
    step = MatrixScaling(np.eye(3), np.zeros(3), np.eye(3) / 2)
    scores = compact(RANDOM.uniform(-0.3, 0.3, size=(3, 3)))
    assert_allclose(step.inverse(step.forward(scores)), scores, atol=1e-9)
    beyond = step.forward(scores)
    beyond[1] = [1e30, -1e30, 0.0]
    with pytest.raises(ValueError, match="Row 1 of X"):
        step.inverse(beyond)
