"""Laws of nonsmooth penalties: each norm against its definition, by brute force."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from registry import NONSMOOTH
from scipy.optimize import minimize

from sksoftmax._objective.penalties import NORMS, ElasticNet, GroupLasso, NonsmoothPenalty

BY_NAME = {name: case.make() for name, case in NONSMOOTH.items()}
NORM = pytest.mark.parametrize("norm", BY_NAME.values(), ids=BY_NAME)
L1_STRENGTH = np.array([[0.0], [0.3], [1.0], [np.inf], [2.0]])


def rows(seed=0, size=2.0, n_scores=3):
    return size * np.random.default_rng(seed).normal(size=(5, n_scores))


def test_what_has_a_name_is_held_to_these_laws():
    assert {type(norm) for norm in NORMS.values()} <= {case.make for case in NONSMOOTH.values()}


@pytest.mark.parametrize("name", BY_NAME)
def test_norms_add_up_to_the_definition(name):
    for row in rows():
        assert_allclose(BY_NAME[name].norms(row[None]).sum(), NONSMOOTH[name].cost(row))


@pytest.mark.parametrize("l1_strength", [0.0, 0.4, 1.5])
@pytest.mark.parametrize("name", BY_NAME)
def test_prox_minimises_its_definition(name, l1_strength):
    for row in rows(1):

        def value(x, row=row):
            return l1_strength * NONSMOOTH[name].cost(x) + 0.5 * np.sum((x - row) ** 2)

        found = BY_NAME[name].prox(row[None], np.array([[l1_strength]]))[0]
        tries = [row, 0 * row, *found + 0.1 * rows(2), *found + 1e-3 * rows(3)]
        assert all(value(found) <= value(x) + 1e-15 for x in tries)
        options = {"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000}
        best = minimize(value, row, method="Nelder-Mead", options=options)
        assert value(found) <= best.fun + 1e-9


@pytest.mark.parametrize("name", BY_NAME)
def test_prox_of_one_number_is_the_minimum_on_a_grid(name):
    grid = np.linspace(-3, 3, 60001)
    for number in (-2.0, -0.2, 0.0, 0.7, 2.5):
        values = 0.5 * np.abs(grid) + 0.5 * (grid - number) ** 2
        found = BY_NAME[name].prox(np.array([[number]]), np.array([[0.5]]))
        assert_allclose(found[0, 0], grid[values.argmin()], atol=1e-4)


@NORM
def test_prox_is_nonexpansive(norm):
    for seed in range(20):
        one, other = rows(seed), rows(seed + 100)
        moved = norm.prox(one, L1_STRENGTH) - norm.prox(other, L1_STRENGTH)
        assert np.linalg.norm(moved) <= np.linalg.norm(one - other) * (1 + 1e-14)


@NORM
def test_a_point_is_its_prox_plus_a_vector_within_the_dual_ball(norm):
    # Moreau: what is taken away is the projection on the dual ball, norms being self-dual.
    l1_strength = L1_STRENGTH[[0, 1, 2, 4]]
    points = rows()[:4]
    loss_gradient = points - norm.prox(points, l1_strength)
    assert (norm.norms(loss_gradient) <= l1_strength * (1 + 1e-14)).all()


@NORM
def test_prox_makes_small_rows_zero_and_all_rows_at_infinite_strength(norm):
    small = 0.01 * rows()
    assert_array_equal(norm.prox(small, L1_STRENGTH)[1:], 0)
    assert_array_equal(norm.prox(rows(), L1_STRENGTH)[3], 0)
    assert_array_equal(norm.prox(rows(), L1_STRENGTH)[0], rows()[0])


@NORM
def test_the_duality_of_norms(norm):
    # The largest product with rows of norm 1 is the norm of the gradient.
    loss_gradient = rows(4)
    for seed in range(200):
        trial = rows(seed)
        product = np.sum(loss_gradient * trial)
        bound = np.max(norm.norms(loss_gradient)) * np.sum(norm.norms(trial))
        assert product <= bound * (1 + 1e-14)


@NORM
def test_a_nonsmooth_penalty_is_its_norm_times_l1_strengths(norm):
    theta = rows()
    theta[3] = 0
    penalty = NonsmoothPenalty(norm, L1_STRENGTH, 3)
    expected = sum(L1_STRENGTH[j, 0] * norm.norms(theta[[j]]).sum() for j in (0, 1, 2, 4))
    assert_allclose(penalty.value(theta.ravel()), expected)
    step = np.array([1.0, 2.0, 0.5, 1.0, 0.1])
    expected = np.vstack([norm.prox(theta[[j]], L1_STRENGTH[[j]] * step[j]) for j in range(5)])
    assert_array_equal(penalty.prox(theta.ravel(), step), expected.ravel())
    part = penalty.on_columns(np.array([1, 4]))
    assert_allclose(
        part.value(theta[[1, 4]].ravel()),
        0.3 * norm.norms(theta[[1]]).sum() + 2 * norm.norms(theta[[4]]).sum(),
    )


FINITE = NonsmoothPenalty(ElasticNet(), np.array([[0.0], [0.3], [1.0], [0.7], [2.0]]), 3)


@NORM
def test_gradient_and_hessian_on_the_support_are_derivatives(norm):
    penalty, theta, h = replace(FINITE, norm=norm), rows().ravel(), 1e-6
    units = h * np.eye(15)
    slope = [(penalty.value(theta + u) - penalty.value(theta - u)) / (2 * h) for u in units]
    assert_allclose(penalty.gradient_on_support(theta), slope, atol=1e-8)
    indices = np.array([0, 3, 4, 5, 9, 11, 14])
    gradient = penalty.gradient_on_support
    hessian = [(gradient(theta + unit) - gradient(theta - unit)) / (2 * h) for unit in units]
    found = penalty.hessian_on_support(theta, indices)
    assert_allclose(found, np.array(hessian)[np.ix_(indices, indices)], atol=1e-8)
    zero = theta.copy()
    zero[3:6] = 0
    assert not penalty.gradient_on_support(zero)[3:6].any()


@NORM
@pytest.mark.parametrize("n_scores", [3, 4])
def test_shifted_rows_have_the_least_norm_of_all_shifts(norm, n_scores):
    penalty, theta = replace(FINITE, norm=norm, n_scores=n_scores), rows(n_scores=n_scores)
    shifted = penalty.shifted(theta.ravel()).reshape(theta.shape)
    shift = shifted - theta
    assert_allclose(shift, shift[:, :1] + np.zeros(n_scores), atol=1e-15)
    assert_array_equal(shifted[0], theta[0])  # what is free is left alone
    for shifts in np.linspace(-6, 6, 2001):
        assert np.all(norm.norms(shifted[1:]).sum(axis=1)
                      <= norm.norms(theta[1:] + shifts).sum(axis=1) + 1e-12)  # fmt: skip
    if norm.norms(theta).shape == theta.shape:
        assert (shifted[1:] == 0).any(axis=1).all()


@NORM
def test_steps_end_at_the_first_breakpoint(norm):
    penalty, theta = replace(FINITE, norm=norm), rows().ravel()
    for step in (rows(1, size=20).ravel(), 0.01 * np.sign(theta)):
        found = penalty.to_first_breakpoint(theta, step)
        crossing = (theta * (theta + step) < 0).any() and norm.norms(theta[None]).shape[1] > 1
        assert (found == 0).sum() == crossing
        assert (theta * found >= 0).all() or not crossing
        share = (found - theta)[step != 0] / step[step != 0]
        assert_allclose(share, share[0], atol=1e-12)
        assert crossing or share[0] == pytest.approx(1)


def test_a_group_of_one_is_a_single_coefficient():
    numbers = rows(n_scores=1)
    assert_allclose(
        GroupLasso().prox(numbers, L1_STRENGTH), ElasticNet().prox(numbers, L1_STRENGTH), atol=1e-16
    )
