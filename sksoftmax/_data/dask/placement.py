"""Grouping of partitions by the workers of a cluster that hold them.

A task costs a scheduler the same whether it adds up many rows or few. The partitions of one worker
are therefore summed in one task, as long as each of its threads has a group and no group is so
large that the worker cannot spill it or another worker take it over.
"""

import numpy as np

# Largest fraction of a worker's memory in one key: spilling to disk, and recomputing after a worker
# is lost, go by keys.
MOST_MEMORY = 1 / 8


def groups_by_worker(persisted):
    """Lists of the numbers of partitions to group, each list of one worker.

    persisted : list of Delayed, computed

    Returns None under schedulers without workers, and when a worker was lost just now.
    """
    futures = [delayed.dask[delayed.key] for delayed in persisted]
    client = getattr(futures[0], "client", None)
    if client is None:  # threads or processes
        return None
    keys = [future.key for future in futures]
    holders, sizes = client.who_has(futures), client.nbytes(keys, summary=False)
    workers, by_worker, groups = worker_info(client), {}, []
    for number, key in enumerate(keys):
        address = next(iter(holders.get(key, ())), None)
        if address not in workers:
            return None
        by_worker.setdefault(address, []).append(number)
    for address, numbers in by_worker.items():
        own = np.array([sizes.get(keys[number], 0) for number in numbers])
        found = split_by_size(own, workers[address])
        groups.extend(np.array(numbers)[group].tolist() for group in found)
    return groups


def worker_info(client):
    """The scheduler's records of its workers, by their addresses."""
    try:
        return client.scheduler_info(n_workers=-1)["workers"]
    except TypeError:  # an older distributed, which always lists all
        return client.scheduler_info()["workers"]


def split_by_size(sizes, worker):
    """Split a worker's keys into consecutive groups of about equal size.

    sizes : ndarray of shape (n_keys,), in bytes
    worker : dict with ``memory_limit``, in bytes, and ``nthreads``

    There is a group for each thread at least, if there are as many keys, and more where a group
    would exceed `MOST_MEMORY`.
    """
    limit = worker["memory_limit"] or np.inf
    n_groups = max(worker["nthreads"], int(np.ceil(sizes.sum() / (MOST_MEMORY * limit))))
    if n_groups >= len(sizes):
        return [[index] for index in range(len(sizes))]
    middle = np.cumsum(sizes) - sizes / 2
    group = np.minimum(n_groups * middle // max(sizes.sum(), 1), n_groups - 1)
    return [np.flatnonzero(group == own) for own in np.unique(group)]
