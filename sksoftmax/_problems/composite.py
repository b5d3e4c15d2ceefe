"""An objective with corners: a smooth one, and a rough penalty that makes coefficients zero."""

from dataclasses import dataclass, field, replace

import numpy as np

from sksoftmax._certificates import nonsmooth as nonsmooth_certificate
from sksoftmax._certificates.stale_moments import Anchor
from sksoftmax._curvature import quadratic_models
from sksoftmax._objective.penalties import Rough
from sksoftmax._problems.smooth import Objective


@dataclass
class Recent:
    """The last evaluation, and proof: solvers, proofs and paths ask for the same one."""

    theta: np.ndarray | None = None
    answer: tuple | None = None
    bound: nonsmooth_certificate.Bound | None = None


@dataclass(frozen=True)
class Composite:
    """``smooth(theta) + corners(theta)``.

    Values are of both; gradients are the smooth part's, which ``corners`` meets by its ``prox``.

    anchor : Anchor, that the proofs of like objectives share
    """

    smooth: Objective
    corners: Rough
    anchor: Anchor = field(default_factory=Anchor, repr=False, compare=False)
    recent: Recent = field(default_factory=Recent, repr=False, compare=False)

    @property
    def map(self):
        return self.smooth.map

    @property
    def rough(self):
        """The objective to its rough precision, as `Objective.rough`; None if there is no other."""
        if self.smooth.rough_dtype == self.smooth.dtype:
            return None
        if self.is_free[: self.map.n_features].any():
            return None
        smooth = replace(self.smooth, dtype=self.smooth.rough_dtype)
        return replace(self, smooth=smooth, recent=Recent())

    @property
    def usual_slack(self):
        return 4.0

    def value_and_gradient(self, theta):
        value, gradient = self.smooth_at(theta)
        return value + self.corners.value(theta), gradient

    def smooth_at(self, theta):
        """Value and gradient of the smooth part, which are not to be written to."""
        if self.recent.theta is not theta:
            self.recent.theta = theta
            self.recent.answer = self.smooth.value_and_gradient(theta)
        return self.recent.answer

    def prox(self, theta, step):
        return self.corners.prox(theta, step)

    def corner_value(self, theta):
        return self.corners.value(theta)

    def model(self, theta, slow=False):
        """The smooth part's curvature at theta, to multiply with."""
        return quadratic_models.model(self.smooth, theta, self.is_free, slow)

    def column_scales(self):
        return quadratic_models.column_scales(self.smooth)

    def gap(self, theta, gradient, enough=0.0):
        """An upper bound on ``value(theta) - optimum``; inf where none is known."""
        self.recent.bound = nonsmooth_certificate.bound(self, theta, gradient, enough)
        return self.recent.bound.value

    def expected_gap(self, theta, value, gradient):
        """What ``gap`` would prove, but for the balance of what is not penalised."""
        return nonsmooth_certificate.expected(self, theta, value, gradient)

    def rows_of(self, vector):
        """A vector like theta as rows of a column each."""
        return vector.reshape(self.map.n_columns, self.map.n_scores)

    @property
    def is_free(self):
        """Of each column, whether no part of the penalty holds it."""
        return (self.rows_of(self.smooth.penalty.strength)[:, 0] == 0) & (
            self.corners.amount[:, 0] == 0
        )

    def violations(self, gradient):
        """Of each column, by how much its gradient exceeds what holds it at zero."""
        return np.sqrt(np.sum(self.corners.excess(gradient) ** 2, axis=1))

    def free_part(self, theta):
        """The smooth part on the columns of X that no penalty holds, and theta there."""
        return self.smooth.restricted(np.flatnonzero(self.is_free), theta)

    def on_columns(self, columns, known=None):
        """The objective of these columns alone, all others being zero.

        known : one of the same columns that only has other penalties, which saves a copy of them
        """
        index = self.places(columns)
        if known is None:
            smooth = self.smooth.on_columns(columns, index)
        else:
            penalty = self.smooth.penalty.on_columns(index, self.map.n_scores)
            smooth = replace(known.smooth, penalty=penalty, dtype=self.smooth.dtype)
        return Composite(smooth, self.corners.on_columns(index))

    def places(self, columns):
        """Rows of theta that belong to columns of X, the intercept's included."""
        if not self.map.has_intercept:
            return columns
        return np.append(columns, self.map.n_features)
