"""Estimators that wrap a classifier: metadata routing, and scores of rows held out of its fit."""

from typing import NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import check_cv, cross_validate
from sklearn.utils import get_tags, indexable
from sklearn.utils.metadata_routing import (
    MetadataRequest,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.validation import has_fit_parameter

from sksoftmax._calibration import classifier_scores
from sksoftmax._data.estimator_html import PageLinkMixin
from sksoftmax._data.pickling import PicklingMixin
from sksoftmax._data.targets import missing_classes
from sksoftmax._runtime.types import AnyArray


class ClassifierWrapperMixin(PageLinkMixin, PicklingMixin):
    """Features of an estimator that wraps a classifier: those of ``_fitted_classifier``."""

    @property
    def n_features_in_(self) -> int:
        """Number of features that the fitted classifier has seen."""
        return self._fitted_classifier.n_features_in_

    @property
    def feature_names_in_(self) -> AnyArray:
        """Names of the features that the fitted classifier has seen."""
        return self._fitted_classifier.feature_names_in_


class HeldOutScores(NamedTuple):
    """Scores of the rows of one test part, by a classifier fitted on its training part.

    rows : ndarray of shape (n_rows,), their indices
    scores : ndarray of shape (n_rows, n_scores), None where the training part lacks a class
    missing : list of the classes that it lacks
    estimator : the classifier, None unless it was to be kept
    """

    rows: np.ndarray
    scores: np.ndarray | None
    missing: list
    estimator: object = None


def check_splitter(cv, wrapper):
    """Refuse a cv that other packages have for a classifier that is fitted already."""
    if isinstance(cv, str):
        raise ValueError(
            f"cv={cv!r} is not taken. For a classifier that is fitted already, write "
            f"{wrapper}(FrozenEstimator(classifier)), with sklearn.frozen.FrozenEstimator; else "
            "cv is a number of folds, a splitter or a list of (train, test)."
        )


def metadata_router(wrapper, *, fitting, splitting):
    """Route metadata to the classifier's ``fit`` and the splitter's ``split``.

    fitting, splitting : names of the wrapper's methods that fit, and that split
    """
    to_fit, to_split = MethodMapping(), MethodMapping()
    for name in fitting:
        to_fit.add(caller=name, callee="fit")
    for name in splitting:
        to_split.add(caller=name, callee="split")
    found = MetadataRouter(owner=wrapper).add(estimator=wrapper.estimator, method_mapping=to_fit)
    if hasattr(wrapper.cv, "get_metadata_routing"):
        found.add(splitter=wrapper.cv, method_mapping=to_split)
    return found


def routed_params(wrapper, method, params, groups):
    """Parameters for the classifier's `fit`, and for the splitter's `split`.

    With metadata routing enabled they, and groups, go where they are requested; else groups go to
    the splitter, and to a classifier whose `fit` has a parameter of that name.
    """
    if get_config()["enable_metadata_routing"]:
        given = params if groups is None else {**params, "groups": groups}
        found = process_routing(wrapper, method, **given)
        return found.estimator.fit, found.get("splitter", {}).get("split", {})
    if groups is None:
        return params, {}
    if has_fit_parameter(wrapper.estimator, "groups"):
        params = {**params, "groups": groups}
    return params, {"groups": groups}


def held_out_scores(wrapper, X, y, scores_of, to_fit, to_split, *, n_jobs=None, keep=False):
    """Scores of the rows of each test part, in the order of the parts.

    wrapper : what holds the classifier, ``estimator``, and the splits, ``cv``
    y : ndarray of shape (n_rows,)
    scores_of : function of a fitted classifier and rows
    to_fit, to_split : parameters for the classifier's `fit`, and for the splitter's `split`
    keep : bool, whether the fitted classifiers are returned too
    """
    X, y = indexable(X, y)
    splits = list(check_cv(wrapper.cv, y, classifier=True).split(X, y, **to_split))
    classifier = _ScoringClassifier(wrapper.estimator, np.unique(y), scores_of, tuple(to_fit), keep)
    found = cross_validate(
        classifier, X, y, cv=splits, params=to_fit, n_jobs=n_jobs, scoring=_score_held_out,
        return_estimator=True, return_indices=True, error_score="raise",
    )  # fmt: skip
    parts = zip(found["indices"]["test"], found["estimator"], strict=True)
    indices = np.arange(len(y))
    return [
        HeldOutScores(indices[rows], fitted.scores_, fitted.missing_, fitted.fitted_)
        for rows, fitted in parts
    ]


def _score_held_out(estimator, X, y):
    """A scorer for `cross_validate` that stores decision scores on the estimator."""
    estimator.score_held_out(X)
    return 0.0


class _ScoringClassifier(BaseEstimator):
    """A classifier that stores its scores of the test rows in ``scores_``.

    With it `cross_validate` handles splits, metadata and jobs, and returns scores, not classifiers.
    """

    def __init__(self, estimator, classes, scores_of, params, keep):
        self.estimator = estimator
        self.classes = classes
        self.scores_of = scores_of
        self.params = params
        self.keep = keep

    def fit(self, X, y, **params):
        """Fit the classifier, unless the rows lack a class."""
        self.scores_, self.fitted_ = None, None
        self.missing_ = missing_classes(self.classes, y)
        if not self.missing_:
            self.fitted_ = clone(self.estimator).fit(X, y, **params)
            classifier_scores.check_scores_of_classes(self.fitted_)
            known = classifier_scores.sorted_classes(self.fitted_)
            self.missing_ = missing_classes(self.classes, known)
        return self

    def score_held_out(self, X):
        """Store the scores of the test rows unless a class is missing."""
        if not self.missing_:
            self.scores_ = self.scores_of(self.fitted_, X)
        if not self.keep:
            self.fitted_ = None

    def get_metadata_routing(self):
        """All metadata are the classifier's, under the names that its `fit` has for them."""
        request = MetadataRequest(owner=type(self).__name__)
        for name in self.params:
            request.fit.add_request(param=name, alias=True)
        return request

    def __sklearn_tags__(self):
        return get_tags(self.estimator)
