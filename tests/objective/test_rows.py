"""Laws of engines: a sum over rows is one number, however the rows are cut and whoever adds."""

import threading

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from registry import ENGINES, IN_MEMORY, PROBLEMS, cut

from sksoftmax._objective import rows as rows_module
from sksoftmax._objective.rows import (
    Block,
    Largest,
    add_pairwise,
    block_rows,
    gather,
    partition,
    row_slice,
    sample,
)

ENGINE = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
KINDS = ["dense", "sparse"]


def make_rows(kind="dense", n_rows=100, n_features=6, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features)).astype(dtype)
    X = sp.csr_array(X * (X > 0)) if kind == "sparse" else X
    return X, rng.integers(3, size=n_rows), rng.exponential(size=n_rows).astype(dtype)


def sparse_rows(n_rows, n_features, n_entries):
    rng = np.random.default_rng(0)
    where = rng.choice(n_rows * n_features, size=n_entries, replace=False)
    values = rng.normal(size=n_entries)
    return sp.csr_array((values, np.divmod(where, n_features)), shape=(n_rows, n_features))


def moments(block):
    """Sums of several shapes at once: a number, a vector, and a tuple of both."""
    class_blocks = np.bincount(block.target, weights=block.weight, minlength=3)
    columns = np.asarray(block.weight @ block.X, dtype=np.float64)
    return float(block.weight.sum()), columns, (class_blocks, len(block.weight))


@ENGINE
@pytest.mark.parametrize("kind", KINDS)
def test_sum_over_blocks_is_the_sum_over_rows(engine, kind):
    X, target, weight = make_rows(kind)
    with engine(X, target, weight, 3) as rows:
        total, columns, (class_blocks, count) = rows.sum(moments)
    assert count == len(target)
    assert_allclose(total, weight.sum(), rtol=1e-13)
    assert_allclose(columns, weight @ X, rtol=1e-12, atol=1e-13)
    assert_allclose(class_blocks, [weight[target == k].sum() for k in range(3)], rtol=1e-13)


@ENGINE
def test_blocks_are_the_rows_in_order(engine):
    X, target, weight = make_rows()
    blocks = engine(X, target, weight, 3).sum(lambda block: [block])
    assert_array_equal(np.concatenate([block.X for block in blocks]), X)
    assert_array_equal(np.concatenate([block.target for block in blocks]), target)
    assert_array_equal(np.concatenate([block.weight for block in blocks]), weight)


@ENGINE
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_mapped_block_by_block(engine, kind):
    X, target, weight = make_rows(kind)
    with engine(X, target, weight, 3) as rows, rows.map(shifted) as mapped:
        expected = rows.sum(lambda block: [moments(shifted(block))])
        assert str(mapped.sum(lambda block: [moments(block)])) == str(expected)
        assert_array_equal(gather(mapped).target, target)


def shifted(block):
    return Block(block.X[:, 1:], block.target, 2 * block.weight)


@pytest.mark.parametrize("engine", IN_MEMORY.values(), ids=IN_MEMORY)
@pytest.mark.parametrize("kind", KINDS)
def test_blocks_are_views(engine, kind):
    X, target, weight = make_rows(kind)
    for block in engine(X, target, weight, 3):
        if kind == "sparse":
            assert np.shares_memory(block.X.data, X.data)
            assert np.shares_memory(block.X.indices, X.indices)
        else:
            assert np.shares_memory(block.X, X)
        assert np.shares_memory(block.target, target)
        assert np.shares_memory(block.weight, weight)


@pytest.mark.parametrize("n_threads", [2, 3, 7])
def test_threads_do_not_change_a_bit(n_threads):
    X, target, weight = make_rows(n_rows=500)
    with cut(X, target, weight, 3, n_threads=1) as rows:
        expected = rows.sum(lambda block: np.asarray(block.X.T @ block.X * block.weight.sum()))
    with cut(X, target, weight, 3, n_threads=n_threads) as rows:
        for _ in range(3):
            found = rows.sum(lambda block: np.asarray(block.X.T @ block.X * block.weight.sum()))
            assert_array_equal(found, expected)


def test_an_error_in_a_thread_is_raised_and_the_pool_can_be_left_and_entered():
    def refuse(block):
        raise ZeroDivisionError("no")

    with cut(*make_rows(), 3, n_threads=2) as rows:
        with pytest.raises(ZeroDivisionError, match="no"):
            rows.sum(refuse)
        assert rows._pool
    assert not rows._pool
    with rows:
        assert rows.sum(moments)[2][1] == 100


def test_partial_sums_are_bounded_in_number():
    X, target, weight = make_rows(n_rows=100_000, n_features=1)
    rows = partition(X, target, weight, 3)
    sizes = [len(block.weight) for block in rows]
    assert len(sizes) > 1 and len(rows.chunks) <= rows_module.MOST_CHUNKS
    assert sum(sizes) == 100_000 and max(sizes) <= rows_module.MOST_ROWS + 16


def test_a_thread_that_cannot_be_started_is_a_lack_of_memory(monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    with cut(*make_rows(), 3, n_threads=2) as rows:
        monkeypatch.setattr(threading.Thread, "start", start)
        with pytest.raises(MemoryError, match="no thread for n_jobs=2: can't start new thread"):
            rows.sum(moments)
        monkeypatch.undo()
    with rows:
        assert rows.sum(moments)[2][1] == 100


def test_partition_does_not_depend_on_threads_nor_weights():
    X, target, _ = make_rows(n_rows=20_000)
    one, two = partition(X, target, None, 3), partition(X, target, None, 3, n_threads=2)
    assert [[len(b.weight) for b in c] for c in one.chunks] == [
        [len(b.weight) for b in c] for c in two.chunks
    ]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_weights_are_ones_that_blocks_share(dtype):
    X, target, _ = make_rows(n_rows=20_000, dtype=dtype)
    blocks = list(partition(X, target, None, 3))
    assert len(blocks) > 2
    for block in blocks:
        assert block.weight.dtype == dtype and len(block.weight) == block.X.shape[0]
        assert (block.weight == 1).all()
        assert np.shares_memory(block.weight, blocks[0].weight)


@pytest.mark.parametrize("n_classes", [1, 3, 100, 2000])
@pytest.mark.parametrize("n_features", [1, 50, 3000])
def test_blocks_stay_within_their_bounds(n_features, n_classes):
    rows = block_rows(np.empty((10, n_features)), n_classes)
    most = rows_module.MOST_ROWS if n_classes > 1 else rows_module.MOST_ROWS_OF_ONE_SCORE
    assert rows_module.FEWEST_ROWS <= rows <= most + 16
    assert rows % 32 == 16
    if n_classes == 1:
        assert rows * n_features * 8 <= rows_module.BLOCK_BYTES * 1.1 or rows < 600


def test_blocks_of_sparse_rows_are_long_enough_for_their_gradients():
    X = sparse_rows(10_000, 5000, n_entries=50_000)
    entries = block_rows(X, 3) * X.nnz / X.shape[0]
    assert 8 * X.shape[1] <= entries <= 32 * X.shape[1]
    assert block_rows(sp.csr_array((0, 5)), 3) >= 1  # no rows, no division by zero


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("bounds", [(0, 4), (3, 9), (8, 50), (5, 5)])
def test_sparse_slices_are_views_of_the_right_rows(bounds, index_dtype):
    X = sparse_rows(12, 7, n_entries=34)
    X.indices, X.indptr = X.indices.astype(index_dtype), X.indptr.astype(index_dtype)
    part = row_slice(X, *bounds)
    assert_array_equal(part.toarray(), X.toarray()[slice(*bounds)])
    assert part.nnz == 0 or np.shares_memory(part.data, X.data)


def test_targets_that_are_distributions_are_cut_along_rows():
    X, _, weight = make_rows()
    target = np.random.default_rng(1).dirichlet(np.ones(3), size=100).T
    for rows in (partition(X, target, weight, 3), cut(X, target, weight, 3)):
        assert_array_equal(np.concatenate([b.target for b in rows], axis=1), target)


@pytest.mark.parametrize("count", range(1, 10))
def test_pairwise_sums_hold_every_term(count):
    assert add_pairwise([2**i for i in range(count)]) == 2**count - 1


def test_largest_adds_by_taking_the_larger():
    X, target, weight = make_rows()
    for engine in ENGINES.values():
        with engine(X, target, weight, 3) as rows:
            found = rows.sum(lambda block: Largest(block.X.max()))
            least = rows.sum(lambda block: Largest(-block.X.min()))
        assert found.number == X.max() and least.number == -X.min()


# -- samples ------------------------------------------------------------------------------------


@ENGINE
@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_keeps_the_total_weight_and_about_the_number_of_rows(engine, kind):
    X, target, weight = make_rows(kind, n_rows=400)
    with engine(X, target, weight, 3) as rows:
        n_blocks = rows.sum(lambda block: 1)
        part = sample(rows, 100, float(weight.sum()), 3)
    drawn, total = sum(len(b.weight) for b in part), sum(b.weight.sum() for b in part)
    # Rows that are drawn more than once are one row of more weight.
    assert 60 <= drawn <= 100 + n_blocks
    assert_allclose(total, weight.sum(), rtol=1e-12)


def test_a_sample_holds_rows_with_their_own_labels():
    X, target, weight = make_rows(n_rows=300)
    X[:, 0], X[:, 1] = np.arange(300), target
    block = next(iter(sample(cut(X, target, weight, 3), 50, float(weight.sum()), 3)))
    assert_array_equal(block.X, X[block.X[:, 0].astype(int)])
    assert_array_equal(block.target, block.X[:, 1])


def test_a_sample_is_the_same_twice_and_by_any_number_of_threads():
    X, target, weight = make_rows(n_rows=300)
    draws = [
        sample(cut(X, target, weight, 3, n_threads=n), 60, float(weight.sum()), 3)
        for n in (1, 1, 2)
    ]
    first, *others = [np.concatenate([block.X for block in draw]) for draw in draws]
    for other in others:
        assert_array_equal(other, first)


def test_a_sample_is_spread_over_rows_by_weight():
    # Systematic draws: of each tenth of the weight about a tenth of the sample.
    X, target, _ = make_rows(n_rows=1000)
    X[:, 0] = np.arange(1000)
    weight = np.where(np.arange(1000) < 500, 3.0, 1.0)
    (drawn,) = sample(partition(X, target, weight, 3), 200, 2000.0, 3)
    assert_allclose(drawn.weight[drawn.X[:, 0] < 500].sum(), 1500, rtol=0.01)
    assert_allclose(np.mean(drawn.X[:, 0] < 500), 0.75, atol=0.02)
    assert len(np.unique(drawn.X[:, 0])) > 150


def test_the_mean_of_a_sample_is_close_to_that_of_the_rows():
    problem = PROBLEMS["many rows"]
    part = sample(partition(problem.X, problem.y, None, 3), 2000, 17000.0, 3)
    mean = sum(block.weight @ block.X for block in part) / 17000
    assert_allclose(mean, problem.X.mean(axis=0), atol=4 / np.sqrt(2000))


def test_a_weight_of_two_is_drawn_like_the_row_twice():
    X, target, _ = make_rows(n_rows=60)
    weight = np.random.default_rng(3).integers(1, 4, size=60)
    repeated = np.repeat(np.arange(60), weight)
    once = sample(partition(X, target, weight.astype(float), 3), 40, float(weight.sum()), 3)
    twice = sample(partition(X[repeated], target[repeated], None, 3), 40, float(weight.sum()), 3)
    (one,), (two,) = once, twice
    drawn = np.unique(one.X[:, 0])
    assert_array_equal(drawn, np.unique(two.X[:, 0]))
    for value in drawn:
        shares = [part.weight[part.X[:, 0] == value].sum() for part in (one, two)]
        assert_allclose(shares[0], shares[1], rtol=1e-12)


def test_a_sample_of_distributions_keeps_them_by_columns():
    X, _, weight = make_rows()
    target = np.random.default_rng(1).dirichlet(np.ones(3), size=100).T
    part = sample(cut(X, target, weight, 3), 30, float(weight.sum()), 3)
    for block in part:
        assert block.target.shape == (3, len(block.weight))
        assert_allclose(block.target.sum(axis=0), 1)
