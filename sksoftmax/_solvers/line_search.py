"""Line search on a smooth convex function whose value and gradient come together."""

from typing import NamedTuple

import numpy as np

from sksoftmax._runtime.quiet import quiet

DECREASE = 1e-4
# A decrease below this share of the value is lost in its rounding; the slope decides instead.
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
    """The first point ``theta + t direction``, t = 1 or shorter, that is low enough.

    None if the direction is no descent direction, or rounding hides any decrease.
    """
    slope = point.gradient @ direction
    if not slope < 0:
        return None
    length = 1.0
    for _ in range(MOST_TRIALS):
        trial = evaluate(problem, point.theta + length * direction)
        trial_slope = trial.gradient @ direction
        if low_enough(point.value, trial.value, length * slope, length * trial_slope):
            return trial
        # The minimum of the cubic through both values and slopes, kept within bounds.
        share = cubic_minimum(point.value, trial.value, length * slope, length * trial_slope)
        length *= min(max(share, 0.1), 0.6)
    return None


def low_enough(old, new, slope, new_slope):
    """Whether a step is accepted: Armijo's condition, or the approximate Wolfe condition."""
    if new <= old + DECREASE * slope:
        return True
    # Hager and Zhang (2005), the approximate Wolfe condition: near the optimum the value can't
    # tell, the slope can.
    return new <= old + ROUNDING * abs(old) and abs(new_slope) <= (1 - 2 * DECREASE) * abs(slope)


@quiet
def cubic_minimum(old, new, slope, new_slope):
    """Where, as a share of the step, the interpolating cubic is least."""
    curvature = slope + new_slope - 3 * (new - old)
    square = curvature * curvature - slope * new_slope
    if not (np.isfinite(square) and square >= 0):
        return 0.5
    root = np.sqrt(square)
    return 1 - (new_slope + root - curvature) / (new_slope - slope + 2 * root)
