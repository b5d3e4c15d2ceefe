"""Rows of data, cut into blocks, and the one thing an engine does with them: add.

Everything that a softmax model needs from its data is a sum over rows, so an execution engine
only has to apply a function to each block and add what comes back. The order of the additions is
fixed by the partition and never by the engine: the sum is the same to the last bit on one thread
and on many.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from typing import NamedTuple, Protocol

import numpy as np
import scipy.sparse as sp

from sksoftmax._objective.row_selection import Gathered, row_slice, rows_at
from sksoftmax._runtime.quiet import quiet

# A block is read twice, forward and backward, and must stay in a cache in between; below a few
# thousand rows the interpreter's calls begin to show. Measured: half the bytes take 4 % longer,
# three classes 18 %. One score a row, of two classes, leaves more of the cache to longer blocks.
BLOCK_BYTES = 3 * 2**19
MOST_ROWS = 6144
MOST_ROWS_OF_ONE_SCORE = 16384
# Multiplications up to which OpenBLAS has kernels that read the operands where they are, twice as
# fast as those that copy them into tiles first.
SMALL_PRODUCT = 10**6
FEWEST_ROWS = 512
# Scores of a block of sparse rows, whose products have a fixed cost of their own.
SPARSE_SCORES = 2**15
# Multiplications a row from which on NumPy's calls on a block are long enough, beside the time it
# takes to hand over the interpreter's lock, that a second thread is no hindrance. Measured.
WORTH_A_THREAD = 2000
# Partial sums are kept for this many runs of blocks: enough to feed the threads of a machine, few
# enough to hold in memory.
MOST_CHUNKS = 16
# Blocks whose rows are mixed at a time: enough to mix rows that are sorted in some way.
MIXED = 8
# Bytes of rows that are copied once: to gather them at each reading costs a tenth of an evaluation.
LITTLE = 2**23
# Share of entries from which on a dense product is faster than a sparse one.
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
    """A block as functions want it, or each of a pair of blocks."""
    if not isinstance(stored, Block):
        return tuple(map(read, stored))
    return stored._replace(X=stored.X.read()) if isinstance(stored.X, Gathered) else stored


class Rows(Protocol):
    """An engine: applies a function to every block and adds the results."""

    def sum(self, function):
        """``function(block_1) + function(block_2) + ...``, tuples being added by entry.

        The function may be sent to where the blocks are, and then must not hold the rows.
        """

    def map(self, function):
        """Rows whose blocks are ``function(block)``."""


@dataclass(frozen=True)
class InMemoryRows:
    """Blocks of arrays in memory, summed by ``n_threads`` threads.

    chunks : tuple of tuples of Block
        Runs of blocks. Blocks are added one after the other inside a run and the runs pairwise.
        The rows of a block may be `Gathered`: they are read when the block is.
    """

    chunks: tuple
    n_threads: int = 1
    _pool: list = field(default_factory=list, repr=False, compare=False)

    def __iter__(self):
        return map(read, self.stored)

    @property
    def stored(self):
        """The blocks, as yet unread."""
        return (block for chunk in self.chunks for block in chunk)

    def sum(self, function):
        sum_chunk = partial(_sum_chunk, function)
        if self.n_threads == 1:
            return add_pairwise(list(map(sum_chunk, self.chunks)))
        if not self._pool:
            self._pool.append(ThreadPoolExecutor(self.n_threads))
        return add_pairwise(list(self._pool[0].map(sum_chunk, self.chunks)))

    def map(self, function):
        chunks = tuple(tuple(function(read(block)) for block in chunk) for chunk in self.chunks)
        return replace(self, chunks=chunks)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        while self._pool:
            self._pool.pop().shutdown()


@quiet  # trial steps may lead to where scores overflow; what comes of it is refused there
def _sum_chunk(function, chunk):
    return reduce(add, (function(read(block)) for block in chunk))


def strided(stride, block):
    """Every ``stride``-th row of a block."""
    if stride == 1:
        return block
    target = block.target[..., ::stride]
    return Block(block.X[::stride], target, block.weight[::stride])


def batches(rows, size, random):
    """The rows in random order, as blocks of ``size`` rows, the last one shorter.

    Blocks are taken in random order and mixed many at a time, so that memory holds a few of them
    and no more: rows that lie on a disk are read a block at a time.

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
    """Concatenate blocks into one."""
    pieces = [block.X for block in blocks]
    X = sp.vstack(pieces, format="csr") if sp.issparse(pieces[0]) else np.concatenate(pieces)
    target = np.concatenate([block.target for block in blocks], axis=-1)
    return Block(X, target, np.concatenate([block.weight for block in blocks]))


def take_rows(block, indices):
    """The rows of a block at these indices."""
    return Block(block.X[indices], block.target[..., indices], block.weight[indices])


class Largest:
    """A number, or an array of them, that adds by taking the larger one.

    So a maximum goes through a sum over rows; that of nan is nan.
    """

    def __init__(self, number):
        self.number = number

    def __iadd__(self, other):
        return Largest(np.maximum(self.number, other.number))


class Means:
    """Weighted means of columns, that add by pooling: the mean of a constant is that constant.

    A sum that is divided in the end is off by rounding. About such a center a constant column is
    not zero but noise, which a fit without a penalty takes for a column like any other.
    """

    def __init__(self, values, mass):
        self.values, self.mass = values, mass

    @classmethod
    def of(cls, block):
        """Of the rows of a block, about its first one."""
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

    Weights become such that every sum over the rows is kept in expectation. The draw is
    systematic within each block, from a random start that is always the same: it needs no count
    of the rows, no order of the blocks and no second machine, and a weight of 2 is drawn as often
    as the row twice.

    total : sum of the weights
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
    """All rows as one block in memory: for few."""
    return concatenate_blocks(rows.sum(lambda block: [block]))


def select_columns(rows, columns):
    """The rows with some of their columns, in the same blocks."""
    return rows.map(lambda block: Block(take_columns(block.X, columns), block.target, block.weight))


def paired(rows, others):
    """Pairs of the blocks of rows in memory that are cut alike."""
    chunks = zip(rows.chunks, others.chunks, strict=True)
    return replace(rows, chunks=tuple(tuple(zip(*pair, strict=True)) for pair in chunks))


def take_columns(X, columns):
    """Some columns of X; dense where too few of their entries are zero for sparse products."""
    taken = X[:, columns]
    if sp.issparse(taken) and taken.nnz > DENSE * taken.shape[0] * taken.shape[1]:
        return taken.toarray()
    return taken


def count_entries(block):
    """Entries of X that a product multiplies."""
    return block.X.nnz if sp.issparse(block.X) else block.X.size


def add(total, term):
    """Sum of two results of a block function; arrays of ``total`` are added to in place."""
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
    """Cut encoded rows into cache-sized blocks without copying them; no weights are ones.

    indices : of the rows of X that targets and weights belong to; None is all
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
    """Whether copies of all `Gathered` rows take so little memory that it is best to keep them."""
    stored = (block.X for rows in some_rows for block in rows.stored)
    return sum(X.nbytes for X in stored if isinstance(X, Gathered)) <= LITTLE


def as_it_is(block):
    """The block itself: mapped over rows, it reads `Gathered` ones once and keeps the copies."""
    return block


def in_runs(blocks):
    """Blocks as the chunks of rows."""
    run = -(-len(blocks) // MOST_CHUNKS)
    return tuple(tuple(blocks[i : i + run]) for i in range(0, len(blocks), run))


def worthwhile_threads(X, n_classes, n_threads):
    """The number of threads, or 1 where calls are too short to be shared out."""
    per_row = X.nnz / max(1, X.shape[0]) if sp.issparse(X) else X.shape[1]
    return n_threads if per_row * n_classes >= WORTH_A_THREAD else 1


def block_rows(X, n_classes):
    """Rows of a block of X; two classes count as one."""
    n_rows, n_features = X.shape
    entries_a_row = X.nnz / max(1, n_rows) if sp.issparse(X) else None
    return rows_a_block(n_features, X.dtype, n_classes, entries_a_row)


def rows_a_block(n_features, dtype, n_classes, entries_a_row=None):
    """Rows of a block; entries a row are those of sparse ones."""
    if entries_a_row is not None:
        # A block's gradient is dense: n_features * n_classes numbers are written and added for
        # nnz * n_classes multiplications. Enough rows make the former small.
        per_row = max(1.0, entries_a_row)
        return max(FEWEST_ROWS * 4, SPARSE_SCORES // n_classes, int(16 * n_features / per_row))
    per_row = dtype.itemsize * n_features
    # Many features and classes are a matter of matrix products, which want long blocks.
    fewest = max(FEWEST_ROWS, min(MOST_ROWS, 8 * n_classes))
    small = SMALL_PRODUCT // max(1, n_features * n_classes)
    most = MOST_ROWS if n_classes > 1 else MOST_ROWS_OF_ONE_SCORE
    most = min(most, small) if small >= fewest else most
    rows = max(fewest, min(most - 16, BLOCK_BYTES // max(1, per_row)))
    # An odd multiple of 16: with a power of two, the classes of a row of class-major scores
    # compete for few lines of the cache.
    return 16 * (rows // 16 | 1)
