"""Fits on Dask: the same model as in memory, whatever holds the rows and however they are cut."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from registry import draw, exponential_weights
from sklearn.exceptions import NotFittedError

from sksoftmax import (
    DecisionScores,
    ReliabilityDisplay,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
    metrics,
)
from sksoftmax._objective.penalties import NORMS
from sksoftmax._objective.rows import add_pairwise, partition
from sksoftmax._problems import build

pd = pytest.importorskip("pandas", reason="pandas is not installed")
dask = pytest.importorskip("dask", reason="Dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array is not installed")
dd = pytest.importorskip("dask.dataframe", reason="dask.dataframe is not installed")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")
cloudpickle = pytest.importorskip("cloudpickle")
dask_validation = pytest.importorskip("sksoftmax._data.dask.validation")
placement = pytest.importorskip("sksoftmax._data.dask.placement")
dask_rows = pytest.importorskip("sksoftmax._data.dask.rows")

NAMES = np.array(["pear", "apple", "fig"])


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes on this machine, for as long as a test asks for them."""
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(**options, host="127.0.0.1") as found:
        yield found


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as found:
        yield found


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        yield pool


def data(n_rows=700, n_features=4, n_classes=3, seed=0):
    X, y = draw(n_rows, n_features, n_classes, seed=seed)
    return X * np.logspace(-2, 3, n_features) + 10, y


def on_dask(values, step):
    """An array of Dask in chunks of so many rows."""
    return da.from_array(values, chunks=(step, *values.shape[1:]))


def unknown(values, step):
    """The same, its chunk sizes being unknown."""
    array = on_dask(values, step)
    array._chunks = (tuple(np.nan for _ in array.chunks[0]), *array.chunks[1:])
    return array


def assert_close(model, expected, scale=1.0):
    """The same to 1e-8, in units of the columns."""
    assert_array_equal(model.classes_, expected.classes_)
    assert_allclose(model.coef_ * scale, expected.coef_ * scale, atol=1e-8)
    assert_allclose(model.intercept_, expected.intercept_, atol=1e-8 * np.max(scale))


def assert_equal(model, expected):
    """The same to the last bit."""
    for name in ("classes_", "coef_", "intercept_", "objective_", "gap_", "objective_curve_"):
        assert_array_equal(getattr(model, name), getattr(expected, name))


# -- the same model as in memory ------------------------------------------------------------------

CHUNKINGS = {
    "one chunk": lambda X, y, w: (on_dask(X, len(y)), y, w),
    "alike": lambda X, y, w: (on_dask(X, 200), on_dask(y, 200), on_dask(w, 200)),
    "unlike": lambda X, y, w: (on_dask(X, 130), on_dask(y, 77), on_dask(w, 300)),
    "of few rows": lambda X, y, w: (on_dask(X, 9), on_dask(y, 700), w),
    "unknown": lambda X, y, w: (unknown(X, 200), unknown(y, 200), unknown(w, 200)),
    "unknown, unlike": lambda X, y, w: (unknown(X, 130), unknown(y, 77), w),
}


@pytest.mark.parametrize("options", [
    {}, {"solver": "gd"}, {"solver": "lbfgs"}, {"solver": "newton"}, {"solver": "proximal"},
    {"l1_ratio": 1.0, "C": 0.1}, {"class_weight": "balanced"}, {"class_weight": {"fig": 3.0}},
    {"fit_intercept": False}, {"C": np.inf},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("chunking", CHUNKINGS.values(), ids=CHUNKINGS)
def test_a_fit_on_dask_is_that_in_memory(chunking, options):
    X, y = data()
    weight = exponential_weights(len(y))
    expected = SoftmaxRegression(**options).fit(X, NAMES[y], weight)
    model = SoftmaxRegression(**options).fit(*chunking(X, NAMES[y], weight))
    assert_close(model, expected, X.std(axis=0))
    assert model.n_iter_ == expected.n_iter_ and model.solver_ == expected.solver_


@pytest.mark.parametrize("n_classes", [2, 5])
def test_many_rows_are_sampled_alike_wherever_chunks_end(n_classes):
    X, y = data(20_000, 3, n_classes)
    expected = SoftmaxRegression().fit(X, y)
    for step in (20_000, 7_777, 1_111):
        assert_close(SoftmaxRegression().fit(on_dask(X, step), y), expected, X.std(axis=0))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_chunks_that_are_runs_of_blocks_give_the_same_bits(dtype):
    X, y = data(40_000, 3)
    X = X.astype(dtype)
    runs = partition(X, y, None, 3).chunks
    steps = tuple(sum(len(block.weight) for block in run) for run in runs)
    assert len(steps) > 3
    expected = SoftmaxRegression().fit(X, y)
    model = SoftmaxRegression().fit(da.from_array(X, chunks=(steps, 3)), y)
    assert model.coef_.dtype == dtype
    assert_equal(model, expected)


def test_sparse_chunks_give_the_fit_in_memory():
    X, y = data(900, 40)
    X = sp.csr_array(X * (np.random.default_rng(0).random(X.shape) < 0.1))
    expected = SoftmaxRegression().fit(X, y)
    for kind in (sp.csr_array, sp.csc_array, sp.csr_matrix):
        chunks = on_dask(X.toarray(), 250).map_blocks(kind)
        model = SoftmaxRegression().fit(chunks, y)
        assert_close(model, expected, X.toarray().std(axis=0))
        assert model.n_iter_ == expected.n_iter_


def test_more_columns_than_rows_give_the_fit_in_memory():
    X, y = draw(40, 90, 3)
    assert_close(SoftmaxRegression().fit(on_dask(X, 15), y), SoftmaxRegression().fit(X, y))


@pytest.mark.parametrize("kind", [str, "category", "string", object])
def test_data_frames_give_the_fit_in_memory(kind):
    X, y = data()
    frame = pd.DataFrame(X, columns=list("abcd")).assign(y=NAMES[y], w=exponential_weights(len(y)))
    frame["y"], frame["d"] = frame["y"].astype(kind), frame["d"].round().astype(int)
    frames = dd.from_pandas(frame, npartitions=5)
    columns = list("abcd")
    expected = SoftmaxRegression().fit(frame[columns], frame["y"], frame["w"])
    model = SoftmaxRegression().fit(frames[columns], frames["y"], frames["w"])
    assert_close(model, expected, X.std(axis=0))
    assert model.classes_.dtype == expected.classes_.dtype
    assert list(model.feature_names_in_) == columns and model.n_features_in_ == 4
    # Partitions may be empty, and of any number of rows.
    middle = frame["a"].quantile(0.4)
    kept, rest = frames[frames["a"] > middle], frame[frame["a"] > middle]
    expected = SoftmaxRegression().fit(rest[columns], rest["y"])
    model = SoftmaxRegression().fit(kept[columns], kept["y"].compute())
    assert_close(model, expected, X.std(axis=0))


def test_rows_without_weight_leave_no_trace():
    X, y = data()
    weight = np.where((y == 2) | (np.arange(len(y)) // 100 == 3), 0.0, 2.0)
    model = SoftmaxRegression().fit(on_dask(X, 100), on_dask(y, 70), on_dask(weight, 50))
    assert_array_equal(model.classes_, [0, 1, 2])
    assert_close(model, SoftmaxRegression().fit(X, y, weight), X.std(axis=0))
    heavier = SoftmaxRegression(C=2.0).fit(X[weight > 0], y[weight > 0])
    proba = model.predict_proba(X)
    assert_allclose(proba[:, :2], heavier.predict_proba(X), rtol=1e-4)
    assert (proba[:, 2] < 1e-15).all()


def test_one_number_is_the_weight_of_all_rows():
    X, y = data()
    model = SoftmaxRegression().fit(on_dask(X, 100), y, 3.0)
    assert_close(model, SoftmaxRegression().fit(X, y, 3.0), X.std(axis=0))
    assert not np.allclose(model.coef_, SoftmaxRegression().fit(X, y).coef_)
    for weight, match in ((0.0, "All values of sample_weight are zero"), (-1, "Negative")):
        with pytest.raises(ValueError, match=match):
            SoftmaxRegression().fit(on_dask(X, 100), y, weight)


def test_rows_are_taken_in_their_order_whatever_their_index():
    X, y = data()
    order = np.random.default_rng(0).permutation(len(y))
    frame = pd.DataFrame(X, columns=list("abcd"), index=order).assign(y=y)
    frames = dd.from_pandas(frame, npartitions=4, sort=False)
    expected = SoftmaxRegression().fit(X, y)
    model = SoftmaxRegression().fit(frames[list("abcd")], frames["y"])
    assert_close(model, expected, X.std(axis=0))
    # Chunks in which all rows are of one class know nothing of the others.
    order = np.argsort(y, kind="stable")
    model = SoftmaxRegression().fit(on_dask(X[order], 20), list(y[order]))
    assert_close(model, expected, X.std(axis=0))


def test_labels_on_dask_of_rows_in_memory_give_the_same_bits():
    X, y = data()
    model = SoftmaxRegression().fit(X, on_dask(y, 100), on_dask(np.ones(len(y)), 70))
    assert_equal(model, SoftmaxRegression().fit(X, y, np.ones(len(y))))


def test_columns_in_several_chunks_are_put_together_with_a_note():
    X, y = data()
    cut = da.from_array(X, chunks=(200, 3))
    with pytest.warns(UserWarning, match=r"X is cut along its columns, in 2 chunks"):
        model = SoftmaxRegression().fit(cut, y)
    assert_close(model, SoftmaxRegression().fit(X, y), X.std(axis=0))


def test_a_warm_start_goes_on_from_the_last_fit():
    X, y = data()
    model = SoftmaxRegression(warm_start=True).fit(on_dask(X, 200), y)
    steps = model.n_iter_
    assert model.fit(on_dask(X, 300), y).n_iter_ <= 1 < steps
    with pytest.raises(ValueError, match="warm_start needs the 4 features of the last fit"):
        model.fit(on_dask(X[:, :3], 200), y)


# -- targets that are distributions, and what watches a fit ---------------------------------------


def shares(n_rows=700, n_classes=4, seed=0):
    """Soft targets, of which the second class has no part."""
    rng = np.random.default_rng(seed)
    y = rng.dirichlet(np.ones(n_classes), size=n_rows)
    y[:, 1] = 0
    return y / y.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("options", [
    {}, {"label_smoothing": 0.2}, {"class_weight": "balanced"}, {"solver": "newton"},
    {"class_weight": {3: 2.0}, "label_smoothing": 0.1},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("chunking", CHUNKINGS.values(), ids=CHUNKINGS)
def test_soft_targets_give_the_fit_in_memory(chunking, options):
    X, y, weight = data()[0], shares(), exponential_weights(700)
    expected = SoftmaxRegression(**options).fit(X, y, weight)
    model = SoftmaxRegression(**options).fit(*chunking(X, y, weight))
    assert_array_equal(model.classes_, [0, 1, 2, 3])
    assert_close(model, expected, X.std(axis=0))


@pytest.mark.parametrize("options", [{}, {"class_weight": "balanced"}], ids=str)
def test_smoothed_labels_give_the_fit_in_memory(options):
    X, y = data()
    options = {"label_smoothing": 0.2, **options}
    weight = np.where(y == 2, 0.0, exponential_weights(len(y)))
    for w in (None, weight):
        expected = SoftmaxRegression(**options).fit(X, y, w)
        model = SoftmaxRegression(**options).fit(on_dask(X, 130), on_dask(y, 77), w)
        assert_close(model, expected, X.std(axis=0))


def test_soft_targets_in_a_data_frame_name_the_classes():
    X, y = data()[0], shares()
    frame = pd.DataFrame(y, columns=["pear", "apple", "fig", "date"])
    expected = SoftmaxRegression().fit(X, frame)
    frames = dd.from_pandas(frame, npartitions=4)
    for given in (frames, frame):
        model = SoftmaxRegression().fit(on_dask(X, 150), given)
        assert_array_equal(model.classes_, ["apple", "date", "fig", "pear"])
        assert_close(model, expected, X.std(axis=0))
    model = SoftmaxRegression().fit(on_dask(X, 150), y.tolist())
    assert_close(model, SoftmaxRegression().fit(X, y), X.std(axis=0))


def test_no_soft_target_is_what_is_no_distribution():
    X, y = data()[0], shares()
    bad = spoilt(spoilt(y, (350, 0), -0.5), (520, 0), 2.0)
    match = (
        "row 50 is none, an entry is -0.5\nThis is chunk 3 of the rows of X, whose first row is "
        "300: its row 50 is row 350 of all"
    )
    with pytest.raises(ValueError, match=match):
        SoftmaxRegression().fit(on_dask(X, 100), on_dask(bad, 70))
    weight = np.where(np.isin(np.arange(700), [350, 520]), 0.0, 1.0)
    expected = SoftmaxRegression().fit(X, bad, weight)
    model = SoftmaxRegression().fit(on_dask(X, 100), on_dask(bad, 70), on_dask(weight, 60))
    assert_close(model, expected, X.std(axis=0))
    with pytest.raises(ValueError, match=r"(?s)Input y contains NaN.*This is chunk 5 of y"):
        SoftmaxRegression().fit(on_dask(X, 100), on_dask(spoilt(y, (520, 0), np.nan), 100))


@pytest.mark.parametrize("targets", ["labels", "shares", "smoothed labels"])
def test_early_stopping_holds_out_the_same_rows(targets):
    X, y = data(2000)
    X = X / X.std(axis=0)
    options = {"label_smoothing": 0.1 if targets == "smoothed labels" else 0.0}
    options |= {"early_stopping": True, "solver": "gd", "C": 1e6, "random_state": 0}
    y = shares(2000) if targets == "shares" else NAMES[y]
    weight = exponential_weights(2000)
    expected = SoftmaxRegression(**options).fit(X, y, weight)
    model = SoftmaxRegression(**options).fit(on_dask(X, 300), on_dask(y, 450), weight)
    assert_allclose(model.validation_curve_, expected.validation_curve_, rtol=1e-8)
    assert len(model.validation_curve_) == model.n_iter_ + 1
    assert_close(model, expected)


def test_progress_is_shown_and_callbacks_are_called(capsys):
    X, y = data()
    model = SoftmaxRegression(verbose=1)
    callback = pytest.importorskip("sklearn.callback", reason="a scikit-learn with callbacks")
    monitor = callback.ScoringMonitor(scoring="neg_log_loss")
    model.set_callbacks(monitor)
    model.fit(on_dask(X, 200), y)
    assert str(model.n_iter_) in capsys.readouterr().out
    assert len(model.time_curve_) == model.n_iter_ + 1


@pytest.mark.parametrize("n_features", [8, 64])
def test_many_classes_are_rounded_where_they_are(n_features):
    """Far from the optimum rows are converted to single precision, as they are read."""
    X, y = draw(3000, n_features, 40)
    expected = SoftmaxRegression().fit(X, y)
    assert_close(SoftmaxRegression().fit(on_dask(X, 700), y), expected)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_streams_say_that_they_want_memory(solver):
    X, y = data()
    model = SoftmaxRegression(solver=solver)
    with pytest.raises(ValueError, match=f"solver='{solver}' needs rows in memory"):
        model.fit(on_dask(X, 100), y)
    for given in ((on_dask(X, 100), y), (X, on_dask(y, 100))):
        with pytest.raises(TypeError, match="partial_fit takes no collections of Dask"):
            model.partial_fit(*given, classes=[0, 1, 2])
    assert not hasattr(model, "coef_")
    chunks = on_dask(X, 100).to_delayed().ravel()
    for number, chunk in enumerate(chunks):
        part = slice(100 * number, 100 * (number + 1))
        model.partial_fit(chunk.compute(), y[part], classes=[0, 1, 2])
    assert model.n_iter_ == len(chunks)


# -- the same under every scheduler ---------------------------------------------------------------


def fit_in_chunks(**options):
    X, y = draw(20_000, 3, 3)
    return SoftmaxRegression(**options).fit(on_dask(X, 4_000), on_dask(NAMES[y], 3_000))


@pytest.mark.parametrize("options", [{}, {"solver": "newton"}, {"l1_ratio": 0.5}], ids=str)
def test_schedulers_give_the_same_bits(client, processes, options):
    on_cluster = fit_in_chunks(**options)
    for scheduler in ("threads", "synchronous"):
        with dask.config.set(scheduler=scheduler):
            assert_equal(fit_in_chunks(**options), on_cluster)
    with dask.config.set(scheduler="processes", pool=processes):
        assert_equal(fit_in_chunks(**options), on_cluster)


# -- what travels ---------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [
    {}, {"solver": "gd"}, {"solver": "newton"}, {"solver": "lbfgs"}, {"C": np.inf},
    {"l1_ratio": 0.5}, {"class_weight": "balanced"},
], ids=str)  # fmt: skip
def test_no_function_takes_rows_along(monkeypatch, options):
    sizes, compute = [], dask_rows.compute

    def weighed(graph, key):
        sent = [task for task in graph.values() if isinstance(task, dask_rows.PickledOnce)]
        sizes.append(len(pickle.dumps(sent)))
        return compute(graph, key)

    monkeypatch.setattr(dask_rows, "compute", weighed)
    X, y = draw(20_000, 6, 3)
    SoftmaxRegression(**options).fit(on_dask(X, 4_000), y)
    assert sizes and max(sizes) < 5_000 < X.nbytes / 100


def test_an_evaluation_sends_theta_and_brings_one_gradient(monkeypatch):
    seen, compute = [], dask_rows.compute

    def weighed(graph, key):
        tasks = {name: task for name, task in graph.items() if "sksoftmax-sum" in str(name)}
        answer = compute(graph, key)
        seen.append((len(cloudpickle.dumps(tasks)), len(pickle.dumps(answer))))
        return answer

    X, y = draw(400, 100, 20)
    data = dask_validation.encode(SoftmaxRegression(), on_dask(X, 10), y)
    objective = build.make_problem(data, C=1.0, l1_ratio=0.0, norm=NORMS["elasticnet"],
                             fit_intercept=True, solver="auto")  # fmt: skip
    theta = np.zeros(objective.map.n_parameters)
    monkeypatch.setattr(dask_rows, "compute", weighed)
    objective.value_and_gradient(theta)
    ((sent, brought),) = seen
    n_partitions = data.rows.n_partitions
    assert theta.nbytes < sent < theta.nbytes + 2_500 + 250 * n_partitions
    assert theta.nbytes < brought < theta.nbytes + 1_000


@pytest.mark.parametrize("n", [1, 2, 5, 8, 13])
def test_a_sum_over_partitions_is_pairwise_whichever_task_adds(n):
    rng = np.random.default_rng(n)
    terms = list(rng.normal(size=(n, 4)) * 10.0 ** rng.integers(-9, 9, size=(n, 4)))
    expected = add_pairwise([term.copy() for term in terms])
    for _ in range(10):
        owner = rng.integers(3, size=n)
        parts = [{(0, i): terms[i] for i in np.flatnonzero(owner == own)} for own in range(3)]
        one, two, three = (dask_rows.add_results([part], n) for part in parts)
        (total,) = dask_rows.add_results([three, one, two], n).values()
        assert_array_equal(total, expected)


def test_the_keys_of_a_worker_are_split_by_its_threads_and_memory():
    rng = np.random.default_rng(0)
    for n_keys, n_threads, limit in ((1, 4, 0), (40, 3, 0), (40, 2, 1000), (40, 2, 10**9)):
        sizes = rng.integers(1, 20, size=n_keys)
        parts = placement.split_by_size(sizes, {"nthreads": n_threads, "memory_limit": limit})
        assert_array_equal(np.concatenate(parts), np.arange(n_keys))
        assert len(parts) >= min(n_threads, n_keys)
        if limit == 1000:
            assert max(sizes[part].sum() for part in parts) <= 1000 / 8 + sizes.max()
        else:
            assert len(parts) == min(n_threads, n_keys)


def test_what_is_sent_does_not_grow_with_chunks(client, monkeypatch):
    X, y = draw(40_000, 3, 3)
    found, compute = {}, dask_rows.compute

    def weighed(graph, key):
        tasks = {name: task for name, task in graph.items() if "sksoftmax-sum" in str(name)}
        found[step] = len(cloudpickle.dumps(tasks))
        return compute(graph, key)

    monkeypatch.setattr(dask_rows, "compute", weighed)
    for step in (10_000, 500):
        wide = on_dask(X, step).map_blocks(np.repeat, 34, 1, chunks=(step, 102))
        with dask_validation.encode(SoftmaxRegression(), wide, y) as rows:
            assert len(rows.rows.persisted) <= 2
            assert rows.rows.n_partitions >= (4 if step == 10_000 else 20)
            rows.rows.sum(len)
    assert found[500] < found[10_000] + 500  # one task may have become two


# -- predictions ----------------------------------------------------------------------------------

METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_predictions_stay_on_dask(dtype, n_classes, method):
    X, y = data(n_classes=n_classes)
    X = X.astype(dtype)
    model = SoftmaxRegression().fit(X, NAMES[y])
    expected = getattr(model, method)(X)
    for chunks in (on_dask(X, 150), unknown(X, 150), on_dask(X, 150).map_blocks(sp.csr_array)):
        lazy = getattr(model, method)(chunks)
        assert isinstance(lazy, da.Array)
        assert lazy.dtype == expected.dtype and lazy.ndim == expected.ndim
        assert str(lazy.chunks[0]) == str(chunks.chunks[0])
        assert lazy.shape[1:] == expected.shape[1:]
        assert type(lazy._meta) is np.ndarray and lazy._meta.dtype == expected.dtype
        found = lazy.compute()
        assert found.dtype == expected.dtype
        if method == "predict":
            assert_array_equal(found, expected)
        else:
            tolerance = 1e-3 if dtype == np.float32 else 1e-9
            assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("method", METHODS)
def test_predictions_of_data_frames_are_arrays(method):
    X, y = data()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = SoftmaxRegression().fit(frame, NAMES[y])
    frames = dd.from_pandas(frame, npartitions=3)
    lazy = getattr(model, method)(frames)
    expected = getattr(model, method)(frame)
    assert isinstance(lazy, da.Array) and lazy.dtype == expected.dtype
    assert np.isnan(lazy.chunks[0]).all() and len(lazy.chunks[0]) == 3
    assert lazy.shape[1:] == expected.shape[1:]
    if method == "predict":
        assert_array_equal(lazy.compute(), expected)
    else:
        assert_allclose(lazy.compute(), expected, rtol=1e-12, atol=1e-12)
    none = frames[frames["a"] > 10**9]
    assert getattr(model, method)(none).compute().shape == (0, *expected.shape[1:])
    with pytest.raises(ValueError, match="feature names"):
        getattr(model, method)(frames[["d", "c", "b", "a"]])


def test_nothing_is_computed_before_it_is_asked_for():
    model = SoftmaxRegression().fit(*data())
    X = on_dask(data()[0], 100).map_blocks(refuse, meta=np.empty((0, 4)))
    for method in METHODS:
        lazy = getattr(model, method)(X)
        with pytest.raises(ZeroDivisionError):
            lazy.compute()
    with pytest.raises(ValueError, match="X has 3 features, but SoftmaxRegression is expecting 4"):
        model.predict(X[:, :3])
    with pytest.raises(NotFittedError):
        SoftmaxRegression().predict(X)


def test_a_prediction_names_the_chunk_that_is_wrong():
    X, y = data()
    frame = pd.DataFrame(spoilt(X, (450, 1), np.nan))
    frame.columns = frame.columns.astype(str)
    for chunks, number in (
        (on_dask(frame.to_numpy(), 100), 4), (dd.from_pandas(frame, npartitions=7), 4),
        (on_dask(frame.to_numpy(), 700), 0),
    ):  # fmt: skip
        model = SoftmaxRegression().fit(pd.DataFrame(X, columns=frame.columns), y)
        model = model if hasattr(chunks, "columns") else SoftmaxRegression().fit(X, y)
        for method in METHODS:
            with pytest.raises(ValueError, match=rf"(?s)contains NaN.*chunk {number} of X\."):
                getattr(model, method)(chunks).compute()


def refuse(chunk):
    raise ZeroDivisionError


@pytest.mark.parametrize("chunking", CHUNKINGS.values(), ids=CHUNKINGS)
def test_the_score_is_that_in_memory(chunking):
    X, y = data()
    weight = exponential_weights(len(y))
    model = SoftmaxRegression().fit(X, NAMES[y])
    chunks, labels, weights = chunking(X, NAMES[y], weight)
    assert_allclose(model.score(chunks, labels), model.score(X, NAMES[y]), rtol=1e-12)
    expected = model.score(X, NAMES[y], sample_weight=weight)
    assert_allclose(model.score(chunks, labels, sample_weight=weights), expected, rtol=1e-12)
    assert_allclose(model.score(X, labels, sample_weight=weights), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.score(chunks, NAMES[y][1:])


# -- the other estimators, and metrics ------------------------------------------------------------


def answers(n_rows=300, n_columns=3, seed=0, names=("apple", "fig", "pear")):
    """Labels, probabilities that are too sure of themselves, and weights, some of them 0."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(n_columns), size=n_rows)
    y = (p.cumsum(axis=1) < rng.random((n_rows, 1))).sum(axis=1)
    p = p**2 / (p**2).sum(axis=1, keepdims=True)
    return np.array(names)[y], p, np.round(exponential_weights(n_rows), 1)


CUTS = {
    "unlike": lambda y, p, w: (on_dask(y, 80), on_dask(p, 70), on_dask(w, 100)),
    "of a row": lambda y, p, w: (y, on_dask(p, 1), w),
    "unknown": lambda y, p, w: (unknown(y, 80), unknown(p, 70), None if w is None else w),
}
CALIBRATIONS = [
    {}, {"calibration": "temperature"}, {"calibration": "vector"}, {"calibration": "matrix"},
    {"calibration": "structured"}, {"calibration": "auto"},
    {"calibration": "vector", "classes": ["pear", "apple", "fig"]},
    {"calibration": "temperature", "target_priors": [0.2, 0.3, 0.5]},
    {"input": "probabilities", "floor": "auto"},
    {"input": "probabilities", "calibration": "structured"},
]  # fmt: skip


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("options", CALIBRATIONS, ids=str)
def test_transformers_are_fitted_and_answer_as_in_memory(options, cut):
    n_rows = 60 if cut is CUTS["of a row"] else 300
    y, p, weight = answers(n_rows, names=options.get("classes", sorted(NAMES)))
    X = p if "input" in options else np.log(p)
    expected = SoftmaxTransformer(**options).fit(X, y, weight)
    labels, chunks, weights = cut(y, X, weight)
    model = SoftmaxTransformer(**options).fit(chunks, labels, weights)
    assert vars(model).keys() == vars(expected).keys() and model.n_features_in_ == 3
    assert model.calibration_ == expected.calibration_ and model.floor_ == expected.floor_
    assert_allclose(model.transform(X), expected.transform(X), rtol=1e-12)
    lazy = model.transform(chunks)
    assert isinstance(lazy, da.Array) and lazy.dtype == X.dtype
    assert_allclose(lazy.compute(), expected.transform(X), rtol=1e-9)
    back = model.inverse_transform(lazy)
    assert_allclose(back.compute(), expected.inverse_transform(expected.transform(X)), atol=1e-9)


@pytest.mark.parametrize("calibration", ["temperature", "vector", "structured"])
def test_transformers_of_a_single_score_are_fitted_and_answer_as_in_memory(calibration):
    y, p, weight = answers(n_columns=2)
    s = np.log(p[:, 1:] / p[:, :1])
    expected = SoftmaxTransformer(calibration).fit(s, y, weight)
    frame = dd.from_pandas(pd.DataFrame({"s": s[:, 0], "y": y}), npartitions=4)
    model = SoftmaxTransformer(calibration).fit(frame[["s"]], frame["y"], weight)
    assert list(model.feature_names_in_) == ["s"]
    assert_allclose(model.transform(frame[["s"]]).compute(), expected.transform(s), rtol=1e-9)


METRICS = {
    "top": metrics.expected_calibration_error,
    "top, debiased": partial(metrics.expected_calibration_error, debiased=True),
    "top, quantiles": partial(metrics.expected_calibration_error, strategy="quantile"),
    "by class": metrics.classwise_calibration_error,
    "by class, quantiles": partial(metrics.classwise_calibration_error, strategy="quantile"),
    "temperature": metrics.log_loss_decomposition,
    "matrix": partial(metrics.refinement_loss, calibration="matrix"),
    "diagram": metrics.reliability,
    "diagram of a class": partial(metrics.reliability, label="fig", n_bins=4),
}
METRIC = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@METRIC
def test_metrics_are_those_in_memory(metric, cut):
    y, p, weight = answers(60 if cut is CUTS["of a row"] else 300)
    labels, chunks, weights = cut(y, p, weight)
    expected = metric(y, p, sample_weight=weight)
    assert_allclose(metric(labels, chunks, sample_weight=weights), expected, rtol=1e-12)
    assert not np.array_equal(metric(y, p), expected)


def test_scores_on_a_cluster_are_those_on_threads(client):
    y, p, weight = answers(2000)
    given = on_dask(p, 300), on_dask(y, 450), weight
    found = SoftmaxTransformer("structured", input="probabilities").fit(*given)
    error = metrics.classwise_calibration_error(given[1], given[0], sample_weight=weight)
    with dask.config.set(scheduler="threads"):
        expected = SoftmaxTransformer("structured", input="probabilities").fit(*given)
        assert error == metrics.classwise_calibration_error(*given[1::-1], sample_weight=weight)
    assert_array_equal(found.transform(p), expected.transform(p))


def test_scorers_and_diagrams_are_those_in_memory(monkeypatch):
    X, y = data()
    model = SoftmaxRegression().fit(X, y)
    scorer = metrics.probability_scorer(metrics.refinement_loss)
    expected = scorer(model, X, y), metrics.reliability(y, model.predict_proba(X))
    monkeypatch.setattr("dask.base.DaskMethodsMixin.compute", None)
    chunks, labels = on_dask(X, 100), on_dask(y, 150)
    assert_allclose(scorer(model, chunks, labels), expected[0], rtol=1e-12)
    pytest.importorskip("matplotlib", reason="matplotlib is not installed").use("agg")
    display = ReliabilityDisplay.from_estimator(model, chunks, labels)
    assert_allclose(*(c.accuracy for c in (*display.curves.values(), expected[1])))


def test_metrics_of_a_single_probability_are_those_in_memory():
    y, p, _ = answers(n_columns=2)
    expected = metrics.reliability(y, p[:, 1], label="fig")
    found = metrics.reliability(on_dask(y, 70), on_dask(p[:, 1], 80), label="fig")
    assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("name", [*METRICS, *map(str, CALIBRATIONS)])
def test_rows_of_scores_stay_where_they_are(name, monkeypatch):
    """What comes here in one piece is far less than the rows."""
    if "quantile" in name:
        pytest.skip("bins of equal weight want all confidences here, and say so")
    sizes, compute = [], dask.compute

    def weighed(*given, **options):
        found = compute(*given, **options)
        sizes.append(len(cloudpickle.dumps(found)))
        return found

    (options,) = [options for options in CALIBRATIONS if str(options) == name] or [{}]
    y, p, weight = answers(30_000, names=options.get("classes", sorted(NAMES)))
    y, p = on_dask(y, 3000), on_dask(p, 2500)
    monkeypatch.setattr(dask, "compute", weighed)
    monkeypatch.setattr("dask.base.DaskMethodsMixin.compute", None)
    # What is drawn of many rows is drawn here.
    monkeypatch.setattr("sksoftmax._calibration.selection.ROWS_TO_DRAW", 1000)
    if name in METRICS:
        METRICS[name](y, p, sample_weight=weight)
    else:
        X = p if "input" in options else da.log(p)
        SoftmaxTransformer(**options).fit(X, y, weight)
    assert sizes and max(sizes) < p.nbytes / 4


@pytest.mark.parametrize("index, value, what", [
    ((150, 0), np.nan, "Input X contains NaN"),
    ((150, 0), -0.5, "Row 10 of X has a negative probability"),
    ((150, 1), 0.9, "Row 10 of X does not sum to 1"),
])  # fmt: skip
def test_bad_scores_are_named(index, value, what):
    y, p, _ = answers()
    model = SoftmaxTransformer("vector", input="probabilities").fit(p, y)
    before = dict(vars(model))
    row = ": its row 10 is row 150 of all" if "Row" in what else ""
    for transformer in (model, SoftmaxTransformer(input="probabilities")):
        with pytest.raises(ValueError, match=f"(?s){what}.*This is chunk 2 of X.*row is 140{row}"):
            transformer.fit(on_dask(spoilt(p, index, value), 70), y)
    assert vars(model) == before
    what = what.replace(" X ", " y_proba ")
    with pytest.raises(ValueError, match=f"(?s){what}.*This is chunk 2 of y_proba"):
        metrics.expected_calibration_error(y, on_dask(spoilt(p, index, value), 70))


def test_labels_that_do_not_fit_the_columns_of_scores_are_refused():
    y, p, _ = answers()
    two = on_dask(np.where(y == "fig", "a", "b"), 80)
    with pytest.raises(ValueError, match=r"y has 2 classes.*the scores have 3 columns"):
        SoftmaxTransformer("vector").fit(on_dask(p, 70), two)
    with pytest.raises(ValueError, match=r"y_true has 2 classes.*y_proba has 3 columns"):
        metrics.refinement_loss(two, on_dask(p, 70))
    with pytest.raises(ValueError, match="requires y to be passed"):
        SoftmaxTransformer("vector").fit(on_dask(p, 70))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        SoftmaxTransformer("vector").fit(on_dask(p, 70), y[1:])
    with pytest.raises(ValueError, match="X has no rows"):
        SoftmaxTransformer().fit(on_dask(p[:0], 70))
    with pytest.raises(ValueError, match="All values of sample_weight are zero"):
        SoftmaxTransformer("vector").fit(on_dask(p, 70), y, np.zeros(300))
    with pytest.warns(UserWarning, match="labels are read as numbers of columns"):
        model = SoftmaxTransformer("vector").fit(on_dask(p, 70), (y == "fig").astype(int))
    assert_array_equal(model.classes_, [0, 1, 2])


def test_cross_validation_refuses_collections_of_dask():
    X, y = data()
    for given in ((on_dask(X, 100), y), (X, on_dask(y, 100)), (X, y, on_dask(y, 100))):
        with pytest.raises(TypeError, match="SoftmaxRegressionCV takes no collections of Dask"):
            SoftmaxRegressionCV().fit(*given)
    model = SoftmaxRegressionCV(Cs=[1.0], cv=2).fit(X, y)
    with pytest.raises(TypeError, match=r"SoftmaxRegressionCV.score takes no collections of Dask"):
        model.score(on_dask(X, 100), y)
    assert_array_equal(model.predict(on_dask(X, 100)).compute(), model.predict(X))


@pytest.mark.parametrize("estimator", [
    DecisionScores(SoftmaxRegression()), SoftmaxCalibratedClassifier(SoftmaxRegression()),
], ids=lambda estimator: type(estimator).__name__)  # fmt: skip
def test_estimators_that_fit_other_classifiers_refuse_collections_of_dask(estimator):
    X, y = data()
    methods = [getattr(estimator, n) for n in ("fit", "fit_transform") if hasattr(estimator, n)]
    for given in ((on_dask(X, 100), y), (X, on_dask(y, 100)), (X, y, on_dask(np.ones(700), 100))):
        for method in methods:
            with pytest.raises(TypeError, match="takes no collections of Dask: fit the classifier"):
                method(*given)


def test_a_frame_in_memory_is_no_answer_to_rows_on_dask():
    _, p, _ = answers()
    model = SoftmaxTransformer().fit(p).set_output(transform="pandas")
    with pytest.raises(TypeError, match=r"call set_output\(transform='default'\)"):
        model.transform(on_dask(p, 100))
    model.set_output(transform="default").transform(on_dask(p, 100))


def test_score_refuses_labels_and_weights_it_cannot_use():
    X, y = data()
    model = SoftmaxRegression().fit(X, y)
    chunks, missing = on_dask(X, 100), np.where(np.arange(700) == 250, np.nan, y)
    for labels, match in (
        (on_dask(missing, 100), "(?s)Input y contains NaN.*This is chunk 2 of y"),
        (on_dask(y.astype(str), 100), "y has strings for labels"),
        (on_dask(np.c_[y, y], 100), "y should be a 1d array"),
    ):
        with pytest.raises(ValueError, match=match):
            model.score(chunks, labels)
    with pytest.raises(ValueError, match="y has numbers for labels"):
        SoftmaxRegression().fit(X, NAMES[y]).score(chunks, y)
    with pytest.raises(TypeError, match="sample_weight must be an array"):
        model.score(chunks, y, sample_weight=2.0)
    for given in ((chunks, y, np.zeros(700)), (on_dask(X[:0], 1), y[:0])):
        with pytest.raises(ValueError, match="no rows to score, or none has any weight"):
            model.score(*given)


# -- what is wrong is named -----------------------------------------------------------------------


def spoilt(values, index, value):
    values = values.copy()
    values[index] = value
    return values


def bad_data():
    X, y = data()
    weight, chunk = np.ones(len(y)), partial(on_dask, step=100)
    mixed = NAMES[y].astype(object)
    mixed[450] = 3.0
    return {
        "nan": (chunk(spoilt(X, (350, 1), np.nan)), y, None),
        "inf": (chunk(spoilt(X, (0, 1), np.inf)), y, None),
        "not a number": (chunk(spoilt(X.astype(object), (350, 1), "three")), y, None),
        "nan label": (chunk(X), chunk(spoilt(y.astype(float), 500, np.nan)), None),
        "continuous labels": (chunk(X), chunk(spoilt(y.astype(float), 500, 0.5)), None),
        "labels of mixed kinds": (chunk(X), chunk(mixed), None),
        "negative weight": (chunk(X), y, chunk(spoilt(weight, 600, -1))),
        "nan weight": (chunk(X), y, chunk(spoilt(weight, 600, np.nan))),
        "no weight": (chunk(X), y, chunk(0 * weight)),
        "one class": (chunk(X), chunk(0 * y), None),
        "labels of two columns": (chunk(X), on_dask(np.c_[y, y], 100), None),
        "too few labels": (chunk(X), chunk(y[1:]), None),
        "too many weights": (chunk(X), y, np.ones(len(y) + 1)),
        "one dimension": (chunk(X[:, 0]), y, None),
        "no rows": (on_dask(X[:0], 1), y[:0], None),
    }


NAMED = {
    "nan": "chunk 3 of X, whose first row is 300",
    "inf": "chunk 0 of X, whose first row is 0",
    "not a number": "chunk 3 of X, whose first row is 300",
    "nan label": "chunk 5 of y, whose first row is 500",
    "continuous labels": "chunk 5 of y, whose first row is 500",
    "labels of mixed kinds": "chunk 4 of y, whose first row is 400",
    "negative weight": "chunk 6 of sample_weight, whose first row is 600",
    "nan weight": "chunk 6 of sample_weight, whose first row is 600",
}


@pytest.mark.parametrize("name", bad_data())
def test_bad_data_raise_the_same_error_as_in_memory_and_name_the_chunk(name):
    bad = bad_data()[name]
    in_memory = [part.compute() if hasattr(part, "compute") else part for part in bad]
    with pytest.raises((ValueError, TypeError)) as expected:
        SoftmaxRegression().fit(*in_memory)
    model = SoftmaxRegression().fit(*data())
    before = dict(vars(model))
    with pytest.raises(type(expected.value)) as found:
        model.fit(*bad)
    assert vars(model) == before
    beginning = str(expected.value).split("\n")[0][:40].split(": [")[0]
    assert str(found.value).startswith(beginning), (str(found.value), str(expected.value))
    assert NAMED.get(name, "") in str(found.value)


def test_collections_that_are_no_arrays_are_refused():
    X, y = data()
    with pytest.raises(TypeError, match="X must be an array or a data frame, of Dask or not"):
        SoftmaxRegression().fit(dask.delayed(X), y)
    with pytest.raises(ValueError, match="requires y to be passed"):
        SoftmaxRegression().fit(on_dask(X, 100), None)
    with pytest.raises(TypeError, match="y must be an array or a data frame, of Dask or not"):
        SoftmaxRegression().fit(on_dask(X, 100), dask.delayed(y))
    mixed = da.concatenate([on_dask(X, 700), on_dask(X, 700).map_blocks(sp.csr_array)])
    with pytest.raises(ValueError, match="X has sparse and dense chunks"):
        SoftmaxRegression().fit(mixed, np.r_[y, y])
    indicators = dd.from_pandas(pd.DataFrame(np.eye(3, dtype=int)[y]), npartitions=3)
    for given in (indicators, on_dask(np.eye(3, dtype=int)[y], 100)):
        with pytest.raises(ValueError, match=r"y of shape \(.*, 3\) is int64: labels are one"):
            SoftmaxRegression().fit(on_dask(X, 100), given)
    with pytest.raises(ValueError, match="Found array with 0 feature"):
        SoftmaxRegression().fit(on_dask(X[:, :0], 100), y)
