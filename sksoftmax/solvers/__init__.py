"""Solvers: one file each, on plain vectors, and the one loop that runs them."""

from sksoftmax.solvers.auto import Auto
from sksoftmax.solvers.gd import GradientDescent
from sksoftmax.solvers.lbfgs import Lbfgs
from sksoftmax.solvers.loop import Solution, Solver, State, minimize, settle
from sksoftmax.solvers.newton import Newton
from sksoftmax.solvers.proximal import Proximal

__all__ = [
    "ROUGH_SOLVERS",
    "SOLVERS",
    "WARM_SOLVERS",
    "Solution",
    "Solver",
    "State",
    "minimize",
    "settle",
]

SOLVERS = {
    "auto": Auto(),
    "gd": GradientDescent(),
    "lbfgs": Lbfgs(),
    "newton": Newton(),
}
# For objectives with corners.
ROUGH_SOLVERS = {
    "auto": Proximal(),
    "proximal": Proximal(),
}
# From a start that is near the optimum.
WARM_SOLVERS = {**SOLVERS, "auto": Auto(sampling=False)}
