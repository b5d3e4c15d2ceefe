"""Laws of penalties with corners: each shape against its definition, by brute force."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from registry import CORNERED
from scipy.optimize import minimize

from sksoftmax._objective.penalties import NORMS, ElasticNet, GroupLasso, NonsmoothPenalty

EVERY = {name: case.make() for name, case in CORNERED.items()}
SHAPE = pytest.mark.parametrize("shape", EVERY.values(), ids=EVERY)
AMOUNT = np.array([[0.0], [0.3], [1.0], [np.inf], [2.0]])


def rows(seed=0, size=2.0, n_scores=3):
    return size * np.random.default_rng(seed).normal(size=(5, n_scores))


def test_what_has_a_name_is_held_to_these_laws():
    assert {type(shape) for shape in NORMS.values()} <= {case.make for case in CORNERED.values()}


@pytest.mark.parametrize("name", EVERY)
def test_sizes_add_up_to_the_definition(name):
    for row in rows():
        assert_allclose(EVERY[name].norms(row[None]).sum(), CORNERED[name].cost(row))


@pytest.mark.parametrize("amount", [0.0, 0.4, 1.5])
@pytest.mark.parametrize("name", EVERY)
def test_shrinking_minimises_what_it_says(name, amount):
    for row in rows(1):
        def value(x, row=row):
            return amount * CORNERED[name].cost(x) + 0.5 * np.sum((x - row) ** 2)

        found = EVERY[name].prox(row[None], np.array([[amount]]))[0]
        tries = [row, 0 * row, *found + 0.1 * rows(2), *found + 1e-3 * rows(3)]
        assert all(value(found) <= value(x) + 1e-15 for x in tries)
        options = {"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000}
        best = minimize(value, row, method="Nelder-Mead", options=options)
        assert value(found) <= best.fun + 1e-9


@pytest.mark.parametrize("name", EVERY)
def test_shrinking_one_number_is_found_on_a_grid(name):
    grid = np.linspace(-3, 3, 60001)
    for number in (-2.0, -0.2, 0.0, 0.7, 2.5):
        values = 0.5 * np.abs(grid) + 0.5 * (grid - number) ** 2
        found = EVERY[name].prox(np.array([[number]]), np.array([[0.5]]))
        assert_allclose(found[0, 0], grid[values.argmin()], atol=1e-4)


@SHAPE
def test_shrinking_never_moves_two_points_apart(shape):
    for seed in range(20):
        one, other = rows(seed), rows(seed + 100)
        moved = shape.prox(one, AMOUNT) - shape.prox(other, AMOUNT)
        assert np.linalg.norm(moved) <= np.linalg.norm(one - other) * (1 + 1e-14)


@SHAPE
def test_a_point_is_its_shrunk_part_and_a_pull_within_the_amount(shape):
    # Moreau: what is taken away is the projection on the dual ball, sizes being self-dual.
    amount = AMOUNT[[0, 1, 2, 4]]
    points = rows()[:4]
    loss_gradient = points - shape.prox(points, amount)
    assert (shape.norms(loss_gradient) <= amount * (1 + 1e-14)).all()


@SHAPE
def test_small_rows_become_exactly_zero_and_infinite_amounts_all(shape):
    small = 0.01 * rows()
    assert_array_equal(shape.prox(small, AMOUNT)[1:], 0)
    assert_array_equal(shape.prox(rows(), AMOUNT)[3], 0)
    assert_array_equal(shape.prox(rows(), AMOUNT)[0], rows()[0])


@SHAPE
def test_the_duality_of_sizes(shape):
    # sup over rows of size 1 of <row, pull> is the size of the pull.
    loss_gradient = rows(4)
    for seed in range(200):
        trial = rows(seed)
        product = np.sum(loss_gradient * trial)
        bound = np.max(shape.norms(loss_gradient)) * np.sum(shape.norms(trial))
        assert product <= bound * (1 + 1e-14)


@SHAPE
def test_rough_is_the_shape_with_amounts(shape):
    theta = rows()
    theta[3] = 0
    rough = NonsmoothPenalty(shape, AMOUNT, 3)
    expected = sum(AMOUNT[j, 0] * shape.norms(theta[[j]]).sum() for j in (0, 1, 2, 4))
    assert_allclose(rough.value(theta.ravel()), expected)
    step = np.array([1.0, 2.0, 0.5, 1.0, 0.1])
    expected = np.vstack([shape.prox(theta[[j]], AMOUNT[[j]] * step[j]) for j in range(5)])
    assert_array_equal(rough.prox(theta.ravel(), step), expected.ravel())
    part = rough.on_columns(np.array([1, 4]))
    assert_allclose(part.value(theta[[1, 4]].ravel()),
                    0.3 * shape.norms(theta[[1]]).sum() + 2 * shape.norms(theta[[4]]).sum())


FINITE = NonsmoothPenalty(ElasticNet(), np.array([[0.0], [0.3], [1.0], [0.7], [2.0]]), 3)


@SHAPE
def test_slope_and_bend_are_derivatives_away_from_corners(shape):
    rough, theta, h = replace(FINITE, norm=shape), rows().ravel(), 1e-6
    units = h * np.eye(15)
    slope = [(rough.value(theta + unit) - rough.value(theta - unit)) / (2 * h) for unit in units]
    assert_allclose(rough.gradient_on_support(theta), slope, atol=1e-8)
    places = np.array([0, 3, 4, 5, 9, 11, 14])
    gradient = rough.gradient_on_support
    hessian = [(gradient(theta + unit) - gradient(theta - unit)) / (2 * h) for unit in units]
    found = rough.hessian_on_support(theta, places)
    assert_allclose(found, np.array(hessian)[np.ix_(places, places)], atol=1e-8)
    zero = theta.copy()
    zero[3:6] = 0
    assert not rough.gradient_on_support(zero)[3:6].any()


@SHAPE
@pytest.mark.parametrize("n_scores", [3, 4])
def test_settled_rows_are_the_best_of_their_shifts(shape, n_scores):
    rough, theta = replace(FINITE, norm=shape, n_scores=n_scores), rows(n_scores=n_scores)
    settled = rough.shifted(theta.ravel()).reshape(theta.shape)
    shift = settled - theta
    assert_allclose(shift, shift[:, :1] + np.zeros(n_scores), atol=1e-15)
    assert_array_equal(settled[0], theta[0])  # what is free is left alone
    for shifts in np.linspace(-6, 6, 2001):
        assert np.all(shape.norms(settled[1:]).sum(axis=1)
                      <= shape.norms(theta[1:] + shifts).sum(axis=1) + 1e-12)  # fmt: skip
    if shape.norms(theta).shape == theta.shape:
        assert (settled[1:] == 0).any(axis=1).all()


@SHAPE
def test_strides_end_at_the_first_corner(shape):
    rough, theta = replace(FINITE, norm=shape), rows().ravel()
    for step in (rows(1, size=20).ravel(), 0.01 * np.sign(theta)):
        found = rough.to_first_breakpoint(theta, step)
        crossing = (theta * (theta + step) < 0).any() and shape.norms(theta[None]).shape[1] > 1
        assert (found == 0).sum() == crossing
        assert (theta * found >= 0).all() or not crossing
        share = (found - theta)[step != 0] / step[step != 0]
        assert_allclose(share, share[0], atol=1e-12)
        assert crossing or share[0] == pytest.approx(1)


def test_a_group_of_one_is_a_single_coefficient():
    numbers = rows(n_scores=1)
    assert_allclose(
        GroupLasso().prox(numbers, AMOUNT), ElasticNet().prox(numbers, AMOUNT), atol=1e-16
    )
