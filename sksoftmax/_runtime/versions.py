"""Versions of what the package runs on, for reports of bugs."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TextIO

from threadpoolctl import threadpool_info

from sksoftmax._runtime.public import public
from sksoftmax._version import __version__

DEPENDENCIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "joblib",
    "threadpoolctl",
    "dask",
    "distributed",
    "pandas",
    "polars",
    "pyarrow",
    "matplotlib",
)


@public("sksoftmax")
def show_versions(file: TextIO | None = None) -> None:
    """Print the versions of the package and of what it runs on, for reports of bugs.

    Parameters
    ----------
    file : text file, default=None
        Where to print; None is the standard output.

    Examples
    --------
    >>> from sksoftmax import show_versions
    >>> show_versions()
    sksoftmax      ...
    """
    rows = {"sksoftmax": __version__, "python": sys.version.replace("\n", " ")}
    rows |= {"machine": platform.platform()}
    rows |= {name: _installed(name) for name in DEPENDENCIES}
    for pool in threadpool_info():
        name = f"{pool['internal_api']} {pool.get('version') or ''}".strip()
        kernels = pool.get("architecture") or "any processor"
        rows[pool["filepath"].replace("\\", "/").rsplit("/", 1)[-1]] = (
            f"{name}, {kernels}, {pool['num_threads']} threads"
        )
    width = max(map(len, DEPENDENCIES))
    for name, value in rows.items():
        print(f"{name:<{width}} {value}", file=file)


def _installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
