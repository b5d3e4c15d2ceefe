"""SoftmaxTransformer: scores to probabilities and back, row by row."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from sksoftmax import SoftmaxTransformer

TEMPERATURES = [0.1, 1.0, 2.5]
DTYPES = [np.float64, np.float32]


def make_scores(n_samples=20, n_columns=4, dtype=np.float64, scale=3.0):
    rng = np.random.default_rng(0)
    return (scale * rng.normal(size=(n_samples, n_columns))).astype(dtype)


def make_probabilities(n_samples=20, n_classes=4, dtype=np.float64):
    probabilities = np.random.default_rng(1).dirichlet(np.ones(n_classes), size=n_samples)
    return probabilities.astype(dtype)


# The suite feeds any numbers as X, which are no probabilities, so that a transformer with
# input="probabilities" must refuse them: the checks cannot run on it.
@parametrize_with_checks([SoftmaxTransformer(), SoftmaxTransformer(temperature=2.0)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# -- scores to probabilities --------------------------------------------------------------------


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_transform_is_the_softmax_of_scores_over_temperature(temperature, dtype):
    scores = make_scores(dtype=dtype)
    probabilities = SoftmaxTransformer(temperature=temperature).fit_transform(scores)
    expected = scipy.special.softmax(scores.astype(np.float64) / temperature, axis=1)
    assert probabilities.dtype == dtype
    assert_allclose(probabilities, expected, rtol=200 * np.finfo(dtype).eps)


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_column_becomes_two_by_the_sigmoid(temperature, dtype):
    scores = make_scores(n_columns=1, dtype=dtype)
    probabilities = SoftmaxTransformer(temperature=temperature).fit_transform(scores)
    second = scipy.special.expit(scores.astype(np.float64) / temperature)
    assert probabilities.dtype == dtype
    rtol = 200 * np.finfo(dtype).eps
    assert_allclose(probabilities, np.hstack([1 - second, second]), rtol=rtol, atol=1e-15)


def test_far_binary_scores_keep_the_small_probability():
    probabilities = SoftmaxTransformer().fit_transform([[-700.0], [0.0], [700.0]])
    assert_allclose(probabilities[0], [1, np.exp(-700)], rtol=1e-12)
    assert_array_equal(probabilities[1], [0.5, 0.5])
    assert_allclose(probabilities[2], [np.exp(-700), 1], rtol=1e-12)


def test_integers_and_lists_are_taken():
    expected = scipy.special.softmax([[1.0, 2.0, 3.0]], axis=1)
    for scores in ([[1, 2, 3]], np.array([[1, 2, 3]], dtype=np.uint8)):
        assert_allclose(SoftmaxTransformer().fit_transform(scores), expected, rtol=1e-14)


@pytest.mark.parametrize("n_columns", [1, 2, 3, 70])
@pytest.mark.parametrize("input", ["scores", "probabilities"])
def test_a_row_is_answered_by_itself(n_columns, input):
    if input == "scores":
        X = make_scores(300, n_columns, scale=20.0)
    else:
        X = make_probabilities(300, max(n_columns, 2))[:, -n_columns:]
    transformer = SoftmaxTransformer(temperature=0.7, input=input).fit(X)
    together = transformer.transform(X)
    alone = np.vstack([transformer.transform(row[None, :]) for row in X])
    assert_allclose(together, alone, rtol=1e-13)


def test_the_argument_is_left_alone():
    scores = make_scores()
    before = scores.copy()
    scores.flags.writeable = False
    transformer = SoftmaxTransformer(temperature=0.5).fit(scores)
    transformer.transform(scores)
    assert_array_equal(scores, before)


# -- probabilities to probabilities -------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_probabilities_at_temperature_one_are_given_back(dtype):
    probabilities = make_probabilities(dtype=dtype)
    given_back = SoftmaxTransformer(input="probabilities").fit_transform(probabilities)
    assert given_back.dtype == dtype
    assert_allclose(given_back, probabilities, rtol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_probabilities_are_raised_to_the_inverse_temperature(temperature):
    probabilities = make_probabilities()
    powers = probabilities ** (1 / temperature)
    transformer = SoftmaxTransformer(temperature=temperature, input="probabilities")
    expected = powers / powers.sum(axis=1, keepdims=True)
    assert_allclose(transformer.fit_transform(probabilities), expected, rtol=1e-11, atol=1e-300)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_a_probability_of_zero_stays_zero(temperature):
    transformer = SoftmaxTransformer(temperature=temperature, input="probabilities")
    answer = transformer.fit_transform([[0.0, 0.5, 0.5], [0.0, 0.0, 1.0]])
    assert_allclose(answer, [[0, 0.5, 0.5], [0, 0, 1]], rtol=1e-14)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_one_column_of_probabilities_is_that_of_the_second_class(temperature):
    second = np.array([[0.0], [1e-12], [0.25], [1.0]])
    transformer = SoftmaxTransformer(temperature=temperature, input="probabilities")
    both = np.hstack([1 - second, second])
    expected = clone(transformer).fit_transform(both)
    assert_allclose(transformer.fit_transform(second), expected, rtol=1e-14)


@pytest.mark.parametrize(
    "bad_row, complaint",
    [
        ([0.6, 0.6, -0.2], "Row 1 of X has a negative probability"),
        ([0.5, 0.4, 0.0], "Row 1 of X does not sum to 1 within 1e-06"),
        ([0.5, 0.5, 1e-5], "Row 1 of X does not sum to 1 within 1e-06"),
        ([-0.5], "Row 1 of X has a negative probability"),
        ([1.5], "Row 1 of X has a probability above 1"),
    ],
)
def test_rows_that_are_no_probabilities_are_named(bad_row, complaint):
    good_row = [0.2, 0.3, 0.5][: len(bad_row)]
    transformer = SoftmaxTransformer(input="probabilities")
    with pytest.raises(ValueError, match=complaint):
        transformer.fit([good_row, bad_row])
    transformer.fit([good_row])
    with pytest.raises(ValueError, match=complaint):
        transformer.transform([good_row, bad_row])


def test_rounding_of_float32_probabilities_is_forgiven():
    row = np.array([[0.3333, 0.3333, 0.3333]], dtype=np.float32)
    assert_allclose(SoftmaxTransformer(input="probabilities").fit_transform(row), 1 / 3, rtol=1e-6)
    with pytest.raises(ValueError, match="does not sum to 1"):
        SoftmaxTransformer(input="probabilities").fit(row.astype(np.float64) + 1e-5)


# -- and back -----------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("input", ["scores", "probabilities"])
@pytest.mark.parametrize("n_columns", [1, 2, 5])
def test_transform_undoes_inverse_transform(temperature, dtype, input, n_columns):
    probabilities = make_probabilities(n_classes=max(n_columns, 2), dtype=dtype)
    transformer = SoftmaxTransformer(temperature=temperature, input=input)
    transformer.fit(probabilities[:, -n_columns:])
    inverse = transformer.inverse_transform(probabilities)
    assert inverse.shape == (len(probabilities), n_columns)
    assert inverse.dtype == dtype
    again = transformer.transform(inverse)
    eps = np.finfo(dtype).eps
    assert_allclose(again, probabilities, rtol=500 * eps, atol=20 * eps)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_inverse_transform_gives_centred_scores(temperature):
    scores = make_scores()
    transformer = SoftmaxTransformer(temperature=temperature).fit(scores)
    inverse = transformer.inverse_transform(transformer.transform(scores))
    assert_allclose(inverse.sum(axis=1), 0, atol=1e-13)
    assert_allclose(inverse, scores - scores.mean(axis=1, keepdims=True), atol=1e-11)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_inverse_transform_of_a_single_score_is_the_score(temperature):
    scores = make_scores(n_columns=1, scale=1.0)
    transformer = SoftmaxTransformer(temperature=temperature).fit(scores)
    inverse = transformer.inverse_transform(transformer.transform(scores))
    assert_allclose(inverse, scores, rtol=1e-11)


@pytest.mark.parametrize(
    "probabilities, complaint",
    [
        ([[0.5, 0.5], [0.0, 1.0]], "Row 1 of X has a probability of 0"),
        ([[0.5, 0.5], [0.5, 0.6]], "Row 1 of X does not sum to 1"),
        ([[0.5, 0.3, 0.2]], "X has 3 columns, and there are 2 classes"),
        ([[0.5]], "X has 1 columns, and there are 2 classes"),
        ([[np.nan, 0.5]], "NaN"),
    ],
)
@pytest.mark.parametrize("n_columns", [1, 2])
def test_inverse_transform_refuses_what_is_no_probability(probabilities, complaint, n_columns):
    transformer = SoftmaxTransformer().fit(make_scores(n_columns=n_columns))
    with pytest.raises(ValueError, match=complaint):
        transformer.inverse_transform(probabilities)


def test_zeros_can_be_inverted_between_probabilities():
    transformer = SoftmaxTransformer(temperature=2.0, input="probabilities").fit([[0.5, 0.5]])
    assert_array_equal(transformer.inverse_transform([[0.0, 1.0]]), [[0, 1]])


# -- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters, error, complaint",
    [
        ({"calibration": "magic"}, ValueError, "calibration must be one of None, .*, got 'magic'"),
        ({"input": "logits"}, ValueError, "input must be one of 'scores', 'probabilities'"),
        ({"temperature": 0.0}, ValueError, "temperature must be positive and finite"),
        ({"temperature": -1.0}, ValueError, "temperature must be positive and finite"),
        ({"temperature": np.inf}, ValueError, "temperature must be positive and finite"),
        ({"temperature": np.nan}, ValueError, "temperature must be positive and finite"),
        ({"temperature": "hot"}, TypeError, "temperature must be a real number"),
        ({"temperature": None}, TypeError, "temperature must be a real number"),
        ({"temperature": True}, TypeError, "temperature must be a real number"),
    ],
)
def test_bad_parameters_are_named_and_leave_the_fit_alone(parameters, error, complaint):
    transformer = SoftmaxTransformer(temperature=2.0).fit(make_scores(n_columns=3))
    before = {name: value for name, value in vars(transformer).items() if name.endswith("_")}
    transformer.set_params(**parameters)
    with pytest.raises(error, match=complaint):
        transformer.fit(make_scores(n_columns=5))
    after = {name: value for name, value in vars(transformer).items() if name.endswith("_")}
    assert after == before


def test_bad_scores_leave_the_fit_alone():
    transformer = SoftmaxTransformer().fit(pd.DataFrame(make_scores(5, 2), columns=["a", "b"]))
    bad = pd.DataFrame([[1.0, np.nan, 0.0]], columns=["c", "d", "e"])
    with pytest.raises(ValueError, match="NaN"):
        transformer.fit(bad)
    assert_array_equal(transformer.feature_names_in_, ["a", "b"])
    assert transformer.n_features_in_ == 2


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("input", ["scores", "probabilities"])
def test_values_that_are_not_finite_are_refused(value, input):
    transformer = SoftmaxTransformer(input=input)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        transformer.fit([[0.5, value]])
    transformer.fit([[0.5, 0.5]])
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        transformer.transform([[0.5, value]])


def test_one_dimension_is_refused():
    with pytest.raises(ValueError, match="Expected 2D array"):
        SoftmaxTransformer().fit([1.0, 2.0])


def test_another_number_of_columns_is_refused():
    transformer = SoftmaxTransformer().fit(make_scores(n_columns=3))
    with pytest.raises(ValueError, match="2 features"):
        transformer.transform(make_scores(n_columns=2))


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_nothing_is_transformed_before_fit(method):
    with pytest.raises(NotFittedError):
        getattr(SoftmaxTransformer(), method)([[0.5, 0.5]])
    with pytest.raises(NotFittedError):
        SoftmaxTransformer().get_feature_names_out()


# -- scikit-learn's manners ---------------------------------------------------------------------


@pytest.mark.parametrize("n_columns, n_names", [(1, 2), (2, 2), (3, 3)])
def test_names_of_the_columns(n_columns, n_names):
    transformer = SoftmaxTransformer().fit(make_scores(n_columns=n_columns))
    expected = [f"softmaxtransformer{column}" for column in range(n_names)]
    assert_array_equal(transformer.get_feature_names_out(), expected)


@pytest.mark.parametrize("container, frame", [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_data_frames_are_taken_and_given(container, frame):
    scores = make_scores(n_columns=3)
    X = frame({name: scores[:, column] for column, name in enumerate("abc")})
    transformer = SoftmaxTransformer().set_output(transform=container)
    answer = transformer.fit_transform(X)
    assert isinstance(answer, frame)
    assert list(answer.columns) == [f"softmaxtransformer{column}" for column in range(3)]
    assert_array_equal(np.asarray(answer), SoftmaxTransformer().fit_transform(scores))


def test_the_names_and_rows_of_a_data_frame_are_remembered():
    X = pd.DataFrame(make_scores(3, 1), index=["x", "y", "z"], columns=["score"])
    transformer = SoftmaxTransformer().set_output(transform="pandas")
    assert list(transformer.fit_transform(X).index) == ["x", "y", "z"]
    assert_array_equal(transformer.feature_names_in_, ["score"])


def test_the_fitted_temperature_is_a_float_and_holds_until_the_next_fit():
    scores = make_scores()
    transformer = SoftmaxTransformer(temperature=np.float32(2)).fit(scores)
    assert type(transformer.temperature_) is float
    before = transformer.transform(scores)
    transformer.set_params(temperature=5.0)
    assert_array_equal(transformer.transform(scores), before)


@pytest.mark.parametrize("copy", [clone, lambda fitted: pickle.loads(pickle.dumps(fitted))])
def test_copies_answer_the_same(copy):
    scores = make_scores()
    transformer = SoftmaxTransformer(temperature=3, input="scores").fit(scores)
    copied = copy(transformer)
    assert copied.get_params() == transformer.get_params()
    assert_array_equal(copied.fit(scores).transform(scores), transformer.transform(scores))


def test_labels_are_ignored():
    scores = make_scores()
    with_labels = SoftmaxTransformer().fit(scores, y=np.arange(20))
    assert_array_equal(with_labels.transform(scores), SoftmaxTransformer().fit_transform(scores))
