"""What users pass to learn a calibration from, checked: columns, labels, weights and floors."""

import math
import numbers
import warnings

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from sksoftmax._data import parameter_checks, targets, validation
from sksoftmax._data.checks import check_array
from sksoftmax._functions.arrays import as_numpy
from sksoftmax._functions.checks import sum_to_one, sum_tolerance


def check_option(name, value, options):
    if not (value is None or isinstance(value, str)) or value not in options:
        listed = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of: {listed}. Got {value!r}.")


def checked_temperature(temperature):
    if isinstance(temperature, bool) or not isinstance(temperature, numbers.Real):
        raise TypeError(f"temperature must be a real number. Got {temperature!r}.")
    parameter_checks.check_is_float("temperature", temperature)
    if not (temperature > 0 and math.isfinite(temperature)):
        raise ValueError(f"temperature must be positive and finite. Got {temperature!r}.")
    return float(temperature)


def check_floor(floor, input):
    """A share of probability for all classes to share, "auto" or None."""
    if floor is None:
        return
    if input != "probabilities":
        raise ValueError(f'floor={floor!r} has no meaning for scores: set input="probabilities".')
    if floor == "auto":
        return
    if isinstance(floor, (bool, str)) or not isinstance(floor, numbers.Real):
        raise TypeError(f'floor must be None, "auto" or a number. Got {floor!r}.')
    if not 0 <= floor < 1:
        raise ValueError(f"floor must be at least 0 and below 1. Got {floor!r}.")


def check_columns(X, input, name, fewest=1):
    """Scores or probabilities as an array, checked.

    name : of the estimator
    fewest : rows
    """
    array = check_array(
        as_numpy(X), dtype=validation.FLOATS, estimator=name, input_name="X",
        ensure_min_samples=fewest,
    )  # fmt: skip
    if input == "probabilities":
        check_probabilities(array, X)
    return array


def check_probabilities(array, values, name="X"):
    """Refuse rows that are not probabilities; a single column is that of the second class.

    values : what the array was made of, whose dtypes tell how they were rounded
    """
    refuse_rows((array < 0).any(axis=1), array, "has a negative probability", name)
    if array.shape[1] == 1:
        refuse_rows(array[:, 0] > 1, array, "has a probability above 1", name)
        return
    dtypes = values.dtypes if hasattr(values, "columns") else [getattr(values, "dtype", None)]
    tolerance = sum_tolerance(array.shape[1], *dtypes)
    fair = sum_to_one(array, array.sum(axis=1, dtype=np.float64), tolerance)
    refuse_rows(~fair, array, f"does not sum to 1 within {tolerance:g}", name)


def check_n_classes(probabilities, n_classes):
    n_columns = probabilities.shape[1]
    if n_columns != n_classes:
        raise ValueError(f"X has {n_columns} columns, and there are {n_classes} classes.")


def check_positive(probabilities):
    zeros = (probabilities == 0).any(axis=1)
    refuse_rows(zeros, probabilities, "has a probability of 0, whose score is minus infinity")


def refuse_rows(refused, array, complaint, name="X"):
    """Raise a ValueError about the first row that is refused, if there is one."""
    if refused.any():
        row = int(refused.argmax())
        shown = np.array2string(array[row], threshold=8)
        raise ValueError(f"Row {row} of {name} {complaint}: {shown}.")


def check_labels(y, X, estimator):
    """Labels as a one-dimensional array, as many as X has rows.

    An estimator warns of a column of labels, and a metric takes it, as scikit-learn's do.
    """
    validation.check_given(y, "A metric" if estimator is None else type(estimator).__name__)
    y = column_or_1d(y, warn=estimator is not None)
    if y.dtype.kind == "f":
        check_array(y, ensure_2d=False, input_name="y")
    check_classification_targets(y)
    check_consistent_length(X, y)
    return y


def check_weight(sample_weight, X):
    """Weights in float64; ones where there are none."""
    if sample_weight is None:
        return np.ones(X.shape[0])
    return validation.check_weight(sample_weight, X).astype(np.float64)


def match_classes(y, n_columns, classes=None):
    """The class of each column, and each label's column.

    Raises
    ------
    ValueError
        That names classes and columns, if they do not match.
    """
    if classes is not None:
        return given_classes(y, n_columns, np.asarray(classes))
    found, labels = targets.encode_labels(y)
    if len(found) == n_columns:
        return found, labels.astype(np.intp)
    if len(found) < n_columns and _are_column_numbers(found, n_columns):
        warnings.warn(
            f"y has {len(found)} classes, {listed(found)}, and the scores have {n_columns} "
            "columns: the labels are read as numbers of columns, from 0. Say classes= to name the "
            "class of each column.",
            stacklevel=5,
        )
        return np.arange(n_columns), y.astype(np.intp)
    raise ValueError(
        f"y has {len(found)} classes, {listed(found)}, and the scores have {n_columns} columns: "
        "say classes= to name the class of each column."
    )


def given_classes(y, n_columns, classes):
    """The classes, which must be one a column, and each label's column."""
    check_distinct(classes)
    if len(classes) != n_columns:
        raise ValueError(
            f"classes names {len(classes)} classes, {listed(classes)}, and the scores have "
            f"{n_columns} columns."
        )
    return classes, class_indices(y, classes)


def check_distinct(classes):
    """Refuse what is no list of different labels."""
    if classes.ndim != 1 or len(set(classes.tolist())) != len(classes):
        raise ValueError(f"classes must be a list of different labels. Got {classes!r}.")


def class_indices(y, classes):
    """The index of each label among the classes, which may be in any order.

    Raises
    ------
    ValueError
        That names the labels which are no classes.
    """
    if len(y) == 0:
        return np.zeros(0, dtype=np.intp)
    found, labels = targets.encode_labels(y)
    places = {label: place for place, label in enumerate(classes.tolist())}
    unknown = [label for label in found.tolist() if label not in places]
    if unknown:
        raise ValueError(
            f"y has labels {listed(unknown)} that are not among the classes {listed(classes)}"
            f"{_unlike(unknown, places)}."
        )
    return np.array([places[label] for label in found.tolist()], dtype=np.intp)[labels]


def _unlike(labels, classes):
    """A clause for labels that would be classes if they were of their type."""
    if not {str(label) for label in labels} <= {str(label) for label in classes}:
        return ""
    kinds = [type(next(iter(some))).__name__ for some in (labels, classes)]
    return f": the labels are of type {kinds[0]}, and the classes of type {kinds[1]}"


def column_order(X, classes):
    """The column of each class, of a frame whose columns are named by class; else None.

    A frame in which no column has the name of a class, or whose columns are numbered from 0, is
    read by position. Names are compared as text where none is equal, since some libraries know
    no other.

    Raises
    ------
    ValueError
        If some columns are named by class and others are not.
    """
    names = targets.column_names(X)
    if names is None or names.ndim != 1:
        return None
    names, labels = names.tolist(), classes.tolist()
    if [str(name) for name in names] == [str(number) for number in range(len(names))]:
        return None
    if not set(names) & set(labels):
        names, labels = [str(name) for name in names], [str(label) for label in labels]
    if len(names) == 1 and len(labels) == 2:  # a single column is that of the second class
        labels = labels if names[0] == labels[0] else labels[1:]
    if not set(names) & set(labels):
        return None
    if sorted(map(str, names)) != sorted(map(str, labels)):
        raise ValueError(
            f"The columns are named {listed(names)}, and the classes are {listed(classes)}: name "
            "each column by its class, or none of them."
        )
    return np.array([names.index(label) for label in labels])


def _are_column_numbers(found, n_columns):
    if found.dtype.kind not in "iuf":
        return False
    return bool(((found >= 0) & (found < n_columns) & (found == np.floor(found))).all())


def check_priors(target_priors, classes):
    """Frequencies of classes, in their order, that sum to one; None if none are given."""
    if isinstance(target_priors, dict):
        missing = [label for label in classes.tolist() if label not in target_priors]
        if missing or len(target_priors) != len(classes):
            raise ValueError(
                f"target_priors has the keys {list(target_priors)}, and the classes are "
                f"{listed(classes)}."
            )
        target_priors = [target_priors[label] for label in classes.tolist()]
    priors = check_array(target_priors, ensure_2d=False, dtype=np.float64, input_name="priors")
    if priors.shape != classes.shape:
        raise ValueError(
            f"target_priors must be one number for each of {len(classes)} classes. "
            f"Got {target_priors!r}."
        )
    if not (priors > 0).all() or abs(priors.sum() - 1) > 1e-6:
        raise ValueError(f"target_priors must be positive and sum to 1. Got {target_priors!r}.")
    return priors


def sample_priors(by_class, classes):
    """Frequencies of the classes, from their weights; none may be missing."""
    priors = by_class / by_class.sum()
    if not (priors > 0).all():
        raise ValueError(
            f"target_priors needs the frequency of each class, and y has none of class "
            f"{classes[priors == 0].tolist()[0]!r}."
        )
    return priors


def listed(classes):
    """Some classes for a message, as Python writes them; the first of many."""
    shown = np.asarray(classes, dtype=object)[:10].tolist()
    shown = [repr(label.item() if isinstance(label, np.generic) else label) for label in shown]
    return "[" + ", ".join(shown) + (", ...]" if len(classes) > 10 else "]")
