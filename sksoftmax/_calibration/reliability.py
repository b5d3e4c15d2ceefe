"""Binning of rows by confidence, for reliability diagrams and calibration errors."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from sksoftmax._data.parameter_checks import check_number
from sksoftmax._functions.checks import check_option
from sksoftmax._runtime.public import public

# n_bins="auto": bins at most, and the weight that each is merged up to. The Wilson interval of a
# frequency of 1/2 is 0.24 to 0.76 for 10 rows; with many more, confident classifiers have one bin.
MOST_BINS = 15
LEAST_WEIGHT = 10.0


@public("sksoftmax.metrics")
class Reliability(NamedTuple):
    """Bins with rows, in increasing order of confidence; arrays of shape (n_nonempty_bins,).

    lower, upper : edges of the bins
    confidence : weighted mean of the predicted probabilities
    accuracy : observed frequency, the weighted fraction of the rows that are right
    weight : sum of the weights
    low, high : confidence limits of the accuracy
    """

    lower: np.ndarray
    upper: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    weight: np.ndarray
    low: np.ndarray
    high: np.ndarray


def binned(rows, views, n_bins, strategy, level=0.95):
    """Bin rows by confidence, once for each view of them (such as one class against the rest).

    rows : Rows
    views : function of a block
        Confidences from 0 to 1, (n_views, n_rows), and whether the row is right, of the same shape.

    Returns
    -------
    bins : list of Reliability, one for each view
    """
    merging = isinstance(n_bins, str) and n_bins == "auto"
    n_bins = MOST_BINS if merging else n_bins
    if isinstance(n_bins, bool) or not isinstance(n_bins, (int, np.integer)) or n_bins < 1:
        raise ValueError(f"n_bins must be a positive integer or 'auto', got {n_bins!r}")
    check_option("strategy", strategy, _BINS)
    check_number("level", level, least=0, below=1, open_below=True)
    bins_of_views = zip(*_BINS[strategy](rows, views, n_bins), strict=True)
    return [_reliability(*bins, level, merging) for bins in bins_of_views]


def _reliability(sums, lower, upper, level, merging):
    """The Reliability of sums over bins, (3, n_bins), and of their edges."""
    nonempty = sums[0] > 0
    sums, edges = sums[:, nonempty], (lower[nonempty], upper[nonempty])
    if merging:
        sums, edges = _merged(sums, *edges)
    total, confident, right = sums
    accuracy = right / total
    return Reliability(*edges, confident / total, accuracy, total, *wilson(accuracy, total, level))


def _merged(sums, lower, upper):
    """Neighbouring bins made one, from the lowest up, until each has the least weight."""
    first, weight = [0], 0.0
    for index, mass in enumerate(sums[0]):
        if weight >= LEAST_WEIGHT:
            first.append(index)
            weight = 0.0
        weight += mass
    if weight < LEAST_WEIGHT and len(first) > 1:
        first.pop()  # the last rows are too few for a bin of their own
    last = np.array([*first[1:], sums.shape[1]]) - 1
    return np.add.reduceat(sums, first, axis=1), (lower[first], upper[last])


def _sums(indices, confidence, right, weight, n_bins):
    """Sums over each bin of weight, weight * confidence and weight * right, (3, n_bins)."""
    parts = (weight, weight * confidence, weight * right)
    return np.array([np.bincount(indices, part, n_bins) for part in parts])


def wilson(proportion, size, level):
    """Wilson score interval of a proportion of ``size`` rows: lower and upper limits."""
    z = ndtri((1 + level) / 2)
    center = (proportion + z**2 / (2 * size)) / (1 + z**2 / size)
    deviation = np.sqrt(proportion * (1 - proportion) / size + z**2 / (4 * size**2))
    half_width = z / (1 + z**2 / size) * deviation
    return np.maximum(center - half_width, 0), np.minimum(center + half_width, 1)


def _uniform(rows, views, n_bins):
    """Bins of equal width: sums over the rows, block by block."""
    edges = np.linspace(0, 1, n_bins + 1)

    def block_sums(block):
        confidence, right = views(block)
        # A confidence of 1, or above it by rounding, is in the last bin.
        indices = np.searchsorted(edges, confidence, side="right") - 1
        indices = np.clip(indices, 0, n_bins - 1)
        return np.array([
            _sums(*one, block.weight, n_bins)
            for one in zip(indices, confidence.astype(np.float64), right, strict=True)
        ])  # fmt: skip

    sums = rows.sum(block_sums)
    return sums, [edges[:-1]] * len(sums), [edges[1:]] * len(sums)


def _quantile(rows, views, n_bins):
    """Bins of equal weight: quantiles are no sums over blocks, so all confidences are gathered."""
    parts = rows.sum(lambda block: [(*views(block), block.weight)])
    confidence, right, weight = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    bins_of_views = [
        _equal_weights(*one, weight, n_bins)
        for one in zip(confidence.astype(np.float64), right, strict=True)
    ]
    return tuple(zip(*bins_of_views, strict=True))


def _equal_weights(confidence, right, weight, n_bins):
    """Sums and edges of bins of nearly equal weight; equal confidences share a bin."""
    values, value_index = np.unique(confidence, return_inverse=True)
    mass = np.bincount(value_index, weight)
    middle = np.cumsum(mass) - mass / 2
    bin_of_value = np.minimum((n_bins * middle / mass.sum()).astype(np.intp), n_bins - 1)
    lower, upper = np.full(n_bins, np.inf), np.full(n_bins, -np.inf)
    np.minimum.at(lower, bin_of_value, values)
    np.maximum.at(upper, bin_of_value, values)
    return _sums(bin_of_value[value_index], confidence, right, weight, n_bins), lower, upper


_BINS = {"uniform": _uniform, "quantile": _quantile}
