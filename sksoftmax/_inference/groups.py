"""The groups of rows whose scores a clustered covariance adds up."""

import numpy as np
from sklearn.utils import column_or_1d

from sksoftmax._data import validation
from sksoftmax._functions.arrays import as_numpy
from sksoftmax._objective.rows import InMemoryRows


def encode_groups(groups, data):
    """Indices of the groups of the rows with weight, and the number of groups.

    groups : labels of all rows, array-like
    data : FittedData
    """
    if not isinstance(data.objective.rows, InMemoryRows):
        raise TypeError(
            "covariance='cluster' needs rows in memory, and X is a collection of Dask: pass "
            "X.compute(), or take covariance='robust'"
        )
    kept = data.rows_with_weight()
    groups = column_or_1d(as_numpy(validation.in_memory(groups)))
    if len(groups) != len(kept):
        raise ValueError(f"groups must be a label for each of {len(kept)} rows, got {len(groups)}")
    missing = [label for label in groups.tolist() if label is None or label != label]
    if missing:
        raise ValueError(f"groups has a missing label, {missing[0]!r}")
    try:
        labels, indices = np.unique(groups[kept], return_inverse=True)
    except TypeError as error:
        raise TypeError(f"groups must be labels of one kind: {error}") from None
    if len(labels) < 2:
        raise ValueError(
            "groups has one group, and scores sum to zero over it: 2 or more are needed"
        )
    return indices.ravel(), len(labels)
