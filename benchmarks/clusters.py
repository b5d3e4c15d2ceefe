"""Fits on Dask: overhead, passes, what travels, and the time of an evaluation beside its model.

    python benchmarks/clusters.py            # about two minutes; --quick for a rough idea

The page is ``docs/distributed.md``.
"""

import argparse
import pickle
import statistics
import time

import cloudpickle
import dask
import dask.array as da
import numpy as np
from dask.delayed import delayed

from sksoftmax import SoftmaxRegression, dask_rows
from sksoftmax.dask_rows import DaskRows, Piece
from sksoftmax.maps import LinearMap
from sksoftmax.objective import Objective
from sksoftmax.penalties import Ridge
from sksoftmax.rows import partition


def draw(n_rows, n_features, n_classes, scales=1.0):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features))
    scores = X @ rng.normal(size=(n_features, n_classes)) / np.sqrt(n_features)
    return X * scales, np.argmax(2 * scores + rng.gumbel(size=scores.shape), axis=1)


class Counted:
    """Counts the sums that Dask is asked for while it is entered, and what is sent for them."""

    def __enter__(self):
        self.sent, self.compute = [], dask_rows.compute
        dask_rows.compute = self.count
        return self

    def count(self, graph, key):
        tasks = {name: task for name, task in graph.items() if "sksoftmax-sum" in str(name)}
        self.sent.append(len(cloudpickle.dumps(tasks)))
        return self.compute(graph, key)

    def __exit__(self, *_):
        dask_rows.compute = self.compute


def seconds(function, repeats):
    """Median time; the first call warms up."""
    function()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def overhead(n_rows, repeats):
    X, y = draw(n_rows, 20, 5)
    chunks, labels = da.from_array(X, chunks=(-(-n_rows // 16), 20)), da.from_array(y, n_rows // 16)
    memory = seconds(lambda: SoftmaxRegression(n_jobs=2).fit(X, y), repeats)
    threads = seconds(lambda: SoftmaxRegression().fit(chunks, labels), repeats)
    print(f"fit, {n_rows:,} x 20, K=5, 16 chunks: in memory with n_jobs=2 {memory:.2f} s, on "
          f"Dask's threads {threads:.2f} s: {threads / memory:.2f} (asked: < 1.5)")  # fmt: skip


def passes(n_rows):
    for name, scales in {"alike": 1.0, "scaled 1 ... 1e4": np.logspace(0, 4, 50)}.items():
        X, y = draw(n_rows, 50, 5, scales)
        with Counted() as counted:
            model = SoftmaxRegression(tol=1e-6).fit(da.from_array(X, chunks=(n_rows // 8, 50)), y)
        assert model.converged_
        print(f"passes to 1e-6, {n_rows:,} x 50, K=5, columns {name}: {len(counted.sent)}, "
              f"{model.n_iter_} steps (asked: <= 30)")  # fmt: skip


def objective(rows, n_rows, n_features, n_classes):
    score_map = LinearMap(n_classes, n_features, np.zeros(n_features))
    strength = np.zeros((n_features + 1, n_classes))
    return Objective(rows, score_map, Ridge(strength.ravel()), n_rows, n_rows, n_rows * n_features)


def make_piece(number, n_rows, n_features, n_classes):
    rng = np.random.default_rng(number)
    X = rng.standard_normal((n_rows, n_features))
    return Piece.of(partition(X, rng.integers(n_classes, size=n_rows), None, n_classes))


def held(n_chunks, n_rows, n_features, n_classes):
    """Rows made where they are held."""
    size = (n_rows // n_chunks, n_features, n_classes)
    pieces = [delayed(make_piece)(number, *size) for number in range(n_chunks)]
    rows = DaskRows.keep(pieces)
    rows.sum(len)
    return objective(rows.bundled(), n_rows, n_features, n_classes)


def travels():
    for n_features, n_classes in ((20, 5), (1000, 100)):
        for n_chunks in (16, 64):
            problem = held(n_chunks, n_chunks * 100, n_features, n_classes)
            theta = np.zeros(problem.map.n_parameters)
            with Counted() as counted:
                answer = problem.value_and_gradient(theta)
            back = len(pickle.dumps((0.0, (answer[1], np.zeros(n_classes)))))
            beyond = counted.sent[0] - theta.nbytes
            print(f"an evaluation, p={n_features}, K={n_classes}, {n_chunks} chunks: theta "
                  f"{theta.nbytes:,} B; sent beyond it {beyond:,} B, {beyond / n_chunks:.0f} a "
                  f"chunk; back {back:,} B")  # fmt: skip


def workers(n_rows, repeats):
    """Time of an evaluation: what a task costs, what rows cost, and both together."""
    from distributed import Client, LocalCluster

    for n_workers in (1, 2):
        options = {"n_workers": n_workers, "threads_per_worker": 1, "host": "127.0.0.1"}
        with LocalCluster(**options, dashboard_address="127.0.0.1:0") as cluster, Client(cluster):
            for n_chunks in (8, 32):
                problem = held(n_chunks, n_rows, 50, 10)
                theta = np.zeros(problem.map.n_parameters)
                empty = seconds(lambda rows=problem.rows: rows.sum(len), repeats)
                whole = seconds(lambda p=problem, t=theta: p.value_and_gradient(t), repeats)
                print(f"an evaluation, {n_rows:,} x 50, K=10, {n_chunks} chunks, {n_workers} "
                      f"workers: {1e3 * whole:.0f} ms, of which {1e3 * empty:.0f} ms are tasks of "
                      f"nothing")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    settings = {"distributed.scheduler.work-stealing": False}
    with dask.config.set(settings):
        overhead(100_000 if quick else 1_000_000, 2 if quick else 5)
        passes(20_000 if quick else 200_000)
        travels()
        workers(100_000 if quick else 1_000_000, 3 if quick else 7)
