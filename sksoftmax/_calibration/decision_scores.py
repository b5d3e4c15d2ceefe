"""The decision scores of a classifier as a step of a pipeline."""

from copy import deepcopy

import numpy as np
from sklearn import get_config
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import check_cv, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import (
    UNUSED,
    process_routing,
)
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from sksoftmax._calibration.wrapping import WrapperMixin, router
from sksoftmax._data.validation import canonical, check_in_memory

# What to do with collections of Dask.
TO_CALIBRATE = "fit the classifier, and a SoftmaxTransformer on its scores of other rows"


class DecisionScores(
    WrapperMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Give the decision scores of a classifier as a transformer.

    A pipeline takes no classifier but as its last step. This puts one before it::

        make_pipeline(DecisionScores(LinearSVC()), SoftmaxTransformer())

    `fit_transform`, which is what a pipeline calls while it is fitted, gives
    *cross-fitted* scores: those of each row come from a copy of the classifier that was
    fitted without that row, so that what follows learns from scores like those of new
    data. `transform` gives the scores of the classifier fitted on all rows.

    Parameters
    ----------
    estimator : classifier
        Any classifier with `decision_function`, `predict_log_proba` or `predict_proba`;
        the first of them that it has is used. It is cloned before it is fitted. A
        `FrozenEstimator` is left as it is, and then `fit_transform` is `transform`.
    cv : int, splitter, iterable of (train, test) or None, default=5
        How `fit_transform` splits the rows; each row must be in exactly one test part.
        An integer is a number of stratified folds. ``None`` is no cross-fitting:
        `fit_transform` gives the scores that `transform` gives, on the rows that the
        classifier was fitted on.

    Attributes
    ----------
    estimator_ : classifier
        The classifier fitted on all rows.
    classes_ : ndarray of shape (n_classes,)
        Its classes, in the order of the columns.
    n_features_in_ : int
        Number of features seen in `fit`, where the classifier tells it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen in `fit`, where the classifier tells them.

    See Also
    --------
    SoftmaxTransformer : Turn decision scores into probabilities.

    Notes
    -----
    The decision function of two classes is one column. Log-probabilities are as many
    columns as classes, and are held above the logarithm of the smallest normal number
    of their precision (-708.4 in float64), since minus infinity passes through no
    further step of a pipeline.

    A class that the training part of a split lacks has no score there. Nothing sensible
    could be filled in, so that `fit_transform` refuses such a split.

    With metadata routing enabled, `sample_weight` and other metadata go to the `fit` of
    the classifier and to the `split` of the splitter, as those request them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import SVC
    >>> from sksoftmax import DecisionScores, SoftmaxTransformer
    >>> X, y = load_iris(return_X_y=True)
    >>> probabilities = make_pipeline(DecisionScores(SVC()), SoftmaxTransformer())
    >>> probabilities.fit(X, y).transform(X[:2]).round(2)
    array([[0.7 , 0.24, 0.06],
           [0.7 , 0.24, 0.06]])
    """

    # The weights are not used here but passed on: it is the classifier that requests them.
    __metadata_request__fit = {"sample_weight": UNUSED}  # noqa: RUF012

    def __init__(self, estimator, *, cv=5):
        self.estimator = estimator
        self.cv = cv

    def fit(self, X, y, sample_weight=None, **params):
        """Fit the classifier on all rows.

        Parameters
        ----------
        X : whatever the classifier takes, of n_samples rows
            Passed on as it is: sparse matrices stay sparse, data frames data frames.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Passed on to the `fit` of the classifier, if it is not None.
        **params : dict
            Further parameters of the `fit` of the classifier.

        Returns
        -------
        self : DecisionScores
            The fitted transformer.

        Raises
        ------
        TypeError
            If the estimator is no classifier or has none of the three methods.
        ValueError
            If a row has several labels, if there is a single class, or if the columns of
            the decision function are pairs of classes, as those of
            ``SVC(decision_function_shape="ovo")``.
        """
        check_in_memory("DecisionScores", TO_CALIBRATE, X, y, sample_weight)
        _check_single_label(y)
        params = self._fit_params("fit", _with_weight(params, sample_weight))
        return self._fit(canonical(X), y, params)

    def fit_transform(self, X, y, sample_weight=None, **params):
        """Fit the classifier on all rows and give cross-fitted scores of the same rows.

        Parameters
        ----------
        X, y, sample_weight, **params
            As for `fit`. What has one value a row is split with the rows.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_scores)
            As of `transform`.

        Raises
        ------
        TypeError, ValueError
            As `fit`; and a ValueError if the training part of a split lacks a class, or
            if the test parts do not hold each row once.
        """
        check_in_memory("DecisionScores", TO_CALIBRATE, X, y, sample_weight)
        _check_single_label(y)
        X = canonical(X)  # here, for the classifier may sort it in place
        params = _with_weight(params, sample_weight)
        fit_params = self._fit_params("fit_transform", params)
        if self.cv is None or isinstance(self.estimator, FrozenEstimator):
            return self._fit(X, y, fit_params).transform(X)
        scores = cross_val_predict(
            _ScoresAsPredictions(self.estimator, classes=np.unique(np.asarray(y))),
            X,
            y,
            cv=check_cv(self.cv, y, classifier=True),
            params=params,
        )
        self._fit(X, y, fit_params)
        return scores

    def transform(self, X):
        """Decision scores of the classifier that was fitted on all rows.

        Parameters
        ----------
        X : whatever the classifier takes, of n_samples rows
            Passed on as it is.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_scores)
            One column for two classes with a decision function, else one a class.

        Raises
        ------
        ValueError
            If the decision function has not one column a class.
        """
        check_is_fitted(self)
        return _scores(self.estimator_, canonical(X))

    @property
    def classes_(self):
        """Classes of the fitted classifier."""
        return self.estimator_.classes_

    @property
    def _n_features_out(self):
        n_classes = len(self.classes_)
        is_single = n_classes == 2 and hasattr(self.estimator_, "decision_function")
        return 1 if is_single else n_classes

    def get_metadata_routing(self):
        """Tell where metadata go: to the classifier's `fit` and the splitter's `split`.

        Returns
        -------
        routing : MetadataRouter
            What scikit-learn's metadata routing asks for.
        """
        return router(self, fitting=["fit", "fit_transform"], splitting=["fit_transform"])

    def _fit(self, X, y, fit_params):
        fitted = clone(self.estimator).fit(X, y, **fit_params)
        _check_scores_of_classes(fitted)
        self.estimator_ = fitted
        return self

    def _fit_params(self, method, params):
        """Those of the parameters of a method that go to the classifier's `fit`."""
        if not get_config()["enable_metadata_routing"]:
            return params
        return process_routing(self, method, **params).estimator.fit

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = deepcopy(get_tags(self.estimator).input_tags)
        tags.target_tags.required = True
        return tags


class _ScoresAsPredictions(BaseEstimator):
    """Scores under the name of predictions, so that `cross_val_predict` leaves them alone.

    Asked for a decision function it would number the labels, which breaks class weights
    given by label, and fill in a number for classes that a training part lacks.
    """

    def __init__(self, estimator, classes):
        self.estimator = estimator
        self.classes = classes

    def fit(self, X, y, **params):
        missing = np.setdiff1d(self.classes, np.asarray(y))
        if len(missing):
            raise ValueError(
                f"The training part of a split has no row of class {missing[0]!r}, so that its "
                "scores are unknown. Take fewer or stratified folds, or cv=None for scores "
                "without cross-fitting."
            )
        self.scores_ = DecisionScores(self.estimator, cv=None).fit(X, y, **params)
        return self

    def predict(self, X):
        return _scores(self.scores_.estimator_, X)

    def get_metadata_routing(self):
        return DecisionScores(self.estimator, cv=None).get_metadata_routing()

    def __sklearn_tags__(self):
        return get_tags(self.estimator)


def _with_weight(params, sample_weight):
    return params if sample_weight is None else {**params, "sample_weight": sample_weight}


def _check_single_label(y):
    check_classification_targets(y)
    target = type_of_target(y, input_name="y")
    if target not in ("binary", "multiclass"):
        raise ValueError(f"y must hold one label a row. Got {target} targets.")


def _scores(estimator, X):
    """Scores of shape (n_samples, 1 or n_classes) of a fitted classifier."""
    if not hasattr(estimator, "decision_function"):
        return _log_probabilities(estimator, X)
    scores = np.asarray(estimator.decision_function(X))
    n_classes = len(estimator.classes_)
    if n_classes == 2 and scores.ndim == 1:
        return scores.reshape(-1, 1)
    if scores.ndim != 2 or scores.shape[1] != (1 if n_classes == 2 else n_classes):
        raise ValueError(
            f"The decision function of {estimator!r} has shape {scores.shape}, which is not one "
            f"score for each of {n_classes} classes."
        )
    return scores


def _log_probabilities(estimator, X):
    with np.errstate(divide="ignore"):  # a probability of 0 is raised to the least number below
        if hasattr(estimator, "predict_log_proba"):
            logs = np.asarray(estimator.predict_log_proba(X))
        else:
            logs = np.log(estimator.predict_proba(X))
    return np.maximum(logs, np.log(np.finfo(logs.dtype).tiny))


def _check_scores_of_classes(estimator):
    """Refuse a fitted estimator that has not one score a class."""
    methods = ("decision_function", "predict_log_proba", "predict_proba")
    if not hasattr(estimator, "classes_") or not any(hasattr(estimator, name) for name in methods):
        raise TypeError(
            "estimator must be a classifier with decision_function, predict_log_proba or "
            f"predict_proba. Got {estimator!r}."
        )
    n_classes = len(estimator.classes_)
    if n_classes < 2:
        raise ValueError(f"Scores need two classes or more; y has one class: {estimator.classes_}.")
    shape = getattr(_innermost(estimator), "decision_function_shape", None)
    if n_classes > 2 and shape == "ovo":
        raise ValueError(
            f"The decision function of {estimator!r} has a column for each pair of classes, not "
            'for each class. Give it decision_function_shape="ovr".'
        )


def _innermost(estimator):
    """What computes the scores, beneath pipelines, searches and frozen estimators."""
    if isinstance(estimator, Pipeline):
        return _innermost(estimator[-1])
    if isinstance(estimator, FrozenEstimator):
        return _innermost(estimator.estimator)
    if hasattr(estimator, "best_estimator_"):
        return _innermost(estimator.best_estimator_)
    return estimator
