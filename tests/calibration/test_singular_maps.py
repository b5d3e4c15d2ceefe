"""Where a map has no inverse its rows are named, and the others are what they are without them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sksoftmax._calibration.transforms import MatrixScaling, PolynomialScaling, compact, solved

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


@pytest.mark.parametrize("far", [1e6, 1e30, 1e150])
@pytest.mark.parametrize(
    "step",
    [
        MatrixScaling(np.eye(3), np.zeros(3), np.eye(3) / 50),
        MatrixScaling(np.eye(3), np.zeros(3), np.eye(3) / 2),
        PolynomialScaling(0.1, 1.0, beta=1.5),
    ],
)
def test_the_inverse_of_a_row_is_that_of_the_row_alone_or_the_row_is_named(step, far):
    n_scores = 1 if isinstance(step, PolynomialScaling) else 3
    scores = RANDOM.uniform(-0.3, 0.3, size=(4, n_scores))
    if n_scores > 1:
        scores = compact(scores)
    moved = step.forward(scores)
    moved[2] = np.resize([far, -far, 0.0], n_scores)
    try:
        found = step.inverse(moved)
    except ValueError as error:
        assert str(error).startswith("Row 2 of X")
        found = step.inverse(np.delete(moved, 2, axis=0))
    else:
        assert_allclose(step.forward(found[2:3]), moved[2:3], atol=1e-8 * far)
        found = np.delete(found, 2, axis=0)
    assert_allclose(found, np.delete(scores, 2, axis=0), atol=1e-9)
