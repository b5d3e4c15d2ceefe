"""Dispatch between rows in memory and rows that Dask holds.

X decides. Dask is not imported before a Dask collection is passed.
"""

from functools import wraps

from sklearn.metrics import accuracy_score

from sksoftmax._data import checks, score_rows, validation
from sksoftmax._runtime.types import Method


def encode(estimator, X, y, sample_weight, class_weight, n_jobs, **options):
    """Check and encode training data, in memory or by Dask; see ``validation.encode``."""
    X, y, sample_weight = map(validation.unwrapped, (X, y, sample_weight))
    if validation.on_dask(X):
        from sksoftmax._data.dask import validation as dask_validation

        return dask_validation.encode(estimator, X, y, sample_weight, class_weight, **options)
    y, sample_weight = validation.in_memory(y), validation.in_memory(sample_weight)
    return validation.encode(estimator, X, y, sample_weight, class_weight, n_jobs, **options)


def encode_scores(X, y, sample_weight, names=("X", "y"), **options):
    """Check and encode scores and labels, in memory or by Dask; see ``score_rows.encode``."""
    X, y, sample_weight = map(validation.unwrapped, (X, y, sample_weight))
    if validation.on_dask(X):
        from sksoftmax._data.dask import scores as dask_scores

        return dask_scores.encode(X, y, sample_weight, names=names, **options)
    y, sample_weight = validation.in_memory(y), validation.in_memory(sample_weight)
    return score_rows.encode(X, y, sample_weight, **options)


def snapshot(estimator):
    """A shallow copy of the estimator, with the attributes that it has now.

    A fit in another thread replaces all attributes at once; a method that reads several of them
    reads a snapshot, so that they belong to one fit.
    """
    copied = object.__new__(type(estimator))
    copied.__dict__ = vars(estimator).copy()
    return copied


def of_one_moment(method: Method) -> Method:
    """Decorate a method of X so that it is called on a snapshot of the estimator."""

    @wraps(method)
    def applied(self, X):
        return method(snapshot(self), X)

    return applied


def chunkwise(method: Method) -> Method:
    """Decorate a method of X: it is called on a snapshot, and chunk by chunk where Dask holds X."""

    @wraps(method)
    def applied(self, X):
        now = snapshot(self)
        if not validation.on_dask(X):
            return method(now, X)
        from sksoftmax._data.dask import prediction as dask_prediction

        return dask_prediction.by_chunks(now, method.__name__, validation.unwrapped(X))

    return applied


def accuracy(estimator, X, y, sample_weight):
    """The weighted fraction of rows whose predicted class is that of y."""
    validation.check_given(y, f"{type(estimator).__name__}.score")
    X, y, sample_weight = map(validation.unwrapped, (X, y, sample_weight))
    if validation.on_dask(X):
        from sksoftmax._data.dask import prediction as dask_prediction

        return dask_prediction.accuracy(estimator, X, y, sample_weight)
    y, sample_weight = validation.in_memory(y), validation.in_memory(sample_weight)
    checks.check_finite_labels(y)
    return accuracy_score(y, estimator.predict(X), sample_weight=sample_weight)
