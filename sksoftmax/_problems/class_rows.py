"""Coefficients of all classes from those of a fit of some of the classes, and back.

A class whose rows have no weight is in the loss through the softmax's denominator alone. At the
optimum its intercept is minus infinity, its coefficients are zero by the penalty, and all others
are those of the problem without that class. In the place of minus infinity stands an intercept so
low that its exponential is lost in the sum.
"""

import numpy as np

# By how much the intercept of such a class is below the others: 1 + exp(-ABSENT) rounds to 1.
ABSENT = 40.0


def expanded(coef, intercept, present):
    """Coefficients and intercepts of all classes, from those of the classes that are present.

    Without a penalty, or with a ridge, the rows of ``coef`` sum to zero. For every row of X one of
    the scores is then no lower than the least intercept, and absent classes have a probability of
    ``exp(-ABSENT)`` at most.

    Parameters
    ----------
    coef : ndarray of shape (n_scores, n_features)
    intercept : ndarray of shape (n_scores,)
    present : ndarray of bool of shape (n_classes,)

    Returns
    -------
    coef, intercept : ndarrays of shape (n_classes, n_features) and (n_classes,), or with one row
        for two classes
    """
    if present.all():
        return coef, intercept
    if np.count_nonzero(present) <= 2:
        coef, intercept = _with_both(coef, intercept, np.count_nonzero(present))
    everywhere = np.zeros((len(present), coef.shape[1]), dtype=coef.dtype)
    everywhere[present] = coef
    level = np.full(len(present), intercept.min() - ABSENT)
    level[present] = intercept
    if len(present) == 2:
        return everywhere[1:] - everywhere[:1], level[1:] - level[:1]
    return everywhere, level - level.mean()


def _with_both(coef, intercept, n_present):
    """A row for each class present, of one class or two, whose fits have none or one."""
    if n_present == 1:
        return np.zeros((1, coef.shape[1]), dtype=coef.dtype), np.zeros(1)
    return np.vstack([-coef, coef]) / 2, np.append(-intercept, intercept) / 2


def restricted(coef, intercept, present):
    """The inverse of `expanded`: coefficients and intercepts of the classes that are present."""
    if present.all():
        return coef, intercept
    if len(coef) == 1:
        return coef[:0], intercept[:0]
    coef, intercept = coef[present], intercept[present]
    if len(coef) == 2:
        return coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    return coef, intercept
