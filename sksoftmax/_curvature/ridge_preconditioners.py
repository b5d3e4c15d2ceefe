"""Preconditioners whose ridge is added last, so that one pass serves many strengths.

A maker is a function of an objective and theta, which takes a pass over the data. What it returns
takes the strength of a ridge, (n_parameters,), and gives a preconditioner, at the cost of a factor.
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
    """Those that the objective can afford, the cheaper and weaker first.

    moments : ndarray of shape (n_columns, n_columns), second ones of the columns, if known
    """
    if not costs.columns_are_affordable(objective):
        return [diagonal]
    if objective.map.n_scores == 1:
        return [exact]
    affordable = [kronecker]
    held = objective.penalty.strength.reshape(objective.map.n_columns, -1)[:, 0] > 0
    if held.any():
        moments = second_moments(objective) if moments is None else moments
        basis = DiagonalisingBasis.of(moments, held)
        many = costs.has_many_classes(objective)
        affordable = [basis.class_curvature if many else basis.curvature]
    if costs.classes_are_affordable(objective):
        affordable.append(class_blocks)
    return affordable


def is_rough(objective, kind):
    """Whether a kind is made without what couples columns or classes, so that scales help it.

    Those of many classes then take half of the evaluations.
    """
    return kind is diagonal or costs.has_many_classes(objective)


def diagonal(objective, theta):
    """The diagonal of the Hessian, for any ridge."""
    free = approximations.diagonal(_with_ridge(objective, np.zeros_like(theta)), theta).diagonal
    return lambda strength: DiagonalPreconditioner(free + strength.reshape(free.shape))


def exact(objective, theta):
    """The Hessian of two classes."""
    matrix = approximations.lower_moments(objective, theta)
    return lambda strength: SharedPreconditioner(Factor.of(matrix + np.diag(strength)))


def kronecker(objective, theta):
    """A matrix on classes times one on columns, for any ridge."""
    classes, columns = approximations.kronecker_factors(objective, theta)

    def preconditioner(strength):
        return approximations.product(classes, columns, _with_ridge(objective, strength))

    return preconditioner


def class_blocks(objective, theta):
    """A matrix on columns for each class, for any ridge."""
    matrices = approximations.class_block_moments(objective, theta)

    def preconditioner(strength):
        ridge = strength.reshape(-1, len(matrices))[:, 0]
        return approximations.class_block_preconditioner(matrices, ridge)

    return preconditioner


def _with_ridge(objective, strength):
    return replace(objective, penalty=Ridge(strength))
