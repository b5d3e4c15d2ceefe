"""`Inference`: the record of a fit's coefficients, their covariance, and what follows from them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sksoftmax._functions.checks import check_option
from sksoftmax._inference import margins, predictions
from sksoftmax._inference.contrasts import Contrasts
from sksoftmax._inference.estimate import Estimate
from sksoftmax._inference.fitted_model import FittedModel
from sksoftmax._inference.frames import coefficient_columns, frame, quantile, z_and_p
from sksoftmax._inference.hypotheses import LikelihoodMixin
from sksoftmax._inference.influence import influence
from sksoftmax._inference.likelihood import Likelihood
from sksoftmax._inference.summary import summary
from sksoftmax._objective.kernels import quiet_exp
from sksoftmax._runtime.public import public
from sksoftmax._runtime.types import AnyArray, DataLike, Floats


@public("sksoftmax")
@dataclass(frozen=True, eq=False, kw_only=True)
class Inference(LikelihoodMixin):
    r"""Standard errors, intervals and tests of a fitted model's coefficients.

    Made by :func:`sksoftmax.infer`, which explains what they mean. It holds no rows of data.

    Parameters
    ----------
    model : object
        The columns, classes and objective of the model.
    estimate : object
        The coefficients at the optimum and their covariance, of all classes against one.
    likelihood : object
        Log likelihoods, and what they are counted in.
    effects : object
        Average marginal effects of the rows; None of too many classes.
    mean : ndarray of shape (n_features + 1,)
        The average row about the center, with a 1 for the intercept.
    contrasts : object
        Which contrasts between classes are shown.
    columns : ndarray of int
        Which columns are shown, the intercept being the last.
    covariance : {"information", "robust", "cluster"}
        As passed to ``infer``.
    weights : {"frequency", "sampling"}
        As passed to ``infer``.
    library : {"pandas", "polars"}
        Of the data frames that it makes.

    Attributes
    ----------
    coef, std_error, z, p_value, lower, upper : ndarrays of shape (n_contrasts, n_features + 1)
        The intercept last; without one (n_contrasts, n_features). Intervals of 95 %.
    covariance_matrix : ndarray
        Of ``coef.ravel()``, a square matrix.
    classes : ndarray of shape (n_contrasts,)
        The label of each row of ``coef``.
    features : ndarray of shape (n_features + 1,)
        The name of each column, the last being "intercept".
    reference : object
        The label that contrasts are against; None for sum-to-zero contrasts.
    log_likelihood, log_likelihood_null, degrees_of_freedom, aic, bic, weight_sum : float
    n_rows : int
        Rows with weight.

    See Also
    --------
    sksoftmax.infer : Makes one.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksoftmax import SoftmaxRegression, infer
    >>> X, y = load_iris(return_X_y=True)
    >>> inference = infer(SoftmaxRegression(C=1.0).fit(X, y), X, y)
    >>> inference.coef.shape, inference.covariance_matrix.shape
    ((3, 5), (15, 15))
    >>> test = inference.feature_tests()
    >>> (test.p_value < 0.001).tolist()
    [False, False, True, True]
    """

    model: FittedModel
    estimate: Estimate
    likelihood: Likelihood
    effects: margins.Effects | None
    mean: np.ndarray
    contrasts: Contrasts
    columns: np.ndarray
    covariance: str
    weights: str
    library: str

    def __repr__(self):
        shape = " x ".join(map(str, self.coef.shape))
        return f"<Inference of {shape} coefficients, covariance={self.covariance!r}>"

    # -- coefficients ------------------------------------------------------------------------

    @property
    def classes(self) -> AnyArray:
        """The label of each row of ``coef``, (n_contrasts,)."""
        return self.contrasts.classes

    @property
    def reference(self) -> Any:
        """The label that contrasts are against; None for sum-to-zero contrasts."""
        return self.contrasts.reference

    @cached_property
    def features(self) -> AnyArray:
        """The name of each column of ``coef``, the last being "intercept"."""
        names = [*self.model.names.tolist(), "intercept"]
        return np.array([names[j] for j in self.columns], dtype=object)

    @cached_property
    def coef(self) -> Floats:
        """Coefficients of the contrasts at the optimum, (n_contrasts, n_features + 1)."""
        return self.estimate.contrast(self.contrasts.matrix)[:, self.columns]

    @cached_property
    def std_error(self) -> Floats:
        """Their standard errors, (n_contrasts, n_features + 1)."""
        return self.estimate.std_error(self.contrasts.matrix)[:, self.columns]

    @cached_property
    def covariance_matrix(self) -> Floats:
        """The covariance of ``coef.ravel()``."""
        return self.estimate.contrast_covariance(self.contrasts.matrix, self.columns)

    @property
    def z(self) -> Floats:
        """``coef / std_error``; nan where there is no error."""
        return z_and_p(self.coef, self.std_error)[0]

    @property
    def p_value(self) -> Floats:
        """Two-sided p-values of ``z`` under the normal distribution."""
        return z_and_p(self.coef, self.std_error)[1]

    @property
    def lower(self) -> Floats:
        """Lower ends of the 95 % intervals."""
        return self.confidence_interval()[0]

    @property
    def upper(self) -> Floats:
        """Upper ends of the 95 % intervals."""
        return self.confidence_interval()[1]

    def confidence_interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Ends of the normal intervals of the coefficients.

        Parameters
        ----------
        level : float, default=0.95

        Returns
        -------
        lower, upper : ndarrays of the shape of ``coef``
        """
        width = quantile(level) * self.std_error
        return self.coef - width, self.coef + width

    def frame(self, level: float = 0.95) -> Any:
        """The coefficients as a data frame, a row for each class and feature.

        Parameters
        ----------
        level : float, default=0.95
            Of the intervals.

        Returns
        -------
        frame : DataFrame
            Of pandas or polars, as X was, else of pandas. Class-major, the intercept last; the
            columns are class, feature, coef, std_error, z, p_value, lower and upper.
        """
        return frame(self._columns(level), self.library)

    def odds_ratios(self, level: float = 0.95) -> Any:
        """Exponentials of the coefficients: factors of the odds for one unit of a feature.

        Parameters
        ----------
        level : float, default=0.95

        Returns
        -------
        frame : DataFrame
            As of ``frame``, ``coef`` being the odds ratio and ``std_error`` its error by the delta
            method. Intervals are exponentials of the coefficients', z and p-values theirs.
        """
        columns = self._columns(level)
        ratio = quiet_exp(columns["coef"])
        columns |= {"coef": ratio, "std_error": ratio * columns["std_error"]}
        columns |= {end: quiet_exp(columns[end]) for end in ("lower", "upper")}
        return frame(columns, self.library)

    def _columns(self, level):
        return coefficient_columns(
            self.classes, self.features.tolist(), self.coef, self.std_error, level
        )

    @property
    def is_penalised(self) -> bool:
        """Whether a ridge shrinks some coefficient."""
        return bool((self.model.strength > 0).any())

    @property
    def _features_shown(self):
        return self.columns[self.columns < len(self.model.names)]

    # -- effects, predictions, influence -----------------------------------------------------

    def marginal_effects(self, at: Any = "rows", level: float = 0.95) -> Any:
        """Effects of the features on the probabilities of the classes.

        Parameters
        ----------
        at : {"rows", "mean"}, default="rows"
            The derivatives averaged over the rows, by weight, or at the average row.
        level : float, default=0.95

        Returns
        -------
        frame : DataFrame
            As of ``frame``, of all classes, with the effect in ``coef``, an error by the delta
            method, and no intercept.
        """
        check_option("at", at, ("rows", "mean"))
        _ = self.estimate.covariance  # or an error that says why there is none
        found, shown = self.effects, self._features_shown
        if at == "mean":
            moments = margins.at_row(self.estimate, self.mean)
            found = margins.effects(self.estimate, moments, len(self.model.names))
        if found is None:
            raise ValueError(
                f"marginal effects over the rows of {len(self.model.classes_)} classes take too "
                "much memory: use at='mean'"
            )
        names = self.model.names[shown].tolist()
        parts = (part[:, shown] for part in found)
        return frame(coefficient_columns(self.model.classes_, names, *parts, level), self.library)

    def predict_interval(
        self,
        X: DataLike,
        level: float = 0.95,
        method: str = "delta",
        *,
        scale: str = "logit",
        n_draws: int = 2000,
        random_state: Any = 0,
    ) -> Any:
        """Intervals of the logit of each class's probability, ``log(p / (1 - p))``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        level : float, default=0.95
        method : {"delta", "draws"}, default="delta"
            The normal interval about the logit, with an error by the delta method; or quantiles
            of the logits of coefficients drawn from their normal distribution.
        scale : {"logit", "probability"}, default="logit"
            Of the ends: logits, or the probabilities that these are the logits of.
        n_draws : int, default=2000
        random_state : int or numpy.random.Generator, default=0
            Of the draws.

        Returns
        -------
        lower, upper : ndarrays of shape (n_samples, n_classes)
        """
        X = self.model.check_features(X)
        ends = predictions.logit_intervals(self.estimate, X, level, method, n_draws, random_state)
        return predictions.on_scale(ends, scale)

    def predict_proba(self, X: DataLike) -> Floats:
        """Probabilities by Laplace's approximation: means under the coefficients' distribution.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Less certain than the model's, most where rows are few.
        """
        return predictions.laplace_probabilities(self.estimate, self.model.check_features(X))

    def influence(self, X: DataLike, y: DataLike, sample_weight: DataLike | None = None) -> Any:
        """What single rows do to the fit.

        Parameters
        ----------
        X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)
            The rows that the model was fitted on.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        influence : record of leverage, cooks_distance, dfbetas, deviance_residuals and
            pearson_residuals, arrays of a number a row; dfbetas has the shape (n_samples,
            n_contrasts, n_features + 1)
        """
        to_zero, matrix = self.estimate.at_zero[self.columns], self.contrasts.matrix
        error = self.std_error

        def moves(move):
            found = np.einsum("ra,naj,mj->nrm", matrix, move, to_zero, optimize=True)
            return np.divide(found, error, out=np.zeros_like(found), where=error > 0)

        return influence(self.model, self.estimate, moves, self.likelihood, X, y, sample_weight)

    def summary(self, level: float = 0.95) -> str:
        """A table that prints as text, and shows as HTML in a notebook.

        Parameters
        ----------
        level : float, default=0.95

        Returns
        -------
        summary : Summary
        """
        return summary(self, level)
