"""Rows of data, cut into blocks, and sums over them.

Everything that a softmax model needs from its data is a sum over rows, so that an execution engine
has to apply a function to each block and to add the results. The order of the additions is fixed by
the blocks and not by the engine: the sum is the same to the last bit on one thread and on many.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from typing import NamedTuple, Protocol

import numpy as np
import scipy.sparse as sp

from sksoftmax._objective.row_selection import Gathered, row_slice, rows_at
from sksoftmax._runtime.quiet import quiet

# Sizes of a block. It is read twice, forward and backward, and must stay in a cache in between;
# with fewer than a few thousand rows the interpreter's calls take a noticeable part of the time.
# Measured: with half the bytes evaluations take 4 % longer, with three classes 18 %. The scores of
# two classes, one a row, take less of the cache, so that blocks may be longer.
BLOCK_BYTES = 3 * 2**19
MOST_ROWS = 6144
MOST_ROWS_OF_ONE_SCORE = 16384
# Multiplications up to which OpenBLAS has kernels for small matrices, which do not copy the
# operands and are twice as fast.
SMALL_PRODUCT = 10**6
FEWEST_ROWS = 512
# Scores of a block of sparse rows, so that the fixed cost of their products is small.
SPARSE_SCORES = 2**15
# Multiplications a row from which on a second thread saves time: NumPy's calls on a block then take
# much longer than handing over the interpreter's lock. Measured.
WORTH_A_THREAD = 2000
# Runs of blocks, each with a partial sum: enough for all threads, few enough to keep in memory.
MOST_CHUNKS = 16
# Blocks whose rows are mixed at a time, so that rows that are sorted do not stay together.
MIXED = 8
# Bytes of `Gathered` rows up to which their copies are kept: copying takes a tenth of an
# evaluation.
LITTLE = 2**23
# Fraction of entries that are not zero from which on a dense product is faster than a sparse one.
DENSE = 0.1


class Block(NamedTuple):
    """Some rows, encoded.

    X : ndarray or CSR array of shape (n_rows, n_features)
    target : class indices of shape (n_rows,), or distributions of shape (n_classes, n_rows)
    weight : ndarray of shape (n_rows,), positive
    """

    X: object
    target: np.ndarray
    weight: np.ndarray


def read(stored):
    """A stored block, or each of a pair of blocks, with `Gathered` rows copied."""
    if not isinstance(stored, Block):
        return tuple(map(read, stored))
    return stored._replace(X=stored.X.read()) if isinstance(stored.X, Gathered) else stored


class Rows(Protocol):
    """An engine: applies a function to every block and adds the results."""

    def sum(self, function):
        """``function(block_1) + function(block_2) + ...``, see `add`.

        The function may be sent to where the blocks are, so that it must not hold the rows.
        """

    def map(self, function):
        """Rows whose blocks are ``function(block)``."""


@dataclass(frozen=True)
class InMemoryRows:
    """Blocks of arrays in memory, summed by ``n_threads`` threads.

    chunks : tuple of tuples of Block
        Runs of blocks. Within a run blocks are added one after the other, and runs pairwise. The
        rows of a block may be `Gathered`, and are then copied whenever the block is used.
    n_threads : int
    """

    chunks: tuple
    n_threads: int = 1
    _pool: list = field(default_factory=list, repr=False, compare=False)

    def __iter__(self):
        return map(read, self.stored)

    @property
    def stored(self):
        """The blocks, whose rows may be `Gathered`."""
        return (block for chunk in self.chunks for block in chunk)

    def sum(self, function):
        sum_chunk = partial(_sum_chunk, function)
        if self.n_threads == 1:
            return add_pairwise(list(map(sum_chunk, self.chunks)))
        if not self._pool:
            self._pool.append(ThreadPoolExecutor(self.n_threads))
        try:
            sums = self._pool[0].map(sum_chunk, self.chunks)
        except RuntimeError as error:
            raise MemoryError(f"no thread for n_jobs={self.n_threads}: {error}") from error
        return add_pairwise(list(sums))

    def map(self, function):
        chunks = tuple(tuple(function(read(block)) for block in chunk) for chunk in self.chunks)
        return replace(self, chunks=chunks)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self._pool:
            self._pool.pop().shutdown()


@quiet  # trial steps may lead to where scores overflow, and are refused there
def _sum_chunk(function, chunk):
    return reduce(add, (function(read(block)) for block in chunk))


def strided(stride, block):
    """Every ``stride``-th row of a block."""
    if stride == 1:
        return block
    target = block.target[..., ::stride]
    return Block(block.X[::stride], target, block.weight[::stride])


def batches(rows, size, random):
    """Yield the rows in random order, in blocks of ``size`` rows, the last one shorter.

    Stored blocks are taken in random order, and the rows of MIXED of them at a time are mixed:
    memory holds no more of the rows, which may lie on a disk.

    random : numpy.random.Generator
    """
    blocks = list(rows.stored)
    order = random.permutation(len(blocks))
    rest = []
    for start in range(0, len(blocks), MIXED):
        fresh = [read(blocks[i]) for i in order[start : start + MIXED]]
        mixed = concatenate_blocks(rest + fresh)
        indices = random.permutation(len(mixed.weight))
        whole = len(indices) - len(indices) % size
        for begin in range(0, whole, size):
            yield take_rows(mixed, indices[begin : begin + size])
        rest = [take_rows(mixed, indices[whole:])] if whole < len(indices) else []
        del mixed, fresh  # before the next is made
    yield from rest


def concatenate_blocks(blocks):
    """Blocks as one."""
    parts = [block.X for block in blocks]
    X = sp.vstack(parts, format="csr") if sp.issparse(parts[0]) else np.concatenate(parts)
    target = np.concatenate([block.target for block in blocks], axis=-1)
    return Block(X, target, np.concatenate([block.weight for block in blocks]))


def take_rows(block, indices):
    """The rows of a block at these indices."""
    return Block(block.X[indices], block.target[..., indices], block.weight[indices])


class Largest:
    """A number or an array whose sum is the maximum, so that rows can be summed to one.

    The maximum of nan and a number is nan.
    """

    def __init__(self, number):
        self.number = number

    def __iadd__(self, other):
        return Largest(np.maximum(self.number, other.number))


class Means:
    """Weighted means of columns whose sum is the mean of all their rows.

    The mean of a constant is exactly that constant, while a sum that is divided in the end has
    rounding. About such a center a constant column would be noise, to which a fit without a penalty
    gives coefficients.

    values : ndarray of shape (n_features,)
    mass : float, the summed weight of the rows
    """

    def __init__(self, values, mass):
        self.values, self.mass = values, mass

    @classmethod
    def of(cls, block):
        """The means of a block; dense rows are summed about the first."""
        X, weight = block.X, block.weight
        mass = float(weight.sum(dtype=np.float64))
        if not sp.issparse(X):
            return cls(X[0] + np.asarray(weight @ (X - X[0]), dtype=np.float64) / mass, mass)
        values = np.asarray(weight @ X, dtype=np.float64) / mass
        full = np.flatnonzero(np.bincount(X.indices, minlength=X.shape[1]) >= X.shape[0])
        if len(full):
            values[full] = cls.of(Block(X[:, full].toarray(), block.target, weight)).values
        return cls(values, mass)

    def __iadd__(self, other):
        mass = self.mass + other.mass
        values = self.values + (other.values - self.values) * (other.mass / mass)
        return Means(values, mass)


def sample(rows, n_rows, total, n_classes):
    """About ``n_rows`` of the rows, drawn by their weight, as rows in memory.

    Their weights are such that sums over them have the expectation of sums over all rows. In each
    block one row is drawn from every of ``share`` equal parts of the cumulated weight (stratified
    sampling), by random numbers that are the same in each block and each fit. So blocks need not
    know of each other, and a row of weight 2 is drawn as often as the row twice.

    total : float, the sum of the weights
    """

    def draw(block):
        cumulated = np.cumsum(block.weight, dtype=np.float64)
        share = int(np.ceil(n_rows * cumulated[-1] / total))
        steps = np.arange(share) + np.random.default_rng(0).random(share)
        indices = np.searchsorted(cumulated, steps / share * cumulated[-1])
        indices, times = np.unique(np.minimum(indices, len(cumulated) - 1), return_counts=True)
        weight = (times * (cumulated[-1] / share)).astype(block.weight.dtype)
        return [Block(block.X[indices], block.target[..., indices], weight)]

    return partition(*concatenate_blocks(rows.sum(draw)), n_classes)


def gather(rows):
    """All rows as one block in memory."""
    return concatenate_blocks(rows.sum(lambda block: [block]))


def select_columns(rows, columns):
    """The rows with some of their columns, in the same blocks."""
    return rows.map(lambda block: Block(take_columns(block.X, columns), block.target, block.weight))


def paired(rows, others):
    """Rows whose blocks are the pairs of blocks of two rows in memory, which are cut alike."""
    chunks = zip(rows.chunks, others.chunks, strict=True)
    return replace(rows, chunks=tuple(tuple(zip(*pair, strict=True)) for pair in chunks))


def take_columns(X, columns):
    """Some columns of X, as a dense array if too few of their entries are zero."""
    taken = X[:, columns]
    if sp.issparse(taken) and taken.nnz > DENSE * taken.shape[0] * taken.shape[1]:
        return taken.toarray()
    return taken


def count_entries(block):
    """Number of entries of a block's X that a product multiplies."""
    return block.X.nnz if sp.issparse(block.X) else block.X.size


def add(total, term):
    """The sum of two results of a function of blocks, of tuples by entry.

    Arrays of ``total`` are added to in place.
    """
    if isinstance(total, tuple):
        return tuple(map(add, total, term))
    total += term
    return total


def add_pairwise(terms):
    """Sum in the fixed order of a binary tree, which also keeps rounding errors small."""
    while len(terms) > 1:
        pairs = list(map(add, terms[::2], terms[1::2]))
        terms = pairs + terms[2 * len(pairs) :]
    return terms[0]


def partition(X, target, weight, n_classes, n_threads=1, step=None, indices=None):
    """Encoded rows in blocks of ``step`` rows, or as many as suit the cache, without a copy.

    weight : ndarray of shape (n_rows,), or None where all are 1
    indices : ndarray of int of shape (n_rows,), the rows of X that are taken; None for all
    """
    n_rows = target.shape[-1]
    step = step or block_rows(X, n_classes)
    ones = np.ones(min(step, n_rows), dtype=X.dtype) if weight is None else None

    def block(start):
        stop = min(start + step, n_rows)
        own_weight = ones[: stop - start] if weight is None else weight[start:stop]
        if indices is None:
            rows = row_slice(X, start, stop)
        else:
            rows = rows_at(X, indices[start:stop])
        return Block(rows, target[..., start:stop], own_weight)

    blocks = [block(start) for start in range(0, n_rows, step)]
    rows = InMemoryRows(in_runs(blocks), n_threads)
    return rows.map(as_it_is) if is_little([rows]) else rows


def is_little(some_rows):
    """Whether copies of all `Gathered` rows take so little memory that they are kept."""
    stored = (block.X for rows in some_rows for block in rows.stored)
    return sum(X.nbytes for X in stored if isinstance(X, Gathered)) <= LITTLE


def as_it_is(block):
    """The block itself. Mapped over rows, it replaces `Gathered` ones by their copies."""
    return block


def in_runs(blocks):
    """Blocks as a tuple of at most MOST_CHUNKS runs, the chunks of `InMemoryRows`."""
    run = -(-len(blocks) // MOST_CHUNKS)
    return tuple(tuple(blocks[i : i + run]) for i in range(0, len(blocks), run))


def worthwhile_threads(X, n_classes, n_threads):
    """``n_threads``, or 1 where calls on a block are too short for threads to save time."""
    per_row = X.nnz / max(1, X.shape[0]) if sp.issparse(X) else X.shape[1]
    return n_threads if per_row * n_classes >= WORTH_A_THREAD else 1


def block_rows(X, n_classes):
    """Number of rows of a block of X; n_classes is 1 for two classes."""
    n_rows, n_features = X.shape
    entries_a_row = X.nnz / max(1, n_rows) if sp.issparse(X) else None
    return rows_a_block(n_features, X.dtype, n_classes, entries_a_row)


def rows_a_block(n_features, dtype, n_classes, entries_a_row=None):
    """Number of rows of a block.

    n_classes : int, 1 for two classes
    entries_a_row : float, the mean number of stored entries of sparse rows; None for dense rows
    """
    if entries_a_row is not None:
        # A block's gradient is dense: n_features * n_classes numbers are added for
        # nnz * n_classes multiplications. With many rows the former are few.
        per_row = max(1.0, entries_a_row)
        return max(FEWEST_ROWS * 4, SPARSE_SCORES // n_classes, int(16 * n_features / per_row))
    per_row = dtype.itemsize * n_features
    # With many features or classes most of the time is for matrix products, which gain by length.
    fewest = max(FEWEST_ROWS, min(MOST_ROWS, 8 * n_classes))
    small = SMALL_PRODUCT // max(1, n_features * n_classes)
    most = MOST_ROWS if n_classes > 1 else MOST_ROWS_OF_ONE_SCORE
    most = min(most, small) if small >= fewest else most
    rows = max(fewest, min(most - 16, BLOCK_BYTES // max(1, per_row)))
    # An odd multiple of 16: with a power of two, the classes of a row of class-major scores
    # compete for few lines of the cache.
    return 16 * (rows // 16 | 1)
