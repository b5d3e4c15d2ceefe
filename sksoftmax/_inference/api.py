"""The function that infers."""

from functools import partial
from typing import NamedTuple

import numpy as np

from sksoftmax._data import parameter_checks
from sksoftmax._inference import margins
from sksoftmax._inference.contrasts import Contrasts, chosen_columns
from sksoftmax._inference.estimate import Estimate, class_major, with_excluded
from sksoftmax._inference.fitted_model import FittedModel, coefficients
from sksoftmax._inference.frames import library_of
from sksoftmax._inference.groups import encode_groups
from sksoftmax._inference.inference import Inference
from sksoftmax._inference.information import (
    Basis,
    as_it_counts,
    information,
    products_of_groups,
    products_of_scores,
    squared_weights,
)
from sksoftmax._inference.likelihood import Likelihood, null_log_likelihood
from sksoftmax._inference.objective import frequencies, rebuild, rows_with_weight
from sksoftmax._inference.refinement import to_optimum
from sksoftmax._runtime.blas import single_threaded_blas
from sksoftmax._runtime.quiet import quiet

COVARIANCES = ("information", "robust", "cluster")
WEIGHTS = ("frequency", "sampling")


def infer(
    model, X, y, *, sample_weight=None, covariance="information", weights="frequency",
    groups=None, reference=None, features=None, classes=None, small_sample=False,
):  # fmt: skip
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
    _check_options(covariance, weights, groups, small_sample)
    fitted = FittedModel(model)
    columns = chosen_columns(features, fitted.names, fitted.fit_intercept)
    Contrasts.of(fitted.classes_, 0, reference).of_classes(classes)  # or an error, before the work
    kind = Kind(covariance, weights, groups, bool(small_sample))
    with rebuild(fitted, X, y, sample_weight) as data:
        found = _at_optimum(fitted, model, data, kind, (y, sample_weight))
    contrasts = Contrasts.of(fitted.classes_, found["estimate"].base, reference)
    return Inference(
        model=fitted, contrasts=contrasts.of_classes(classes), columns=columns,
        covariance=covariance, weights=weights, library=library_of(X), **found,
    )  # fmt: skip


class Kind(NamedTuple):
    """What covariance is asked for, as passed to `infer`."""

    covariance: str
    weights: str
    groups: object
    small_sample: bool


def _check_options(covariance, weights, groups, small_sample):
    for name, value, known in (
        ("covariance", covariance, COVARIANCES), ("weights", weights, WEIGHTS)
    ):  # fmt: skip
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"{name} must be one of {list(known)}, got {value!r}")
    parameter_checks.check_flag("small_sample", small_sample)
    if (groups is None) != (covariance != "cluster"):
        raise ValueError(
            "covariance='cluster' needs groups=, the label of each row's group"
            if groups is None
            else f"groups= has no effect under covariance={covariance!r}: write 'cluster'"
        )
    if small_sample and covariance == "information":
        raise ValueError(
            "small_sample=True has no effect under covariance='information': write 'robust', or "
            "'cluster'"
        )


@single_threaded_blas
@quiet
def _at_optimum(fitted, model, data, kind, labels):
    """The fields of an Inference that are made from the data.

    labels : y and sample_weight as passed
    """
    objective, n_classes = data.objective, len(fitted.classes_)
    base = int(data.by_class.argmax()) if n_classes > 2 else 0
    names = [*fitted.names[data.columns].tolist(), "intercept"][: objective.map.n_columns]
    basis = Basis(objective, base)
    optimum = to_optimum(basis, _theta(model, data), model.tol, names)
    degrees_of_freedom = float(np.einsum("ij,ji->", optimum.inverse, optimum.information))
    middle = _middle(fitted, data, optimum, kind, labels, degrees_of_freedom)
    estimate = _estimate(fitted, data, optimum, optimum.inverse @ middle @ optimum.inverse)
    value, _ = objective.value_and_gradient(optimum.theta)
    penalty, _ = objective.penalty.value_and_gradient(optimum.theta)
    whole = partial(with_excluded, kept=_kept(fitted, data), n_columns=estimate.n_columns)
    moments = margins.averages(data, optimum.theta, n_classes)
    if moments is not None:
        moments = moments._replace(third=whole(moments.third, axes=(3,)))
        moments = margins.effects(estimate, moments, len(fitted.names))
    return {
        "estimate": estimate,
        "effects": moments,
        "mean": whole(margins.mean_row(data), axes=(0,)),
        "likelihood": Likelihood(
            log_likelihood=-(value - penalty) * objective.total_weight,
            log_likelihood_null=null_log_likelihood(data.by_class),
            n_rows=data.n_rows,
            weight_sum=objective.total_weight,
            degrees_of_freedom=degrees_of_freedom,
            n_classes=n_classes,
            has_intercept=fitted.fit_intercept,
        ),
    }


def _theta(model, data):
    """The model's coefficients as the objective's theta, their mean over classes taken out."""
    score_map = data.objective.map
    coef, intercept = coefficients(model)
    coef = coef[:, data.columns]
    at_center = intercept if score_map.center is None else intercept + coef @ score_map.center
    return score_map.sum_to_zero(score_map.join(coef, at_center))


def _kept(fitted, data):
    """Columns that the penalty does not exclude, the intercept's among them."""
    return np.append(data.columns, len(fitted.names)) if fitted.fit_intercept else data.columns


def _middle(fitted, data, optimum, kind, labels, degrees_of_freedom):
    """What stands between the inverses of the Hessian in the covariance."""
    basis, theta = optimum.basis, optimum.theta
    if kind.covariance == "information":
        sampling = kind.weights == "sampling"
        return information(basis, theta, squared_weights) if sampling else optimum.information
    if kind.weights == "sampling":
        n_rows = data.n_rows
    else:
        n_rows = data.objective.rows.sum(lambda block: _sum_of_frequencies(block, data.factors))
    factor = 1.0
    if kind.covariance == "robust":
        matrix = products_of_scores(basis, theta, as_it_counts(kind.weights, data.factors))
    else:
        kept = rows_with_weight(fitted, *labels, _length(labels[0]))
        groups, n_groups = encode_groups(kind.groups, kept, data.objective.rows)
        matrix = products_of_groups(basis, theta, groups, n_groups)
        factor = n_groups / (n_groups - 1) * (n_rows - 1) / n_rows
    if not kind.small_sample:
        return matrix
    _check_residual_rows(n_rows, degrees_of_freedom)
    return matrix * factor * n_rows / (n_rows - degrees_of_freedom)


def _sum_of_frequencies(block, factors):
    return float(frequencies(block, factors).sum(dtype=np.float64))


def _length(y):
    return y.shape[0] if hasattr(y, "shape") else len(y)


def _check_residual_rows(n_rows, degrees_of_freedom):
    if n_rows <= degrees_of_freedom:
        raise ValueError(
            f"small_sample=True divides by rows less degrees of freedom, {n_rows:g} less "
            f"{degrees_of_freedom:.6g}: more rows are needed"
        )


def _estimate(fitted, data, optimum, covariance):
    n_scores = optimum.basis.n_scores
    n_columns = len(fitted.names) + fitted.fit_intercept
    whole = partial(with_excluded, kept=_kept(fitted, data), n_columns=n_columns)
    return Estimate(
        coef=whole(optimum.vector.reshape(-1, n_scores).T, axes=(1,)),
        covariance=whole(class_major(covariance, n_scores), axes=(1, 3)),
        inverse=whole(class_major(optimum.inverse, n_scores), axes=(1, 3)),
        center=data.encoded.center if fitted.fit_intercept else None,
        base=optimum.basis.base,
    )
