"""A preconditioner for models that separate many classes: the square root of second moments.

Where classes are separated, the few rows between them make up all of the curvature, and there is
least of it along the coefficients, which follow directions of large variance. Steps scaled by the
inverse of the second moments are then too long along directions of small variance: they make large
coefficients there, which only the penalty takes back. Plain gradient steps are too short elsewhere.
The square root lies halfway between the two on a logarithmic scale: along each direction the
logarithm of its error is the mean of theirs.
"""

import numpy as np

from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.moments import second_moments
from sksoftmax._curvature.preconditioners import KroneckerPreconditioner


def root_of_columns(objective, last=None):
    """The square root of the second moments of the columns, the same for all classes.

    Fits of 200 classes on embeddings with little penalty take 2 to 9 times as long without.
    L-BFGS scales the preconditioner itself; relative to the penalty it has the scale of equally
    likely classes.

    last : Preconditioner, optional
        If it has second moments of the columns, they are used.
    """
    features = slice(objective.map.n_features)
    if isinstance(last, KroneckerPreconditioner):
        columns = last.columns
    else:
        columns = second_moments(objective, costs.proof_stride(objective))
    values, vectors = np.linalg.eigh(columns[features, features])
    values = np.sqrt(np.maximum(values, 0) * max(values.mean(), 0))
    matrix = np.diag(np.diag(columns))
    matrix[features, features] = (vectors * values) @ vectors.T
    return approximations.penalised(matrix / objective.map.n_scores, objective)
