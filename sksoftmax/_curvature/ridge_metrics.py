"""Metrics whose ridge is added last, so that one look at the data serves many strengths of it.

A maker is a function of an objective and theta, which takes a pass over the data. What it returns
takes the strength of a ridge, (n_parameters,), and gives a metric, at the price of a factor.
"""

from dataclasses import replace

import numpy as np

from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.moments import second_moments
from sksoftmax._curvature.preconditioners import DiagonalMetric, Factor, SharedMetric
from sksoftmax._curvature.simultaneous_diagonalisation import UnitColumns
from sksoftmax._objective.penalties import Ridge


def makers(objective, moments=None):
    """Those that the objective can afford, the cheaper and weaker first.

    moments : ndarray of shape (n_columns, n_columns), second ones of the columns, if known
    """
    if not costs.columns_are_affordable(objective):
        return [diagonal]
    if objective.map.n_scores == 1:
        return [exact]
    affordable = [averaged]
    held = objective.penalty.strength.reshape(objective.map.n_columns, -1)[:, 0] > 0
    if held.any():
        moments = second_moments(objective) if moments is None else moments
        affordable = [UnitColumns.of(moments, held).curvature]
    if costs.classes_are_affordable(objective):
        affordable.append(by_class)
    return affordable


def diagonal(objective, theta):
    """The diagonal of the Hessian, for any ridge."""
    free = approximations.diagonal(_with_ridge(objective, np.zeros_like(theta)), theta).diagonal
    return lambda strength: DiagonalMetric(free + strength.reshape(free.shape))


def exact(objective, theta):
    """The Hessian of two classes."""
    matrix = approximations.least_moments(objective, theta)
    return lambda strength: SharedMetric(Factor.of(matrix + np.diag(strength)))


def averaged(objective, theta):
    """A matrix on classes times one on columns, for any ridge."""
    classes, columns = approximations.averaged_moments(objective, theta)

    def metric(strength):
        return approximations.product(classes, columns, _with_ridge(objective, strength))

    return metric


def by_class(objective, theta):
    """A matrix on columns for each class, for any ridge."""
    matrices = approximations.class_moments(objective, theta)

    def metric(strength):
        ridge = strength.reshape(-1, len(matrices))[:, 0]
        return approximations.class_metric(matrices, ridge)

    return metric


def _with_ridge(objective, strength):
    return replace(objective, penalty=Ridge(strength))
