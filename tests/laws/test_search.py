"""A search over all parameters and kinds of data: what a fit promises holds, whatever it is given.

SKSOFTMAX_EXAMPLES=10000 pytest tests/laws/test_search.py searches longer.
"""

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from inputs import check_probabilities
from search_cases import Data, data, quietly, searched

from sksoftmax import ElasticNet, GroupLasso, SoftmaxRegression
from sksoftmax._solvers import COMPOSITE_SOLVERS, SOLVERS, STREAMS

EPS = np.finfo(np.float64).eps
MESSAGES = (
    "column", "weight", "C=", "at least 2 classes", "only one class", "overflow", "hold",
    "smooth objective", "early_stopping", "beyond the range", "held out", "validation",
)  # fmt: skip


class Case(NamedTuple):
    data: Data
    parameters: dict
    warm: bool


@st.composite
def penalties(draw, n_columns):
    kind = draw(st.sampled_from(["elasticnet", ElasticNet, GroupLasso]))
    if kind == "elasticnet":
        return kind
    factor = st.sampled_from([0.0, 1e-3, 1.0, 10.0, np.inf])
    factors = st.lists(factor, min_size=n_columns, max_size=n_columns)
    return kind(penalty_factor=draw(st.none() | factors))


def is_smooth(penalty, l1_ratio):
    factors = getattr(penalty, "penalty_factor", None)
    return l1_ratio == 0 and (factors is None or np.isfinite(factors).all())


@st.composite
def cases(draw):
    rows = draw(data())
    penalty = draw(penalties(len(rows.columns)))
    l1_ratio = draw(st.sampled_from([0.0, 0.0, 0.5, 1.0]))
    every = sorted({**SOLVERS, **COMPOSITE_SOLVERS})
    # One in ten may be of those that refuse this penalty.
    suits = is_smooth(penalty, l1_ratio) or draw(st.integers(0, 9)) == 0
    solver = draw(st.sampled_from(every if suits else sorted(COMPOSITE_SOLVERS)))
    parameters = {
        "C": draw(st.sampled_from([1e-12, 1e-3, 1.0, 1.0, 100.0, 1e6, 1e12, np.inf])),
        "l1_ratio": l1_ratio,
        "penalty": penalty,
        "fit_intercept": draw(st.booleans()),
        "class_weight": draw(st.sampled_from([None, None, "balanced", {0: 1e6}])),
        "label_smoothing": draw(st.sampled_from([0.0, 0.0, 1e-3, 0.3])),
        "solver": solver,
        "tol": draw(st.sampled_from([1e-6, 1e-3, 0.0, 1e-10])),
        "max_iter": draw(st.sampled_from([60, 30, 1, 0])),
        "learning_rate": draw(st.sampled_from(["auto", "auto", 1e-3, 1.0])),
        "batch_size": draw(st.sampled_from(["auto", 1, 7])),
        "early_stopping": draw(st.sampled_from([False, False, False, True])),
        "validation_fraction": draw(st.sampled_from([0.1, 0.5])),
        "n_iter_no_change": draw(st.sampled_from([5, 1])),
        "random_state": 0,
    }
    if solver in STREAMS:
        parameters["max_iter"] = min(parameters["max_iter"], 5)
    return Case(rows, parameters, draw(st.booleans()))


def check_numbers(model, X):
    for name in ("coef_", "intercept_", "objective_", "objective_curve_", "validation_curve_"):
        assert np.isfinite(getattr(model, name)).all(), name
    assert model.gap_ >= 0
    assert np.all(np.isfinite(model.time_curve_))
    check_probabilities(model, X, quietly)
    assert np.isfinite(quietly(model.decision_function, X)).all()
    assert quietly(model.predict, X).shape == (X.shape[0],)


def fitted(case, **changes):
    """The model of a case, or None where it is refused for a reason that is told."""
    X, y, weight = case.data.made()
    model = SoftmaxRegression(**{**case.parameters, **changes})
    try:
        quietly(model.fit, X, y, sample_weight=weight)
        if case.warm and not changes:
            model.set_params(warm_start=True)
            quietly(model.fit, X, y, sample_weight=weight)
        check_numbers(model, X)
    except ValueError as error:
        assert any(word in str(error) for word in MESSAGES), error
        return None
    return model


def rounding(case, *models):
    """What rounding may make of the difference of two objectives.

    A score is a sum of products, each of which is rounded, and so are the sums; the loss of a row
    moves by at most twice as much as the largest of its scores does.
    """
    X, _, weight = case.data.made()
    sizes = abs(X.astype(np.float64))
    total = 0.0
    for model in models:
        coef, intercept = np.abs(model.coef_), np.abs(model.intercept_)
        terms = (sizes @ coef.T + intercept).max(axis=1)
        total += np.average(terms, weights=weight) + abs(model.objective_)
    return (X.shape[1] + 4) * EPS * total


@searched()
@given(cases())
def test_a_fit_is_finite_and_keeps_its_promise_or_is_refused(case):
    model = fitted(case)
    if model is None or not model.converged_ or case.parameters["early_stopping"]:
        return
    # No other solver may find less than what is proved to be there.
    others = ("newton", "lbfgs", "proximal") if case.data.seed % 4 == 0 else ("auto",)
    for solver in others:
        other = fitted(case, solver=solver, tol=1e-9, max_iter=60, warm_start=False)
        if other is not None:
            least = model.objective_ - model.gap_ - rounding(case, model, other)
            assert other.objective_ >= least, solver
