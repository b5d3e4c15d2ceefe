"""Fits on Dask: overhead, passes, what travels, and the time of an evaluation beside its model.

    python benchmarks/clusters.py            # about two minutes; --quick for a rough idea

The page is ``docs/distributed.md``.
"""

import argparse
import pickle
import statistics
import time

import dask
import dask.array as da
import machine
import numpy as np
from dask.delayed import delayed

from sksoftmax import SoftmaxRegression
from sksoftmax._data.dask import rows as dask_rows
from sksoftmax._data.dask.rows import DaskRows, Partition
from sksoftmax._objective.objective import Objective
from sksoftmax._objective.penalties import Ridge
from sksoftmax._objective.rows import partition
from sksoftmax._objective.score_maps import LinearMap


def draw(n_rows, n_features, n_classes, scales=1.0):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features))
    scores = X @ rng.normal(size=(n_features, n_classes)) / np.sqrt(n_features)
    return X * scales, np.argmax(2 * scores + rng.gumbel(size=scores.shape), axis=1)


class Counted:
    """Counts the sums that Dask is asked for while it is entered."""

    def __enter__(self):
        self.sums, self.compute = 0, dask_rows.compute
        dask_rows.compute = self.count
        return self

    def count(self, graph, key):
        self.sums += 1
        return self.compute(graph, key)

    def __exit__(self, *_):
        dask_rows.compute = self.compute


def seconds(repeats, *functions):
    """Median times of functions that are called in turn; the first calls warm up."""
    times = [[] for _ in functions]
    for _ in range(repeats + 1):
        for own, function in zip(times, functions, strict=True):
            begin = time.perf_counter()
            function()
            own.append(time.perf_counter() - begin)
    return [statistics.median(own[1:]) for own in times]


def agreement(n_rows):
    X, y = draw(n_rows, 20, 5)
    expected = SoftmaxRegression().fit(X, y)
    for step in (n_rows // 3, 1111):
        model = SoftmaxRegression().fit(da.from_array(X, chunks=(step, 20)), da.from_array(y, 997))
        off = np.abs(model.coef_ - expected.coef_).max()
        print(f"coefficients, {n_rows:,} x 20, K=5, chunks of {step} rows beside memory: {off:.1e} "
              f"(asked: 1e-8)")  # fmt: skip
    runs = [sum(len(block.weight) for block in run) for run in partition(X, y, None, 5).chunks]
    model = SoftmaxRegression().fit(da.from_array(X, chunks=(tuple(runs), 20)), y)
    same = np.array_equal(model.coef_, expected.coef_)
    print(f"the same blocks on Dask and in memory: {'' if same else 'not '}bit-equal "
          f"(asked: equal)")  # fmt: skip


def schedulers():
    """The same chunks under threads and on a cluster."""
    X, y = draw(50_000, 20, 5)
    chunks = da.from_array(X, chunks=(5_000, 20))
    with dask.config.set(scheduler="threads"):
        threads = SoftmaxRegression().fit(chunks, y)
    same = np.array_equal(threads.coef_, SoftmaxRegression().fit(chunks, y).coef_)
    print(f"the same blocks on threads and a cluster: {'' if same else 'not '}bit-equal "
          f"(asked: equal)")  # fmt: skip


def overhead(n_rows, repeats):
    X, y = draw(n_rows, 20, 5)
    chunks, labels = da.from_array(X, chunks=(-(-n_rows // 16), 20)), da.from_array(y, n_rows // 16)
    memory, threads = seconds(
        repeats,
        lambda: SoftmaxRegression(n_jobs=2).fit(X, y),
        lambda: SoftmaxRegression().fit(chunks, labels),
    )
    print(f"fit, {n_rows:,} x 20, K=5, 16 chunks: in memory with n_jobs=2 {memory:.2f} s, on "
          f"Dask's threads {threads:.2f} s: {threads / memory:.2f} (asked: < 1.5)")  # fmt: skip


def passes(n_rows):
    for name, scales in {"alike": 1.0, "scaled 1 ... 1e4": np.logspace(0, 4, 50)}.items():
        X, y = draw(n_rows, 50, 5, scales)
        with Counted() as counted:
            model = SoftmaxRegression(tol=1e-6).fit(da.from_array(X, chunks=(n_rows // 8, 50)), y)
        assert model.converged_
        print(f"passes to 1e-6, {n_rows:,} x 50, K=5, columns {name}: {counted.sums}, "
              f"{model.n_iter_} steps (asked: <= 30)")  # fmt: skip


def objective(rows, n_rows, n_features, n_classes):
    score_map = LinearMap(n_classes, n_features, np.zeros(n_features))
    strength = np.zeros((n_features + 1, n_classes))
    return Objective(rows, score_map, Ridge(strength.ravel()), n_rows, n_rows, n_rows * n_features)


def make_piece(number, n_rows, n_features, n_classes):
    rng = np.random.default_rng(number)
    X = rng.standard_normal((n_rows, n_features))
    return Partition.of(partition(X, rng.integers(n_classes, size=n_rows), None, n_classes))


def held(n_chunks, n_rows, n_features, n_classes):
    """Rows made where they are held."""
    size = (n_rows // n_chunks, n_features, n_classes)
    pieces = [delayed(make_piece)(number, *size) for number in range(n_chunks)]
    rows = DaskRows.persist(pieces)
    rows.sum(len)
    return objective(rows.grouped(), n_rows, n_features, n_classes)


def travels(client):
    """Bytes that a client sends and is sent for an evaluation, and for tasks of nothing."""
    for n_features, n_classes in ((20, 5), (1000, 100)):
        for n_chunks in (16, 64):
            problem = held(n_chunks, n_chunks * 100, n_features, n_classes)
            theta = np.zeros(problem.map.n_parameters)
            sent = sent_by(client, lambda p=problem, t=theta: p.value_and_gradient(t))
            empty = sent_by(client, lambda rows=problem.rows: rows.sum(len))
            back = len(pickle.dumps((0.0, (theta, np.zeros(n_classes)))))
            print(f"an evaluation, p={n_features}, K={n_classes}, {n_chunks} chunks, two workers: "
                  f"theta {theta.nbytes:,} B; sent beyond it {sent - theta.nbytes:,} B, of which "
                  f"{empty:,} B are tasks of nothing; back {back:,} B (asked: none)")  # fmt: skip


def sent_by(client, function):
    """Bytes that go to the scheduler, from the counter of the client's connection."""
    stream = client.scheduler_comm.comm.stream
    function()
    time.sleep(0.5)  # for what is let go of late
    before = stream._total_write_index
    function()
    time.sleep(0.5)
    return stream._total_write_index - before


def evaluations(n_workers, n_rows, repeats):
    """Time of an evaluation: what a task costs, what rows cost, and both together."""
    for n_chunks in (8, 32):
        problem = held(n_chunks, n_rows, 50, 10)
        theta = np.zeros(problem.map.n_parameters)
        empty, whole = seconds(
            repeats,
            lambda rows=problem.rows: rows.sum(len),
            lambda p=problem, t=theta: p.value_and_gradient(t),
        )
        print(f"an evaluation, {n_rows:,} x 50, K=10, {n_chunks} chunks, {n_workers} workers: "
              f"{1e3 * whole:.0f} ms, of which {1e3 * empty:.0f} ms are tasks of "
              f"nothing")  # fmt: skip


def clusters(n_rows, repeats):
    from distributed import Client, LocalCluster

    for n_workers in (1, 2):
        options = {"n_workers": n_workers, "threads_per_worker": 1, "host": "127.0.0.1"}
        with (
            LocalCluster(**options, dashboard_address="127.0.0.1:0") as cluster,
            Client(cluster) as client,
        ):
            if n_workers == 2:
                schedulers()
                travels(client)
            evaluations(n_workers, n_rows, repeats)


if __name__ == "__main__":
    print(f"{machine.description()}\n")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    settings = {"distributed.scheduler.work-stealing": False}
    with dask.config.set(settings):
        agreement(10_000 if quick else 100_000)
        overhead(100_000 if quick else 1_000_000, 2 if quick else 7)
        passes(20_000 if quick else 200_000)
        clusters(100_000 if quick else 1_000_000, 3 if quick else 7)
