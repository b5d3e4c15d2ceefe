"""Who holds the rows: memory, or Dask where X is a collection of its.

Nothing here imports Dask before a collection of Dask's is seen.
"""

from sksoftmax import gate


def encode(estimator, X, y, sample_weight, class_weight, n_jobs):
    """Training data checked and encoded, where X is; see ``gate.encode``."""
    if gate.on_dask(X):
        from sksoftmax import dask_gate

        return dask_gate.encode(estimator, X, y, sample_weight, class_weight)
    y, sample_weight = in_memory(y), in_memory(sample_weight)
    return gate.encode(estimator, X, y, sample_weight, class_weight, n_jobs)


def in_memory(values):
    """What Dask holds, computed; all else as it is."""
    return values.compute() if gate.on_dask(values) else values
