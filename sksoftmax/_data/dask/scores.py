"""Scores or probabilities that Dask holds, with their labels: encoded where they are."""

from functools import partial
from typing import NamedTuple

import numpy as np

from sksoftmax._data import score_columns, validation
from sksoftmax._data.dask import validation as dask_validation
from sksoftmax._data.dask.chunks import check_chunks, check_lengths, forgetful
from sksoftmax._data.dask.partitions import Labels, cut, encode_partitions
from sksoftmax._data.score_rows import ScoreRows
from sksoftmax._objective.rows import Block, rows_a_block


@forgetful
def encode(X, y, sample_weight, check, match, estimator=None, names=("X", "y")):
    """Rows of which Dask holds at least X; see ``score_rows.encode``.

    names : of X and y in messages
    """
    if match is not None and y is None:
        score_columns.check_labels(None, None, estimator)
    y = np.asarray(y) if isinstance(y, (list, tuple)) else y
    check_y = counted
    if match is not None:
        check_y = partial(dask_validation.check_labels, name=type(estimator).__name__)
    if match is not None and estimator is not None:
        dask_validation.check_shape_of_labels(y)
    given = dict(zip((*names, "sample_weight"), (X, y, sample_weight), strict=True))
    checks = {
        names[0]: partial(checked_columns, check=check, kept=match is not None),
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
    return None if match is None else encoded(checked, names, match, X)


def encoded(checked, names, match, X):
    """The checked chunks cut into blocks."""
    found = dask_validation.union([note for note in checked[names[1]].notes if note is not None])
    n_columns = X.shape[1] if X.ndim == 2 else 1
    classes, places = match(found, max(2, n_columns))
    order = score_columns.column_order(X, classes)
    partitions = encode_partitions(checked, Labels(found))
    validation.check_some_weight(partitions.held)
    n_rows, by_class = int(partitions.lengths.sum()), partitions.by_class
    step = rows_a_block(n_columns, np.dtype(float), len(classes))
    rows = cut(partitions, step, Columns(places, order))
    rows.sum(n_rows_of)  # all are made when it ends, and may be put together
    by_class = np.bincount(places, by_class, len(classes))
    return ScoreRows(rows.bundled(), classes, by_class, n_rows, order)


def n_rows_of(block):
    """Rows of a block of scores."""
    return len(block.weight)


class Columns(NamedTuple):
    """How the labels that were found become numbers of columns, and columns take their order.

    order : the column passed for each class, None where they are in order
    """

    places: np.ndarray
    order: np.ndarray | None

    def apply(self, block):
        X = block.X if self.order is None else block.X[:, self.order]
        return Block(X, self.places[block.target], block.weight)


def counted(chunk):
    """Nothing of a chunk of which only the number of rows matters."""
    return None, None


def checked_columns(chunk, check, kept):
    """A chunk of X, if it is wanted later on, and nothing else to know of it."""
    columns = check(chunk, fewest=0)
    return (columns if kept else None), None
