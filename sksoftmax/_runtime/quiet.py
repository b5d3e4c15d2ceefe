"""Computation without NumPy's warnings."""

from contextvars import copy_context
from functools import wraps

import numpy as np


def quiet(function):
    """The function, whose calls ignore floating-point errors whatever the caller has set.

    An interrupt between two instructions of ``np.errstate`` would leave its setting in force. Each
    call has a copy of the context instead, which ends with the call.
    """
    silent = np.errstate(all="ignore")(function)

    @wraps(function)
    def alone(*args, **kwargs):
        return copy_context().run(silent, *args, **kwargs)

    return alone
