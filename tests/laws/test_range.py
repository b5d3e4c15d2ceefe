"""Numbers near the ends of the range: a model is finite, or a ValueError names what is out of it.

Warnings are errors, so none of NumPy's gets out either.
"""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from inputs import check_numbers, check_probabilities, without_warnings
from scipy.special import softmax
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss

from sksoftmax import SoftmaxCalibratedClassifier, SoftmaxRegression, SoftmaxRegressionCV
from sksoftmax._problems import build
from sksoftmax._solvers import COMPOSITE_SOLVERS, SOLVERS, STREAMS

X, Y = load_iris(return_X_y=True)
# Overlapping classes: an optimum exists without a penalty.
CLASSES = np.where(
    np.random.default_rng(0).random(150) < 0.3, np.random.default_rng(1).integers(3, size=150), Y
)
# In its own units a column is what it was; powers of two keep every digit.
SCALES = {
    "float64": [2.0**e for e in (-1074, -600, -320, -90, 90, 320, 340, 1020)],
    "float32": [2.0**e for e in (-140, -100, -60, 60, 95, 124)],
}
LIMITS = {"float64": (1e-100, 1e100), "float32": (1e-30, 1e30)}
ALL_SCALES = [(dtype, scale) for dtype, scales in SCALES.items() for scale in scales]


def stream(model, X, y, sample_weight=None):
    for rows in np.array_split(np.random.default_rng(0).permutation(len(y)), 3):
        weight = None if sample_weight is None else sample_weight[rows]
        model.partial_fit(X[rows], y[rows], classes=np.unique(y), sample_weight=weight)
    return model


def fit(model, X, y, sample_weight=None):
    return model.fit(X, y, sample_weight=sample_weight)


MODELS = {
    **{
        f"solver={solver!r}": (fit, partial(SoftmaxRegression, solver=solver, max_iter=100))
        for solver in {**SOLVERS, **COMPOSITE_SOLVERS}
    },
    **{
        f"solver={solver!r}, streamed": (stream, partial(SoftmaxRegression, solver=solver))
        for solver in STREAMS
    },
    "l1": (fit, partial(SoftmaxRegression, l1_ratio=1.0, max_iter=100)),
    "early stopping": (
        fit, partial(SoftmaxRegression, early_stopping=True, random_state=0, max_iter=20)
    ),
    "cross-validation": (fit, partial(SoftmaxRegressionCV, Cs=3, cv=3, max_iter=100)),
    "cross-validation, l1": (
        fit, partial(SoftmaxRegressionCV, Cs=3, cv=3, max_iter=100, l1_ratios=[0.5])
    ),
    "calibrated": (
        fit, partial(SoftmaxCalibratedClassifier, SoftmaxRegression(max_iter=100), cv=3)
    ),
}  # fmt: skip

SPARSE = ("solver='auto'", "solver='sgd', streamed", "l1")
WITH_C = [name for name, (_, make) in MODELS.items() if hasattr(make(), "C")]


def scaled(dtype, scale, column=2):
    part = X.copy()
    part[:, column] *= scale
    return part.astype(dtype)


quietly = without_warnings("The scores say|.*temperature", "The number of unique classes")


def check_finite(model, X):
    check_numbers(model)
    check_probabilities(model, X, quietly)


@pytest.mark.parametrize(
    ("name", "form"),
    [*((name, np.asarray) for name in MODELS), *((name, sp.csr_array) for name in SPARSE)],
)
@pytest.mark.parametrize(("dtype", "scale"), ALL_SCALES)
def test_any_scale_gives_a_finite_model_or_an_error_that_names_the_column(name, dtype, scale, form):
    fit, make = MODELS[name]
    X, model = form(scaled(dtype, scale)), make()
    if scale * 10 < LIMITS[dtype][1]:
        check_finite(quietly(fit, model, X, CLASSES), X)
    else:
        with pytest.raises(ValueError, match=r"column 2 of X has an entry of magnitude"):
            quietly(fit, model, X, CLASSES)
        assert not hasattr(model, "coef_")


@pytest.mark.parametrize("solver", {**SOLVERS, **COMPOSITE_SOLVERS})
@pytest.mark.parametrize(("dtype", "scale"), ALL_SCALES)
def test_without_a_penalty_units_change_nothing_or_are_refused(solver, dtype, scale):
    model = SoftmaxRegression(C=np.inf, solver=solver, tol=1e-5)
    X = scaled(dtype, scale)
    least, most = LIMITS[dtype]
    if not least < scale * 6 < most:
        with pytest.raises(ValueError, match="column 2 of X has"):
            model.fit(X, CLASSES)
        return
    plain = SoftmaxRegression(C=np.inf, solver=solver, tol=1e-5).fit(scaled(dtype, 1), CLASSES)
    model.fit(X, CLASSES)
    assert model.converged_
    assert abs(model.objective_ - plain.objective_) <= 2e-5 * plain.objective_
    assert abs(log_loss(CLASSES, model.predict_proba(X)) - model.objective_) <= 1e-5


@pytest.mark.parametrize("scale", [1e-300, 1e-60, 1e-40, 1e-20, 1e20, 1e40, 1e60, 1e300])
@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("name", [name for name in MODELS if name != "calibrated"])
def test_weights_of_any_size_give_a_finite_model_or_an_error_that_names_them(name, dtype, scale):
    fit, make = MODELS[name]
    weight = scale * np.random.default_rng(0).exponential(size=150)
    model = make(C=1 / scale) if hasattr(make(), "C") else make()
    try:
        quietly(fit, model, X.astype(dtype), CLASSES, sample_weight=weight)
    except ValueError as error:
        assert "weight" in str(error) or "C=" in str(error)
        assert not 1e-44 < scale < 1e44 or "C=" in str(error)
    else:
        check_finite(model, X.astype(dtype))


@pytest.mark.parametrize("ratio", [1e12, 1e300])
@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("name", MODELS)
def test_weights_of_any_ratio_give_a_finite_model(name, dtype, ratio):
    fit, make = MODELS[name]
    weight = np.where(np.random.default_rng(0).random(150) < 0.5, 1, 1 / ratio)
    model = quietly(fit, make(), X.astype(dtype), CLASSES, sample_weight=weight)
    check_finite(model, X.astype(dtype))


@pytest.mark.parametrize("C", [1e-320, 1e-100, 1e-50, 1e-12, 1e12, 1e50, 1e300, np.inf])
@pytest.mark.parametrize("name", WITH_C)
def test_any_C_gives_a_finite_model_or_an_error_that_names_it(name, C):
    fit, make = MODELS[name]
    model = make(C=C)
    try:
        quietly(fit, model, X, CLASSES)
    except ValueError as error:
        assert "C=" in str(error)
    else:
        check_finite(model, X)


@pytest.mark.parametrize("learning_rate", [1.0, 1e10, 1e300])
@pytest.mark.parametrize("n_classes", [2, 3, 33])
@pytest.mark.parametrize("solver", STREAMS)
@pytest.mark.parametrize("fit", [fit, stream])
def test_a_learning_rate_that_is_too_large_is_survived_or_named(
    fit, solver, n_classes, learning_rate
):
    random = np.random.default_rng(0)
    rows = random.normal(size=(3 * n_classes, 4)) * [1, 1, 1e6, 1]
    model = SoftmaxRegression(solver=solver, learning_rate=learning_rate, max_iter=5, C=1e6)
    try:
        quietly(fit, model, rows, np.arange(len(rows)) % n_classes)
    except ValueError as error:
        assert "learning_rate" in str(error)
    else:
        check_finite(model, rows)


def test_an_entry_that_single_precision_can_not_hold_among_fifty_classes():
    # Fits in double precision begin in single, where the classes are many.
    many = np.random.default_rng(0).normal(size=(400, 3))
    many[0, 0] = 1e39
    model = quietly(SoftmaxRegression(max_iter=50).fit, many, np.arange(400) % 50)
    check_finite(model, many)


@pytest.mark.parametrize(
    ("coef", "intercept", "named"), [(1e39, 0.0, "column 1 of X"), (0.0, 1e39, "intercepts")]
)
def test_a_model_that_its_dtype_can_not_hold_is_refused(coef, intercept, named):
    model = np.array([[0.0, coef]]), np.array([intercept])
    build.rounded(*model, np.float64)
    with pytest.raises(ValueError, match=f"{named}.* float32 can't hold"):
        build.rounded(*model, np.float32)


@pytest.mark.parametrize("scale", [-1e3, 1e3])
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
def test_rows_that_are_all_sure_of_their_class_spoil_no_proof(scale, C):
    random = np.random.default_rng(0)
    sparse = (random.normal(size=(50, 2)) + [scale, 1e2]) * (random.random((50, 2)) < 0.3)
    model = quietly(SoftmaxRegression(solver="proximal", C=C).fit, sparse, np.arange(50))
    check_finite(model, sparse)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("n_rows", [1, 300])
@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("size", [1e20, 1e30, 1e38, 1e100, 1e308])
@pytest.mark.parametrize("method", ["decision_function", "predict", "predict_proba"])
def test_predictions_on_any_row_are_right_or_an_error_names_it(method, size, dtype, n_rows, form):
    model = SoftmaxRegression().fit(X.astype(dtype), CLASSES)
    if size > float(np.finfo(dtype).max):
        return  # no number of this dtype
    rows = np.array([[-size, size, size, -size], [size, 0, 0, 0], [5, 3, 1, 0.5]], dtype)
    for row in np.split(np.repeat(rows, n_rows, axis=0), len(rows)):
        exact = row.astype(np.longdouble) @ model.coef_.T + model.intercept_
        try:
            found = quietly(getattr(model, method), form(row))
        except ValueError as error:
            assert "row 0 of X has scores beyond the range" in str(error)
            assert abs(row).max() * abs(model.coef_).max() > 0.1 * np.finfo(dtype).max
        else:
            if method == "predict":
                assert (found == model.classes_[exact.argmax(axis=1)]).all()
            elif method == "predict_proba":
                np.testing.assert_allclose(found, softmax(exact, axis=1), rtol=1e-4, atol=1e-30)
            else:
                np.testing.assert_allclose(found, exact.astype(dtype), rtol=1e-4)
