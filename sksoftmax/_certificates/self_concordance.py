"""Bounds on how far scores move along a direction, and on how much curvature they lose.

Between two thetas at which the scores of a row differ by a range of up to r, its least probability
falls by a factor of ``exp(r)`` at most. So ``exp(-r)`` times the moments of
``approximations.lower`` at one of them are below the Hessian at the other: moments made once serve
the proofs of many fits nearby.
"""

from typing import NamedTuple

import numpy as np

from sksoftmax._curvature.moments import Centring, centred_columns, second_moments
from sksoftmax._curvature.preconditioners import Factor
from sksoftmax._objective.rows import Largest

# Range of scores beyond which new moments are made.
FAR = 1.0


class ScoreRange(NamedTuple):
    """A bound on the range of any row's scores along a direction.

    By Cauchy and Schwarz ``|x' d| <= |x| |d|``, with the norm of a row in the inverse of the
    columns' second moments and that of the direction in these moments.

    moments : ndarray of shape (n_columns, n_columns)
    farthest : float, the largest norm of a row
    """

    moments: np.ndarray
    farthest: float

    @classmethod
    def of(cls, objective):
        centring = Centring.of(objective)
        factor = Factor.of(second_moments(objective))
        leverages = factor.leverages()

        def block_sums(block):
            return Largest(float(leverages(centred_columns(block.X, centring)).max()))

        # The matrix of the factor with its jitter, so that one norm is the dual of the other.
        root = np.triu(factor.cholesky) * factor.scale
        return cls(root.T @ root, float(np.sqrt(objective.rows.sum(block_sums).number)))

    def bound(self, direction, n_scores):
        """The largest range over the classes that any row's scores along a direction can have.

        direction : ndarray of shape (n_parameters,)
        """
        rows = direction.reshape(-1, n_scores)
        products = rows.T @ self.moments @ rows
        squares = np.diag(products)
        if n_scores > 1:
            squares = squares + squares[:, None] - 2 * products
        return self.farthest * float(np.sqrt(max(squares.max(), 0.0)))
