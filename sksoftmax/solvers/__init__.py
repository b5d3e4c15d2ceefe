"""Solvers: one file each, on plain vectors, and the one loop that runs them."""

from sksoftmax.solvers.adam import Adam
from sksoftmax.solvers.auto import Auto
from sksoftmax.solvers.epochs import Epochs
from sksoftmax.solvers.gd import GradientDescent
from sksoftmax.solvers.lbfgs import Lbfgs
from sksoftmax.solvers.loop import Solution, Solver, State, minimize, settle
from sksoftmax.solvers.newton import Newton
from sksoftmax.solvers.proximal import Proximal
from sksoftmax.solvers.sgd import Sgd

__all__ = [
    "ROUGH_SOLVERS",
    "SOLVERS",
    "STREAMS",
    "WARM_SOLVERS",
    "Epochs",
    "Solution",
    "Solver",
    "State",
    "minimize",
    "settle",
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
# For objectives with corners.
ROUGH_SOLVERS = {
    "auto": Proximal(),
    "proximal": Proximal(),
}
# From a start that is near the optimum.
WARM_SOLVERS = {**SOLVERS, "auto": Auto(sampling=False)}
