"""No false proof where columns are nearly collinear, however nearly.

Of the columns x and x + delta z it is z that tells the classes apart, at coefficients of 1 / delta.
The references are fits of x and of what the second column really adds to it, in units of one size:
the same span, without the collinearity.
"""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sksoftmax import ElasticNet, SoftmaxRegression

N_ROWS = 120
SOLVERS = ["auto", "newton", "lbfgs", "gd", "proximal"]
EPS = np.finfo(np.float64).eps
# Differences and offsets: columns that differ by fewer than 256 units of rounding count as equal.
UNEQUAL = [
    *((delta, 0.0) for delta in (1e-6, 1e-7, 1e-8, 1e-10, 1e-11, 1e-12, 1e-13)),
    *((delta, 10.0) for delta in (1e-7, 1e-9, 1e-12)),
]


def design(delta, offset, n_classes, unit=1.0, seed=0):
    """The columns, the same without the collinearity, and labels."""
    random = np.random.default_rng(seed)
    x, z, other = random.normal(size=(3, N_ROWS))
    scores = np.column_stack([z, -z, 0.3 * x])[:, :n_classes]
    y = np.argmax(scores + random.gumbel(size=scores.shape), axis=1)
    first, second = x + offset, (x + delta * z) + offset
    added = second - first  # exact
    good = np.column_stack([x, added / np.abs(added).max(), other])
    return np.column_stack([first, unit * second, other]), good, y


def fit(X, y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return SoftmaxRegression(**options).fit(X, y)


def check(model, X, best):
    # Scores, and so the objective, are known to the rounding of their terms.
    sizes = np.abs(X) @ np.abs(model.coef_).T + np.abs(model.intercept_)
    assert model.objective_ - model.gap_ <= best + EPS * (8 + sizes.max())


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("tol", [1e-4, 1e-9])
def test_nothing_false_is_proved_without_a_penalty(n_classes, solver, tol):
    for delta, offset in UNEQUAL:
        X, good, y = design(delta, offset, n_classes, unit=2.0**10)
        best = fit(good, y, C=np.inf, solver="newton", tol=1e-13).objective_
        check(fit(X, y, C=np.inf, solver=solver, tol=tol, max_iter=30), X, best)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("delta", [1e-12, 3e-13, 1e-13])
@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
def test_nothing_false_is_proved_where_the_gradient_along_their_difference_is_lost(
    seed, delta, solver
):
    # Columns of unit size that are told apart by fewer digits than the jitter of a factor has.
    X, good, y = design(delta, 0.0, 3, unit=2.0**10, seed=seed)
    best = fit(good, y, C=np.inf, solver="newton", tol=1e-13).objective_
    for steps in (2, 3):
        check(fit(X, y, C=np.inf, solver=solver, tol=1e-4, max_iter=steps), X, best)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_nothing_false_is_proved_of_columns_that_a_penalty_leaves_free(n_classes, l1_ratio):
    free = {"l1_ratio": l1_ratio, "penalty": ElasticNet(np.array([0.0, 0.0, 1.0]))}
    for delta, offset in UNEQUAL:
        X, good, y = design(delta, offset, n_classes)
        best = fit(good, y, tol=1e-12, **free).objective_
        for tol in (1e-4, 1e-9):
            check(fit(X, y, tol=tol, max_iter=30, **free), X, best)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_under_a_weak_penalty_no_solver_proves_what_another_refutes(n_classes, l1_ratio):
    solvers = ["proximal"] if l1_ratio else SOLVERS
    for delta, offset in UNEQUAL:
        X, _, y = design(delta, offset, n_classes)
        models = [
            fit(X, y, C=1e6, l1_ratio=l1_ratio, solver=solver, tol=tol, max_iter=30)
            for solver in solvers
            for tol in (1e-4, 1e-10)
        ]
        best = min(model.objective_ for model in models)
        for model in models:
            check(model, X, best)
