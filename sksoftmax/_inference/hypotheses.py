"""Methods of an inference about the fit as a whole: likelihoods, and tests of hypotheses."""

from typing import Any

from numpy.typing import ArrayLike

from sksoftmax._inference import likelihood as likelihoods
from sksoftmax._inference import wald


class LikelihoodMixin:
    """Likelihoods and tests, from the fields ``likelihood``, ``estimate`` and ``weights``."""

    @property
    def log_likelihood(self) -> float:
        """The weighted sum of the log probabilities of the labels, at the optimum."""
        return self.likelihood.log_likelihood

    @property
    def log_likelihood_null(self) -> float:
        """That of intercepts alone, whose probabilities are the classes' shares."""
        return self.likelihood.log_likelihood_null

    @property
    def n_rows(self) -> int:
        """Rows with weight."""
        return self.likelihood.n_rows

    @property
    def weight_sum(self) -> float:
        """The sum of the weights."""
        return self.likelihood.weight_sum

    @property
    def degrees_of_freedom(self) -> float:
        """``tr(H^-1 J)``: the number of coefficients without a ridge, less with one."""
        return self.likelihood.degrees_of_freedom

    @property
    def aic(self) -> float:
        """``2 * degrees_of_freedom - 2 * log_likelihood``."""
        return self.likelihood.aic

    @property
    def bic(self) -> float:
        """``log(weight_sum) * degrees_of_freedom - 2 * log_likelihood``."""
        return self.likelihood.bic

    def pseudo_r2(self, kind: str = "mcfadden") -> float:
        """A share of the log likelihood, as R squared is of the variance.

        Parameters
        ----------
        kind : {"mcfadden", "cox_snell", "nagelkerke"}, default="mcfadden"

        Returns
        -------
        r2 : float
        """
        return likelihoods.pseudo_r2(self.likelihood, kind)

    def likelihood_ratio_test(self, other: Any = None) -> Any:
        """Twice the log likelihood that this model has more than a nested one.

        Parameters
        ----------
        other : Inference, default=None
            Of the nested model, fitted on the same rows; None is the intercept-only model.

        Returns
        -------
        test : named tuple of statistic, degrees_of_freedom and p_value
        """
        if self.weights == "sampling":
            raise ValueError(
                'weights="sampling" make a pseudo-likelihood, of which twice a difference is not '
                "chi-squared: use wald_test or feature_tests"
            )
        if not (other is None or isinstance(other, LikelihoodMixin)):
            raise TypeError(f"other must be an Inference or None, got {type(other).__name__}")
        return self.likelihood.test(None if other is None else other.likelihood)

    def wald_test(self, L: Any, value: ArrayLike = 0.0) -> Any:
        """Test that ``L @ coef.ravel() == value``.

        Parameters
        ----------
        L : array-like of shape (n_restrictions, n_coefficients) or (n_coefficients,)
            Columns in the order of ``covariance_matrix``.
        value : float or array-like of shape (n_restrictions,), default=0.0

        Returns
        -------
        test : named tuple of statistic, degrees_of_freedom and p_value
            The degrees of freedom are the restrictions that do not follow from others.
        """
        return wald.wald_test(self.coef.ravel(), self.covariance_matrix, L, value)

    def feature_tests(self) -> Any:
        """Wald tests of each feature over all classes at once; the same for every reference.

        Returns
        -------
        tests : named tuple of statistic, degrees_of_freedom and p_value
            Arrays, in the order of the features shown.
        """
        return wald.feature_tests(self.estimate, self._features_shown)
