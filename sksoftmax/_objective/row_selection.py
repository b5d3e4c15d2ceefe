"""Rows of X by their indices, read block by block without a copy of all."""

import numpy as np
import scipy.sparse as sp


class Gathered:
    """Rows of some arrays by their indices, which are copied each time they are read.

    The copy of a block fits in the cache; one of all rows would take as much memory as X.

    pieces : tuple of (X, indices), the rows one after the other
    """

    def __init__(self, pieces):
        self.pieces = tuple(pieces)

    def read(self):
        """The rows, as one array."""
        arrays = [X for X, _ in self.pieces]
        if sp.issparse(arrays[0]):
            rows = [X[indices] for X, indices in self.pieces]
            return rows[0] if len(rows) == 1 else sp.vstack(rows, format="csr")
        ends = np.cumsum([len(indices) for _, indices in self.pieces])
        rows = np.empty((ends[-1], arrays[0].shape[1]), dtype=arrays[0].dtype)
        for (X, indices), end in zip(self.pieces, ends, strict=True):
            # "clip" writes without a buffer; the indices are right.
            np.take(X, indices, axis=0, out=rows[end - len(indices) : end], mode="clip")
        return rows

    @property
    def shape(self):
        return sum(len(indices) for _, indices in self.pieces), self.pieces[0][0].shape[1]

    @property
    def dtype(self):
        return self.pieces[0][0].dtype

    @property
    def nbytes(self):
        """Memory in bytes that a copy of the rows takes; of sparse ones an estimate."""
        if not sp.issparse(self.pieces[0][0]):
            return self.shape[0] * self.shape[1] * self.dtype.itemsize
        shares = (X.nnz * len(indices) // X.shape[0] for X, indices in self.pieces)
        return sum(shares) * (self.dtype.itemsize + np.dtype(np.int32).itemsize)

    def take_rows(self, indices):
        """Some of the rows, by indices in ascending order."""
        ends = np.cumsum([len(own) for _, own in self.pieces])
        cuts = np.split(indices, np.searchsorted(indices, ends[:-1]))
        starts = ends - [len(own) for _, own in self.pieces]
        return Gathered(
            (X, own[cut - start])
            for (X, own), cut, start in zip(self.pieces, cuts, starts, strict=True)
            if len(cut)
        )


def rows_at(X, indices):
    """Rows of X by their indices: a view where these are consecutive, else `Gathered`."""
    if isinstance(X, Gathered):
        return X.take_rows(indices)
    if are_consecutive(indices):
        return row_slice(X, int(indices[0]), int(indices[-1]) + 1)
    return Gathered([(X, indices)])


def array_of(X):
    """X itself, or the first array that `Gathered` rows are of."""
    return X.pieces[0][0] if isinstance(X, Gathered) else X


def as_mask(rows, n_rows):
    """A selection of rows as a mask of shape (n_rows,), or as indices if it has some row twice.

    rows : indices, a mask or a slice
    """
    mask = np.zeros(n_rows, dtype=bool)
    mask[rows] = True
    if np.asarray(rows).dtype == bool:
        return mask
    n_indices = len(range(n_rows)[rows]) if isinstance(rows, slice) else len(rows)
    return mask if np.count_nonzero(mask) == n_indices else np.arange(n_rows)[rows]


def rows_at_all(pieces):
    """Rows of several (X, indices), one after the other; see `rows_at`."""
    found = [rows_at(X, indices) for X, indices in pieces]
    if len(found) == 1:
        return found[0]
    parts = (
        part.pieces if isinstance(part, Gathered) else [(part, np.arange(part.shape[0]))]
        for part in found
    )
    return Gathered(piece for own in parts for piece in own)


def are_consecutive(indices):
    """Whether each index is the one before plus 1; False for no indices."""
    return len(indices) > 0 and bool((np.diff(indices) == 1).all())


def row_slice(X, start, stop):
    """Consecutive rows: a view, or a copy of those of `Gathered`."""
    if isinstance(X, Gathered):
        return X.take_rows(np.arange(start, stop)).read()
    if not sp.issparse(X):
        return X[start:stop]
    # A view. SciPy's slicing copies the data, and so does its constructor for a slice of less than
    # half of the matrix.
    first, last = X.indptr[start], X.indptr[min(stop, X.shape[0])]
    pointer = X.indptr[start : stop + 1] - first
    part = sp.csr_array((len(pointer) - 1, X.shape[1]), dtype=X.dtype)
    part.data, part.indices, part.indptr = X.data[first:last], X.indices[first:last], pointer
    return part
