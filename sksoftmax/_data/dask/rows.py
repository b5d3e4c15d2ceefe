"""Sums over rows that Dask holds, for data on many cores or machines.

Blocks stay where they were made, in partitions (`Partition`), and the partitions of one worker in
groups (`PartitionGroup`). For a sum the function is sent to each group, its blocks are added up
there, and the partial sums are added in a binary tree on the workers. The order of the additions
is that of rows in memory with one run of blocks for each partition: the same blocks give the same
sum to the last bit under every scheduler.
"""

import copy
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from uuid import uuid4

import cloudpickle
import dask
import numpy as np
import scipy.sparse as sp
from dask.delayed import Delayed, delayed

from sksoftmax._data.dask import placement
from sksoftmax._data.dask.chunks import bytes_of, clear_frames
from sksoftmax._objective.rows import Block, InMemoryRows, add
from sksoftmax._runtime.blas import single_threaded_blas

# Partial sums that one task adds: a power of two, so that the order is that of a binary tree.
WIDTH = 8


@dataclass(frozen=True)
class DaskRows:
    """Rows in partitions that a scheduler of Dask keeps.

    persisted : list of Delayed, each of a `Partition`, in order, or of a `PartitionGroup`
    n_partitions : int
    """

    persisted: list
    n_partitions: int
    n_threads = 1  # for rows that are gathered into memory

    @classmethod
    def persist(cls, partitions):
        """Have Dask compute delayed partitions and keep each where it was computed."""
        return cls(list(dask.persist(*partitions)), len(partitions))

    def grouped(self):
        """The same rows with the partitions of one worker in groups, once all are computed."""
        groups = placement.groups_by_worker(self.persisted)
        if groups is None or len(groups) == len(self.persisted):
            return self
        persisted = dask.persist(*(
            delayed(partial(PartitionGroup.of, group))(*(self.persisted[i] for i in group))
            for group in groups
        ))  # fmt: skip
        self.persisted.clear()
        return replace(self, persisted=list(persisted))

    def sum(self, function):
        name = f"sksoftmax-sum-{uuid4().hex}"
        graph = {key: task for part in self.persisted for key, task in part.dask.items()}
        # Under a key of its own, the function goes to each worker once.
        graph[name] = PickledOnce(function)
        keys = [(name, 0, number) for number in range(len(self.persisted))]
        for key, part in zip(keys, self.persisted, strict=True):
            graph[key] = (sum_partitions, name, part.key, key[2], self.n_partitions)
        for level in count(1):
            if len(keys) == 1:
                (total,) = compute(graph, keys[0]).values()
                return total
            groups = [keys[i : i + WIDTH] for i in range(0, len(keys), WIDTH)]
            keys = [(name, level, number) for number in range(len(groups))]
            graph.update({key: (add_results, groups[key[2]], self.n_partitions) for key in keys})

    def map(self, function):
        sent = delayed(PickledOnce(function))
        persisted = dask.persist(*(delayed(map_partitions)(sent, part) for part in self.persisted))
        return replace(self, persisted=list(persisted))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        """Release the partitions, which frees the memory that holds them."""
        self.persisted.clear()
        clear_frames(trace)


@dataclass(frozen=True, eq=False)
class Partition:
    """One run of blocks in memory; its size tells Dask what is cheap to move."""

    rows: InMemoryRows

    @classmethod
    def of(cls, blocks):
        return cls(InMemoryRows((tuple(Block(*map(memory_aligned, block)) for block in blocks),)))

    def __reduce__(self):
        return Partition.of, (tuple(self.rows),)

    def __sizeof__(self):
        return sum(bytes_of(array) for block in self.rows for array in block)


@dataclass(frozen=True, eq=False)
class PartitionGroup:
    """Partitions that one worker holds, by their numbers among all."""

    partitions: dict

    @classmethod
    def of(cls, numbers, *partitions):
        return cls(dict(zip(numbers, partitions, strict=True)))

    def __sizeof__(self):
        return sum(partition.__sizeof__() for partition in self.partitions.values())


def memory_aligned(array):
    """The array, copied if its memory is not aligned to its dtype.

    What was received over a network may begin at any byte. Products with it are slow, and round
    otherwise.
    """
    if not sp.issparse(array):
        return np.require(array, requirements="A")
    for name in ("data", "indices", "indptr"):
        setattr(array, name, np.require(getattr(array, name), requirements="A"))
    return array


class PickledOnce:
    """A function of blocks that is pickled at most once, and unpickled where it is called."""

    def __init__(self, function, pickled=None):
        self.function, self.pickled = function, pickled

    def __reduce__(self):
        return PickledOnce, (None, self.pickled or cloudpickle.dumps(self.function))

    def __call__(self, block):
        if self.function is None:
            self.function = cloudpickle.loads(self.pickled)
        return self.function(block)


def compute(graph, key):
    """The value of a key, computed by the user's scheduler."""
    (value,) = dask.compute(Delayed(key, graph), optimize_graph=False)
    return value


@single_threaded_blas
def sum_partitions(function, part, number, n_partitions):
    """Sums of the blocks of a group, or of the partition of that number, as nodes of the tree.

    Returns
    -------
    dict of (level, index) -> sum; see `add_siblings`
    """
    partitions = part.partitions if isinstance(part, PartitionGroup) else {number: part}
    sums = {(0, index): partition.rows.sum(function) for index, partition in partitions.items()}
    return add_siblings(sums, n_partitions)


@single_threaded_blas
def map_partitions(function, part):
    """A partition, or each one of a group, with the function applied to its blocks."""
    if isinstance(part, PartitionGroup):
        items = part.partitions.items()
        return PartitionGroup({index: map_partitions(function, each) for index, each in items})
    return Partition.of(part.rows.map(function))


def add_results(results, n_partitions):
    """Nodes of several tasks with siblings added; the results stay, in case a task is repeated."""
    nodes = {}
    for result in results:
        nodes.update(copy.deepcopy(result))
    return add_siblings(nodes, n_partitions)


def add_siblings(nodes, n_partitions):
    """Add every two nodes of the tree that have the same parent.

    The key of a node is its level and its index there; the parent of ``(level, i)`` is
    ``(level + 1, i // 2)``. The sum is therefore the pairwise one, whichever nodes meet first.
    """
    level, width = 0, n_partitions
    while width > 1:
        for index in sorted(index for own, index in nodes if own == level and index % 2 == 0):
            if (level, index + 1) in nodes:
                both = add(nodes.pop((level, index)), nodes.pop((level, index + 1)))
                nodes[level + 1, index // 2] = both
            elif index + 1 == width:
                nodes[level + 1, index // 2] = nodes.pop((level, index))
        level, width = level + 1, -(-width // 2)
    return nodes
