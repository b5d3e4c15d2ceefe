"""The parameters of SoftmaxRegression: each is checked before a fit, and errors name it."""

from sksoftmax import gate, problem, streaming
from sksoftmax.solvers import ROUGH_SOLVERS, SOLVERS

# Of scikit-learn's LogisticRegression, for an error that helps those who come from there.
FOREIGN_SOLVERS = ("liblinear", "newton-cg", "newton-cholesky", "newton-cd", "newton-cd-gram")
FOREIGN_SOLVERS += ("sag", "saga")


def check(model):
    """Raise an error that names the first parameter of a model that is wrong."""
    gate.check_number("C", model.C, least=0, open_below=True)
    gate.check_number("l1_ratio", model.l1_ratio, least=0, most=1)
    problem.check_penalty(model.penalty)
    gate.check_number("label_smoothing", model.label_smoothing, least=0, below=1)
    gate.check_number("tol", model.tol, least=0)
    gate.check_number("max_iter", model.max_iter, least=0, integer=True)
    if not isinstance(model.verbose, bool):
        gate.check_number("verbose", model.verbose, least=0, integer=True)
    gate.check_n_jobs(model.n_jobs)
    streaming.check_parameters(model)
    for name in ("fit_intercept", "early_stopping", "warm_start"):
        gate.check_flag(name, getattr(model, name))
    fraction = model.validation_fraction
    gate.check_number("validation_fraction", fraction, least=0, below=1, open_below=True)
    gate.check_number("n_iter_no_change", model.n_iter_no_change, least=1, integer=True)
    _check_solver(model.solver)


def _check_solver(solver):
    solvers = {**SOLVERS, **ROUGH_SOLVERS}
    if solver in FOREIGN_SOLVERS:
        raise ValueError(
            f"solver={solver!r} is a solver of scikit-learn's LogisticRegression; "
            f"SoftmaxRegression has {sorted(solvers)}, of which 'auto' suits all data"
        )
    gate.check_option("solver", solver, solvers)
