"""No function of a lower folder is handed an object of a higher one, to call back into it.

Imports that point down are half of the layers (tests/test_architecture.py); this is the other half,
seen at run time: whatever is called during fits and predictions of every kind is looked at with its
arguments. Solvers are the one exception. They are methods for any problem, and ask what they are
given through the protocols in ``_solvers`` for values, certificates and preconditioners.
"""

import sys
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from registry import draw
from test_architecture import LAYER

from sksoftmax import (
    DecisionScores,
    GroupLasso,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
)
from sksoftmax.metrics import expected_calibration_error

X, Y = draw(150, 6, 3)
SCORES = np.random.default_rng(0).standard_normal((150, 3)) + 2 * np.eye(3)[Y]
WIDE, Y_WIDE = draw(30, 120, 3)
JOBS = {
    **{name: lambda name=name: SoftmaxRegression(solver=name, max_iter=30).fit(X, Y)
       for name in ("auto", "gd", "lbfgs", "newton", "proximal", "sgd", "adam")},
    "l1": lambda: SoftmaxRegression(l1_ratio=1.0).fit(X, Y),
    "groups, sparse": lambda: SoftmaxRegression(
        l1_ratio=0.5, penalty=GroupLasso()).fit(sp.csr_array(X), Y),
    "wide": lambda: SoftmaxRegression().fit(WIDE, Y_WIDE),
    "no penalty": lambda: SoftmaxRegression(C=np.inf).fit(X, Y),
    "early stopping": lambda: SoftmaxRegression(early_stopping=True).fit(X, Y),
    "warm start": lambda: SoftmaxRegression(warm_start=True).fit(X, Y).fit(X, Y),
    "a stream": lambda: SoftmaxRegression(solver="sgd").partial_fit(X, Y, [0, 1, 2]),
    "ridge folds": lambda: SoftmaxRegressionCV(Cs=3, cv=3).fit(X, Y).score(X, Y),
    "l1 folds": lambda: SoftmaxRegressionCV(Cs=3, cv=2, l1_ratios=(1.0,)).fit(WIDE, Y_WIDE),
    "predictions": lambda: SoftmaxRegression().fit(X, Y).predict_log_proba(X),
    "calibrated": lambda: SoftmaxCalibratedClassifier(
        SoftmaxRegression(), cv=2).fit(X, Y).predict_proba(X),
    "maps": lambda: SoftmaxTransformer("auto").fit(SCORES, Y).transform(SCORES),
    "scores": lambda: DecisionScores(SoftmaxRegression(), cv=2).fit_transform(X, Y),
    "metrics": lambda: expected_calibration_error(Y, np.full((150, 3), 1 / 3)),
}  # fmt: skip


def layer(module):
    """The layer of a module of ours; None for others, and for what users see."""
    package, _, below = module.partition(".")
    return LAYER.get(below.split(".")[0]) if package == "sksoftmax" and below else None


class Watch:
    """Notes each call in which a function is handed an object of a higher layer."""

    def __init__(self):
        self.seen = set()

    def __call__(self, frame, event, _):
        module = frame.f_globals.get("__name__", "")
        here = layer(module) if event == "call" else None
        if here is None or module.startswith("sksoftmax._solvers"):
            return
        code = frame.f_code
        for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
            kind = type(frame.f_locals.get(name))
            there = layer(kind.__module__)
            if there is not None and there > here:
                self.seen.add(f"{module}.{code.co_name}({name}: {kind.__module__}.{kind.__name__})")


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_what_is_handed_down_is_no_object_of_a_higher_folder(job):
    watch = Watch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = sys.getprofile()
        sys.setprofile(watch)
        try:
            job()
        finally:
            sys.setprofile(before)
    assert not watch.seen


def test_the_watch_sees_an_object_of_a_higher_folder():
    watch, model = Watch(), SoftmaxRegression().fit(X, Y)
    code = compile("def below(given): return given", "below", "exec")
    scope = {"__name__": "sksoftmax._objective.rows"}
    exec(code, scope)
    higher = type("Higher", (), {"__module__": "sksoftmax._paths.ridge_paths"})()
    sys.setprofile(watch)
    try:
        scope["below"](higher)
        scope["below"](model.coef_)
    finally:
        sys.setprofile(None)
    assert watch.seen == {
        "sksoftmax._objective.rows.below(given: sksoftmax._paths.ridge_paths.Higher)"
    }
