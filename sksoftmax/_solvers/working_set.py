"""A problem on some of its columns, all other coefficients being zero."""

from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.bfgs_model import corrected
from sksoftmax._solvers.model_minimizer import minimize_model

# Of a model, the least share of its first step that is worth leaving.
BEST = 0.05


class Subproblem(NamedTuple):
    """The problem on a working set of columns, with its model.

    columns : indices of the columns of X; None for all
    problem : the problem on them
    model : quadratic model of its smooth part
    pairs : tuple of Pair, the latest last
    age : steps since the model was made
    n_steps : of this descent
    accuracy : to which the next model is minimised
    """

    columns: np.ndarray | None
    problem: object
    model: object
    pairs: tuple = ()
    age: int = 0
    n_steps: int = 0
    accuracy: float = BEST

    def minimum(self, point):
        """The Minimum of the model at a point of the subproblem."""
        model = corrected(self.model, self.pairs)
        return minimize_model(self.problem, model, point, self.accuracy)


def restricted(problem, columns, vector):
    """The part of a vector like the whole theta that belongs to some columns; None is all."""
    if columns is None:
        return vector
    return problem.rows_of(vector)[problem.rows_of_columns(columns)].ravel()


def extended(problem, columns, vector, others=0.0):
    """A vector like the whole theta, from its part on some columns and one of the others."""
    if columns is None:
        return vector
    whole = np.full(problem.map.n_parameters, others)
    rows = problem.rows_of_columns(columns)
    problem.rows_of(whole)[rows] = vector.reshape(len(rows), -1)
    return whole


def support(problem, theta):
    """Of each column of X, whether it is not zero."""
    return problem.rows_of(theta)[: problem.map.n_features].any(axis=1)
