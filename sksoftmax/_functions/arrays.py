"""Reading of tensors and data frames as NumPy arrays, for the whole package."""

import numpy as np


def as_numpy(values):
    """Numbers as a NumPy array, of a dtype that NumPy has; sparse matrices as they are.

    A tensor of torch comes from whichever device, without its gradient, and as float32 if it is
    bfloat16. In columns of pandas that are nullable, or Arrow's, what is missing becomes nan.
    """
    if isinstance(values, np.ndarray) or hasattr(values, "tocsr"):
        return values
    if is_tensor(values):
        return _of_tensor(values.detach().cpu())
    dtype = _common_dtype(values)
    if dtype is None:
        return np.asarray(values)
    if dtype.kind != "f":  # nothing is missing, and pandas 2 takes no nan for it
        return values.to_numpy(dtype=dtype)
    return values.to_numpy(dtype=dtype, na_value=np.nan)


def with_plain_columns(values):
    """The data frame with nullable and Arrow columns as NumPy columns; all else as it is."""
    if getattr(values, "ndim", 0) != 2 or _common_dtype(values) is None:
        return values
    return type(values)(as_numpy(values), columns=values.columns)


def is_tensor(values):
    """Whether values are a torch tensor, which may be on a device or require a gradient."""
    return hasattr(values, "detach")


def _of_tensor(tensor):
    try:
        return tensor.numpy()
    except TypeError:  # bfloat16, which NumPy lacks
        return tensor.float().numpy()


def _common_dtype(values):
    """The common dtype of columns of which some are nullable or Arrow's; None for others."""
    dtypes = getattr(values, "dtypes", None)
    dtypes = [dtypes] if hasattr(dtypes, "numpy_dtype") else dtypes  # of a series
    if not isinstance(getattr(dtypes, "values", dtypes), (list, np.ndarray)):
        return None
    if not any(hasattr(dtype, "numpy_dtype") for dtype in dtypes):
        return None
    try:
        dtype = np.result_type(*(getattr(dtype, "numpy_dtype", dtype) for dtype in dtypes))
    except TypeError:  # categories, say
        return None
    if dtype.kind in "biu" and values.isna().to_numpy().any():
        return np.dtype(np.float64)
    return dtype if dtype.kind in "biuf" else None
