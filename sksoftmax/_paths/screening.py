"""The working set of a nonsmooth fit, and the check that no other column is wanted.

A fit on some columns is that of all columns if the others are zero at the optimum. What proves the
distance to the optimum on some columns is a distribution for each row, ``q`` (see
``sparse_certificate``); its gradient on any other column is one product more. A column on which
that is within its l1 strength adds nothing to the bound: zero is best for it, and the proof holds
for all.

Columns are kept for a while along a path: those that are not zero, and those whose gradient is near
enough to make them so (Tibshirani et al. 2012, Journal of the Royal Statistical Society B 74,
245-266, discard by one value of the penalty what is not needed at the next).
"""

from dataclasses import dataclass, replace

import numpy as np

from sksoftmax._problems.composite import CompositeProblem

# Share of its amount from which on a column's gradient is worth watching.
NEAR = 0.95
# Columns of which all are kept, and the share of them from which on it is all.
FEW = 100
MOST = 0.6


@dataclass(frozen=True)
class WorkingSet:
    """Some columns of an objective.

    columns : indices of the columns of X; None for all
    indices : rows of theta that belong to them
    subproblem : CompositeProblem
        The objective on them.
    """

    columns: np.ndarray | None
    indices: object
    subproblem: CompositeProblem

    @classmethod
    def of(cls, whole, theta, loss_gradient, old=None):
        """The columns that are wanted, or nearly, besides those of an old working set."""
        wanted = support(whole, theta) | near(whole, loss_gradient)
        if old is not None:
            wanted[old.columns] = True
        if not wanted.any():
            wanted[0] = True  # an objective needs a column
        if len(wanted) <= FEW or wanted.sum() >= MOST * len(wanted):
            return cls(None, slice(None), whole)
        columns = np.flatnonzero(wanted)
        return cls(columns, whole.rows_of_columns(columns), whole.on_columns(columns))

    def moved_to(self, whole):
        """The same columns under other penalties."""
        known = self.columns is None
        return replace(
            self, subproblem=whole if known else whole.on_columns(self.columns, self.subproblem)
        )

    def restricted(self, whole, vector):
        """Of a vector like the whole theta."""
        return whole.rows_of(vector)[self.indices].ravel()

    def extended(self, whole, vector, outside=None):
        """A vector like the whole theta, zero or as given outside these columns."""
        if self.columns is None:
            return vector
        full = np.zeros(whole.map.n_parameters) if outside is None else outside.copy()
        whole.rows_of(full)[self.indices] = self.subproblem.rows_of(vector)
        return full

    def loss_gradient(self, whole, residual):
        """The loss gradient on all columns, from the residuals of the subproblem."""
        smooth = whole.objective.smooth
        return smooth.gradient_of_residuals(self.subproblem.objective.smooth, residual)

    def holds(self, whole, theta, loss_gradient):
        """Whether theta is zero outside, and no gradient there is above its l1 strength."""
        if self.columns is None:
            return True
        wanted = support(whole, theta) | near(whole, loss_gradient, share=1.0)
        wanted[self.columns] = False
        return not wanted.any()


def support(whole, theta):
    """Of each column of X, whether it is not zero."""
    return whole.rows_of(theta)[: whole.map.n_features].any(axis=1)


def near(whole, loss_gradient, share=NEAR):
    """Of each column of X, whether its gradient exceeds a share of its l1 strength."""
    n_features = whole.map.n_features
    sizes = whole.nonsmooth.norms(loss_gradient)[:n_features]
    amount = whole.nonsmooth.l1_strength[:n_features]
    # What is no number is no proof.
    return (~(sizes <= share * amount) | (amount == 0)).any(axis=1)


def largest_excess(whole, loss_gradient):
    """The largest gradient over its l1 strength, of the columns that are held at all."""
    n_features = whole.map.n_features
    sizes = whole.nonsmooth.norms(loss_gradient)[:n_features]
    amount = np.broadcast_to(whole.nonsmooth.l1_strength[:n_features], sizes.shape)
    held = (amount > 0) & np.isfinite(amount)
    return float(np.max(sizes[held] / amount[held], initial=0.0))
