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


def binned(confidence, right, weight, n_bins, strategy, level=0.95):
    """Put rows into bins.

    confidence : ndarray of shape (n_rows,), from 0 to 1
    right : ndarray of shape (n_rows,), bool
    weight : ndarray of shape (n_rows,), >= 0, not all zero
    """
    if isinstance(n_bins, bool) or not isinstance(n_bins, (int, np.integer)) or n_bins < 1:
        raise ValueError(f"n_bins must be a positive integer, got {n_bins!r}")
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {STRATEGIES}, got {strategy!r}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level!r}")
    kept = weight > 0
    confidence, right, weight = confidence[kept].astype(np.float64), right[kept], weight[kept]
    places, lower, upper = _PLACES[strategy](confidence, weight, n_bins)
    total = np.bincount(places, weight, n_bins)
    held = total > 0
    total = total[held]
    mean = np.bincount(places, weight * confidence, n_bins)[held] / total
    share = np.bincount(places, weight * right, n_bins)[held] / total
    low, high = wilson(share, total, level)
    return Reliability(lower[held], upper[held], mean, share, total, low, high)


def wilson(share, size, level):
    """Wilson's interval for a share of so many rows."""
    z = ndtri((1 + level) / 2)
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    spread = np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    reach = z / (1 + z**2 / size) * spread
    return np.maximum(middle - reach, 0), np.minimum(middle + reach, 1)


def _uniform(confidence, weight, n_bins):
    edges = np.linspace(0, 1, n_bins + 1)
    # A confidence of 1, or above it by rounding, is in the last bin.
    places = np.searchsorted(edges, confidence, side="right") - 1
    return np.clip(places, 0, n_bins - 1), edges[:-1], edges[1:]


def _quantile(confidence, weight, n_bins):
    """Equal weights, as far as rows of equal confidence, which stay together, allow."""
    values, which = np.unique(confidence, return_inverse=True)
    mass = np.bincount(which, weight)
    middle = np.cumsum(mass) - mass / 2
    of_value = np.minimum((n_bins * middle / mass.sum()).astype(np.intp), n_bins - 1)
    lower, upper = np.full(n_bins, np.inf), np.full(n_bins, -np.inf)
    np.minimum.at(lower, of_value, values)
    np.maximum.at(upper, of_value, values)
    return of_value[which], lower, upper


_PLACES = {"uniform": _uniform, "quantile": _quantile}
