"""SoftmaxCalibratedClassifier: a classifier with calibrated probabilities."""

from copy import deepcopy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from sksoftmax._calibration.classifier_scores import log_probabilities, scores, sorted_classes
from sksoftmax._calibration.cross_fitting import (
    ClassifierWrapperMixin,
    HeldOutScores,
    check_splitter,
    held_out_scores,
    metadata_router,
    routed_params,
)
from sksoftmax._calibration.decision_scores import DASK_ADVICE, DecisionScores, checked_labels
from sksoftmax._calibration.transformer import SoftmaxTransformer
from sksoftmax._data import validation, weights
from sksoftmax._data.dispatch import of_one_moment
from sksoftmax._functions.api import log_softmax, logsumexp, softmax
from sksoftmax._runtime.public import public
from sksoftmax._runtime.quiet import as_usual
from sksoftmax._runtime.types import AnyArray, DataLike, Floats
from sksoftmax._runtime.warn import warn

# Above so many rows one classifier predicts alone under ``ensemble="auto"``.
MAX_ROWS_TO_AVERAGE = 20_000


@public("sksoftmax")
class SoftmaxCalibratedClassifier(
    ClassifierWrapperMixin, ClassifierMixin, MetaEstimatorMixin, BaseEstimator
):
    """Give a classifier calibrated probabilities.

    The scores of each row come from a copy of the classifier that was fitted without that row. One
    map from scores to probabilities is learned from all of them. It works on the scores of a
    classifier that is fitted on all rows, or of several whose probabilities are averaged.

    Parameters
    ----------
    estimator : classifier
        Any classifier with `decision_function`, `predict_log_proba` or `predict_proba`; the first
        of them that it has is used. It is cloned before it is fitted. A `FrozenEstimator` is left
        as it is, and only the map is learned, from rows that it should not have seen.
    calibration : {"auto", "temperature", "vector", "matrix", "structured"} or None, default="auto"
        The map, as in `SoftmaxTransformer`. ``None`` is the plain softmax.
    cv : int, splitter or iterable of (train, test), default=5
        How rows are split. An integer is a number of stratified folds. The map is learned from the
        rows of the test parts: a row that is in none takes no part, as the first ones of a
        `TimeSeriesSplit`, and one that is in several counts as one row.
    ensemble : bool or "auto", default="auto"
        Whose probabilities are averaged, with equal weights:

        - False: those of one classifier, fitted on all rows.
        - True: those of the classifiers of the cross-fitting, one for each training part. None is
          fitted on all rows.
        - ``"auto"``: up to 20,000 rows those of both, else of the one fitted on all rows.

        A prediction costs one prediction of each classifier that is averaged: six times that of the
        classifier under ``"auto"`` with five folds. A `FrozenEstimator` is always alone.
    n_jobs : int or None, default=None
        How many classifiers of the cross-fitting are fitted at once.

    Attributes
    ----------
    estimators_ : list of classifiers
        Those whose probabilities are averaged. Training parts that lack a class have none.
    estimator_ : classifier
        The classifier fitted on all rows, the last of `estimators_`. Not under ``ensemble=True``.
    calibrator_ : SoftmaxTransformer
        The map from the scores of each of them to probabilities.
    classes_ : ndarray of shape (n_classes,)
        Class labels, in the order of the columns of `predict_proba`.
    n_features_in_ : int
        Number of features seen in `fit`, where the classifier tells it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen in `fit`, where the classifier tells them.

    See Also
    --------
    SoftmaxTransformer : The map alone, for scores that are there already.
    ReliabilityDisplay : What calibration looks like.

    Notes
    -----
    Where the classifier has no decision function, its probabilities are the input, and a floor
    under them is learned with the map: forests and naive Bayes are as sure as 0 and 1 without
    right.

    The predicted class is the most probable one. It is that of the classifier fitted on all rows
    under ``ensemble=False`` with ``calibration="temperature"`` or None, and may be another, better
    as a rule, under the other maps and averages.

    To average is to trade time for a lower log loss: by 2 to 4 % on 100 to 1,500 rows (see the
    page on calibration). It gains most where a few rows more or less change the classifier.

    Rows of a test part whose training part lacks a class have no score for it. They take no part
    in learning the map, with a warning.

    `sample_weight` goes to the map, and to the classifier if it takes weights. With metadata
    routing enabled the classifier and the splitter get what they request.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import LinearSVC
    >>> from sksoftmax import SoftmaxCalibratedClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxCalibratedClassifier(LinearSVC(random_state=0), "structured").fit(X, y)
    >>> model.predict_proba(X[83:84]).round(1)
    array([[0. , 0.2, 0.8]])
    """

    # Groups are the splitter's, if it asks for them; they are none of this class's own.
    __metadata_request__fit = {"groups": UNUSED}  # noqa: RUF012

    def __init__(
        self,
        estimator: Any,
        calibration: str | None = "auto",
        *,
        cv: Any = 5,
        ensemble: str | bool = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.calibration = calibration
        self.cv = cv
        self.ensemble = ensemble
        self.n_jobs = n_jobs

    @as_usual
    def fit(
        self,
        X: DataLike,
        y: DataLike,
        sample_weight: DataLike | None = None,
        groups: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Fit the classifiers, and learn the map from cross-fitted scores.

        Parameters
        ----------
        X : whatever the classifier takes, of n_samples rows
            Passed on as it is, or the rows of a split of it.
        y : array-like of shape (n_samples,)
            Class labels of any kind.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None is ones.
        groups : array-like of shape (n_samples,), default=None
            For splitters that want them, such as `GroupKFold`.
        **params : dict
            Further parameters of the `fit` of the classifier.

        Returns
        -------
        self : SoftmaxCalibratedClassifier
            The fitted classifier.

        Raises
        ------
        TypeError
            If the estimator is no classifier or has no scores.
        ValueError
            If a row has several labels, if there is a single class, if the columns of the decision
            function are pairs of classes, as those of ``SVC(decision_function_shape="ovo")``, or
            if every split lacks a class.
        """
        validation.check_in_memory(type(self).__name__, DASK_ADVICE, X, y, sample_weight)
        validation.check_given(y, type(self).__name__)
        if sample_weight is not None:
            nothing = np.empty((np.shape(np.asarray(y))[0], 0))
            sample_weight = weights.check_weight(sample_weight, nothing)
        check_splitter(self.cv, type(self).__name__)
        self._check_ensemble()
        X, y = validation.canonical(X), checked_labels(y, type(self).__name__)
        to_fit, to_split = self._route(sample_weight, params, groups)
        fitted = self._fitted(X, y, sample_weight, to_fit, to_split)
        kept = {name: value for name, value in vars(self).items() if name != "estimator_"}
        self.__dict__ = kept | fitted  # at once, for whoever predicts meanwhile
        return self

    @of_one_moment
    def predict_proba(self, X: DataLike) -> Floats:
        """Calibrated probabilities.

        Parameters
        ----------
        X : whatever the classifier takes, of n_samples rows

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        found = self._scores(X)
        if len(found) == 1:
            return softmax(found[0], axis=1)
        return sum(softmax(scores, axis=1) for scores in found) / len(found)

    @of_one_moment
    def predict_log_proba(self, X: DataLike) -> Floats:
        """Logarithms of the calibrated probabilities, exact also where these underflow.

        Parameters
        ----------
        X : whatever the classifier takes, of n_samples rows

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        return self._log_probabilities(X)

    @of_one_moment
    def predict(self, X: DataLike) -> AnyArray:
        """The most probable class of each row.

        Parameters
        ----------
        X : whatever the classifier takes, of n_samples rows

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        most_probable = self._log_probabilities(X).argmax(axis=1)
        return self.classes_[most_probable]

    @property
    def _fitted_classifier(self):
        check_is_fitted(self)
        return self.estimators_[-1]

    def get_metadata_routing(self) -> Any:
        """Tell where metadata go: here, to the classifier's `fit` and the splitter's `split`.

        Returns
        -------
        routing : MetadataRouter
            What scikit-learn's metadata routing asks for.
        """
        return metadata_router(self, fitting=["fit"], splitting=["fit"]).add_self_request(self)

    def _log_probabilities(self, X):
        """Logarithms of the average of the classifiers' probabilities."""
        logs = [log_softmax(scores, axis=1) for scores in self._scores(X)]
        if len(logs) == 1:
            return logs[0]
        return logsumexp(np.stack(logs), axis=0) - np.log(len(logs)).astype(logs[0].dtype)

    @as_usual
    def _scores(self, X):
        """Calibrated scores by each classifier, whose softmax its probabilities are."""
        check_is_fitted(self)
        X = validation.canonical(X)
        return [self._calibrated(estimator, X) for estimator in self.estimators_]

    def _calibrated(self, estimator, X):
        """Calibrated scores by a fitted classifier, (n_samples, n_classes)."""
        fitted = self.calibrator_._fitted
        is_probability = fitted.input_transform.kind == "probabilities"
        columns = (log_probabilities if is_probability else scores)(estimator, X)
        if np.isnan(columns).any():
            raise ValueError(f"{estimator!r} gives scores that are nan")
        return fitted.divided(columns, is_probability)

    def _check_ensemble(self):
        value = self.ensemble
        if not (
            isinstance(value, (bool, np.bool_)) or (isinstance(value, str) and value == "auto")
        ):
            raise ValueError(f"ensemble must be one of True, False, 'auto', got {value!r}")

    def _fitted(self, X, y, sample_weight, to_fit, to_split):
        """The fitted attributes."""
        members, whole = [], []
        is_frozen, is_auto = isinstance(self.estimator, FrozenEstimator), self.ensemble == "auto"
        if is_frozen or is_auto or not self.ensemble:
            whole = [DecisionScores(self.estimator, cv=None).fit(X, y, **to_fit).estimator_]
        if is_frozen:
            parts = [HeldOutScores(np.arange(len(y)), scores(*whole, X), [])]
        else:
            keep = len(y) <= MAX_ROWS_TO_AVERAGE if is_auto else bool(self.ensemble)
            parts = held_out_scores(
                self, X, y, scores, to_fit, to_split, n_jobs=self.n_jobs, keep=keep
            )
            members = [part.estimator for part in parts if keep and not part.missing]
        columns, labels, weight = _to_learn_from(parts, y, sample_weight)
        del parts  # and the scores that are in the columns now
        estimators = [*members, *whole]
        calibrator = _calibrator(estimators[-1], self.calibration)
        calibrator.fit(_as_input(calibrator, columns), labels, sample_weight=weight)
        fitted = {"estimators_": estimators, "calibrator_": calibrator}
        fitted |= {"classes_": calibrator.classes_} | ({"estimator_": whole[0]} if whole else {})
        return fitted

    def _route(self, sample_weight, params, groups):
        """Parameters for the classifier's `fit` and for the splitter's `split`."""
        if sample_weight is None:
            return routed_params(self, "fit", params, groups)
        weighted = {**params, "sample_weight": sample_weight}
        routing = get_config()["enable_metadata_routing"]
        if routing or has_fit_parameter(self.estimator, "sample_weight"):
            return routed_params(self, "fit", weighted, groups)
        if isinstance(self.estimator, FrozenEstimator):
            return routed_params(self, "fit", params, groups)
        warn(
            f"{type(self.estimator).__name__} takes no sample_weight: the weights are used in "
            "learning the map only.",
        )
        return routed_params(self, "fit", params, groups)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = deepcopy(get_tags(self.estimator).input_tags)
        return tags


def _to_learn_from(parts, y, sample_weight):
    """Scores in the order of the rows, labels, and weights, those of a row summing to its own.

    Raises
    ------
    ValueError
        If there are none, the training part of every split lacking a class.
    """
    kept = [part for part in parts if not part.missing]
    left_out = [len(part.rows) for part in parts if part.missing]
    if not kept:
        raise ValueError(
            "The training part of every split lacks a class, so that there are no scores to "
            "learn from. Take fewer or stratified folds."
        )
    if left_out:
        warn(
            f"{sum(left_out)} rows were left out of the calibration: the training part of their "
            "split lacks a class. Take fewer or stratified folds.",
        )
    rows = np.concatenate([part.rows for part in kept])
    order = np.argsort(rows, kind="stable")
    rank = np.empty(len(rows), dtype=np.intp)  # of the parts' rows, among all in their order
    rank[order] = np.arange(len(rows))
    rows = rows[order]
    # Part by part, so that no second copy is made on the way.
    dtype = np.result_type(*(part.scores for part in kept))
    columns = np.empty((len(rows), *kept[0].scores.shape[1:]), dtype=dtype)
    ends = np.cumsum([len(part.rows) for part in kept])
    for part, own in zip(kept, np.split(rank, ends[:-1]), strict=True):
        columns[own] = part.scores
    weight = None if sample_weight is None else sample_weight[rows]
    times = np.bincount(rows)[rows]
    if (times > 1).any():
        weight = (1.0 if weight is None else weight) / times
    return columns, y[rows], weight


def _calibrator(estimator, calibration):
    """An unfitted transformer for what the estimator gives: scores, or probabilities."""
    classes = sorted_classes(estimator)
    if hasattr(estimator, "decision_function"):
        return SoftmaxTransformer(calibration, classes=classes)
    floor = None if calibration is None else "auto"
    return SoftmaxTransformer(calibration, input="probabilities", floor=floor, classes=classes)


def _as_input(calibrator, scores):
    """Scores as they are, and log probabilities as the probabilities that they are of."""
    if calibrator.input == "scores":
        return scores
    probabilities = np.exp(scores)
    return probabilities / probabilities.sum(axis=1, keepdims=True)
