"""What is a matrix of floats, or a row of numbers, is one wherever it is passed."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from inputs import DENSE, TENSORS, Bfloat16, Tensor, names
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB

from sksoftmax import (
    DecisionScores,
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

pytest.importorskip("pyarrow", reason="pyarrow is not installed")
LABELS = np.random.default_rng(0).integers(0, 3, 80)
X = np.eye(3)[LABELS] + np.random.default_rng(1).normal(size=(80, 3))
WEIGHTS = np.random.default_rng(2).integers(1, 4, 80)
PROBABILITIES = softmax(X)

# Each of them is a function of a one-dimensional array, and gives its equal.
VECTORS = {
    "nullable": lambda values: pd.Series(values, dtype=str(values.dtype).title()),
    "Arrow's": lambda values: pd.Series(
        values, dtype={"i": "int64[pyarrow]", "f": "double[pyarrow]"}[values.dtype.kind]
    ),
    "polars'": pl.Series,
    "a list": np.ndarray.tolist,
    "a tensor": Tensor,
}

TASKS = {
    "fit": lambda y, w: SoftmaxRegression().fit(X, y, w).coef_,
    "score": lambda y, w: SoftmaxRegression().fit(X, LABELS).score(X, y, w),
    "stream": lambda y, w: SoftmaxRegression(solver="sgd").partial_fit(X, y, [0, 1, 2], w).coef_,
    "search": lambda y, w: SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=2).fit(X, y, w).score(X, y, w),
    "transformer": lambda y, w: SoftmaxTransformer("vector").fit(X, y, w).transform(X),
    "error": lambda y, w: metrics.classwise_calibration_error(y, PROBABILITIES, sample_weight=w),
    "cross_entropy": lambda y, w: cross_entropy(X, y, sample_weight=w),
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("form", VECTORS)
def test_labels_and_weights_in_any_form_are_those_of_the_array(form, task):
    run, make, weights = TASKS[task], VECTORS[form], WEIGHTS.astype(float)
    expected = run(LABELS, weights)
    for given in ((make(LABELS), weights), (LABELS, make(weights)), (LABELS, make(WEIGHTS))):
        assert_allclose(run(*given), expected, atol=1e-12)


class Framed(ClassifierMixin, BaseEstimator):
    """A classifier whose answers are frames, or whatever is made of them."""

    def __init__(self, make=None, method="predict_proba"):
        self.make, self.method = make, method

    def fit(self, X, y):
        self.inner_ = GaussianNB().fit(X, y)
        self.classes_, self.n_features_in_ = self.inner_.classes_, X.shape[1]
        return self

    def __getattr__(self, name):
        if name.startswith("__") or name != self.__dict__.get("method"):
            raise AttributeError(name)
        return lambda X: self.make(getattr(self.inner_, FROM.get(name, name))(X))


FROM = {"decision_function": "predict_log_proba"}
ANSWERS = {
    "pandas": lambda values: pd.DataFrame(values, columns=[0, 1, 2]),
    "nullable": lambda values: pd.DataFrame(values, columns=[0, 1, 2], dtype="Float64"),
    "Arrow": lambda values: pd.DataFrame(values, dtype="double[pyarrow]"),
    "polars": lambda values: pl.DataFrame(values, schema=["0", "1", "2"]),
    "a tensor": Tensor,
}


@pytest.mark.parametrize("method", ["decision_function", "predict_log_proba", "predict_proba"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_classifier_may_answer_by_any_of_them(answer, method):
    framed, plain = Framed(ANSWERS[answer], method), Framed(np.copy, method)
    for wrapper in (
        lambda inner: SoftmaxCalibratedClassifier(inner, "vector", cv=3).fit(X, LABELS)
        .predict_proba(X),
        lambda inner: DecisionScores(inner, cv=3).fit_transform(X, LABELS),
        lambda inner: DecisionScores(inner).fit(X, LABELS).transform(X),
    ):  # fmt: skip
        assert_allclose(wrapper(framed), wrapper(plain))


@pytest.mark.parametrize("metric", [metrics.expected_calibration_error, log_loss])
@pytest.mark.parametrize("answer", ANSWERS)
def test_scorers_and_pictures_take_such_a_classifier(answer, metric, no_window):
    framed, plain = (Framed(make).fit(X, LABELS) for make in (ANSWERS[answer], np.copy))
    scorer = metrics.probability_scorer(metric)
    assert_allclose(scorer(framed, X, LABELS), scorer(plain, X, LABELS))
    found, expected = (
        ReliabilityDisplay.from_estimator(model, X, LABELS).curves.values()
        for model in (framed, plain)
    )
    assert_allclose(list(found), list(expected))


MISSING = {
    "Float64": pd.DataFrame([[1, 2, 3], [1, None, 3]], dtype="Float64"),
    "Float32": pd.DataFrame([[1, 2, 3], [1, None, 3]], dtype="Float32"),
    "Int64": pd.DataFrame([[1, 2, 3], [1, None, 3]], dtype="Int64"),
    "Arrow": pd.DataFrame([[1, 2, 3], [1, None, 3]], dtype="double[pyarrow]"),
    "integers of Arrow": pd.DataFrame([[1, 2, 3], [1, None, 3]], dtype="int64[pyarrow]"),
    "polars": pl.DataFrame([[1, 2, 3], [1, None, 3]], orient="row"),
}


@pytest.mark.parametrize("frame", MISSING.values(), ids=MISSING)
@pytest.mark.parametrize("function", [softmax, log_softmax, logsumexp])
def test_what_is_missing_makes_its_row_nan(function, frame):
    values = np.array([[1, 2, 3], [1, np.nan, 3]])
    assert_allclose(function(frame), function(values), rtol=1e-6)
    if function is not logsumexp:
        kept = ~np.isnan(values)
        assert_allclose(function(frame, where=kept), function(values, where=kept), rtol=1e-6)


@pytest.mark.parametrize("frame", MISSING.values(), ids=MISSING)
def test_what_is_missing_is_refused_where_it_has_no_meaning(frame):
    for fit in (
        lambda: SoftmaxRegression().fit(frame, [0, 1]),
        lambda: SoftmaxTransformer().fit(frame),
        lambda: metrics.expected_calibration_error([0, 1], frame),
        lambda: SoftmaxRegression().fit([[1.0], [2.0]], [0, 1], sample_weight=as_weights(frame)),
        lambda: SoftmaxRegression().fit([[1.0], [2.0]], frame),
    ):
        with pytest.raises(ValueError, match=r"NaN|infinite|is nan|is int64"):
            fit()


def as_weights(frame):
    return frame.iloc[:, 1] if isinstance(frame, pd.DataFrame) else frame["column_1"]


@pytest.mark.parametrize("dtype", ["Float32", "float[pyarrow]", "float32"])
def test_single_precision_stays_single(dtype):
    frame = pd.DataFrame(X, dtype=dtype)
    assert softmax(frame).dtype == np.float32
    assert SoftmaxRegression().fit(frame, LABELS).predict_proba(frame).dtype == np.float32
    assert SoftmaxTransformer().fit(frame).transform(frame).dtype == np.float32
    assert softmax(Bfloat16(X)).dtype == np.float32
    assert_array_equal(softmax(Bfloat16(X)), softmax(X.astype(np.float32)))


@pytest.mark.parametrize("form", TENSORS)
def test_features_may_be_a_tensor(form):
    make, model = TENSORS[form], SoftmaxRegression().fit(X, LABELS)
    assert_array_equal(SoftmaxRegression().fit(make(X), LABELS).coef_, model.coef_)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        assert_array_equal(getattr(model, method)(make(X)), getattr(model, method)(X))
    search = SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=2)
    assert_array_equal(search.fit(make(X), LABELS).scores_, search.fit(X, LABELS).scores_)


def test_columns_of_several_kinds_are_one_matrix():
    mixed = pd.DataFrame({
        0: pd.Series([0.5, 0.0], dtype="Float64"),
        1: pd.Series([0.5, 0.25], dtype="double[pyarrow]"),
        2: [0.0, 0.75],
    })  # fmt: skip
    values = mixed.to_numpy(dtype=float)
    assert_array_equal(softmax(mixed), softmax(values))
    features = [[0.0], [1.0]]
    found = SoftmaxRegression().fit(features, mixed)
    assert_array_equal(found.coef_, SoftmaxRegression().fit(features, values).coef_)


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]", "boolean", "int64"])
def test_a_matrix_of_integers_is_no_soft_target(dtype):
    y = pd.DataFrame(np.eye(3)[LABELS], dtype=dtype)
    with pytest.raises(ValueError, match="floating"):
        SoftmaxRegression().fit(X, y)


@pytest.mark.parametrize("form", ["nullable columns", "columns of Arrow"])
def test_names_of_columns_are_classes(form):
    y = DENSE[form](PROBABILITIES)
    assert SoftmaxRegression().fit(X, y).classes_.tolist() == names(PROBABILITIES)


def test_tensors_of_torch_in_half_precision_are_computed_in_single():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    for values in (torch.tensor(X), torch.tensor(X, requires_grad=True)):
        half = values.bfloat16()
        single = half.float().detach().numpy()
        assert softmax(half).dtype == torch.bfloat16
        assert_allclose(softmax(half).float().detach(), softmax(single), rtol=2**-8)
        answer = SoftmaxTransformer().fit(half).transform(half)
        expected = SoftmaxTransformer().fit(single).transform(single)
        assert answer.dtype == torch.bfloat16
        assert_allclose(answer.float(), expected, rtol=2**-8)
        found = SoftmaxRegression().fit(half, torch.tensor(LABELS), torch.tensor(WEIGHTS))
        assert_array_equal(found.coef_, SoftmaxRegression().fit(single, LABELS, WEIGHTS).coef_)
        targets = torch.tensor(PROBABILITIES)
        found = SoftmaxRegression().fit(values, targets).coef_
        assert_array_equal(found, SoftmaxRegression().fit(X, PROBABILITIES).coef_)
        assert_allclose(cross_entropy(X, targets), cross_entropy(X, PROBABILITIES))


# -- arrays of Dask in the functions --------------------------------------------------------------


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("y", [LABELS, PROBABILITIES], ids=["labels", "distributions"])
def test_cross_entropy_on_dask_is_that_in_memory(y, label_smoothing):
    da = pytest.importorskip("dask.array", reason="Dask is not installed")

    def lazily(values):
        return da.from_array(values, chunks=(30, *values.shape[1:]))

    options = {"label_smoothing": label_smoothing, "return_gradient": True}
    loss, gradient = cross_entropy(X, y, sample_weight=WEIGHTS, **options)
    for scores, target, weight in (
        (lazily(X), y, WEIGHTS), (lazily(X), lazily(y), lazily(WEIGHTS)), (X, lazily(y), WEIGHTS),
        (X, y, lazily(WEIGHTS)),
    ):  # fmt: skip
        found, slope = cross_entropy(scores, target, sample_weight=weight, **options)
        assert_allclose(np.asarray(found), loss)
        assert_allclose(np.asarray(slope), gradient, atol=1e-15)


def test_cross_entropy_on_dask_refuses_in_words():
    da = pytest.importorskip("dask.array", reason="Dask is not installed")
    scores, labels = (da.from_array(values, chunks=30) for values in (X, LABELS))
    with pytest.raises(ValueError, match=f"row {LABELS.argmax()} has label 3"):
        cross_entropy(scores, labels + 1)
    with pytest.raises(ValueError, match="row 0 has label"):
        cross_entropy(scores, labels + 0.5)
    with pytest.raises(ValueError, match="row 0 is -1"):
        cross_entropy(scores, labels, sample_weight=-da.ones(80, chunks=30))
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        cross_entropy(scores[labels < 2], labels[labels < 2])
