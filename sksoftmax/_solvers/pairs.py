"""Curvature pairs of BFGS: a step, and the change of the gradient along it."""

from typing import NamedTuple

import numpy as np


class Pair(NamedTuple):
    """A step, the change of the gradient along it, and their inner product.

    step, change : ndarrays of shape (n_parameters,)
    """

    step: np.ndarray
    change: np.ndarray
    product: float


def with_pair(pairs, old, new, memory, rounding=1e-14):
    """The last pairs and that of the step from one Point to another, if its product is positive.

    On a convex function it is, but for rounding.

    pairs : tuple of Pair, the latest last
    memory : int, number of pairs that are kept
    rounding : float, cosine of step and change up to which it may be rounding
    """
    step, change = new.theta - old.theta, new.gradient - old.gradient
    product = float(step @ change)
    if product > rounding * np.linalg.norm(step) * np.linalg.norm(change):
        return (*pairs, Pair(step, change, product))[-memory:]
    return pairs


def with_ridge(pairs, strength):
    """The pairs of a function to which a ridge is added.

    strength : ndarray of shape (n_parameters,), of the ridge; it may be negative
    """
    stiffer = []
    for step, change, _ in pairs:
        change = change + strength * step
        product = float(step @ change)
        if product > 0:
            stiffer.append(Pair(step, change, product))
    return tuple(stiffer)
