"""Working sets: problems on some of their columns, all other coefficients being zero."""

from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.bfgs_model import corrected
from sksoftmax._solvers.model_minimizer import minimize_model

# Best accuracy to which a model is minimised, relative to its first step.
BEST = 0.05
# Number of columns up to which a working set is all of them, and the fraction from which on it is.
FEW = 100
MOST = 0.6


class Subproblem(NamedTuple):
    """The problem on a working set of columns, with its model.

    columns : ndarray of int, indices of the columns of X; None for all
    problem : the problem on them
    model : quadratic model of its smooth part, or None before it is made
    pairs : tuple of Pair, the latest last
    age : int, steps since the model was made
    n_steps : int, steps of this descent
    accuracy : float, to which the next model is minimised
    """

    columns: np.ndarray | None
    problem: object
    model: object = None
    pairs: tuple = ()
    age: int = 0
    n_steps: int = 0
    accuracy: float = BEST

    def minimum(self, point):
        """The Minimum of the model at a point of the subproblem."""
        model = corrected(self.model, self.pairs)
        return minimize_model(self.problem, model, point, self.accuracy)


def subproblem_of(problem, chosen):
    """The Subproblem of the columns chosen, or of all where there are few or most are chosen.

    chosen : ndarray of bool of shape (n_features,)
    """
    if len(chosen) <= FEW or chosen.sum() >= MOST * len(chosen):
        return Subproblem(None, problem)
    columns = np.flatnonzero(chosen)
    return Subproblem(columns, problem.on_columns(columns))


def restricted(problem, columns, vector):
    """The part of a vector (n_parameters,) that belongs to some columns; None for all."""
    if columns is None:
        return vector
    return problem.rows_of(vector)[problem.rows_of_columns(columns)].ravel()


def extended(problem, columns, vector, others=0.0):
    """The inverse of `restricted`; the other entries are those of ``others``."""
    if columns is None:
        return vector
    whole = np.full(problem.map.n_parameters, others)
    rows = problem.rows_of_columns(columns)
    problem.rows_of(whole)[rows] = vector.reshape(len(rows), -1)
    return whole


def support(problem, theta):
    """A mask, of shape (n_features,), of the columns of X whose coefficients are not all zero."""
    return problem.rows_of(theta)[: problem.map.n_features].any(axis=1)
