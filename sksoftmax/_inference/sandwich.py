"""The matrix M of a covariance ``H^-1 M H^-1``, by the kind that is asked for."""

from functools import partial
from typing import NamedTuple

import numpy as np

from sksoftmax._data import parameter_checks
from sksoftmax._functions.checks import check_option
from sksoftmax._inference.groups import encode_groups
from sksoftmax._inference.objective import frequencies

COVARIANCES = ("information", "robust", "cluster")
WEIGHTS = ("frequency", "sampling")


class Kind(NamedTuple):
    """What covariance is asked for, as passed to `infer`."""

    covariance: str
    weights: str
    groups: object
    small_sample: bool

    def check(self):
        """Raise a ValueError or TypeError for options that are none, or have no effect."""
        for name, known in (("covariance", COVARIANCES), ("weights", WEIGHTS)):
            check_option(name, getattr(self, name), known)
        parameter_checks.check_flag("small_sample", self.small_sample)
        if self.covariance == "cluster" and self.groups is None:
            raise ValueError("covariance='cluster' needs groups=, the label of each row's group")
        if self.covariance != "cluster" and self.groups is not None:
            raise ValueError(
                f"groups= has no effect under covariance={self.covariance!r}: write 'cluster'"
            )
        if self.small_sample and self.covariance == "information":
            raise ValueError(
                "small_sample=True has no effect under covariance='information': write 'robust' "
                "or 'cluster'"
            )


def middle(kind, data, sums, degrees_of_freedom):
    """M: the information, or the products of the scores of rows or of groups of them.

    kind : Kind
    data : FittedData
    sums : HeldSums or SumsAlong
    """
    if kind.covariance == "information":
        return sums.information(squared_weights if kind.weights == "sampling" else None)
    n_rows, factor = data.n_rows, 1.0
    if kind.weights == "frequency":
        n_rows = data.objective.rows.sum(partial(_sum_of_frequencies, factors=data.factors))
    if kind.covariance == "robust":
        matrix = sums.scores(as_it_counts(kind.weights, data.factors))
    else:
        groups, n_groups = encode_groups(kind.groups, data)
        matrix = sums.groups(groups, n_groups)
        factor = n_groups / (n_groups - 1) * (n_rows - 1) / n_rows
    if not kind.small_sample:
        return matrix
    if not n_rows > degrees_of_freedom:
        raise ValueError(
            f"small_sample=True divides by rows less degrees of freedom, {n_rows:g} less "
            f"{degrees_of_freedom:.6g}: more rows are needed"
        )
    return matrix * factor * n_rows / (n_rows - degrees_of_freedom)


def _sum_of_frequencies(block, factors):
    return float(frequencies(block, factors).sum(dtype=np.float64))


def squared_weights(block):
    """Weights of a model's variance of weighted scores, for rows that stand for others."""
    return block.weight**2


def as_it_counts(weights, factors):
    """Weights of the products of scores, which have the weight of the loss in them squared."""

    def weigh(block):
        if weights == "sampling":
            return np.ones(len(block.weight))
        # A row of frequency f, class weight c and residual r counts with f (c r)^2, which is its
        # squared score, (f c r)^2, over f.
        return 1 / frequencies(block, factors)

    return weigh
