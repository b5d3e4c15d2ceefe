"""Rows that Dask holds: the engine for data on many cores or machines.

The blocks stay where they were made, in pieces, each of them rows in memory. For a sum the function
travels to the pieces, each adds up its blocks, and the results are added in a tree where they are.
The order is that of rows in memory with a run for each piece: the same blocks give the same sum to
the last bit, under whatever scheduler.

Nothing of ``distributed`` is imported: threads, processes or a cluster are what the user has made
Dask's default.
"""

import copy
from dataclasses import dataclass
from itertools import count
from traceback import clear_frames
from uuid import uuid4

import cloudpickle
import dask
import numpy as np
import scipy.sparse as sp
from dask.delayed import Delayed, delayed

from sksoftmax.rows import Block, InMemoryRows, add_pairwise
from sksoftmax.threads import single_threaded_blas

# Results that are added in one task: a power of two, so that the order is that of pairs.
WIDTH = 8


@dataclass(frozen=True)
class DaskRows:
    """Pieces of rows that a scheduler of Dask keeps.

    pieces : list of Delayed, each of a Piece, held by Dask
    """

    pieces: list
    n_threads = 1  # of rows that are brought here

    @classmethod
    def keep(cls, pieces):
        """Have Dask make the pieces and hold them, each where it was made."""
        return cls(list(dask.persist(*pieces)))

    def sum(self, function):
        name = f"sksoftmax-sum-{uuid4().hex}"
        graph = {key: task for piece in self.pieces for key, task in piece.dask.items()}
        # Under a key of its own, the function goes to each worker once.
        graph[name] = Sent(function)
        keys = []
        for number, piece in enumerate(self.pieces):
            keys.append((name, 0, number))
            graph[keys[-1]] = (sum_piece, name, piece.key)
        for level in count(1):
            if len(keys) == 1:
                return compute(graph, keys[0])
            groups = [keys[i : i + WIDTH] for i in range(0, len(keys), WIDTH)]
            keys = [(name, level, number) for number in range(len(groups))]
            graph.update({key: (add_results, groups[key[2]]) for key in keys})

    def map(self, function):
        sent = delayed(Sent(function))
        return DaskRows.keep([delayed(map_piece)(sent, piece) for piece in self.pieces])

    def each(self, function, *items):
        return list(map(function, *items))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        """Let go of the pieces, which frees the memory that holds them."""
        self.pieces.clear()
        clear_frames(trace)  # else they live as long as the error is remembered


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows in memory, of one run of blocks, and their size, by which Dask tells what to move."""

    rows: InMemoryRows

    @classmethod
    def of(cls, blocks):
        return cls(InMemoryRows((tuple(Block(*map(aligned, block)) for block in blocks),)))

    def __reduce__(self):
        return Piece.of, (tuple(self.rows),)

    def __sizeof__(self):
        return sum(bytes_of(part) for block in self.rows for part in block)


def aligned(array):
    """The array, where a product can take it as it is.

    What came by wire may begin at any byte. Products with it are slow, and round otherwise.
    """
    if not sp.issparse(array):
        return np.require(array, requirements="A")
    for name in ("data", "indices", "indptr"):
        setattr(array, name, np.require(getattr(array, name), requirements="A"))
    return array


def bytes_of(array):
    """Memory that an array takes, dense or sparse."""
    if sp.issparse(array):
        return array.data.nbytes + array.indices.nbytes + array.indptr.nbytes
    return array.nbytes


class Sent:
    """A function on its way to the blocks: pickled once if it must be, and unpickled if called."""

    def __init__(self, function, pickled=None):
        self.function, self.pickled = function, pickled

    def __reduce__(self):
        return Sent, (None, self.pickled or cloudpickle.dumps(self.function))

    def __call__(self, block):
        if self.function is None:
            self.function = cloudpickle.loads(self.pickled)
        return self.function(block)


def compute(graph, key):
    """The value of a key, by the scheduler that is the user's."""
    (value,) = dask.compute(Delayed(key, graph), optimize_graph=False)
    return value


def sum_piece(sent, piece):
    with single_threaded_blas():
        return piece.rows.sum(sent)


def map_piece(sent, piece):
    with single_threaded_blas():
        return Piece.of(piece.rows.map(sent))


def add_results(results):
    """Their sum, in pairs, and none of them changed: a lost task is done again from the same."""
    return add_pairwise(copy.deepcopy(results))
