"""The forms in which users pass a matrix, and what must not change about any of them."""

import warnings
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning


def csr_parts(A, *, repeats=1, reverse=False, zeros=False, index=np.int32, container=sp.csr_matrix):
    """CSR equal to the canonical A: entries in halves, in reverse order, or with stored zeros."""
    data, indices, pointer = A.data, A.indices, A.indptr
    if repeats > 1:
        data = np.repeat(data / repeats, repeats)
        indices, pointer = np.repeat(indices, repeats), pointer * repeats
    if zeros:
        data, indices = np.append(data, np.zeros(3)), np.append(indices, [0, 1, 2])
        last = len(pointer) - 1
        assert not np.isin([0, 1, 2], A.indices[A.indptr[last - 1] :]).any()
        pointer = np.append(pointer[:-1], pointer[-1] + 3)
    if reverse:
        rows = [slice(*ends) for ends in pairwise(pointer)]
        data = np.concatenate([data[row][::-1] for row in rows])
        indices = np.concatenate([indices[row][::-1] for row in rows])
    made = container(A.shape)
    made.data, made.indices, made.indptr = data, indices.astype(index), pointer.astype(index)
    return made


def read_only(A):
    """The same object, whose buffers refuse to be written to."""
    for part in parts_of(A):
        part.flags.writeable = False
    return A


def duplicated_csc(A):
    made = csr_parts(sp.csr_matrix(A.T), repeats=2, reverse=True)
    return sp.csc_matrix((made.data, made.indices, made.indptr), shape=A.shape)


def duplicated_coo(A):
    entries = A.tocoo()
    twice = np.tile(entries.data / 2, 2), np.tile([entries.row, entries.col], 2)
    return sp.coo_array(twice, shape=A.shape)


class Wrapper:
    """An array with the methods of a collection of Dask, as xarray's and pint's have them."""

    def __init__(self, values):
        self.data = values
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim

    def __dask_graph__(self):
        return self.data.__dask_graph__() if hasattr(self.data, "__dask_graph__") else None

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.data, dtype=dtype)

    def __len__(self):
        return len(self.data)

    def __getitem__(self, key):
        return Wrapper(self.data[key])

    def compute(self):
        return Wrapper(self.data.compute())


class Tensor:
    """A stand-in for a tensor of torch that has a gradient."""

    def __init__(self, values, step="detach"):
        self.values, self.step = values, step
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("a tensor with a gradient is no array")

    def detach(self):
        assert self.step == "detach"
        return Tensor(self.values, "cpu")

    def cpu(self):
        assert self.step == "cpu"
        return Tensor(self.values, "numpy")

    def numpy(self):
        assert self.step == "numpy"
        return self.values


class Bfloat16(Tensor):
    """One of a kind that NumPy lacks; its numbers are held here in float32."""

    def numpy(self):
        raise TypeError("Got unsupported ScalarType BFloat16")

    def float(self):
        return Tensor(self.values.astype(np.float32), "numpy")

    def detach(self):
        return self

    cpu = detach


def spaced(values):
    """A view of every other row and column of a larger array."""
    held = np.zeros((2 * len(values), 2 * values.shape[1]))
    held[::2, ::2] = values
    return held[::2, ::2]


# Each of them is a function of a CSR matrix in canonical format, and gives its equal.
SPARSE = {
    "CSR": lambda A: csr_parts(A),
    "read-only": lambda A: read_only(csr_parts(A)),
    "unsorted and read-only": lambda A: read_only(csr_parts(A, reverse=True)),
    "duplicates": lambda A: csr_parts(A, repeats=2),
    "duplicates in an array": lambda A: csr_parts(A, repeats=2, container=sp.csr_array),
    "all at once": lambda A: read_only(csr_parts(A, repeats=4, reverse=True, index=np.int64)),
    "stored zeros": lambda A: csr_parts(A, zeros=True),
    "CSC with duplicates": duplicated_csc,
    "read-only COO with duplicates": lambda A: read_only(duplicated_coo(A)),
    "BSR": lambda A: A.tobsr((2, 2)),
    "LIL": lambda A: A.tolil(),
    "DOK": lambda A: A.todok(),
}

# Each of them is a function of a C-ordered float64 array, and gives its equal.
DENSE = {
    "an array": np.copy,
    "read-only": lambda values: read_only(values.copy()),
    "Fortran's order": np.asfortranarray,
    "a view of more": spaced,
    "wrapped": Wrapper,
    "big-endian": lambda values: values.astype(">f8"),
    "lists": lambda values: values.tolist(),
    "a data frame of pandas": lambda values: pd.DataFrame(values, columns=names(values)),
    "nullable columns": lambda values: pd.DataFrame(values, columns=names(values), dtype="Float64"),
    "a data frame of polars": lambda values: pl.DataFrame(values, schema=names(values)),
}


if find_spec("pyarrow"):
    DENSE["columns of Arrow"] = lambda values: pd.DataFrame(
        values, columns=names(values), dtype="double[pyarrow]"
    )
TENSORS = {"a tensor with a gradient": Tensor}


def names(values):
    return [f"column {number}" for number in range(values.shape[1])]


def parts_of(values):
    """The arrays that hold a matrix."""
    if isinstance(values, np.ndarray):
        return [values]
    if not sp.issparse(values):
        return []
    found = (getattr(values, name, None) for name in ("data", "indices", "indptr", "row", "col"))
    return [part for part in found if isinstance(part, np.ndarray)]


def state(values):
    """All that can be seen of an input: bytes, dtypes, whether it may be written to, what it is."""
    values = values.data if isinstance(values, Wrapper) else values
    values = values.values if isinstance(values, Tensor) else values
    buffers = [
        (part.tolist() if part.dtype == object else part.tobytes(), part.dtype, part.shape,
         part.strides, part.flags.writeable)
        for part in parts_of(values)
    ]  # fmt: skip
    own = sorted(getattr(values, "__dict__", {})) if sp.issparse(values) else []
    if isinstance(values, (pd.DataFrame, pd.Series)):
        return values.to_dict(), str(values.dtypes), list(values)
    if isinstance(values, (pl.DataFrame, pl.Series)):
        return values.to_dict(as_series=False), str(values.schema)
    if isinstance(values, sp.dok_array | sp.dok_matrix):
        return dict(values)
    return buffers or values, own


def without_warnings(*messages):
    """A function that calls another, where all warnings are errors but these, and of no proof."""

    def quietly(function, *args, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", ConvergenceWarning)
            for message in messages:
                warnings.filterwarnings("ignore", message, UserWarning)
            return function(*args, **options)

    return quietly


def check_numbers(model, without=()):
    """That all public fitted attributes that are numbers are finite, but those that need not be."""
    for name, value in vars(model).items():
        known = name in ("gap_", "C_min_", *without) or isinstance(value, (list, dict))
        if name.endswith("_") and not name.startswith("_") and not known:
            value = np.asarray(value)
            assert value.dtype.kind not in "fc" or np.isfinite(value).all(), name


def check_probabilities(model, X, quietly):
    """That a fitted model's probabilities of X are finite and sum to one."""
    proba = quietly(model.predict_proba, X)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    assert set(quietly(model.predict, X)) <= set(model.classes_)
    assert not np.isnan(quietly(model.predict_log_proba, X)).any()
