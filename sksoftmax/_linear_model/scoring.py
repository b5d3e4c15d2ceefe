"""Scores of fitted models, by scikit-learn's scorers or by the log loss that knows more."""

import copy
import inspect

import numpy as np
from sklearn import config_context, get_config
from sklearn.metrics import accuracy_score, get_scorer, make_scorer
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.metadata_routing import MetadataRequest

from sksoftmax._data import weights
from sksoftmax._data.score_classes import class_indices
from sksoftmax._inference.leave_one_out import LEAST_LOG
from sksoftmax._linear_model.prediction import own_log_probabilities

LOG_LOSS = "neg_log_loss"


class LogLossScorer:
    """Mean log probability of the labels, a weighted one if there are weights.

    Unlike scikit-learn's it needs no row of each class, and stays finite for classes that the
    model gives no probability.
    """

    def __call__(self, estimator, X, y, sample_weight=None):
        logs = estimator.predict_log_proba(X)
        indices = class_indices(column_or_1d(y), estimator.classes_)
        check_consistent_length(X, y)
        own = logs[np.arange(len(indices)), indices]
        return float(np.average(np.maximum(own, LEAST_LOG), weights=_weights(sample_weight, logs)))

    def of_linear(self, coefs, intercepts, classes, X, y, sample_weight=None):
        """The scores of several linear models at once, as `own_log_probabilities` takes them."""
        own = own_log_probabilities(X, class_indices(column_or_1d(y), classes), coefs, intercepts)
        return np.average(np.maximum(own, LEAST_LOG), axis=1, weights=sample_weight)

    def get_metadata_routing(self):
        request = MetadataRequest(owner="LogLossScorer")
        request.score.add_request(param="sample_weight", alias=True)
        return request


class NamedScorer:
    """One of scikit-learn's by its name, that sees classes of text by their numbers.

    Which of two classes counts as positive is then known: the second, as in ``classes_``. Metrics
    of columns of probabilities are told the class of each, since the rows to score may lack one;
    those that average over classes take the classes of the rows.
    """

    def __init__(self, scorer):
        self.scorer = scorer
        # Of the metric itself: in scikit-learn 1.8 no public name tells what a scorer takes.
        self.takes = set(inspect.signature(scorer._score_func).parameters)
        self.reads_columns = "labels" in self.takes and "average" not in self.takes
        if get_config()["enable_metadata_routing"] and "sample_weight" in self.takes:
            scorer.set_score_request(sample_weight=True)

    def __call__(self, estimator, X, y, sample_weight=None, **params):
        y = column_or_1d(y)
        if estimator.classes_.dtype.kind in "OUS":
            y = class_indices(column_or_1d(y), estimator.classes_)
            estimator = copy.copy(estimator)
            estimator.classes_ = np.arange(len(estimator.classes_))
        if sample_weight is not None:
            params["sample_weight"] = _weights(sample_weight, X)
        if not self.reads_columns:
            return self.scorer(estimator, X, y, **params)
        # A scorer passes parameters on to its metric where routing is enabled.
        with config_context(enable_metadata_routing=True):
            return self.scorer(estimator, X, y, labels=estimator.classes_, **params)

    def get_metadata_routing(self):
        return self.scorer.get_metadata_routing()


def _weights(sample_weight, X):
    return None if sample_weight is None else weights.check_weight(sample_weight, X)


def scorer_of(scoring):
    """The scorer for a name or a callable; None is accuracy, as in scikit-learn.

    Those that are named here, and not made by the user, ask for sample weights.
    """
    if scoring == LOG_LOSS:
        return LogLossScorer()
    if callable(scoring):
        return get_scorer(scoring)
    return NamedScorer(make_scorer(accuracy_score) if scoring is None else get_scorer(scoring))


def takes_weights(scorer):
    """Whether sample weights may be passed to a scorer."""
    if isinstance(scorer, NamedScorer):
        return "sample_weight" in scorer.takes
    return "sample_weight" in inspect.signature(scorer).parameters
