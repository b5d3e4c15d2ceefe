"""Calibrations: what is learned from scores and labels, as laws over all of them."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksoftmax import DecisionScores, SoftmaxTransformer
from sksoftmax._calibration import selection
from sksoftmax._calibration.learners import LEARNERS, _objective, family
from sksoftmax._calibration.sample import Sample
from sksoftmax._calibration.selection import (
    PRIOR,
    content_folds,
    content_numbers,
    drawn,
    held_out_losses,
    stacking_weights,
)
from sksoftmax._calibration.temperature import moments
from sksoftmax._calibration.transforms import (
    MatrixScaling,
    PolynomialScaling,
    TemperatureScaling,
    UniformMixture,
    VectorScaling,
    averaged,
    compact,
    forward,
)
from sksoftmax._objective.penalties import Ridge
from sksoftmax._objective.rows import rows_a_block
from sksoftmax._objective.scaling_maps import VectorMap
from sksoftmax._objective.score_maps import LinearMap
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax.metrics import probability_scorer

LEARNED = ["temperature", "vector", "matrix", "structured"]
EVERY = pytest.mark.parametrize("name", [*LEARNED, "auto"])
EACH = pytest.mark.parametrize("name", LEARNED)
COLUMNS = pytest.mark.parametrize("n_columns", [1, 2, 4])
COLUMN_NUMBERS = "ignore:y has . classes.*read as numbers of columns:UserWarning"
NOTHING_LEARNED = "ignore:The scores (are no better|tell the class|do not differ):UserWarning"


def draw(n_samples=300, n_columns=4, temperature=1.0, seed=0):
    """Scores, and labels drawn from the softmax of scores over temperature."""
    rng = np.random.default_rng(seed)
    scores = 2 * rng.normal(size=(n_samples, n_columns))
    both = np.hstack([0 * scores, scores]) if n_columns == 1 else scores
    p = scipy.special.softmax(both / temperature, axis=1)
    y = (p.cumsum(axis=1) > rng.random((n_samples, 1))).argmax(axis=1)
    y[: max(2, n_columns)] = np.arange(max(2, n_columns))
    return scores, y


def loss(transformer, scores, y):
    return log_loss(y, transformer.transform(scores), labels=transformer.classes_)


# scikit-learn's checks feed more columns than labels, and labels that have nothing to do with them.
@pytest.mark.filterwarnings(COLUMN_NUMBERS)
@pytest.mark.filterwarnings(NOTHING_LEARNED)
@parametrize_with_checks([SoftmaxTransformer(name) for name in [*LEARNED, "auto"]])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# -- the maps -----------------------------------------------------------------------------------

MAPS = {
    "vector": (VectorMap(4), 4),
    "matrix": (LinearMap(4, 4, np.zeros(4)), 4),
    "polynomial": (LinearMap(1, 2, np.zeros(2)), 2),
}


def problem(name):
    score_map, n_columns = MAPS[name]
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, n_columns))
    labels = rng.integers(0, max(2, score_map.n_scores), 40)
    strength = rng.random(score_map.n_parameters)
    sample = Sample.from_arrays(X, labels, rng.random(40) + 0.5)
    objective = _objective(sample, score_map, Ridge(strength, score_map.initial() + 0.1))
    return objective, rng.normal(size=score_map.n_parameters)


@pytest.mark.parametrize("name", MAPS)
def test_gradients_are_those_of_finite_differences(name):
    objective, theta = problem(name)
    _, gradient = objective.value_and_gradient(theta)
    numeric = scipy.optimize.approx_fprime(
        theta, lambda t: objective.value_and_gradient(t)[0], 1e-6
    )
    assert_allclose(gradient, numeric, atol=2e-5)


@pytest.mark.parametrize("name", MAPS)
def test_backward_is_the_transpose_of_forward(name):
    objective, theta = problem(name)
    rng = np.random.default_rng(2)
    for block in objective.rows:
        scores = objective.map.forward(objective.map.prepare(theta, np.dtype(float)), block.X)
        residual = rng.normal(size=scores.shape)
        gradient = objective.map.gradient(objective.map.backward(block.X, residual))
        assert_allclose(gradient @ theta, np.sum(residual * scores), rtol=1e-12)


@pytest.mark.parametrize("name", MAPS)
def test_hessians_are_those_of_finite_differences(name):
    objective, theta = problem(name)
    hessian = SmoothProblem(objective).hessian(theta)
    products = objective.hessian_product
    for direction in np.eye(len(theta)):
        step = 1e-5 * direction
        above, below = (objective.value_and_gradient(theta + s)[1] for s in (step, -step))
        numeric = (above - below) / 2e-5
        assert_allclose(products(theta, direction), numeric, atol=1e-7)
        if name != "matrix":  # whose common shift is given a curvature that it has not
            assert_allclose(hessian.solve(numeric), direction, atol=1e-5)


def test_diagonals_are_those_of_hessians():
    objective, _ = problem("vector")
    block = next(iter(objective.rows))
    p = scipy.special.softmax(np.random.default_rng(3).normal(size=(4, 40)), axis=0)
    p = p[: objective.map.n_scores]
    whole = objective.map.hessian_sums(block.X, p, block.weight)
    diagonal = objective.map.hessian_diagonal(block.X, p, block.weight)
    assert_allclose(diagonal, np.diag(whole), rtol=1e-10)


# -- the steps ----------------------------------------------------------------------------------

RNG = np.random.default_rng(5)
STEPS = {
    "scale": (TemperatureScaling(0.3), 4),
    "scale of two": (TemperatureScaling(3.0), 1),
    "mix": (UniformMixture(0.01), 4),
    "mix of two": (UniformMixture(0.01), 1),
    "vector": (VectorScaling(1 + RNG.random(4), RNG.normal(size=4)), 4),
    "matrix": (MatrixScaling(np.eye(4) + 0.2 * RNG.normal(size=(4, 4)), RNG.normal(size=4)), 4),
    "line": (PolynomialScaling(0.5, 2.0), 1),
    "parabola": (PolynomialScaling(0.5, 2.0, 0.01), 1),
    "beta": (PolynomialScaling(0.5, 2.0, 0.0, 1.5), 1),
    "all of a score": (PolynomialScaling(0.5, 2.0, 0.01, -1.5), 1),
    "squares": (MatrixScaling(np.eye(4), RNG.normal(size=4), 0.02 * RNG.normal(size=(4, 4))), 4),
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_keep_the_form_and_can_be_undone(name):
    step, n_columns = STEPS[name]
    scores = compact(draw(50, n_columns)[0])
    moved = step.forward(scores)
    assert moved.shape == scores.shape
    if n_columns > 1:
        assert_allclose(moved.sum(axis=1), 0, atol=1e-12)
    assert_allclose(step.inverse(moved), scores, atol=1e-9)


def test_a_probability_that_no_score_leads_to_is_refused():
    with pytest.raises(ValueError, match="Row 1 of X holds a probability more extreme"):
        UniformMixture(0.1).inverse(np.array([[0.0], [9.0]]))
    with pytest.raises(ValueError, match="Row 1 of X holds a probability that no score"):
        squares = MatrixScaling(0.1 * np.eye(3), np.zeros(3), np.diag([1.0, 0, 0]))
        squares.inverse(np.array([[0.1, 0.1, -0.2], [-18.0, 9.0, 9.0]]))
    with pytest.raises(ValueError, match="Row 0 of X holds a probability that no score"):
        PolynomialScaling(0.0, 0.1, 1.0).inverse(np.array([[-5.0]]))


def test_the_beta_term_makes_beta_calibration():
    """Kull, Silva Filho and Flach (2017): logit = a log(p) - c log(1 - p) + b."""
    a, b, c = 0.7, 0.3, 1.8
    scores = np.linspace(-30, 30, 61)[:, None]
    p, q = scipy.special.log_expit(scores), scipy.special.log_expit(-scores)
    step = PolynomialScaling(b + (c - a) * np.log(2), (a + c) / 2, beta=c - a)
    assert_allclose(step.forward(scores), a * p - c * q + b, rtol=1e-12)


@pytest.mark.parametrize("n_columns", [1, 4])
def test_scores_of_mean_parameters_are_mean_scores(n_columns):
    scores, y = draw(200, n_columns, 2.0)
    sample = Sample.from_arrays(compact(scores), y, np.ones(200))
    steps = [learn(sample) for learn in family(n_columns).values()]
    weights = np.arange(1.0, len(steps) + 1)
    weights /= weights.sum()
    mean = np.tensordot(weights, [step.forward(compact(scores)) for step in steps], axes=1)
    assert_allclose(averaged(steps, weights).forward(compact(scores)), mean, atol=1e-10)


@pytest.mark.parametrize("n_rows", [0, 3, 400])
def test_weights_of_maps_are_the_best_on_the_simplex(n_rows):
    rng = np.random.default_rng(n_rows)
    losses, weight = rng.exponential(size=(3, n_rows)), rng.integers(1, 4, n_rows)
    losses[1] *= 0.7

    def objective(free):
        w = scipy.special.softmax(free)
        return -weight @ np.log(w @ np.exp(-losses)) - PRIOR * np.log(w).sum()

    best = scipy.optimize.minimize(objective, np.zeros(3), tol=1e-12).x
    found = stacking_weights(losses, weight)
    assert_allclose(found, scipy.special.softmax(best), atol=1e-4)
    twice = stacking_weights(np.repeat(losses, weight, axis=1), np.ones(weight.sum()))
    assert_allclose(found, twice, rtol=1e-9)


def test_weights_of_maps_take_a_sample_of_many_rows(monkeypatch):
    scores, y = draw(4000, 3)
    sample = Sample.from_arrays(compact(scores), y, np.ones(4000))
    learners = tuple(family(3).values())
    assert held_out_losses(sample, learners)[0].shape == (len(learners), 4000)
    monkeypatch.setattr(selection, "ROWS_TO_DRAW", 500)
    assert 400 < held_out_losses(sample, learners)[0].shape[1] < 600


@pytest.mark.parametrize("n_columns", [1, 3])
def test_auto_is_near_the_best_map_and_takes_one_that_is_not_linear(n_columns):
    scores, y = draw(3000, n_columns)
    curved = np.exp(scores / 2)  # the scores that are right are not linear in these
    others, new_y = draw(3000, n_columns, seed=1)
    new = np.exp(others / 2)
    losses = {n: loss(SoftmaxTransformer(n).fit(curved, y), new, new_y) for n in [*LEARNED, "auto"]}
    auto = losses.pop("auto")
    assert auto <= min(losses.values()) + (0.002 if n_columns == 1 else -0.002)


@EVERY
@COLUMNS
@pytest.mark.parametrize("input", ["scores", "probabilities"])
def test_inverse_transform_is_exact(name, n_columns, input):
    scores, y = draw(200, n_columns)
    X = scores
    if input == "probabilities":
        X = scipy.special.softmax(np.hstack([0 * scores[:, :1], scores]), axis=1)[:, -n_columns:]
        X = X / X.sum(axis=1, keepdims=True) if n_columns > 1 else X
    transformer = SoftmaxTransformer(name, input=input, temperature=1.5).fit(X, y)
    p = transformer.transform(X)
    inverse = transformer.inverse_transform(p)
    assert inverse.shape == X.shape
    assert_allclose(transformer.transform(inverse), p, atol=1e-10)
    if input == "scores" and n_columns > 1:
        assert_allclose(inverse, X - X.mean(axis=1, keepdims=True), atol=1e-7)


@pytest.mark.parametrize("name", ["structured", "auto"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@COLUMNS
def test_what_transform_gives_of_rows_that_are_certain_can_be_undone(name, dtype, n_columns):
    """In the mixture with equal probabilities such scores are lost: others lead to the same."""
    scores, y = draw(200, n_columns)
    transformer = SoftmaxTransformer(name).fit(scores, y)
    for scale in (3, 10, 100):
        p = transformer.transform((scale * scores).astype(dtype))
        p = p[(p > 0).all(axis=1)]  # a line or a parabola may lead to 0
        again = transformer.transform(transformer.inverse_transform(p))
        assert_allclose(again, p, rtol=2e4 * np.finfo(dtype).eps)


# -- what is learned ----------------------------------------------------------------------------


@COLUMNS
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_planted_temperature_is_found(n_columns, temperature):
    scores, y = draw(20_000, n_columns, temperature)
    learned = SoftmaxTransformer("temperature").fit(scores, y)
    assert_allclose(learned.temperature_, temperature, rtol=0.05)
    # Softmax of calibrated scores, taken for scores, has nothing left to learn.
    again = SoftmaxTransformer("temperature", input="probabilities")
    again.fit(learned.transform(scores), y)
    assert_allclose(again.temperature_, 1, rtol=1e-5)


@COLUMNS
def test_the_temperature_is_the_best_one(n_columns):
    scores, y = draw(400, n_columns, 2.0)
    both = np.hstack([0 * scores, scores]) if n_columns == 1 else scores

    def mean_loss(beta):
        p = scipy.special.log_softmax(beta * both, axis=1)
        return -p[np.arange(len(y)), y].mean()

    best = scipy.optimize.minimize_scalar(mean_loss, bounds=(1e-3, 10), options={"xatol": 1e-10})
    learned = SoftmaxTransformer("temperature").fit(scores, y)
    assert_allclose(learned.temperature_, 1 / best.x, rtol=1e-5)


def hostile(n_columns, kind):
    """Scores and labels on which a plain Newton step goes astray."""
    scores, y = draw(2000, n_columns, 2.0)
    if kind == "outlier":
        both = np.hstack([0 * scores, scores]) if n_columns == 1 else scores
        scores[(both.argmax(axis=1) == y).argmax()] *= 1e6
    elif kind == "noise":
        y = np.random.default_rng(5).permutation(y)
        y[:200] = draw(200, n_columns, 2.0)[1]
    elif kind == "nearly separated":
        margin = 2 * (y == 1) - 1 if n_columns == 1 else 2 * np.eye(n_columns)[y]
        scores = 0.01 * scores + np.reshape(margin, (len(y), -1))
        y[:1] = (y[0] + 1) % max(2, n_columns)
    return scores, y


@COLUMNS
@pytest.mark.parametrize("kind", ["plain", "outlier", "noise", "nearly separated"])
@pytest.mark.parametrize("unit", [1e-90, 1.0, 1e90])
def test_the_mean_score_is_that_of_the_labels_at_the_best_temperature(n_columns, kind, unit):
    scores, y = hostile(n_columns, kind)
    both = np.hstack([0 * scores, scores]) if n_columns == 1 else scores
    learned = SoftmaxTransformer("temperature").fit(unit * scores, y)
    excess = scipy.special.softmax(both / (learned.temperature_ / unit), axis=1)
    excess[np.arange(len(y)), y] -= 1
    moved = (excess * both).sum(axis=1)
    assert abs(moved.sum()) < 1e-8 * np.abs(moved).sum()


@pytest.mark.parametrize("n_columns", [1, 3])
def test_a_sample_of_many_rows_is_only_the_start(n_columns, monkeypatch):
    scores, y = draw(80_000, n_columns, 2.0)
    n_read = []

    def counted(beta, block):
        n_read.append(len(block.weight))
        return moments(beta, block)

    monkeypatch.setattr("sksoftmax._calibration.temperature.moments", counted)
    begun = SoftmaxTransformer("temperature").fit(scores, y).temperature_
    assert sum(n_read) < 5 * len(y)
    monkeypatch.setattr("sksoftmax._calibration.temperature.ROWS_TO_BEGIN_WITH", 80_000)
    assert_allclose(SoftmaxTransformer("temperature").fit(scores, y).temperature_, begun, rtol=1e-8)


@pytest.mark.parametrize("name", ["vector", "matrix", "structured"])
def test_many_rows_have_one_optimum_whatever_sample_they_begin_with(name, monkeypatch):
    scores, y = draw(12_000, 3, 2.0)
    begun = SoftmaxTransformer(name).fit(scores, y).transform(scores)
    monkeypatch.setattr("sksoftmax._calibration.learners.MOST_PARAMETERS", 0)
    monkeypatch.setattr("sksoftmax._calibration.learners.DESCENT_TOL", 1e-12)
    whole = SoftmaxTransformer(name).fit(scores, y).transform(scores)
    assert_allclose(begun, whole, atol=5e-5)
    assert not np.array_equal(begun, whole)


def test_two_classes_are_platt_scaling():
    scores, y = draw(20_000, 1, 2.0)
    # scikit-learn 1.8 warns of C=inf; beside the loss of 20,000 rows this penalty is nothing.
    platt = LogisticRegression(C=1e9, tol=1e-8).fit(scores + 1, y)
    ours = SoftmaxTransformer("vector").fit(scores + 1, y)
    assert_allclose(ours.transform(scores + 1), platt.predict_proba(scores + 1), atol=1e-3)


@pytest.mark.parametrize("name", ["matrix", "structured"])
def test_the_matrix_is_the_best_under_its_ridge(name):
    """An independent minimisation, as the formula has it."""
    scores, y = draw(150, 3, 2.0)
    learned = LEARNERS[name](Sample.from_arrays(compact(scores), y, np.ones(150)))
    *first, step = learned.steps
    n, k = 150, 3
    heat = SoftmaxTransformer("temperature").fit(scores, y).temperature_
    p = scipy.special.softmax(scores / heat, axis=1)
    if name == "structured":
        p = n / (n + 1) * p + 1 / ((n + 1) * k)
    z = np.log(p) - np.log(p).mean(axis=1, keepdims=True)
    assert_allclose(forward(first, compact(scores)), z, atol=1e-7)
    off = k * (k - 1) / n if name == "structured" else k / n

    def objective(flat):
        extra, bias = flat[:9].reshape(3, 3), flat[9:]
        p = scipy.special.log_softmax(z + z @ extra.T + bias, axis=1)
        strength = np.where(np.eye(3, dtype=bool), k / n, off)
        ridge = np.sum(strength * extra**2) + k / n * bias @ bias
        return -p[np.arange(n), y].mean() + ridge

    best = scipy.optimize.minimize(objective, np.zeros(12), tol=1e-10)
    mine = objective(np.concatenate([(step.matrix - np.eye(3)).ravel(), step.bias]))
    assert best.fun <= mine + 1e-9
    assert_allclose(mine, best.fun, rtol=2e-6)


@pytest.mark.parametrize("n_columns", [1, 3])
@pytest.mark.parametrize("most", [500, 10**6])
def test_rows_are_drawn_by_content_whatever_their_block(n_columns, most, monkeypatch):
    monkeypatch.setattr(selection, "ROWS_TO_DRAW", most)
    n_rows = rows_a_block(n_columns, np.dtype(float), n_columns) + 1
    scores, y = draw(n_rows, n_columns)
    scores = compact(scores) if n_columns > 1 else scores
    weight = np.arange(n_rows) + 0.5
    sample = Sample.from_arrays(scores, y, weight)
    assert [len(block.weight) for block in sample.rows][-1] == 1
    one_in = -(-n_rows // most)
    kept = content_numbers(scores) // selection.N_FOLDS % one_in == 0
    found = drawn(sample)
    assert_array_equal(found.X, scores[kept])
    assert_array_equal(found.target, y[kept])
    assert_array_equal(found.weight, weight[kept])
    assert SoftmaxTransformer("auto").fit(scores, y).temperature_ > 0


@EACH
def test_little_weight_leaves_the_scores_as_they_are(name):
    """A huge ridge is the identity, after the temperature."""
    scores, y = draw(100, 4)
    learned = LEARNERS[name](Sample.from_arrays(compact(scores), y, np.full(100, 1e-9)))
    kinds = (TemperatureScaling, UniformMixture)
    unlearned = [step for step in learned.steps if isinstance(step, kinds)]
    expected = forward(unlearned, compact(scores))
    assert_allclose(forward(learned.steps, compact(scores)), expected, atol=1e-6)


@EVERY
@COLUMNS
def test_calibration_helps_on_new_rows(name, n_columns):
    scores, y = draw(2000, n_columns, 4.0)
    new_scores, new_y = draw(2000, n_columns, 4.0, seed=1)
    plain = SoftmaxTransformer(classes=np.unique(y)).fit(scores)
    learned = SoftmaxTransformer(name).fit(scores, y)
    assert loss(learned, new_scores, new_y) < loss(plain, new_scores, new_y) - 0.05


def test_auto_leaves_calibrated_scores_nearly_alone():
    scores, y = draw(3000, 4)
    new_scores, new_y = draw(3000, 4, seed=1)
    plain = SoftmaxTransformer(classes=np.arange(4)).fit(scores)
    learned = SoftmaxTransformer("auto").fit(scores, y)
    assert loss(learned, new_scores, new_y) <= loss(plain, new_scores, new_y) + 1e-3
    assert learned.calibration_ in (None, *LEARNED)


# -- invariances --------------------------------------------------------------------------------


@EVERY
@COLUMNS
def test_a_weight_of_two_is_the_row_twice(name, n_columns):
    scores, y = draw(120, n_columns, 2.0)
    times = np.random.default_rng(3).integers(0, 4, 120)
    weighted = SoftmaxTransformer(name, classes=np.unique(y)).fit(scores, y, sample_weight=times)
    repeated = SoftmaxTransformer(name, classes=np.unique(y))
    repeated.fit(np.repeat(scores, times, axis=0), np.repeat(y, times))
    assert weighted.calibration_ == repeated.calibration_
    assert_allclose(weighted.transform(scores), repeated.transform(scores), atol=1e-7)


@EVERY
def test_the_order_of_rows_and_the_names_of_classes_do_not_matter(name):
    scores, y = draw(200, 3, 2.0)
    expected = SoftmaxTransformer(name).fit(scores, y).transform(scores)
    order = np.random.default_rng(4).permutation(200)
    shuffled = SoftmaxTransformer(name).fit(scores[order], y[order]).transform(scores)
    assert_allclose(shuffled, expected, atol=1e-5)
    for names in (["x", "y", "z"], [-5, 1, 2], [1.0, 2.0, 5.0]):
        named = SoftmaxTransformer(name).fit(scores, np.array(names)[y])
        assert_array_equal(named.classes_, names)
        assert_array_equal(named.transform(scores), expected)


@EVERY
def test_the_order_of_classes_does_not_matter(name):
    scores, y = draw(200, 4, 2.0)
    expected = SoftmaxTransformer(name).fit(scores, y)
    order = np.array([2, 0, 3, 1])
    moved = SoftmaxTransformer(name, classes=order).fit(scores[:, order], y)
    assert moved.calibration_ == expected.calibration_
    difference = moved.transform(scores[:, order]) - expected.transform(scores)[:, order]
    assert np.abs(difference).max() < 3e-3  # within the solver's tolerance


@EACH  # but "auto", whose folds are drawn by content
@COLUMNS
def test_units_and_offsets_of_scores_do_not_matter(name, n_columns):
    scores, y = draw(200, n_columns, 2.0)
    expected = SoftmaxTransformer(name).fit(scores, y).transform(scores)
    for unit in (1e-8, 1e6):
        offset = 0.0 if n_columns == 1 else unit * np.arange(200.0)[:, None]
        moved = SoftmaxTransformer(name).fit(unit * scores + offset, y)
        assert_allclose(moved.transform(unit * scores + offset), expected, atol=1e-5)


@EVERY
@COLUMNS
def test_a_row_is_answered_by_itself(name, n_columns):
    scores, y = draw(200, n_columns, 2.0)
    transformer = SoftmaxTransformer(name).fit(scores, y)
    together = transformer.transform(scores)
    alone = np.vstack([transformer.transform(row[None, :]) for row in scores])
    assert_allclose(together, alone, rtol=1e-11)


def test_folds_depend_on_the_row_alone():
    scores, _ = draw(500, 4)
    folds = content_folds(scores)
    assert_array_equal(content_folds(scores[::-1])[::-1], folds)
    assert_array_equal(content_folds(scores[:, ::-1]), folds)
    assert np.bincount(folds.astype(int), minlength=5).min() > 60


@EVERY
@COLUMNS
def test_float32_is_kept(name, n_columns):
    scores, y = draw(200, n_columns, 2.0)
    single = scores.astype(np.float32)
    answer = SoftmaxTransformer(name).fit(single, y).transform(single)
    assert answer.dtype == np.float32
    exact = SoftmaxTransformer(name).fit(single.astype(float), y).transform(single.astype(float))
    assert_allclose(answer, exact, atol=1e-6)


def test_torch_in_torch_out():
    torch = pytest.importorskip("torch")
    scores, y = draw(100, 3)
    transformer = SoftmaxTransformer("vector").fit(scores, y)
    tensor = torch.tensor(scores, dtype=torch.float32)
    answer = transformer.transform(tensor)
    assert isinstance(answer, torch.Tensor) and answer.dtype == torch.float32
    assert_allclose(answer.numpy(), transformer.transform(scores), atol=1e-6)


# -- labels, classes, weights -------------------------------------------------------------------


@EVERY
def test_a_series_of_labels_with_an_odd_index_is_taken(name):
    scores, y = draw(100, 3)
    series = pd.Series(y, index=np.arange(100) + 1000)
    frame = pd.DataFrame(scores, columns=list("abc"), index=series.index)
    learned = SoftmaxTransformer(name).fit(frame, series)
    expected = SoftmaxTransformer(name).fit(scores, y)
    assert_array_equal(learned.transform(frame), expected.transform(scores))


@EVERY
def test_a_class_may_be_missing_where_classes_are_named(name):
    scores, y = draw(200, 4)
    kept = y != 2
    transformer = SoftmaxTransformer(name, classes=["a", "b", "c", "d"])
    transformer.fit(scores[kept], np.array(["a", "b", "c", "d"])[y[kept]])
    assert_array_equal(transformer.classes_, ["a", "b", "c", "d"])
    answer = transformer.transform(scores)
    assert np.isfinite(answer).all() and answer.shape == (200, 4)


def test_column_numbers_are_taken_with_a_warning():
    scores, y = draw(100, 4)
    kept = y != 3
    with pytest.warns(UserWarning, match=r"3 classes, \[0, 1, 2\].*4 columns.*classes="):
        learned = SoftmaxTransformer("vector").fit(scores[kept], y[kept])
    named = SoftmaxTransformer("vector", classes=range(4)).fit(scores[kept], y[kept])
    assert_array_equal(learned.transform(scores), named.transform(scores))


@pytest.mark.parametrize(
    "parameters, labels, complaint",
    [
        ({}, ["a", "b"], r"y has 2 classes, \['a', 'b'\], and the scores have 3 columns"),
        ({}, [1, 2, 3, 4], r"4 classes, \[1, 2, 3, 4\], and the scores have 3 columns"),
        ({}, [1, 5], r"2 classes, \[1, 5\], and the scores have 3 columns"),
        ({"classes": ["a", "b"]}, ["a", "b"], "classes names 2 classes.*3 columns"),
        ({"classes": ["a", "b", "c"]}, ["a", "x"], r"labels \['x'\].*classes \['a', 'b', 'c'\]"),
        ({"classes": ["a", "b", "b"]}, ["a", "b"], "different labels"),
        ({"target_priors": [0.5, 0.5]}, [0, 1, 2], "one number for each of 3 classes"),
        ({"target_priors": [0.5, 0.5, 0.5]}, [0, 1, 2], "sum to 1"),
        ({"target_priors": {0: 0.5, 1: 0.5}}, [0, 1, 2], "target_priors has the keys"),
        ({"floor": 0.1}, [0, 1, 2], "floor=0.1 has no meaning for scores"),
    ],
)
def test_what_does_not_match_is_named(parameters, labels, complaint):
    scores = draw(12, 3)[0]
    y = np.resize(labels, 12)
    with pytest.raises(ValueError, match=complaint):
        SoftmaxTransformer("temperature", **parameters).fit(scores, y)


@EVERY
def test_labels_are_required(name):
    with pytest.raises(ValueError, match="requires y to be passed"):
        SoftmaxTransformer(name).fit(draw()[0])


# -- degenerate samples ---------------------------------------------------------------------------


@EVERY
@COLUMNS
@pytest.mark.parametrize("kind", ["separable", "reversed", "constant", "tiny"])
def test_scores_that_say_nothing_or_all_warn_and_stay_finite(name, n_columns, kind):
    _, y = draw(60, n_columns)
    own = np.eye(max(2, n_columns))[y]
    own = 2 * own[:, 1:] - 1 if n_columns == 1 else own
    scores = {"separable": own, "reversed": -own, "constant": 0 * own, "tiny": 1e-310 * own}[kind]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        transformer = SoftmaxTransformer(name).fit(scores, y)
    told = [str(w.message) for w in caught]
    assert all(message.startswith("The scores") for message in told)
    # What "auto" chooses may need no temperature; every other calibration begins with one.
    assert told or (name == "auto" and transformer.calibration_ is None)
    assert 0 < transformer.temperature_ < np.inf
    answer = transformer.transform(scores)
    assert np.isfinite(answer).all()
    assert_allclose(answer.sum(axis=1), 1)


def test_separable_scores_do_not_get_a_wild_temperature():
    scores = np.tile([[-1.0], [1.0]], (50, 1))
    with pytest.warns(UserWarning, match="best temperature is 0"):
        learned = SoftmaxTransformer("temperature").fit(scores, np.tile([0, 1], 50))
    assert 0.05 < learned.temperature_ < 1


# -- floor, priors, temperature -----------------------------------------------------------------


def test_a_floor_is_mixed_in():
    p = np.array([[0.0, 0.25, 0.75], [0.2, 0.3, 0.5]])
    transformer = SoftmaxTransformer(input="probabilities", floor=0.3).fit(p)
    assert_allclose(transformer.transform(p), 0.7 * p + 0.1, rtol=1e-12)
    assert_allclose(transformer.inverse_transform(transformer.transform(p)), p, atol=1e-12)
    with pytest.raises(ValueError, match="below the floor"):
        transformer.inverse_transform([[0.0, 0.5, 0.5]])


@pytest.mark.parametrize("n_rows", [12, 60, 300])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_no_floor_is_learned_that_the_sample_cannot_judge(n_rows, n_classes):
    """Columns that are certain of most rows, and never wrong yet: as of a forest of few trees."""
    rng = np.random.default_rng(n_rows)
    y = np.arange(n_rows) % n_classes
    p = np.full((n_rows, n_classes), 0.4 / (n_classes - 1))
    p[np.arange(n_rows), y] = 0.6  # as sure as is right of rows that are not certain
    p[: n_rows // 3 : 2] = np.roll(p[: n_rows // 3 : 2], 1, axis=1)
    p[n_rows // 3 :] = np.eye(n_classes)[y[n_rows // 3 :]]
    model = SoftmaxTransformer("temperature", input="probabilities", floor="auto").fit(p, y)
    assert model.floor_ >= 0.9 / (n_rows + 1)
    wrong = model.transform(np.eye(n_classes)[:1])[0, 1]
    assert -np.log(wrong) < 2 * np.log(n_classes * (n_rows + 1))
    times = rng.integers(1, 4, n_rows)
    weighted = SoftmaxTransformer("temperature", input="probabilities", floor="auto")
    repeated = clone(weighted).fit(np.repeat(p, times, axis=0), np.repeat(y, times))
    assert weighted.fit(p, y, sample_weight=times).floor_ == repeated.floor_


@pytest.mark.parametrize("name", [None, *LEARNED])
def test_a_floor_is_learned(name):
    """A model that is certain, and wrong one time in ten, needs a floor and gets a high one."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 500)
    said = np.where(rng.random(500) < 0.1, rng.integers(0, 3, 500), y)
    p = np.where(rng.random((500, 1)) < 0.3, np.eye(3)[said], 0.6 * np.eye(3)[said] + 0.4 / 3)
    learned = SoftmaxTransformer(name, input="probabilities", floor="auto").fit(p, y)
    none = SoftmaxTransformer(name, input="probabilities", floor=1.2e-38, classes=range(3))
    assert learned.floor_ > 1e-4
    assert loss(learned, p, y) < loss(none.fit(p, y), p, y)


@pytest.mark.filterwarnings(NOTHING_LEARNED)
def test_a_floor_of_many_rows_is_learned_from_some_of_them(monkeypatch):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 4000)
    said = p.argmax(axis=1)
    y = np.where(rng.random(4000) < 0.2, rng.integers(0, 3, 4000), said)
    p = 0.999 * np.eye(3)[said] + 0.001 * p
    whole = SoftmaxTransformer(input="probabilities", floor="auto").fit(p, y)
    monkeypatch.setattr(selection, "ROWS_TO_DRAW", 1000)
    some = SoftmaxTransformer(input="probabilities", floor="auto").fit(p, y)
    assert whole.floor_ == some.floor_ == 0.1
    order = rng.permutation(4000)
    shuffled = SoftmaxTransformer(input="probabilities", floor="auto").fit(p[order], y[order])
    assert shuffled.floor_ == some.floor_
    # Of rows that are all alike none may be drawn, and all are taken.
    alike = np.full((4000, 3), 1 / 3)
    SoftmaxTransformer("temperature", input="probabilities", floor="auto").fit(alike, y)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("name", [None, "temperature", "vector"])
def test_target_priors_multiply_the_odds(name, temperature):
    scores, y = draw(500, 3)
    options = {"temperature": temperature, "classes": range(3)}
    target = np.array([0.6, 0.3, 0.1])
    plain = SoftmaxTransformer(name, **options).fit(scores, y).transform(scores)
    expected = plain * target / (np.bincount(y) / 500)
    expected /= expected.sum(axis=1, keepdims=True)
    for priors in (target, {0: 0.6, 2: 0.1, 1: 0.3}):
        shifted = SoftmaxTransformer(name, target_priors=priors, **options).fit(scores, y)
        assert_allclose(shifted.transform(scores), expected, rtol=1e-10)
        assert_allclose(shifted.transform(shifted.inverse_transform(expected)), expected, rtol=1e-8)


def test_target_priors_need_every_class():
    scores, y = draw(100, 3)
    transformer = SoftmaxTransformer(classes=range(3), target_priors=[0.2, 0.3, 0.5])
    with pytest.raises(ValueError, match="none of class 2"):
        transformer.fit(scores[y != 2], y[y != 2])


@EVERY
def test_temperature_comes_after_the_map(name):
    scores, y = draw(200, 3, 2.0)
    one = SoftmaxTransformer(name).fit(scores, y)
    two = SoftmaxTransformer(name, temperature=2.0).fit(scores, y)
    expected = np.sqrt(one.transform(scores))
    expected /= expected.sum(axis=1, keepdims=True)
    assert_allclose(two.transform(scores), expected, rtol=1e-10)
    assert_allclose(two.temperature_, 2 * one.temperature_)


def test_a_grid_search_over_calibrations():
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(DecisionScores(LinearSVC(random_state=0)), SoftmaxTransformer())
    grid = [
        {"softmaxtransformer__calibration": [None, "temperature", "structured"]},
        {"softmaxtransformer__temperature": [0.3, 3.0]},
    ]
    scoring, cv = probability_scorer(log_loss), StratifiedKFold(3)
    search = GridSearchCV(pipeline, grid, scoring=scoring, cv=cv)
    search.fit(X, np.array(["a", "b", "c"])[y])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_ == {"softmaxtransformer__calibration": "structured"}
