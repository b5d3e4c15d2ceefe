"""Who holds the rows: memory, or Dask where X is a collection of its.

Nothing here imports Dask before a collection of Dask's is seen.
"""

from functools import wraps

from sklearn.metrics import accuracy_score

from sksoftmax._data import score_rows, validation


def encode(estimator, X, y, sample_weight, class_weight, n_jobs, **options):
    """Training data checked and encoded, where X is; see ``validation.encode``."""
    X, y, sample_weight = map(validation.unwrapped, (X, y, sample_weight))
    if validation.on_dask(X):
        from sksoftmax._data.dask import validation as dask_validation

        return dask_validation.encode(estimator, X, y, sample_weight, class_weight, **options)
    y, sample_weight = validation.in_memory(y), validation.in_memory(sample_weight)
    return validation.encode(estimator, X, y, sample_weight, class_weight, n_jobs, **options)


def encode_scores(X, y, sample_weight, names=("X", "y"), **options):
    """Scores and labels checked and encoded, where X is; see ``score_rows.encode``."""
    X, y, sample_weight = map(validation.unwrapped, (X, y, sample_weight))
    if validation.on_dask(X):
        from sksoftmax._data.dask import scores as dask_scores

        return dask_scores.encode(X, y, sample_weight, names=names, **options)
    y, sample_weight = validation.in_memory(y), validation.in_memory(sample_weight)
    return score_rows.encode(X, y, sample_weight, **options)


def snapshot(estimator):
    """The estimator with the attributes that it has now.

    A fit in another thread replaces all of them at once; what reads several of them, one after the
    other, reads a snapshot.
    """
    same = object.__new__(type(estimator))
    same.__dict__ = vars(estimator).copy()
    return same


def of_one_moment(method):
    """A method of rows, of the estimator as it is when the call begins."""

    @wraps(method)
    def applied(self, X):
        return method(snapshot(self), X)

    return applied


def chunkwise(method):
    """A method of one moment that is applied chunk by chunk, lazily, where Dask holds the rows."""

    @wraps(method)
    def applied(self, X):
        now = snapshot(self)
        if not validation.on_dask(X):
            return method(now, X)
        from sksoftmax._data.dask import prediction as dask_prediction

        return dask_prediction.by_chunks(now, method.__name__, validation.unwrapped(X))

    return applied


def accuracy(estimator, X, y, sample_weight):
    """The share of rows, by weight, that an estimator labels as y does."""
    validation.check_given(y, f"{type(estimator).__name__}.score")
    X, y, sample_weight = map(validation.unwrapped, (X, y, sample_weight))
    if validation.on_dask(X):
        from sksoftmax._data.dask import prediction as dask_prediction

        return dask_prediction.accuracy(estimator, X, y, sample_weight)
    y, sample_weight = validation.in_memory(y), validation.in_memory(sample_weight)
    return accuracy_score(y, estimator.predict(X), sample_weight=sample_weight)
