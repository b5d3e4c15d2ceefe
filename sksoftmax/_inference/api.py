"""`infer`: standard errors, intervals and tests of the coefficients of a fitted model."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sksoftmax._inference import margins, refinement, wide
from sksoftmax._inference.contrasts import Contrasts, chosen_columns
from sksoftmax._inference.estimate import Chosen, Estimate, Whole
from sksoftmax._inference.fitted_model import FittedModel, coefficients
from sksoftmax._inference.frames import library_of
from sksoftmax._inference.inference import Inference
from sksoftmax._inference.information import Basis, HeldSums
from sksoftmax._inference.likelihood import Likelihood, null_log_likelihood
from sksoftmax._inference.objective import rebuild
from sksoftmax._inference.sandwich import Kind, middle
from sksoftmax._runtime.blas import single_threaded_blas
from sksoftmax._runtime.public import public
from sksoftmax._runtime.quiet import quiet
from sksoftmax._runtime.types import DataLike


@public("sksoftmax")
def infer(
    model: Any,
    X: DataLike,
    y: DataLike,
    *,
    sample_weight: DataLike | None = None,
    covariance: str = "information",
    weights: str = "frequency",
    groups: ArrayLike | None = None,
    reference: Any = None,
    features: Any = None,
    classes: ArrayLike | None = None,
    small_sample: bool = False,
) -> Inference:
    r"""Standard errors, intervals and tests of the coefficients of a fitted model.

    With :math:`J = \sum_i w_i\, x_i x_i' \otimes (\mathrm{diag}(p_i) - p_i p_i')` the Fisher
    information of the loss and :math:`H = J + \Lambda` the Hessian of the objective, times the sum
    of the weights, the covariance of the coefficients is :math:`H^{-1} M H^{-1}` with

    - ``"information"``: :math:`M = J`; without a penalty it is :math:`J^{-1}`;
    - ``"robust"``: :math:`M = \sum_i s_i s_i'` of the rows' scores
      :math:`s_i = x_i \otimes (t_i - p_i)`, which holds where the model is wrong [1]_ [2]_;
    - ``"cluster"``: :math:`M = \sum_g s_g s_g'` of the scores summed over groups [3]_, which holds
      where the rows of a group depend on each other.

    A ridge shrinks the coefficients towards zero. The errors then are those of the shrunk
    coefficients, and intervals are about their expectation: they do not cover the coefficients
    that the data would have without a penalty as often as they say.

    Parameters
    ----------
    model : SoftmaxRegression or SoftmaxRegressionCV
        Fitted, with a ridge or without a penalty. From where its fit ended, inference goes on to
        the optimum, which is nearer than a standard error: ``coef`` agrees with ``model.coef_`` to
        the model's ``tol``.
    X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)
        The rows that the model was fitted on.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Their labels, or soft targets.
    sample_weight : array-like of shape (n_samples,), default=None
        As in ``fit``.
    covariance : {"information", "robust", "cluster"}, default="information"
        What is in the middle.
    weights : {"frequency", "sampling"}, default="frequency"
        What a weight of 2 means: two rows, or a row that stands for two. The former adds a row's
        information, or product of scores, twice; the latter four times, as that of a row whose
        score is twice as large.
    groups : array-like of shape (n_samples,), default=None
        Labels of the groups, for ``covariance="cluster"``.
    reference : label, default=None
        The class that contrasts are against. None is sum-to-zero contrasts, of each class against
        the mean of all; of two classes it is one row, of the second against the first.
    features : list of names or indices, default=None
        The features to show, "intercept" being the intercept; None is all.
    classes : list of labels, default=None
        The classes whose contrasts to show; None is all.
    small_sample : bool, default=False
        Whether robust covariances are multiplied by :math:`n / (n - k)`, as HC1 is, and clustered
        ones by :math:`G / (G - 1) \cdot (n - 1) / (n - k)`, for k degrees of freedom and G
        groups; n is the sum of frequencies, or the number of rows that stand for others.

    Returns
    -------
    inference : Inference
        A record of arrays, without the data.

    Raises
    ------
    ValueError, TypeError
        For an l1 part, after early stopping, for data that the model is not the optimum of, and
        where columns are collinear or separate the classes without a penalty, whose names are
        told; for bad parameters and bad data as in ``fit``.

    References
    ----------
    .. [1] P. J. Huber (1967). The behavior of maximum likelihood estimates under nonstandard
       conditions. Proceedings of the Fifth Berkeley Symposium 1, 221-233.
    .. [2] H. White (1982). Maximum likelihood estimation of misspecified models. Econometrica 50,
       1-25.
    .. [3] K.-Y. Liang and S. L. Zeger (1986). Longitudinal data analysis using generalized linear
       models. Biometrika 73, 13-22.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sksoftmax import SoftmaxRegression, infer
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> X = X.iloc[:, :2].rename(columns=lambda name: name.removesuffix(" (cm)"))
    >>> model = SoftmaxRegression(C=10.0).fit(X, y)
    >>> inference = infer(model, X, y, reference=0, classes=[2])
    >>> print(inference.frame().round(2).to_string(index=False))
     class      feature   coef  std_error     z  p_value  lower  upper
         2 sepal length   8.55       1.49  5.72      0.0   5.62  11.48
         2  sepal width  -6.59       1.48 -4.45      0.0  -9.50  -3.69
         2    intercept -27.12       7.30 -3.71      0.0 -41.44 -12.81
    """
    kind = Kind(covariance, weights, groups, small_sample)
    kind.check()
    fitted = FittedModel(model)
    columns = chosen_columns(features, fitted.names, fitted.fit_intercept)
    Contrasts.of(fitted.classes_, 0, reference).of_classes(classes)  # raises, before the work
    with rebuild(fitted, X, y, sample_weight) as data:
        base = int(data.by_class.argmax()) if len(fitted.classes_) > 2 else 0
        contrasts = Contrasts.of(fitted.classes_, base, reference).of_classes(classes)
        basis = Basis(data.objective, base)
        if wide.is_wide(basis):
            found = _of_chosen(fitted, model, data, kind, basis, contrasts.matrix, columns)
        else:
            found = _of_all(fitted, model, data, kind, basis)
    return Inference(
        model=fitted, contrasts=contrasts, columns=columns, covariance=covariance,
        weights=weights, library=library_of(X), **found,
    )  # fmt: skip


@single_threaded_blas
@quiet
def _of_all(fitted, model, data, kind, basis):
    """The fields of an Inference that are made from the data, by a Hessian that is held."""
    names = data.names(fitted)
    optimum = refinement.to_optimum(basis, _theta(model, data), model.tol, names)
    degrees_of_freedom = float(np.einsum("ij,ji->", optimum.inverse, optimum.information))
    sums = HeldSums(basis, optimum.theta, optimum.information)
    covariance = middle(kind, data, sums, degrees_of_freedom)
    covariance = optimum.inverse @ covariance @ optimum.inverse
    shape = (basis.n_scores, len(data.kept))
    whole = Whole(*(data.whole(each.reshape(shape * 2), 1, 3)
                    for each in (covariance, optimum.inverse)))  # fmt: skip
    estimate = _estimate(data, basis, optimum.theta, whole=whole)
    mean, moments = margins.averages(basis, optimum.theta, estimate.n_classes, data.factors)
    if moments is not None:
        moments = moments._replace(third=data.whole(moments.third, 3))
        moments = margins.effects(estimate, moments, len(fitted.names))
    likelihood = _likelihood(fitted, data, optimum.theta, optimum.value, degrees_of_freedom)
    return {
        "estimate": estimate, "effects": moments, "mean": data.whole(mean, 0),
        "likelihood": likelihood,
    }  # fmt: skip


@single_threaded_blas
@quiet
def _of_chosen(fitted, model, data, kind, basis, matrix, columns):
    """The same of the coefficients that are shown alone, by conjugate gradients."""
    names, shown = data.names(fitted), [j for j in columns if j in data.kept]
    wide.check_choice(basis, len(matrix) * len(shown))
    theta, equations = wide.to_optimum(basis, _theta(model, data), model.tol, names)
    at = _estimate(data, basis, theta).at_zero[np.ix_(shown, data.kept)]
    contrasts = wide.contrasts_of_theta(basis, matrix, at)
    found = wide.directions(equations, contrasts, names)
    sums = wide.SumsAlong(basis, theta, found, wide.along(equations, found, contrasts))
    penalised = data.objective.penalty.strength.any()
    value, _ = basis.value_and_gradient(theta)
    degrees_of_freedom = np.nan if penalised else float(basis.n_scores * len(data.kept))
    covariance = np.zeros((len(matrix), len(columns)) * 2)
    indices = np.ix_(*(np.arange(len(matrix)), np.flatnonzero(np.isin(columns, shown))) * 2)
    size = (len(matrix), len(shown)) * 2
    covariance[indices] = middle(kind, data, sums, degrees_of_freedom).reshape(size)
    chosen = Chosen(columns, covariance.reshape(len(matrix) * len(columns), -1))
    return {
        "estimate": _estimate(data, basis, theta, chosen=chosen), "effects": None, "mean": None,
        "likelihood": _likelihood(fitted, data, theta, value, degrees_of_freedom),
    }  # fmt: skip


def _likelihood(fitted, data, theta, value, degrees_of_freedom):
    """The Likelihood at theta; ``value`` is that of the objective, times the sum of the weights."""
    objective = data.objective
    penalty, _ = objective.penalty.value_and_gradient(theta)
    return Likelihood(
        log_likelihood=objective.total_weight * penalty - value,
        log_likelihood_null=null_log_likelihood(data.by_class),
        n_rows=data.n_rows,
        weight_sum=objective.total_weight,
        degrees_of_freedom=degrees_of_freedom,
        n_classes=len(fitted.classes_),
        has_intercept=fitted.fit_intercept,
    )


def _theta(model, data):
    """The model's coefficients as the objective's theta, their mean over classes taken out."""
    score_map = data.objective.map
    coef, intercept = coefficients(model)
    coef = coef[:, data.kept[: data.n_features]]
    at_center = intercept if score_map.center is None else intercept + coef @ score_map.center
    return score_map.sum_to_zero(score_map.join(coef, at_center))


def _estimate(data, basis, theta, **matrices):
    """The Estimate at theta, for all columns, with matrices of `Whole` or `Chosen`."""
    coef = basis.vector(theta).reshape(basis.n_scores, -1)
    return Estimate(
        coef=data.whole(coef, 1),
        center=data.encoded.center if data.objective.map.has_intercept else None,
        base=basis.base,
        **matrices,
    )
