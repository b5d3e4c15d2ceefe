"""Minimisation of a quadratic model plus a nonsmooth penalty.

Accelerated proximal gradients identify the support (Beck and Teboulle 2009, SIAM Journal on Imaging
Sciences 2, 183-202; restarts: O'Donoghue and Candes 2015). A step is one product with the model and
one call of the penalty's prox. They are slow where columns are correlated. Newton steps on the
support are not; each goes no further than to the next kink of the penalty, which is smooth between
kinks. They are made where the model is the Hessian.
"""

from typing import NamedTuple

import numpy as np

# Proximal gradient steps in a round, and in all.
ROUND = 30
LONGEST = 150
# Rounds that take fewer steps than this after Newton steps have found nothing new.
FEWEST = 2
# Largest support for which Newton steps are made.
MOST_MOVING = 1000
# Newton steps on a model, each of which makes a factor, and how often one is halved.
MOST_STEPS = 50
HALVINGS = 5
# Expected gain of a Newton step, relative to the value, after which it is the last one.
RELATIVE_TARGET = 1e-9


class Minimum(NamedTuple):
    """The minimum of a model plus the penalty.

    target : ndarray of shape (n_parameters,), where it is
    gain : float, decrease of model plus penalty; not positive where there is none
    change : ndarray of shape (n_parameters,), predicted change of the gradient
    weights : ndarray of shape (n_parameters,), upper bounds on the curvature of each parameter
    first : float, squared length of the first proximal gradient step, in these weights
    """

    target: np.ndarray
    gain: float
    change: np.ndarray
    weights: np.ndarray
    first: float

    def error(self, change):
        """The error of the predicted change of the gradient, relative to the first step."""
        size = float(np.sum((change - self.change) ** 2 / self.weights))
        return np.sqrt(size / self.first) if self.first > 0 else np.inf


def minimize_model(problem, model, point, accuracy):
    """The Minimum of ``g . (x - theta) + (x - theta)' model (x - theta) / 2 + nonsmooth(x)``.

    point : Point, theta and the gradient g of the smooth part there
    accuracy : float, length of the last step relative to the first
    """
    minimizer = ModelMinimizer(problem, model, point, accuracy)
    for _ in range(LONGEST // ROUND):
        n_steps = minimizer.gradient_steps(ROUND)
        if n_steps < (FEWEST if model.is_exact else ROUND):
            break
        if model.is_exact:
            minimizer.newton_steps()
    return minimizer.minimum()


class ModelMinimizer:
    """Accelerated proximal gradients and Newton steps on a model plus a penalty.

    Points are kept as moves, differences from theta, with their images, products with the model.

    target : ndarray of shape (n_parameters,), the present point
    move, image : its move and image
    extrapolated, extrapolated_image : those of the point at which the next gradient is taken
    steepness : float, factor of the scale with which no step was too long so far
    momentum : float, Nesterov's sequence
    first : float, squared length of the first step
    """

    def __init__(self, problem, model, point, accuracy):
        self.accuracy = accuracy
        scale = model.scale
        # Columns without curvature have no gradient either: any positive scale will do.
        self.scale = np.where(scale > 0, scale, scale.max())
        self.weights = np.repeat(self.scale, len(point.theta) // len(scale))
        self.problem, self.model, self.point = problem, model, point
        self.target = point.theta
        zeros = np.zeros_like(point.theta)
        self.move = self.extrapolated = self.image = self.extrapolated_image = zeros
        self.steepness, self.momentum, self.first = 1.0, 1.0, None
        self.n_newton_steps = 0

    def gradient_steps(self, n_steps):
        """Make up to ``n_steps`` steps; return how many came before one that was short enough."""
        for taken in range(n_steps):
            if self._step() <= self.accuracy**2 * self.first:
                return taken
        return n_steps

    def _step(self):
        """Make a proximal gradient step; return its squared length."""
        theta, gradient = self.point.theta, self.point.gradient + self.extrapolated_image
        while True:
            step = 1 / (self.steepness * self.scale)
            start = theta + self.extrapolated - gradient / (self.steepness * self.weights)
            target = self.problem.nonsmooth.prox(start, step)
            new = target - theta
            image = self.model.apply(new)
            change = new - self.extrapolated
            size = float(change @ (self.weights * change))
            curvature = float(change @ (image - self.extrapolated_image))
            if size == 0 or not curvature > self.steepness * size * (1 + 1e-9):
                break  # also if numbers have overflowed
            self.steepness = 1.1 * curvature / size
        if change @ (self.weights * (new - self.move)) < 0:
            self.momentum = 1.0
        ahead = (1 + np.sqrt(1 + 4 * self.momentum**2)) / 2
        factor, self.momentum = (self.momentum - 1) / ahead, ahead
        self.extrapolated = new + factor * (new - self.move)
        self.extrapolated_image = image + factor * (image - self.image)
        self.target, self.move, self.image = target, new, image
        size *= self.steepness**2
        self.first = size if self.first is None else self.first
        return size

    def value(self):
        """Model plus penalty at the target, less the model at theta."""
        model = self.move @ (self.point.gradient + 0.5 * self.image)
        return float(model) + self.problem.nonsmooth.value(self.target)

    def minimum(self):
        """The Minimum, as far as it was found."""
        curvature = 0.5 * float(self.move @ self.image)
        gain = self.problem.nonsmooth.value(self.point.theta) - self.value()
        # At the minimum the gain is at least d'Hd / 2, by convexity; rounding may hide it.
        return Minimum(self.target, max(gain, curvature), self.image, self.weights, self.first)

    def newton_steps(self):
        """Make Newton steps on the support, if it is small, each to the next kink at most."""
        self._try(self.problem.nonsmooth.shifted(self.target))
        nonsmooth = self.problem.nonsmooth
        while self.n_newton_steps < MOST_STEPS:
            self.n_newton_steps += 1
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
        """The expected gain of a Newton step after which it is the last one."""
        value = self.value()
        gained = self.problem.nonsmooth.value(self.point.theta) - value
        return max(RELATIVE_TARGET * abs(value), self.accuracy**2 * gained)

    def _go(self, step):
        """Move along a step to the first kink, halving it until that is lower; whether it was."""
        for _ in range(HALVINGS):
            if self._try(self.problem.nonsmooth.to_first_breakpoint(self.target, step)):
                return True
            step = step / 2
        return False

    def _try(self, target):
        """Move to a target if that is lower; whether it is."""
        before, value = (self.target, self.move, self.image), self.value()
        self.target, self.move = target, target - self.point.theta
        self.image = self.model.apply(self.move)
        if self.value() < value:
            return True
        self.target, self.move, self.image = before
        return False
