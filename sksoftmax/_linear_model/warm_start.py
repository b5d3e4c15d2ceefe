"""Where a fit of SoftmaxRegression begins."""

import numpy as np

from sksoftmax._linear_model import coefficients
from sksoftmax._problems import build
from sksoftmax._problems.class_rows import restricted


def theta(model, data, columns, problem):
    """The last fit's theta where ``warm_start`` asks for it, unless none of the columns is better.

    columns : how the columns of the fit are those of X, as by ``row_space.reduce_columns``
    """
    initial = build.initial(data, problem.map)
    if not (model.warm_start and hasattr(model, "coef_")):
        return initial
    last = _last(model, data, columns, problem.map)
    value = problem.value_and_gradient(last)[0]
    return last if value <= build.initial_value(data, problem.map) else initial


def _last(model, data, columns, score_map):
    """Theta at the coefficients of the last fit, or at those set since."""
    classes = data.all_classes
    if not np.array_equal(getattr(model, "classes_", classes), classes):
        raise ValueError(
            f"warm_start needs the classes of the last fit, {model.classes_}; y has {classes}: "
            "for other classes fit a clone, or set warm_start=False"
        )
    coef, intercept = coefficients.dense(model, classes, model.n_features_in_)
    coef, intercept = restricted(coef, intercept, data.present)
    if len(data.classes) == 1:
        return score_map.initial()
    # A shift that all classes share changes no probability, only the penalty, and is taken out.
    # Not under an l1 part: which coefficients are zero depends on it.
    shift = len(coef) > 1 and model.l1_ratio == 0
    coef = coef - coef.mean(axis=0) if shift else coef
    coef = columns.restrict(coef).astype(np.float64)
    return score_map.join(coef, intercept + coef @ data.center)
