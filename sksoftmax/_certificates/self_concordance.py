"""How far scores can move along a direction, and what curvature they leave on the way.

Between two thetas whose scores differ by ranges of up to r, the least probability of a row falls
by a factor of ``exp(r)`` at most. So ``exp(-r)`` times the lower moments at one of them (see
``approximations.lower``) lie below the Hessian at the other too: moments once made serve the proofs
of many fits nearby.
"""

from typing import NamedTuple

import numpy as np

from sksoftmax._curvature.moments import Centring, centred_columns, second_moments
from sksoftmax._curvature.preconditioners import Factor
from sksoftmax._objective.rows import Largest

# Where scores differ by more, new moments prove more than they cost.
FAR = 1.0
# Ranges of scores that need not be known better than by a bound.
NEAR = 1.0


class ScoreRange(NamedTuple):
    """Second moments of the columns, and the largest norm of a row in their inverse.

    By Cauchy and Schwarz no row's score along a direction exceeds the product of both norms.
    """

    moments: np.ndarray
    farthest: float

    @classmethod
    def of(cls, objective):
        about = Centring.of(objective)
        factor = Factor.of(second_moments(objective))
        leverages = factor.leverages()

        def block_sums(block):
            return Largest(float(leverages(centred_columns(block.X, about)).max()))

        # The matrix that the factor is of, its jitter included: norms must belong together.
        root = np.triu(factor.cholesky) * factor.scale
        return cls(root.T @ root, float(np.sqrt(objective.rows.sum(block_sums).number)))

    def bound(self, direction, n_scores):
        """On the range over the classes of any row's scores along a direction."""
        rows = direction.reshape(-1, n_scores)
        products = rows.T @ self.moments @ rows
        squares = np.diag(products)
        if n_scores > 1:
            squares = squares + squares[:, None] - 2 * products
        return self.farthest * float(np.sqrt(max(squares.max(), 0.0)))
