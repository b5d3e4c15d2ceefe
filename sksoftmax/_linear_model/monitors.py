"""The observers of a fit, combined into the one callable that the solver loop calls."""

from time import perf_counter

from sksoftmax._linear_model.early_stopping import EarlyStopping
from sksoftmax._linear_model.progress import ProgressLine


class Clock:
    """The seconds since a fit began, at its start and after each step."""

    def __init__(self):
        self.begin = perf_counter()
        self.curve = []

    def __call__(self, n_iter, state):
        self.curve.append(perf_counter() - self.begin)


class Monitors:
    """Call several observers at every step; any may end the run.

    Parameters
    ----------
    model : SoftmaxRegression
        The estimator in the making.
    clock : Clock
    task : FitTask or None
        What callbacks look at.
    held_out : Encoded or None
        Rows for early stopping.
    coordinates : Coordinates
    """

    def __init__(self, model, clock, task, held_out, coordinates):
        self.clock, self.task = clock, task
        self.early = self.line = None
        if task is not None:
            task.follow(model, coordinates)
        if held_out is not None:
            patience = model.n_iter_no_change
            self.early = EarlyStopping(held_out, coordinates, patience, model.tol)
        if model.verbose:
            self.line = ProgressLine(model.verbose, self.validation_curve)
        observers = (self.early, self.line, task, clock)
        self.observers = [observer for observer in observers if observer is not None]

    def __call__(self, n_iter, state):
        # A list, so that all are called whatever the first ones say.
        return any([observer(n_iter, state) for observer in self.observers])

    @property
    def validation_curve(self):
        return [] if self.early is None else self.early.curve

    def announced(self, solver):
        """The solver, whose steps callbacks are told of before they are made."""
        return solver if self.task is None else self.task.announced(solver)

    def final_solution(self, solution, problem, tol):
        """The solution to keep of a run that has ended."""
        if self.early is not None:
            solution = self.early.best_of(solution, problem, tol)
        if self.line is not None:
            self.line.close(solution)
        return solution

    def close(self):
        """The end of the fit, when the model is complete."""
        if self.task is not None:
            self.task.close()
