"""Computation without NumPy's warnings."""

from contextvars import copy_context
from functools import wraps

import numpy as np

from sksoftmax._runtime.types import Method

# What NumPy does where nobody has set anything else.
USUAL = {"divide": "warn", "over": "warn", "invalid": "warn", "under": "ignore"}


def quiet(function: Method) -> Method:
    """The function, whose calls ignore floating-point errors whatever the caller has set.

    An interrupt between two instructions of ``np.errstate`` would leave its setting in force. Each
    call has a copy of the context instead, which ends with the call.
    """
    return _alone(function, {"all": "ignore"})


def as_usual(function: Method) -> Method:
    """The function, whose calls warn of floating-point errors as NumPy does by default.

    For what runs code of others, such as a user's classifier: it need not expect more.
    """
    return _alone(function, USUAL)


def _alone(function, settings):
    under_settings = np.errstate(**settings)(function)

    @wraps(function)
    def alone(*args, **kwargs):
        return copy_context().run(under_settings, *args, **kwargs)

    return alone
