"""Coefficients with a row for each class, where a fit was of some of the classes only.

A class whose rows have no weight is nowhere in the loss but in the softmax's sum. In the optimum
its intercept is minus infinity, its coefficients are zero, for the penalty's sake, and all others
are those of the problem without it. What stands for minus infinity is so low an intercept that
``exp`` of it is lost beside 1.
"""

import numpy as np

# exp(-ABSENT) is below half a unit in the last place of 1.
ABSENT = 40.0


def expanded(coef, intercept, present):
    """Coefficients and intercepts of all classes, from those of the classes that are present.

    Without a penalty, or with a ridge, the rows of ``coef`` sum to zero, so that in every row of X
    one of the scores is no lower than the least intercept: the classes that are not present have a
    probability of ``exp(-ABSENT)`` at most, wherever X is.

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
    """Rows of one class, which has no scores of its own, or of two, about their mean."""
    if n_present == 1:
        return np.zeros((1, coef.shape[1]), dtype=coef.dtype), np.zeros(1)
    return np.vstack([-coef, coef]) / 2, np.append(-intercept, intercept) / 2


def restricted(coef, intercept, present):
    """The part of such coefficients and intercepts that is of the classes that are present."""
    if present.all():
        return coef, intercept
    if len(coef) == 1:
        return coef[:0], intercept[:0]
    coef, intercept = coef[present], intercept[present]
    if len(coef) == 2:
        return coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    return coef, intercept
