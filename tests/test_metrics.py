"""Metrics of calibration against sums written out by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from sksoftmax import DecisionScores, SoftmaxTransformer, softmax
from sksoftmax.metrics import (
    classwise_calibration_error,
    expected_calibration_error,
    log_loss_decomposition,
    probability_scorer,
    refinement_loss,
    reliability,
)

METRICS = [
    expected_calibration_error,
    classwise_calibration_error,
    refinement_loss,
    lambda *a, **k: log_loss_decomposition(*a, **k).calibration,
    lambda *a, **k: expected_calibration_error(*a, strategy="quantile", **k),
    lambda *a, **k: classwise_calibration_error(*a, strategy="quantile", debiased=True, **k),
]
EACH = pytest.mark.parametrize("metric", METRICS)


def make_answers(n_samples=300, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    scores = 2 * rng.normal(size=(n_samples, n_classes))
    p = softmax(scores)
    y = (p.cumsum(axis=1) > rng.random((n_samples, 1))).argmax(axis=1)
    y[:n_classes] = np.arange(n_classes)
    return y, softmax(3 * scores), rng.random(n_samples) + 0.1


def brute_force(confidence, right, weight, n_bins):
    error = 0.0
    for b in range(n_bins):
        inside = (confidence >= b / n_bins) & (confidence < (b + 1) / n_bins)
        if b == n_bins - 1:
            inside |= confidence == 1
        if inside.any():
            w = weight[inside]
            gap = np.average(right[inside], weights=w) - np.average(confidence[inside], weights=w)
            error += w.sum() / weight.sum() * abs(gap)
    return error


@pytest.mark.parametrize("n_bins", [1, 7, 15])
@pytest.mark.parametrize("weighted", [False, True])
def test_errors_are_what_the_formulas_say(n_bins, weighted):
    y, p, weight = make_answers()
    sample_weight = weight if weighted else None
    weight = weight if weighted else np.ones(len(y))
    top = brute_force(p.max(axis=1), p.argmax(axis=1) == y, weight, n_bins)
    by_class = [brute_force(p[:, k], y == k, weight, n_bins) for k in range(3)]
    options = {"sample_weight": sample_weight, "n_bins": n_bins}
    assert_allclose(expected_calibration_error(y, p, **options), top)
    assert_allclose(classwise_calibration_error(y, p, **options), np.mean(by_class))


def test_equal_mass_bins_have_equal_mass():
    y, p, _ = make_answers()
    curve = reliability(y, p, n_bins=10, strategy="quantile")
    order = np.argsort(p.max(axis=1), kind="stable")
    parts = np.split(order, 10)
    assert_allclose(curve.weight, 30)
    assert_allclose(curve.confidence, [p.max(axis=1)[part].mean() for part in parts])
    assert_allclose(curve.accuracy, [(p.argmax(axis=1) == y)[part].mean() for part in parts])
    assert (curve.lower[1:] >= curve.upper[:-1]).all()


@EACH
def test_a_weight_of_two_is_the_row_twice(metric):
    y, p, _ = make_answers()
    times = np.random.default_rng(1).integers(0, 4, len(y))
    weighted = metric(y, p, sample_weight=times, labels=[0, 1, 2])
    repeated = metric(np.repeat(y, times), np.repeat(p, times, axis=0), labels=[0, 1, 2])
    assert_allclose(weighted, repeated, rtol=1e-8)


@EACH
def test_names_and_order_of_classes_do_not_matter(metric):
    y, p, _ = make_answers()
    expected = metric(y, p)
    assert_allclose(metric(np.array(["a", "b", "c"])[y], p), expected)
    order = [2, 0, 1]
    assert_allclose(metric(y, p[:, order], labels=order), expected, rtol=1e-6)
    assert_allclose(metric(y[::-1], p[::-1]), expected, rtol=1e-6)


@EACH
def test_two_classes_may_be_one_column(metric):
    y, p, _ = make_answers(n_classes=2)
    for one in (p[:, 1], p[:, 1:]):
        assert_allclose(metric(y, one), metric(y, p), rtol=1e-10)


@EACH
def test_labels_may_be_missing_where_they_are_named(metric):
    y, p, _ = make_answers()
    kept = y != 1
    assert np.isfinite(metric(y[kept], p[kept], labels=[0, 1, 2]))
    with pytest.raises(ValueError, match=r"2 classes, \[0, 2\].*3 columns: say labels="):
        metric(y[kept], p[kept])


def test_a_probability_of_one_is_in_the_last_bin():
    for strategy in ("uniform", "quantile"):
        curve = reliability([0, 1], [[1.0, 0.0], [0.0, 1.0]], strategy=strategy)
        assert curve.upper[-1] == 1 and curve.weight.tolist() == [2] and curve.accuracy == [1]


def test_an_edge_belongs_to_the_bin_above_it():
    curve = reliability([0, 1, 1], [0.25, 0.5, 0.75], label=1, n_bins=2)
    assert_allclose(curve.weight, [1, 2])


def test_bins_without_rows_are_left_out():
    curve = reliability([0, 1, 1], [0.05, 0.95, 1.0], label=1, n_bins=10)
    assert_allclose(curve.lower, [0, 0.9])
    assert_allclose(curve.confidence, [0.05, 0.975])
    assert_allclose(curve.weight, [1, 2])


def test_the_band_is_wilsons():
    y = np.array([1] * 8 + [0] * 2)
    curve = reliability(y, np.full(10, 0.8), label=1, n_bins=1)
    assert_allclose([curve.low[0], curve.high[0]], [0.4902, 0.9433], atol=1e-4)
    wider = reliability(y, np.full(10, 0.8), label=1, n_bins=1, level=0.99)
    assert wider.low < curve.low and wider.high > curve.high


def test_the_debiased_error_of_calibrated_answers_is_near_zero():
    plain, debiased = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        p = softmax(rng.normal(size=(200, 3)))
        y = (p.cumsum(axis=1) > rng.random((200, 1))).argmax(axis=1)
        plain.append(expected_calibration_error(y, p))
        debiased.append(expected_calibration_error(y, p, debiased=True))
    assert np.mean(debiased) < 0.7 * np.mean(plain)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("calibration", ["temperature", "vector", "matrix", "structured"])
def test_the_parts_of_log_loss_add_up(n_classes, calibration):
    y, p, weight = make_answers(n_classes=n_classes)
    parts = log_loss_decomposition(y, p, sample_weight=weight, calibration=calibration)
    assert_allclose(parts.log_loss, log_loss(y, p, sample_weight=weight), rtol=1e-9)
    assert_allclose(parts.calibration + parts.refinement, parts.log_loss, rtol=1e-14)
    assert parts.calibration > 0.1  # the answers are three times too sure
    assert parts.refinement == refinement_loss(y, p, sample_weight=weight, calibration=calibration)
    mended = SoftmaxTransformer(calibration, input="probabilities")
    p = mended.fit(p, y, sample_weight=weight).transform(p)
    assert_allclose(log_loss(y, p, sample_weight=weight), parts.refinement, rtol=1e-4)


def test_certain_answers_have_a_finite_loss():
    parts = log_loss_decomposition([0, 1, 1], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert np.isfinite(parts).all() and parts.refinement < 0.7


@pytest.mark.parametrize(
    "y, p, options, complaint",
    [
        ([0, 1], [[0.5, 0.6], [0.5, 0.5]], {}, "Row 0 of y_proba does not sum to 1"),
        ([0, 1], [0.5, 1.5], {}, "Row 1 of y_proba has a probability above 1"),
        ([0, 1], [0.5, np.nan], {}, "NaN"),
        ([0, 1, 1], [0.5, 0.5], {}, "inconsistent"),
        ([0, 5], [[0.5, 0.5]] * 2, {"labels": [0, 1]}, r"labels \[5\] that are not among"),
        ([0, 1], [0.5, 0.5], {"n_bins": 0}, "n_bins must be a positive integer"),
        ([0, 1], [0.5, 0.5], {"strategy": "even"}, "strategy must be one of"),
        ([0, 1], [0.5, 0.5], {"sample_weight": [-1, 1]}, "Negative"),
    ],
)
def test_bad_input_is_refused_and_named(y, p, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        expected_calibration_error(y, p, **options)
    with pytest.raises(ValueError, match="label=7 is not among the classes"):
        reliability([0, 1], [0.5, 0.5], label=7)


@pytest.mark.parametrize("metric", [expected_calibration_error, refinement_loss, log_loss])
def test_scorers_work_in_a_search_whose_folds_lack_classes(metric):
    X, y = load_iris(return_X_y=True)
    X, y = X[::7], np.array(["a", "b", "c"])[y][::7]
    shuffled = KFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(
        GaussianNB(), {"var_smoothing": [1e-9, 1e-1]},
        scoring=probability_scorer(metric), cv=shuffled,
    ).fit(X, y)  # fmt: skip
    assert (search.cv_results_["mean_test_score"] <= 0).all()


@pytest.mark.parametrize("metric", [*METRICS, log_loss])
@pytest.mark.parametrize("searched", [False, True])
def test_a_scorer_knows_the_classes_of_scores_whose_map_learns_nothing(metric, searched):
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(DecisionScores(GaussianNB(), cv=None), SoftmaxTransformer())
    score = probability_scorer(metric)
    if searched:
        grid = {"softmaxtransformer__temperature": [2.0]}
        pipeline = GridSearchCV(
            pipeline, grid, scoring=score, cv=KFold(2, shuffle=True, random_state=0)
        )
    pipeline.fit(X, y)
    expected = -metric(y[50:], pipeline.transform(X[50:]), labels=[0, 1, 2])
    assert_allclose(score(pipeline, X[50:], y[50:]), expected)
    pipeline.fit(X[:100], y[:100])
    with pytest.raises(ValueError, match="2"):
        score(pipeline, X[50:], y[50:])


def test_a_scorer_passes_weights_and_parameters():
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(X, y)
    weight = np.random.default_rng(0).random(150)
    scorer = probability_scorer(expected_calibration_error, n_bins=5, greater_is_better=True)
    expected = expected_calibration_error(y, model.predict_proba(X), sample_weight=weight, n_bins=5)
    assert scorer(model, X, y, sample_weight=weight) == expected
