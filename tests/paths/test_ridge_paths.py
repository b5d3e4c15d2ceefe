"""Laws of paths of ridge fits: what is predicted, what is proved on the way, and the fits."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from registry import KINDS, draw, encoded, settings_of
from sklearn.model_selection import (
    KFold,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
)

from sksoftmax import SoftmaxRegression
from sksoftmax._paths import memberships as memberships_module
from sksoftmax._paths.fit_path import fit_path
from sksoftmax._paths.memberships import memberships_of
from sksoftmax._paths.predictor import lagrange_weights
from sksoftmax._paths.ridge_paths import fit_ridge_paths

SETTINGS = settings_of(tol=1e-7)


def test_extrapolation_is_exact_for_polynomials_of_as_many_terms():
    nodes = [-1.0, 0.5, 2.0]
    for degree in range(3):
        values = np.power(nodes, degree)
        assert lagrange_weights(nodes, 3.5) @ values == pytest.approx(3.5**degree)
    assert list(lagrange_weights([4.0], 7.0)) == [1.0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_each_fit_is_the_fit_from_nothing(kind, fit_intercept):
    X, y = draw(160, 6, 3)
    X = KINDS[kind](X)
    settings = replace(SETTINGS, fit_intercept=fit_intercept)
    data = encoded(X, y)
    # One comes twice, the last is no neighbour, and no penalty may follow where there is no need.
    Cs = [1e-3, 1e-2, 0.1, 0.1, 0.3, 1.0, 3.0, 1e3] + [np.inf] * (kind == "units and offset")
    for C, fit in zip(Cs, fit_path(data, Cs, 0.0, settings), strict=True):
        best = SoftmaxRegression(C, fit_intercept=fit_intercept, tol=1e-11).fit(X, y)
        assert fit.converged and fit.gap <= 1e-7 * fit.objective
        assert fit.objective - best.objective_ <= fit.gap * (1 + 1e-9) + 1e-12
        assert fit.objective - best.objective_ >= -1e-10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_fits_together_are_the_fits_apart(kind, n_classes):
    X, y = draw(120, 6, n_classes)
    X = KINDS[kind](X)
    folds = list(StratifiedKFold(3).split(X, y))
    data = encoded(X, y)
    settings = replace(SETTINGS, tol=1e-9)
    memberships = memberships_of(folds, np.ones(120), data, settings)
    Cs = [1e-3, 0.1, 0.12, 10.0, 1e3]
    fits = fit_ridge_paths(data, Cs, settings, memberships)
    rows = [np.arange(120), *(train for train, _ in folds)]
    for C, along in zip(Cs, fits, strict=True):
        for own, fit in zip(rows, along, strict=True):
            one = SoftmaxRegression(C, tol=1e-9).fit(X[own], y[own])
            assert fit.converged and one.converged_
            assert abs(fit.objective - one.objective_) <= 2e-9 * one.objective_
            scores = X @ fit.coef.T + fit.intercept
            expected = X @ one.coef_.T + one.intercept_
            assert_allclose(scores, expected, atol=2e-3 * np.abs(expected).max())


FOLDS = {
    "halves": KFold(2),
    "repeated": RepeatedKFold(n_splits=2, n_repeats=3, random_state=0),
    "overlapping": ShuffleSplit(4, random_state=0),
    "rows in every fit": PredefinedSplit(np.where(np.arange(120) < 40, -1, np.arange(120) % 2)),
    "masks": [(np.arange(120) < 60, np.arange(120) >= 60), (np.arange(120) > 30,) * 2],
}


@pytest.mark.parametrize("name", FOLDS)
def test_each_fit_keeps_the_rows_of_its_fold(name, monkeypatch):
    monkeypatch.setattr(memberships_module, "FEW_ROWS", 1)
    X, y = draw(120, 3, 3)
    weight = np.random.default_rng(0).integers(0, 3, 120).astype(float)
    data = encoded(X, y, weight)
    folds = FOLDS[name]
    folds = folds if isinstance(folds, list) else list(folds.split(X))
    settings = replace(SETTINGS, tol=1e-9)
    memberships = memberships_of(folds, weight, data, settings)
    assert memberships.keeps[0].all()
    fits = fit_ridge_paths(data, [0.1, 1.0], settings, memberships)[1]
    for (train, _), fit in zip(folds, fits[1:], strict=True):
        one = SoftmaxRegression(1.0, tol=1e-9).fit(X[train], y[train], weight[train])
        assert abs(fit.objective - one.objective_) <= 2e-9 * one.objective_


def test_folds_that_cannot_be_fitted_together_are_told():
    X, y = draw(60, 3, 3)
    data, ones = encoded(X, y), np.ones(60)
    halves = [(np.arange(30), np.arange(30, 60)), (np.arange(30, 60), np.arange(30))]
    assert memberships_of(halves, ones, data, SETTINGS) is not None
    twice = [(np.r_[train, train], test) for train, test in halves]
    assert memberships_of(twice, ones, data, SETTINGS) is None
    many = list(ShuffleSplit(8, random_state=0).split(X))  # parts of a row or two
    assert memberships_of(many, ones, data, SETTINGS) is None
    balanced = replace(SETTINGS, class_weight="balanced")
    assert memberships_of(halves, ones, data, balanced) is None
    lacking = encoded(X, np.sort(y))
    assert memberships_of(list(KFold(3).split(X)), ones, lacking, SETTINGS) is None


def test_a_path_of_one_kind_takes_about_a_pass_a_fit():
    X, y = draw(600, 8, 3)
    data = encoded(X, y)
    settings = replace(SETTINGS, tol=1e-4)
    fits = fit_path(data, np.logspace(-4, 4, 50), 0.0, settings)
    # The step to a prediction is counted.
    assert sum(fit.n_iter for fit in fits) <= 75
