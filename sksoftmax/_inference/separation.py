"""Which columns separate the classes, where no penalty holds the coefficients."""

import numpy as np

from sksoftmax._certificates.separability import has_no_optimum
from sksoftmax._inference.contrasts import shown

# Entries of the rows that columns are tried on.
FEW_ENTRIES = 100_000


def separated(objective, theta, names):
    """The message that no optimum exists, with the columns that separate where these are found."""
    columns = [names[column] for column in _separating(objective, theta)]
    if len(columns) == 1:
        advice = f"The column {shown(columns)} separates them: leave it out"
    elif columns:
        advice = f"The columns {shown(columns)} separate them: leave them out"
    else:
        advice = "Leave out columns that separate them"
    return (
        "the classes are separable, at least in part, and no penalty holds the coefficients: they "
        f"have no finite optimum, nor standard errors. {advice}, or give C a finite value"
    )


def _separating(objective, theta):
    """The columns without each of which the classes overlap, or else those that separate alone."""
    score_map = objective.map
    strength = objective.penalty.strength.reshape(score_map.n_columns, -1)[: score_map.n_features]
    free = np.flatnonzero((strength == 0).all(axis=1))
    n_rows = max(1, FEW_ENTRIES // (score_map.n_columns * max(2, score_map.n_scores)))
    few = objective if objective.n_rows <= n_rows else objective.sample(n_rows)

    def separate(columns, rows=few):
        """False where classes are proved to overlap, which on few rows proves it on all."""
        return has_no_optimum(*rows.restricted(columns, theta), converged=False) is not False

    if not separate(free):
        return []
    needed = _of_each(free, lambda columns: not separate(np.setdiff1d(free, columns)))
    alone = [] if needed else _of_each(free, separate)
    return needed or [column for column in alone if separate(np.array([column]), objective)]


def _of_each(columns, holds):
    """Those of the columns of which, each alone, something holds.

    holds : function of columns; what holds of one holds of every set that contains it
    """
    if not holds(columns):
        return []
    if len(columns) == 1:
        return columns.tolist()
    middle = len(columns) // 2
    return _of_each(columns[:middle], holds) + _of_each(columns[middle:], holds)
