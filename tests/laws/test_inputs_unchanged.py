"""No estimator, function or metric changes anything of what it is given, whatever form it has."""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
from inputs import DENSE, SPARSE, TENSORS, state
from numpy.testing import assert_allclose
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from sksoftmax import (
    DecisionScores,
    GroupLasso,
    ReliabilityDisplay,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
    cross_entropy,
    log_softmax,
    logsumexp,
    metrics,
    softmax,
)
from sksoftmax._solvers import SOLVERS, STREAMS

LABELS = np.random.default_rng(0).integers(0, 3, 90)
SOFT = 0.8 * np.random.default_rng(1).dirichlet(np.ones(3), 90) + 0.2 * np.eye(3)[LABELS]
WEIGHTS = np.random.default_rng(2).integers(0, 3, 90).astype(float)


@cache
def features():
    """Sparse features that tell the labels apart, in canonical format."""
    random = np.random.default_rng(3)
    values = random.integers(1, 9, (90, 24)) * (random.random((90, 24)) < 0.2) / 4
    values[:, 3:9:2] += LABELS[:, None] == np.arange(3)
    values[-1, :3] = 0
    return sp.csr_matrix(values)


@cache
def fitted(n_classes=3, sparse=False):
    model = SoftmaxRegression().fit(features(), np.minimum(LABELS, n_classes - 1))
    return model.sparsify() if sparse else model


def coefficients(**options):
    def task(X, y, w):
        model = SoftmaxRegression(tol=1e-8, random_state=0, **options).fit(X, y, w)
        return model.predict_proba(features())

    return task


def predictions(model, method):
    return lambda X, y, w: getattr(model(), method)(X)


def streamed(X, y, w):
    model = SoftmaxRegression(solver="sgd", batch_size=20, random_state=0)
    return model.partial_fit(X, y, [0, 1, 2], w).predict_proba(features())


def searched(**options):
    def task(X, y, w):
        model = SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=3, **options).fit(X, y, w)
        return [model.score(X, y, w), *model.scores_.ravel()]

    return task


def calibrated(estimator, **options):
    def task(X, y, w):
        model = SoftmaxCalibratedClassifier(estimator, cv=3, **options).fit(X, y, w)
        return model.predict_proba(X)

    return task


def cross_fitted(X, y, w):
    return DecisionScores(SVC(), cv=3).fit_transform(X, y, sample_weight=1 + w)


def pictured(X, y, w):
    curves = ReliabilityDisplay.from_estimator(fitted(), X, y, sample_weight=w).curves
    return [value for curve in curves.values() for value in np.ravel(curve)]


# What is done with features, labels and weights; each gives numbers that tell what was computed.
FEATURE_TASKS = {
    **{
        f"fit by {solver}": coefficients(solver=solver, max_iter=20 if solver in STREAMS else 1000)
        for solver in SOLVERS
    },
    "l1": coefficients(l1_ratio=1.0),
    "elastic net": coefficients(l1_ratio=0.5, class_weight="balanced"),
    "group lasso": coefficients(l1_ratio=0.5, penalty=GroupLasso()),
    "threads": coefficients(n_jobs=2),
    "early stopping": coefficients(early_stopping=True),
    "smoothed labels": coefficients(label_smoothing=0.1, class_weight={0: 1, 1: 2, 2: 1}),
    "one of the rest": lambda X, y, w: OneVsRestClassifier(SoftmaxRegression())
    .fit(X, y).predict_proba(X),
    "partial_fit": streamed,
    "search": searched(),
    "search for l1": searched(l1_ratios=[0.5]),
    "search with a scorer": searched(scoring="accuracy"),
    "calibrated": calibrated(SoftmaxRegression(), calibration="temperature"),
    "calibrated support vectors": lambda X, y, w: calibrated(SVC(), calibration="temperature")(
        X, y, 1 + w
    ),
    "cross-fitted scores": cross_fitted,
    "score": lambda X, y, w: fitted().score(X, y, w),
    "picture": pictured,
    **{
        f"{method} of {n_classes}{' sparsified' * sparse}": predictions(
            lambda n_classes=n_classes, sparse=sparse: fitted(n_classes, sparse), method
        )
        for method in ("decision_function", "predict", "predict_proba", "predict_log_proba")
        for n_classes in (2, 3)
        for sparse in (False, True)
    },
}  # fmt: skip


def transformed(calibration, **options):
    def task(scores, y, w):
        model = SoftmaxTransformer(calibration, **options).fit(scores, y, w)
        return model.inverse_transform(model.transform(scores))

    return task


# What is done with rows of probabilities, which may stand for scores.
SCORE_TASKS = {
    "softmax": lambda p, y, w: softmax(p),
    "log_softmax": lambda p, y, w: log_softmax(p, axis=0, temperature=2.0),
    "logsumexp": lambda p, y, w: logsumexp(p),
    "cross_entropy": lambda p, y, w: cross_entropy(
        p, y, sample_weight=w, label_smoothing=0.1, return_gradient=True
    )[1],
    "cross_entropy of targets": lambda p, y, w: cross_entropy(SOFT, p, sample_weight=w),
    "soft targets": lambda p, y, w: SoftmaxRegression(class_weight="balanced")
    .fit(features(), p, w).predict_proba(features()),
    "soft targets of streams": lambda p, y, w: SoftmaxRegression(solver="sgd", label_smoothing=0.1)
    .partial_fit(features(), p, named(p), w).coef_,
    **{f"transformer, {name}": transformed(name) for name in (None, "vector", "structured")},
    "transformer of probabilities": transformed("auto", input="probabilities", floor="auto"),
    "error": lambda p, y, w: metrics.expected_calibration_error(y, p, sample_weight=w),
    "errors of classes": lambda p, y, w: metrics.classwise_calibration_error(y, p, sample_weight=w),
    "reliability": lambda p, y, w: metrics.reliability(y, p, sample_weight=w).accuracy,
    "decomposition": lambda p, y, w: metrics.log_loss_decomposition(y, p, sample_weight=w),
}  # fmt: skip


def named(p):
    """The classes of soft targets: names of columns, where they have some."""
    return list(p.columns) if hasattr(p, "columns") else [0, 1, 2]


def check(task, given, expected, atol):
    before = deepcopy([state(part) for part in given])
    found = task(*given)
    assert [state(part) for part in given] == before
    assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=0, atol=atol)


@cache
def expected_of(name, form):
    """What a task gives of the plainest form."""
    values = features() if form == "sparse" else features().toarray()
    return FEATURE_TASKS[name](values.copy(), LABELS.copy(), WEIGHTS.copy())


# Support vector machines refuse 64-bit indices.
WITHOUT_INT64 = ("calibrated support vectors", "cross-fitted scores")
STREAMED = ("fit by sgd", "fit by adam", "partial_fit")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", FEATURE_TASKS)
def test_sparse_features_stay_as_they_are(name, no_window):
    expected = expected_of(name, "sparse")
    for form, make in SPARSE.items():
        if form == "all at once" and name in WITHOUT_INT64:
            continue
        # How many entries are stored may choose another way of equal right to what is no optimum.
        another_way = name in STREAMED and form in ("stored zeros", "BSR")
        atol = 0.2 if another_way else 1e-6
        check(FEATURE_TASKS[name], (make(features()), LABELS, WEIGHTS), expected, atol)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
@pytest.mark.parametrize("name", FEATURE_TASKS)
def test_dense_features_stay_as_they_are(name, no_window):
    expected = expected_of(name, "dense")
    for make in DENSE.values():
        check(FEATURE_TASKS[name], (make(features().toarray()), LABELS, WEIGHTS), expected, 1e-6)


@pytest.mark.parametrize("name", SCORE_TASKS)
def test_scores_stay_as_they_are(name):
    expected = SCORE_TASKS[name](SOFT.copy(), LABELS.copy(), WEIGHTS.copy())
    for make in (DENSE | TENSORS).values():
        check(SCORE_TASKS[name], (make(SOFT), LABELS, WEIGHTS), expected, 1e-9)


@pytest.mark.parametrize("dtype", [np.uint8, bool])
def test_duplicates_are_summed_in_their_own_dtype(dtype):
    # As `toarray` sums them: what is true twice is true, and 200 twice is 144 in a byte.
    entries = np.array([200, 200, 1] * 30, dtype=dtype), np.array([0, 0, 1] * 30)
    X = sp.csr_array((*entries, np.arange(0, 91, 3)), shape=(30, 2))
    y, before = np.arange(30) % 2, state(X)
    model = SoftmaxRegression().fit(X, y)
    assert state(X) == before
    assert_allclose(model.intercept_, SoftmaxRegression().fit(X.toarray(), y).intercept_, atol=1e-9)
    assert_allclose(model.predict_proba(X), model.predict_proba(X.toarray()))


def test_threads_that_share_features_do_not_disturb_each_other():
    X = SPARSE["duplicates"](features())
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: SoftmaxRegression().fit(X, LABELS), range(8)))
    expected = SoftmaxRegression().fit(features(), LABELS)
    for model in models:
        np.testing.assert_array_equal(model.coef_, expected.coef_)
