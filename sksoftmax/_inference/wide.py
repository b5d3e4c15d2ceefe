"""Covariances of chosen coefficients where the Hessian is too large to hold.

The covariance of contrasts ``c_a`` of the coefficients is ``v_a' M v_b`` with ``H v_a = c_a``, each
found by conjugate gradients from products with the Hessian, passes over the rows. Memory is that
of the directions ``v_a``: as many numbers as theta has, for each chosen coefficient.
"""

from typing import NamedTuple

import numpy as np

from sksoftmax._certificates.smooth import largest_range
from sksoftmax._curvature import approximations
from sksoftmax._curvature.costs import MOST_PARAMETERS
from sksoftmax._inference.information import Basis, sums_of_groups
from sksoftmax._inference.refinement import (
    AT_OPTIMUM,
    MOST_STEPS,
    ROUNDING,
    SEPARATES,
    check_near,
)
from sksoftmax._inference.separation import separated
from sksoftmax._objective.kernels import curvature_product
from sksoftmax._solvers.conjugate_gradients import conjugate_gradients

# Accuracy of conjugate gradients, relative to the right side: of steps, and of covariances.
OF_STEPS, OF_COVARIANCES = 1e-4, 1e-9
MOST_PRODUCTS = 2000
# Numbers in all directions together, of 8 bytes each.
MOST_NUMBERS = 10**8


def is_wide(basis):
    """Whether the Hessian has more rows than are held."""
    return basis.n_scores * basis.objective.map.n_columns > MOST_PARAMETERS


def check_choice(basis, n_chosen):
    """Raise a ValueError where the directions of so many coefficients are too many numbers."""
    size = basis.objective.map.n_parameters
    if n_chosen * size > MOST_NUMBERS:
        raise ValueError(
            f"the model has {basis.n_scores * basis.objective.map.n_columns} coefficients, more "
            f"than the {MOST_PARAMETERS} whose covariance is held, and {n_chosen} of them are too "
            f"many to solve for one by one: choose at most {MOST_NUMBERS // size} by features= "
            "and classes="
        )


class Equations(NamedTuple):
    """Linear equations with the Hessian, times the sum of the weights.

    basis : Basis
    theta : ndarray
    preconditioner : Preconditioner, like the Hessian of the objective
    """

    basis: Basis
    theta: np.ndarray
    preconditioner: object

    @classmethod
    def at(cls, basis, theta):
        """With a preconditioner made at theta."""
        return cls(basis, theta, approximations.refreshed(basis.objective, theta))

    def product(self, vector):
        """The Hessian of the objective, a mean over the weights, times a vector."""
        return self.basis.objective.hessian_product(self.theta, vector)

    def solve(self, target, accuracy):
        """``(total_weight * Hessian)^-1 target``, to an accuracy relative to the target."""
        found = conjugate_gradients(
            self.product, self.preconditioner.solve, target, accuracy, MOST_PRODUCTS
        )
        return found / self.basis.objective.total_weight


def to_optimum(basis, theta, tol, names):
    """Theta at the optimum, by truncated Newton steps, and the Equations there."""
    objective, last = basis.objective, np.inf
    equations, total = Equations.at(basis, theta), basis.objective.total_weight
    for number in range(MOST_STEPS):
        value, gradient = objective.value_and_gradient(theta)
        gradient = objective.map.sum_to_zero(gradient)
        step = -total * equations.solve(gradient, OF_STEPS)
        distance = np.sqrt(max(0.0, -total * (gradient @ step)))
        if number == 0:
            check_near(basis, theta, value * total, distance, tol, names)
        if ROUNDING > distance > OF_STEPS**0.5 * last:
            break
        theta = theta + step
        equations = equations._replace(theta=theta)
        if distance * OF_STEPS <= AT_OPTIMUM:
            break
        last = distance
    if distance > ROUNDING or largest_range(objective, step) > SEPARATES:
        raise ValueError(separated(objective, theta, names))
    return theta, equations


def directions(equations, contrasts, names):
    """The vectors ``v_a`` of contrasts ``c_a`` of theta; a ValueError where one is flat."""
    found = []
    for contrast in contrasts:
        direction = equations.solve(contrast, OF_COVARIANCES)
        total = equations.basis.objective.total_weight
        rest = contrast - total * equations.product(direction)
        precondition = equations.preconditioner.solve
        if rest @ precondition(rest) > 1e-12 * (contrast @ precondition(contrast)):
            column = int(np.abs(contrast.reshape(len(names), -1)).max(axis=1).argmax())
            raise ValueError(
                f"the equations for the error of a coefficient of {str(names[column])!r} do not "
                "converge: its column is collinear with others, or nearly. Leave one out, or "
                "give C a smaller value"
            )
        found.append(direction)
    return found


class SumsAlong(NamedTuple):
    """The sums over rows that make ``v_a' M v_b``.

    basis : Basis
    theta : ndarray
    directions : list of ndarray, the ``v_a``
    known : ndarray, of the information
    """

    basis: Basis
    theta: np.ndarray
    directions: list
    known: np.ndarray

    def information(self, weigh):
        """``v_a' J v_b``, as of `HeldSums.information`."""
        if weigh is None:
            return self.known
        moved, at = self._moved(), approximations.probabilities_at(self.basis.objective, self.theta)

        def block_sums(block):
            moves, probability = moved(block), at(block)
            weight = weigh(block)
            curved = [curvature_product(probability, move.copy(), weight) for move in moves]
            return np.einsum("akn,bkn->ab", moves, np.stack(curved), optimize=True)

        return self.basis.objective.rows.sum(block_sums)

    def scores(self, weigh):
        """Products of the rows' scores along the directions, summed with weights."""
        along = self._scores()

        def block_sums(block):
            scores = along(block)
            return (scores * weigh(block)) @ scores.T

        return self.basis.objective.rows.sum(block_sums)

    def groups(self, groups, n_groups):
        """Products of the groups' sums of scores along the directions, summed."""
        along = self._scores()

        def scores(block):
            return lambda member: member @ along(block).T

        sums = sums_of_groups(self.basis.objective.rows, scores, groups, n_groups)
        return sums.T @ sums

    def _moved(self):
        """A function of blocks: the scores' moves along the directions, (m, n_scores, n_rows)."""
        score_map = self.basis.objective.map
        prepared = [score_map.prepare(each, self.basis.objective.dtype) for each in self.directions]
        forward = score_map.forward
        return lambda block: np.stack([forward(each, block.X) for each in prepared])

    def _scores(self):
        """A function of blocks: the rows' scores along the directions, (m, n_rows)."""
        moved, residual = self._moved(), self.basis.objective.residuals(self.theta)
        return lambda block: np.einsum("akn,kn->an", moved(block), residual(block))


def contrasts_of_theta(basis, matrix, at):
    """The contrasts as vectors like theta, row-major.

    matrix : ndarray of shape (n_contrasts, n_classes - 1), on the coefficients in the basis
    at : ndarray of shape (n, n_columns), on the columns
    """
    lift = basis.lift
    by_class = matrix @ np.linalg.solve(lift.T @ lift, lift.T)
    return [np.outer(row, own).ravel() for own in by_class for row in at]


def along(equations, found, contrasts):
    """``v_a' J v_b``: of the Hessian, less the ridge."""
    objective = equations.basis.objective
    products = np.array(contrasts) @ np.array(found).T
    ridge = (np.array(found) * objective.penalty.strength) @ np.array(found).T
    products -= ridge * objective.total_weight
    return 0.5 * (products + products.T)
