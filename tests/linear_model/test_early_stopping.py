"""Early stopping: held-out rows judge the fit, and its best step is kept, under every solver."""

import copy
import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from registry import draw, exponential_weights
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sksoftmax import SoftmaxRegression
from sksoftmax._linear_model import holdout
from sksoftmax._linear_model.early_stopping import EarlyStopping
from sksoftmax._solvers import COMPOSITE_SOLVERS, SOLVERS

NAMES = sorted(SOLVERS.keys() | COMPOSITE_SOLVERS.keys())
SOLVER = pytest.mark.parametrize("solver", NAMES)
N_CLASSES = pytest.mark.parametrize("n_classes", [2, 4])


def early(**options):
    return SoftmaxRegression(
        **{"C": 1e4, "early_stopping": True, "random_state": 0, "n_iter_no_change": 3, **options}
    )


def hard_data(n_classes=4, n_rows=120, n_features=20):
    """Few rows for the columns, so that a fit that goes on overfits."""
    return draw(n_rows, n_features, n_classes, noise=3.0)


def split_of(model, target, n_classes):
    held = holdout.choose(target, n_classes, model.validation_fraction, model.random_state)
    return ~held, held


def mean_loss(model, X, target, weight):
    return -np.average(np.sum(target * log_of(model, X), axis=1), weights=weight)


def log_of(model, X):
    scores = X @ model.coef_.T + model.intercept_
    if scores.shape[1] == 1:
        scores = np.column_stack([np.zeros(len(scores)), scores])
    return log_softmax(scores, axis=1)


@SOLVER
@N_CLASSES
def test_the_best_step_is_kept(n_classes, solver):
    X, y = draw(70 * n_classes, 20, n_classes, noise=0.7)
    model = early(solver=solver).fit(X, y)
    curve = model.validation_curve_
    assert curve.shape == model.objective_curve_.shape == (model.n_iter_ + 1,)
    assert 0 < curve.argmin() < model.n_iter_ and curve[-1] > curve.min()
    _, held = split_of(model, y, n_classes)
    truth = np.eye(n_classes)[y[held]]
    assert_allclose(mean_loss(model, X[held], truth, None), curve.min(), rtol=1e-9)
    assert_allclose(model.objective_, model.objective_curve_[curve.argmin()], rtol=1e-9)
    # As many steps without a gain as were allowed, and no more.
    assert model.n_iter_ - curve.argmin() == 3
    assert model.time_curve_.shape == curve.shape


@pytest.mark.parametrize(
    "losses, tol, end, best",
    [
        ([5, 4, 3, 2, 1], 0.0, None, 4),
        ([5, 6, 4, 7, 3, 8], 0.0, None, 4),  # a gain in between counts anew
        ([5, 6, 4, 7, 8, 1], 0.0, 4, 2),
        ([5, 4.9, 4.8, 4.7], 0.1, 2, 2),  # gains below tol keep nothing going, but are kept
        ([5, np.nan, np.nan, 1], 0.0, 2, 0),
        ([np.inf, 5, 4], 0.0, None, 2),
    ],
)
def test_a_run_ends_after_n_iter_no_change_steps_without_a_gain(losses, tol, end, best):
    stopping = EarlyStopping.__new__(EarlyStopping)
    vars(stopping).update(patience=2, tol=tol, curve=[], least=np.inf, best=None, waited=0)
    stopping.loss = lambda theta: losses[theta]
    ended = None
    for n_iter in range(len(losses)):
        state = SimpleNamespace(point=SimpleNamespace(theta=n_iter))
        if stopping(n_iter, state):
            ended = n_iter
            break
    assert (ended, stopping.best) == (end, best)


def factors_of(class_weight, masses):
    """What the weights of classes are multiplied by, classes having these weights in all."""
    if class_weight == "balanced":
        return masses.sum() / (len(masses) * masses)
    return np.array([(class_weight or {}).get(k, 1.0) for k in range(len(masses))])


OPTIONS = {
    "plain": {},
    "balanced": {"class_weight": "balanced"},
    "class weights": {"class_weight": {0: 5.0}},
    "smoothed": {"label_smoothing": 0.2},
    "through the origin": {"fit_intercept": False},
    "elastic net": {"l1_ratio": 0.5},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("soft", [False, True])
@N_CLASSES
def test_a_stopped_fit_is_one_to_the_other_rows_judged_by_the_loss_of_those_held_out(
    n_classes, soft, kind, options
):
    X, y = hard_data(n_classes)
    weight = exponential_weights(len(y))
    target = 0.7 * np.eye(n_classes)[y] + 0.3 / n_classes
    y = target if soft else y
    model = early(max_iter=6, n_iter_no_change=100, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(kind(X), y, weight)
        # What is held out goes by the smoothed targets' largest shares, which are the labels'.
        labels = target.T if soft or options.get("label_smoothing") else y
        kept, held = split_of(model, labels, n_classes)
        other = clone(model).set_params(early_stopping=False, max_iter=model.n_iter_)
        other.fit(kind(X[kept]), y[kept], weight[kept])
    assert_allclose(model.objective_curve_, other.objective_curve_, rtol=1e-9)
    truth = target if soft else np.eye(n_classes)[y]
    share = options.get("label_smoothing", 0.0)
    truth = (1 - share) * truth + share / n_classes
    shares = truth[held] * factors_of(model.class_weight, weight[kept] @ truth[kept])
    losses = -np.sum(shares * log_of(other, X[held]), axis=1)
    expected = weight[held] @ losses / (weight[held] @ shares.sum(axis=1))
    if len(other.objective_curve_) == len(model.validation_curve_):
        assert_allclose(model.validation_curve_[-1], expected, rtol=1e-6)


@SOLVER
def test_a_stopped_fit_has_no_warning_and_a_gap_that_bounds_its_distance(solver):
    X, y = hard_data()
    model = early(solver=solver).fit(X, y)  # warnings are errors
    kept, _ = split_of(model, y, 4)
    best = SoftmaxRegression(C=1e4, tol=1e-9, max_iter=5000).fit(X[kept], y[kept])
    assert best.converged_ and not model.converged_
    assert np.inf > model.gap_ >= model.objective_ - best.objective_ > 0


@SOLVER
def test_the_end_of_the_run_bounds_the_gap_of_its_best_step(solver):
    X, y = draw(280, 20, 4, noise=2.0)
    model = early(solver=solver, C=100.0, n_iter_no_change=100).fit(X, y)
    assert model.validation_curve_.argmin() < model.n_iter_
    to_the_end = model.objective_ - model.objective_curve_[-1]
    assert to_the_end <= model.gap_ <= to_the_end + 2e-6 * model.objective_
    assert not model.converged_


def test_a_fit_that_reaches_the_optimum_has_converged():
    X, y = draw(400, 3, 3, noise=3.0)
    model = early(C=0.01, n_iter_no_change=50).fit(X, y)
    if model.validation_curve_.argmin() == model.n_iter_:
        assert model.converged_ and model.gap_ <= 1e-6 * model.objective_
    assert np.isfinite(model.gap_)


@SOLVER
def test_a_run_that_max_iter_ends_says_what_to_do(solver):
    X, y = hard_data()
    with pytest.warns(ConvergenceWarning, match="held out was still falling: increase max_iter"):
        model = early(solver=solver, max_iter=1).fit(X, y)
    assert model.n_iter_ == 1


def test_separable_classes_without_a_penalty_may_be_stopped_early():
    X, y = draw(100, 30, 3, noise=0.5)
    model = early(C=np.inf).fit(X, y)
    assert np.isfinite(model.coef_).all() and not model.converged_


def test_without_early_stopping_nothing_is_held_out():
    X, y = hard_data()
    model = SoftmaxRegression(random_state=3).fit(X, y)
    assert model.validation_curve_.shape == (0,)
    assert_array_equal(model.coef_, SoftmaxRegression().fit(X, y).coef_)


def test_random_state_decides_which_rows_are_held_out():
    X, y = hard_data()
    one, same = early().fit(X, y), early().fit(X, y)
    assert_array_equal(one.coef_, same.coef_)
    assert_array_equal(one.validation_curve_, same.validation_curve_)
    other = early(random_state=1).fit(X, y)
    assert not np.array_equal(one.validation_curve_, other.validation_curve_)
    again = pickle.loads(pickle.dumps(one))
    assert_array_equal(again.validation_curve_, one.validation_curve_)


def test_more_columns_than_rows_are_judged_on_all_columns():
    X, y = draw(40, 200, 3, noise=3.0)
    model = early(solver="lbfgs").fit(X, y)
    _, held = split_of(model, y, 3)
    assert_allclose(
        mean_loss(model, X[held], np.eye(3)[y[held]], None), model.validation_curve_.min(),
        rtol=1e-7,
    )  # fmt: skip


def test_grid_searches_take_a_model_that_stops_early():
    X, y = hard_data()
    search = GridSearchCV(early(), {"n_iter_no_change": [1, 4]}, cv=3, scoring="neg_log_loss")
    assert search.fit(X, y).best_estimator_.early_stopping


# -- which rows are held out ----------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("seed", range(3))
def test_the_shares_of_the_classes_are_kept(seed, fraction):
    rng = np.random.default_rng(seed)
    labels = rng.choice(5, p=[0.6, 0.3, 0.07, 0.02, 0.01], size=1000)
    labels[:5] = np.arange(5)
    held = holdout.choose(labels, 5, fraction, seed)
    assert held.sum() == min(round(fraction * 1000), 995)
    counts = np.bincount(labels, minlength=5)
    assert (np.abs(np.bincount(labels[held], minlength=5) - fraction * counts) <= 4).all()
    assert (np.bincount(labels[~held], minlength=5) >= 1).all()
    target = np.eye(5)[labels].T
    assert_allclose(holdout.choose(target, 5, fraction, seed).sum(), held.sum())


@pytest.mark.parametrize("seed", range(5))
def test_every_class_keeps_weight_in_the_fit(seed):
    rng = np.random.default_rng(seed)
    target = rng.dirichlet([5.0, 5.0, 5.0], size=30)
    target = np.column_stack([target, np.zeros(30)])
    target[7] = [0.4, 0.3, 0.2, 0.1]  # all that there is of the last class
    held = holdout.choose(target.T, 4, 0.5, seed)
    assert not held[7] and held.sum() == 15
    model = early(validation_fraction=0.5, random_state=seed).fit(rng.normal(size=(30, 2)), target)
    assert len(model.classes_) == 4


def test_too_few_rows_are_refused():
    X, y = np.eye(3), np.array([0, 1, 2])
    model = SoftmaxRegression(early_stopping=True)
    before = copy.deepcopy(vars(model))
    with pytest.raises(ValueError, match="leaves no row to judge by"):
        model.fit(X, y)
    assert vars(model) == before
