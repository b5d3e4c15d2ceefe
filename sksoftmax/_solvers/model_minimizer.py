"""Minimise a quadratic model plus a nonsmooth penalty.

Accelerated proximal gradients identify the support (Beck and Teboulle 2009, SIAM Journal on Imaging
Sciences 2, 183-202; restarts: O'Donoghue and Candes 2015). A step is one product with the model and
one call of the penalty's prox. They are slow where columns are correlated. Newton steps on the
support, each at most to the penalty's next kink, are not: the penalty is smooth between kinks.
They are worth their cost where the model is the Hessian.
"""

from typing import NamedTuple

import numpy as np

# Gradient steps before Newton steps, so few after them that nothing has changed, and in all.
ROUND = 30
QUICKLY = 2
LONGEST = 150
# Parameters that are not zero, up to which Newton steps are worth it.
MOST_MOVING = 1000
# Newton steps on a model, each of which makes a factor, and how often one is halved.
MOST_STEPS = 50
HALVINGS = 5
# Of the value, what a step may be expected to gain to be the last one, whatever was gained before.
RELATIVE_TARGET = 1e-9


class Minimum(NamedTuple):
    """The minimum of a model.

    target : ndarray of shape (n_parameters,), the minimiser
    gain : decrease of the model plus penalty; not positive where there is none
    change : predicted change of the gradient
    weights : ndarray of shape (n_parameters,), upper bounds on the curvature of each parameter
    first : squared length of the first proximal gradient step, by these weights
    """

    target: np.ndarray
    gain: float
    change: np.ndarray
    weights: np.ndarray
    first: float

    def error(self, change):
        """How wrong the model was of the gradient's change, beside the gradient it began with."""
        size = float(np.sum((change - self.change) ** 2 / self.weights))
        return np.sqrt(size / self.first) if self.first > 0 else np.inf


def minimize_model(problem, model, point, accuracy):
    """About ``argmin_x g . (x - theta) + (x - theta)' model (x - theta) / 2 + nonsmooth(x)``.

    accuracy : share of the first step that may be left
    """
    descent = Descent(problem, model, point, accuracy)
    for _ in range(LONGEST // ROUND):
        n_steps = descent.run(ROUND)
        if n_steps < (QUICKLY if model.is_exact else ROUND):
            break
        if model.is_exact:
            descent.polish()
    return descent.result()


class Descent:
    """Accelerated proximal gradients on a model.

    Moves are kept as differences from theta, with their images under the model.
    """

    def __init__(self, problem, model, point, accuracy):
        self.accuracy = accuracy
        scale = model.scale
        # Columns of any unit; those without curvature have no gradient either.
        self.scale = np.where(scale > 0, scale, scale.max())
        self.weights = np.repeat(self.scale, len(point.theta) // len(scale))
        self.problem, self.model, self.point = problem, model, point
        self.target = point.theta
        self.move = self.extrapolated = self.image = self.extrapolated_image = np.zeros_like(
            point.theta
        )
        self.steepness, self.momentum, self.first = 1.0, 1.0, None
        self.newton_steps = 0

    def run(self, n_steps):
        """So many steps, or as many as it takes; their number, if fewer."""
        for taken in range(n_steps):
            if self._step() <= self.accuracy**2 * self.first:
                return taken
        return n_steps

    def _step(self):
        """One step, and its squared length."""
        gradient = self.point.gradient + self.extrapolated_image
        while True:
            step = 1 / (self.steepness * self.scale)
            start = (
                self.point.theta + self.extrapolated - gradient / (self.steepness * self.weights)
            )
            target = self.problem.nonsmooth.prox(start, step)
            new = target - self.point.theta
            image = self.model.apply(new)
            change = new - self.extrapolated
            size = float(change @ (self.weights * change))
            curvature = float(change @ (image - self.extrapolated_image))
            if size == 0 or not curvature > self.steepness * size * (1 + 1e-9):
                break  # also where numbers have overflown
            self.steepness = 1.1 * curvature / size
        if change @ (self.weights * (new - self.move)) < 0:
            self.momentum = 1.0
        ahead = (1 + np.sqrt(1 + 4 * self.momentum**2)) / 2
        push, self.momentum = (self.momentum - 1) / ahead, ahead
        self.extrapolated = new + push * (new - self.move)
        self.extrapolated_image = image + push * (image - self.image)
        self.target, self.move, self.image = target, new, image
        size *= self.steepness**2
        self.first = size if self.first is None else self.first
        return size

    def value(self):
        """Model plus penalty at the target, less the model at theta."""
        model = self.move @ (self.point.gradient + 0.5 * self.image)
        return float(model) + self.problem.nonsmooth.value(self.target)

    def result(self):
        curvature = 0.5 * float(self.move @ self.image)
        gain = self.problem.nonsmooth.value(self.point.theta) - self.value()
        # At the minimum the gain is at least d'Hd / 2, by convexity; rounding may hide it.
        return Minimum(self.target, max(gain, curvature), self.image, self.weights, self.first)

    def polish(self):
        """Newton steps on a small support, each at most to the next kink."""
        self._try(self.problem.nonsmooth.shifted(self.target))
        nonsmooth = self.problem.nonsmooth
        while self.newton_steps < MOST_STEPS:
            self.newton_steps += 1
            moving = np.flatnonzero(self.target)
            if not 0 < len(moving) <= MOST_MOVING:
                break
            slope = self.point.gradient + self.image + nonsmooth.gradient_on_support(self.target)
            curvature = nonsmooth.hessian_on_support(self.target, moving)
            step = np.zeros_like(self.target)
            step[moving] = -self.model.solve(moving, curvature, slope[moving])
            if not self._go(step) or -float(slope @ step) <= self._target_gain():
                break
        self.extrapolated, self.extrapolated_image, self.momentum = self.move, self.image, 1.0

    def _target_gain(self):
        """What a Newton step may be expected to gain to be the last one."""
        value = self.value()
        gained = self.problem.nonsmooth.value(self.point.theta) - value
        return max(RELATIVE_TARGET * abs(value), self.accuracy**2 * gained)

    def _go(self, step):
        """Move along a step to the first kink, halving it until it is better; whether it was."""
        for _ in range(HALVINGS):
            if self._try(self.problem.nonsmooth.to_first_breakpoint(self.target, step)):
                return True
            step = step / 2
        return False

    def _try(self, target):
        """Move to a target if it is better; whether it is."""
        before, value = (self.target, self.move, self.image), self.value()
        self.target, self.move = target, target - self.point.theta
        self.image = self.model.apply(self.move)
        if self.value() < value:
            return True
        self.target, self.move, self.image = before
        return False
