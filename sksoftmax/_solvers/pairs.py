"""Pairs of a step and the change of the gradient along it, from which BFGS learns the curvature."""

from typing import NamedTuple

import numpy as np


class Pair(NamedTuple):
    """A step, the change of the gradient along it, and the inner product of the two."""

    step: np.ndarray
    change: np.ndarray  # of the gradient
    product: float


def extended(pairs, old, new, memory, rounding=1e-14):
    """The last pairs, with that of the step from one Point to another if it is convex.

    memory : number of pairs that are kept
    rounding : cosine of step and change up to which a positive one may be rounding
        On a convex function none is negative but for that.
    """
    step, change = new.theta - old.theta, new.gradient - old.gradient
    product = float(step @ change)
    if product > rounding * np.linalg.norm(step) * np.linalg.norm(change):
        return (*pairs, Pair(step, change, product))[-memory:]
    return pairs


def with_ridge(pairs, strength):
    """Pairs of the same function with so much more of a ridge, (n_parameters,)."""
    stiff = []
    for step, change, _ in pairs:
        change = change + strength * step
        product = float(step @ change)
        if product > 0:
            stiff.append(Pair(step, change, product))
    return tuple(stiff)
