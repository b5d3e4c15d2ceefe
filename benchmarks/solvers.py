"""The contestants: estimators that minimise the same objective, each with its own tolerance."""

import importlib.util
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sksoftmax import SoftmaxRegression

PATIENCE = 10**6  # iterations: the time limit is what ends a fit
LARGEST_HESSIAN = 2e9  # bytes
LONGEST_NEWTON_STEP = 5.0  # seconds, by the estimate below


class Fit(NamedTuple):
    """What a fit returned. ``model`` is the fitted estimator."""

    model: object
    coef: np.ndarray
    intercept: np.ndarray
    seconds: float  # of CPU time, the whole call
    warned: bool


@dataclass(frozen=True)
class Contestant:
    """An estimator class under one solver.

    make : callable of keyword arguments, among them C, and tol and max_iter unless by default
    settings : keyword arguments that make it this contestant
    tolerances : from loose to tight; what they mean differs from package to package
    refuses : callable of a problem, the reason why it can't take part, or None
    """

    package: str
    make: Callable
    settings: dict
    tolerances: tuple
    refuses: Callable

    def fit(self, problem, tol):
        """Fit with a tolerance, and no end of iterations."""
        return timed_fit(
            self.make(C=problem.C, tol=tol, max_iter=PATIENCE, **self.settings), problem
        )

    def fit_by_default(self, problem):
        """Fit as a user would who sets nothing but the solver."""
        return timed_fit(self.make(C=problem.C, **self.settings), problem)


def timed_fit(model, problem):
    """CPU time of the whole call, checks of the data included."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begin = time.process_time()
        model.fit(problem.X, problem.y, sample_weight=problem.sample_weight)
        seconds = time.process_time() - begin
    warned = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    return Fit(model, model.coef_, model.intercept_, seconds, warned)


def powers_of_ten(first, last):
    return tuple(10.0**power for power in range(first, last - 1, -1))


def refuses_nothing(problem):
    return None


def refuses_large_hessian(problem):
    """newton-cholesky's steps cost ``n (K p)^2``, and it holds a matrix of ``(K p)^2``."""
    n_rows, n_columns, n_classes = problem.shape
    size = (n_columns + 1) * (n_classes if n_classes > 2 else 1)
    if 8 * size**2 > LARGEST_HESSIAN:
        return f"its Hessian takes {8e-9 * size**2:.0f} GB"
    # Rates measured at 20k x 100, K=10: one for the Hessian, one for its factor.
    seconds = 5e-11 * n_rows * size**2 + 3e-11 * size**3
    if seconds > LONGEST_NEWTON_STEP:
        return f"a step would take about {seconds:.0f} s"
    return None


def refuses_sparse_or_weighted(problem):
    """scikit-learn-intelex hands these to scikit-learn."""
    if sp.issparse(problem.X):
        return "falls back to scikit-learn for sparse X"
    if problem.sample_weight is not None:
        return "falls back to scikit-learn for sample weights"
    return None


def accelerated(**settings):
    """scikit-learn-intelex's estimator, on one thread; importing it patches nothing."""
    import daal4py
    from sklearnex.linear_model import LogisticRegression as Accelerated

    daal4py.daalinit(1)
    return Accelerated(**settings)


def contestants():
    """All contestants that are installed, by name."""
    named = {}
    for solver in ("auto", "lbfgs", "newton", "gd"):
        named[f"sksoftmax {solver}"] = Contestant(
            "sksoftmax",
            SoftmaxRegression,
            {"solver": solver},
            powers_of_ten(-1, -9),
            refuses_nothing,
        )
    for solver, refuses in (
        ("lbfgs", refuses_nothing),
        ("newton-cg", refuses_nothing),
        ("newton-cholesky", refuses_large_hessian),
    ):
        named[f"sklearn {solver}"] = Contestant(
            "sklearn", LogisticRegression, {"solver": solver}, powers_of_ten(-1, -10), refuses
        )
    if importlib.util.find_spec("sklearnex"):
        # It minimises the sum over rows, not the mean: its tolerance is n times stricter.
        named["sklearnex lbfgs"] = Contestant(
            "sklearnex", accelerated, {}, powers_of_ten(4, -5), refuses_sparse_or_weighted
        )
    return named
