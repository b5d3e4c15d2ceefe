"""Likelihoods, what is made of them, and tests between nested models."""

from typing import NamedTuple

import numpy as np

from sksoftmax._functions.checks import check_option
from sksoftmax._inference.wald import chi_squared


class Likelihood(NamedTuple):
    """Log likelihoods, and what they are counted in.

    log_likelihood, log_likelihood_null : float, of the model and of intercepts alone
    n_rows : int
    weight_sum, degrees_of_freedom : float
    n_classes : int
    has_intercept : bool
    """

    log_likelihood: float
    log_likelihood_null: float
    n_rows: int
    weight_sum: float
    degrees_of_freedom: float
    n_classes: int
    has_intercept: bool

    @property
    def aic(self):
        """Akaike's criterion."""
        return 2 * (self.degrees_of_freedom - self.log_likelihood)

    @property
    def bic(self):
        """Schwarz's criterion, whose sample size is the sum of the weights."""
        return np.log(self.weight_sum) * self.degrees_of_freedom - 2 * self.log_likelihood

    def test(self, other):
        """The likelihood ratio test against a nested model's Likelihood; None is the null's."""
        if other is None:
            if not self.has_intercept:
                raise ValueError(
                    "the intercept-only model is not nested in one without an intercept: pass the "
                    "Inference of a model that is"
                )
            null, free = self.log_likelihood_null, self.n_classes - 1
        else:
            self._check_nested(other)
            null, free = other.log_likelihood, other.degrees_of_freedom
        # Rounding may make the likelihoods of equal models differ.
        statistic = max(0.0, 2 * (self.log_likelihood - null))
        return chi_squared(statistic, self.degrees_of_freedom - free)

    def _check_nested(self, other):
        """Raise a ValueError unless the other may be of a nested model of the same rows."""
        mine = self.n_rows, self.weight_sum, self.n_classes
        theirs = other.n_rows, other.weight_sum, other.n_classes
        if not np.allclose(mine, theirs, rtol=1e-9, atol=0):
            raise ValueError(
                "other must be of the same rows, weights and classes: this one has (rows, weight, "
                f"classes) {mine}, other {theirs}"
            )
        if other.degrees_of_freedom >= self.degrees_of_freedom:
            raise ValueError(
                f"other must be nested in this model; it has {other.degrees_of_freedom:.6g} "
                f"degrees of freedom, and this one {self.degrees_of_freedom:.6g}: call the test of "
                "the larger model"
            )
        if other.log_likelihood > self.log_likelihood + 1e-9 * abs(self.log_likelihood):
            raise ValueError(
                "other must be nested in this model; its log likelihood "
                f"{other.log_likelihood:.6g} is above this one's, {self.log_likelihood:.6g}"
            )


def null_log_likelihood(by_class):
    """That of intercepts alone, whose probabilities are the shares of the classes.

    by_class : ndarray of shape (n_classes,), weights
    """
    total = by_class.sum()
    some = by_class[by_class > 0]
    return float(some @ np.log(some / total))


def pseudo_r2(likelihood, kind):
    """McFadden's, Cox and Snell's or Nagelkerke's."""
    ratio = likelihood.log_likelihood_null - likelihood.log_likelihood
    cox_snell = -np.expm1(2 * ratio / likelihood.weight_sum)
    kinds = {
        "mcfadden": 1 - likelihood.log_likelihood / likelihood.log_likelihood_null,
        "cox_snell": cox_snell,
        "nagelkerke": cox_snell
        / -np.expm1(2 * likelihood.log_likelihood_null / likelihood.weight_sum),
    }
    check_option("kind", kind, kinds)
    return float(kinds[kind])
