"""The solver "auto": L-BFGS, or Newton for small problems and where L-BFGS ends too early."""

from dataclasses import dataclass

from sksoftmax._solvers.lbfgs import Lbfgs
from sksoftmax._solvers.line_search import ROUNDING
from sksoftmax._solvers.loop import descend, hand_over
from sksoftmax._solvers.newton import Newton

# Expected gain, relative to the objective, at which the descent on a sample ends.
SAMPLE_TOL = 3e-4
LBFGS, NEWTON = Lbfgs(), Newton()


@dataclass(frozen=True)
class Auto:
    """L-BFGS from the optimum of a sample where rows are many; Newton for small problems.

    A run ends where a gap is proved. If L-BFGS stalls before, or expects to gain nothing but
    rounding, Newton steps follow: they leave a smaller gradient, which proves more.

    sampling : whether to begin on a sample; not from a start that is near the optimum
    """

    sampling: bool = True

    def start(self, problem, theta):
        if problem.is_small:
            return NEWTON.start(problem, theta)
        n_rows = problem.worthwhile_sample() if self.sampling else 0
        if not n_rows:
            return LBFGS.start(problem, theta)
        part = problem.sample(n_rows)
        theta = descend(part, LBFGS, theta, tol=SAMPLE_TOL, max_iter=60).theta
        return Lbfgs(preconditioner=problem.preconditioner_of_sample(part, theta)).start(
            problem, theta
        )

    def resume(self, problem, state):
        return hand_over(problem, LBFGS if state.solver == "lbfgs" else NEWTON, state)

    def step(self, problem, state):
        if state.solver == "lbfgs":
            at_rest = state.decrement <= ROUNDING * abs(state.point.value)
            after = state if at_rest else LBFGS.step(problem, state)
            if not (at_rest or after.stalled):
                return after
            state = NEWTON.start(problem, after.point.theta)
        return NEWTON.step(problem, state)
