"""A search over all parameters and kinds of data: what a fit promises holds, whatever it is given.

SKSOFTMAX_EXAMPLES=10000 pytest tests/laws/test_search.py searches longer.
"""

import os
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inputs import check_probabilities, without_warnings

from sksoftmax import ElasticNet, GroupLasso, SoftmaxRegression
from sksoftmax._solvers import COMPOSITE_SOLVERS, SOLVERS, STREAMS

EXAMPLES = int(os.environ.get("SKSOFTMAX_EXAMPLES", "300"))
COLUMNS = {
    "normal": lambda random, X: random.normal(size=len(X)),
    "constant": lambda random, X: np.full(len(X), 7.0),
    "zero": lambda random, X: np.zeros(len(X)),
    "duplicate": lambda random, X: X[:, 0],
    "nearly a duplicate": lambda random, X: X[:, 0] * (1 + 1e-9 * random.normal(size=len(X))),
    "offset": lambda random, X: 1e6 + random.normal(size=len(X)),
    "indicator": lambda random, X: (random.random(len(X)) < 0.1).astype(float),
    "lognormal": lambda random, X: np.exp(4 * random.normal(size=len(X))),
    "outlier": lambda random, X: np.where(np.arange(len(X)) == 1, 1e39, random.normal(size=len(X))),
    "subnormal": lambda random, X: 5e-324 * random.integers(-9, 9, size=len(X)),
}
WEIGHTS = {
    "none": lambda random, n: None,
    "exponential": lambda random, n: random.exponential(size=n),
    "counts": lambda random, n: random.integers(0, 3, size=n).astype(float),
    "ratio of 1e12": lambda random, n: 10.0 ** random.uniform(-6, 6, size=n),
    "large": lambda random, n: 1e40 * random.exponential(size=n),
}
MESSAGES = (
    "column", "weight", "C=", "at least 2 classes", "only one class", "overflow", "hold",
    "smooth objective", "early_stopping", "beyond the range", "held out", "validation",
)  # fmt: skip


class Case(NamedTuple):
    """Parameters, and data as numbers from which they are made: what shrinks stays readable."""

    seed: int
    n_rows: int
    n_classes: int
    columns: list
    exponents: list
    dtype: str
    sparse: bool
    soft: bool
    weights: str
    parameters: dict
    warm: bool


def exponents():
    return st.one_of(st.just(0), st.integers(-3, 6), st.integers(-300, 300))


@st.composite
def penalties(draw, n_columns):
    kind = draw(st.sampled_from(["elasticnet", ElasticNet, GroupLasso]))
    if kind == "elasticnet":
        return kind
    factor = st.sampled_from([0.0, 1e-3, 1.0, 10.0, np.inf])
    factors = st.lists(factor, min_size=n_columns, max_size=n_columns)
    return kind(penalty_factor=draw(st.none() | factors))


@st.composite
def cases(draw):
    n_columns = draw(st.integers(1, 6))
    n_classes = draw(st.sampled_from([2, 2, 3, 3, 4, 8, 33, 50]))
    solver = draw(st.sampled_from(sorted({**SOLVERS, **COMPOSITE_SOLVERS})))
    parameters = {
        "C": draw(st.sampled_from([1e-12, 1e-3, 1.0, 1.0, 100.0, 1e6, 1e12, np.inf])),
        "l1_ratio": draw(st.sampled_from([0.0, 0.0, 0.5, 1.0])),
        "penalty": draw(penalties(n_columns)),
        "fit_intercept": draw(st.booleans()),
        "class_weight": draw(st.sampled_from([None, None, "balanced", {0: 1e6}])),
        "label_smoothing": draw(st.sampled_from([0.0, 0.0, 1e-3, 0.3])),
        "solver": solver,
        "tol": draw(st.sampled_from([1e-6, 1e-3, 0.0, 1e-10])),
        "max_iter": draw(st.sampled_from([0, 1, 30, 60])),
        "learning_rate": draw(st.sampled_from(["auto", "auto", 1e-3, 1.0])),
        "batch_size": draw(st.sampled_from(["auto", 1, 7])),
        "early_stopping": draw(st.sampled_from([False, False, False, True])),
        "random_state": 0,
    }
    if solver in STREAMS:
        parameters["max_iter"] = min(parameters["max_iter"], 5)
    return Case(
        seed=draw(st.integers(0, 2**16)),
        n_rows=draw(st.sampled_from([1, 1, 2, 5])) * n_classes + draw(st.integers(0, 20)),
        n_classes=n_classes,
        columns=draw(
            st.lists(st.sampled_from(sorted(COLUMNS)), min_size=n_columns, max_size=n_columns)
        ),
        exponents=draw(st.lists(exponents(), min_size=n_columns, max_size=n_columns)),
        dtype=draw(st.sampled_from(["float64", "float64", "float32"])),
        sparse=draw(st.booleans()),
        soft=draw(st.sampled_from([False, False, True])),
        weights=draw(st.sampled_from(sorted(WEIGHTS))),
        parameters=parameters,
        warm=draw(st.booleans()),
    )


def made(case):
    """X, y and weights of a case."""
    random = np.random.default_rng(case.seed)
    X = np.zeros((case.n_rows, 0))
    first = random.normal(size=(case.n_rows, 1))
    for kind, exponent in zip(case.columns, case.exponents, strict=True):
        column = COLUMNS[kind](random, X if X.shape[1] else first)
        with np.errstate(all="ignore"):
            column = np.clip(column * 10.0**exponent, -1.7e308, 1.7e308)
        X = np.column_stack([X, column])
    most = 0.9 * np.finfo(case.dtype).max
    X = np.clip(X, -most, most).astype(case.dtype)
    labels = random.integers(case.n_classes, size=case.n_rows)
    labels[: case.n_classes] = np.arange(case.n_classes)
    y = labels
    if case.soft:
        y = random.dirichlet(np.full(case.n_classes, 0.3), size=case.n_rows)
        y[::2] = np.eye(case.n_classes)[labels[::2]]
    return sp.csr_array(X) if case.sparse else X, y, WEIGHTS[case.weights](random, case.n_rows)


quietly = without_warnings("The number of unique classes", "penalty=.* is a ridge and no more")


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
    X, y, weight = made(case)
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


@settings(
    max_examples=EXAMPLES,
    derandomize="SKSOFTMAX_EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(cases())
def test_a_fit_is_finite_and_keeps_its_promise_or_is_refused(case):
    model = fitted(case)
    if model is None or not model.converged_ or case.parameters["early_stopping"]:
        return
    # No other solver may find less than what is proved to be there.
    others = ("newton", "lbfgs", "proximal") if case.seed % 4 == 0 else ("auto",)
    for solver in others:
        other = fitted(case, solver=solver, tol=1e-9, max_iter=60, warm_start=False)
        if other is not None:
            rounding = 1e-12 * abs(model.objective_) + 1e-15
            assert other.objective_ >= model.objective_ - model.gap_ - rounding, solver
