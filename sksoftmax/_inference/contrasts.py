r"""Contrasts between classes, as matrices on the coefficients of all classes but one.

The scores of softmax regression are defined up to a shift of all classes. Inference is therefore
made on the coefficients :math:`\beta_k` of the classes other than one, the base, against it. They
are K - 1 rows that no shift changes; every contrast is a matrix times them:

- against the class r: the rows ``e_k - e_r``, the base having the row zero;
- sum to zero: ``e_k - mean_l e_l``, the coefficients of each class against the mean of all.
"""

from dataclasses import dataclass

import numpy as np


def with_base(base, n_classes):
    """The matrix (n_classes, n_classes - 1) that gives the base a row of zeros."""
    return np.delete(np.eye(n_classes), base, axis=1)


def sum_to_zero(base, n_classes):
    """The matrix (n_classes, n_classes - 1) to coefficients that sum to zero over classes."""
    matrix = with_base(base, n_classes)
    return matrix - matrix.mean(axis=0)


def index_of(label, classes, name):
    """The index of a label among the classes, or a ValueError."""
    found = [k for k, own in enumerate(classes.tolist()) if _same(own, label)]
    if not found:
        raise ValueError(f"{name}={label!r} is none of the classes {classes.tolist()}")
    return found[0]


def _same(own, label):
    try:
        return bool(own == label) and isinstance(own, str) == isinstance(label, str)
    except (TypeError, ValueError):
        return False


@dataclass(frozen=True, eq=False)
class Contrasts:
    """Which rows of coefficients are shown.

    matrix : ndarray of shape (n_contrasts, n_classes - 1), on those against the base
    classes : ndarray of shape (n_contrasts,), the label of each row
    reference : label that the rows are against; None for sum-to-zero contrasts
    """

    matrix: np.ndarray
    classes: np.ndarray
    reference: object

    @classmethod
    def of(cls, classes, base, reference):
        """Against the reference; without one sum-to-zero, and of two classes the second's row."""
        n_classes = len(classes)
        if reference is None and n_classes > 2:
            return cls(sum_to_zero(base, n_classes), classes, None)
        against = 0 if reference is None else index_of(reference, classes, "reference")
        rows = with_base(base, n_classes)
        matrix = np.delete(rows - rows[against], against, axis=0)
        return cls(matrix, np.delete(classes, against), classes[against])

    def of_classes(self, labels):
        """Those of some classes, in the order that the contrasts have."""
        if labels is None:
            return self
        wanted = listed(labels, "classes", "labels")
        if self.reference is not None and any(_same(self.reference, each) for each in wanted):
            raise ValueError(
                f"classes={wanted} has the class {self.reference!r}, which the contrasts are "
                "against: leave it out, or choose another reference"
            )
        kept = np.sort([index_of(label, self.classes, "classes") for label in wanted])
        if len(set(kept.tolist())) < len(kept):
            raise ValueError(f"classes={wanted} has a class twice")
        return Contrasts(self.matrix[kept], self.classes[kept], self.reference)


def listed(values, name, kind):
    """Values as a list; a ValueError for none, a TypeError for a string."""
    if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a list of {kind}, got {values!r}")
    values = list(values)
    if not values:
        raise ValueError(f"{name} must not be empty; None is all of them")
    return values


def chosen_columns(features, names, has_intercept):
    """Indices of the columns to show, the intercept being the last.

    features : names or indices of features, "intercept" for the intercept; None is all
    """
    columns = [*names.tolist(), "intercept"] if has_intercept else names.tolist()
    if features is None:
        return np.arange(len(columns))
    wanted = listed(features, "features", "names or indices")
    chosen = np.sort([_column(each, columns) for each in wanted])
    if len(set(chosen.tolist())) < len(chosen):
        raise ValueError(f"features={wanted} has a feature twice")
    return chosen


def _column(wanted, columns):
    if isinstance(wanted, (int, np.integer)) and not isinstance(wanted, bool):
        if 0 <= wanted < len(columns):
            return int(wanted)
    elif wanted in columns:
        return columns.index(wanted)
    raise ValueError(f"features has {wanted!r}, and the columns are {shown(columns)}")


def shown(names, most=8):
    """A list of names for a message, the first few of them."""
    names = [str(name) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
