"""Rows by their indices are those of X, copied or not."""

import numpy as np
import pytest
import scipy.sparse as sp

from sksoftmax._objective import rows as rows_module
from sksoftmax._objective.row_selection import Gathered, as_mask, row_slice, rows_at, rows_at_all
from sksoftmax._objective.rows import partition

RANDOM = np.random.default_rng(0)
DENSE = RANDOM.normal(size=(40, 3)) * (RANDOM.random((40, 3)) < 0.5)
KINDS = pytest.mark.parametrize("kind", [np.array, np.float32, sp.csr_array])


def dense(X):
    X = X.read() if isinstance(X, Gathered) else X
    return X.toarray() if sp.issparse(X) else X


@KINDS
@pytest.mark.parametrize("indices", [[3, 4, 5], [1, 5, 6, 30], [7, 7, 2], [0], list(range(40))])
def test_rows_at_indices(kind, indices):
    X, indices = kind(DENSE), np.array(indices)
    found = rows_at(X, indices)
    np.testing.assert_array_equal(dense(found), dense(X)[indices])
    assert found.shape == (len(indices), 3) and found.dtype == X.dtype
    np.testing.assert_array_equal(dense(row_slice(found, 0, 1)), dense(X)[indices[:1]])


@KINDS
def test_consecutive_rows_are_views(kind):
    X = kind(DENSE)
    found = rows_at(X, np.arange(3, 9))
    entries = [each.data if sp.issparse(each) else each for each in (found, X)]
    assert np.shares_memory(*entries)


@KINDS
def test_rows_of_gathered_rows(kind):
    X = kind(DENSE)
    first, second = np.array([1, 5, 6, 30]), np.array([2, 3, 39])
    both = rows_at_all([(rows_at(X, first), np.array([0, 2, 3])), (X, second)])
    wanted = np.concatenate([first[[0, 2, 3]], second])
    np.testing.assert_array_equal(dense(both), dense(X)[wanted])
    some = np.array([0, 2, 5])
    np.testing.assert_array_equal(dense(both.take_rows(some)), dense(X)[wanted[some]])


@KINDS
@pytest.mark.parametrize("little", [0, 10**6])
def test_blocks_are_the_same_copied_or_gathered(kind, little, monkeypatch):
    monkeypatch.setattr(rows_module, "LITTLE", little)
    X, indices = kind(DENSE), np.flatnonzero(RANDOM.random(40) < 0.7)
    target = RANDOM.integers(0, 3, len(indices))
    rows = partition(X, target, None, 3, step=7, indices=indices)
    assert any(isinstance(block.X, Gathered) for block in rows.stored) == (little == 0)
    copied = partition(X[indices], target, None, 3, step=7)
    for own, other in zip(rows, copied, strict=True):
        np.testing.assert_array_equal(dense(own.X), dense(other.X))
        np.testing.assert_array_equal(own.target, other.target)
    total = rows.sum(lambda block: np.asarray(block.weight @ block.X))
    np.testing.assert_array_equal(total, copied.sum(lambda block: block.weight @ block.X))


def test_a_mask_is_made_of_rows_that_are_selected_once():
    for rows in ([4, 2, 9], slice(2, 5), np.array([-1, 0]), np.arange(10) > 3):
        wanted = np.sort(np.arange(10)[rows])
        np.testing.assert_array_equal(np.flatnonzero(as_mask(rows, 10)), wanted)
    np.testing.assert_array_equal(as_mask([1, 1, -1], 10), [1, 1, 9])
