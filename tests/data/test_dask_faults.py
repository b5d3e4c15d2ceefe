"""What may go wrong on a cluster costs a recomputation or raises, and never changes a result."""

import os
import signal
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from registry import draw

from sksoftmax import SoftmaxRegression, SoftmaxTransformer, metrics

dask = pytest.importorskip("dask", reason="Dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array is not installed")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")
dask_rows = pytest.importorskip("sksoftmax._data.dask.rows")


@contextmanager
def two_workers():
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "3s"}),
        distributed.LocalCluster(**options, host="127.0.0.1") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client():
    """Two worker processes; those that are killed are started again."""
    with two_workers() as client:
        yield client


def data():
    X, y = draw(6000, 3, 3)
    return X, y, da.from_array(X, chunks=(1000, 3))


def at_sum(monkeypatch, number, action):
    """Have something happen before a fit's sum of that number."""
    compute, calls = dask_rows.compute, []

    def disturbed(graph, key):
        calls.append(key)
        if len(calls) == number:
            action()
        return compute(graph, key)

    monkeypatch.setattr(dask_rows, "compute", disturbed)
    return calls


def wait_until_empty(client, most=2000):
    """Keys that the scheduler still has, when it has been given the time to forget them."""
    for _ in range(most):
        left = client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks))
        if not left:
            break
    return left


def kill_a_worker(client):
    os.kill(min(client.run(os.getpid).values()), signal.SIGKILL)


@pytest.mark.parametrize("number", [1, 4])
def test_a_worker_that_dies_costs_a_recomputation(client, monkeypatch, number):
    X, y, chunks = data()
    expected = SoftmaxRegression().fit(chunks, y)
    calls = at_sum(monkeypatch, number, partial(kill_a_worker, client))
    model = SoftmaxRegression().fit(chunks, y)
    assert len(calls) > number
    assert_array_equal(model.coef_, expected.coef_)
    assert_array_equal(model.objective_curve_, expected.objective_curve_)
    assert_allclose(model.coef_, SoftmaxRegression().fit(X, y).coef_, atol=1e-8)


def test_a_worker_that_dies_while_rows_are_held_out_changes_no_curve(client, monkeypatch):
    X, y, chunks = data()
    options = {"early_stopping": True, "random_state": 0, "solver": "lbfgs"}
    expected = SoftmaxRegression(**options).fit(chunks, y)
    calls = at_sum(monkeypatch, 5, partial(kill_a_worker, client))
    model = SoftmaxRegression(**options).fit(chunks, y)
    assert len(calls) > 5
    assert_array_equal(model.coef_, expected.coef_)
    assert_array_equal(model.validation_curve_, expected.validation_curve_)
    in_memory = SoftmaxRegression(**options).fit(X, y)
    assert_allclose(model.validation_curve_, in_memory.validation_curve_, rtol=1e-8)


def die_once(block, mark):
    """Take the worker down in the middle of its work, the first time."""
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        return np.asarray(block.weight @ block.X)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_at_work_changes_no_sum(client, tmp_path):
    X, y, _ = data()
    parts = [slice(start, start + 500) for start in range(0, 6000, 500)]
    blocks = [dask_rows.Block(X[part], y[part], np.ones(500)) for part in parts]
    rows = dask_rows.DaskRows.persist(
        [dask.delayed(dask_rows.Partition.of([block]), traverse=False) for block in blocks]
    )
    mark = tmp_path / "dead"
    found = rows.sum(partial(die_once, mark=str(mark)))
    assert mark.exists()
    assert_array_equal(found, rows.sum(lambda block: np.asarray(block.weight @ block.X)))
    assert_allclose(found, X.sum(axis=0))


def interrupted_chunk(chunk, pid, block_id):
    if block_id == (0, 0):
        os.kill(pid, signal.SIGINT)
    return chunk


@pytest.fixture
def interruptible():
    """Ctrl-C raises, also where whoever started the tests ignores it, as in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("when", ["checking", "summing"])
def test_an_interrupted_fit_leaves_the_cluster_as_it_was(client, monkeypatch, when):
    _, y, chunks = data()
    expected = SoftmaxRegression().fit(chunks, y)
    bad = chunks
    if when == "checking":
        bad = chunks.map_blocks(interrupted_chunk, pid=os.getpid(), meta=np.empty((0, 3)))
    else:
        at_sum(monkeypatch, 4, partial(os.kill, os.getpid(), signal.SIGINT))
    model = SoftmaxRegression()
    with pytest.raises(KeyboardInterrupt) as error:  # which a console remembers
        model.fit(bad, y)
    assert not hasattr(model, "coef_")
    assert wait_until_empty(client) == [] and error
    monkeypatch.undo()
    assert_array_equal(model.fit(chunks, y).coef_, expected.coef_)


def test_a_fit_keeps_nothing_on_the_workers(client):
    _, y, chunks = data()
    model = SoftmaxRegression().fit(chunks, y)
    assert wait_until_empty(client) == []
    with pytest.raises(ValueError, match="chunk 5 of X") as error:
        model.fit(chunks.map_blocks(spoil_the_last, meta=np.empty((0, 3))), y)
    assert wait_until_empty(client) == [] and error
    model.predict_proba(chunks).sum().compute()
    assert wait_until_empty(client) == []


def test_scores_and_metrics_keep_nothing_on_the_workers(client):
    X, y, chunks = data()
    model = SoftmaxRegression().fit(X, y)
    transformer = SoftmaxTransformer("structured")
    spoilt = chunks.map_blocks(spoil_the_last, meta=np.empty((0, 3)))
    transformer.fit(model.decision_function(chunks), y)
    metrics.log_loss_decomposition(y, model.predict_proba(chunks))
    model.score(chunks, y)
    assert wait_until_empty(client) == []
    errors = []
    for fail in (
        lambda: transformer.fit(spoilt, y),
        lambda: transformer.fit(chunks, y[1:]),
        lambda: metrics.expected_calibration_error(y, spoilt),
        lambda: model.score(spoilt, y),
        lambda: model.score(chunks, y[1:]),
    ):
        with pytest.raises(ValueError) as error:
            fail()
        errors.append(error)
        assert wait_until_empty(client) == []


def spoil_the_last(chunk, block_id):
    return np.full_like(chunk, np.nan) if block_id == (5, 0) else chunk


def test_a_lost_scheduler_raises(monkeypatch):
    X, y, chunks = data()
    model = SoftmaxRegression().fit(X, y)
    before = dict(vars(model))
    with two_workers() as client:
        calls = at_sum(monkeypatch, 3, client.cluster.close)
        with pytest.raises(Exception, match=r"(?i)cancel|clos|lost|connect|scheduler"):
            model.fit(chunks, y)
    assert len(calls) == 3 and vars(model) == before
