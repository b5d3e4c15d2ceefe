"""Tests whether classes are separable, so that without a penalty no optimum exists.

If some direction raises no row's loss and lowers that of one, the objective falls forever along it
(Albert and Anderson 1984, Biometrika 71). A linear programme finds such a direction (Konis 2007):
it maximises the sum of margins, each row's own score less another's, over coefficients within a box
for which no margin is negative. The sum is zero if and only if the classes overlap. A row whose
target is a distribution stands for one row of each class with a positive probability.
"""

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from sksoftmax._certificates.smooth import largest_range
from sksoftmax._objective.rows import Largest, gather

# Largest range of a row's scores that is seen at an optimum, as a rule.
SUSPICIOUS = 20.0
# Entries of the programme's matrix up to which it is solved, which then takes seconds.
MOST_ENTRIES = 2_000_000


def has_no_optimum(objective, theta, converged):
    """Whether the objective falls forever; None if the test would take too long.

    It is tested only if the run did not converge, or scores range far.

    objective, theta : of a problem's ``free_part``
        The objective can fall forever only along columns without a penalty, since a penalty grows
        faster than the loss falls.
    """
    if objective.map.n_features == 0:
        return False
    if converged and largest_range(objective, theta) < SUSPICIOUS:
        return False
    if _separates(objective, theta):
        return True
    if not objective.rows.sum(lambda block: Largest(_has_an_empty_class(block))).number:
        return False  # every row's loss grows in every direction
    if objective.n_rows * objective.map.n_columns * max(2, objective.map.n_scores) > MOST_ENTRIES:
        return None
    X, target, _ = gather(objective.rows)
    if objective.map.has_intercept:
        X = X if sp.issparse(X) else sp.csr_array(X - objective.map.center)
        X = sp.hstack([X, np.ones((X.shape[0], 1))], format="csr")
    rows, labels = _labelled(target)
    return is_separable(X[rows], labels, max(2, objective.map.n_scores))


def _has_an_empty_class(block):
    """Whether some row's target has a probability of 0; labels always do."""
    return block.target.ndim == 1 or not block.target.all()


def _labelled(target):
    """Indices of rows and their labels, a distribution being a row of each positive class."""
    if target.ndim == 1:
        return slice(None), target
    labels, rows = np.nonzero(target)
    return rows, labels


def _lightest(block):
    """The smallest weight of a row, times the least positive probability of its target."""
    if block.target.ndim == 1:
        return float(block.weight.min())
    shares = block.target * block.weight
    return float(shares[shares > 0].min())


def _separates(objective, theta):
    """Whether the loss of every row is below log 2, so that its own class has the largest score."""
    value, _ = objective.value_and_gradient(theta)
    lightest = -objective.rows.sum(lambda block: Largest(-_lightest(block))).number
    return value * objective.total_weight < np.log(2) * lightest


def is_separable(X, labels, n_classes):
    """Whether the classes of some rows are separable; None if the test would take too long.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_rows, n_columns)
        With a column of ones, if there is an intercept.
    labels : ndarray of shape (n_rows,), class indices
    n_classes : int
    """
    n_rows, n_columns = X.shape
    if n_rows * n_columns * (n_classes - 1) * 2 > MOST_ENTRIES:
        return None
    margins = _margins(sp.csr_array(X), labels, n_classes)
    # Columns are scaled to unit size, since the programme's tolerances are absolute.
    size = np.sqrt(np.asarray(margins.power(2).sum(axis=0)).ravel() / margins.shape[0])
    margins = margins @ sp.diags_array(1 / np.where(size > 0, size, 1))
    gain = np.asarray(margins.mean(axis=0)).ravel()
    answer = linprog(-gain, A_ub=-margins, b_ub=np.zeros(margins.shape[0]), bounds=(-1, 1))
    return bool(-answer.fun > 1e-7) if answer.status == 0 else None


def _margins(X, labels, n_classes):
    """The matrix whose product with coefficients is each row's own score less each other class's.

    The last class has no coefficients, since only differences matter.

    Returns
    -------
    margins : CSR array of shape (n_rows * (n_classes - 1), n_columns * (n_classes - 1))
    """
    others = [np.flatnonzero(labels != k) for k in range(n_classes)]
    blocks = []
    for k, rows in enumerate(others):
        part = X[rows]
        own = _placed(part, labels[rows], n_classes)
        blocks.append(own - _placed(part, np.full(len(rows), k), n_classes))
    return sp.vstack(blocks, format="csr")[:, : X.shape[1] * (n_classes - 1)]


def _placed(X, labels, n_classes):
    """Rows of X in the columns of their classes, (n_rows, n_columns * n_classes), 0 elsewhere."""
    coordinates = X.tocoo()
    columns = coordinates.col + labels[coordinates.row].astype(np.int64) * X.shape[1]
    shape = (X.shape[0], X.shape[1] * n_classes)
    return sp.csr_array((coordinates.data, (coordinates.row, columns)), shape=shape)
