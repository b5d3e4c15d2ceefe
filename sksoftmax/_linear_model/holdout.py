"""Which rows are held out of a fit to judge it by."""

from functools import partial

import numpy as np
from sklearn.utils import check_random_state


def chooser(model):
    """How to choose the rows that a model's early stopping goes by; None without it."""
    if not model.early_stopping:
        return None
    fraction, random_state = model.validation_fraction, model.random_state
    return partial(choose, fraction=fraction, random_state=random_state)


def choose(target, n_classes, fraction, random_state):
    """A mask of the rows that are held out, about a fraction of each class.

    Rows are taken evenly from a random order in which classes follow one another, so that the
    shares of classes are kept as far as whole rows can. What a fit cannot do without stays in: a
    row of each class or, of distributions, the row that has most of it.

    target : class indices of shape (n_rows,), or distributions of shape (n_classes, n_rows)
    """
    n_rows = target.shape[-1]
    order = check_random_state(random_state).permutation(n_rows)
    target = target[..., order]
    if target.ndim == 1:
        labels, needed = target, np.unique(target, return_index=True)[1]
    else:
        labels, needed = target.argmax(axis=0), target.argmax(axis=1)
    free = np.ones(n_rows, dtype=bool)
    free[needed] = False
    indices = np.flatnonzero(free)
    indices = indices[np.argsort(labels[indices], kind="stable")]
    n_held = min(max(1, round(fraction * n_rows)), len(indices))
    if n_held == 0:
        raise ValueError(
            f"validation_fraction={fraction} leaves no row to judge by: early_stopping needs more "
            f"rows than {n_rows} of {n_classes} classes"
        )
    held = np.zeros(n_rows, dtype=bool)
    held[order[indices[(np.arange(n_held) * len(indices)) // n_held]]] = True
    return held
