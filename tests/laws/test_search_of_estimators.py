"""Searches of what `test_search` leaves out: streams, cross-validation and calibrations.

SKSOFTMAX_EXAMPLES=10000 searches longer, with a fifth of these examples for each estimator.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from inputs import check_numbers, check_probabilities, without_warnings
from scipy.special import softmax
from search_cases import data, searched
from sklearn.linear_model import RidgeClassifier
from sklearn.naive_bayes import GaussianNB

from sksoftmax import (
    ElasticNet,
    GroupLasso,
    SoftmaxCalibratedClassifier,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    SoftmaxTransformer,
)
from sksoftmax._calibration.selection import LEARNERS
from sksoftmax._solvers import STREAMS

SHARE = 0.2
quietly = without_warnings(
    "The number of unique classes", "penalty=.* is a ridge and no more", "The scores",
    "The least populated class", ".*rows were left out", ".*takes no sample_weight", "y has",
    "Only one class", "labels are read", ".*integer labels", ".*separate",
)  # fmt: skip
# What an error has to name.
CULPRITS = (
    "column", "row", "weight", "C=", "cv", "class", "overflow", "hold", "scoring", "fold", "scores",
    "beyond the range", "sample(s)",
)  # fmt: skip


def is_told(error):
    return any(word in str(error).lower() for word in (word.lower() for word in CULPRITS))


def check_model(model, X):
    check_numbers(model, without=["coefs_paths_"])  # nan for a class that a fold lacks
    check_probabilities(model, X, quietly)


@dataclass
class Attempt:
    """Whether a call was refused; a refusal must say for what, and change nothing."""

    model: object

    def refuses(self, call):
        before = vars(self.model).copy()
        try:
            quietly(call)
        except ValueError as error:
            # One of linear algebra is a ValueError, and tells nobody anything.
            assert is_told(error) and not isinstance(error, np.linalg.LinAlgError), error
            after = vars(self.model)
            assert before.keys() == after.keys()
            assert all(before[name] is after[name] for name in before)
            return True
        return False


@searched(SHARE)
@given(
    data(), st.sampled_from(sorted(STREAMS)), st.sampled_from([1e-12, 1.0, 1e6, np.inf]),
    st.booleans(), st.sampled_from(["auto", "auto", 1e-3, 1.0]),
    st.sampled_from(["auto", 1, 7]), st.integers(1, 4), st.sampled_from([0.0, 0.1]),
)  # fmt: skip
def test_a_stream_digests_a_batch_or_refuses_it_and_goes_on(
    rows, solver, C, fit_intercept, learning_rate, batch_size, n_batches, smoothing
):
    X, y, weight = rows.made()
    model = SoftmaxRegression(
        solver=solver, C=C, fit_intercept=fit_intercept, learning_rate=learning_rate,
        batch_size=batch_size, label_smoothing=smoothing,
    )  # fmt: skip
    attempt, classes = Attempt(model), np.arange(rows.n_classes)
    for own in np.array_split(np.arange(rows.n_rows), n_batches):
        part = None if weight is None else weight[own]
        attempt.refuses(lambda own=own, part=part: model.partial_fit(
            X[own], y[own], classes=classes, sample_weight=part
        ))  # fmt: skip
        if hasattr(model, "coef_"):
            check_numbers(model)
            attempt.refuses(lambda own=own: check_probabilities(model, X[own], quietly))


@searched(SHARE)
@given(
    data(rows_of_a_class=(2, 3, 5), soft=(False,)),
    st.sampled_from([2, [1e-12, 1.0], [1e-3, 1e6, 1e12], [1.0]]),
    st.sampled_from([(0.0,), (0.0,), (1.0,), (0.0, 0.5)]),
    st.sampled_from(["elasticnet", ElasticNet(), GroupLasso()]),
    st.sampled_from([2, 3, "loo"]),
    st.sampled_from(["neg_log_loss", "accuracy", "neg_brier_score", None]),
    st.sampled_from(["best", "1se"]), st.booleans(), st.booleans(),
    st.sampled_from([None, "balanced", {0: 1e6}]), st.sampled_from([0, 1, 40]),
)  # fmt: skip
def test_a_cross_validation_is_finite_or_refused(
    rows, Cs, l1_ratios, penalty, cv, scoring, rule, refit, fit_intercept, class_weight, max_iter
):
    X, y, weight = rows.made()
    model = SoftmaxRegressionCV(
        Cs, l1_ratios=l1_ratios, penalty=penalty, cv=cv, scoring=scoring, rule=rule, refit=refit,
        fit_intercept=fit_intercept, class_weight=class_weight, max_iter=max_iter, random_state=0,
    )  # fmt: skip
    attempt = Attempt(model)
    if not attempt.refuses(lambda: model.fit(X, y, sample_weight=weight)):
        attempt.refuses(lambda: check_model(model, X))


CLASSIFIERS = [SoftmaxRegression(max_iter=20), RidgeClassifier(), GaussianNB()]


@searched(SHARE)
@given(
    data(rows_of_a_class=(3, 5), soft=(False,), sparse=(False,)),
    st.sampled_from(CLASSIFIERS), st.sampled_from(list(LEARNERS)),
    st.sampled_from(["auto", True, False]),
)  # fmt: skip
def test_a_calibrated_classifier_is_finite_or_refused(rows, classifier, calibration, ensemble):
    X, y, weight = rows.made()
    if not isinstance(classifier, SoftmaxRegression):
        # Others have their own ranges.
        X, weight = np.sign(X) * np.log1p(np.minimum(abs(X), 1e20)), None
    model = SoftmaxCalibratedClassifier(classifier, calibration, cv=2, ensemble=ensemble)
    attempt = Attempt(model)
    if not attempt.refuses(lambda: model.fit(X, y, sample_weight=weight)):
        attempt.refuses(lambda: check_probabilities(model, X, quietly))


@searched(SHARE)
@given(
    data(soft=(False,), sparse=(False,)), st.sampled_from(list(LEARNERS)),
    st.sampled_from([1.0, 1e-6, 1e6]), st.sampled_from(["scores", "probabilities"]),
    st.sampled_from([None, "auto", 0.01]), st.booleans(),
)  # fmt: skip
def test_a_transformer_gives_probabilities_or_refuses(
    rows, calibration, temperature, input, floor, shifted
):
    X, y, weight = rows.made()
    assert not sp.issparse(X)
    n_classes = max(2, X.shape[1])
    y = y % n_classes
    if input == "probabilities":
        X = softmax(np.clip(X, -1e30, 1e30), axis=1) if X.shape[1] > 1 else X > 0
        X, floor = X.astype(rows.dtype), floor
    priors = softmax(np.arange(n_classes)) if shifted else None
    model = SoftmaxTransformer(
        calibration, temperature=temperature, input=input, classes=np.arange(n_classes),
        floor=floor if input == "probabilities" else None, target_priors=priors,
    )  # fmt: skip
    attempt, found = Attempt(model), []
    if attempt.refuses(lambda: model.fit(X, y, sample_weight=weight)):
        return
    if attempt.refuses(lambda: found.append(model.transform(X))):
        return
    probabilities = found[0]
    assert np.isfinite(probabilities).all() and (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    if not attempt.refuses(lambda: found.append(model.inverse_transform(probabilities))):
        assert not np.isnan(found[1]).any()
