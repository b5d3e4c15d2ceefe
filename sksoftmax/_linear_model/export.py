"""A fitted model as scikit-learn's own."""

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from sksoftmax._linear_model import coefficients
from sksoftmax._objective.penalties import ElasticNet
from sksoftmax._problems import build


def as_logistic_regression(model):
    """A LogisticRegression with the coefficients of a model, and its parameters if it has them."""
    coef, intercept = coefficients.as_they_are(model)
    coef = coef.toarray() if sp.issparse(coef) else coef.copy()
    l1_ratio = getattr(model, "l1_ratio_", getattr(model, "l1_ratio", 0.0))
    own = LogisticRegression(
        C=getattr(model, "C_", getattr(model, "C", 1.0)),
        fit_intercept=model.fit_intercept,
        class_weight=model.class_weight,
    )
    if l1_ratio > 0:
        own.set_params(l1_ratio=l1_ratio, solver="saga")
    foreign = _foreign(model, l1_ratio, len(coef))
    if foreign:
        # No solver of scikit-learn's minimises that: to refit it is an error that says why.
        own.set_params(solver=f"none, for it was fitted by sksoftmax with {foreign}")
    n_classes = max(2, len(coef))
    own.classes_ = coefficients.labels(model, np.arange(n_classes), len(coef))
    own.coef_, own.intercept_, own.n_features_in_ = coef, intercept.copy(), coef.shape[1]
    if hasattr(model, "feature_names_in_"):
        own.feature_names_in_ = model.feature_names_in_.copy()
    if hasattr(model, "n_iter_"):
        own.n_iter_ = np.array([np.max(model.n_iter_)], dtype=np.int32)
    return own


def _foreign(model, l1_ratio, n_scores):
    """The parameters of an objective that LogisticRegression does not have, in words."""
    norm = build.check_penalty(model.penalty)
    by_feature = norm.penalty_factor is not None
    groups = l1_ratio > 0 and n_scores > 1 and not isinstance(norm, ElasticNet)
    found = [f"penalty={model.penalty!r}"] if by_feature or groups else []
    smoothing = getattr(model, "label_smoothing", 0.0)
    return " and ".join(found + ([f"label_smoothing={smoothing!r}"] if smoothing else []))
