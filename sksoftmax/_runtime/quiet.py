"""Functions that compute without NumPy's warnings of floating-point errors."""

from contextvars import copy_context
from functools import wraps

import numpy as np

from sksoftmax._runtime.types import Method

# NumPy's default.
USUAL = {"divide": "warn", "over": "warn", "invalid": "warn", "under": "ignore"}


def quiet(function: Method) -> Method:
    """Decorate a function so that its calls ignore floating-point errors.

    An interrupt within ``np.errstate`` may leave its setting in force. Each call therefore runs in
    a copy of the context, which ends with the call.
    """
    return _alone(function, {"all": "ignore"})


def as_usual(function: Method) -> Method:
    """Decorate a function so that its calls warn of floating-point errors as NumPy's default does.

    For functions that run the code of others, such as a user's classifier.
    """
    return _alone(function, USUAL)


def _alone(function, settings):
    under_settings = np.errstate(**settings)(function)

    @wraps(function)
    def alone(*args, **kwargs):
        return copy_context().run(under_settings, *args, **kwargs)

    return alone
