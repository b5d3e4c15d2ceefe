"""Rows that Dask holds: the engine for data on many cores or machines.

The blocks stay where they were made, in pieces, each of them rows in memory, and the pieces that a
worker holds in bundles. For a sum the function travels to the bundles, each adds up its blocks, and
the results are added in a tree where they are. The order is that of rows in memory with a run for
each piece: the same blocks give the same sum to the last bit, under whatever scheduler.

Nothing of ``distributed`` is imported: threads, processes or a cluster are what the user has made
Dask's default.
"""

import copy
from dataclasses import dataclass, replace
from functools import partial
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from itertools import count
from uuid import uuid4

import cloudpickle
import dask
import numpy as np
import scipy.sparse as sp
from dask.delayed import Delayed, delayed

from sksoftmax._data.dask import placement
from sksoftmax._objective.rows import Block, InMemoryRows, add
from sksoftmax._runtime.blas import single_threaded_blas

# Of the code of a function that can be left in the middle.
CAN_WAIT = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR
# Results that are added in one task: a power of two, so that the order is that of pairs.
WIDTH = 8


@dataclass(frozen=True)
class DaskRows:
    """Pieces of rows that a scheduler of Dask keeps.

    held : list of Delayed, each of a Piece in its turn or of a Bundle of them, held by Dask
    n_pieces : int
    """

    held: list
    n_pieces: int
    n_threads = 1  # of rows that are brought here

    @classmethod
    def keep(cls, pieces):
        """Have Dask make the pieces and hold them, each where it was made."""
        return cls(list(dask.persist(*pieces)), len(pieces))

    def bundled(self):
        """The rows in as few keys as the workers need, once all pieces are made."""
        groups = placement.groups(self.held)
        if groups is None or len(groups) == len(self.held):
            return self
        held = dask.persist(*(
            delayed(partial(Bundle.of, group))(*(self.held[number] for number in group))
            for group in groups
        ))  # fmt: skip
        self.held.clear()
        return replace(self, held=list(held))

    def sum(self, function):
        name = f"sksoftmax-sum-{uuid4().hex}"
        graph = {key: task for part in self.held for key, task in part.dask.items()}
        # Under a key of its own, the function goes to each worker once.
        graph[name] = Sent(function)
        keys = [(name, 0, number) for number in range(len(self.held))]
        for key, part in zip(keys, self.held, strict=True):
            graph[key] = (sum_held, name, part.key, key[2], self.n_pieces)
        for level in count(1):
            if len(keys) == 1:
                (total,) = compute(graph, keys[0]).values()
                return total
            groups = [keys[i : i + WIDTH] for i in range(0, len(keys), WIDTH)]
            keys = [(name, level, number) for number in range(len(groups))]
            graph.update({key: (add_results, groups[key[2]], self.n_pieces) for key in keys})

    def map(self, function):
        sent = delayed(Sent(function))
        held = dask.persist(*(delayed(map_held)(sent, part) for part in self.held))
        return replace(self, held=list(held))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        """Let go of the pieces, which frees the memory that holds them."""
        self.held.clear()
        forget(trace)  # else they live as long as the error is remembered


def forget(trace):
    """Clear all frames that have ended of a traceback, also those that Dask took out of it.

    Of a wait that Ctrl-C ended Dask shows no frame of its own; those shown still lead there. Beyond
    the traceback a coroutine may be one that only waits, of a connection perhaps, and to clear its
    frame would end it.
    """
    while trace is not None:
        frame = trace.tb_frame
        while frame is not None:
            try:
                frame.clear()
            except RuntimeError:  # it still runs, and so does what called it
                break
            frame = frame.f_back
            if frame is not None and frame.f_code.co_flags & CAN_WAIT:
                break
        trace = trace.tb_next


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


@dataclass(frozen=True, eq=False)
class Bundle:
    """Pieces that one worker holds, by their numbers among all."""

    pieces: dict

    @classmethod
    def of(cls, numbers, *pieces):
        return cls(dict(zip(numbers, pieces, strict=True)))

    def __sizeof__(self):
        return sum(piece.__sizeof__() for piece in self.pieces.values())


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


@single_threaded_blas
def sum_held(sent, held, number, n_pieces):
    """Sums of a bundle, or of the piece of that number: nodes of the tree of all sums."""
    pieces = held.pieces if isinstance(held, Bundle) else {number: held}
    sums = {(0, place): piece.rows.sum(sent) for place, piece in pieces.items()}
    return joined(sums, n_pieces)


@single_threaded_blas
def map_held(sent, held):
    """A piece, or each piece of a bundle, with the function applied to its blocks."""
    if isinstance(held, Bundle):
        return Bundle({place: map_held(sent, piece) for place, piece in held.pieces.items()})
    return Piece.of(held.rows.map(sent))


def add_results(results, n_pieces):
    """Nodes of the tree put together; those given do not change: a lost task is done again."""
    nodes = {}
    for result in results:
        nodes.update(copy.deepcopy(result))
    return joined(nodes, n_pieces)


def joined(nodes, n_pieces):
    """The same nodes, any two that belong together added.

    A node is a level of the tree and a place in it, two of one level being one of the next. So the
    sum is that in pairs, whichever nodes met first.
    """
    level, width = 0, n_pieces
    while width > 1:
        for place in sorted(place for own, place in nodes if own == level and place % 2 == 0):
            if (level, place + 1) in nodes:
                both = add(nodes.pop((level, place)), nodes.pop((level, place + 1)))
                nodes[level + 1, place // 2] = both
            elif place + 1 == width:
                nodes[level + 1, place // 2] = nodes.pop((level, place))
        level, width = level + 1, -(-width // 2)
    return nodes
