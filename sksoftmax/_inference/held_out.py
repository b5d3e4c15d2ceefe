"""`approximate_leave_one_out`: the log loss of each row by the fit without it, nearly."""

from typing import Any

import numpy as np
from sklearn.utils import column_or_1d

from sksoftmax._certificates.separability import has_no_optimum
from sksoftmax._data import targets, validation
from sksoftmax._inference.fitted_model import FittedModel, coefficients
from sksoftmax._inference.leave_one_out import LEAST_LOG, held_out_log_proba
from sksoftmax._inference.objective import encoded, rows_with_weight
from sksoftmax._inference.refinement import LEAST_TOL, decrease_allowed, not_at_optimum
from sksoftmax._problems import build
from sksoftmax._problems.class_rows import restricted
from sksoftmax._problems.row_space import reduce_columns
from sksoftmax._runtime.blas import single_threaded_blas
from sksoftmax._runtime.public import public
from sksoftmax._runtime.types import DataLike, Floats

# The least tol of coefficients in single precision, whose rounding moves the objective as much.
LEAST_TOL_OF_SINGLE = 1e-6


@public("sksoftmax")
def approximate_leave_one_out(
    model: Any, X: DataLike, y: DataLike, *, sample_weight: DataLike | None = None
) -> Floats:
    r"""Approximate the log loss of each row by the fit without it, in the time of a few fits.

    The fit without a row is taken to be one Newton step from that of all rows, with the Hessian of
    all rows less the row's own [1]_ [2]_:

    .. math::
        \tilde z_i = z_i + A_i (I - W_i A_i)^{-1} w_i (p_i - t_i), \qquad
        A_i = X_i H^{-1} X_i', \quad W_i = w_i (\mathrm{diag}(p_i) - p_i p_i'),

    with the scores :math:`z_i = X_i \beta`, probabilities :math:`p_i` and target :math:`t_i` of a
    row, and the Hessian H of the objective, the intercepts among its parameters. Under an l1 part
    coefficients that are zero stay zero in that step [2]_ [3]_. The fits without the rows whose
    scores move farthest go on from there, for about as much work as the Hessian takes; in these
    coefficients may leave zero.

    Parameters
    ----------
    model : SoftmaxRegression or SoftmaxRegressionCV
        Fitted, with at most 2,000 coefficients that are not zero, those of one class not counted
        where the penalty is smooth.
    X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)
        The rows that the model was fitted on.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Their labels, or soft targets.
    sample_weight : array-like of shape (n_samples,), default=None
        As in ``fit``. A row is left out with all its weight.

    Returns
    -------
    losses : ndarray of shape (n_samples,)
        Minus the log probability of each row's label, or the cross-entropy to its soft target,
        without weights, without smoothing, finite and not negative. No log probability is taken to
        be below -36.04, the log of the rounding unit, as in scikit-learn's ``log_loss``. That is
        the loss of a row whose class has no other row with weight, where there is an intercept.
        The loss of a row without weight is that of the model, which has not seen it.

    Raises
    ------
    ValueError, TypeError
        For too many coefficients, data that the model is not the optimum of, and bad data as in
        ``fit``.

    See Also
    --------
    sksoftmax.SoftmaxRegressionCV : Chooses the penalty by these losses with ``cv="loo"``.

    Notes
    -----
    Memory is that of two matrices of as many rows and columns as there are coefficients, and of
    blocks of rows. ``class_weight="balanced"`` weighs by the classes' frequencies among all rows.

    References
    ----------
    .. [1] A. Beirami, M. Razaviyayn, S. Shahrampour and V. Tarokh (2017). On optimal
       generalizability in parametric learning. Advances in Neural Information Processing Systems
       30.
    .. [2] K. R. Rad and A. Maleki (2020). A scalable estimate of the out-of-sample prediction error
       via approximate leave-one-out cross-validation. Journal of the Royal Statistical Society B
       82, 965-996.
    .. [3] T. Obuchi and Y. Kabashima (2018). Accelerating cross-validation in multinomial logistic
       regression with l1-regularization. Journal of Machine Learning Research 19(52).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksoftmax import SoftmaxRegression, approximate_leave_one_out
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxRegression().fit(X, y)
    >>> losses = approximate_leave_one_out(model, X, y)
    >>> print(f"{losses.mean():.3f}")
    0.130
    """
    fitted = FittedModel(model, selects=True)
    who = "approximate_leave_one_out"
    with encoded(fitted, X, y, sample_weight, fitted.class_weight, who) as data:
        fitted.check_classes(data.all_classes)
        log_proba = _of_model(fitted, model, data)
        present = data.present
    kept = rows_with_weight(fitted, y, sample_weight)
    target = labels_or_shares(y)
    losses = np.empty(len(kept))
    losses[kept] = losses_of(log_proba, target[..., kept], present)
    if not kept.all():
        logs = np.asarray(validation.in_memory(model.predict_log_proba(X)), dtype=np.float64)
        logs = np.maximum(logs[~kept], LEAST_LOG)
        losses[~kept] = losses_of(logs, target[..., ~kept], np.ones(len(present), dtype=bool))
    return losses


@single_threaded_blas
def _of_model(fitted, model, data):
    """What `held_out_log_proba` says of the rows with weight."""
    if len(data.classes) == 1:  # it is certain as long as a row is left
        return np.full(data.n_rows, 0.0 if data.n_rows > 1 else LEAST_LOG)
    coef, intercept = restricted(*coefficients(model), data.present)
    log_proba, expected, problem, theta = log_proba_of(
        data, coef, intercept, C=fitted.C, l1_ratio=fitted.l1_ratio, norm=fitted.norm,
        fit_intercept=fitted.fit_intercept,
    )  # fmt: skip
    least = LEAST_TOL_OF_SINGLE if model.coef_.dtype == np.float32 else LEAST_TOL
    if expected <= decrease_allowed(model.tol, least):
        return log_proba
    if has_no_optimum(*problem.free_part(theta), converged=False):
        raise ValueError(
            "the classes are separable, at least in part, and no penalty holds the coefficients: "
            "the fit has no optimum to leave rows out of. Give C a finite value"
        )
    raise not_at_optimum(expected)


def log_proba_of(data, coef, intercept, *, C, l1_ratio, norm, fit_intercept):
    """`held_out_log_proba` of encoded rows at a fit, with its problem and theta.

    coef, intercept : of the classes of the data, for the columns of X
    """
    alike = build.treats_columns_alike(l1_ratio, norm, "auto")
    data, columns = reduce_columns(data, alike, penalised=np.isfinite(C))
    problem = build.make_problem(
        data, C=C, l1_ratio=l1_ratio, norm=norm, fit_intercept=fit_intercept, solver="auto"
    )  # fmt: skip
    coef = columns.restrict(coef)
    theta = problem.map.join(coef, intercept + coef @ data.center)
    return *held_out_log_proba(problem, theta, data.class_weight), problem, theta


def labels_or_shares(y):
    """Class indices of all rows, (n_rows,), or their distributions, (n_classes, n_rows)."""
    names, y, soft = targets.read(validation.in_memory(validation.unwrapped(y)))
    return targets.encode(y if soft else column_or_1d(y), names, None, 0.0, np.float64)[1]


def losses_of(log_proba, target, present):
    """The log loss of each row.

    log_proba : of the labels (n_rows,), or of the classes present (n_rows, n_present)
    target : as of `labels_or_shares`
    """
    if log_proba.ndim == 1:
        return 0.0 - log_proba
    logs = np.full((len(log_proba), len(present)), LEAST_LOG)
    logs[:, present] = log_proba
    if target.ndim == 1:
        return -logs[np.arange(len(logs)), target]
    return -np.einsum("kn,nk->n", target, logs)
