"""Tables as data frames, of pandas or polars; either is imported when it is asked for."""

from importlib import import_module

import numpy as np
from scipy.special import ndtr, ndtri

from sksoftmax._data import parameter_checks


def library_of(X):
    """The library of the data frame that X is: "polars", else "pandas"."""
    return "polars" if type(X).__module__.split(".")[0] == "polars" else "pandas"


def frame(columns, library):
    """A data frame of columns of equal length, by name."""
    try:
        return import_module(library).DataFrame(columns)
    except ImportError as error:
        raise ImportError(
            f"a data frame needs {library}, which is not installed: the arrays coef, std_error, z, "
            "p_value, lower and upper hold the same numbers"
        ) from error


def check_level(level):
    """A level between 0 and 1, as a float."""
    parameter_checks.check_number("level", level, least=0, below=1, open_below=True)
    return float(level)


def quantile(level):
    """Standard errors from the estimate to either end of an interval of this level."""
    return float(ndtri(0.5 + 0.5 * check_level(level)))


def z_and_p(coef, std_error):
    """The statistic and the two-sided p-value; nan where there is no error."""
    z = np.divide(coef, std_error, out=np.full_like(coef, np.nan), where=std_error > 0)
    return z, 2 * ndtr(-np.abs(z))


def coefficient_columns(classes, features, coef, std_error, level):
    """Columns of a table of coefficients, of shape (n_classes, n_features), class-major."""
    width, (z, p_value) = quantile(level) * std_error, z_and_p(coef, std_error)
    numbers = {
        "coef": coef, "std_error": std_error, "z": z, "p_value": p_value,
        "lower": coef - width, "upper": coef + width,
    }  # fmt: skip
    return {
        "class": np.repeat(classes, len(features)).tolist(),
        "feature": list(features) * len(classes),
        **{name: values.ravel() for name, values in numbers.items()},
    }
