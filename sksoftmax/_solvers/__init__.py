"""Solvers: one file each, on plain vectors, and the loop that runs them.

A solver is a pure function of immutable states, and asks a problem for values, gradients, curvature
and certificates (the protocols are in ``loop``). Rows, the layout of theta, Dask and estimators are
not known here; no other folder but ``_runtime`` is imported.
"""

from sksoftmax._solvers.adam import Adam
from sksoftmax._solvers.auto import Auto
from sksoftmax._solvers.gradient_descent import GradientDescent
from sksoftmax._solvers.lbfgs import Lbfgs
from sksoftmax._solvers.loop import Solution, Solver, State, minimize, reevaluate
from sksoftmax._solvers.newton import Newton
from sksoftmax._solvers.proximal_newton import Proximal
from sksoftmax._solvers.sgd import Sgd
from sksoftmax._solvers.variance_reduction import Epochs

__all__ = [
    "COMPOSITE_SOLVERS",
    "SOLVERS",
    "STREAMS",
    "WARM_SOLVERS",
    "Epochs",
    "Solution",
    "Solver",
    "State",
    "minimize",
    "reevaluate",
]

# Methods that also step along a stream.
STREAMS = {
    "adam": Adam,
    "sgd": Sgd,
}

SOLVERS = {
    "auto": Auto(),
    "gd": GradientDescent(),
    "lbfgs": Lbfgs(),
    "newton": Newton(),
    **{name: Epochs(method()) for name, method in STREAMS.items()},
}
# For problems with a nonsmooth penalty.
COMPOSITE_SOLVERS = {
    "auto": Proximal(),
    "proximal": Proximal(),
}
# From a start that is near the optimum.
WARM_SOLVERS = {**SOLVERS, "auto": Auto(sampling=False)}
