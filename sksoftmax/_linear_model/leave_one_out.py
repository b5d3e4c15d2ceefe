"""Approximate leave-one-out as the one fold of a path: its scores, and what it can't do."""

import numpy as np

from sksoftmax._data.targets import encode_labels
from sksoftmax._inference.free_parameters import check_number
from sksoftmax._inference.held_out import log_proba_of
from sksoftmax._inference.leave_one_out import LEAST_LOG
from sksoftmax._linear_model.cross_validation import FoldResult, filled, in_all_classes, of_each
from sksoftmax._linear_model.prediction import own_log_probabilities
from sksoftmax._linear_model.scoring import LOG_LOSS
from sksoftmax._objective.row_selection import rows_at

LEAVE_ONE_OUT = "loo"


def is_asked(cv):
    """Whether cv stands for leave-one-out."""
    return isinstance(cv, str) and cv == LEAVE_ONE_OUT


def check(scoring, groups):
    """Raise a ValueError for what leave-one-out, from the fits of all rows, can't do."""
    if not (isinstance(scoring, str) and scoring == LOG_LOSS):
        raise ValueError(
            f"cv={LEAVE_ONE_OUT!r} knows the log loss of each row and nothing else: write "
            f"scoring={LOG_LOSS!r}, the default, or fit the folds of "
            f"cv=sklearn.model_selection.LeaveOneOut(); got scoring={scoring!r}"
        )
    if groups is not None:
        raise ValueError(
            f"cv={LEAVE_ONE_OUT!r} leaves single rows out, and groups have no effect: write "
            "cv=sklearn.model_selection.LeaveOneGroupOut(), or pass no groups"
        )


def check_size(data, l1_ratios, fit_intercept):
    """Raise a ValueError for a ridge on too many coefficients, before any is fitted."""
    if len(data.classes) < 2:
        raise ValueError(
            "cv must leave rows of at least 2 classes with positive weight to fit; all weight is "
            f"of the class {data.classes.tolist()[0]!r}"
        )
    n_columns = min(data.n_features, data.n_rows) + fit_intercept
    if (np.asarray(l1_ratios) == 0).any():
        check_number(max(1, data.n_scores - 1) * n_columns, (n_columns, data.n_scores))


def result_of(task, data, fits):
    """The FoldResult of the fits of all rows, (n_l1_ratios, n_Cs)."""
    shape = len(fits), len(task.Cs)
    scores, errors = np.empty(shape), np.empty(shape)
    losses_at = _losses(task, data)
    for index in np.ndindex(shape):
        ratio, position = index
        fit = fits[ratio][position]
        scores[index], errors[index] = _mean_and_error(
            *losses_at(fit, float(task.Cs[position]), float(task.l1_ratios[ratio]))
        )
    coefs = of_each(fits, lambda fit: in_all_classes(fit, data.classes, task.classes))
    n_iter = of_each(fits, lambda fit: fit.n_iter)
    # Fits that have not converged are counted among those of all rows.
    return FoldResult(-scores, coefs, n_iter, np.ones(shape, dtype=bool), errors)


def _losses(task, data):
    """A function of a fit, its C and l1_ratio: losses of the rows with weight, and the weights."""
    weighted = np.flatnonzero(task.weight > 0)
    fitted = np.isin(task.y[weighted], data.classes)
    rest = weighted[~fitted]
    target = encode_labels(task.y)[1][rest]
    weight = np.concatenate([task.weight[weighted[fitted]], task.weight[rest]])
    settings = task.settings

    def losses_at(fit, C, l1_ratio):
        log_proba, *_ = log_proba_of(
            data, fit.coef, fit.intercept, C=C, l1_ratio=l1_ratio, norm=settings.norm,
            fit_intercept=settings.fit_intercept,
        )  # fmt: skip
        if len(rest):
            model = filled(in_all_classes(fit, data.classes, task.classes)[None])
            own = own_log_probabilities(rows_at(task.X, rest), target, *model)[0]
            log_proba = np.concatenate([log_proba, np.maximum(own, LEAST_LOG)])
        return -log_proba, weight

    return losses_at


def _mean_and_error(losses, weight):
    """The weighted mean, and its standard error; a weight of 2 is the row twice."""
    mean, total = np.average(losses, weights=weight), weight.sum()
    variance = np.average((losses - mean) ** 2, weights=weight)
    # Of less than two rows the variance is not known.
    return mean, np.sqrt(variance / (total - 1)) if total > 1 else np.inf
