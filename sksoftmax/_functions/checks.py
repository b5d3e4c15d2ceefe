"""Checks of the arguments of the public functions.

Each check returns its argument in the form that the arithmetic expects, or raises a TypeError or
ValueError that names it. ``xp`` is the array namespace, NumPy or that of the arrays passed.
"""

import math
import numbers
import operator
import sys

import numpy as np

from sksoftmax._functions import arrays

# Largest difference from 1 of the sum of a row of probabilities, by dtype. Probabilities in single
# precision may have been computed in half precision, as the outputs of networks are.
SUM_TOLERANCE = {"float32": 1e-3, "float16": 1e-3, "bfloat16": 8e-3}
# Rounding error of one probability in half precision; the tolerance is this times the classes.
ROUNDING = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
LARGEST_SUM_TOLERANCE = 0.05


def as_array(values):
    """Return scores as an array of real numbers, and its namespace."""
    xp = _foreign_namespace(values)
    return check_real(as_numpy(values, "scores") if xp is np else values, "scores", xp), xp


def as_numpy(values, name):
    """A NumPy array; sparse matrices and masked arrays are refused."""
    if hasattr(values, "tocsr"):
        raise TypeError(f"{name} is a sparse matrix; pass a dense array, e.g. {name}.toarray().")
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array; pass its data, and where=~mask to a function that has it."
        )
    return np.asarray(arrays.as_numpy(values))


def check_real(array, name, xp):
    """The array, whose dtype must be real or boolean."""
    if xp is np:
        is_real = array.dtype.kind in "biuf"  # many times faster than isdtype
    else:
        is_real = xp.isdtype(array.dtype, ("bool", "integral", "real floating"))
    if not is_real:
        raise TypeError(f"{name} must be real numbers, got dtype {array.dtype}.")
    return array


def _foreign_namespace(values):
    """The array API namespace of an array of another library; NumPy for all else."""
    if isinstance(values, (np.ndarray, np.generic, list, tuple, numbers.Number)):
        return np
    from sklearn.externals.array_api_compat import array_namespace

    try:
        xp = array_namespace(values)
    except TypeError:  # a data frame, say
        return np
    return np if "numpy" in xp.__name__.split(".") and "numpy" in sys.modules else xp


def check_axis(axis, ndim):
    """The axis as a non-negative int."""
    if ndim == 0:
        raise ValueError("scores must have at least one dimension, got a single number.")
    if isinstance(axis, (bool, np.bool_)) or not hasattr(axis, "__index__"):
        raise TypeError(f"axis must be an integer, got {axis!r}.")
    return np.lib.array_utils.normalize_axis_index(operator.index(axis), ndim)


def check_temperature(temperature):
    """The temperature as a positive, finite float."""
    is_float = type(temperature) is float  # asking an abstract class takes a microsecond
    if not is_float and (
        isinstance(temperature, bool) or not isinstance(temperature, numbers.Real)
    ):
        raise TypeError(f"temperature must be a real number, got {temperature!r}.")
    try:
        value = float(temperature)
    except OverflowError:
        value = math.inf
    if not 0 < value < math.inf:
        raise ValueError(f"temperature must be positive and finite, got {temperature!r}.")
    return value


def check_option(name, value, options):
    """Raise a ValueError unless a parameter is one of ``options``, which are strings or None."""
    if not (value is None or isinstance(value, str)) or value not in options:
        listed = ", ".join(map(repr, options))
        raise ValueError(f"{name} must be one of {listed}, got {value!r}")


def check_where(where, scores, xp):
    """The mask, broadcast to the shape of the scores; None if there is none."""
    if where is None:
        return None
    if isinstance(where, np.ma.MaskedArray):
        raise TypeError("where is a masked array; pass a plain boolean array.")
    where = np.asarray(arrays.as_numpy(where)) if xp is np else to_namespace(where, scores, xp)
    if where.dtype != (np.bool_ if xp is np else xp.bool):
        raise TypeError(f"where must be boolean, got dtype {where.dtype}.")
    try:
        return xp.broadcast_to(where, scores.shape)
    except (ValueError, RuntimeError):
        shapes = f"{tuple(where.shape)} and {tuple(scores.shape)}"
        raise ValueError(f"where does not broadcast to scores: shapes {shapes}.") from None


def check_out(out, shape, dtype):
    """The array to write to: ``out``, or a new one."""
    if out is None:
        return np.empty(shape, dtype=dtype)
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"out must be a NumPy array, got {type(out).__name__}.")
    if out.dtype != dtype:
        raise TypeError(f"out must have the dtype of the result, {dtype}, got {out.dtype}.")
    if out.shape != shape:
        raise ValueError(f"out must have the shape of scores, {shape}, got {out.shape}.")
    if not out.flags.writeable:
        raise ValueError("out is read-only.")
    return out


def check_label_smoothing(label_smoothing):
    """The label smoothing as a float in [0, 1]."""
    if not isinstance(label_smoothing, numbers.Real) or not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be a number in [0, 1], got {label_smoothing!r}.")
    return float(label_smoothing)


def check_matrix(scores):
    """Scores, which must have shape (n, n_classes) with at least one row."""
    if scores.ndim != 2:
        raise ValueError(f"scores must have shape (n, n_classes), got {tuple(scores.shape)}.")
    if scores.shape[0] != scores.shape[0]:  # nan, as Dask has it
        raise ValueError(
            "scores are an array of Dask of unknown length: call its compute_chunk_sizes() first."
        )
    if scores.shape[0] == 0:
        raise ValueError("scores has no rows: the mean of no losses is not defined.")
    return scores


def check_target(target, n_rows, n_classes, xp):
    """Integer labels of shape (n_rows,), or distributions of shape (n_rows, n_classes)."""
    if target.ndim == 1 and target.shape[0] == n_rows:
        return _check_labels(target, n_classes, xp)
    if target.ndim == 2 and tuple(target.shape) == (n_rows, n_classes):
        return _check_distributions(target, xp)
    raise ValueError(
        f"y must be labels of shape ({n_rows},) or probabilities of shape ({n_rows}, {n_classes}); "
        f"got shape {tuple(target.shape)}."
    )


def _check_labels(labels, n_classes, xp):
    """Labels as int64, if they are integers from 0 to ``n_classes - 1``."""
    if xp.isdtype(labels.dtype, "bool"):
        return xp.astype(labels, xp.int64)
    bad = (labels < 0) | (labels >= n_classes)
    if xp.isdtype(labels.dtype, "real floating"):
        bad = bad | (labels != xp.floor(labels))
    if bool(xp.any(bad)):
        row = _first(bad, xp)
        label = (float if xp.isdtype(labels.dtype, "real floating") else int)(labels[row])
        raise ValueError(
            f"y must be integer labels from 0 to {n_classes - 1}; row {row} has label {label}."
        )
    return xp.astype(labels, xp.int64)


def sum_tolerance(n_classes, *dtypes):
    """The largest difference from 1 that the sum of a row of probabilities may have.

    dtypes : of the array or of its columns, of any library
    """
    names = [str(dtype).lower().split(".")[-1] for dtype in dtypes]
    by_dtype = [
        max(SUM_TOLERANCE.get(name, 1e-6), n_classes * ROUNDING.get(name, 0.0)) for name in names
    ]
    return min(LARGEST_SUM_TOLERANCE, max(by_dtype, default=1e-6))


def sum_to_one(rows, total, tolerance, xp=np):
    """A mask, of shape (n,), of the rows that sum to 1 within a tolerance or rounding to 4 digits.

    rows : floating array of shape (n, n_classes)
    total : array of float64 of shape (n,), the sums of the rows
    """
    off = xp.abs(total - 1)
    valid = off <= tolerance  # nan is not
    if bool(xp.all(valid)):
        return valid
    units, rounding = 1e4 * xp.astype(rows, xp.float64), 2e4 * float(xp.finfo(rows.dtype).eps)
    rounded = xp.all(xp.abs(units - xp.round(units)) <= rounding, axis=1)
    return valid | (rounded & (off <= min(LARGEST_SUM_TOLERANCE, 0.5001e-4 * rows.shape[1])))


def _check_distributions(target, xp):
    """Distributions, of shape (n, n_classes), divided by their sums."""
    tolerance = sum_tolerance(target.shape[1], target.dtype)
    target = target if xp.isdtype(target.dtype, "real floating") else xp.astype(target, xp.float64)
    # In float64, since rounded sums of many classes differ from 1.
    total = xp.sum(xp.astype(target, xp.float64), axis=1)
    valid = xp.all(target >= 0, axis=1) & sum_to_one(target, total, tolerance, xp)
    if not bool(xp.all(valid)):
        row = _first(~valid, xp)
        raise ValueError(
            f"y must have non-negative rows that sum to 1 (within {tolerance:g}); row {row} does "
            f"not, its sum is {float(total[row])}."
        )
    return xp.astype(target / total[:, None], target.dtype)


def check_weight(sample_weight, n_rows, xp):
    """Weights in float64, of shape (n_rows,), divided by their sum."""
    if tuple(sample_weight.shape) != (n_rows,):
        shape = tuple(sample_weight.shape)
        raise ValueError(f"sample_weight must have shape ({n_rows},), got {shape}.")
    weight = xp.astype(sample_weight, xp.float64)
    valid = xp.isfinite(weight) & (weight >= 0)
    if not bool(xp.all(valid)):
        row = _first(~valid, xp)
        raise ValueError(
            "sample_weight must be finite and non-negative; the weight of row "
            f"{row} is {float(weight[row])}."
        )
    largest = xp.max(weight)
    if not bool(largest > 0):
        raise ValueError("sample_weight must not be zero everywhere.")
    weight = weight / largest  # so that no sum of weights overflows
    return weight / xp.sum(weight)


def _first(mask, xp):
    """The index of the first True."""
    return int(xp.argmax(xp.astype(mask, xp.int64)))


def to_namespace(values, like, xp):
    """``values`` as an array of the namespace and on the device of ``like``."""
    from sklearn.externals.array_api_compat import is_array_api_obj

    if is_array_api_obj(values) and not isinstance(values, np.ndarray):
        return values
    return xp.asarray(np.asarray(arrays.as_numpy(values)), device=device_of(like))


def device_of(array):
    """The device of an array, as its library names it."""
    from sklearn.externals.array_api_compat import device

    return device(array)
