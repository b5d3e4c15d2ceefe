"""What of a fitted model inference needs, read from its public attributes and checked."""

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sksoftmax._data import targets, validation
from sksoftmax._data.checks import validate_data
from sksoftmax._problems import build

WANTED = "model must be a fitted SoftmaxRegression or SoftmaxRegressionCV"
# What to do about coefficients that an l1 part has selected.
AFTER_SELECTION = (
    "intervals would not account for the selection. Choose the features on some rows, fit them on "
    "others with l1_ratio=0, and infer from that fit"
)


class FittedModel:
    """The columns, classes and objective of a fitted model.

    kind : str, the name of the model's class
    classes_ : ndarray of shape (n_classes,)
    n_features_in_ : int
    names : ndarray of str of shape (n_features,)
    strength : ndarray of shape (n_features,)
        Of the ridge beside the sum of the losses, ``factor / C``; inf excludes a feature.
    C, l1_ratio, norm : of the penalty
    fit_intercept, class_weight, label_smoothing, n_jobs : as of the model

    Parameters
    ----------
    model : SoftmaxRegression or SoftmaxRegressionCV
    selects : bool, whether the penalty may have an l1 part, of which ``strength`` says nothing
    """

    def __init__(self, model, selects=False):
        check_kind(model)
        check_is_fitted(model, ("coef_", "intercept_", "classes_"))
        self.kind = type(model).__name__
        self.classes_ = np.asarray(model.classes_)
        self.fit_intercept = bool(model.fit_intercept)
        self.class_weight, self.n_jobs = model.class_weight, getattr(model, "n_jobs", None)
        self.label_smoothing = getattr(model, "label_smoothing", 0.0)
        self.n_features_in_ = model.coef_.shape[1]
        if hasattr(model, "feature_names_in_"):
            self.feature_names_in_ = np.asarray(model.feature_names_in_)
        self.names = getattr(self, "feature_names_in_", None)
        if self.names is None:
            self.names = np.array([f"x{j}" for j in range(self.n_features_in_)], dtype=object)
        self.C, self.l1_ratio, self.norm = penalty_of(model)
        if not selects:
            check_smooth(self.C, self.l1_ratio, self.norm)
        factors = build.check_factors(self.norm, self.n_features_in_)
        excluded = np.isinf(factors)
        self.strength = np.where(excluded, np.inf, np.where(excluded, 0, factors) / self.C)

    def as_estimator(self):
        """What scikit-learn's checks look at; they name it by its class, which is the model's."""
        estimator = type(self.kind, (BaseEstimator,), {})()
        estimator.n_features_in_, estimator.fit_intercept = self.n_features_in_, self.fit_intercept
        if hasattr(self, "feature_names_in_"):
            estimator.feature_names_in_ = self.feature_names_in_
        return estimator

    def check_columns(self, X):
        """Raise a ValueError unless X has the columns of the fit, as predictions do."""
        X = validation.without_rows(validation.unwrapped(X))
        X = X if hasattr(X, "shape") else np.asarray(X)
        validate_data(self.as_estimator(), X, reset=False, skip_check_array=True)

    def check_classes(self, found):
        """Raise a ValueError unless the classes of y are those of the model."""
        unknown = targets.missing_classes(found, self.classes_)
        if unknown:
            raise ValueError(
                f"y has the label {unknown[0]!r}, which is not among the model's classes_ "
                f"{self.classes_.tolist()}"
            )
        missing = targets.missing_classes(self.classes_, found)
        if missing:
            raise ValueError(
                f"y has no row of the class {missing[0]!r}: pass the rows that the model was "
                "fitted on"
            )

    def check_features(self, X):
        """X in memory as predictions take it, float, dense or CSR."""
        validation.check_in_memory("Inference", "pass its chunks, computed", X)
        return validation.check_features(self.as_estimator(), X, self.n_features_in_)


def check_kind(model):
    """Raise a TypeError for what is no softmax regression, a pipeline for one."""
    if isinstance(model, type):
        raise TypeError(f"{WANTED}, got the class {model.__name__}: fit an instance of it")
    if hasattr(model, "steps"):
        raise TypeError(
            f"{WANTED}, got a {type(model).__name__}: pass its last step, as model[-1], and X as "
            "that step has it, model[:-1].transform(X)"
        )
    if hasattr(model, "best_estimator_"):
        raise TypeError(f"{WANTED}, got a {type(model).__name__}: pass its best_estimator_")
    if not hasattr(model, "to_sklearn"):
        raise TypeError(
            f"{WANTED}, got {type(model).__name__}: fit one of them with the same parameters"
        )


def penalty_of(model):
    """C, l1_ratio and the Norm of a model, or a ValueError if its fit did not seek the optimum."""
    C, l1_ratio = getattr(model, "C_", None), getattr(model, "l1_ratio_", None)
    C = float(model.C if C is None else C)
    l1_ratio = float(model.l1_ratio if l1_ratio is None else l1_ratio)
    norm = build.check_penalty(model.penalty)
    if getattr(model, "early_stopping", False):
        raise ValueError(
            "early_stopping=True ends a fit before its optimum, and inference is about the "
            "optimum: fit with early_stopping=False and a penalty"
        )
    return C, l1_ratio, norm


def check_smooth(C, l1_ratio, norm):
    """Raise a ValueError for an l1 part."""
    if l1_ratio > 0 and np.isfinite(C):
        raise ValueError(
            f"the penalty {type(norm).__name__} has an l1 part, l1_ratio={l1_ratio:g}, which "
            f"selects features: {AFTER_SELECTION}"
        )


def coefficients(model):
    """``coef_`` (n_scores, n_features) and ``intercept_`` (n_scores,) in float64."""
    coef, intercept = model.coef_, model.intercept_
    coef = coef.toarray() if sp.issparse(coef) else np.asarray(coef)
    coef = coef.astype(np.float64)
    intercept = np.broadcast_to(np.asarray(intercept, dtype=np.float64), len(coef))
    if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
        raise ValueError("coef_ and intercept_ must be finite to infer from")
    return coef, intercept
