"""scikit-learn's checks of arrays, without NumPy's warnings of overflow.

The checks look for nan in the sum of all entries, which may overflow, and cast to other dtypes;
what is wrong with the entries they report themselves.
"""

from functools import wraps

import numpy as np
from sklearn.utils import assert_all_finite as _assert_all_finite
from sklearn.utils import check_array as _check_array
from sklearn.utils.validation import validate_data as _validate_data

from sksoftmax._runtime.quiet import quiet


def _without_overflow(check):
    """The check, raising a ValueError for integers beyond the range of float64."""

    @wraps(check)
    def checked(*args, **options):
        try:
            return check(*args, **options)
        except OverflowError as error:
            name = options.get("input_name") or "X"
            raise ValueError(f"{name} has a number beyond the range of float64: {error}") from None

    return checked


check_array = _without_overflow(quiet(_check_array))
validate_data = _without_overflow(quiet(_validate_data))
assert_all_finite = quiet(_assert_all_finite)


def check_finite_labels(y):
    """Raise a ValueError if labels that are floats are not finite."""
    labels = np.asarray(y)
    if labels.dtype.kind == "f":
        assert_all_finite(labels, input_name="y")
