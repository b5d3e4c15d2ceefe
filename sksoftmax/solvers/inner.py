"""The minimum of a quadratic model plus a penalty with corners, by accelerated proximal gradients.

Nesterov's method, restarted when it turns back (Beck and Teboulle 2009, SIAM Journal on Imaging
Sciences 2, 183-202; O'Donoghue and Candes 2015). All columns and classes move at once: a step is
one product with the model and one call of the penalty's prox.
"""

import numpy as np

# The step to the minimum is good enough when what is left of the first step is this share of it.
ACCURACY = 0.05
LONGEST = 150


def minimize_model(objective, model, point):
    """About ``argmin_x g . (x - theta) + (x - theta)' model (x - theta) / 2 + corners(x)``.

    Returns
    -------
    target : ndarray
    gain : float
        By how much the model is lower there; not positive where nothing is to be gained.
    """
    scale = model.scale
    # Columns of any unit; those without curvature have no gradient either.
    scale = np.where(scale > 0, scale, scale.max())
    weights = np.repeat(scale, len(point.theta) // len(scale))
    # Moves are kept as differences from theta, with their images under the model.
    move = lead = image = lead_image = np.zeros_like(point.theta)
    steepness, momentum, first = 1.0, 1.0, None
    for _ in range(LONGEST):
        gradient = point.gradient + lead_image
        while True:
            step = 1 / (steepness * scale)
            start = point.theta + lead - gradient / (steepness * weights)
            target = objective.prox(start, step)
            new = target - point.theta
            new_image = model.apply(new)
            change = new - lead
            size = float(change @ (weights * change))
            bend = float(change @ (new_image - lead_image))
            if size == 0 or not bend > steepness * size * (1 + 1e-9):
                break  # also where numbers have overflown
            steepness = 1.1 * bend / size
        size *= steepness**2
        first = size if first is None else first
        if change @ (weights * (new - move)) < 0:
            momentum = 1.0
        ahead = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        push, momentum = (momentum - 1) / ahead, ahead
        lead, lead_image = new + push * (new - move), new_image + push * (new_image - image)
        move, image = new, new_image
        if size <= ACCURACY**2 * first:
            break
    bend = 0.5 * float(move @ image)
    gain = -float(point.gradient @ move) - bend
    gain += objective.corner_value(point.theta) - objective.corner_value(target)
    # At the minimum the gain is the bend or more, by convexity, whatever rounding leaves of it.
    return target, max(gain, bend)
