"""Which columns separate the classes, where no penalty holds the coefficients."""

import numpy as np

from sksoftmax._certificates.separability import has_no_optimum
from sksoftmax._curvature.moments import Centring, centred_columns
from sksoftmax._inference.contrasts import shown

# Share of the largest move along a separating direction that a column must have to be named.
NAMED = 0.1
# Entries of the rows, and columns, up to which columns are tried one by one.
FEW_ENTRIES, FEW_COLUMNS = 100_000, 30


def separated(objective, theta, direction, names):
    """The message that no optimum exists, with the columns that separate.

    direction : like theta, along which the scores grow for ever
    """
    columns = _one_by_one(objective, theta)
    if not columns:
        columns = _of_direction(objective, direction)
    listed = shown([names[column] for column in columns])
    one = len(columns) == 1
    what = f"column {listed} separates" if one else f"columns {listed} separate"
    return (
        "the classes are separable, at least in part, and no penalty holds the coefficients: they "
        f"have no finite optimum, nor standard errors. The {what} them: leave "
        f"{'it' if one else 'them'} out, or give C a finite value"
    )


def _one_by_one(objective, theta):
    """The columns without which, or if there are none with one of which, classes are separable."""
    score_map = objective.map
    strength = objective.penalty.strength.reshape(score_map.n_columns, -1)[: score_map.n_features]
    free = np.flatnonzero((strength == 0).all(axis=1))
    size = objective.n_rows * score_map.n_columns * max(2, score_map.n_scores)
    if size > FEW_ENTRIES or len(free) > FEW_COLUMNS:
        return []

    def separates(columns):
        return bool(has_no_optimum(*objective.restricted(columns, theta), converged=False))

    needed = [column for column in free if not separates(np.setdiff1d(free, column))]
    return needed or [column for column in free if separates(np.array([column]))]


def _of_direction(objective, direction):
    """The columns that move the scores most, the first by far."""
    about = Centring.of(objective)

    def block_sums(block):
        columns = centred_columns(block.X, about)
        return block.weight @ columns**2

    scale = np.sqrt(objective.rows.sum(block_sums) / objective.total_weight)
    moves = np.abs(direction.reshape(len(scale), -1)).max(axis=1) * scale
    moves = moves[: objective.map.n_features]
    columns = np.flatnonzero(moves >= NAMED * moves.max(initial=0))
    return columns[np.argsort(-moves[columns], kind="stable")].tolist()
