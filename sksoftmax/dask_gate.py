"""The gate for collections of Dask: chunks are checked and encoded where they are, and kept there.

What is wrong with a chunk is found where it is and told here, so that the first chunk that is wrong
is named, whichever worker was the quickest. X decides how rows are cut; labels and weights follow.
"""

import warnings
from dataclasses import dataclass
from functools import partial
from itertools import chain
from traceback import clear_frames
from typing import NamedTuple

import dask
import numpy as np
import scipy.sparse as sp
from dask.delayed import Delayed, delayed
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from sksoftmax import gate, targets
from sksoftmax.dask_rows import DaskRows, Piece, bytes_of
from sksoftmax.rows import Block, count_entries, joined, partition, rows_a_block


def encode(estimator, X, y, sample_weight=None, class_weight=None, **options):
    """Training data of which Dask holds at least X, checked and encoded; see ``gate.encode``."""
    for name, value in options.items():
        if value:
            raise ValueError(f"{name} needs rows in memory, and X is a collection of Dask")
    try:
        return _encode(estimator, X, y, sample_weight, class_weight)
    except BaseException as error:
        # What Dask holds for them would be held as long as the error is remembered.
        clear_frames(error.__traceback__)
        raise


def _encode(estimator, X, y, sample_weight, class_weight):
    stub, checked = check(estimator, X, y, sample_weight)
    classes = union([note for note in checked["y"].notes if note is not None])
    strips, n_rows, n_entries = lay(checked, classes)
    gate.check_some_weight(strips)
    classes, code = weigh(estimator, strips, classes, class_weight)
    is_sparse = bool(checked["X"].notes[0])
    step = rows_a_block(
        stub.shape[1], stub.dtype, 1 if len(classes) == 2 else len(classes),
        n_entries.sum() / n_rows.sum() if is_sparse else None,
    )  # fmt: skip
    rows = cut(strips, n_rows, step, code)
    by_class, sums = rows.sum(partial(sums_of, n_classes=len(classes)))
    targets.check_range(by_class)
    return gate.Encoded(
        rows=rows,
        classes=classes,
        class_weight=by_class,
        center=sums / by_class.sum(),
        n_rows=int(n_rows.sum()),
        n_features=stub.shape[1],
        n_entries=int(n_entries.sum()),
        dtype=stub.dtype,
        is_sparse=is_sparse,
    )


def check(estimator, X, y, sample_weight):
    """No rows of X, and the checked chunks of all that was passed, by its name."""
    given = {"X": X, "y": y, "sample_weight": sample_weight}
    given = {name: whole_rows(values, name) for name, values in given.items() if values is not None}
    stub, name = validated_stub(estimator, given["X"]), type(estimator).__name__
    check_shape_of_labels(y)
    checks = {
        "X": partial(check_columns, dtype=stub.dtype, name=name),
        "y": partial(check_labels, name=name),
        "sample_weight": check_weights,
    }
    checked = check_chunks({part: (values, checks[part]) for part, values in given.items()})
    check_alike(checked, estimator, stub)
    return stub, checked


# -- what is known before a chunk is looked at ----------------------------------------------------


def whole_rows(values, name):
    """A collection whose chunks hold all columns of their rows."""
    if isinstance(values, Delayed) or (gate.on_dask(values) and not hasattr(values, "ndim")):
        raise TypeError(
            f"{name} must be an array or a data frame, of Dask or not, got {type(values).__name__}"
        )
    blocks = getattr(values, "numblocks", ())
    if len(blocks) == 2 and blocks[1] > 1:
        warnings.warn(
            f"{name} is cut along its columns, in {blocks[1]} chunks, and is rechunked; this moves "
            "data between workers: make chunks of whole rows.",
            stacklevel=5,
        )
        return values.rechunk({1: -1})
    return values


def validated_stub(estimator, X, reset=True):
    """No rows of X, as scikit-learn has them checked, and the estimator's features with them."""
    stub = X._meta if hasattr(X, "columns") else np.empty((0, *X.shape[1:]), dtype=X.dtype)
    return validate_data(
        estimator, stub, accept_sparse="csr", dtype=gate.FLOATS, ensure_min_samples=0, reset=reset
    )


def check_shape_of_labels(y):
    if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape "
            "of y to (n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=5,
        )


# -- the chunks, each by itself -------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Checked:
    """A chunk after its check.

    values : ndarray or sparse array
    note : what there is to know of it: whether X is sparse, or the classes that labels number
    problem : the error that it raised, or None
    """

    values: object
    note: object
    problem: Exception | None
    n_rows: int

    def __sizeof__(self):
        return 0 if self.values is None else bytes_of(self.values)


class Chunks(NamedTuple):
    """Checked chunks that Dask holds, their notes and their numbers of rows."""

    held: list
    notes: list
    lengths: np.ndarray

    def parts(self, first, last):
        """Of rows from ``first`` to ``last``: chunks, and what to take of each."""
        starts = np.cumsum(self.lengths) - self.lengths
        for chunk, start, length in zip(self.held, starts, self.lengths, strict=True):
            begin, end = max(first - start, 0), min(last - start, length)
            if begin < end:
                yield chunk, slice(int(begin), int(end))


def attempt(check, values):
    """A chunk checked; an error is kept, to be raised where it will be seen."""
    length = values.shape[0] if hasattr(values, "shape") else len(values)
    try:
        return Checked(*check(values), None, length)
    except (TypeError, ValueError) as error:
        return Checked(None, None, error, length)


def check_columns(chunk, dtype, name):
    X = check_array(
        chunk, accept_sparse="csr", dtype=dtype, estimator=name, input_name="X",
        ensure_min_samples=0,
    )  # fmt: skip
    return X, sp.issparse(X)


def check_labels(chunk, name):
    y = column_or_1d(chunk)
    if len(y) == 0:
        return np.zeros(0, dtype=np.uint8), None
    check_array(y, ensure_2d=False, dtype=None, estimator=name, input_name="y")
    check_classification_targets(y)
    classes, labels = targets.encode_labels(y)
    return labels, classes


def check_weights(chunk):
    return gate.check_weight_values(chunk), None


def check_chunks(checks):
    """Have all chunks checked, in one go, and raise the first error there is."""
    checked = {name: list(checked_chunks(*pair)) for name, pair in checks.items()}
    held = iter(dask.persist(*chain.from_iterable(checked.values())))
    checked = {name: [next(held) for _ in chunks] for name, chunks in checked.items()}
    known = dask.compute({
        name: [delayed(what_is_known)(chunk) for chunk in chunks]
        for name, chunks in checked.items()
    })[0]  # fmt: skip
    result = {}
    for name, chunks in checked.items():
        notes, problems, lengths = zip(*known[name], strict=True)
        raise_first(problems, lengths, name, gate.on_dask(checks[name][0]))
        result[name] = Chunks(chunks, list(notes), np.array(lengths))
    return result


def checked_chunks(values, check):
    if not gate.on_dask(values):
        yield delayed(attempt(check, values), traverse=False)
        return
    for chunk in np.array(values.to_delayed(), dtype=object).ravel():
        yield delayed(attempt)(check, chunk)


def what_is_known(chunk):
    return chunk.note, chunk.problem, chunk.n_rows


def raise_first(problems, lengths, name, cut):
    for number, problem in enumerate(problems):
        if problem is not None:
            kind = ValueError if isinstance(problem, ValueError) else TypeError
            where = f"chunk {number} of {name}, whose first row is {sum(lengths[:number])}"
            raise kind(f"{problem}\nThis is {where}." if cut else str(problem)) from problem


def check_lengths(checked):
    totals = [int(chunks.lengths.sum()) for chunks in checked.values()]
    if len(set(totals)) > 1:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {totals}, of "
            f"{', '.join(checked)}"
        )


def check_alike(checked, estimator, stub):
    """Raise a ValueError unless all have as many rows, one at least, and X is of one kind."""
    check_lengths(checked)
    if checked["X"].lengths.sum() == 0:
        check_array(stub, accept_sparse=True, estimator=estimator)  # says that there are no rows
    if len(set(checked["X"].notes)) > 1:
        raise ValueError("X has sparse and dense chunks: make all of them one or the other")


def union(parts):
    """Sorted classes of all chunks."""
    if len({part.dtype.kind in "biuf" for part in parts}) > 1:
        # Numbers beside strings are no classes, and must not become strings to hide it.
        parts = [part.astype(object) for part in parts]
    return targets.encode_labels(np.concatenate(parts))[0]


# -- rows of the chunks ---------------------------------------------------------------------------


def lay(checked, classes):
    """Rows of one block a chunk, encoded, and how many rows and entries each has.

    Labels number all classes that there are, of which some may have no weight.
    """
    sent = delayed(classes, traverse=False)
    strips = [delayed(make_strip)(chunk, sent, *parts) for chunk, *parts in beside(checked)]
    strips = dask.persist(*strips)
    sizes = np.array(dask.compute([delayed(sizes_of)(strip) for strip in strips])[0])
    filled = sizes[:, 0] > 0
    strips = [strip for strip, some in zip(strips, filled, strict=True) if some]
    return strips, *sizes[filled].T


def beside(checked):
    """Each chunk of X, with parts of the chunks of all else that have its rows."""
    X, *others = checked.values()
    last = 0
    for chunk, length in zip(X.held, X.lengths, strict=True):
        first, last = last, last + int(length)
        yield chunk, *(list(other.parts(first, last)) for other in others)


def make_strip(chunk, classes, labels, weights=None):
    """A chunk of X with what belongs to its rows of the chunks of labels and weights."""
    X, kind = chunk.values, np.min_scalar_type(len(classes) - 1)
    target = [
        np.searchsorted(classes, part.note).astype(kind)[part.values[own]] for part, own in labels
    ]
    target = np.concatenate([np.zeros(0, kind), *target])
    if weights is None:
        return Piece.of([Block(X, target, np.ones(X.shape[0], dtype=X.dtype))])
    weight = np.concatenate([np.zeros(0), *(part.values[own] for part, own in weights)])
    if not weight.all():  # a row without weight leaves no trace
        X, target, weight = X[weight > 0], target[weight > 0], weight[weight > 0]
    return Piece.of([Block(X, target, weight)])


def sizes_of(strip):
    (block,) = strip.rows
    return block.X.shape[0], count_entries(block)


def weigh(estimator, strips, classes, class_weight):
    """The classes that have weight, and how blocks are to be recoded."""
    by_class = DaskRows(strips).sum(partial(weight_by_class, n_classes=len(classes)))
    present = by_class > 0
    classes, by_class = classes[present], by_class[present]
    targets.check_classes(classes)
    places = np.maximum(np.cumsum(present) - 1, 0).astype(np.min_scalar_type(len(classes) - 1))
    return classes, Code(places, targets.class_factors(class_weight, classes, by_class))


class Code(NamedTuple):
    """How labels of all classes become those of the classes with weight, and what these weigh."""

    places: np.ndarray
    factors: np.ndarray | None

    def apply(self, block):
        target = self.places[block.target]
        weight = block.weight if self.factors is None else block.weight * self.factors[target]
        return Block(block.X, target, weight)


def cut(strips, lengths, step, code):
    """Rows in blocks of ``step``, wherever chunks end: what remains of one goes to the next.

    So the blocks are those that the rows have in memory. A block that chunks share is made where
    its first row is; no other rows are moved.
    """
    chunks, last = Chunks(strips, [], lengths), 0
    pieces, sent = [], delayed(code, traverse=False)
    for end in np.cumsum(lengths):
        first, last = last, min(-(-int(end) // step) * step, int(lengths.sum()))
        if first < last:
            (own, rows), *rest = chunks.parts(first, last)
            rest = [delayed(take)(strip, part) for strip, part in rest]
            pieces.append(delayed(make_piece)(own, rows, rest, step, sent))
    return DaskRows.keep(pieces)


def take(strip, rows):
    (block,) = strip.rows
    return Piece.of([rows_of(block, rows)])


def rows_of(block, rows):
    return Block(block.X[rows], block.target[..., rows], block.weight[rows])


def make_piece(strip, rows, rest, step, code):
    (own,) = take(strip, rows).rows
    own, rest = code.apply(own), [code.apply(block) for part in rest for block in part.rows]
    n_rows = own.X.shape[0]
    whole = n_rows // step * step if rest else n_rows
    blocks = list(partition(*rows_of(own, slice(whole)), 0, step=step)) if whole else []
    if rest:
        blocks.append(joined([rows_of(own, slice(whole, n_rows)), *rest]))
    return Piece.of(blocks)


def weight_by_class(block, n_classes):
    return np.bincount(block.target, weights=block.weight, minlength=n_classes)


def sums_of(block, n_classes):
    columns = np.asarray(block.weight @ block.X, dtype=np.float64)
    return weight_by_class(block, n_classes), columns
