"""Temperature scaling: the one number by which scores are multiplied for the least log loss.

The loss is convex in the inverse temperature, and has no other parameter. Newton steps therefore
need two numbers of each row, the mean and the variance of its scores under its probabilities, and
two or three of them on all rows suffice, after some on a sample.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from sksoftmax._calibration.sample import true_class_scores
from sksoftmax._calibration.transforms import TemperatureScaling, below_largest
from sksoftmax._objective import rows as some_rows

# The inverse temperature, on scores of unit size, where the best temperature is infinite.
MIN_INVERSE_TEMPERATURE = 1e-6
# Rows count as separated if no margin, on scores of unit size, is further below 0.
MARGIN_TOLERANCE = 1e-9
# All rows start from the optimum of so many of them, if they are eight times as many.
ROWS_TO_BEGIN_WITH = 8_000
# Relative error of the inverse temperature at which Newton steps end, and their greatest number.
TOLERANCE, MAX_STEPS = 1e-9, 100
# A step that would leave the bracket changes the inverse temperature by this factor.
FACTOR = 4.0

CONSTANT = (
    "The scores do not differ between classes: there is no temperature to learn, and 1 is kept."
)
REVERSED = (
    "The scores are no better than none at telling the classes of y: no positive temperature is "
    "the best, and one is taken that makes all probabilities alike. Check the order of the "
    "columns and of the classes."
)
SEPARATED = (
    "The scores tell the class of every row of y, so that the best temperature is 0. It was "
    "learned from smoothed labels instead; are these scores of the rows that the classifier was "
    "fitted on?"
)
OUT_OF_PROPORTION = (
    "The scores have entries so large that beside them those of most rows are less than 1e-9, "
    "which leaves no digits to learn from: if they stand for classes that are ruled out, a score "
    "a million times as low as the others says so as well."
)
TOO_LARGE = (
    "The scores have entries above 1e150 in magnitude, whose squares overflow: divide all scores "
    "by a power of ten; if an entry stands for a class that is ruled out, say so by -1e9."
)


class Calibration(NamedTuple):
    """Learned steps from compact scores to calibrated ones, and warnings for the user."""

    steps: tuple
    messages: tuple = ()
    name: str | None = None  # of the calibration


def temperature(sample):
    """The inverse temperature of least log loss; of smoothed labels where there is none."""
    squares, own = sample.rows.sum(score_sums)
    if not np.isfinite(squares):
        raise ValueError(TOO_LARGE)
    size = np.sqrt(squares / sample.total)
    if not size > np.finfo(np.float64).tiny:
        return Calibration((TemperatureScaling(1.0),), (CONSTANT,), "temperature")
    # The loss is convex, and its derivative at 0 is minus the mean score of the true classes.
    if not own > MIN_INVERSE_TEMPERATURE * size * sample.total:
        flat = TemperatureScaling(float(MIN_INVERSE_TEMPERATURE / size))
        return Calibration((flat,), (REVERSED,), "temperature")
    tolerance = MARGIN_TOLERANCE * size
    is_separated = sample.is_separated(tolerance)
    if is_separated and sample.typical_margin() < tolerance:
        raise ValueError(OUT_OF_PROPORTION)
    best = best_inverse_temperature(sample, size, 1 / (sample.total + 1) if is_separated else 0.0)
    step = TemperatureScaling(float(max(best, MIN_INVERSE_TEMPERATURE) / size))
    return Calibration((step,), (SEPARATED,) if is_separated else (), "temperature")


def score_sums(block):
    """Weighted sums over a block: of squared scores, and of the scores of the true classes."""
    squares = np.einsum("n,nk,nk->", block.weight, block.X, block.X)
    return squares, block.weight @ true_class_scores(block.X, block.target)


def best_inverse_temperature(sample, size, smoothing):
    """The inverse temperature of least log loss of scores over ``size``, where it is positive.

    smoothing : labels are mixed with the uniform distribution by this weight
    """
    below = sample.with_scores(lambda scores: relative_to_largest(scores) / size)
    start = 1.0
    if sample.n_rows >= 8 * ROWS_TO_BEGIN_WITH:
        few = some_rows.sample(below.rows, ROWS_TO_BEGIN_WITH, sample.total, sample.n_scores)
        # Few rows may be separated where all are not.
        start = newton(few, max(smoothing, 1 / ROWS_TO_BEGIN_WITH), start)
    return newton(below.rows, smoothing, start)


def newton(rows, smoothing, beta):
    """The root of the derivative of the loss, which increases with the inverse temperature beta.

    rows : Rows of scores of `relative_to_largest`
    beta : float, where to begin
    """
    own = rows.sum(partial(true_class_sum, smoothing=smoothing))
    low, high = MIN_INVERSE_TEMPERATURE, np.inf
    last = last_slope = np.nan
    for _ in range(MAX_STEPS):
        mean, slope = rows.sum(partial(moments, beta))
        low, high = (beta, high) if mean < own else (low, beta)
        step = (own - mean) / slope if slope > 0 else np.copysign(np.inf, own - mean)
        # The error after a step is half the third derivative over the second, times its square.
        error = 0.5 * step**2 * abs((slope - last_slope) / (beta - last) / slope)
        last, last_slope, beta = beta, slope, bracketed(beta, step, low, high)
        if beta == last or (beta == last + step and error <= TOLERANCE * beta):
            break
    return beta


def bracketed(beta, step, low, high):
    """``beta + step``, at most ``FACTOR`` times or a ``FACTOR``-th of beta, within the bracket."""
    found = min(max(beta + step, beta / FACTOR), FACTOR * beta)
    return found if low < found < high else min(max(found, 0.5 * (low + beta)), 0.5 * (beta + high))


def relative_to_largest(scores):
    """Class scores less the largest of each row; a single score as it is."""
    return scores if scores.shape[1] == 1 else below_largest(scores)


def true_class_sum(block, smoothing):
    """Weighted sum of the scores of the labels, mixed with the mean of all by ``smoothing``."""
    own, mean = true_class_scores(block.X, block.target), block.X.mean(axis=1)
    if block.X.shape[1] == 1:
        # Scores (0, s) less the larger of them, which is (s + |s|) / 2: their mean is -|s| / 2.
        mean = -0.5 * np.abs(block.X[:, 0])
        own = own + mean
    return block.weight @ ((1 - smoothing) * own + smoothing * mean)


def moments(beta, block):
    """Weighted sums of the mean and the variance of each row's scores under its probabilities."""
    scores = block.X.T
    is_single = len(scores) == 1
    scores = -np.abs(scores) if is_single else scores
    mass = beta * scores
    np.exp(mass, out=mass)
    total = mass.sum(axis=0) + is_single  # the larger of two scores is 0, and its mass is 1
    mass *= scores
    mean = mass.sum(axis=0) / total
    mass *= scores
    variance = mass.sum(axis=0) / total - mean**2
    return block.weight @ mean, block.weight @ variance
