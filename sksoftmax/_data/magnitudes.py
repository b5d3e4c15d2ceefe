"""The ranges of numbers accepted in X and in weights.

Numbers within them can be squared, weighted and summed without overflow, and the second moment of a
column does not underflow. Within the range units do not matter.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sksoftmax._objective.rows import Largest
from sksoftmax._runtime.types import DOUBLE, SINGLE

# Rows of a block from which its columns' magnitudes are bounded from below.
FEW = 64


class Range(NamedTuple):
    """Magnitudes between two positive limits."""

    least: float
    most: float

    def is_outside(self, magnitude):
        """A mask of the magnitudes outside the range, nan among them; 0 is inside."""
        inside = (magnitude <= self.most) & ((magnitude >= self.least) | (magnitude == 0))
        return np.logical_not(inside)  # nan compares false


# Range of a column's largest magnitude, by dtype. Coefficients, in the same dtype, are about its
# inverse.
COLUMNS = {DOUBLE: Range(1e-100, 1e100), SINGLE: Range(1e-30, 1e30)}
# Range of the largest weight.
WEIGHTS = Range(1e-50, 1e50)
# Ranges within which single precision can square, weight and sum.
COLUMNS_IN_SINGLE, WEIGHTS_IN_SINGLE = Range(1e-12, 1e12), Range(1e-9, 1e9)


class Magnitudes(NamedTuple):
    """The largest magnitude of each column, and the range of the weights.

    columns : ndarray of float64 of shape (n_features,)
        Lower bounds from the first rows of each block, if all columns are within the range of
        single precision by these and by the largest entry of all.
    """

    columns: np.ndarray
    largest_weight: float
    smallest_weight: float

    @classmethod
    def of(cls, rows):
        """Of all rows; magnitudes of whole columns are computed only if bounds do not suffice."""
        some, most, largest, smallest = (part.number for part in rows.sum(_bounds))
        if COLUMNS_IN_SINGLE.is_outside(np.append(some, most)).any() or not some.all():
            some = rows.sum(_by_column).number
        return cls(some, float(largest), -float(smallest))

    def check(self, dtype, estimator=None):
        """Raise a ValueError that names what is out of range."""
        check_columns(self.columns, dtype, estimator)
        check_weights(self.largest_weight)

    @property
    def suit_single_precision(self):
        """Whether single precision can square, weight and sum the entries."""
        weights = np.array([self.largest_weight, self.smallest_weight])
        outside = COLUMNS_IN_SINGLE.is_outside(self.columns).any()
        return not (outside or WEIGHTS_IN_SINGLE.is_outside(weights).any())

    def widened(self, rows, dtype):
        """The rows, converted to double precision if they are in single and do not suit it."""
        if dtype != SINGLE or self.suit_single_precision:
            return rows
        return rows.map(_in_double)


def _in_double(block):
    return block._replace(X=block.X.astype(DOUBLE))


def _bounds(block):
    """Largest magnitudes in columns of a block's first rows, of all its entries, of its weights."""
    entries = block.X.data if sp.issparse(block.X) else block.X
    most = max(entries.max(initial=0), -entries.min(initial=0))
    some = Largest(largest_by_column(block.X[:FEW]))
    return some, Largest(most), Largest(block.weight.max()), Largest(-block.weight.min())


def _by_column(block):
    return Largest(largest_by_column(block.X))


def largest_by_column(X):
    """The largest magnitude of each column, float64 of shape (n_features,)."""
    if not sp.issparse(X):
        return np.maximum(X.max(axis=0), -X.min(axis=0)).astype(np.float64)
    largest = np.zeros(X.shape[1])
    np.maximum.at(largest, X.indices, np.abs(X.data))
    return largest


def check_columns(largest, dtype, estimator=None):
    """Raise a ValueError that names the first column with entries that are too large."""
    dtype, most = np.dtype(dtype), COLUMNS[np.dtype(dtype)].most
    large = np.flatnonzero(~(largest <= most))
    if len(large):
        column = large[0]
        advice = "pass X as float64, or divide the column" if dtype == SINGLE else "divide it"
        raise ValueError(
            f"{name_of(column, estimator)} has an entry of magnitude {largest[column]:.3g}, and "
            f"{dtype} columns are taken up to {most:g}: {advice} by a power of ten; if the entry "
            "stands for a missing value, impute it"
        )


def without_small_columns(X, largest, dtype):
    """X with zeros in columns whose largest magnitude is out of range.

    largest : ndarray of shape (n_features,), the largest magnitude of each column
    """
    small = COLUMNS[np.dtype(dtype)].is_outside(largest)
    if not small.any():
        return X
    if not sp.issparse(X):
        return np.where(small, X.dtype.type(0), X)
    X = X.copy()
    X.data[small[X.indices]] = 0
    return X


def check_weights(largest, name="sample_weight times class_weight"):
    """Raise a ValueError unless the largest of the weights is in range."""
    if WEIGHTS.is_outside(largest):
        raise ValueError(
            f"{name} is {largest:.3g} at most, and its largest value must be from "
            f"{WEIGHTS.least:g} to {WEIGHTS.most:g}: divide all weights by one number"
        )


def name_of(column, estimator=None):
    """The name of a column of X in messages."""
    names = getattr(estimator, "feature_names_in_", None)
    return f"column {column} of X" if names is None else f"column {names[column]!r} of X"
