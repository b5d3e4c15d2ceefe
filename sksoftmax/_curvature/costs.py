"""Rules of size: which curvature a problem affords, by its rows, columns, entries and scores.

They are fixed numbers, found by measuring. A model of what each choice costs took 7 % more time on
random problems than these do.
"""

# Evaluations of the objective that second moments of all columns and their factor may cost, counted
# in multiplications. Symmetric products run faster than thin ones: they take SPEED of that in time.
MOST_FOR_COLUMNS = 25
SPEED = 0.3
# The same with SOLUTIONS solutions, as a run takes, up to which correlations are not estimated.
FEW_FOR_COLUMNS = 12
SOLUTIONS = 40
UNCORRELATED = 1.0  # mean over columns of the sum of squared correlations with the others, at most
MOST_FOR_MODEL = 80  # as MOST_FOR_COLUMNS; each product of a proximal model saves an evaluation
SPARSE_PRODUCT = 10  # multiplications that take as long as one of a product of sparse matrices
EXPONENTIAL = 10  # multiplications that take as long as an exponential
MOST_PARAMETERS = 2000  # of a Hessian that is held as one matrix
CHEAP_PARAMETERS = 500  # of the Hessian of a sample, and of the last proof of a run
MOST_OF_MODEL = 1000  # parameters of a Hessian that is the model of a proximal step
SMALL = 4_000_000  # multiplications that take no longer than the interpreter's calls
CLASS_COLUMNS = 200  # columns up to which each class has a matrix of its own
SOLUTION = 2_000_000  # multiplications from which on a solution is expensive
MOST_COLUMNS_OF_STREAM = 1000  # columns up to which a stream keeps the moments between them
MOST_ALONG_COEFFICIENTS = 200  # parameters of the Hessian along the span of the coefficients
ROWS_A_PARAMETER = 20  # of a sample, and of that Hessian
FEWEST_ROWS = 2000  # of either
FEW_ROWS = 3  # rows a parameter, below which the curvature changes from one step to the next
SEPARABLE = 0.25  # rows a parameter, up to which the preconditioner of separated classes gains
SEPARATED = 50  # by how much the objective is then below the entropy of equally likely classes
SINGLE_SCORES = 32  # scores from which on products outweigh the rounding of X to single precision


def evaluation(objective):
    """Multiplications of an evaluation: a value and its gradient."""
    return objective.map.n_scores * (2 * objective.n_entries + EXPONENTIAL * objective.n_rows)


def single_is_cheaper(objective):
    """Whether to round dense rows to single precision in each evaluation.

    Fits of hundreds of classes take 56 % longer without, those of a hundred 45 %.
    """
    many = objective.map.n_scores >= SINGLE_SCORES
    return many and objective.n_entries == objective.n_rows * objective.map.n_features


def products_of_columns(objective, n_columns):
    """Multiplications for the second moments of ``n_columns`` of the columns."""
    per_row = objective.n_entries / objective.n_rows * n_columns / objective.map.n_columns
    dense = objective.n_rows * n_columns**2 / 2
    return min(dense, SPARSE_PRODUCT * objective.n_rows * per_row**2)


def evaluations_for_columns(objective):
    """Cost of the columns' second moments and their factor, in evaluations."""
    n_columns = objective.map.n_columns
    products = products_of_columns(objective, n_columns)
    return (products + n_columns**3 / 6) / evaluation(objective)


def correlations_are_estimated(objective):
    """Whether to estimate the columns' correlations: without any, variances serve as well.

    It is done where second moments, their factor and the solutions of a run cost many evaluations.
    These fits, of few rows a column or of sparse rows, take 18 % longer without.
    """
    if is_small(objective):
        return False
    solutions = SOLUTIONS * 2 * objective.map.n_scores * objective.map.n_columns**2
    cost = evaluations_for_columns(objective) + solutions / evaluation(objective)
    return cost > FEW_FOR_COLUMNS


def rows_of_correlation(objective):
    """Number of rows from which correlations are estimated."""
    return max(FEWEST_ROWS // 4, 4 * objective.map.n_columns)


def rows_along_coefficients(objective):
    """Number of rows for the Hessian along the span of the coefficients."""
    return max(FEWEST_ROWS, ROWS_A_PARAMETER * objective.map.n_scores**2)


def low_rank_is_affordable(objective):
    """Whether to make the Hessian along the span of the coefficients, see ``low_rank``.

    Fits take 7 % longer without, those of one-hot columns 126 %.
    """
    small = 1 < objective.map.n_scores**2 <= MOST_ALONG_COEFFICIENTS
    return small and columns_are_affordable(objective) and not is_small(objective)


def classes_are_affordable(objective):
    """Whether to make a matrix on columns for each class.

    Fits take 8 % longer without, those of a hundred classes 115 %.
    """
    few = objective.map.n_columns <= CLASS_COLUMNS
    return objective.map.n_scores > 1 and few and not solutions_are_expensive(objective)


def class_stride(objective):
    """Make these matrices of every stride-th row: 4 where classes and rows are many, else 1."""
    many = objective.map.n_scores >= 20 and objective.n_rows >= 100 * objective.map.n_columns
    return 4 if many else 1


def columns_are_affordable(objective):
    """Whether to make second moments of all columns for a preconditioner or a proof."""
    return evaluations_for_columns(objective) <= MOST_FOR_COLUMNS


def solutions_are_expensive(objective):
    """Whether a solution with a factor on columns, for all classes, costs much of an evaluation.

    Diagonals in place of nearly diagonal factors then save 39 % of a fit of 200 classes on 1000
    columns.
    """
    return objective.map.n_scores * objective.map.n_columns**2 > SOLUTION


def proof_stride(objective):
    """Prove by every stride-th row: the bound loosens by the stride, the cost falls by it.

    A step of the descent lowers the gap to about a tenth, so that an eighth of the rows costs one
    step more. Fits take 6 % longer with proofs of all rows.
    """
    return int(min(8, max(1, objective.n_rows // (ROWS_A_PARAMETER * objective.map.n_columns))))


def full_moments_are_affordable(objective):
    """Whether a stream keeps the moments between columns, and not their squares alone."""
    return objective.map.n_columns <= MOST_COLUMNS_OF_STREAM


def moments_stride(objective):
    """Make these of every stride-th row of a batch, so that they cost an evaluation at most.

    A preconditioner needs a few rows a column, out of all that the stream brings.
    """
    products = objective.n_rows * objective.map.n_columns**2 / 2
    return max(1, int(SPEED * products / evaluation(objective)))


def rows_of_preconditioner(objective):
    """Number of rows whose evaluation costs as much as a preconditioner of these moments."""
    factors = objective.map.n_scores**0.5 * objective.map.n_columns**3 / 6
    return objective.n_rows * SPEED * factors / evaluation(objective)


def model_is_affordable(objective):
    """Whether the model of proximal steps is made of second moments of the columns."""
    return evaluations_for_columns(objective) <= MOST_FOR_MODEL


def hessian_fits(objective):
    """Whether the Hessian is held as one matrix."""
    return objective.map.n_parameters <= MOST_PARAMETERS


def hessian_model_is_affordable(objective):
    """Whether the model of proximal steps is the Hessian where cheaper ones were slow."""
    return objective.map.n_parameters <= MOST_OF_MODEL


def is_small(objective):
    """Whether a Hessian takes no longer than the interpreter's calls.

    Small fits under light penalties take 3 % longer without this rule, at most 29 %.
    """
    return objective.n_rows * objective.map.n_parameters**2 <= SMALL


def worthwhile_sample(objective):
    """Number of rows of a sample whose optimum is to be the start on all rows; 0 for none.

    The optimum of m rows is off by about n_parameters / m, their Hessian by the root of that: with
    twenty rows a parameter few steps are left on all rows, of which there must be many times more.
    Such fits take 24 % longer without a sample, and 13 % without its Hessian as a preconditioner.
    """
    n_rows = max(FEWEST_ROWS, ROWS_A_PARAMETER * objective.map.n_parameters)
    return n_rows if n_rows <= objective.n_rows / 8 else 0


def curvature_may_mislead(objective):
    """Whether so few rows make up the curvature of each class that a step changes which these are.

    Not for up to 14 classes, where the Hessian along the coefficients is at hand. Preconditioners
    that all classes share need fewer rows.
    """
    few = FEW_ROWS if classes_are_affordable(objective) else SEPARABLE
    return has_many_classes(objective) and objective.n_rows < few * objective.map.n_parameters


def has_many_classes(objective):
    """Whether the Hessian along the span of the coefficients would have too many parameters."""
    return objective.map.n_scores**2 > MOST_ALONG_COEFFICIENTS


def separates_classes(objective, value):
    """Whether the model separates many classes of few rows, told by so small an objective."""
    few = objective.n_rows < SEPARABLE * objective.map.n_parameters
    few = few and has_many_classes(objective) and columns_are_affordable(objective)
    few = few and objective.is_symmetric
    return few and value < objective.map.uniform_cross_entropy / SEPARATED


def hessian_is_cheap(objective):
    """Whether to make the Hessian of a sample, or of all rows for the last proof of a run."""
    return objective.map.n_parameters <= CHEAP_PARAMETERS


def row_space_is_cheaper(data):
    """Whether to fit in the span of the rows: dense data with many more columns than rows.

    The factor takes about ``2 n^2 p`` multiplications, at half the speed of symmetric products; a
    fit on the columns of X takes some tens of evaluations.
    """
    wide = data.n_features >= 1.5 * data.n_rows
    return wide and not data.is_sparse and data.n_rows <= 100 * data.n_scores
