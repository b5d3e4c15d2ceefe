"""Chosen coefficients of models whose Hessian is not held."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from registry import covariance_kinds

from sksoftmax import ElasticNet, SoftmaxRegression, infer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 4)) + [0.0, 3.0, 0.0, 10.0]
Y = np.argmax((X - X.mean(axis=0)) @ RNG.normal(size=(4, 3)) + RNG.gumbel(size=(150, 3)), axis=1)
WEIGHTS = RNG.integers(0, 4, 150)
GROUPS = np.arange(150) // 7
KINDS = covariance_kinds(GROUPS)


@pytest.fixture
def nothing_is_held(monkeypatch):
    return lambda: monkeypatch.setattr("sksoftmax._inference.wide.MOST_PARAMETERS", 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("C", [1.0, np.inf])
@pytest.mark.parametrize("factors", [None, [1, np.inf, 2, 0]])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_errors_are_those_of_the_held_hessian(nothing_is_held, n_classes, factors, C, kind):
    y, penalty = np.minimum(Y, n_classes - 1), ElasticNet(penalty_factor=factors)
    model = SoftmaxRegression(C=C, penalty=penalty).fit(X, y, WEIGHTS)
    options = {"sample_weight": WEIGHTS, "features": ["x0", "x1", "intercept"], **KINDS[kind]}
    held = infer(model, X, y, reference=1, **options)
    nothing_is_held()
    found = infer(model, X, y, reference=1, **options)
    assert_allclose(found.coef, held.coef, rtol=1e-7, atol=1e-10)
    assert_allclose(found.std_error, held.std_error, rtol=1e-6)
    scale = np.abs(held.covariance_matrix).max()
    assert_allclose(found.covariance_matrix, held.covariance_matrix, atol=1e-7 * scale)
    assert_allclose(found.log_likelihood, held.log_likelihood, rtol=1e-9)


def wide():
    random = np.random.default_rng(1)
    rows = sp.csr_array(random.random((100, 1200)) * (random.random((100, 1200)) < 0.05))
    y = np.argmax(rows @ np.random.default_rng(2).normal(size=(1200, 3)), axis=1)
    return SoftmaxRegression().fit(rows, y), rows, y


def test_errors_of_a_wide_sparse_model_are_those_of_the_span_of_its_rows():
    """By the dual form, of as many parameters as the rows have scores."""
    model, rows, y = wide()
    found = infer(model, rows, y, features=[3, 8], classes=[0, 2])
    dense = rows.toarray() - rows.toarray().mean(axis=0)
    p = model.predict_proba(rows)
    # H = J + I on coefficients that sum to zero; J = B B' with B of as many columns as scores.
    columns = np.column_stack([dense, np.ones(100)])
    blocks = np.stack([np.diag(each) - np.outer(each, each) for each in p])
    values, vectors = np.linalg.eigh(blocks)
    root = vectors * np.sqrt(np.maximum(values, 0))[:, None, :]
    B = np.einsum("nka,nj->kjna", root, columns).reshape(3 * 1201, -1)
    ridge = np.ones((3, 1201))
    ridge[:, -1] = 1e-9  # for the intercepts, which no ridge holds
    D = 1 / ridge.ravel()
    wanted = []
    for k in (0, 2):
        for j in (3, 8):
            c = np.zeros((3, 1201))
            c[:, j] = -1 / 3
            c[k, j] += 1
            c = c.ravel()
            small = np.eye(B.shape[1]) + (B.T * D) @ B
            v = D * c - D * (B @ np.linalg.solve(small, B.T @ (D * c)))
            wanted.append(np.sqrt(np.sum((B.T @ v) ** 2)))
    assert_allclose(found.std_error.ravel(), wanted, rtol=1e-4)


def test_all_coefficients_of_a_wide_model_are_refused_with_how_many_can_be_had(monkeypatch):
    model, rows, y = wide()
    monkeypatch.setattr("sksoftmax._inference.wide.MOST_NUMBERS", 100_000)
    with pytest.raises(ValueError, match=r"2402 coefficients.*choose at most 27"):
        infer(model, rows, y)


def test_what_needs_all_coefficients_says_so(nothing_is_held):
    nothing_is_held()
    found = infer(SoftmaxRegression().fit(X, Y), X, Y)
    calls = (found.marginal_effects, found.feature_tests, lambda: found.predict_interval(X),
             lambda: found.predict_proba(X), lambda: found.influence(X, Y),
             lambda: found.marginal_effects("mean"))  # fmt: skip
    for call in calls:
        with pytest.raises(ValueError, match="covariance of all 10 coefficients"):
            call()
    assert np.isnan(found.degrees_of_freedom)
    assert "nan" in str(found.summary())
    assert found.wald_test(np.eye(15)[0]).degrees_of_freedom == 1


def test_collinear_and_separating_columns_are_found_without_a_hessian(nothing_is_held):
    nothing_is_held()
    rows = np.column_stack([X, X[:, 0] - X[:, 2]])
    model = SoftmaxRegression(C=np.inf).fit(rows, Y)
    with pytest.raises(ValueError, match="collinear"):
        infer(model, rows, Y, features=["x0"])
    rows = np.column_stack([X, np.where(Y == 1, np.arange(150) % 5 == 0, 0)])
    with pytest.warns(match="separable"):
        model = SoftmaxRegression(C=np.inf).fit(rows, Y)
    with pytest.raises(ValueError, match="'x4' separates"):
        infer(model, rows, Y, features=["x0"])
