"""Matching of labels and classes with the columns of scores."""

from typing import NamedTuple

import numpy as np

from sksoftmax._data import targets
from sksoftmax._data.checks import check_array
from sksoftmax._runtime.warn import warn


class Names(NamedTuple):
    """What messages call the labels, the classes, and the columns that there are."""

    y: str = "y"
    classes: str = "classes"
    columns: str = "the scores have"


ESTIMATOR = Names()


def match_classes(y, n_columns, classes=None):
    """The class of each column, (n_columns,), and the column index of each label, (n_rows,).

    classes : array-like of shape (n_columns,), or None if labels tell

    Raises
    ------
    ValueError
        If classes and columns do not match.
    """
    if classes is not None:
        return given_classes(y, n_columns, np.asarray(classes))
    found, labels = targets.encode_labels(y)
    if len(found) == n_columns:
        return found, labels.astype(np.intp)
    if len(found) < n_columns and _are_column_numbers(found, n_columns):
        warn(
            f"y has {len(found)} classes, {listed(found)}, and the scores have {n_columns} "
            "columns: the labels are read as numbers of columns, from 0. Say classes= to name the "
            "class of each column.",
        )
        return np.arange(n_columns), y.astype(np.intp)
    raise ValueError(
        f"y has {len(found)} classes, {listed(found)}, and the scores have {n_columns} columns: "
        "say classes= to name the class of each column."
    )


def _are_column_numbers(found, n_columns):
    """Whether all labels are integers from 0 to ``n_columns - 1``."""
    if found.dtype.kind not in "iuf":
        return False
    return bool(((found >= 0) & (found < n_columns) & (found == np.floor(found))).all())


def given_classes(y, n_columns, classes, names=ESTIMATOR):
    """The classes, one for each column, and the column index of each label in ``y``."""
    if classes.ndim != 1 or len(set(classes.tolist())) != len(classes):
        raise ValueError(f"{names.classes} must be a list of different labels, got {classes!r}.")
    if len(classes) != n_columns:
        raise ValueError(
            f"{names.classes} names {len(classes)} classes, {listed(classes)}, and {names.columns} "
            f"{n_columns} columns."
        )
    return classes, class_indices(y, classes, names.y)


def class_indices(y, classes, name="y"):
    """The index of each label among the classes, which may be in any order.

    Raises
    ------
    ValueError
        If some labels are not among the classes.
    """
    if len(y) == 0:
        return np.zeros(0, dtype=np.intp)
    found, labels = targets.encode_labels(y)
    indices = {label: index for index, label in enumerate(classes.tolist())}
    unknown = [label for label in found.tolist() if label not in indices]
    if unknown:
        raise ValueError(
            f"{name} has labels {listed(unknown)} that are not among the classes {listed(classes)}"
            f"{_type_clause(unknown, indices)}."
        )
    return np.array([indices[label] for label in found.tolist()], dtype=np.intp)[labels]


def _type_clause(labels, classes):
    """A clause for messages where labels and classes differ only by type, such as 1 and '1'."""
    if not {str(label) for label in labels} <= {str(label) for label in classes}:
        return ""
    kinds = [type(next(iter(some))).__name__ for some in (labels, classes)]
    return f": the labels are of type {kinds[0]}, and the classes of type {kinds[1]}"


def column_order(X, classes):
    """The column index of each class in a frame whose columns are named by class; else None.

    A frame in which no column has the name of a class, or whose columns are numbered from 0, is
    read by position. Names are compared as text if none equals a class, since in some libraries all
    names are text.

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


def check_priors(target_priors, classes):
    """Target priors as an ndarray of shape (n_classes,), positive and of sum 1."""
    if isinstance(target_priors, dict):
        missing = [label for label in classes.tolist() if label not in target_priors]
        if missing or len(target_priors) != len(classes):
            raise ValueError(
                f"target_priors has the keys {list(target_priors)}, and the classes are "
                f"{listed(classes)}."
            )
        target_priors = [target_priors[label] for label in classes.tolist()]
    priors = _priors(target_priors)
    if priors.shape != classes.shape:
        raise ValueError(
            f"target_priors must be one number for each of {len(classes)} classes. "
            f"Got {target_priors!r}."
        )
    if not (priors > 0).all() or abs(priors.sum() - 1) > 1e-6:
        raise ValueError(f"target_priors must be positive and sum to 1, got {target_priors!r}.")
    return priors


def _priors(target_priors):
    try:
        return check_array(
            target_priors, ensure_2d=False, dtype=np.float64, input_name="target_priors"
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise ValueError(f"target_priors must be numbers, got {target_priors!r}: {error}") from None


def sample_priors(by_class, classes):
    """Frequencies of the classes, of shape (n_classes,), from their weights; none may be 0."""
    priors = by_class / by_class.sum()
    if not (priors > 0).all():
        raise ValueError(
            f"target_priors needs the frequency of each class, and y has none of class "
            f"{classes[priors == 0].tolist()[0]!r}."
        )
    return priors


def listed(classes):
    """The first ten classes for a message, as Python writes them."""
    shown = np.asarray(classes, dtype=object)[:10].tolist()
    shown = [repr(label.item() if isinstance(label, np.generic) else label) for label in shown]
    return "[" + ", ".join(shown) + (", ...]" if len(classes) > 10 else "]")
