"""The parameters of SoftmaxRegression: each is checked before a fit, and errors name it."""

import warnings

from sksoftmax import gate, problem, streaming
from sksoftmax.penalties import ElasticNet
from sksoftmax.solvers import ROUGH_SOLVERS, SOLVERS

# Of scikit-learn's LogisticRegression, for an error that helps those who come from there.
FOREIGN_SOLVERS = ("liblinear", "newton-cg", "newton-cholesky", "newton-cd", "newton-cd-gram")
FOREIGN_SOLVERS += ("sag", "saga")


def check(model):
    """Raise an error that names the first parameter of a model that is wrong."""
    gate.check_number("C", model.C, least=0, open_below=True)
    gate.check_number("l1_ratio", model.l1_ratio, least=0, most=1)
    check_shared(model, [model.l1_ratio])
    gate.check_number("label_smoothing", model.label_smoothing, least=0, below=1)
    streaming.check_parameters(model)
    for name in ("early_stopping", "warm_start"):
        gate.check_flag(name, getattr(model, name))
    fraction = model.validation_fraction
    gate.check_number("validation_fraction", fraction, least=0, below=1, open_below=True)
    gate.check_number("n_iter_no_change", model.n_iter_no_change, least=1, integer=True)


def check_shared(model, l1_ratios):
    """The same of what a model and its cross-validation both have."""
    shape = problem.check_penalty(model.penalty)
    gate.check_number("tol", model.tol, least=0)
    gate.check_number("max_iter", model.max_iter, least=0, integer=True)
    if not isinstance(model.verbose, bool):
        gate.check_number("verbose", model.verbose, least=0, integer=True)
    gate.check_n_jobs(model.n_jobs)
    gate.check_flag("fit_intercept", model.fit_intercept)
    _check_solver(model.solver)
    idle = shape.penalty_factor is None and not isinstance(shape, ElasticNet)
    if idle and not any(ratio > 0 for ratio in l1_ratios):
        warnings.warn(
            f"penalty={shape!r} is a ridge and no more without an l1 part: give an l1_ratio above "
            "0, which is 1.0 for the group lasso alone.",
            stacklevel=2,
        )


def _check_solver(solver):
    solvers = {**SOLVERS, **ROUGH_SOLVERS}
    if solver in FOREIGN_SOLVERS:
        raise ValueError(
            f"solver={solver!r} is a solver of scikit-learn's LogisticRegression; "
            f"here there are {sorted(solvers)}, of which 'auto' suits all data"
        )
    gate.check_option("solver", solver, solvers)
