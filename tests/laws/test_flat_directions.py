"""Directions in which no row's scores change spoil neither a fit without a penalty nor its proof.

The designs lack full rank, the classes overlap: an optimum exists, and is that of any columns that
span the same. The reference finds it there by Newton's method, written apart from the package.
"""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from registry import is_separable
from scipy.special import log_softmax
from sklearn.exceptions import ConvergenceWarning

from sksoftmax import SoftmaxRegression
from sksoftmax._objective.penalties import ElasticNet

SOLVERS = ["auto", "newton", "lbfgs", "gd", "proximal"]


def normal(n_rows=120, n_features=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_features))


def dummies(n_levels=5, n_rows=120, seed=1):
    return np.eye(n_levels)[np.random.default_rng(seed).integers(n_levels, size=n_rows)]


def repeated(n_patterns, n_features, n_rows=120):
    return normal(n_patterns, n_features, seed=2)[np.arange(n_rows) % n_patterns]


DESIGNS = {
    "ones": np.ones((120, 1)),
    "a constant whose mean rounds": np.hstack([normal(), np.full((120, 1), 1.1)]),
    "a large constant": np.hstack([normal(), np.full((120, 2), 1e6 / 3)]),
    "zeros": np.zeros((120, 2)),
    "dummies": dummies(),
    "two sets of dummies": np.hstack([dummies(), dummies(4, seed=3), normal()]),
    "duplicates": np.hstack([normal(), normal()]),
    "duplicates in other units": np.hstack([normal(), 1e5 * normal()]),
    "duplicates with an offset": np.hstack([normal() + 1e4, normal() + 1e4]),
    "combinations": np.hstack([normal(), normal() @ normal(3, 4, seed=4)]),
    "combinations of all units": np.hstack([normal(), normal() @ normal(3, 4, seed=4)])
    * np.logspace(-4, 4, 7),
    "rank one": np.outer(normal()[:, 0], np.logspace(-3, 3, 6)),
    "few patterns, more columns": repeated(3, 10),
    "few patterns, columns for each row": repeated(3, 300),
    "few patterns, columns of all units": repeated(4, 300) * np.logspace(-4, 4, 300),
}


def labels(n_rows=120, n_classes=3):
    """Of no use to predict, so that classes overlap on few patterns and dummies too."""
    return np.random.default_rng(5).permutation(np.arange(n_rows) % n_classes)


def independent(X, fit_intercept):
    """Orthonormal columns that span those of X, and the ones of an intercept."""
    size = np.abs(X).max(axis=0)
    columns = X / np.where(size > 0, size, 1)
    if fit_intercept:
        columns = np.column_stack([columns - columns.mean(axis=0), np.ones(len(X))])
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, sizes > 1e-10 * max(sizes.max(), 1e-300)] * np.sqrt(len(X))


def optimum(columns, target, weight):
    """The least mean cross-entropy, by Newton's method on all classes but the last."""
    n_columns, n_free = columns.shape[1], target.shape[1] - 1
    coef, share = np.zeros((n_columns, n_free)), weight / weight.sum()
    for _ in range(30):
        scores = np.column_stack([columns @ coef, np.zeros(len(columns))])
        logs = log_softmax(scores, axis=1)
        p = np.exp(logs)[:, :-1]
        if not n_columns:
            break
        gradient = columns.T @ (share[:, None] * (p - target[:, :-1]))
        curvature = p[:, :, None] * np.eye(n_free) - p[:, :, None] * p[:, None, :]
        hessian = np.einsum("i,ij,il,ikm->jklm", share, columns, columns, curvature)
        step = np.linalg.solve(hessian.reshape(gradient.size, -1), gradient.ravel())
        coef -= step.reshape(coef.shape)
    return -float(share @ np.sum(target * logs, axis=1))


def check(X, y, weight=None, make=lambda X: X, *, tol=1e-6, **options):
    fit_intercept = options.get("fit_intercept", True)
    target = np.eye(int(y.max()) + 1)[y] if y.ndim == 1 else y
    best = optimum(
        independent(X, fit_intercept), target, np.ones(len(X)) if weight is None else weight
    )
    model = SoftmaxRegression(C=np.inf, tol=tol, **options).fit(make(X), y, weight)
    assert model.converged_
    assert model.gap_ <= max(tol, 1e-14) * model.objective_
    # Coefficients along the flat directions are any numbers; scores are known to their rounding.
    sizes = np.abs(X) @ np.abs(model.coef_).T + np.abs(model.intercept_)
    rounding = np.finfo(np.float64).eps * (4 + sizes.max())
    assert -rounding <= model.objective_ - best <= tol * best + rounding
    assert rounding < np.sqrt(np.finfo(np.float64).eps)
    return model


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("design", DESIGNS)
def test_an_optimum_that_exists_is_found_and_proved(design, solver):
    check(DESIGNS[design], labels(), solver=solver)


@pytest.mark.parametrize("solver", ["auto", "newton"])
@pytest.mark.parametrize("design", DESIGNS)
def test_newton_steps_prove_what_rounding_can_tell(design, solver):
    check(DESIGNS[design], labels(), solver=solver, tol=1e-12)


VARIANTS = {
    "sparse": {"make": sp.csr_array},
    "no intercept": {"fit_intercept": False},
    "weights": {"weight": np.random.default_rng(6).integers(1, 9, size=120).astype(float)},
    "sparse, no intercept": {"make": sp.csr_array, "fit_intercept": False},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("design", DESIGNS)
def test_an_optimum_is_found_and_proved_whatever_the_form_of_the_data(design, variant):
    check(DESIGNS[design], labels(), **VARIANTS[variant])


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("design", DESIGNS)
def test_an_optimum_is_found_and_proved_for_two_classes_and_for_many(design, n_classes):
    check(DESIGNS[design], labels(n_classes=n_classes), tol=1e-12)


@pytest.mark.parametrize("design", DESIGNS)
def test_an_optimum_is_found_and_proved_for_soft_targets(design):
    check(DESIGNS[design], np.random.default_rng(7).dirichlet([2.0, 3.0, 4.0], size=120))


SINGLE_DESIGNS = (
    "ones",
    "zeros",
    "dummies",
    "two sets of dummies",
    "duplicates",
    "duplicates with an offset",
    "few patterns, columns for each row",
)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("design", SINGLE_DESIGNS)
def test_columns_that_are_equal_in_single_precision_are_equal(design, n_classes, solver):
    X, y = DESIGNS[design].astype(np.float32), labels(n_classes=n_classes)
    model = check(X.astype(np.float64), y, make=lambda _: X, solver=solver, tol=1e-9)
    double = SoftmaxRegression(C=np.inf, solver=solver, tol=1e-9).fit(X.astype(np.float64), y)
    # No coefficient follows the rounding of single sums, and what is predicted keeps its digits.
    size = np.abs(double.coef_).max()
    assert np.abs(model.coef_).max() <= 4 * size + 1e-3
    scores = np.abs(X) @ np.abs(double.coef_).T + np.abs(double.intercept_)
    rounding = np.finfo(np.float32).eps * (8 + 8 * scores.max())
    expected = double.predict_proba(X.astype(np.float64))
    assert np.abs(model.predict_proba(X) - expected).max() <= rounding + 1e-4


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_free_columns_that_are_equal_in_single_precision_have_no_large_coefficients(l1_ratio):
    X = DESIGNS["duplicates with an offset"].astype(np.float32)
    factor = np.r_[np.zeros(2), 1.0, np.zeros(2), 1.0]
    single, double = (
        SoftmaxRegression(1.0, l1_ratio=l1_ratio, penalty=ElasticNet(factor), tol=1e-9)
        .fit(X.astype(dtype), labels())
        for dtype in (np.float32, np.float64)
    )  # fmt: skip
    assert np.abs(single.coef_).max() <= 4 * np.abs(double.coef_).max() + 1e-3


@pytest.mark.parametrize("design", ["ones", "zeros", "duplicates", "dummies", "combinations"])
def test_free_columns_beside_penalised_ones_have_the_optimum_of_independent_ones(design):
    """Of a penalty that leaves some features out, the proof has to balance those."""
    free = DESIGNS[design]
    X = np.hstack([free, normal(seed=8)])
    factor = np.r_[np.zeros(free.shape[1]), np.ones(3)]
    model = SoftmaxRegression(1.0, penalty=ElasticNet(penalty_factor=factor), tol=1e-12)
    model.fit(X, labels())
    left = independent(free, True)
    reduced = np.hstack([left, normal(seed=8)])
    factor = np.r_[np.zeros(left.shape[1]), np.ones(3)]
    reference = SoftmaxRegression(
        1.0, penalty=ElasticNet(penalty_factor=factor), fit_intercept=False, tol=1e-12
    ).fit(reduced, labels())
    assert model.converged_
    assert abs(model.objective_ - reference.objective_) < 1e-11


@pytest.mark.parametrize("seed", range(12))
def test_separation_is_blamed_where_a_linear_programme_finds_it_and_nowhere_else(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(12 + 2 * seed, 2))[:, [0, 1, 0]]
    y = np.argmax(
        X[:, :2] @ rng.normal(size=(2, 3)) + rng.gumbel(size=(len(X), 3)) * (seed % 4) / 4, axis=1
    )
    y[:3] = range(3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        SoftmaxRegression(C=np.inf).fit(X, y)
    blamed = any("separable" in str(warning.message) for warning in caught)
    assert blamed == is_separable(X, y)


def test_a_fit_that_ran_out_of_steps_says_so_and_no_more():
    with pytest.warns(ConvergenceWarning, match="increase max_iter") as caught:
        SoftmaxRegression(C=np.inf, max_iter=1, tol=1e-12).fit(normal(), labels())
    assert not any(word in str(caught[0].message) for word in ("separable", "C=inf", "finite"))
