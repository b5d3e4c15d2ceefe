"""Checking of weights: those of samples, an array by row, and of classes, an array by class."""

import sys
from numbers import Real

import numpy as np
from sklearn.utils import compute_class_weight

from sksoftmax._data import magnitudes, parameter_checks
from sksoftmax._data.checks import check_array
from sksoftmax._functions import arrays


def check_weight(sample_weight, X):
    """Weights of the rows of X, in float64, whose range may exceed that of X's dtype."""
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if isinstance(sample_weight, Real):
        parameter_checks.check_is_float("sample_weight", sample_weight)
        sample_weight = np.full(n_rows, float(sample_weight))
    weight = check_weight_values(sample_weight)
    if len(weight) != n_rows:
        raise ValueError(
            "Found input variables with inconsistent numbers of samples: "
            f"{[n_rows, len(weight)]}, of X and sample_weight"
        )
    check_some_weight((weight > 0).any())
    magnitudes.check_weights(weight.max(), "sample_weight")
    return weight


def check_weight_values(sample_weight):
    """Sample weights as a float64 array of shape (n_rows,), which may be empty."""
    try:
        weight = check_array(
            arrays.as_numpy(sample_weight), ensure_2d=False, dtype=np.float64,
            input_name="sample_weight", ensure_min_samples=0,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        if "sample_weight" in str(error):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"sample_weight must be numbers, one for each row: {error}") from None
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must be 1d, got {weight.ndim} dimensions")
    if (weight < 0).any():
        raise ValueError(f"Negative sample_weight: {float(weight[weight < 0][0])!r}")
    largest = weight.max(initial=0)
    if largest > magnitudes.WEIGHTS.most:
        magnitudes.check_weights(largest, "sample_weight")
    return weight


def check_some_weight(some):
    """Raise a ValueError if no sample has weight."""
    if not some:
        raise ValueError("All values of sample_weight are zero: no sample has any weight")


def check_some_class_weight(some, class_weight):
    """Raise a ValueError if no sample has weight after class weights."""
    if not some:
        raise ValueError(f"class_weight={class_weight!r} leaves no sample any weight")


def class_factors(class_weight, classes, by_class):
    """The class weights as an ndarray of shape (n_classes,); None if all are 1."""
    if class_weight is None:
        return None
    if isinstance(class_weight, str) and class_weight == "balanced":
        present = by_class > 0
        factors = np.ones(len(classes))
        factors[present] = by_class.sum() / (np.count_nonzero(present) * by_class[present])
    elif isinstance(class_weight, dict):
        if not all(isinstance(each, Real) for each in class_weight.values()):
            raise TypeError(f"class_weight must hold numbers, got {class_weight!r}")
        if any(abs(each) > sys.float_info.max for each in class_weight.values()):
            raise ValueError(f"class_weight must be positive and finite, got {class_weight!r}")
        factors = compute_class_weight(class_weight, classes=classes, y=classes)
    else:
        raise ValueError(f"class_weight must be None, a dict or 'balanced', got {class_weight!r}")
    if not (np.isfinite(factors).all() and (factors >= 0).all()):
        raise ValueError(f"class_weight must be finite and not negative, got {class_weight!r}")
    return factors


def without_class_weight(class_weight, classes):
    """A mask of the classes whose class weight is 0; None if there are none."""
    if not isinstance(class_weight, dict):
        return None
    zero = class_factors(class_weight, classes, None) == 0
    return zero if zero.any() else None
