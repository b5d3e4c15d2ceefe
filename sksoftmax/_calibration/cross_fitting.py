"""Scores of each row by a copy of a classifier that was fitted without it."""

from typing import NamedTuple

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import check_cv, cross_validate
from sklearn.utils import get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRequest, process_routing
from sklearn.utils.validation import has_fit_parameter

from sksoftmax._calibration import classifier_scores
from sksoftmax._data.targets import missing_classes


class HeldOut(NamedTuple):
    """Scores of the rows of a test part.

    rows : ndarray of shape (n_rows,), their indices
    scores : ndarray of shape (n_rows, n_scores), None where the training part lacks a class
    missing : list of the classes that it lacks
    """

    rows: np.ndarray
    scores: np.ndarray | None
    missing: list


def check_splitter(cv, wrapper):
    """Refuse a cv that other packages have for a classifier that is fitted already."""
    if isinstance(cv, str):
        raise ValueError(
            f"cv={cv!r} is not taken. For a classifier that is fitted already, write "
            f"{wrapper}(FrozenEstimator(classifier)), with sklearn.frozen.FrozenEstimator; else "
            "cv is a number of folds, a splitter or a list of (train, test)."
        )


def routed(wrapper, method, params, groups):
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


def held_out_scores(wrapper, X, y, scores_of, to_fit, to_split, n_jobs=None):
    """Scores of the rows of each test part, in the order of the parts.

    wrapper : what holds the classifier, ``estimator``, and the splits, ``cv``
    y : ndarray of shape (n_rows,)
    scores_of : function of a fitted classifier and rows
    to_fit, to_split : parameters for the classifier's `fit`, and for the splitter's `split`
    """
    X, y = indexable(X, y)
    splits = list(check_cv(wrapper.cv, y, classifier=True).split(X, y, **to_split))
    found = cross_validate(
        _Keeper(wrapper.estimator, np.unique(y), scores_of, tuple(to_fit)), X, y, cv=splits,
        params=to_fit, n_jobs=n_jobs, scoring=_keep, return_estimator=True, return_indices=True,
        error_score="raise",
    )  # fmt: skip
    parts = zip(found["indices"]["test"], found["estimator"], strict=True)
    strided = np.arange(len(y))
    return [HeldOut(strided[rows], kept.scores_, kept.missing_) for rows, kept in parts]


def _keep(keeper, X, y):
    """In the place of a scorer: have the scores kept, and the classifier forgotten."""
    keeper.keep(X)
    return 0.0


class _Keeper(BaseEstimator):
    """A classifier that keeps the scores of the rows it is to be judged by.

    `cross_validate` then does what is to be done about splits, metadata and jobs.
    """

    def __init__(self, estimator, classes, scores_of, params):
        self.estimator = estimator
        self.classes = classes
        self.scores_of = scores_of
        self.params = params

    def fit(self, X, y, **params):
        """Fit the classifier, unless the rows lack a class."""
        self.scores_, self.fitted_ = None, None
        self.missing_ = missing_classes(self.classes, y)
        if not self.missing_:
            self.fitted_ = clone(self.estimator).fit(X, y, **params)
            known = classifier_scores.sorted_classes(self.fitted_)
            self.missing_ = missing_classes(self.classes, known)
        return self

    def keep(self, X):
        """Compute the scores of rows, if the classifier knows all classes."""
        if not self.missing_:
            self.scores_ = self.scores_of(self.fitted_, X)
        self.fitted_ = None

    def get_metadata_routing(self):
        """All metadata are the classifier's, under the names that its `fit` has for them."""
        request = MetadataRequest(owner=type(self).__name__)
        for name in self.params:
            request.fit.add_request(param=name, alias=True)
        return request

    def __sklearn_tags__(self):
        return get_tags(self.estimator)
