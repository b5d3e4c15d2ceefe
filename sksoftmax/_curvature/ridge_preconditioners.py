"""Preconditioners whose ridge is added last, so that one pass over the rows serves many strengths.

A maker is a function of an objective and theta that takes a pass over the rows. It returns a
function of the strength of a ridge, an ndarray of shape (n_parameters,), which returns a
preconditioner at the cost of a factor. The objective's own ridge is not used.
"""

from dataclasses import replace

import numpy as np

from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.moments import second_moments
from sksoftmax._curvature.preconditioners import (
    DiagonalPreconditioner,
    Factor,
    SharedPreconditioner,
)
from sksoftmax._curvature.simultaneous_diagonalisation import DiagonalisingBasis
from sksoftmax._objective.penalties import Ridge


def makers(objective, moments=None):
    """A list of the makers that an objective affords; each is better than the one before.

    moments : ndarray of shape (n_columns, n_columns), optional, second moments of the columns
    """
    if not costs.columns_are_affordable(objective):
        return [diagonal]
    if objective.map.n_scores == 1:
        return [exact]
    moments = second_moments(objective) if moments is None else moments
    basis = DiagonalisingBasis.of(moments, np.arange(len(moments)) < objective.map.n_features)
    many = costs.has_many_classes(objective)
    affordable = [basis.class_curvature if many else basis.curvature]
    if costs.classes_are_affordable(objective):
        affordable.append(class_blocks)
    return affordable


def is_to_be_scaled(objective, maker):
    """Whether the preconditioners of a maker are to be scaled by the last curvature pair.

    So it is where couplings between columns or classes are left out. Fits of many classes then take
    half of the evaluations.
    """
    return maker is diagonal or costs.has_many_classes(objective)


def diagonal(objective, theta):
    """Makes the diagonal of the Hessian."""
    unpenalised = replace(objective, penalty=Ridge(np.zeros_like(theta)))
    free = approximations.diagonal(unpenalised, theta).diagonal
    return lambda strength: DiagonalPreconditioner(free + strength.reshape(free.shape))


def exact(objective, theta):
    """Makes the Hessian of two classes."""
    matrix = approximations.lower_moments(objective, theta)
    return lambda strength: SharedPreconditioner(Factor.of(matrix + np.diag(strength)))


def class_blocks(objective, theta):
    """Makes a matrix on columns for each class, as `approximations.class_blocks`."""
    matrices = approximations.class_block_moments(objective, theta)

    def preconditioner(strength):
        ridge = strength.reshape(-1, len(matrices))[:, 0]
        return approximations.class_block_preconditioner(matrices, ridge)

    return preconditioner
