"""Laws of streams: what partial_fit does, whatever the rows come in, and that it survives them."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from registry import PROBLEMS, Problem, draw, exponential_weights, make_objective, make_problem
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from sksoftmax import SoftmaxRegression
from sksoftmax._objective.penalties import Ridge
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax._solvers import SOLVERS, STREAMS, Epochs, minimize
from sksoftmax._solvers.stochastic import PATIENCE, StreamState, watched
from sksoftmax._solvers.variance_reduction import VarianceReduced

STREAM = pytest.mark.parametrize("solver", STREAMS)
N_CLASSES = pytest.mark.parametrize("n_classes", [2, 4])


def unscaled(n_rows, n_columns, n_classes, seed=0):
    """Columns of units from 1 to 1e4, far from zero, and labels of a linear model."""
    X, y = draw(n_rows, n_columns, n_classes, seed=seed)
    return X * np.logspace(0, 4, n_columns) + 1e6, y


def streamed(model, X, y, *, size=50, classes=None, weight=None):
    """The model after the rows in pieces."""
    classes = np.unique(y) if classes is None else classes
    for start in range(0, X.shape[0], size):
        part = slice(start, start + size)
        own = None if weight is None else weight[part]
        model.partial_fit(X[part], y[part], classes=classes, sample_weight=own)
    return model


def assert_equal_bits(one, other):
    assert_array_equal(one.coef_, other.coef_)
    assert_array_equal(one.intercept_, other.intercept_)
    assert (one.objective_, one.n_iter_) == (other.objective_, other.n_iter_)


def loss(model, X, y):
    return log_loss(y, model.predict_proba(X), labels=model.classes_)


# -- a stream is its batches ----------------------------------------------------------------------


@STREAM
@N_CLASSES
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"C": np.inf}])
def test_one_call_is_the_calls_on_its_batches(options, kind, n_classes, solver):
    X, y = draw(230, 5, n_classes)
    X, weight = kind(X * (X > 0)), exponential_weights(230)
    model = SoftmaxRegression(solver=solver, batch_size=40, **options)
    whole = clone(model).partial_fit(X, y, classes=np.unique(y), sample_weight=weight)
    assert_equal_bits(whole, streamed(clone(model), X, y, size=40, weight=weight))
    assert whole.n_iter_ == 6 and whole.solver_ == solver
    assert whole.gap_ == np.inf and not whole.converged_


@STREAM
@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("soft", [False, True])
def test_rows_without_weight_keep_their_place_in_the_batches(soft, kind, solver):
    X, y = draw(200, 5, 3)
    weight = exponential_weights(200) * (np.arange(200) % 3 > 0)
    weight[80:120] = 0  # a whole batch: no step
    target = np.eye(3)[y] if soft else y
    model = SoftmaxRegression(solver=solver, batch_size=40)
    whole = clone(model).partial_fit(kind(X), target, [0, 1, 2], sample_weight=weight)
    rows = np.r_[0:80, 120:200]
    pieces = streamed(
        clone(model),
        kind(X[rows]),
        target[rows],
        size=40,
        classes=[0, 1, 2],
        weight=weight[rows],
    )
    assert_equal_bits(whole, pieces)
    assert whole.n_iter_ == 4


@STREAM
@N_CLASSES
def test_calls_are_steps_on_the_same_objectives(n_classes, solver):
    """The objectives are made apart here: the batch's mean loss, all rows' share of the penalty."""
    X, y = draw(200, 5, n_classes)
    weight = exponential_weights(200)
    model = streamed(
        SoftmaxRegression(solver=solver, fit_intercept=False, C=0.3), X, y, size=40, weight=weight
    )
    method = STREAMS[solver]()
    theta = np.zeros(model.coef_.size)
    state = StreamState(theta, theta)
    for start in range(0, 200, 40):
        part = slice(start, start + 40)
        batch = Problem(X[part], y[part], weight[part], fit_intercept=False)
        assert batch.n_classes == n_classes
        strength = np.full(theta.size, 1 / (0.3 * weight[: start + 40].sum()))
        objective = replace(make_objective(batch), penalty=Ridge(strength))
        state = method.advance(SmoothProblem(objective), state)
    assert_allclose(model.coef_.T.ravel(), state.average, rtol=1e-9, atol=1e-12)
    assert_allclose(model.objective_, state.value, rtol=1e-9)


@STREAM
def test_the_first_pass_of_fit_is_the_steps_on_its_batches(solver):
    objective = make_problem(PROBLEMS["many rows"])
    epochs = SOLVERS[solver]
    start = epochs.start(objective, objective.map.initial())
    state = StreamState(start.point.theta, start.point.theta)
    for batch in objective.batches(epochs.rows_of_batch(objective), np.random.default_rng((0, 0))):
        state = epochs.method.advance(batch, state)
    assert_array_equal(epochs.step(objective, start).point.theta, state.average)
    found = minimize(objective, epochs, objective.map.initial(), tol=1e-6, max_iter=1)
    assert_array_equal(found.theta, state.average)


# -- nothing is lost ------------------------------------------------------------------------------

COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@STREAM
@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("n_before", [50, 300])
def test_a_copy_in_mid_stream_goes_on_as_the_original(n_before, duplicate, solver):
    X, y = unscaled(500, 4, 3)
    model = streamed(SoftmaxRegression(solver=solver), X[:n_before], y[:n_before])
    other, kept = duplicate(model), copy.deepcopy(model)
    assert_equal_bits(
        streamed(model, X[n_before:], y[n_before:]), streamed(other, X[n_before:], y[n_before:])
    )
    assert not np.array_equal(model.coef_, kept.coef_)
    assert not hasattr(clone(model), "coef_")
    assert_equal_bits(streamed(clone(model), X, y), model)


@STREAM
def test_a_call_that_fails_changes_nothing(solver):
    X, y = unscaled(300, 4, 3)
    model = streamed(SoftmaxRegression(solver=solver), X[:150], y[:150])
    other = copy.deepcopy(model)
    bad = {
        r"not in classes: \[7 9\]; classes are \[0 1 2\]": (X[:5], [0, 7, 1, 9, 7]),
        "features": (X[:5, :3], y[:5]),
        "X contains NaN": (np.where(X[:5] > 1e6, np.nan, X[:5]), y[:5]),
        "inconsistent numbers": (X[:5], y[:4]),
        "same as on the last call": (X[:5], y[:5], [0, 1]),
        "Negative sample_weight": (X[:5], y[:5], None, -np.ones(5)),
        "sample_weight are zero": (X[:5], y[:5], None, np.zeros(5)),
        r"not like classes=\[0 1 2\]": (X[:2], np.array([0, None], dtype=object)),
        r"not in classes: \[nan\]": (X[:2], [0, np.nan]),
    }
    for message, arguments in bad.items():
        with pytest.raises(ValueError, match=message):
            model.partial_fit(*arguments)
    assert_equal_bits(model, other)
    assert_equal_bits(streamed(model, X[150:], y[150:]), streamed(other, X[150:], y[150:]))


@pytest.mark.parametrize("labels", [["b", "a", "c"], [True, False], [2.0, -1.0, 0.5]])
def test_labels_are_of_any_kind_and_classes_of_any_order(labels):
    X, y = draw(200, 3, len(labels))
    classes = np.array(labels)
    model = streamed(SoftmaxRegression(solver="sgd"), X, np.sort(classes)[y], classes=classes)
    plain = streamed(SoftmaxRegression(solver="sgd"), X, y)
    assert_array_equal(model.classes_, np.sort(classes))
    assert_array_equal(model.coef_, plain.coef_)
    with pytest.raises(ValueError, match="not in classes"):
        model.partial_fit(X[:2], np.array(["new", "new"]))


def test_the_first_call_needs_classes_and_two_of_them():
    X, y = draw(30, 3, 3)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        SoftmaxRegression(solver="sgd").partial_fit(X, y)
    with pytest.raises(ValueError, match="at least 2"):
        SoftmaxRegression(solver="sgd").partial_fit(X, 0 * y, classes=[0])
    with pytest.raises(ValueError, match=r"at least 2 different labels, got \[\]"):
        SoftmaxRegression(solver="sgd").partial_fit(X, y, classes=[])
    with pytest.raises(ValueError, match="classes must be labels, and nan is none"):
        SoftmaxRegression(solver="sgd").partial_fit(X, y, classes=[0, 1, np.nan])


@pytest.mark.parametrize("solver", sorted({*SOLVERS, "proximal"} - STREAMS.keys()))
def test_solvers_that_cannot_step_have_no_partial_fit(solver):
    model = SoftmaxRegression(solver=solver)
    assert not hasattr(model, "partial_fit")
    assert hasattr(model.set_params(solver="adam"), "partial_fit")


def test_what_needs_all_rows_at_once_is_refused():
    X, y = draw(30, 3, 3)
    with pytest.raises(ValueError, match="class_weight='balanced' needs all rows"):
        SoftmaxRegression(solver="sgd", class_weight="balanced").partial_fit(X, y, [0, 1, 2])
    with pytest.raises(ValueError, match="set early_stopping=False"):
        SoftmaxRegression(solver="sgd", early_stopping=True).partial_fit(X, y, [0, 1, 2])
    with pytest.raises(ValueError, match="smooth"):
        SoftmaxRegression(solver="sgd", l1_ratio=0.5).partial_fit(X, y, [0, 1, 2])
    model = SoftmaxRegression(solver="sgd").partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="fit_intercept must not change"):
        model.set_params(fit_intercept=False).partial_fit(X, y)


# -- fit and partial_fit --------------------------------------------------------------------------


@STREAM
@pytest.mark.parametrize("first", ["auto", "same"])
@N_CLASSES
def test_partial_fit_goes_on_from_fit(n_classes, first, solver):
    X, y = unscaled(3000, 4, n_classes)
    model = SoftmaxRegression(solver=solver if first == "same" else first, random_state=0)
    fitted = model.fit(X[:2000], y[:2000]).coef_
    model.set_params(solver=solver)
    model.partial_fit(X[2000:2010], y[2000:2010])
    # Ten rows weigh little beside two thousand.
    scale = np.logspace(0, 4, 4)
    assert 0 < abs((model.coef_ - fitted) * scale).max() < 0.1
    streamed(model, X[2010:], y[2010:])
    best = SoftmaxRegression().fit(X, y)
    assert loss(model, X, y) <= 1.01 * loss(best, X, y)
    again = model.fit(X[:2000], y[:2000])
    assert again.converged_ and again.n_iter_ >= 1
    assert_allclose(again.coef_, fitted, rtol=2e-2, atol=1e-3)


def test_another_method_goes_on_from_where_the_first_stands():
    X, y = unscaled(2000, 4, 3)
    model = streamed(SoftmaxRegression(solver="sgd"), X[:1500], y[:1500])
    before = loss(model, X, y)
    streamed(model.set_params(solver="adam"), X[1500:], y[1500:])
    assert model.solver_ == "adam" and loss(model, X, y) <= 1.02 * before


# -- weights, forms, precision --------------------------------------------------------------------


@STREAM
def test_scaled_weights_are_a_scaled_C(solver):
    X, y = draw(200, 4, 3)
    weight = exponential_weights(200)
    one = streamed(SoftmaxRegression(solver=solver, C=2.0), X, y, weight=weight)
    other = streamed(SoftmaxRegression(solver=solver, C=0.5), X, y, weight=4 * weight)
    assert_allclose(one.coef_, other.coef_, rtol=1e-9, atol=1e-12)
    by_class = streamed(
        SoftmaxRegression(solver=solver, C=0.5, class_weight={0: 4, 1: 4, 2: 4}),
        X,
        y,
        weight=weight,
    )
    assert_allclose(one.coef_, by_class.coef_, rtol=1e-9, atol=1e-12)


@STREAM
def test_rows_without_weight_leave_no_trace(solver):
    X, y = draw(40, 4, 3)
    weight = np.arange(40) % 2
    model = SoftmaxRegression(solver=solver).partial_fit(X, y, [0, 1, 2], sample_weight=weight)
    other = SoftmaxRegression(solver=solver).partial_fit(X[1::2], y[1::2], [0, 1, 2])
    assert_allclose(model.coef_, other.coef_, rtol=1e-12)


@STREAM
@N_CLASSES
def test_sparse_columns_are_like_dense_ones(n_classes, solver):
    X, y = draw(400, 6, n_classes)
    X = np.where(X > 0.3, X, 0) * np.logspace(-2, 2, 6)
    dense, sparse = (
        streamed(SoftmaxRegression(solver=solver), columns, y) for columns in (X, sp.csr_array(X))
    )
    # Means are taken in another way, and Adam's first step is one of signs.
    assert_allclose(dense.predict_proba(X), sparse.predict_proba(X), atol=2e-2)
    assert_allclose(loss(dense, X, y), loss(sparse, X, y), rtol=2e-3)


def test_columns_without_entries_change_no_step_of_adam():
    X, y = draw(400, 6, 3)
    X = sp.csr_array(np.where(X > 0.3, X, 0))
    wide = sp.csr_array(sp.hstack([X, sp.csr_array((400, 300))]))
    narrow = streamed(SoftmaxRegression(solver="adam"), X, y)
    model = streamed(SoftmaxRegression(solver="adam"), wide, y)
    assert_allclose(model.coef_[:, :6], narrow.coef_, rtol=1e-9)
    assert not model.coef_[:, 6:].any()


@STREAM
def test_the_first_steps_are_longer_where_rows_have_few_entries(solver):
    """Words by Zipf's law, three in ten of the class: 3000 columns, of which a row has thirty."""
    random = np.random.default_rng(0)
    cumulated = np.cumsum(1 / np.arange(1, 3001))
    y = random.integers(3, size=9000)
    words = np.searchsorted(cumulated, cumulated[-1] * random.random((9000, 30)))
    of_class = random.permuted(np.tile(np.arange(3000), (3, 1)), axis=1)
    words = np.where(random.random((9000, 30)) < 0.3, of_class[y[:, None], words], words)
    X = sp.csr_array((np.ones(words.size), (np.arange(9000).repeat(30), words.ravel())))
    model = streamed(SoftmaxRegression(solver=solver), X[:8000], y[:8000], size=500)
    best = SoftmaxRegression(tol=1e-3).fit(X[:8000], y[:8000])
    most = {"sgd": 1.5, "adam": 9}[solver]  # of a loss of 0.03
    assert loss(model, X[8000:], y[8000:]) <= most * loss(best, X[8000:], y[8000:])


@STREAM
def test_single_precision_stays_single(solver):
    X, y = draw(300, 4, 3)
    model = streamed(SoftmaxRegression(solver=solver), X.astype(np.float32), y)
    double = streamed(SoftmaxRegression(solver=solver), X, y)
    assert model.coef_.dtype == np.float32
    assert_allclose(model.coef_, double.coef_, atol=1e-4)


@STREAM
def test_the_order_of_rows_in_fit_is_random_states(solver):
    X, y = unscaled(600, 4, 3)
    options = {"solver": solver, "tol": 1e-2}
    same = [SoftmaxRegression(random_state=3, **options).fit(X, y).coef_ for _ in range(2)]
    other = SoftmaxRegression(random_state=4, **options).fit(X, y).coef_
    assert_array_equal(*same)
    assert not np.array_equal(same[0], other)


# -- how good -------------------------------------------------------------------------------------


@STREAM
@pytest.mark.parametrize("noise", [0.3, 1.0])
@N_CLASSES
def test_one_pass_over_unscaled_columns_is_near_the_optimum(n_classes, noise, solver):
    X, y = draw(30_000, 8, n_classes, noise=noise)
    X = X * np.logspace(0, 4, 8) + 1e6
    model = streamed(SoftmaxRegression(solver=solver), X[:20_000], y[:20_000], size=150)
    best = SoftmaxRegression().fit(X[:20_000], y[:20_000])
    most = {"sgd": 1.02, "adam": 1.05}[solver]
    assert loss(model, X[20_000:], y[20_000:]) <= most * loss(best, X[20_000:], y[20_000:])


@pytest.mark.parametrize("solver, rate", [("sgd", 0.3), ("sgd", 1.0), ("adam", 0.1)])
def test_a_number_is_a_learning_rate(solver, rate):
    X, y = unscaled(6000, 5, 3)
    model = SoftmaxRegression(solver=solver, learning_rate=rate)
    best = SoftmaxRegression().fit(X, y)
    assert loss(streamed(model, X, y, size=200), X, y) <= 1.1 * loss(best, X, y)
    assert not np.array_equal(
        model.coef_, streamed(clone(model).set_params(learning_rate="auto"), X, y, size=200).coef_
    )


def test_the_learning_rate_of_sgd_is_a_share_of_the_newton_step():
    X, y = draw(200, 3, 3)
    steps = [
        SoftmaxRegression(solver="sgd", learning_rate=rate).partial_fit(X, y, [0, 1, 2]).coef_
        for rate in (0.2, 0.4)
    ]
    assert_allclose(2 * steps[0], steps[1], rtol=1e-9)


@STREAM
def test_steps_far_too_long_end_in_an_error_or_where_they_began(solver):
    X, y = unscaled(400, 3, 3)
    model = SoftmaxRegression(solver=solver, learning_rate=1e300, random_state=0)
    with pytest.raises(ValueError, match="overflow: learning_rate=1e\\+300 is too large"):
        streamed(model, X, y)
    advice = "no further pass leads down: .* try solver='auto' or a smaller learning_rate"
    with pytest.warns(ConvergenceWarning, match=advice):
        model = clone(model).fit(X, y)
    assert not model.converged_ and model.objective_ <= model.objective_curve_[0]


# -- streams that change --------------------------------------------------------------------------
# Each changes rows, by the share of the stream that has been seen before them.


def labelled(random, n_rows, coef):
    X = random.normal(size=(n_rows, len(coef)))
    return X, np.argmax(2 * X @ coef + random.gumbel(size=(n_rows, coef.shape[1])), axis=1)


def late_class(X, y, seen):
    return (X, y) if seen > 0.5 else (X[y != 3], y[y != 3])


def late_column(X, y, seen):
    return np.where([True, True, True, seen > 0.3], X, 3.0), y


def growing_scale(X, y, seen):
    return X * (1 if seen < 0.5 else 1000), y


def shrinking_scale(X, y, seen):
    return X * (1 if seen < 0.5 else 0.01), y


def moved_offset(X, y, seen):
    return X + (0 if seen < 0.5 else 1e4), y


def far_offset(X, y, seen):
    return X + 1e6, y


def constant_columns(X, y, seen):
    ones = np.ones((len(X), 1))
    return np.hstack([X, 0.1 * ones, 0 * ones, 1e6 * ones]), y


def an_outlier(X, y, seen):
    return (1e4 * X if seen == 0.4 else X), y


CHANGES = [
    late_class, late_column, growing_scale, shrinking_scale, moved_offset, far_offset,
    constant_columns, an_outlier,
]  # fmt: skip


@STREAM
@pytest.mark.parametrize("C", [1.0, np.inf])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("size, n_batches", [(30, 300), (300, 60)])
def test_a_stream_that_changes_stays_stable(size, n_batches, change, C, solver):
    random = np.random.default_rng(0)
    coef = random.normal(size=(4, 4))
    model = SoftmaxRegression(solver=solver, C=C)
    for i in range(n_batches):
        model.partial_fit(*change(*labelled(random, size, coef), i / n_batches), classes=range(4))
        assert np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all()
    X, y = change(*labelled(random, 4000, coef), 1.0)
    with np.errstate(all="raise", under="ignore"):
        found = loss(model, X, y)
    best = loss(SoftmaxRegression().fit(X, y), X, y)
    assert found <= 1.3 * best


@pytest.mark.parametrize("worse, begins_anew", [(1.4, "nothing"), (1.6, "average"), (9.0, "all")])
def test_a_run_of_bad_batches_begins_anew_and_single_ones_do_not(worse, begins_anew):
    objective = make_problem(PROBLEMS["many rows"])
    theta = np.ones(objective.map.n_parameters)
    state = begin = StreamState(theta, theta, value=1.0, weight_seen=10.0, n_gradients=7)
    for value in [worse] * (PATIENCE - 1) + [1.0] + [worse] * (PATIENCE - 1):
        state = watched(objective, state, value)
    assert state.theta is theta and state.averaging_start == 0
    state = watched(objective, state, worse)
    if begins_anew == "nothing":
        assert state == begin
    if begins_anew == "average":
        assert state.theta is theta and state.averaging_start == state.weight_seen == 10
    if begins_anew == "all":
        assert not state.theta.any() and not state.average.any()
        assert state.weight_seen == state.known == state.n_gradients == 0


@STREAM
def test_rows_one_at_a_time_are_stable(solver):
    random = np.random.default_rng(0)
    X, y = labelled(random, 2000, random.normal(size=(4, 3)))
    X = X * [1, 10, 100, 1000] + 1e3
    model = SoftmaxRegression(solver=solver, batch_size=1)
    model.partial_fit(X, y, classes=[0, 1, 2])
    assert model.n_iter_ == 2000
    assert loss(model, X, y) <= 1.3 * loss(SoftmaxRegression().fit(X, y), X, y)


# -- the parts ------------------------------------------------------------------------------------


def test_a_preconditioner_serves_until_a_moment_has_grown():
    objective, method = make_problem(PROBLEMS["many rows"]), STREAMS["sgd"]()
    theta = objective.map.initial()
    state = method.advance(objective, StreamState(theta, theta))._replace(due=1e9)
    assert method.advance(objective, state).preconditioner is state.preconditioner
    rows = objective.objective.rows.map(lambda block: block._replace(X=3 * block.X))
    wider = SmoothProblem(replace(objective.objective, rows=rows))
    assert method.advance(wider, state).preconditioner is not state.preconditioner


def test_a_reduced_batch_has_the_gradient_of_all_rows_at_the_snapshot():
    objective = make_problem(PROBLEMS["many rows"])
    epochs = Epochs(STREAMS["sgd"]())
    state = epochs.step(objective, epochs.start(objective, objective.map.initial()))
    batch = next(objective.batches(100, np.random.default_rng(0)))
    reduced = VarianceReduced(batch, state.point)
    assert_allclose(reduced.observe(state.point.theta, True)[1], state.point.gradient, rtol=1e-12)
    theta = state.point.theta + 0.1
    change = reduced.observe(theta, True)[1] - state.point.gradient
    expected = batch.value_and_gradient(theta)[1] - batch.value_and_gradient(state.point.theta)[1]
    assert_allclose(change, expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["three classes", "weighted", "sparse", "single precision"])
def test_batches_are_all_rows_once_and_their_mean_is_the_whole(name):
    objective = make_problem(PROBLEMS[name])
    theta = np.linspace(-0.1, 0.1, objective.map.n_parameters)
    batches = list(objective.batches(7, np.random.default_rng(0)))
    assert [batch.n_rows for batch in batches[:-1]] == [7] * (len(batches) - 1)
    shares = [batch.n_rows / objective.n_rows for batch in batches]
    assert sum(shares) == pytest.approx(1)
    results = [batch.value_and_gradient(theta) for batch in batches]
    value, gradient = objective.value_and_gradient(theta)
    assert_allclose(sum(s * v for s, (v, _) in zip(shares, results, strict=True)), value)
    mean = sum(s * g for s, (_, g) in zip(shares, results, strict=True))
    assert_allclose(mean, gradient, rtol=1e-5, atol=1e-9)
    again = list(objective.batches(7, np.random.default_rng(0)))
    assert_array_equal(again[0].value_and_gradient(theta)[1], results[0][1])
    other = next(objective.batches(7, np.random.default_rng(1)))
    assert not np.array_equal(other.value_and_gradient(theta)[1], results[0][1])


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("class_weight", [None, {0: 3.0}])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_streams_take_soft_targets_and_smooth_labels(n_classes, class_weight, solver):
    X, y = draw(400, 5, n_classes)
    classes, share = np.arange(n_classes), 0.2
    target = (1 - share) * np.eye(n_classes)[y] + share / n_classes
    options = {"solver": solver, "class_weight": class_weight, "batch_size": 50}
    labels = SoftmaxRegression(label_smoothing=share, **options).partial_fit(X, y, classes)
    soft = SoftmaxRegression(**options).partial_fit(X, target, classes)
    assert_allclose(soft.coef_, labels.coef_, atol=1e-9)
    certain = SoftmaxRegression(**options).partial_fit(X, np.eye(n_classes)[y], classes)
    plain = SoftmaxRegression(**options).partial_fit(X, y, classes)
    assert_allclose(certain.coef_, plain.coef_, atol=1e-9)
    backwards = pd.DataFrame(target[:, ::-1], columns=classes[::-1])
    named = SoftmaxRegression(**options).partial_fit(X, backwards, classes)
    assert_allclose(named.coef_, soft.coef_, atol=1e-9)


def test_soft_targets_of_a_stream_need_a_column_for_each_class():
    X, y = draw(30, 2, 3)
    model = SoftmaxRegression(solver="sgd")
    with pytest.raises(ValueError, match=r"a column for each of classes=.*it has 3 columns"):
        model.partial_fit(X, np.eye(3)[y], classes=[0, 1])
    with pytest.raises(ValueError, match="row 4 is none"):
        target = np.eye(3)[y]
        target[4] = 0.5
        model.partial_fit(X, target, classes=[0, 1, 2])
    assert not hasattr(model, "coef_")


@STREAM
@pytest.mark.parametrize("spoilt_batch", [0, 1, 50])
@pytest.mark.parametrize("size", [1e4, -1e10, 1e50, -1e99])
def test_a_row_out_of_all_proportion_is_forgotten(solver, spoilt_batch, size):
    random = np.random.default_rng(0)
    coef = random.normal(size=(4, 3))
    clean, spoilt = (SoftmaxRegression(solver=solver) for _ in range(2))
    for number in range(200):
        X, y = labelled(random, 100, coef)
        clean.partial_fit(X, y, classes=[0, 1, 2])
        if number == spoilt_batch:
            X = X.copy()
            X[3, 1] = size
        spoilt.partial_fit(X, y, classes=[0, 1, 2])
    X, y = labelled(random, 2000, coef)
    assert loss(spoilt, X, y) <= 1.005 * loss(clean, X, y)
    assert spoilt.objective_ <= 2 * clean.objective_


@STREAM
def test_a_batch_out_of_range_changes_nothing(solver):
    X, y = draw(300, 4, 3)
    model = streamed(SoftmaxRegression(solver=solver), X, y)
    before = {**vars(model)}
    far = X.copy()
    far[7, 2] = 1e200
    with pytest.raises(ValueError, match="column 2 of X has an entry of magnitude 1e\\+200"):
        model.partial_fit(far, y)
    assert all(vars(model)[name] is value for name, value in before.items())
    model.partial_fit(X, y)
