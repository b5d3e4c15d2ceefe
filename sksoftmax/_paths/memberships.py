"""Which rows the fits of a cross-validation keep, as parts of rows that the same fits keep."""

from typing import NamedTuple

import numpy as np

from sksoftmax._objective.row_selection import as_mask
from sksoftmax._paths.ridge_paths import suits

# Rows of a part, in the mean, below which the fixed cost of a pass over it is too large.
FEW_ROWS = 60


class Memberships(NamedTuple):
    """Which rows each fit keeps. A part is the rows that the same fits keep.

    part_of : ndarray of shape (n_rows,), the part of each row with weight
    keeps : ndarray of bool of shape (n_fits, n_parts); the first fit keeps all
    """

    part_of: np.ndarray
    keeps: np.ndarray


def memberships_of(folds, weight, data, settings):
    """The Memberships of folds that can be fitted together; None for others.

    In a fold no row may be drawn twice, and each class must have a row. There must be no more parts
    than folds and one, or than leave FEW_ROWS rows to a part in the mean.

    folds : list of (train, test)
    weight : ndarray of shape (n_samples,)
    """
    # Under "balanced" the weight of a row depends on the fold.
    balanced = isinstance(settings.class_weight, str)
    if balanced or len(folds) < 2 or not suits(data, settings, len(folds) + 1):
        return None
    # The bits of a row's code tell which folds keep it; there are fewer than MOST_FITS folds.
    codes = np.zeros(len(weight), dtype=np.int32)
    for number, (train, _) in enumerate(folds):
        kept = as_mask(train, len(weight))
        if kept.dtype != bool:
            return None
        codes[kept] += 1 << number
    codes = codes if (weight > 0).all() else codes[weight > 0]
    distinct = np.unique(codes)
    if len(distinct) > max(len(folds) + 1, len(codes) // FEW_ROWS):
        return None
    part_of = np.searchsorted(distinct, codes).astype(np.min_scalar_type(len(distinct)))
    keeps = (distinct >> np.arange(len(folds))[:, None]) & 1 == 1
    keeps = np.vstack([np.ones(len(distinct), dtype=bool), keeps])
    if not (keeps @ _labels_by_part(part_of, data) > 0).all():
        return None
    return Memberships(part_of, keeps)


def _labels_by_part(part_of, data):
    """Number of rows of each class in each part, (n_parts, n_classes)."""
    counts = np.zeros((int(part_of.max()) + 1, len(data.classes)), dtype=int)
    start = 0
    for block in data.rows.stored:
        own = part_of[start : start + len(block.target)]
        np.add.at(counts, (own, block.target), 1)
        start += len(own)
    return counts
