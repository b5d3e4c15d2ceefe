"""Penalties on the parameters: the part of an objective that needs no data."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Penalty(Protocol):
    """A convex function of theta."""

    strength: np.ndarray

    def value_and_gradient(self, theta): ...


@dataclass(frozen=True)
class Ridge:
    """``sum_j strength_j / 2 * (theta_j - origin_j)^2``.

    strength : ndarray of shape (n_parameters,), >= 0
        The curvature of the penalty in each parameter; 0 leaves it free.
    origin : ndarray of shape (n_parameters,), or 0
        What it pulls towards.
    """

    strength: np.ndarray
    origin: np.ndarray | float = 0.0

    def value_and_gradient(self, theta):
        away = theta - self.origin
        gradient = self.strength * away
        return 0.5 * float(away @ gradient), gradient
