"""The preconditioner for models that separate many classes: a square root of columns' moments.

Where classes are separated the few rows between them hold all of the curvature, and it is least
where the model looks, along directions in which the columns vary much. Steps that even out all
directions, or the classes, are then too long: they make coefficients along directions of little
variance that only the penalty takes back. Steps along the gradient are too short elsewhere. The
root is half-way between the two in logarithms, so that it loses to neither by more than the square
root of what they lose to each other.
"""

import numpy as np

from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.moments import second_moments
from sksoftmax._curvature.preconditioners import KroneckerPreconditioner


def root_of_columns(objective, last=None):
    """The square root of the second moments of the columns, the same for all classes.

    Embeddings of 200 classes with little penalty take 2 to 9 times as long without. L-BFGS finds
    its scale, so that only the penalty beside it needs one: that of equally likely classes.

    last : Preconditioner, optional, whose moments serve again if it has them
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
