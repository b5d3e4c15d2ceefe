"""Rows in bins of confidence: what reliability diagrams and calibration errors are made of."""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

STRATEGIES = ("uniform", "quantile")


class Reliability(NamedTuple):
    """Bins that hold rows, from the least confidence to the largest.

    lower, upper : edges
    confidence : weighted mean of the probabilities
    accuracy : weighted share of the rows that are right
    weight : sum of the weights
    low, high : band of the accuracy
    """

    lower: np.ndarray
    upper: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    weight: np.ndarray
    low: np.ndarray
    high: np.ndarray


def binned(rows, views, n_bins, strategy, level=0.95):
    """Put rows into bins, in as many ways as there are views of them.

    rows : Rows
    views : function of a block
        Confidences from 0 to 1, (n_views, n_rows), and whether the row is right, of the same shape.

    Returns
    -------
    bins : list of Reliability, one for each view
    """
    if isinstance(n_bins, bool) or not isinstance(n_bins, (int, np.integer)) or n_bins < 1:
        raise ValueError(f"n_bins must be a positive integer, got {n_bins!r}")
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {STRATEGIES}, got {strategy!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level!r}")
    found = zip(*_BINS[strategy](rows, views, n_bins), strict=True)
    return [_reliability(*bins, level) for bins in found]


def _reliability(sums, lower, upper, level):
    held = sums[0] > 0
    total, confident, right = sums[:, held]
    low, high = wilson(right / total, total, level)
    share = right / total
    return Reliability(lower[held], upper[held], confident / total, share, total, low, high)


def _sums(places, confidence, right, weight, n_bins):
    """Weight of the rows of each bin, and its product with confidence and with being right."""
    parts = (weight, weight * confidence, weight * right)
    return np.array([np.bincount(places, part, n_bins) for part in parts])


def wilson(share, size, level):
    """Wilson's interval for a share of so many rows."""
    z = ndtri((1 + level) / 2)
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    spread = np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    score_range = z / (1 + z**2 / size) * spread
    return np.maximum(middle - score_range, 0), np.minimum(middle + score_range, 1)


def _uniform(rows, views, n_bins):
    """Sums over the rows, block by block."""
    edges = np.linspace(0, 1, n_bins + 1)

    def tally(block):
        confidence, right = views(block)
        # A confidence of 1, or above it by rounding, is in the last bin.
        places = np.searchsorted(edges, confidence, side="right") - 1
        places = np.clip(places, 0, n_bins - 1)
        return np.array([
            _sums(*one, block.weight, n_bins)
            for one in zip(places, confidence.astype(np.float64), right, strict=True)
        ])  # fmt: skip

    sums = rows.sum(tally)
    return sums, [edges[:-1]] * len(sums), [edges[1:]] * len(sums)


def _quantile(rows, views, n_bins):
    """Bins of equal weight: these are no sums, and all confidences come here."""
    parts = rows.sum(lambda block: [(*views(block), block.weight)])
    confidence, right, weight = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    found = [
        _equal_weights(*one, weight, n_bins)
        for one in zip(confidence.astype(np.float64), right, strict=True)
    ]
    return tuple(zip(*found, strict=True))


def _equal_weights(confidence, right, weight, n_bins):
    """Equal weights, as far as rows of equal confidence, which stay together, allow."""
    values, which = np.unique(confidence, return_inverse=True)
    mass = np.bincount(which, weight)
    middle = np.cumsum(mass) - mass / 2
    of_value = np.minimum((n_bins * middle / mass.sum()).astype(np.intp), n_bins - 1)
    lower, upper = np.full(n_bins, np.inf), np.full(n_bins, -np.inf)
    np.minimum.at(lower, of_value, values)
    np.maximum.at(upper, of_value, values)
    return _sums(of_value[which], confidence, right, weight, n_bins), lower, upper


_BINS = {"uniform": _uniform, "quantile": _quantile}
