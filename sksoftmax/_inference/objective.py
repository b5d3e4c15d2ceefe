"""The objective that a fitted model minimises, rebuilt from the model and its data."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.utils import column_or_1d

from sksoftmax._data import dispatch, targets, validation, weights
from sksoftmax._objective.objective import Objective
from sksoftmax._objective.penalties import Ridge
from sksoftmax._objective.score_maps import LinearMap


class FittedData(NamedTuple):
    """Encoded data of a fitted model, of those columns that its penalty does not exclude.

    objective : Objective
    factors : ndarray of shape (n_classes,), the class weights; None if all are 1
    kept : ndarray of int, the columns that are not excluded, the intercept's being the last
    n_columns : int, all columns, the intercept's among them
    by_class : ndarray of shape (n_classes,), the summed weight of each class
    n_rows : int, of the rows with weight
    encoded : Encoded, to be closed
    rows_with_weight : function without arguments
        A mask, of shape (n_rows,), of the rows passed that the data are of.
    """

    objective: Objective
    factors: np.ndarray | None
    kept: np.ndarray
    n_columns: int
    by_class: np.ndarray
    n_rows: int
    encoded: validation.Encoded
    rows_with_weight: Callable

    @property
    def n_features(self):
        """The number of features that are not excluded."""
        return self.objective.map.n_features

    def names(self, fitted):
        """The names of the columns that are not excluded."""
        names = [*fitted.names.tolist(), "intercept"]
        return [names[column] for column in self.kept]

    def whole(self, array, *axes):
        """The array with zeros for the columns that a penalty excludes, along some axes."""
        return in_all_columns(array, self.kept, self.n_columns, axes)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """Release the rows, which Dask may hold."""
        self.encoded.rows.__exit__(*error)


def in_all_columns(array, kept, n_columns, axes):
    """The array with zeros for the columns that are not kept, along some axes."""
    if len(kept) == n_columns:
        return np.ascontiguousarray(array)
    result = np.zeros([n_columns if axis in axes else n for axis, n in enumerate(array.shape)])
    indices = (kept if axis in axes else np.arange(n) for axis, n in enumerate(result.shape))
    result[np.ix_(*indices)] = array
    return result


def rebuild(fitted, X, y, sample_weight):
    """The data of a FittedModel, checked as a fit checks them."""
    class_weight = _as_dict(fitted, X, y, sample_weight)
    data = encoded(fitted, X, y, sample_weight, class_weight, "infer")
    try:
        fitted.check_classes(data.all_classes)
        _check_weight_of_classes(data)
        factors = weights.class_factors(class_weight, data.all_classes, None)
        mask = partial(rows_with_weight, fitted, y, sample_weight)
        return _with_objective(fitted, data, factors, mask)
    except BaseException as error:
        data.rows.__exit__(type(error), error, error.__traceback__)
        raise


def encoded(fitted, X, y, sample_weight, class_weight, who):
    """Rows that a FittedModel was fitted on, as the fit encoded them.

    who : str, the function that takes them, for error messages
    """
    validation.check_given(y, who)
    fitted.check_columns(X)
    return dispatch.encode(
        fitted.as_estimator(), X, y, sample_weight, class_weight, fitted.n_jobs,
        label_smoothing=fitted.label_smoothing,
    )  # fmt: skip


def _as_dict(fitted, X, y, sample_weight):
    """Class weights as a dict: "balanced" ones are those of the weights without them."""
    if not isinstance(fitted.class_weight, str):
        return fitted.class_weight
    with encoded(fitted, X, y, sample_weight, None, "infer") as data:
        by_class = np.zeros(len(data.all_classes))
        by_class[data.present] = data.class_weight
        factors = weights.class_factors(fitted.class_weight, data.all_classes, by_class)
        return dict(zip(data.all_classes.tolist(), factors.tolist(), strict=True))


def _check_weight_of_classes(data):
    """Raise a ValueError for a class without weight, of which nothing can be inferred."""
    if not data.present.all():
        label = data.all_classes[~data.present].tolist()[0]
        raise ValueError(
            f"the class {label!r} has no weight: its coefficients are not determined. Leave its "
            "rows out, fit again, and infer from that fit"
        )


def _with_objective(fitted, data, factors, mask):
    """The FittedData of encoded rows, without the columns that the penalty excludes."""
    excluded = np.isinf(fitted.strength)
    score_map = LinearMap(
        data.n_scores, data.n_features, data.center if fitted.fit_intercept else None
    )
    strength = np.zeros((score_map.n_columns, score_map.n_scores))
    ridge = np.where(excluded, 0.0, fitted.strength) / data.total_weight
    strength[: data.n_features] = ridge[:, None]
    objective = Objective(
        rows=data.rows, map=score_map, penalty=Ridge(strength.ravel()),
        total_weight=data.total_weight, n_rows=data.n_rows, n_entries=data.n_entries,
        fits_single=data.fits_single,
    )  # fmt: skip
    columns = np.flatnonzero(~excluded)
    objective, _ = objective.restricted(columns, score_map.initial())
    kept = np.append(columns, data.n_features) if fitted.fit_intercept else columns
    n_columns = data.n_features + fitted.fit_intercept
    return FittedData(
        objective, factors, kept, n_columns, data.class_weight, data.n_rows, data, mask
    )


def rows_with_weight(fitted, y, sample_weight):
    """A mask, of shape (n_rows,), of the rows passed that have weight."""
    y, sample_weight = map(validation.unwrapped, (y, sample_weight))
    names, y, soft = targets.read(validation.in_memory(y))
    y = y if soft else column_or_1d(y)
    kept = np.ones(len(y), dtype=bool)
    if sample_weight is not None:
        kept = weights.check_weight(validation.in_memory(sample_weight), kept) > 0
    zero = weights.without_class_weight(fitted.class_weight, fitted.classes_)
    if zero is not None:
        _, target = targets.encode(y, names, None, 0.0, np.float64)
        kept &= targets.rows_with_weight(target, zero)
    return kept


def frequencies(block, factors):
    """The weights of a block's rows before class weights, of shape (n_rows,).

    A class weight multiplies the loss of a row; a row of twice the frequency is two rows. Targets
    that are distributions were multiplied by the factors and divided by their sum, which went
    into the weight.
    """
    if factors is None:
        return block.weight
    if block.target.ndim == 1:
        return block.weight / factors[block.target]
    inverse = np.divide(1, factors, out=np.zeros_like(factors), where=factors > 0)
    return block.weight * (inverse @ block.target)
