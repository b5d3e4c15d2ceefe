"""The parameters of SoftmaxRegression: each is checked before a fit, and errors name it."""

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from sksoftmax._data import parameter_checks
from sksoftmax._functions.checks import check_option
from sksoftmax._objective.penalties import ElasticNet
from sksoftmax._problems import build
from sksoftmax._runtime.types import Method
from sksoftmax._runtime.warn import warn
from sksoftmax._solvers import COMPOSITE_SOLVERS, SOLVERS, STREAMS

# Of scikit-learn's LogisticRegression, for an error that helps those who come from there.
FOREIGN_SOLVERS = ("liblinear", "newton-cg", "newton-cholesky", "newton-cd", "newton-cd-gram")
FOREIGN_SOLVERS += ("sag", "saga")


def check(model):
    """Raise an error that names the first parameter of a model that is wrong."""
    parameter_checks.check_number("C", model.C, least=0, open_below=True)
    parameter_checks.check_number("l1_ratio", model.l1_ratio, least=0, most=1)
    check_shared(model, [model.l1_ratio])
    parameter_checks.check_number("label_smoothing", model.label_smoothing, least=0, below=1)
    _check_steps(model)
    for name in ("early_stopping", "warm_start"):
        parameter_checks.check_flag(name, getattr(model, name))
    fraction = model.validation_fraction
    parameter_checks.check_number(
        "validation_fraction", fraction, least=0, below=1, open_below=True
    )  # fmt: skip
    parameter_checks.check_number("n_iter_no_change", model.n_iter_no_change, least=1, integer=True)
    _check_random_state(model.random_state)


def _check_random_state(random_state):
    try:
        check_random_state(random_state)
    except ValueError as error:
        raise ValueError(
            "random_state must be None, an integer from 0 to 2**32 - 1 as the seed, or a "
            f"numpy.random.RandomState, got {random_state!r}"
        ) from error


def _check_steps(model):
    """The parameters of the methods for streams."""
    if model.learning_rate != "auto":
        _refuse_name("learning_rate", model.learning_rate)
        parameter_checks.check_number(
            "learning_rate", model.learning_rate, least=0, open_below=True
        )  # fmt: skip
        if not np.isfinite(model.learning_rate):
            raise ValueError(f"learning_rate must be finite, got {model.learning_rate!r}")
    if model.batch_size != "auto":
        _refuse_name("batch_size", model.batch_size)
        parameter_checks.check_number("batch_size", model.batch_size, least=1, integer=True)


def _refuse_name(name, value):
    if isinstance(value, str):
        raise ValueError(f"{name} must be 'auto' or a number, got {value!r}")


def check_shared(model, l1_ratios):
    """The same of what a model and its cross-validation both have."""
    norm = build.check_penalty(model.penalty)
    parameter_checks.check_number("tol", model.tol, least=0)
    parameter_checks.check_number("max_iter", model.max_iter, least=0, integer=True)
    if not isinstance(model.verbose, bool):
        parameter_checks.check_number("verbose", model.verbose, least=0, integer=True)
    parameter_checks.check_n_jobs(model.n_jobs)
    parameter_checks.check_flag("fit_intercept", model.fit_intercept)
    _check_solver(model.solver)
    idle = norm.penalty_factor is None and not isinstance(norm, ElasticNet)
    if idle and not any(ratio > 0 for ratio in l1_ratios):
        warn(
            f"penalty={norm!r} is a ridge and no more without an l1 part: give an l1_ratio above "
            "0, which is 1.0 for the group lasso alone.",
        )


def _check_solver(solver):
    solvers = {**SOLVERS, **COMPOSITE_SOLVERS}
    if solver in FOREIGN_SOLVERS:
        raise ValueError(
            f"solver={solver!r} is a solver of scikit-learn's LogisticRegression: write "
            f"solver='auto', the default, which suits all data and penalties; there are "
            f"{sorted(solvers)}"
        )
    check_option("solver", solver, solvers)


def _streams(model):
    if model.solver not in STREAMS:
        raise AttributeError(
            f"partial_fit needs one of solver={sorted(STREAMS)}; this is solver={model.solver!r}"
        )
    return True


def where_it_streams(method: Method) -> Method:
    """Decorate a method that only estimators with a solver for streams have."""
    return available_if(_streams)(method)
