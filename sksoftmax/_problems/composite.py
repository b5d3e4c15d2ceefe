"""The problem of a composite objective: what a solver may ask of it."""

from dataclasses import dataclass, replace

import numpy as np

from sksoftmax._certificates import nonsmooth as nonsmooth_certificate
from sksoftmax._curvature import quadratic_models
from sksoftmax._objective.composite import CompositeObjective


@dataclass(frozen=True)
class CompositeProblem:
    """A composite objective with what a solver asks of it: models, proximal operators and proofs.

    Values are those of the sum, gradients those of the smooth part.

    objective : CompositeObjective
    """

    objective: CompositeObjective

    usual_slack = 4.0

    @property
    def map(self):
        return self.objective.map

    @property
    def nonsmooth(self):
        return self.objective.nonsmooth

    @property
    def low_precision(self):
        """The problem in single precision, as ``SmoothProblem.low_precision``; None if no gain."""
        smooth = self.objective.smooth
        if smooth.working_dtype == smooth.dtype:
            return None
        if self.objective.is_free[: self.map.n_features].any():
            return None
        smooth = replace(smooth, dtype=smooth.working_dtype)
        return CompositeProblem(replace(self.objective, smooth=smooth))

    def value_and_gradient(self, theta):
        return self.objective.value_and_gradient(theta)

    def model(self, theta, slow=False, near=False):
        """The model of the smooth part's curvature at theta, see ``quadratic_models.model``."""
        smooth, free = self.objective.smooth, self.objective.is_free
        return quadratic_models.model(smooth, theta, free, slow, near)

    def column_scales(self):
        return quadratic_models.column_scales(self.objective.smooth)

    def ridge_bound(self, gradient):
        """Infinite: nothing is known without the nonsmooth penalty, see `expected_gap`."""
        return np.inf

    def certify(self, point, target_gap=0.0, moments=None):
        """A bound on ``value - optimum`` at a Point, see ``_certificates.nonsmooth.bound``."""
        return nonsmooth_certificate.bound(self.objective, point, target_gap, moments)

    def expected_gap(self, point):
        """The gap that `certify` would prove if the free columns were balanced."""
        return nonsmooth_certificate.expected(self.objective, point)

    def rows_of(self, vector):
        return self.objective.rows_of(vector)

    def rows_of_columns(self, columns):
        return self.objective.rows_of_columns(columns)

    def violations(self, gradient):
        return self.objective.violations(gradient)

    def free_part(self, theta):
        return self.objective.free_part(theta)

    def on_columns(self, columns, known=None):
        """The problem of these columns alone, see ``CompositeObjective.on_columns``."""
        known = None if known is None else known.objective
        return CompositeProblem(self.objective.on_columns(columns, known))
