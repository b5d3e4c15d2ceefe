"""Checks of sample weights and class weights."""

from numbers import Real

import numpy as np

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
