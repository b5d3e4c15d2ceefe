"""Encoding of checked chunks into partitions, and cutting of partitions into blocks.

A partition first holds the rows of one chunk of X that have weight, as one block whose targets are
of all classes (`encode_chunks`). When the weights of the classes are known, targets are encoded for
the classes that a fit is of, and rows are cut into blocks of equal length (`cut_into_blocks`).
"""

from functools import partial
from typing import NamedTuple

import dask
import numpy as np
from dask.delayed import delayed

from sksoftmax._data import targets
from sksoftmax._data.dask.chunks import Chunks, align, concatenated, raise_first
from sksoftmax._data.dask.rows import DaskRows, Partition
from sksoftmax._data.weights import class_factors
from sksoftmax._objective.rows import (
    Block,
    add_pairwise,
    concatenate_blocks,
    count_entries,
    partition,
    take_rows,
)
from sksoftmax._runtime.quiet import quiet


class LabelTargets(NamedTuple):
    """Reader of chunks of labels, as indices of the classes of shape (n_rows,).

    classes : ndarray of shape (n_classes,), sorted
    """

    classes: np.ndarray

    def target(self, slices):
        dtype = np.min_scalar_type(len(self.classes) - 1)
        # The info of a chunk is its own classes, and its values are indices of these.
        indices = [
            np.searchsorted(self.classes, chunk.info).astype(dtype)[chunk.values[own]]
            for chunk, own in slices
        ]
        return np.concatenate([np.zeros(0, dtype), *indices])


class DistributionTargets(NamedTuple):
    """Reader of chunks of soft targets, as distributions of shape (n_classes, n_rows).

    classes : ndarray of shape (n_classes,), sorted
    order : ndarray of int of shape (n_classes,), the column passed for each class
    dtype : of the distributions
    """

    classes: np.ndarray
    order: np.ndarray
    dtype: np.dtype

    @classmethod
    def of(cls, names, n_classes, dtype):
        classes = targets.classes_of(names, n_classes)
        order = np.argsort(classes, kind="stable")
        return cls(classes[order], order, dtype)

    def target(self, slices):
        y = concatenated(slices, np.zeros((0, len(self.classes))))
        return targets.normalised(y.T[self.order], y, self.dtype)


class Partitions(NamedTuple):
    """Partitions of one block each that Dask keeps, and their sizes.

    persisted : list of Delayed, each of a `Partition`
    lengths : ndarray of int of shape (n_partitions,), the rows of each
    n_entries : ndarray of int of shape (n_partitions,), the stored entries of X in each
    by_class : ndarray of shape (n_classes,), the weight of each class in all
    """

    persisted: list
    lengths: np.ndarray
    n_entries: np.ndarray
    by_class: np.ndarray

    @classmethod
    def of(cls, persisted, n_classes):
        """Of persisted partitions; those without rows are dropped."""
        measure = delayed(partial(_measure, n_classes=n_classes))
        sizes = dask.compute([measure(part) for part in persisted])[0]
        filled = [pair for pair in zip(persisted, sizes, strict=True) if pair[1][0]]
        if not filled:
            return cls([], np.zeros(0, int), np.zeros(0, int), np.zeros(n_classes))
        persisted, sizes = zip(*filled, strict=True)
        lengths, n_entries, weights = map(list, zip(*sizes, strict=True))
        return cls(list(persisted), np.array(lengths), np.array(n_entries), add_pairwise(weights))


def _measure(part, n_classes):
    """Rows and stored entries of a partition of one block, and the weight of each class."""
    (block,) = part.rows
    by_class = targets.weight_of_classes(block.target, block.weight, n_classes)
    return block.X.shape[0], count_entries(block), by_class


# -- chunks become partitions --------------------------------------------------------------------


def encode_chunks(checked, reader, uniform_weight=None, zero=None):
    """Encode all chunks; targets are of all classes, also of those without weight.

    The chunks are released, so that Dask keeps the rows once.

    reader : LabelTargets or DistributionTargets
    uniform_weight : float, the weight of every row, if one was passed for all
    zero : ndarray of bool of shape (n_classes,), the classes whose class weight is 0, if any
    """
    if isinstance(reader, DistributionTargets):
        errors = [delayed(_distribution_error)(*slices) for _, *slices in align(checked)]
        raise_first(dask.compute(errors)[0], checked["X"].lengths, "the rows of X", chunked=True)
    sent = delayed(reader, traverse=False)
    encode = delayed(partial(_encode_chunk, uniform_weight=uniform_weight, zero=zero))
    persisted = dask.persist(*(encode(chunk, sent, *slices) for chunk, *slices in align(checked)))
    checked.clear()
    return Partitions.of(persisted, len(reader.classes))


def _distribution_error(labels, weights=None):
    """The error that rows of soft targets raise, or None."""
    if labels:
        try:
            weight = None if weights is None else concatenated(weights, None)
            targets.check_distributions(concatenated(labels, None), weight)
        except ValueError as error:
            return error
    return None


def _encode_chunk(chunk, reader, labels, weights=None, uniform_weight=None, zero=None):
    """The partition of a chunk of X, and the slices of labels and weights that have its rows."""
    block = _rows_with_weight(chunk.values, reader, labels, weights, uniform_weight)
    if zero is not None:
        block = take_rows(block, np.flatnonzero(targets.rows_with_weight(block.target, zero)))
    return Partition.of([block])


def _rows_with_weight(X, reader, labels, weights, uniform_weight):
    if uniform_weight == 0:
        return Block(X[:0], reader.target([]), np.zeros(0))
    if weights is None:
        weight, dtype = (1, X.dtype) if uniform_weight is None else (uniform_weight, np.float64)
        return Block(X, reader.target(labels), np.full(X.shape[0], weight, dtype=dtype))
    weight = concatenated(weights, np.zeros(0))
    if weight.all():
        return Block(X, reader.target(labels), weight)
    indices = np.flatnonzero(weight > 0)
    target = quiet(reader.target)(labels)  # rows without weight need not be distributions
    return Block(X[indices], target[..., indices], weight[indices])


# -- targets of the classes that a fit is of ------------------------------------------------------


class TargetEncoding(NamedTuple):
    """The encoding of targets of all classes as targets of the classes that a fit is of.

    present : ndarray of bool of shape (n_classes,), the classes that the fit is of
    smoothing : float, the label smoothing
    dtype : of distributions
    factors : ndarray of shape (n_classes,), the class weights, or None
    by_class : ndarray of shape (n_classes,), the weight of each class in all
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

    def with_class_weight(self, class_weight, classes, by_class):
        """The encoding with class weights, given the weight of each class before these."""
        by_class = (1 - self.smoothing) * by_class + self.smoothing * by_class.mean()
        factors = class_factors(class_weight, classes, by_class)
        by_class = by_class if factors is None else by_class * factors
        return self._replace(factors=factors, by_class=by_class)


# -- partitions are split, and cut into blocks ----------------------------------------------------


def split_held_out(partitions, n_classes, hold_out):
    """Partitions to fit and partitions to hold out; the targets are brought to the client.

    hold_out : function of targets and the number of classes, a mask of the rows to hold out
    """
    target = dask.compute([delayed(_target_of)(part) for part in partitions.persisted])[0]
    held_out = hold_out(np.concatenate(target, axis=-1), n_classes)
    masks = np.split(held_out, np.cumsum(partitions.lengths)[:-1])
    sides = [
        [delayed(_select)(part, delayed(np.flatnonzero(mask == side), traverse=False))
         for part, mask in zip(partitions.persisted, masks, strict=True)]
        for side in (False, True)
    ]  # fmt: skip
    sides = dask.persist(*sides)
    partitions.persisted.clear()
    return [Partitions.of(side, n_classes) for side in sides]


def _target_of(part):
    (block,) = part.rows
    return block.target


def _select(part, indices):
    (block,) = part.rows
    return Partition.of([take_rows(block, indices)])


def cut_into_blocks(partitions, step, encoding):
    """Encoded rows in blocks of ``step`` rows, the same blocks as in memory.

    A block whose rows are in several partitions is made where its first row is; no other rows
    move. The partitions passed are released.

    encoding : has ``apply``, a function of blocks
    """
    chunks, last = Chunks(partitions.persisted, [], partitions.lengths), 0
    cut, sent = [], delayed(encoding, traverse=False)
    for end in np.cumsum(partitions.lengths):
        first, last = last, min(-(-int(end) // step) * step, int(partitions.lengths.sum()))
        if first < last:
            (own, rows), *rest = chunks.slices(first, last)
            rest = [delayed(_take)(part, rows) for part, rows in rest]
            cut.append(delayed(_encoded_blocks)(own, rows, rest, step, sent))
    rows = DaskRows.persist(cut)
    partitions.persisted.clear()
    return rows


def _take(part, rows):
    """A slice of the rows of a partition of one block."""
    (block,) = part.rows
    return Partition.of([_rows_of(block, rows)])


def _rows_of(block, rows):
    return Block(block.X[rows], block.target[..., rows], block.weight[rows])


def _encoded_blocks(part, rows, rest, step, encoding):
    """Blocks of ``step`` rows of a slice of a partition; ``rest`` fills up the last of them."""
    (own,) = _take(part, rows).rows
    own, rest = encoding.apply(own), [encoding.apply(block) for p in rest for block in p.rows]
    n_rows = own.X.shape[0]
    n_whole = n_rows // step * step if rest else n_rows
    blocks = list(partition(*_rows_of(own, slice(n_whole)), 0, step=step)) if n_whole else []
    if rest:
        blocks.append(concatenate_blocks([_rows_of(own, slice(n_whole, n_rows)), *rest]))
    return Partition.of(blocks)
