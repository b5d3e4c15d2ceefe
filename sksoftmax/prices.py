"""Prices: what a pass, a metric or a step costs, counted in multiplications before it is paid.

All decisions that depend on the size of the data are made here. The unit is one evaluation of
the objective with its gradient.
"""

# A metric on columns may cost so many evaluations by count. It saves more steps than that, and
# takes a fraction of its count in time: symmetric products run several times faster than the
# thin products of an evaluation, about SPEED of them in the time of one. Both were measured.
MOST_FOR_COLUMNS = 20
SPEED = 0.3
# A model for proximal steps saves more of them, and each of its products stands for one pass.
MOST_FOR_MODEL = 80
MOST_PARAMETERS = 2000  # of a Hessian that is held as one matrix
ROWS_A_PARAMETER = 20  # of a sample to begin on, and of a Hessian that is drawn
FEWEST_ROWS = 2000  # of any sample
EXPONENTIAL = 10  # multiplications that take as long
STEPS_OF_NEWTON = 8  # that are to be expected
PRODUCTS_OF_NEWTON = 50  # with the Hessian, a truncated step
STEPS_A_HESSIAN = 5  # that a drawn Hessian serves


def evaluation(objective):
    """Multiplications of a value and gradient."""
    return objective.map.n_scores * (2 * objective.n_entries + EXPONENTIAL * objective.n_rows)


def columns(objective):
    """Second moments of the columns and their factor."""
    n_columns = objective.map.n_columns
    work = objective.n_rows * n_columns**2 / 2 + n_columns**3 / 6
    return work / evaluation(objective)


def hessian(objective, n_rows):
    """The Hessian of so many rows and its factor."""
    n_scores, size = objective.map.n_scores, n_parameters(objective)
    work = n_rows * size**2 / 2 * (1 + 1 / n_scores) + size**3 / 6
    return work / evaluation(objective)


def n_parameters(objective):
    return objective.map.n_scores * objective.map.n_columns


def columns_are_affordable(objective):
    return columns(objective) <= MOST_FOR_COLUMNS


def model_is_affordable(objective):
    """Whether proximal steps may model the curvature by second moments of the columns."""
    return columns(objective) <= MOST_FOR_MODEL


def hessian_fits(objective):
    return n_parameters(objective) <= MOST_PARAMETERS


def hessian_is_cheap(objective):
    """Whether a proof may take the Hessian of all rows."""
    return hessian_fits(objective) and hessian(objective, objective.n_rows) <= MOST_FOR_COLUMNS


def hessian_rows(objective):
    """How many rows to draw for a Hessian that serves as a metric."""
    return max(FEWEST_ROWS, ROWS_A_PARAMETER * n_parameters(objective))


def worthwhile_sample(objective):
    """Rows whose optimum is a good place to begin, and whose Hessian a good metric; or 0.

    The optimum of m rows is off by about n_parameters / m, the Hessian by its root: twenty rows a
    parameter leave few steps on all rows, if those are many times more.
    """
    n_rows = max(FEWEST_ROWS, ROWS_A_PARAMETER * n_parameters(objective))
    return n_rows if n_rows <= objective.n_rows / 8 else 0


def drawn_solve(objective):
    """From a slow descent to the optimum, in the metric of Hessians of drawn rows."""
    n_rows = min(objective.n_rows, hessian_rows(objective))
    return STEPS_OF_NEWTON * (STEPS_A_HESSIAN + SPEED * hessian(objective, n_rows))


def newton_solve(objective):
    """The same by Newton steps."""
    if not hessian_fits(objective):
        return STEPS_OF_NEWTON * PRODUCTS_OF_NEWTON
    return STEPS_OF_NEWTON * (1 + SPEED * hessian(objective, objective.n_rows))


def row_space_is_cheaper(data):
    """Whether to turn to the span of the rows first: dense data with many more columns than rows.

    The factor takes ``2 n^2 p`` multiplications or so, at half the speed of symmetric products; a
    fit in the columns of X, some tens of evaluations.
    """
    wide = data.n_features >= 1.5 * data.n_rows
    return wide and not data.is_sparse and data.n_rows <= 100 * data.n_scores
