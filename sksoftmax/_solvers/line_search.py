"""Line search on a smooth convex function whose value and gradient come together."""

from typing import NamedTuple

import numpy as np

from sksoftmax._runtime.quiet import quiet

DECREASE = 1e-4  # Armijo's constant
# Decrease relative to the value that its rounding hides; the slope then decides.
ROUNDING = 8 * np.finfo(np.float64).eps
MOST_TRIALS = 30


class Point(NamedTuple):
    """Theta with the objective's value and gradient there; None where that is not known yet."""

    theta: np.ndarray
    value: float
    gradient: np.ndarray | None


def evaluate(problem, theta):
    """The Point at theta: one pass over the rows."""
    return Point(theta, *problem.value_and_gradient(theta))


def backtrack(problem, point, direction):
    """The first Point ``theta + t * direction``, t = 1 or less, that `is_low_enough`.

    None if the direction does not lead down, or rounding hides that it does.
    """
    slope = point.gradient @ direction
    if not slope < 0:
        return None
    length = 1.0
    for _ in range(MOST_TRIALS):
        trial = evaluate(problem, point.theta + length * direction)
        ends = point.value, trial.value, length * slope, length * (trial.gradient @ direction)
        if is_low_enough(*ends):
            return trial
        length *= shortening(*ends)
    return None


def is_low_enough(old, new, slope, new_slope):
    """Whether a step is accepted: by Armijo's condition, or by the approximate Wolfe condition.

    The second (Hager and Zhang 2005) looks at slopes, where rounding of the values hides a
    decrease.

    old, new : float, the values at the start and at the end of the step
    slope, new_slope : float, the derivatives there along the whole step
    """
    if new <= old + DECREASE * slope:
        return True
    return new <= old + ROUNDING * abs(old) and abs(new_slope) <= (1 - 2 * DECREASE) * abs(slope)


@quiet
def shortening(old, new, slope, new_slope):
    """The factor, from 0.1 to 0.6, of the next trial's length; arguments as of `is_low_enough`.

    It leads to the minimum of the cubic through both values and slopes.
    """
    curvature = slope + new_slope - 3 * (new - old)
    square = curvature * curvature - slope * new_slope
    if not (np.isfinite(square) and square >= 0):
        return 0.5
    root = np.sqrt(square)
    minimum = 1 - (new_slope + root - curvature) / (new_slope - slope + 2 * root)
    return min(max(minimum, 0.1), 0.6)
