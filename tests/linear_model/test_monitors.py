"""What watches a fit: scikit-learn's callbacks, and the line of progress."""

import io
import re
import subprocess
import sys
import warnings
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from registry import draw
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksoftmax import SoftmaxRegression
from sksoftmax._linear_model import callbacks, progress
from sksoftmax._solvers import COMPOSITE_SOLVERS, SOLVERS

NAMES = sorted(SOLVERS.keys() | COMPOSITE_SOLVERS.keys())
SOLVER = pytest.mark.parametrize("solver", NAMES)
X, Y = draw(150, 5, 4, noise=2.0)
HAS_CALLBACKS = hasattr(SoftmaxRegression, "set_callbacks")
WITH_CALLBACKS = pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn before 1.9")


class Recorder:
    """Writes down what it is told, and stops the fit after some steps."""

    def __init__(self, stop_after=None, fail_at=None):
        self.stop_after, self.fail_at = stop_after, fail_at
        self.calls, self.models = [], []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.calls.append(("end", context.task_name, context.task_id))
        self.data = X, y, metadata
        if context.task_name != "iteration":
            return False
        if self.fail_at is not None and context.task_id == self.fail_at:
            raise RuntimeError("the callback fails")
        self.models.append(fitted_estimator)
        return self.stop_after is not None and context.task_id + 1 >= self.stop_after


class Propagated(Recorder):
    """One that pipelines and searches hand on to what they fit."""

    max_propagation_depth = None

    def on_fit_task_end(self, estimator, context, *, X, y):
        if context.task_name == "iteration":
            return context.task_id + 1 >= self.stop_after


def fit(callback=None, X=X, y=Y, weight=None, **options):
    model = SoftmaxRegression(**{"random_state": 0, **options})
    if callback is not None:
        model.set_callbacks(callback)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, weight)


@WITH_CALLBACKS
@SOLVER
def test_callbacks_see_every_step_and_the_model_there(solver):
    recorder = Recorder()
    weight = np.ones(len(Y))
    model = fit(recorder, weight=weight, solver=solver, max_iter=12)
    plain = fit(weight=weight, solver=solver, max_iter=12)
    assert_array_equal(model.coef_, plain.coef_)  # being watched changes nothing
    ids = range(model.n_iter_)
    steps = [(what, "iteration", i) for i in ids for what in ("begin", "end")]
    # A step that leads nowhere, the last one, is told of as well.
    seen = [call for call in recorder.calls if call[1] == "iteration"]
    assert seen[: len(steps)] == steps and len(seen) - len(steps) in (0, 2)
    assert recorder.calls[:2] == ["setup", ("begin", "fit", 0)]
    assert recorder.calls[-2:] == [("end", "fit", 0), "teardown"]
    assert recorder.data[0] is X and recorder.data[1] is Y
    assert recorder.data[2]["sample_weight"] is weight
    models = [m for m in recorder.models if m is not None]
    assert [m.n_iter_ for m in models] == list(range(1, model.n_iter_ + 1))
    assert_allclose(models[-1].predict_proba(X), model.predict_proba(X), rtol=1e-7)
    early = fit(weight=weight, solver=solver, max_iter=1)
    assert_allclose(models[0].predict_proba(X), early.predict_proba(X), rtol=1e-9)


@WITH_CALLBACKS
@SOLVER
def test_a_callback_ends_the_fit(solver):
    model = SoftmaxRegression(solver=solver, tol=1e-12).set_callbacks(Recorder(stop_after=2))
    model.fit(X, Y)  # without a warning: it was asked for
    assert model.n_iter_ == 2 and not model.converged_
    best = SoftmaxRegression(tol=1e-12).fit(X, Y).objective_
    assert model.gap_ >= model.objective_ - best


@WITH_CALLBACKS
def test_a_callback_ends_fits_in_pipelines_and_searches():
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegression(tol=1e-12, solver="lbfgs"))
    pipeline.set_callbacks(Propagated(stop_after=3)).fit(X, Y)
    assert pipeline[-1].n_iter_ == 3
    search = GridSearchCV(pipeline.set_callbacks(), {"softmaxregression__C": [0.1, 10.0]}, cv=3)
    search.set_callbacks(callback := Propagated(stop_after=2)).fit(X, Y)
    assert search.best_estimator_[-1].n_iter_ == 2
    assert callback.calls.count("setup") == callback.calls.count("teardown") == 1
    inner = make_pipeline(StandardScaler(), clone(pipeline[-1]).set_callbacks(Recorder(2)))
    search = GridSearchCV(inner, {"softmaxregression__C": [0.1, 10.0]}, cv=3).fit(X, Y)
    assert search.best_estimator_[-1].n_iter_ == 2


@WITH_CALLBACKS
def test_a_scoring_monitor_logs_each_step():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = fit(monitor, solver="lbfgs")
    log = monitor.get_logs()
    frame = log[0].data if isinstance(log, list) else log.data
    assert len(frame) >= model.n_iter_


@WITH_CALLBACKS
@pytest.mark.parametrize("solver", ["auto", "gd"])
def test_a_progress_bar_runs(solver, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    model = fit(ProgressBar(), solver=solver)
    assert model.converged_ and "SoftmaxRegression" in capsys.readouterr().out


@WITH_CALLBACKS
@pytest.mark.parametrize("y", [Y, 0 * Y], ids=["a callback", "the data"])
def test_what_fails_is_torn_down_and_loses_nothing(y):
    model = SoftmaxRegression().fit(X, Y)
    before = model.coef_.copy()
    recorder = Recorder(fail_at=1)
    with pytest.raises((RuntimeError, ValueError), match=r"fails|only one class"):
        model.set_callbacks(recorder).fit(X, y)
    assert recorder.calls[0] == "setup" and recorder.calls[-1] == "teardown"
    assert_array_equal(model.coef_, before)
    assert not [name for name in vars(model) if "callback_fit" in name or "teardown" in name]


@WITH_CALLBACKS
def test_names_of_columns_of_an_earlier_fit_are_forgotten():
    class Predicting(Recorder):
        def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
            if fitted_estimator is not None:
                self.models.append(fitted_estimator.predict(X))

    recorder = Predicting()
    model = SoftmaxRegression().fit(pd.DataFrame(X, columns=list("abcde")), Y)
    model.set_callbacks(recorder).fit(X, Y)  # a warning would be an error
    assert len(recorder.models) == model.n_iter_ + 1
    assert_array_equal(recorder.models[-1], model.predict(X))


@WITH_CALLBACKS
def test_a_step_that_leads_nowhere_is_one_with_the_next():
    recorder = Recorder()
    model = SoftmaxRegression().set_callbacks(recorder)
    task = callbacks.begin(model, X, Y, None)
    task.follow(model, SimpleNamespace(attributes=lambda theta: {}))
    state = SimpleNamespace(point=SimpleNamespace(theta=None))
    task(0, state)
    for _ in range(2):
        task.begin_step()
    task(1, state)
    task.begin_step()
    task.close()
    steps = [("begin", 0), ("end", 0), ("begin", 1), ("end", 1)]
    expected = [(what, "iteration", i) for what, i in steps]
    assert recorder.calls == ["setup", ("begin", "fit", 0), *expected, ("end", "fit", 0)]


@WITH_CALLBACKS
def test_callbacks_leave_no_trace_in_the_model():
    model = fit(Recorder())
    assert vars(model).keys() - vars(fit()).keys() == {"_skl_callbacks"}
    assert clone(model)._skl_callbacks == model._skl_callbacks
    assert "_skl_callbacks" not in vars(model.set_callbacks())


def test_without_callbacks_of_scikit_learn_all_else_works():
    code = (
        "import sys; sys.modules['sklearn.callback'] = None\n"
        "import importlib.util as u\n"
        "spec = u.spec_from_file_location('callbacks', sys.argv[1])\n"
        "module = u.module_from_spec(spec); sys.modules['callbacks'] = module\n"
        "spec.loader.exec_module(module)\n"
        "assert not hasattr(module.CallbackSupportMixin, 'set_callbacks')\n"
        "class Model(module.CallbackSupportMixin):\n"
        "    @module.with_callbacks\n"
        "    def fit(self): return module.begin(self, 0, 0, None)\n"
        "print(Model().fit())\n"
    )
    command = [sys.executable, "-c", code, callbacks.__file__]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["None"]


# -- the line of progress -------------------------------------------------------------------------

LINE = re.compile(
    r"^(\w+) step (\d+): objective (\S+)(?:, validation loss (\S+))?, expected gain \S+, "
    r"\d+\.\d\d s$"
)
LAST = re.compile(
    r"^(\w+) ended after (\d+) steps: objective (\S+)(?:, validation loss (\S+))?, gap (\S+), "
    r"(converged|stopped|not converged), \d+\.\d\d s$"
)


@SOLVER
@pytest.mark.parametrize("verbose", [True, 1, 2, 5])
def test_a_line_every_so_many_steps_and_one_at_the_end(capsys, verbose, solver):
    model = fit(solver=solver, verbose=verbose)
    *lines, last = capsys.readouterr().out.splitlines()
    assert [int(LINE.match(line)[2]) for line in lines] == [
        n for n in range(1, model.n_iter_ + 1) if n % verbose == 0
    ]
    for line in lines:
        value = model.objective_curve_[int(LINE.match(line)[2])]
        assert_allclose(float(LINE.match(line)[3]), value, rtol=1e-6)
    solver_name, n_iter, value, _, gap, end = LAST.match(last).groups()
    assert (solver_name, int(n_iter)) == (model.solver_, model.n_iter_)
    assert_allclose([float(value), float(gap)], [model.objective_, model.gap_], rtol=0.1)
    assert end == ("converged" if model.converged_ else "not converged")


def test_the_validation_loss_is_shown(capsys):
    model = fit(verbose=1, early_stopping=True, random_state=0, C=1e4)
    *lines, last = capsys.readouterr().out.splitlines()
    shown = [float(LINE.match(line)[4]) for line in lines]
    assert_allclose(shown, model.validation_curve_[1:], rtol=1e-5)
    assert_allclose(float(LAST.match(last)[4]), model.validation_curve_.min(), rtol=1e-5)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_has_one_line_written_over(monkeypatch):
    monkeypatch.setattr(progress, "PAUSE", 0.0)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    model = fit(verbose=1, solver="lbfgs")
    text = terminal.getvalue()
    assert text.count("\n") == 1 and text.endswith("\n")
    start, *shown = text.rstrip("\n").split("\r")
    assert start == "" and len(shown) == model.n_iter_ + 1
    assert all(LINE.match(line.rstrip()) for line in shown[:-1])
    assert LAST.match(shown[-1].rstrip())
    for line, after in pairwise(shown):
        assert len(after) >= len(line.rstrip())


def test_silence_is_the_default(capsys):
    fit()
    assert capsys.readouterr().out == ""


# -- the clock ------------------------------------------------------------------------------------


@SOLVER
def test_each_step_has_its_time(solver):
    for columns in (X, X.astype(np.float32)):
        model = fit(X=columns, solver=solver)
        assert model.time_curve_.shape == (model.n_iter_ + 1,)
        assert (np.diff(model.time_curve_) >= 0).all() and model.time_curve_[0] > 0
