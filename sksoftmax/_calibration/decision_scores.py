"""DecisionScores: the decision scores of a classifier as a step of a pipeline."""

from copy import deepcopy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.frozen import FrozenEstimator
from sklearn.utils import column_or_1d, get_tags
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from sksoftmax._calibration import classifier_scores
from sksoftmax._calibration.cross_fitting import (
    ClassifierWrapperMixin,
    check_splitter,
    held_out_scores,
    metadata_router,
    routed_params,
)
from sksoftmax._data.checks import check_finite_labels
from sksoftmax._data.validation import canonical, check_given, check_in_memory
from sksoftmax._runtime.public import public
from sksoftmax._runtime.quiet import as_usual
from sksoftmax._runtime.types import AnyArray, DataLike, Floats

# What to do with collections of Dask.
DASK_ADVICE = "fit the classifier, and a SoftmaxTransformer on its scores of other rows"


@public("sksoftmax")
class DecisionScores(
    ClassifierWrapperMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
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
        Its classes, sorted, in the order of the columns, whichever order its own have.
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

    def __init__(self, estimator: Any, *, cv: Any = 5) -> None:
        self.estimator = estimator
        self.cv = cv

    @as_usual
    def fit(
        self, X: DataLike, y: DataLike, sample_weight: DataLike | None = None, **params: Any
    ) -> Self:
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
        check_in_memory("DecisionScores", DASK_ADVICE, X, y, sample_weight)
        y = checked_labels(y, type(self).__name__)
        to_fit, _ = routed_params(self, "fit", _with_weight(params, sample_weight), None)
        return self._fit(canonical(X), y, to_fit)

    @as_usual
    def fit_transform(
        self,
        X: DataLike,
        y: DataLike,
        sample_weight: DataLike | None = None,
        groups: ArrayLike | None = None,
        **params: Any,
    ) -> Floats:
        """Fit the classifier on all rows and give cross-fitted scores of the same rows.

        Parameters
        ----------
        X, y, sample_weight, **params
            As for `fit`. What has one value a row is split with the rows.
        groups : array-like of shape (n_samples,), default=None
            For splitters that want them.

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
        check_in_memory("DecisionScores", DASK_ADVICE, X, y, sample_weight)
        y = checked_labels(y, type(self).__name__)
        X = canonical(X)  # sorted in a copy, lest the classifier sorts it in place
        params = _with_weight(params, sample_weight)
        to_fit, to_split = routed_params(self, "fit_transform", params, groups)
        if self.cv is None or isinstance(self.estimator, FrozenEstimator):
            return self._fit(X, y, to_fit).transform(X)
        check_splitter(self.cv, "DecisionScores")
        parts = held_out_scores(self, X, y, classifier_scores.scores, to_fit, to_split)
        scores = self._one_row_each(parts, len(y))
        self._fit(X, y, to_fit)
        return scores

    @as_usual
    def transform(self, X: DataLike) -> Floats:
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
        return classifier_scores.scores(self.estimator_, canonical(X))

    @property
    def classes_(self) -> AnyArray:
        """Classes of the fitted classifier, in the order of the columns."""
        return classifier_scores.sorted_classes(self.estimator_)

    @property
    def _fitted_classifier(self):
        return self.estimator_

    @property
    def _n_features_out(self):
        n_classes = len(self.classes_)
        is_single = n_classes == 2 and hasattr(self.estimator_, "decision_function")
        return 1 if is_single else n_classes

    def get_metadata_routing(self) -> Any:
        """Tell where metadata go: to the classifier's `fit` and the splitter's `split`.

        Returns
        -------
        routing : MetadataRouter
            What scikit-learn's metadata routing asks for.
        """
        return metadata_router(self, fitting=["fit", "fit_transform"], splitting=["fit_transform"])

    def _fit(self, X, y, fit_params):
        fitted = clone(self.estimator).fit(X, y, **fit_params)
        classifier_scores.check_scores_of_classes(fitted)
        self.estimator_ = fitted
        return self

    def _one_row_each(self, parts, n_rows):
        """The scores of the parts in the order of the rows, each of which is in one of them."""
        for part in parts:
            if part.missing:
                raise ValueError(
                    f"The training part of a split has no row of class {part.missing[0]!r}, so "
                    "that its scores are unknown. Take fewer or stratified folds, or cv=None for "
                    "scores without cross-fitting."
                )
        rows = np.concatenate([part.rows for part in parts])
        times = np.bincount(rows, minlength=n_rows)
        if (times != 1).any():
            row = int(np.flatnonzero(times != 1)[0])
            raise ValueError(
                "fit_transform gives one row of scores for each row of X, so that the test parts "
                f"of cv must be partitions of the rows; {self.cv!r} has row {row} in "
                f"{times[row] or 'none'} of them. Take folds, such as KFold, or cv=None for scores "
                "without cross-fitting; SoftmaxCalibratedClassifier takes any splits."
            )
        return np.concatenate([part.scores for part in parts])[np.argsort(rows, kind="stable")]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = deepcopy(get_tags(self.estimator).input_tags)
        tags.target_tags.required = True
        return tags


def _with_weight(params, sample_weight):
    return params if sample_weight is None else {**params, "sample_weight": sample_weight}


def checked_labels(y, who):
    """Labels as a one-dimensional array, with scikit-learn's warning of a column."""
    check_given(y, who)
    check_finite_labels(y)
    check_classification_targets(y)
    target = type_of_target(y, input_name="y")
    if target not in ("binary", "multiclass"):
        raise ValueError(f"y must hold one label a row. Got {target} targets.")
    return column_or_1d(y, warn=True)
