"""The working set of a fit along a path, and the check that no other column is wanted.

A fit on some columns is that of all columns if the others are zero at the optimum. What proves the
distance to the optimum on some columns is a distribution for each row, ``q`` (see
``_certificates.nonsmooth``); its gradient on any other column is one product more. Where that is
within a column's l1 strength, the column adds nothing to the bound: zero is best for it, and the
proof holds for all.

A set begins with the columns that are not zero and those whose expected gradient is near their
strength, and is kept along the path while it holds (Tibshirani et al. 2012, Journal of the Royal
Statistical Society B 74, 245-266, discard by the gradient at the last value of the penalty). Paths
of 50 fits on text take 2.4 times as long by the last gradient as by the expected one.
"""

import numpy as np

from sksoftmax._solvers.working_set import Subproblem, support

# Share of its l1 strength from which on a column's expected gradient makes it join.
NEAR = 0.95
# Columns of which all are kept, and the share of them from which on it is all.
FEW = 100
MOST = 0.6


def choose(whole, theta, loss_gradient, old=None):
    """The Subproblem of the columns that are wanted, or nearly, besides those of an old one."""
    wanted = support(whole, theta) | _exceeds(whole, loss_gradient, NEAR)
    if old is not None:
        wanted[old.columns] = True
    if not wanted.any():
        wanted[0] = True  # an objective needs a column
    if len(wanted) <= FEW or wanted.sum() >= MOST * len(wanted):
        return Subproblem(None, whole, None)
    columns = np.flatnonzero(wanted)
    return Subproblem(columns, whole.on_columns(columns), None)


def moved(subproblem, whole):
    """The same columns under another penalty, with what is known of the curvature."""
    columns, problem = subproblem.columns, whole
    if columns is not None:
        problem = whole.on_columns(columns, subproblem.problem)
    return subproblem._replace(problem=problem)


def holds(columns, whole, theta, loss_gradient):
    """Whether theta is zero on all other columns, and the gradient within their strengths."""
    if columns is None:
        return True
    wanted = support(whole, theta) | _exceeds(whole, loss_gradient, 1.0)
    wanted[columns] = False
    return not wanted.any()


def _exceeds(whole, loss_gradient, share):
    """Of each column of X, whether its gradient exceeds a share of its l1 strength."""
    n_features = whole.map.n_features
    norms = whole.nonsmooth.norms(loss_gradient)[:n_features]
    strength = whole.nonsmooth.l1_strength[:n_features]
    # What is no number is no proof.
    return (~(norms <= share * strength) | (strength == 0)).any(axis=1)
