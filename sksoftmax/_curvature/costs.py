"""Rules of size: which curvature a problem affords, by its rows, columns, entries and scores.

They are fixed numbers, found by measuring. A model of what each choice costs took 7 % more time on
random problems than these do.
"""

import numpy as np

# Evaluations of the objective that second moments of all columns and their factor may cost by
# count. They take a fraction of it in time, SPEED: symmetric products run faster than thin ones.
MOST_FOR_COLUMNS = 25
SPEED = 0.3
FEW_FOR_COLUMNS = 12  # solutions included, so many of them in a run
SOLUTIONS = 40
UNCORRELATED = 1.0  # sum of a column's squared correlations with the others, in the mean
MOST_FOR_MODEL = 80  # each product of a model for proximal steps stands for a pass
SPARSE_PRODUCT = 10  # multiplications that take as long as one of two sparse matrices
EXPONENTIAL = 10  # multiplications that take as long
MOST_PARAMETERS = 2000  # of a Hessian that is held as one matrix
CHEAP_PARAMETERS = 500  # of that of a sample, or of all rows once
MOST_OF_MODEL = 1000  # of that which is a model for a proximal step
SMALL = 4_000_000  # multiplications for a Hessian that are not worth counting
CLASS_COLUMNS = 200  # of matrices for each class
SOLUTION = 2_000_000  # multiplications of a solution that are many
MOST_COLUMNS_OF_STREAM = 1000  # whose moments with one another a stream keeps
MOST_ALONG_COEFFICIENTS = 200  # parameters along the directions that the coefficients span
ROWS_A_PARAMETER = 20  # of a sample, and of the Hessian along such directions
FEWEST_ROWS = 2000  # of either
FEW_ROWS = 3  # a parameter, for the curvature at a point to be that of the way from there
SEPARABLE = 0.25  # rows a parameter, up to which the preconditioner of separated classes gains
SEPARATED = 50  # times that the objective is below the entropy of classes that are equally likely
SINGLE_SCORES = 32  # for each of which a rounded entry is multiplied twice


def evaluation(objective):
    """Multiplications of a value and gradient."""
    return objective.map.n_scores * (2 * objective.n_entries + EXPONENTIAL * objective.n_rows)


def single_is_cheaper(objective):
    """Whether to round rows to single precision on the way through: their products outweigh it.

    Hundreds of classes take 56 % longer without, a hundred 45 %.
    """
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


def columns_may_stand_apart(objective):
    """Whether to look if columns are uncorrelated, so that their variances serve as well.

    Where second moments, their factor and the solutions of a run cost many evaluations. These fits,
    of few rows a column or of sparse rows, take 18 % longer without.
    """
    if is_small(objective):
        return False
    solutions = SOLUTIONS * 2 * objective.map.n_scores * objective.map.n_columns**2
    return columns(objective) + solutions / evaluation(objective) > FEW_FOR_COLUMNS


def rows_of_correlation(objective):
    """How many rows to look at then."""
    return max(FEWEST_ROWS // 4, 4 * objective.map.n_columns)


def rows_along_coefficients(objective):
    """How many rows to take for the Hessian along the directions that the coefficients span."""
    return max(FEWEST_ROWS, ROWS_A_PARAMETER * objective.map.n_scores**2)


def low_rank_is_affordable(objective):
    """Whether to make the Hessian along these directions, see `low_rank`.

    Fits take 7 % longer without, dummies of categories 126 %.
    """
    small = 1 < objective.map.n_scores**2 <= MOST_ALONG_COEFFICIENTS
    return small and columns_are_affordable(objective) and not is_small(objective)


def classes_are_affordable(objective):
    """Whether to make a matrix on columns for each class: not of many columns.

    Fits take 8 % longer without, those of a hundred classes 115 %.
    """
    few = objective.map.n_columns <= CLASS_COLUMNS
    return objective.map.n_scores > 1 and few and not solutions_are_expensive(objective)


def class_stride(objective):
    """Take each so manieth row for such matrices: the rows of sharp models' curvature are few."""
    many = objective.map.n_scores >= 20 and objective.n_rows >= 100 * objective.map.n_columns
    return 4 if many else 1


def n_parameters(objective):
    """The length of theta."""
    return objective.map.n_parameters


def columns_are_affordable(objective):
    """Whether second moments of all columns are worth making."""
    return columns(objective) <= MOST_FOR_COLUMNS


def solutions_are_expensive(objective):
    """Whether to solve with a factor on columns costs a good part of an evaluation.

    Diagonals in place of factors then save 39 % of 200 classes on 1000 columns.
    """
    return objective.map.n_scores * objective.map.n_columns**2 > SOLUTION


def proof_stride(objective):
    """Use every stride-th row: the bound loosens by the stride, the cost falls by it.

    A step of the descent gains a factor of about ten, so an eighth of the rows costs one step
    more. Proofs of all rows: 6 % more time.
    """
    return int(min(8, max(1, objective.n_rows // (ROWS_A_PARAMETER * objective.map.n_columns))))


def full_moments_are_affordable(objective):
    """Whether a stream may keep the moments between columns."""
    return objective.map.n_columns <= MOST_COLUMNS_OF_STREAM


def moments_stride(objective):
    """Take each so manieth row of a batch for such moments: they may cost an evaluation.

    A preconditioner wants a few rows a column, of all that the stream brings.
    """
    products = objective.n_rows * objective.map.n_columns**2 / 2
    return max(1, int(SPEED * products / evaluation(objective)))


def rows_of_preconditioner(objective):
    """Rows of a stream whose steps cost as much as a preconditioner made of such moments."""
    factors = objective.map.n_scores**0.5 * objective.map.n_columns**3 / 6
    return objective.n_rows * SPEED * factors / evaluation(objective)


def model_is_affordable(objective):
    """Whether proximal steps may model the curvature by second moments of the columns."""
    return columns(objective) <= MOST_FOR_MODEL


def hessian_fits(objective):
    """Whether the Hessian can be held as one matrix."""
    return n_parameters(objective) <= MOST_PARAMETERS


def hessian_model_is_affordable(objective):
    """Whether proximal steps that are slow may each have the Hessian of all rows."""
    return n_parameters(objective) <= MOST_OF_MODEL


def is_small(objective):
    """Whether the multiplications of a Hessian take less time than the interpreter's calls.

    Small fits under light penalties take 3 % longer if it is never so, at most 29 %.
    """
    return objective.n_rows * n_parameters(objective) ** 2 <= SMALL


def worthwhile_sample(objective):
    """Rows whose optimum is a good place to begin, and whose Hessian a good preconditioner; or 0.

    The optimum of m rows is off by about n_parameters / m, the Hessian by its root: twenty rows a
    parameter leave few steps on all rows, if those are many times more. Fits of so many rows take
    24 % longer without, and 13 % without the sample's Hessian.
    """
    n_rows = max(FEWEST_ROWS, ROWS_A_PARAMETER * n_parameters(objective))
    return n_rows if n_rows <= objective.n_rows / 8 else 0


def curvature_may_mislead(objective):
    """Whether the curvature of each of many classes at a point is held by few rows.

    Other rows will hold it a step further on. The Hessian along the coefficients, of up to 14
    classes, is not misled, and curvature that all classes share is by fewer rows.
    """
    few = FEW_ROWS if classes_are_affordable(objective) else SEPARABLE
    return has_many_classes(objective) and objective.n_rows < few * n_parameters(objective)


def has_many_classes(objective):
    """Whether the Hessian along the coefficients would be of too many parameters."""
    return objective.map.n_scores**2 > MOST_ALONG_COEFFICIENTS


def separates_classes(objective, value):
    """Whether an objective so small tells that the model separates classes that are separable."""
    entropy = np.log(max(2, objective.map.n_scores))
    few = objective.n_rows < SEPARABLE * n_parameters(objective)
    few = few and has_many_classes(objective) and columns_are_affordable(objective)
    return few and objective.is_symmetric and value < entropy / SEPARATED


def hessian_is_cheap(objective):
    """Whether the Hessian of a sample, or of all rows for a last proof, is worth its price."""
    return n_parameters(objective) <= CHEAP_PARAMETERS


def row_space_is_cheaper(data):
    """Whether to turn to the span of the rows first: dense data with many more columns than rows.

    The factor takes ``2 n^2 p`` multiplications or so, at half the speed of symmetric products; a
    fit in the columns of X, some tens of evaluations.
    """
    wide = data.n_features >= 1.5 * data.n_rows
    return wide and not data.is_sparse and data.n_rows <= 100 * data.n_scores
