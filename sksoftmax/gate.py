"""The gate: what users pass is checked and encoded here, once, and nowhere below.

Behind it there are blocks of floating X, class indices and positive weights.
"""

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from joblib import effective_n_jobs
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import check_array, column_or_1d, compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from sksoftmax.rows import InMemoryRows, partition, worthwhile_threads

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
# Entries of an array so small that checking it costs more than predicting on it.
SMALL = 2**12


@dataclass(frozen=True)
class Encoded:
    """Checked data: the rows behind an engine, and what is known of them at once.

    rows : Rows
    classes : ndarray of shape (n_classes,), sorted
    class_weight : ndarray of shape (n_classes,)
        Summed weight of each class.
    center : ndarray of shape (n_features,)
        Weighted means of the columns.
    """

    rows: InMemoryRows
    classes: np.ndarray
    class_weight: np.ndarray
    center: np.ndarray
    n_rows: int
    n_features: int
    n_entries: int
    dtype: np.dtype
    is_sparse: bool

    @property
    def total_weight(self):
        return float(self.class_weight.sum())

    @property
    def n_scores(self):
        """Rows of scores: one for two classes."""
        return 1 if len(self.classes) == 2 else len(self.classes)


def encode(estimator, X, y, sample_weight=None, class_weight=None, n_jobs=None):
    """Check and encode training data.

    Raises
    ------
    ValueError, TypeError
        Naming what is wrong with X, y or the weights.
    """
    X, y = validate_data(
        estimator, X, y, accept_sparse="csr", dtype=FLOATS, ensure_min_samples=1
    )
    y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    weight = None if sample_weight is None else check_weight(sample_weight, X)
    if weight is not None and (weight == 0).any():
        # A row without weight leaves no trace, whatever its label.
        X, y, weight = X[weight > 0], y[weight > 0], weight[weight > 0]
    classes, labels = encode_labels(y)
    check_classes(estimator, classes)
    weight = weight_classes(weight, class_weight, classes, labels)
    by_class = np.bincount(labels, weights=weight, minlength=len(classes)).astype(np.float64)
    check_range(by_class)
    n_scores = 1 if len(classes) == 2 else len(classes)
    n_threads = worthwhile_threads(X, n_scores, effective_n_jobs(n_jobs))
    rows = partition(X, labels, weight, n_scores, n_threads)
    sums = rows.sum(lambda block: np.asarray(block.weight @ block.X, dtype=np.float64))
    return Encoded(
        rows=rows,
        classes=classes,
        class_weight=by_class,
        center=sums / by_class.sum(),
        n_rows=X.shape[0],
        n_features=X.shape[1],
        n_entries=X.nnz if sp.issparse(X) else X.size,
        dtype=X.dtype,
        is_sparse=sp.issparse(X),
    )


def on_dask(values):
    """Whether Dask holds them."""
    return hasattr(values, "__dask_graph__")


def in_memory(values):
    """What Dask holds, computed; all else as it is."""
    return values.compute() if on_dask(values) else values


def check_in_memory(estimator, *values):
    """Raise a TypeError where Dask holds any of the values."""
    if any(map(on_dask, values)):
        raise TypeError(
            f"{type(estimator).__name__} takes no collections of Dask; SoftmaxRegression does. "
            "To choose a penalty, compute a sample of the rows."
        )


def check_classes(estimator, classes):
    if len(classes) < 2:
        raise ValueError(
            f"{type(estimator).__name__} needs samples of at least 2 classes with positive weight; "
            f"the data has only one class: {classes[0]!r}"
        )


def check_range(by_class):
    if not np.isfinite(by_class).all() or by_class.min() < np.finfo(np.float64).tiny:
        raise ValueError(
            "sample_weight and class_weight are out of all range: the weights of the classes sum "
            f"to {by_class}"
        )


def encode_labels(y):
    """Sorted classes and, for each label, the index of its class."""
    if y.dtype.kind in "iu" and int(y.max()) - int(y.min()) < 2**16:
        # A table of what occurs is many times faster than sorting.
        least = int(y.min())
        place = y.astype(np.int64) - least if least else y
        present = np.bincount(place) > 0
        table = np.cumsum(present) - 1
        classes = (np.flatnonzero(present) + least).astype(y.dtype)
        return classes, table.astype(np.min_scalar_type(len(classes) - 1))[place]
    encoder = LabelEncoder()
    labels = encoder.fit_transform(y)
    classes = encoder.classes_
    return classes, labels.astype(np.min_scalar_type(len(classes) - 1))


def check_weight(sample_weight, X):
    """Weights of the rows of X, in float64: they may span more than X's dtype."""
    if isinstance(sample_weight, Real):
        sample_weight = np.full(X.shape[0], float(sample_weight))
    weight = check_weight_values(sample_weight)
    check_consistent_length(X, weight)
    check_some_weight((weight > 0).any())
    return weight


def check_weight_values(sample_weight):
    weight = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight",
        ensure_min_samples=0,
    )  # fmt: skip
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must be 1d, got {weight.ndim} dimensions")
    if (weight < 0).any():
        raise ValueError(f"Negative sample_weight: {weight[weight < 0][0]!r}")
    return weight


def check_some_weight(some):
    if not some:
        raise ValueError("All values of sample_weight are zero: no sample has any weight")


def weight_classes(weight, class_weight, classes, labels):
    """Weights of the rows times those of their classes; None where all are one."""
    if class_weight is None:
        return weight
    by_class = np.bincount(labels, weights=weight, minlength=len(classes))
    factors = class_factors(class_weight, classes, by_class)
    return factors[labels] if weight is None else weight * factors[labels]


def class_factors(class_weight, classes, by_class):
    """What the weight of each class is multiplied by; None where by nothing."""
    if class_weight is None:
        return None
    if isinstance(class_weight, str) and class_weight == "balanced":
        factors = by_class.sum() / (len(classes) * by_class)
    elif isinstance(class_weight, dict):
        factors = compute_class_weight(class_weight, classes=classes, y=classes)
    else:
        raise ValueError(
            f"class_weight must be None, a dict or 'balanced', got {class_weight!r}"
        )
    if not (np.isfinite(factors).all() and (factors > 0).all()):
        raise ValueError(f"class_weight must be positive and finite, got {class_weight!r}")
    return factors


def check_features(estimator, X):
    """X to predict on, with the columns of fit."""
    if type(X) is np.ndarray and X.size <= SMALL and X.dtype in FLOATS and X.ndim == 2:
        # What validate_data asks of such an array, without the fixed cost of asking.
        named = hasattr(estimator, "feature_names_in_")
        right = X.shape[1] == estimator.n_features_in_ and len(X) and not named
        if right and np.isfinite(X).all():
            return X
    return validate_data(
        estimator, X, accept_sparse="csr", dtype=FLOATS, reset=False
    )


def check_same_features(estimator, X):
    """Raise a ValueError unless X has as many columns as the last fit, if that can be told."""
    shape = getattr(X, "shape", ())
    if len(shape) == 2 and shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"warm_start needs the {estimator.n_features_in_} features of the last fit; "
            f"X has {shape[1]}"
        )


def check_number(name, value, *, least, most=np.inf, integer=False, open_below=False):
    """A parameter that is a number in a range, or an error that names it."""
    kind = Integral if integer else Real
    wanted = f"{'an integer' if integer else 'a number'} {'>' if open_below else '>='} {least:g}"
    if not isinstance(value, kind) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be {wanted}, got {value!r} of {type(value).__name__}")
    if not (value > least if open_below else value >= least) or not value <= most:
        raise ValueError(f"{name} must be {wanted}, got {value!r}")


def check_option(name, value, options):
    """A parameter that is one of a few names, or an error that lists them."""
    if not (isinstance(value, str) and value in options):
        raise ValueError(f"{name} must be one of {sorted(options)}, got {value!r}")


def check_n_jobs(n_jobs):
    if n_jobs is None:
        return
    if not isinstance(n_jobs, Integral) or isinstance(n_jobs, bool):
        raise TypeError(f"n_jobs must be an integer or None, got {n_jobs!r}")
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0")


def check_flag(name, value):
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
