"""Where a cluster holds what was persisted on it, and which of it to put together.

A task costs a scheduler the same whether it adds up many rows or few. Pieces that one worker holds
are therefore summed in one task, as far as this leaves each of its threads a part, and no part so
large that a worker cannot spare or take over one.
"""

import numpy as np

# Share of a worker's memory that may be one key: what is written to disk, or computed again when
# a worker is lost, goes by keys.
MOST_MEMORY = 1 / 8


def groups(held):
    """Numbers of the keys that are held by one worker and best put together; None without workers.

    held : list of Delayed, persisted and finished
    """
    futures = [piece.dask[piece.key] for piece in held]
    client = getattr(futures[0], "client", None)
    if client is None:  # threads or processes
        return None
    keys = [future.key for future in futures]
    holders, sizes = client.who_has(futures), client.nbytes(keys, summary=False)
    workers, by_home, found = worker_info(client), {}, []
    for number, key in enumerate(keys):
        home = next(iter(holders.get(key, ())), None)
        if home not in workers:  # lost just now
            return None
        by_home.setdefault(home, []).append(number)
    for home, numbers in by_home.items():
        own = np.array([sizes.get(keys[number], 0) for number in numbers])
        found.extend(np.array(numbers)[part].tolist() for part in parts(own, workers[home]))
    return found


def worker_info(client):
    """What a scheduler knows of its workers, by their addresses."""
    try:
        return client.scheduler_info(n_workers=-1)["workers"]
    except TypeError:  # of a time when all were told of
        return client.scheduler_info()["workers"]


def parts(sizes, worker):
    """Runs of keys, at least one for each thread, none of them too large for the worker."""
    limit = worker["memory_limit"] or np.inf
    n_parts = max(worker["nthreads"], int(np.ceil(sizes.sum() / (MOST_MEMORY * limit))))
    if n_parts >= len(sizes):
        return [[place] for place in range(len(sizes))]
    middle = np.cumsum(sizes) - sizes / 2
    part = np.minimum(n_parts * middle // max(sizes.sum(), 1), n_parts - 1)
    return [np.flatnonzero(part == own) for own in np.unique(part)]
