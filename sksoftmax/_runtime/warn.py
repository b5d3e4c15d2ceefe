"""Warnings that name the user's line."""

import sys
import warnings

# What a user calls, and what calls functions of this package for it: searches, decorators.
LIBRARIES = ("sksoftmax", "sklearn", "joblib", "numpy")


def warn(message, category=UserWarning):
    """Warn at the line that called these libraries."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in LIBRARIES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
