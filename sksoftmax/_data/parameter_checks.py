"""Checks of parameters, which raise a TypeError or ValueError that names the parameter."""

from collections.abc import Sequence
from numbers import Integral, Rational, Real

import numpy as np


def check_number(name, value, *, least, most=np.inf, below=None, integer=False, open_below=False):
    """Check that a parameter is a number ``>= least`` and ``<= most``, and not a boolean.

    below : number, that it must be less than
    integer : whether it must be an integer
    open_below : whether ``least`` itself is excluded
    """
    kind = Integral if integer else Real
    wanted = f"{'an integer' if integer else 'a number'} {'>' if open_below else '>='} {least:g}"
    if below is not None:
        wanted += f" and < {below:g}"
    if most < np.inf:
        wanted += f" and <= {most:g}"
    # NumPy does not compute with fractions.
    fraction = isinstance(value, Rational) and not isinstance(value, Integral)
    if not isinstance(value, kind) or fraction or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be {wanted}, got {value!r} of {type(value).__name__}")
    if not integer:
        check_is_float(name, value)
    above = value > least if open_below else value >= least
    if not above or not value <= most or (below is not None and not value < below):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")


def check_is_float(name, value):
    """Raise a ValueError for a number that is too large to be a float."""
    try:
        float(value)
    except OverflowError:
        raise ValueError(f"{name} is too large for a floating-point number") from None


def check_some(name, values, wanted):
    """Check that a parameter is a non-empty sequence or array, and return it."""
    in_order = isinstance(values, Sequence) or hasattr(values, "__array__")
    if isinstance(values, str) or not in_order or np.ndim(values) == 0:
        raise TypeError(f"{name} must be {wanted} in an array, got {values!r}")
    if len(values) == 0:
        raise ValueError(f"{name} must be {wanted} in an array, which is empty")
    return values


def check_n_jobs(n_jobs):
    """Check a number of threads: an integer other than 0, or None."""
    if n_jobs is None:
        return
    if not isinstance(n_jobs, Integral) or isinstance(n_jobs, bool):
        raise TypeError(f"n_jobs must be an integer or None, got {n_jobs!r}")
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0")


def check_flag(name, value):
    """Check that a parameter is a boolean, Python's or NumPy's."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
