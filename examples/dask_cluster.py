"""Rows on a cluster: parquet in, fit, parquet out. Needs Dask and pyarrow.

Here the cluster is two processes on this machine, and the data are few, so that it takes seconds.
On a real one only the last lines differ.
"""

import tempfile
from pathlib import Path

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster

from sksoftmax import SoftmaxRegression

ROWS, PARTS, SENSORS = 400_000, 16, [f"sensor {i}" for i in range(40)]


def make_part(number):
    """Readings of sensors, in units that differ by factors, and the state they come from."""
    rng = np.random.default_rng(number)
    states = np.array(["idle", "normal", "overload"])
    state = rng.choice(3, p=[0.3, 0.6, 0.1], size=ROWS // PARTS)
    pull = np.random.default_rng(0).integers(-25, 25, size=(3, len(SENSORS)), dtype=np.int16)
    readings = rng.integers(-100, 100, size=(len(state), len(SENSORS)), dtype=np.int16)
    readings = (readings + pull[state]) * np.arange(1, 41, dtype=np.int16)
    return pd.DataFrame(readings, columns=SENSORS).assign(state=states[state])


def main(folder):
    dd.from_map(make_part, range(PARTS)).to_parquet(
        folder / "readings", write_index=False, compression=None
    )

    frame = dd.read_parquet(folder / "readings")
    model = SoftmaxRegression().fit(frame[SENSORS], frame["state"])
    print(f"fit: {model.n_iter_} steps, converged_ = {model.converged_}, of {list(model.classes_)}")

    # Predictions are lazy: they are made as they are written, part by part.
    labels = model.predict(frame[SENSORS])
    frame[["state"]].assign(predicted=labels).to_parquet(folder / "labels", write_index=False)

    written = dd.read_parquet(folder / "labels").compute()
    print(f"labels written: {len(written):,}")
    print(f"of these right: {(written['state'] == written['predicted']).mean():.3f}")


if __name__ == "__main__":
    # A fit reads the same blocks again and again: they are not worth moving to a worker that is
    # idle for a moment.
    settings = {"distributed.scheduler.work-stealing": False}
    with (
        tempfile.TemporaryDirectory() as folder,
        dask.config.set(settings),
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster),
    ):  # fmt: skip
        size = ROWS * len(SENSORS) * 8
        print(f"two workers; readings of {size / 1e6:.0f} MB")
        main(Path(folder))
