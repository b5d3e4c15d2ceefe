"""From the coefficients of a model to the optimum of its objective, and whether there is one.

A fit ends where its objective is within ``tol`` of the optimum. Standard errors shrink as rows
are added and that distance does not, so that inference goes the rest of the way: Newton steps with
one Hessian while they contract, and a new one where they do not. Le Cam's one-step estimator is
the first of them. Steps that do not contract are those of data without an optimum: along a
separating direction every Newton step moves the scores by about 1, for ever.
"""

from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from sksoftmax._certificates.separability import has_no_optimum
from sksoftmax._certificates.smooth import largest_range
from sksoftmax._inference.contrasts import shown
from sksoftmax._inference.information import Basis, information
from sksoftmax._inference.separation import separated
from sksoftmax._runtime.types import SINGLE

# Distances from the optimum, in standard errors: steps end below the first; below the second a
# step that does not contract is rounding.
AT_OPTIMUM, ROUNDING = 1e-9, 1e-5
MOST_STEPS = 30
# Where a distance is more than this share of the last one, a new Hessian is made.
CONTRACTION = 0.1
# Change of a score in the last step above which there is no optimum: the classes are separable.
SEPARATES = 1e-3
# Variance of an estimate over what it would be if other columns were uncorrelated, beyond which
# rounding of the moments, 1e-16 or so, has taken most digits of it.
MOST_INFLATION = 1e12
# A Newton step at the end of a fit lowers the objective, as a share of it, by so many times ``tol``
# at most, or the least tol: a model whose step would lower it by more was fitted on other data.
MOST_DECREASE, LEAST_TOL = 10, 1e-9


class FlatError(ValueError):
    """A matrix is singular; ``indices`` are the parameters that it does not determine."""

    def __init__(self, indices):
        super().__init__("singular")
        self.indices = indices


class Optimum(NamedTuple):
    """What is known at the optimum.

    theta : ndarray of shape (n_parameters,), of the objective
    value : float, of the objective times the sum of the weights
    information : ndarray, J
    inverse : ndarray, of the Hessian J + ridge
    """

    theta: np.ndarray
    value: float
    information: np.ndarray
    inverse: np.ndarray


def inverse_of(matrix):
    """The inverse of a positive definite matrix, or a FlatError."""
    diagonal = np.diag(matrix)
    if not (diagonal > 0).all():
        raise FlatError(np.flatnonzero(~(diagonal > 0)))
    scale = np.sqrt(diagonal)
    inverse, flat = _inverse_correlation(matrix / scale / scale[:, None])
    if flat.any():
        raise FlatError(np.flatnonzero(flat))
    return inverse / scale / scale[:, None]


def _inverse_correlation(correlation):
    """The inverse, and a mask of what is collinear."""
    upper, failed = dpotrf(correlation, clean=0)
    if failed:
        # With a jitter it can be inverted; collinear parameters are those of large variance.
        jitter = len(correlation) * np.finfo(np.float64).eps
        upper, failed = dpotrf(correlation + np.diag(np.full(len(correlation), 100 * jitter)))
        if failed:
            return correlation, np.ones(len(correlation), dtype=bool)
    inverse, _ = dpotri(upper)
    inverse = np.triu(inverse) + np.triu(inverse, 1).T
    inflation = np.diag(inverse)
    most = inflation.max()
    flat = most > MOST_INFLATION
    return inverse, (inflation > 1e-6 * most) & flat


def to_optimum(basis, theta, tol, names):
    """The Optimum of the objective, from the coefficients of a fit.

    tol : of the fit
    names : of the columns, the intercept last

    Raises
    ------
    ValueError
        Where there is none, where it is not determined, and where theta is not near it.
    """
    try:
        return _to_optimum(basis, theta, tol, names)
    except FlatError as error:
        raise _flat(basis, theta, error.indices, names) from None


def _to_optimum(basis, theta, tol, names):
    """As `to_optimum`, but for a FlatError where a matrix is singular."""
    inverse, (value, gradient) = first_inverse(basis, theta), basis.value_and_gradient(theta)
    last = np.inf
    for number in range(MOST_STEPS):
        step = -inverse @ gradient
        distance = np.sqrt(max(0.0, -gradient @ step))
        if number == 0:
            check_near(basis, theta, value, distance, tol, names)
        if distance > CONTRACTION * last:
            if distance <= ROUNDING:
                break
            inverse, last = inverse_of(information(basis, theta) + basis.ridge()), np.inf
            continue
        theta = theta + basis.theta(step)
        if distance * (distance / last if last < np.inf else 1.0) <= AT_OPTIMUM:
            break
        last, (_, gradient) = distance, basis.value_and_gradient(theta)
    matrix = information(basis, theta)
    inverse = inverse_of(matrix + basis.ridge())
    value, gradient = basis.value_and_gradient(theta)
    step = basis.theta(-inverse @ gradient)
    if distance > ROUNDING or largest_range(basis.objective, step) > SEPARATES:
        raise ValueError(separated(basis.objective, theta, names))
    return Optimum(theta, value, matrix, inverse)


def first_inverse(basis, theta):
    """The inverse of the Hessian to begin with, in single precision if that will do."""
    objective = basis.objective
    if objective.fits_single:
        single = Basis(replace(objective, dtype=SINGLE), basis.base)
        with suppress(FlatError):
            return inverse_of(information(single, theta) + basis.ridge())
    return inverse_of(information(basis, theta) + basis.ridge())


def check_near(basis, theta, value, distance, tol, names):
    """Raise a ValueError where a Newton step expects much more than the fit's ``tol`` allows.

    value : of the objective, times the sum of the weights
    distance : the length of the Newton step from theta, in standard errors
    """
    objective, expected = basis.objective, 0.5 * distance**2
    if expected <= decrease_allowed(tol) * value:
        return
    if has_no_optimum(*objective.free_part(theta), converged=False):
        raise ValueError(separated(objective, theta, names))
    moves = f", and move the coefficients by up to {distance:.2g} standard errors"
    raise not_at_optimum(expected / value, moves)


def decrease_allowed(tol, least=LEAST_TOL):
    """The share of the objective by which a Newton step at the end of a fit may lower it."""
    return MOST_DECREASE * max(tol, least)


def not_at_optimum(decrease, moves=""):
    """The error of a model that was not fitted on these rows, or not to convergence.

    decrease : share of the objective by which a Newton step would lower it
    """
    return ValueError(
        "the model is not at the optimum of its objective on these rows: a Newton step would "
        f"lower the objective by {decrease:.1e} of it{moves}. Pass the X, y and sample_weight of "
        "the fit; if these are they, fit to convergence, with a larger max_iter or a smaller tol"
    )


def _flat(basis, theta, indices, names):
    """The error that names what is collinear, or separates."""
    objective = basis.objective
    columns = np.unique(indices % objective.map.n_columns)
    separable = has_no_optimum(*objective.free_part(theta), converged=False)
    if separable:
        return ValueError(separated(objective, theta, names))
    what = "is constant, or nearly" if len(columns) == 1 else "are collinear, or nearly"
    listed = shown(np.array(names, dtype=object)[columns])
    if separable is None:
        what += ", or the classes are separable, which is too large a question to be answered here"
    return ValueError(
        f"the column{'s' * (len(columns) > 1)} {listed} {what}: the data do not determine the "
        "coefficients, and they have no standard errors. Leave a column out, or give C a smaller "
        "value"
    )
