"""The coefficients of a model, whether a fit has found them or a user has set them."""

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted


def as_they_are(model):
    """``coef_`` and ``intercept_``, in shapes that belong together.

    Raises
    ------
    NotFittedError, ValueError
        If they are not there, or are no matrix with an intercept for each row.
    """
    try:
        coef, intercept = model.coef_, model.intercept_
    except AttributeError:
        check_is_fitted(model, ("coef_", "intercept_"))
        raise
    floats = type(coef) is np.ndarray is type(intercept) and coef.dtype.kind == "f"
    if floats and coef.ndim == 2 and coef.shape[:1] == intercept.shape:
        return coef, intercept
    return _checked(coef, intercept)


def _checked(coef, intercept):
    """``coef_`` and ``intercept_`` that are no floating arrays of fitting shapes, made so."""
    try:
        if sp.issparse(coef):
            coef = coef.tocsr()
        else:
            coef = np.asarray(coef)
            coef = coef if coef.dtype.kind == "f" else coef.astype(np.float64)
        intercept = np.asarray(intercept)
        intercept = intercept if intercept.dtype.kind == "f" else intercept.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"coef_ and intercept_ must be numbers: {error}") from None
    n_scores = coef.shape[0] if coef.ndim == 2 else 0
    if n_scores == 0 or intercept.shape not in ((), (1,), (n_scores,)):
        raise ValueError(
            "coef_ must have the shape (n_classes, n_features), or (1, n_features) for two "
            f"classes, and intercept_ a number for each of its rows; they have {coef.shape} and "
            f"{intercept.shape}"
        )
    return coef, np.broadcast_to(intercept, (n_scores,))


def dense(model, classes, n_features):
    """``coef_`` (n_scores, n_features) and ``intercept_`` in float64, to go on from.

    classes, n_features : of the data that a fit goes on with

    Raises
    ------
    NotFittedError, ValueError
        If they are not coefficients of these classes and features, or not finite.
    """
    coef, intercept = as_they_are(model)
    n_scores = 1 if len(classes) == 2 else len(classes)
    if coef.shape != (n_scores, n_features):
        raise ValueError(
            f"coef_ has the shape {coef.shape}, and {(n_scores, n_features)} is that of "
            f"{len(classes)} classes and {n_features} features"
        )
    coef = (coef.toarray() if sp.issparse(coef) else coef).astype(np.float64)
    intercept = intercept.astype(np.float64)
    if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
        raise ValueError("coef_ and intercept_ must be finite to go on from")
    return coef, intercept


def labels(model, index, n_scores):
    """The labels of indices of classes."""
    try:
        classes = np.asarray(model.classes_)
    except AttributeError:
        check_is_fitted(model, "classes_")
        raise
    if classes.shape != (max(2, n_scores),):
        raise ValueError(
            f"classes_ must be {max(2, n_scores)} labels, as coef_ has {n_scores} rows; its shape "
            f"is {classes.shape}"
        )
    return classes[index]


def sorted_classes(model):
    """``classes_`` to go on from; None where a model has none."""
    if not hasattr(model, "classes_"):
        return None
    classes = np.asarray(model.classes_)
    if not np.array_equal(np.unique(classes), classes):
        raise ValueError(
            f"classes_ must be sorted to go on from, as fit leaves them, got {classes}: sort them, "
            "and the rows of coef_ and intercept_ with them"
        )
    return classes
