"""Rows on a cluster: parquet in, fit, parquet out. Needs Dask and pyarrow.

    python dask_cluster.py            # 1.34 GB of readings, and 1.3 GB for each of two workers
    python dask_cluster.py 100000     # fewer rows

Here the cluster is two processes on this machine. On a real one only the last lines differ.
"""

import os
import sys
import tempfile
from pathlib import Path

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster

from sksoftmax import SoftmaxRegression

ROWS, PARTS, SENSORS = 4_200_000, 60, [f"sensor {i}" for i in range(40)]
LIMIT = 1_300_000_000  # bytes of memory that a worker may use

SETTINGS = {
    # A fit reads the same blocks again and again: they are not worth moving to a worker that is
    # idle for a moment, nor writing to disk as long as memory holds them.
    "distributed.scheduler.work-stealing": False,
    # Equal shares for all workers, of parts in a row.
    "distributed.scheduler.worker-saturation": float("inf"),
    # What a worker cannot forget is no use to wait for: it must not pause.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.97,
    # Memory that Arrow has no use for any more goes back at once.
    "distributed.nanny.pre-spawn-environ.ARROW_DEFAULT_MEMORY_POOL": "system",
}


def make_part(number, rows):
    """Readings of sensors, in units that differ by factors, and the state they come from."""
    rng = np.random.default_rng(number)
    states = np.array(["idle", "normal", "overload"])
    state = rng.choice(3, p=[0.3, 0.6, 0.1], size=rows)
    shift = np.random.default_rng(0).normal(scale=0.08, size=(3, len(SENSORS)))
    readings = rng.random(size=(rows, len(SENSORS)))
    readings += shift[state]
    readings *= np.logspace(0, 4, len(SENSORS))
    return pd.DataFrame(readings, columns=SENSORS).assign(state=states[state])


def main(folder, rows):
    # Nothing is made here: workers make a part, write it, and forget it.
    dd.from_map(make_part, range(PARTS), rows=rows // PARTS).to_parquet(
        folder / "readings", write_index=False, compression=None, use_dictionary=["state"]
    )

    frame = dd.read_parquet(folder / "readings")
    model = SoftmaxRegression().fit(frame[SENSORS], frame["state"])
    print(f"fit: {model.n_iter_} steps, converged_ = {model.converged_}, of {list(model.classes_)}")

    # Predictions are lazy: they are made as they are written, part by part.
    labels = model.predict(frame[SENSORS])
    frame[["state"]].assign(predicted=labels).to_parquet(folder / "labels", write_index=False)

    written = dd.read_parquet(folder / "labels")
    right = (written["state"] == written["predicted"]).mean()
    print(f"labels written: {len(written):,}")
    print(f"of these right: {right.compute():.3f}")


if __name__ == "__main__":
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with (
        tempfile.TemporaryDirectory() as folder,
        dask.config.set(SETTINGS),
        LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit=LIMIT, local_directory=folder,
            host="127.0.0.1", dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        size = rows * len(SENSORS) * 8
        print(f"readings of {size / 1e6:,.0f} MB, two workers of {LIMIT / 1e6:,.0f} MB")
        before = client.run(os.getpid)
        main(Path(folder), rows)
        print(f"workers lost: {len(before.keys() - client.run(os.getpid).keys())}")
