"""Scores or probabilities that Dask holds, with their labels: encoded where they are."""

from functools import partial
from typing import NamedTuple

import numpy as np

from sksoftmax._data import score_columns, validation
from sksoftmax._data.dask import validation as dask_validation
from sksoftmax._data.dask.chunks import check_chunks, check_lengths, forgetful
from sksoftmax._data.dask.partitions import Labels, cut, lay
from sksoftmax._data.score_rows import ScoreRows
from sksoftmax._objective.rows import Block, rows_a_block


@forgetful
def encode(X, y, sample_weight, check, match, estimator=None, names=("X", "y")):
    """Rows of which Dask holds at least X; see ``score_rows.encode``.

    names : of X and y in messages
    """
    if match is None:
        y = None
    elif y is None:
        score_columns.check_labels(None, None, estimator)
    y = np.asarray(y) if isinstance(y, (list, tuple)) else y
    dask_validation.check_shape_of_labels(y)
    given = dict(zip((*names, "sample_weight"), (X, y, sample_weight), strict=True))
    checks = {
        names[0]: partial(checked_columns, check=check, kept=match is not None),
        names[1]: partial(dask_validation.check_labels, name=type(estimator).__name__),
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
    strips = lay(checked, Labels(found))
    validation.check_some_weight(strips.held)
    n_rows, by_class = int(strips.lengths.sum()), strips.by_class
    rows = cut(strips, rows_a_block(n_columns, np.dtype(float), len(classes)), Columns(places))
    rows.sum(n_rows_of)  # all are made when it ends, and may be put together
    return ScoreRows(rows.bundled(), classes, np.bincount(places, by_class, len(classes)), n_rows)


def n_rows_of(block):
    """Rows of a block of scores."""
    return len(block.weight)


class Columns(NamedTuple):
    """How the labels that were found become numbers of columns."""

    places: np.ndarray

    def apply(self, block):
        return Block(block.X, self.places[block.target], block.weight)


def checked_columns(chunk, check, kept):
    """A chunk of X, if it is wanted later on, and nothing else to know of it."""
    columns = check(chunk, fewest=0)
    return (columns if kept else None), None
