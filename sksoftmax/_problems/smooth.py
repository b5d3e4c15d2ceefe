"""The problem of a smooth objective: what a solver may ask of it."""

from dataclasses import dataclass, replace

import numpy as np

from sksoftmax._certificates import smooth as smooth_certificate
from sksoftmax._curvature import (
    approximations,
    costs,
    low_rank,
    separated_classes,
    streaming_moments,
)
from sksoftmax._objective.objective import Objective
from sksoftmax._runtime.types import SINGLE
from sksoftmax._solvers.loop import Certificate


@dataclass(frozen=True)
class SmoothProblem:
    """A smooth objective with what a solver asks of it: value, curvature and proof.

    objective : Objective
    """

    objective: Objective
    checks_steps = True  # stochastic methods check a step by the value on its own batch

    @property
    def map(self):
        return self.objective.map

    @property
    def n_rows(self):
        return self.objective.n_rows

    @property
    def total_weight(self):
        return self.objective.total_weight

    @property
    def entries_of_row(self):
        return self.objective.entries_of_row

    def value_and_gradient(self, theta):
        return self.objective.value_and_gradient(theta)

    def value(self, theta):
        return self.objective.value(theta)

    def hessian_product(self, theta, direction):
        return self.objective.hessian_product(theta, direction)

    @property
    def low_precision(self):
        """The problem in single precision, at half the cost; None if there is no gain.

        None too where some coefficient is not penalised: along collinear columns such coefficients
        would fit the rounding of sums in single precision.
        """
        objective = self.objective
        cheaper = objective.fits_single and costs.single_is_cheaper(objective)
        single = objective.working_dtype == SINGLE or cheaper
        if objective.dtype == SINGLE or not (single and objective.penalised_coef):
            return None
        return replace(self, objective=replace(objective, dtype=SINGLE))

    @property
    def usual_slack(self):
        """The ratio of the gap that is proved to ``value - optimum``, as a rule."""
        objective = self.objective
        if not objective.is_symmetric:
            return 1.0  # the Hessian proves what a Newton step expects
        return (1.0 if objective.map.n_scores == 1 else 8.0) * costs.proof_stride(objective)

    def hessian(self, theta):
        """The Hessian at theta as a preconditioner; None where it is too large to hold."""
        fits = costs.hessian_fits(self.objective)
        return approximations.exact(self.objective, theta) if fits else None

    def curvature(self, theta):
        """A cheap preconditioner at theta, see ``approximations.kronecker``."""
        return approximations.kronecker(self.objective, theta)

    def refreshed_curvature(self, theta, last=None):
        """The best preconditioner at theta whose cost is less than that of the steps it saves.

        last : Preconditioner, optional
            The one before. It tells which kind is next, and its second moments may serve again.
        """
        if low_rank.follows(self.objective, last):
            return low_rank.along_coefficients(self.objective, theta, last)
        return approximations.refreshed(self.objective, theta, last)

    @property
    def curvature_may_mislead(self):
        """Whether the curvature may be quite another after a step, few rows making it up."""
        return costs.curvature_may_mislead(self.objective)

    def separates_classes(self, value):
        """Whether the model separates the classes, told by the objective's value."""
        return costs.separates_classes(self.objective, value)

    def curvature_of_separated(self, last):
        """A preconditioner for models that separate the classes.

        last : Preconditioner, optional, whose second moments serve again
        """
        return separated_classes.root_of_columns(self.objective, last)

    def bohning_curvature(self):
        """A preconditioner above the Hessian at every theta."""
        return approximations.bohning_bound(self.objective)

    def certify(self, point, target_gap=0.0, moments=None):
        """A Certificate of ``value - optimum`` at a Point, by passes over the rows.

        moments : without effect; proofs of smooth objectives learn nothing for the next
        """
        gap = smooth_certificate.gap(self.objective, point.theta, point.gradient, target_gap)
        return Certificate(gap)

    def ridge_bound(self, gradient):
        """The gap that is proved, without a pass over the rows, if free parameters are balanced."""
        if not self.objective.penalised_coef:
            return np.inf
        return smooth_certificate.ridge_bound(self.objective, gradient)

    def observe(self, theta, full):
        """Value, gradient, and the moments that a stream keeps: see ``streaming_moments``."""
        full = full and costs.full_moments_are_affordable(self.objective)
        return streaming_moments.observe(self.objective, theta, full)

    def preconditioner_of_moments(self, moments):
        """The preconditioner that the moments of a stream make."""
        return moments.preconditioner(self.objective)

    def moments_cost(self):
        """The cost of `preconditioner_of_moments`, in rows of a stream."""
        return costs.rows_of_preconditioner(self.objective)

    @property
    def is_small(self):
        """Whether a Hessian takes no longer than the interpreter's calls."""
        return costs.is_small(self.objective)

    def worthwhile_sample(self):
        """Number of rows of a sample to be fitted first; 0 for none."""
        return costs.worthwhile_sample(self.objective)

    def preconditioner_of_sample(self, part, theta):
        """A preconditioner from a sample: its Hessian, if that is cheap.

        part : SmoothProblem of the sample
        """
        if costs.hessian_is_cheap(self.objective):
            return approximations.exact(part.objective, theta)
        return approximations.kronecker(part.objective, theta)

    def sample(self, n_rows):
        """The problem on a sample of about ``n_rows`` of its rows."""
        return replace(self, objective=self.objective.sample(n_rows))

    def batches(self, size, random):
        """Problems of ``size`` rows each, see ``Objective.batches``."""
        return map(SmoothProblem, self.objective.batches(size, random))

    def free_part(self, theta):
        """The objective on the columns of X that no penalty holds, and theta there."""
        return self.objective.free_part(theta)
