"""What range of numbers is taken, in X and in weights: decided here, and nowhere below.

Whatever is within it can be squared, weighted and added up without overflow, and what a column
adds to a second moment does not vanish. Units do not matter within the range.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sksoftmax._objective.rows import Largest

DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)

# Rows that show, as a rule, that a column is not too small.
FEW = 64


class Range(NamedTuple):
    """Numbers between two limits, both of them positive."""

    least: float
    most: float

    def is_outside(self, magnitude):
        """Which numbers are outside; 0 is inside."""
        inside = (magnitude <= self.most) & ((magnitude >= self.least) | (magnitude == 0))
        return np.logical_not(inside)  # nan is outside too


# The largest entries of columns. Coefficients are about one over these, in the dtype of X.
COLUMNS = {DOUBLE: Range(1e-100, 1e100), SINGLE: Range(1e-30, 1e30)}
# The largest weight.
WEIGHTS = Range(1e-50, 1e50)
# What single precision can square, weight and add up too.
COLUMNS_IN_SINGLE, WEIGHTS_IN_SINGLE = Range(1e-12, 1e12), Range(1e-9, 1e9)


class Magnitudes(NamedTuple):
    """Of some rows, the largest magnitude of each column, and the range of the weights.

    Where all is in the range of single precision those of the columns are only bounds: they are
    from the least to the most that it takes.
    """

    columns: np.ndarray
    largest_weight: float
    smallest_weight: float

    @classmethod
    def of(cls, rows):
        """Those of all rows: by a glance, unless that leaves a doubt."""
        some, most, largest, smallest = (part.number for part in rows.sum(_glance))
        if COLUMNS_IN_SINGLE.is_outside(np.append(some, most)).any() or not some.all():
            some = rows.sum(_by_column).number
        return cls(some, float(largest), -float(smallest))

    def check(self, dtype, estimator=None):
        """Raise a ValueError that names what is out of range."""
        check_columns(self.columns, dtype, estimator)
        check_weights(self.largest_weight)

    @property
    def suit_single_precision(self):
        """Whether single precision can square, weight and add them up too."""
        weights = np.array([self.largest_weight, self.smallest_weight])
        outside = COLUMNS_IN_SINGLE.is_outside(self.columns).any()
        return not (outside or WEIGHTS_IN_SINGLE.is_outside(weights).any())

    def widened(self, rows, dtype):
        """The rows, in double precision where they do not suit the single one that they are in."""
        if dtype != SINGLE or self.suit_single_precision:
            return rows
        return rows.map(_in_double)


def _in_double(block):
    return block._replace(X=block.X.astype(DOUBLE))


def _glance(block):
    """Largest magnitudes: of each column in a few rows, and of all columns; and of the weights."""
    entries = block.X.data if sp.issparse(block.X) else block.X
    most = max(entries.max(initial=0), -entries.min(initial=0))
    some = Largest(largest_by_column(block.X[:FEW]))
    return some, Largest(most), Largest(block.weight.max()), Largest(-block.weight.min())


def _by_column(block):
    return Largest(largest_by_column(block.X))


def largest_by_column(X):
    """The largest magnitude of each column."""
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
    """X with zeros in the place of columns too small to measure."""
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
    """What a message calls a column of X."""
    names = getattr(estimator, "feature_names_in_", None)
    return f"column {column} of X" if names is None else f"column {names[column]!r} of X"
