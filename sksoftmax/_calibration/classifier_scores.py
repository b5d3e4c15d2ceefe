"""Scores and probabilities of a fitted classifier: a column for each class, in sorted order.

Classifiers may have their classes in any order, such as that of appearance, and data frames of
probabilities their columns: both are read by the name of the class, never by position.
"""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from sksoftmax._data import score_classes, validation
from sksoftmax._functions.arrays import as_numpy
from sksoftmax._runtime.quiet import quiet
from sksoftmax._runtime.types import FLOATS

# What gives scores, the best first.
METHODS = ("decision_function", "predict_log_proba", "predict_proba")


def check_scores_of_classes(estimator):
    """Refuse a fitted estimator that has not one score a class."""
    if not hasattr(estimator, "classes_") or not any(hasattr(estimator, name) for name in METHODS):
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


def sorted_classes(estimator):
    """Classes of a fitted classifier, in the order of the columns given here."""
    return np.unique(np.asarray(estimator.classes_))


def scores(estimator, X):
    """Scores of shape (n_samples, 1 or n_classes) of a fitted classifier."""
    if not hasattr(estimator, "decision_function"):
        logs = log_probabilities(estimator, X)
        return np.maximum(logs, np.log(np.finfo(logs.dtype).tiny))
    values = estimator.decision_function(X)
    found = _floats(values)
    n_classes = len(estimator.classes_)
    single = found.reshape(-1, 1) if found.ndim == 1 else found
    if single.ndim != 2 or single.shape[1] != (1 if n_classes == 2 else n_classes):
        wanted = f"one score for each of {n_classes} classes, (n_samples, {n_classes})"
        if n_classes == 2:
            wanted = "of two classes one score, that of the second, is wanted: (n_samples,)"
        raise ValueError(
            f"The decision function of {estimator!r} has shape {found.shape}; {wanted}. Its "
            f"classes are {score_classes.listed(estimator.classes_)}."
        )
    if n_classes == 2:
        # The score of the second class, which may be the first of those sorted.
        first, second = np.asarray(estimator.classes_).tolist()
        return single if first < second else -single
    return _in_order(single, values, estimator)


def probabilities(estimator, X):
    """Probabilities that an estimator gives, and the class of each column where it is known.

    Of a classifier, or of a pipeline that ends in a transformer of scores. Those of a collection of
    Dask are an array of Dask.
    """
    method = getattr(estimator, "predict_proba", None) or getattr(estimator, "transform", None)
    if method is None:
        kind = type(estimator).__name__
        raise TypeError(
            f"{kind} gives no probabilities, having no predict_proba: calibrate it, as "
            f"SoftmaxCalibratedClassifier({kind}(...)) does. Got {estimator!r}."
        )
    values = method(X)
    if getattr(estimator, "classes_", None) is None:
        return values, _classes_of_scores(estimator, np.shape(values)[-1])
    found = values if validation.on_dask(values) else as_numpy(values)
    return _in_order(found, values, estimator), sorted_classes(estimator)


def _classes_of_scores(pipeline, n_columns):
    """The sorted classes of the scores that a pipeline ends with a map of, which knows none."""
    pipeline = getattr(pipeline, "best_estimator_", pipeline)
    if not isinstance(pipeline, Pipeline) or len(pipeline) < 2:
        return None
    classes = getattr(pipeline[-2], "classes_", None)
    return np.sort(classes) if classes is not None and len(classes) == n_columns else None


@quiet  # the logarithm of 0 is meant: minus infinity
def log_probabilities(estimator, X):
    """Log probabilities of a fitted classifier, (n_samples, n_classes)."""
    if hasattr(estimator, "predict_log_proba"):
        values = estimator.predict_log_proba(X)
        logs = _floats(values)
    else:
        values = estimator.predict_proba(X)
        logs = np.log(_floats(values))
    return _in_order(logs, values, estimator)


def _floats(values):
    """Values as an array in single or double precision."""
    array = as_numpy(values)
    return array if array.dtype in FLOATS else array.astype(np.float64)


def _in_order(array, values, estimator):
    """The columns of an array in the order of the sorted classes, by the names of the values."""
    classes = sorted_classes(estimator)
    if array.ndim != 2 or array.shape[1] != len(classes):
        raise ValueError(
            f"{estimator!r} gives columns of shape {array.shape}; a column is needed for each of "
            f"its {len(classes)} classes {score_classes.listed(classes)}."
        )
    order = score_classes.column_order(values, classes)
    if order is None:
        order = np.argsort(np.asarray(estimator.classes_), kind="stable")
    in_order = (order == np.arange(len(order))).all()
    return array if in_order else array[:, order]


def _innermost(estimator):
    """What computes the scores, beneath pipelines, searches and frozen estimators."""
    if isinstance(estimator, Pipeline):
        return _innermost(estimator[-1])
    if isinstance(estimator, FrozenEstimator):
        return _innermost(estimator.estimator)
    if hasattr(estimator, "best_estimator_"):
        return _innermost(estimator.best_estimator_)
    return estimator
