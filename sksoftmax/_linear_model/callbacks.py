"""The callbacks of scikit-learn 1.9, and their absence before.

This file is the only one that knows the module ``sklearn.callback``, which is experimental.
"""

from dataclasses import dataclass

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Nothing: this scikit-learn has no callbacks."""

    def with_callbacks(method):
        return method


def begin(estimator, X, y, sample_weight):
    """The task of a fit that callbacks look at; None where there are none."""
    if not (hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx")):
        return None
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    told = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
    root = estimator._init_callback_context(max_subtasks=None)
    root.call_on_fit_task_begin(**told)
    return FitTask(root, told)


class FitTask:
    """Tells callbacks of each step, and a run of the callback that wants its end.

    A task begins with a step of the solver and ends when the step is seen. Callbacks know the
    estimator that they were set up with, and are shown copies of it with what was fitted so far.
    """

    def __init__(self, root, told):
        self.root = root
        self.told = told
        self.step = self.draft = self.coordinates = None

    def follow(self, draft, coordinates):
        """Whose steps they are: the estimator in the making, and how theta reads as a model."""
        self.draft, self.coordinates = draft, coordinates

    def announced(self, solver):
        """The solver, whose steps are announced before they are made."""
        return Announced(solver, self)

    def begin_step(self):
        if self.step is None:  # else the last step changed nothing, and its task goes on
            self.step = self.root.subcontext(task_name="iteration")
            self.step.call_on_fit_task_begin(**self.told)

    def __call__(self, n_iter, state):
        if self.step is None:
            return False  # the start
        step, self.step = self.step, None

        def attributes():
            model = self.coordinates.attributes(state.point.theta)
            return self._attributes(n_iter_=n_iter, **model)

        return step.call_on_fit_task_end(**self.told, reconstruction_attributes=attributes)

    def close(self):
        """The end of the fit, when the draft is complete."""
        if self.step is not None:
            self.step.call_on_fit_task_end(**self.told)
        self.root.call_on_fit_task_end(**self.told, reconstruction_attributes=self._attributes)

    def _attributes(self, **fitted):
        """What makes a copy of the estimator that callbacks know the model fitted so far."""
        # None, since the copy cannot lose the names of columns that an earlier fit has left.
        return {"feature_names_in_": None, **vars(self.draft), **fitted}


@dataclass(frozen=True)
class Announced:
    """A solver that tells a task of each step to come."""

    solver: object
    task: FitTask

    def start(self, problem, theta):
        return self.solver.start(problem, theta)

    def step(self, problem, state):
        self.task.begin_step()
        return self.solver.step(problem, state)
