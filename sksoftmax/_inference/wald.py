"""Wald tests of linear hypotheses about coefficients."""

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

# Eigenvalues beside the largest, and parts of a hypothesis beside its size, that are rounding.
ROUNDING = 1e-10


class TestResult(NamedTuple):
    """A statistic that is chi-squared under the null hypothesis; arrays for several tests."""

    __test__ = False  # to pytest

    statistic: object
    degrees_of_freedom: object
    p_value: object


def chi_squared(statistic, degrees_of_freedom):
    """The result of a test of so many degrees of freedom, none of which is a p-value of nan."""
    p_value = chi2.sf(statistic, degrees_of_freedom)
    return TestResult(statistic, degrees_of_freedom, p_value)


def wald_test(coef, covariance, L, value):
    """``(L coef - value)' (L covariance L')^-1 (L coef - value)``.

    Restrictions that follow from others add no degree of freedom: the covariance of sum-to-zero
    contrasts is singular, and its inverse a generalised one.
    """
    L, value = _checked(len(coef), L, value)
    difference = L @ coef - value
    return chi_squared(*_quadratic(difference, L @ covariance @ L.T))


def _checked(size, L, value):
    try:
        L, value = np.asarray(L, dtype=np.float64), np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"L and value must be numbers: {error}") from None
    L = L[None] if L.ndim == 1 else L
    if L.ndim != 2 or L.shape[1] != size or not len(L):
        raise ValueError(
            f"L must have {size} columns, one for each row of covariance_matrix, and a row for "
            f"each restriction; its shape is {L.shape}"
        )
    if value.shape not in ((), (1,), (len(L),)):
        raise ValueError(f"value must be a number for each of the {len(L)} rows of L")
    if not (np.isfinite(L).all() and np.isfinite(value).all()):
        raise ValueError("L and value must be finite")
    return L, np.broadcast_to(value, len(L))


def _quadratic(difference, covariance):
    """The statistic and the rank of the restrictions."""
    scale = np.sqrt(np.maximum(np.diag(covariance), 0))
    scale = np.where(scale > 0, scale, 1.0)
    eigenvalues, vectors = np.linalg.eigh(covariance / scale / scale[:, None])
    along = vectors.T @ (difference / scale)
    kept = eigenvalues > ROUNDING * max(eigenvalues.max(), ROUNDING)
    beyond = np.abs(along[~kept]).max(initial=0)
    if beyond > 1e-6 * max(1.0, np.abs(along).max(initial=0)):
        raise ValueError(
            "the rows of L contradict each other, or say of coefficients without any variance "
            "what they are not: drop rows that follow from others"
        )
    return float(np.sum(along[kept] ** 2 / eigenvalues[kept])), int(np.count_nonzero(kept))


def feature_tests(estimate, columns):
    """Of each of some columns: its coefficients in all classes are zero.

    Returns a TestResult of arrays of shape (n_columns,); nan for a column that has no variance.
    """
    statistic, rank = np.full(len(columns), np.nan), np.zeros(len(columns), dtype=int)
    for number, column in enumerate(columns):
        covariance = estimate.covariance[:, column, :, column]
        if np.diag(covariance).all():
            found = _quadratic(estimate.coef[:, column], covariance)
            statistic[number], rank[number] = found
    return chi_squared(statistic, rank)
