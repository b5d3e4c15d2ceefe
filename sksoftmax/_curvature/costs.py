"""Prices: what a pass, a metric or a step costs, counted in multiplications before it is paid.

All decisions that depend on the size of the data are made here. The unit is one evaluation of
the objective with its gradient.
"""

import numpy as np

# A metric on columns may cost so many evaluations by count. It saves more steps than that, and
# takes a fraction of its count in time: symmetric products run several times faster than the
# thin products of an evaluation, about SPEED of them in the time of one. Both were measured.
MOST_FOR_COLUMNS = 20
SPEED = 0.3
# A model for proximal steps saves more of them, and each of its products stands for one pass.
MOST_FOR_MODEL = 80
MOST_FOR_HESSIAN = 60  # of a model that serves a step
MOST_PARAMETERS = 2000  # of a Hessian that is held as one matrix
MOST_ENTRIES = 20_000_000  # of the matrices of all classes
MOST_COLUMNS_OF_STREAM = 1000  # whose moments with one another a stream keeps
MOST_SPANNED = 200  # parameters along the directions that the coefficients span
ROWS_OF_SPAN = 20  # for each of them
MOST_FOR_CLASSES = 40  # evaluations that these may cost
CHEAP_CLASSES = 5  # evaluations up to which all rows are taken for them
ROWS_A_COLUMN = 4  # of matrices for each class
ROWS_A_PARAMETER = 20  # of a sample to begin on
FEWEST_ROWS = 2000  # of any sample
SMALL = 2_000_000  # multiplications that are not worth counting
SPARSE_PRODUCT = 10  # multiplications that take as long as one of two sparse matrices
PAIRS = 20  # that correct a model
LONG_VECTORS = 100_000  # parameters
SINGLE_SCORES = 32  # for each of which a rounded entry is multiplied twice
EXPONENTIAL = 10  # multiplications that take as long
SAVED_BY_HESSIAN = 4  # steps
DEAR = 0.05  # share of an evaluation
LONG_COLUMNS = 400  # whose factor is solved with in 200 microseconds


def evaluation(objective):
    """Multiplications of a value and gradient."""
    return objective.map.n_scores * (2 * objective.n_entries + EXPONENTIAL * objective.n_rows)


def single_is_cheaper(objective):
    """Whether to round rows to single precision on the way through: their products outweigh it."""
    score_map = objective.map
    if score_map.hessian_sums is not None or score_map.n_scores < SINGLE_SCORES:
        return False
    return objective.n_entries == objective.n_rows * score_map.n_features


def products_of_columns(objective, n_columns):
    """Multiplications for the second moments of so many of the columns."""
    per_row = objective.n_entries / objective.n_rows * n_columns / objective.map.n_columns
    dense = objective.n_rows * n_columns**2 / 2
    return min(dense, SPARSE_PRODUCT * objective.n_rows * per_row**2)


def columns(objective):
    """Second moments of the columns and their factor."""
    n_columns = objective.map.n_columns
    products = products_of_columns(objective, n_columns)
    return (products + n_columns**3 / 6) / evaluation(objective)


def classes(objective, stride=None):
    """A matrix on columns for each class, of each so manieth row, and their factors."""
    stride = class_stride(objective) if stride is None else stride
    n_scores, n_columns = objective.map.n_scores, objective.map.n_columns
    products = objective.n_rows / stride * n_columns**2 / 2
    return n_scores * (products + n_columns**3 / 6) / evaluation(objective)


def class_stride(objective):
    """Take each so manieth row for matrices of the classes: all, unless they are too dear.

    The rows left out may be the few that hold a sharp model's curvature.
    """
    most = max(1, objective.n_rows // (ROWS_A_COLUMN * objective.map.n_columns))
    dear = SPEED * classes(objective, stride=1) / CHEAP_CLASSES
    return int(min(most, max(1, np.ceil(dear))))


def classes_are_affordable(objective):
    """Whether a matrix on columns for each class can be held, and made often enough."""
    n_scores, n_columns = objective.map.n_scores, objective.map.n_columns
    held = n_scores * n_columns**2 <= MOST_ENTRIES
    return n_scores > 1 and held and SPEED * classes(objective) <= MOST_FOR_CLASSES


def rows_of_span(objective):
    """How many rows to take for the Hessian along the directions that the coefficients span."""
    return max(FEWEST_ROWS, ROWS_OF_SPAN * objective.map.n_scores**2)


def span(objective):
    """Of the metric made of it, and of the moments of the columns, should these be unknown."""
    size, n_scores = objective.map.n_scores**2, objective.map.n_scores
    n_rows = min(objective.n_rows, rows_of_span(objective))
    columns = classes(objective) / n_scores
    return columns + (n_rows * size**2 / 2 + size**3) / evaluation(objective)


def span_is_affordable(objective):
    """Whether it is small, and cheaper than what is made where it does not suffice."""
    n_scores, n_columns = objective.map.n_scores, objective.map.n_columns
    small = n_scores > 1 and n_scores**2 <= MOST_SPANNED and n_columns**2 <= MOST_ENTRIES
    most = min(MOST_FOR_COLUMNS / SPEED, classes(objective) / 2)
    return small and span(objective) <= most and not is_small(objective)


def refresh(objective):
    """A metric made anew on the way."""
    if not objective.is_symmetric:
        return SPEED * hessian(objective, objective.n_rows)
    if classes_are_affordable(objective):
        return SPEED * classes(objective)
    return 1 + SPEED * columns(objective) if columns_are_affordable(objective) else 1


def hessian(objective, n_rows):
    """The Hessian of so many rows and its factor."""
    n_scores, size = objective.map.n_scores, n_parameters(objective)
    work = n_rows * size**2 / 2 * (1 + 1 / n_scores) + size**3 / 6
    return work / evaluation(objective)


def n_parameters(objective):
    """The length of theta."""
    return objective.map.n_parameters


def columns_are_affordable(objective):
    """Whether second moments of all columns are worth their price."""
    return columns(objective) <= MOST_FOR_COLUMNS


def solutions_are_dear(objective):
    """Whether to solve with a factor on columns costs a good part of an evaluation."""
    solution = objective.map.n_scores * objective.map.n_columns**2
    return solution > max(SMALL, DEAR * evaluation(objective))


def solutions_are_long(objective):
    """Whether to solve with one factor on columns takes as long as to turn to another thread."""
    return objective.map.n_columns >= LONG_COLUMNS


def proof_stride(objective):
    """Take each so manieth row for a proof: it proves so many times less, at that less a price.

    A step of the descent gains a factor of about ten, so an eighth of the rows costs one step
    more; it does not pay where the second moments cost less than that.
    """
    if columns(objective) < 1:
        return 1
    return int(min(8, max(1, objective.n_rows // (ROWS_A_PARAMETER * objective.map.n_columns))))


def full_moments_are_affordable(objective):
    """Whether a stream may keep the moments between columns."""
    return objective.map.n_columns <= MOST_COLUMNS_OF_STREAM


def moments_stride(objective):
    """Take each so manieth row of a batch for such moments: they may cost an evaluation.

    A metric wants a few rows a column, of all that the stream brings.
    """
    products = objective.n_rows * objective.map.n_columns**2 / 2
    return max(1, int(SPEED * products / evaluation(objective)))


def rows_of_metric(objective):
    """Rows of a stream whose steps cost as much as a metric made of such moments."""
    factors = objective.map.n_scores**0.5 * objective.map.n_columns**3 / 6
    return objective.n_rows * SPEED * factors / evaluation(objective)


def model_is_affordable(objective):
    """Whether proximal steps may model the curvature by second moments of the columns."""
    return columns(objective) <= MOST_FOR_MODEL


def model_costs_as_much_as_data(objective):
    """Whether a product with a model that pairs correct, from both sides, takes an evaluation.

    Only where vectors are so long that memory is what it waits for.
    """
    size = n_parameters(objective)
    return size >= LONG_VECTORS and 2 * 2 * PAIRS * size > evaluation(objective)


def hessian_fits(objective):
    """Whether the Hessian can be held as one matrix."""
    return n_parameters(objective) <= MOST_PARAMETERS


def hessian_model_is_affordable(objective):
    """Whether proximal steps that are slow may each have the Hessian of all rows."""
    cost = SPEED * hessian(objective, objective.n_rows)
    return hessian_fits(objective) and cost <= MOST_FOR_HESSIAN


def hessian_is_cheap(objective):
    """Whether a proof may take the Hessian of all rows."""
    return hessian_fits(objective) and hessian(objective, objective.n_rows) <= MOST_FOR_COLUMNS


def is_small(objective):
    """Whether the multiplications of a Hessian take less time than the interpreter's calls."""
    return hessian(objective, objective.n_rows) * evaluation(objective) <= SMALL


def worthwhile_sample(objective):
    """Rows whose optimum is a good place to begin, and whose Hessian a good metric; or 0.

    The optimum of m rows is off by about n_parameters / m, the Hessian by its root: twenty rows a
    parameter leave few steps on all rows, if those are many times more.
    """
    n_rows = max(FEWEST_ROWS, ROWS_A_PARAMETER * n_parameters(objective))
    return n_rows if n_rows <= objective.n_rows / 8 else 0


def sampled_hessian_is_cheap(objective, n_rows):
    """Whether the Hessian of a sample saves more steps on all rows than it costs."""
    return hessian_fits(objective) and SPEED * hessian(objective, n_rows) <= SAVED_BY_HESSIAN


def row_space_is_cheaper(data):
    """Whether to turn to the span of the rows first: dense data with many more columns than rows.

    The factor takes ``2 n^2 p`` multiplications or so, at half the speed of symmetric products; a
    fit in the columns of X, some tens of evaluations.
    """
    wide = data.n_features >= 1.5 * data.n_rows
    return wide and not data.is_sparse and data.n_rows <= 100 * data.n_scores
