"""Checking and encoding of training data in memory, and of X for predictions.

Encoded data are blocks of floating X, class indices or distributions, and positive weights.
"""

import sys
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from joblib import effective_n_jobs
from sklearn.utils.multiclass import check_classification_targets

from sksoftmax._data import targets, weights
from sksoftmax._data.checks import assert_all_finite, validate_data
from sksoftmax._data.magnitudes import Magnitudes
from sksoftmax._functions import arrays
from sksoftmax._objective.rows import (
    InMemoryRows,
    Means,
    count_entries,
    partition,
    worthwhile_threads,
)
from sksoftmax._runtime.types import DOUBLE, FLOATS


@dataclass(frozen=True)
class Encoded:
    """Encoded training data.

    rows : Rows
    all_classes : ndarray of all classes of y, sorted
    present : ndarray of bool, those of them that the fit is of; see `present_classes`
    class_weight : ndarray of shape (n_classes,)
        Summed weight of each class present.
    center : ndarray of shape (n_features,)
        Weighted means of the columns.
    dtype : dtype
        Of X and of the coefficients.
    magnitudes : Magnitudes
        Of the columns of X, and of the weights.
    held_out : Encoded or None
        Rows for early stopping that are not fitted, of the same classes.
    """

    rows: InMemoryRows
    all_classes: np.ndarray
    present: np.ndarray
    class_weight: np.ndarray
    center: np.ndarray
    n_rows: int
    n_features: int
    n_entries: int
    dtype: np.dtype
    is_sparse: bool
    magnitudes: Magnitudes
    held_out: "Encoded | None" = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """Release the rows, which Dask may hold."""
        self.rows.__exit__(*error)
        if self.held_out is not None:
            self.held_out.rows.__exit__(*error)

    @property
    def fits_single(self):
        """Whether single precision can hold the entries of the rows and their squares."""
        return self.magnitudes.suit_single_precision

    @property
    def working_dtype(self):
        """The dtype for products of rows where rounding does not matter."""
        return self.dtype if self.fits_single else DOUBLE

    @property
    def total_weight(self):
        return float(self.class_weight.sum())

    @property
    def classes(self):
        """The classes that the fit is of."""
        return self.all_classes[self.present]

    @property
    def n_scores(self):
        """Number of scores of a row: one for two classes."""
        return 1 if len(self.classes) == 2 else len(self.classes)


def encode(
    estimator, X, y, sample_weight=None, class_weight=None, n_jobs=None,
    *, label_smoothing=0.0, hold_out=None,
):  # fmt: skip
    """Check and encode training data.

    hold_out : function of targets and the number of classes, optional
        Returns a mask of the rows to hold out, which become ``held_out`` of the result.

    Raises
    ------
    ValueError, TypeError
        If X, y or the weights are invalid.
    """
    X, y, names, soft = _checked(estimator, X, y)
    weight = None if sample_weight is None else weights.check_weight(sample_weight, X)
    if soft:
        targets.check_distributions(y, weight)
    classes, target = targets.encode(y, names, weight, label_smoothing, X.dtype)
    indices = None
    if weight is not None and (weight == 0).any():
        # Rows without weight only count among the classes.
        indices = np.flatnonzero(weight)
        weight = weight[indices]
    indices, target, weight = _of_weighted_classes(
        class_weight, classes, indices, target, weight
    )  # fmt: skip
    if indices is not None:
        _check_finite(estimator, X)  # also the rows without weight, which no sum reads
    if hold_out is None:
        weighed = targets.weigh(target, weight, classes, class_weight)
        return _encoded(estimator, X, indices, classes, weighed, n_jobs)
    indices = np.arange(target.shape[-1]) if indices is None else indices
    is_held_out = hold_out(target, len(classes))
    held_out_indices, *others = _rows(is_held_out, indices, target, weight)
    indices, target, weight = _rows(~is_held_out, indices, target, weight)
    weighed = targets.weigh(target, weight, classes, class_weight)
    data = _encoded(estimator, X, indices, classes, weighed, n_jobs)
    weighed = targets.weigh_like(weighed, *others)
    held_out = _encoded(estimator, X, held_out_indices, classes, weighed, n_jobs, data.present)
    return replace(data, held_out=held_out)


def _checked(estimator, X, y):
    """X, y, the column names of y, and whether y is soft, checked except for entries of X.

    Plain arrays that scikit-learn's checks would let pass are not given to them: their fixed cost
    is a quarter of a small fit's.
    """
    if _is_plain(X) and len(X) and X.shape[1] and _is_plain_labels(y) and len(y) == len(X):
        estimator.n_features_in_ = X.shape[1]
        vars(estimator).pop("feature_names_in_", None)
        return X, y, None, False
    names, y, soft = targets.read(y)
    X, y = validate_data(
        estimator, matrix(X), y, accept_sparse="csr", dtype=FLOATS, ensure_min_samples=1,
        multi_output=soft, ensure_all_finite=False,
    )  # fmt: skip
    if not soft:
        check_classification_targets(y)
    return X, y, names, soft


def _is_plain(X):
    """Whether X is a floating matrix of class ndarray itself."""
    return type(X) is np.ndarray and X.ndim == 2 and X.dtype in FLOATS


def _is_plain_labels(y):
    """Whether y is an integer vector of class ndarray itself, clearly of labels, not of counts."""
    if not (type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in "iu" and len(y)):
        return False
    # scikit-learn warns where more than half of the labels differ.
    return 2 * (int(y.max()) - int(y.min()) + 1) <= len(y)


def _check_finite(estimator, X):
    """X, or a ValueError if some entry of it is not finite."""
    assert_all_finite(X, estimator_name=type(estimator).__name__, input_name="X")
    return X


def encode_rows(estimator, X, y, weight, rows, class_weight):
    """Encode some rows of checked X, by their indices, masks or slices, as a fold has them."""
    indices = np.arange(len(y))[rows]
    # As in `encode`, rows without weight count among the classes.
    classes, target = targets.encode(y[indices], None, weight[indices], 0.0, X.dtype)
    indices = indices[weight[indices] > 0]
    indices, target, weight = _of_weighted_classes(
        class_weight, classes, indices, target, weight[indices]
    )  # fmt: skip
    weighed = targets.weigh(target, weight, classes, class_weight)
    return _encoded(estimator, X, indices, classes, weighed, None)


def _of_weighted_classes(class_weight, classes, indices, target, weight):
    """Indices, targets and weights of the rows of which some class has a class weight above 0."""
    zero = weights.without_class_weight(class_weight, classes)
    if zero is None:
        return indices, target, weight
    kept = targets.rows_with_weight(target, zero)
    weights.check_some_class_weight(kept.any(), class_weight)
    indices = np.arange(len(kept)) if indices is None else indices
    return _rows(kept, indices, target, weight)


def _rows(mask, indices, target, weight):
    """The rows of a mask, of indices, targets and weights."""
    return indices[mask], target[..., mask], None if weight is None else weight[mask]


def _encoded(estimator, X, indices, classes, weighed, n_jobs, present=None):
    """Encode rows of X.

    indices : ndarray of int, the rows of X that targets and weights are of; None for all
    present : ndarray of bool of shape (n_classes,), by default `present_classes`
    """
    present = present_classes(estimator, weighed.by_class) if present is None else present
    n_present = int(np.count_nonzero(present))
    n_scores = 1 if n_present == 2 else n_present
    n_threads = worthwhile_threads(X, n_scores, effective_n_jobs(n_jobs))
    target, by_class = targets.of_classes(present, weighed.target), weighed.by_class[present]
    rows = partition(X, target, weighed.weight, n_scores, n_threads, indices=indices)
    size = Magnitudes.of(rows)
    if not np.isfinite(size.columns).all():  # told by the first pass over the entries
        _check_finite(estimator, X)
    size.check(X.dtype, estimator)
    rows = size.widened(rows, X.dtype)
    return Encoded(
        rows=rows,
        all_classes=classes,
        present=present,
        class_weight=by_class,
        center=rows.sum(Means.of).values,
        n_rows=weighed.target.shape[-1],
        n_features=X.shape[1],
        n_entries=rows.sum(count_entries),
        dtype=X.dtype,
        is_sparse=sp.issparse(X),
        magnitudes=size,
    )


def present_classes(estimator, by_class):
    """A mask, of shape (n_classes,), of the classes that a fit is of.

    With an intercept these are the classes with weight: the optimal intercept of any other class is
    minus infinity, and its coefficients do not matter. Without one all classes are present: the
    coefficients of a class without weight must keep its scores low for the rows of the others.

    by_class : ndarray of shape (n_classes,), the summed weight of each class
    """
    has_intercept = getattr(estimator, "fit_intercept", True)
    return by_class > 0 if has_intercept else np.ones(len(by_class), dtype=bool)


def matrix(X):
    """X for scikit-learn's checks: canonical CSR, an array, or a frame with NumPy columns."""
    if sp.issparse(X):
        return canonical(X.tocsr())
    return arrays.as_numpy(X) if arrays.is_tensor(X) else arrays.with_plain_columns(X)


def canonical(X):
    """A compressed sparse matrix with sorted and unique indices; all else as it is.

    SciPy's ``abs``, ``power``, ``max`` and comparisons make a matrix canonical in place. Here a
    copy is made canonical: the caller's matrix, which other threads may read, does not change.
    """
    if not sp.issparse(X) or X.ndim != 2 or X.format not in ("csr", "csc"):
        return X
    kind = "array" if isinstance(X, sp.sparray) else "matrix"
    view = getattr(sp, f"{X.format}_{kind}")(X.shape, dtype=X.dtype)
    view.data, view.indices, view.indptr = X.data, X.indices, X.indptr
    # SciPy caches the answer on the object asked, which must not be the caller's.
    if view.has_canonical_format:
        return view
    copied = view.copy()
    copied.sum_duplicates()
    return copied


def on_dask(values):
    """Whether values are a Dask collection.

    Arrays of xarray and quantities of pint have the methods of a collection whatever they wrap, so
    Dask is asked. If it is not imported, nothing is a collection.
    """
    if not hasattr(values, "__dask_graph__") or sys.modules.get("dask") is None:
        return False
    return sys.modules["dask"].is_dask_collection(values)


def unwrapped(values):
    """The Dask collection that xarray, pint or the like wrap; all else as it is."""
    own = any(base.__module__.startswith("dask") for base in type(values).__mro__)
    if own or not on_dask(values):
        return values
    inner = (getattr(values, name, None) for name in ("magnitude", "data"))
    return next((unwrapped(each) for each in inner if on_dask(each)), values)


def in_memory(values):
    """A Dask collection computed, or a tensor as an array; all else as it is."""
    values = values.compute() if on_dask(values) else values
    return arrays.as_numpy(values) if arrays.is_tensor(values) else values


def without_rows(values):
    """A Dask collection as an array or frame of the same columns and no rows; all else as it is."""
    if not on_dask(values):
        return values
    frame = hasattr(values, "columns")
    return values._meta if frame else np.empty((0, *values.shape[1:]), dtype=values.dtype)


def check_in_memory(culprit, advice, *values):
    """Raise a TypeError where Dask holds any of the values."""
    if any(map(on_dask, values)):
        raise TypeError(f"{culprit} takes no collections of Dask: {advice}")


def check_given(y, who):
    """Raise a ValueError if y is None; ``who`` is the class or method that requires it."""
    if y is None:
        raise ValueError(f"{who} requires y to be passed, but the target y is None.")


def check_features(estimator, X, n_features, finite=True):
    """X for predictions, checked to have the columns of the coefficients and of the fit, if any.

    finite : whether entries are checked; else the first pass over them must tell
    """
    fitted = vars(estimator)
    plain = _is_plain(X) and len(X) and "feature_names_in_" not in fitted
    if plain and X.shape[1] == n_features == fitted.get("n_features_in_", n_features):
        # The checks that validate_data would make of such an array, without its fixed cost.
        return _check_finite(estimator, X) if finite else X
    if not sp.issparse(X) or X.dtype not in FLOATS:
        X = matrix(X)  # duplicates are summed in the dtype of X, which suffices for products
    X = validate_data(
        estimator, X, accept_sparse="csr", dtype=FLOATS, reset=False, ensure_all_finite=finite
    )
    if X.shape[1] != n_features:
        raise ValueError(
            f"X has {X.shape[1]} features, and coef_ of {type(estimator).__name__} has "
            f"{n_features} columns"
        )
    return X


def check_same_features(X, n_features):
    """Raise a ValueError if X has a shape, and not as many columns as the last fit."""
    shape = getattr(X, "shape", ())
    if len(shape) == 2 and shape[1] != n_features:
        raise ValueError(
            f"warm_start needs the {n_features} features of the last fit; X has {shape[1]}"
        )
