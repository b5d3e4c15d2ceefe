"""Rows of the checked chunks of a collection of Dask: encoded, and cut into blocks.

A strip is what one chunk of X becomes: its rows that have weight, encoded.
"""

from functools import partial
from typing import NamedTuple

import dask
import numpy as np
from dask.delayed import delayed

from sksoftmax._data import targets
from sksoftmax._data.dask.chunks import Chunks, beside, raise_first
from sksoftmax._data.dask.rows import DaskRows, Piece
from sksoftmax._objective.rows import Block, add_pairwise, count_entries, joined, partition, picked
from sksoftmax._runtime.quiet import quiet


class Labels(NamedTuple):
    """Targets of labels: indices of all classes that there are."""

    classes: np.ndarray

    def target(self, parts):
        kind = np.min_scalar_type(len(self.classes) - 1)
        places = [
            np.searchsorted(self.classes, part.note).astype(kind)[part.values[own]]
            for part, own in parts
        ]
        return np.concatenate([np.zeros(0, kind), *places])


class Shares(NamedTuple):
    """Targets of soft targets: distributions, whose classes are put in order."""

    classes: np.ndarray
    order: np.ndarray
    dtype: np.dtype

    @classmethod
    def of(cls, names, n_classes, dtype):
        classes = targets.classes_of(names, n_classes)
        order = np.argsort(classes, kind="stable")
        return cls(classes[order], order, dtype)

    def target(self, parts):
        y = stacked(parts, np.zeros((0, len(self.classes))))
        return targets.normalised(y.T[self.order], y, self.dtype)


def stacked(parts, empty):
    """One array of the parts of chunks."""
    return np.concatenate([part.values[own] for part, own in parts]) if parts else empty


class Partitions(NamedTuple):
    """Strips that Dask holds, with their rows, entries and the weights of their classes."""

    held: list
    lengths: np.ndarray
    entries: np.ndarray
    by_class: np.ndarray

    @classmethod
    def of(cls, partitions, n_classes):
        """Those of held strips that have rows."""
        measure = delayed(partial(size_of, n_classes=n_classes))
        sizes = dask.compute([measure(partition_) for partition_ in partitions])[0]
        filled = [pair for pair in zip(partitions, sizes, strict=True) if pair[1][0]]
        if not filled:
            return cls([], np.zeros(0, int), np.zeros(0, int), np.zeros(n_classes))
        partitions, sizes = zip(*filled, strict=True)
        lengths, entries, weights = zip(*sizes, strict=True)
        return cls(
            list(partitions), np.array(lengths), np.array(entries), add_pairwise(list(weights))
        )


def encode_partitions(checked, encoding, even=None, zero=None):
    """Strips of all chunks, whose targets are of all classes, also those without weight.

    The chunks are let go of, so that Dask counts and keeps the rows once.

    even : the weight of every row, if it is one for all
    zero : ndarray of bool, the classes whose class weight is 0, if there are any
    """
    if isinstance(encoding, Shares):
        problems = [delayed(problem_of)(*parts) for _, *parts in beside(checked)]
        raise_first(dask.compute(problems)[0], checked["X"].lengths, "the rows of X", cut=True)
    sent = delayed(encoding, traverse=False)
    make = delayed(partial(make_partition, even=even, zero=zero))
    partitions = dask.persist(*(make(chunk, sent, *parts) for chunk, *parts in beside(checked)))
    checked.clear()
    return Partitions.of(partitions, len(encoding.classes))


def problem_of(labels, weights=None):
    """The error that rows of soft targets raise, or None."""
    if labels:
        try:
            weight = None if weights is None else stacked(weights, None)
            targets.check_distributions(stacked(labels, None), weight)
        except ValueError as error:
            return error
    return None


def make_partition(chunk, encoding, labels, weights=None, even=None, zero=None):
    """A chunk of X with what belongs to its rows of the chunks of labels and weights."""
    partition_ = _all_classes(chunk.values, encoding, labels, weights, even)
    if zero is None:
        return partition_
    (block,) = partition_.rows
    return Piece.of([picked(block, np.flatnonzero(targets.rows_with_weight(block.target, zero)))])


def _all_classes(X, encoding, labels, weights, even):
    """The rows that have weight, whatever their class."""
    if even == 0:
        return Piece.of([Block(X[:0], encoding.target([]), np.zeros(0))])
    if weights is None:
        weight = np.ones(X.shape[0], dtype=X.dtype) if even is None else np.full(X.shape[0], even)
        return Piece.of([Block(X, encoding.target(labels), weight)])
    weight = stacked(weights, np.zeros(0))
    if not weight.all():  # a row without weight leaves no trace
        X, weight = X[weight > 0], weight[weight > 0]
        places = np.flatnonzero(stacked(weights, np.zeros(0)) > 0)
        target = quiet(encoding.target)(labels)  # nor does what is no distribution
        return Piece.of([Block(X, target[..., places], weight)])
    return Piece.of([Block(X, encoding.target(labels), weight)])


def size_of(partition_, n_classes):
    """Rows and entries of a strip, and the weight of each class in it."""
    (block,) = partition_.rows
    by_class = targets.weight_of_classes(block.target, block.weight, n_classes)
    return block.X.shape[0], count_entries(block), by_class


class TargetEncoding(NamedTuple):
    """How targets become those of the classes that are present, and what these weigh.

    by_class : ndarray of shape (n_classes,), what all classes weigh
    """

    present: np.ndarray
    smoothing: float
    dtype: np.dtype
    factors: np.ndarray | None = None
    by_class: np.ndarray | None = None

    def apply(self, block):
        target, n_classes = block.target.copy(), len(self.present)
        target = targets.smoothed(target, n_classes, self.smoothing, self.dtype)
        target, weight = targets.weighed(self.factors, target, block.weight)
        return Block(block.X, targets.of_classes(self.present, target), weight)

    def weighing(self, class_weight, classes, by_class):
        """The same with the weights of classes, ``by_class`` being what they weigh so far."""
        by_class = (1 - self.smoothing) * by_class + self.smoothing * by_class.mean()
        factors = targets.class_factors(class_weight, classes, by_class)
        by_class = by_class if factors is None else by_class * factors
        return self._replace(factors=factors, by_class=by_class)


def split(partitions, code, hold_out):
    """Strips to fit and strips to hold out; targets are brought here, where rows are chosen."""
    found = dask.compute([delayed(target_of)(partition_) for partition_ in partitions.held])[0]
    held = hold_out(np.concatenate(found, axis=-1), len(code.present))
    masks = np.split(held, np.cumsum(partitions.lengths)[:-1])
    sides = [
        [delayed(pick)(partition_, delayed(np.flatnonzero(mask == side), traverse=False))
         for partition_, mask in zip(partitions.held, masks, strict=True)]
        for side in (False, True)
    ]  # fmt: skip
    sides = dask.persist(*sides)
    partitions.held.clear()
    return [Partitions.of(side, len(code.present)) for side in sides]


def target_of(partition_):
    """The target of a strip."""
    (block,) = partition_.rows
    return block.target


def pick(partition_, places):
    """The rows of a strip at these places, in a piece."""
    (block,) = partition_.rows
    return Piece.of([picked(block, places)])


def cut(partitions, step, code):
    """Rows in blocks of ``step``, wherever chunks end: what remains of one goes to the next.

    So the blocks are those that the rows have in memory. A block that chunks share is made where
    its first row is; no other rows are moved. The strips are let go of.
    """
    chunks, last = Chunks(partitions.held, [], partitions.lengths), 0
    pieces, sent = [], delayed(code, traverse=False)
    for end in np.cumsum(partitions.lengths):
        first, last = last, min(-(-int(end) // step) * step, int(partitions.lengths.sum()))
        if first < last:
            (own, rows), *rest = chunks.parts(first, last)
            rest = [delayed(take)(partition_, part) for partition_, part in rest]
            pieces.append(delayed(make_piece)(own, rows, rest, step, sent))
    kept = DaskRows.keep(pieces)
    partitions.held.clear()
    return kept


def take(partition_, rows):
    """A run of a strip's rows, in a piece."""
    (block,) = partition_.rows
    return Piece.of([rows_of(block, rows)])


def rows_of(block, rows):
    """A run of a block's rows."""
    return Block(block.X[rows], block.target[..., rows], block.weight[rows])


def make_piece(partition_, rows, rest, step, code):
    """A strip's run of rows in encoded blocks of ``step``, the last filled up with the rest."""
    (own,) = take(partition_, rows).rows
    own, rest = code.apply(own), [code.apply(block) for part in rest for block in part.rows]
    n_rows = own.X.shape[0]
    whole = n_rows // step * step if rest else n_rows
    blocks = list(partition(*rows_of(own, slice(whole)), 0, step=step)) if whole else []
    if rest:
        blocks.append(joined([rows_of(own, slice(whole, n_rows)), *rest]))
    return Piece.of(blocks)
