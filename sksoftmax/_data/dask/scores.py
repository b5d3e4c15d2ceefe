"""Checking and encoding of scores or probabilities, and of their labels, that Dask holds."""

from functools import partial
from typing import NamedTuple

import numpy as np

from sksoftmax._data import score_classes, score_rows, weights
from sksoftmax._data.dask import validation as dask_validation
from sksoftmax._data.dask.chunks import check_chunks, check_lengths, releasing_on_error
from sksoftmax._data.dask.partitions import LabelTargets, cut_into_blocks, encode_chunks
from sksoftmax._data.score_rows import ScoreRows
from sksoftmax._objective.rows import Block, rows_a_block


@releasing_on_error
def encode(X, y, sample_weight, check, match, estimator=None, names=("X", "y")):
    """Encode rows of which Dask holds at least X; see ``score_rows.encode``.

    names : of X and y in messages
    """
    if match is not None and y is None:
        score_rows.check_labels(None, None, estimator)
    y = np.asarray(y) if isinstance(y, (list, tuple)) else y
    check_y = _check_nothing
    if match is not None:
        check_y = partial(dask_validation.check_labels, name=type(estimator).__name__)
    if match is not None and estimator is not None:
        dask_validation.check_shape_of_labels(y)
    given = dict(zip((*names, "sample_weight"), (X, y, sample_weight), strict=True))
    checks = {
        names[0]: partial(_check_columns, check=check, kept=match is not None),
        names[1]: check_y,
        "sample_weight": dask_validation.check_weights,
    }
    checked = check_chunks({
        name: (dask_validation.whole_rows(values, name), checks[name])
        for name, values in given.items() if values is not None
    })  # fmt: skip
    check_lengths(checked)
    if not checked[names[0]].lengths.sum():
        raise ValueError(f"{names[0]} has no rows: 1 is needed at least")
    return None if match is None else _encode_checked(checked, names, match, X)


def _encode_checked(checked, names, match, X):
    """The checked chunks as score rows, in blocks."""
    found = dask_validation.union_of_classes(checked[names[1]].infos)
    n_columns = X.shape[1] if X.ndim == 2 else 1
    classes, indices = match(found, max(2, n_columns))
    order = score_classes.column_order(X, classes)
    partitions = encode_chunks(checked, LabelTargets(found))
    weights.check_some_weight(partitions.persisted)
    n_rows, by_class = int(partitions.lengths.sum()), partitions.by_class
    step = rows_a_block(n_columns, np.dtype(float), len(classes))
    rows = cut_into_blocks(partitions, step, ColumnEncoding(indices, order))
    rows.sum(_n_rows_of)  # all partitions are computed when it returns, and may be grouped
    by_class = np.bincount(indices, by_class, len(classes))
    return ScoreRows(rows.grouped(), classes, by_class, n_rows, order)


def _n_rows_of(block):
    return len(block.weight)


class ColumnEncoding(NamedTuple):
    """The encoding of labels as column indices, with columns in the order of the classes.

    indices : ndarray of int of shape (n_labels,), the column index of each label found
    order : ndarray of int of shape (n_classes,), the column passed for each class; None if in order
    """

    indices: np.ndarray
    order: np.ndarray | None

    def apply(self, block):
        X = block.X if self.order is None else block.X[:, self.order]
        return Block(X, self.indices[block.target], block.weight)


def _check_nothing(chunk):
    """No values and no info of a chunk of which only the number of rows matters."""
    return None, None


def _check_columns(chunk, check, kept):
    """The checked columns of a chunk, if they are kept, and no info."""
    columns = check(chunk, fewest=0)
    return (columns if kept else None), None
