"""Metrics of probabilities: calibration errors, and the decomposition of log loss.

All functions take ``(y_true, y_proba, *, sample_weight=None, labels=None, ...)``. Sizes of samples
are sums of weights: a weight of 2 is the row twice.

Probabilities may be Dask collections. Sums over their chunks are computed where these are. Only
bins of equal weight gather the confidences of all rows on the client: a number and a bit for each
row or, for class-wise errors, for each entry.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from sksoftmax._calibration.learners import LEARNERS
from sksoftmax._calibration.probability_scorer import probability_scorer
from sksoftmax._calibration.reliability import Reliability, binned
from sksoftmax._calibration.sample import Sample
from sksoftmax._data import dispatch, parameter_checks, score_classes, score_rows
from sksoftmax._data.checks import check_array
from sksoftmax._functions.arrays import as_numpy
from sksoftmax._functions.checks import check_option
from sksoftmax._runtime.quiet import as_usual
from sksoftmax._runtime.types import FLOATS, DataLike

__all__ = [
    "LogLossDecomposition",
    "Reliability",
    "classwise_calibration_error",
    "expected_calibration_error",
    "log_loss_decomposition",
    "probability_scorer",
    "refinement_loss",
    "reliability",
]


NAMES = score_classes.Names("y_true", "labels", "y_proba has")


class LogLossDecomposition(NamedTuple):
    """``log_loss = calibration + refinement``."""

    log_loss: float
    calibration: float
    refinement: float


@as_usual
def reliability(
    y_true: DataLike,
    y_proba: DataLike,
    *,
    sample_weight: DataLike | None = None,
    labels: ArrayLike | None = None,
    label: Any = None,
    n_bins: int | str = "auto",
    strategy: str = "uniform",
    level: float = 0.95,
) -> Reliability:
    """Compute the numbers of a reliability diagram.

    Rows are put into bins by their confidence: the largest probability of the row or, given a
    `label`, that of the label. In each bin of a calibrated model the mean confidence equals the
    observed frequency: the fraction of rows that are right, or have the label.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels of any kind.
    y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probabilities; a single one is that of the second of two classes. The columns of a data
        frame that are named by class are read by name.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    labels : array-like of shape (n_classes,), default=None
        The label of each column; None is the sorted labels of `y_true`.
    label : scalar, default=None
        The class whose probability is the confidence; None is the most probable class of each
        row.
    n_bins : int or "auto", default="auto"
        Number of bins; those without rows are left out of the answer. "auto" is 15, of which
        neighbours are merged until each has a weight of 10: as many as the sample supports.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width, or of equal weight. Equal confidences share a bin; a
        confidence of 1 is in the last one.
    level : float, default=0.95
        Confidence level of the Wilson interval of the accuracy of each bin [1]_.

    Returns
    -------
    reliability : Reliability
        Named tuple of arrays, one entry a bin: `lower` and `upper` edges, mean `confidence`,
        `accuracy`, summed `weight`, and the band, `low` to `high`.

    References
    ----------
    .. [1] E. B. Wilson (1927), "Probable inference, the law of succession, and statistical
       inference", Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> from sksoftmax.metrics import reliability
    >>> reliability([0, 1, 1, 1], [0.1, 0.9, 0.9, 1.0], label=1, n_bins=2).accuracy
    array([0., 1.])
    """
    with _encoded(y_true, y_proba, sample_weight, labels) as data:
        view = _top if label is None else partial(_of_class, column=_column(label, data.classes))
        return binned(data.rows, view, n_bins, strategy, level)[0]


@as_usual
def expected_calibration_error(
    y_true: DataLike,
    y_proba: DataLike,
    *,
    sample_weight: DataLike | None = None,
    labels: ArrayLike | None = None,
    n_bins: int | str = 15,
    strategy: str = "uniform",
    debiased: bool = False,
) -> float:
    """Compute the top-label expected calibration error (ECE).

    ``sum_b weight_b / weight |accuracy_b - confidence_b|`` over bins of the largest
    probability [1]_.

    Parameters
    ----------
    y_true, y_proba, sample_weight, labels, n_bins, strategy
        As in :func:`reliability`.
    debiased : bool, default=False
        Subtract the expected contribution of the sampling noise of the accuracies [2]_; the
        result is at least 0.

    Returns
    -------
    error : float
        From 0, which is best, to 1.

    Notes
    -----
    The error depends on the bins, and is 0 for a model that always predicts the frequencies of the
    classes. Choose models by a proper loss, such as log loss.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger (2017), "On Calibration of Modern Neural
       Networks", ICML.
    .. [2] A. Kumar, P. Liang and T. Ma (2019), "Verified Uncertainty Calibration", NeurIPS.

    Examples
    --------
    >>> from sksoftmax.metrics import expected_calibration_error
    >>> expected_calibration_error([0, 0, 1, 1], [[0.75, 0.25]] * 4)
    0.25
    """
    parameter_checks.check_flag("debiased", debiased)
    with _encoded(y_true, y_proba, sample_weight, labels) as data:
        return _error(*binned(data.rows, _top, n_bins, strategy), debiased)


@as_usual
def classwise_calibration_error(
    y_true: DataLike,
    y_proba: DataLike,
    *,
    sample_weight: DataLike | None = None,
    labels: ArrayLike | None = None,
    n_bins: int | str = 15,
    strategy: str = "uniform",
    debiased: bool = False,
) -> float:
    """Compute the mean over classes of each class's expected calibration error [1]_.

    Parameters
    ----------
    y_true, y_proba, sample_weight, labels, n_bins, strategy, debiased
        As in :func:`expected_calibration_error`.

    Returns
    -------
    error : float
        From 0, which is best, to 1.

    References
    ----------
    .. [1] M. Kull, M. Perello-Nieto, M. Kängsepp, T. Silva Filho, H. Song and P. Flach (2019),
       "Beyond temperature scaling: Obtaining well-calibrated multiclass probabilities with
       Dirichlet calibration", NeurIPS.

    Examples
    --------
    >>> from sksoftmax.metrics import classwise_calibration_error
    >>> classwise_calibration_error([0, 0, 1, 1], [[0.75, 0.25]] * 4)
    0.25
    """
    parameter_checks.check_flag("debiased", debiased)
    with _encoded(y_true, y_proba, sample_weight, labels) as data:
        classes = binned(data.rows, _each_class, n_bins, strategy)
    return float(np.mean([_error(bins, debiased) for bins in classes]))


@as_usual
def log_loss_decomposition(
    y_true: DataLike,
    y_proba: DataLike,
    *,
    sample_weight: DataLike | None = None,
    labels: ArrayLike | None = None,
    calibration: str = "temperature",
) -> LogLossDecomposition:
    """Decompose log loss into a part that calibration removes and the rest.

    ``log_loss = calibration + refinement``, the refinement being the log loss after a calibration
    learned from the same rows [1]_.

    Parameters
    ----------
    y_true, y_proba, sample_weight, labels
        As in :func:`reliability`.
    calibration : {"temperature", "vector", "matrix", "structured"}, default="temperature"
        The calibration, as in `SoftmaxTransformer`. Maps with many parameters overfit unless
        there are many rows.

    Returns
    -------
    decomposition : LogLossDecomposition
        Named tuple of `log_loss`, `calibration` (not negative) and `refinement`.

    Notes
    -----
    Probabilities are clipped to at least the machine epsilon of their dtype, as scikit-learn's
    ``log_loss`` does.

    References
    ----------
    .. [1] E. Berta, D. Holzmüller, M. I. Jordan and F. Bach (2025), "Rethinking Early Stopping:
       Refine, Then Calibrate", arXiv 2501.19195.

    Examples
    --------
    >>> from sksoftmax.metrics import log_loss_decomposition
    >>> y_true, y_proba = [0, 1, 1, 1], [[0.5, 0.5]] + [[0.1, 0.9]] * 2 + [[0.9, 0.1]]
    >>> parts = log_loss_decomposition(y_true, y_proba)
    >>> round(parts.log_loss, 3), round(parts.calibration, 3), round(parts.refinement, 3)
    (0.802, 0.151, 0.651)
    """
    check_option("calibration", calibration, tuple(LEARNERS))
    with _encoded(y_true, y_proba, sample_weight, labels) as data:
        sample = Sample.from_encoded(data).compacted(_scores)
        loss = sample.log_loss()
        refinement = min(loss, sample.log_loss(LEARNERS[calibration](sample).steps))
    return LogLossDecomposition(loss, loss - refinement, refinement)


def refinement_loss(
    y_true: DataLike,
    y_proba: DataLike,
    *,
    sample_weight: DataLike | None = None,
    labels: ArrayLike | None = None,
    calibration: str = "temperature",
) -> float:
    """Compute the log loss after a calibration learned from the same rows.

    Use it to select among models that will be calibrated.

    Parameters
    ----------
    y_true, y_proba, sample_weight, labels, calibration
        As in :func:`log_loss_decomposition`.

    Returns
    -------
    loss : float

    Examples
    --------
    >>> from sksoftmax.metrics import refinement_loss
    >>> round(refinement_loss([0, 1, 1, 0], [0.6, 0.9, 0.95, 0.7], labels=[0, 1]), 3)
    0.548
    """
    return log_loss_decomposition(
        y_true, y_proba, sample_weight=sample_weight, labels=labels, calibration=calibration
    ).refinement


# -- confidences of a block of probabilities -----------------------------------------------------


def _top(block):
    """Largest probability of each row, and whether its class is the right one."""
    best = block.X.argmax(axis=1)
    return block.X.max(axis=1)[None], (best == block.target)[None]


def _of_class(block, column):
    """Probability of one class in each row, and whether the row has that class."""
    return block.X[:, column][None], (block.target == column)[None]


def _each_class(block):
    """Probability of each class in each row, and whether the row has that class."""
    return block.X.T, block.target == np.arange(block.X.shape[1])[:, None]


def _scores(probabilities):
    """Logarithms, in float64, of probabilities clipped to the machine epsilon of their dtype."""
    clipped = np.maximum(probabilities, np.finfo(probabilities.dtype).eps)
    return np.log(clipped.astype(np.float64))


# -- checks of the input ---------------------------------------------------------------------------


def _encoded(y_true, y_proba, sample_weight, labels):
    """Encoded rows of probabilities, one column a class, in memory or on Dask."""
    return dispatch.encode_scores(
        y_proba, y_true, sample_weight, names=("y_proba", "y_true"),
        check=_probabilities, match=partial(_match, labels=labels),
    )  # fmt: skip


def _probabilities(y_proba, fewest=1):
    """Checked probabilities, (n_rows, n_classes); ``fewest`` is the least number of rows."""
    array = check_array(
        as_numpy(y_proba), ensure_2d=False, dtype=FLOATS, input_name="y_proba",
        ensure_min_samples=fewest,
    )  # fmt: skip
    array = array[:, None] if array.ndim == 1 else array
    score_rows.check_probabilities(array, y_proba, name="y_proba")
    return np.hstack([1 - array, array]) if array.shape[1] == 1 else array


def _match(y_true, n_columns, labels):
    """The class of each column, and each label's column."""
    if labels is None:
        labels = np.unique(y_true)
        if len(labels) != n_columns:
            raise ValueError(
                f"y_true has {len(labels)} classes, {score_classes.listed(labels)}, and y_proba "
                f"has {n_columns} columns: say labels= to name the class of each column."
            )
    return score_classes.given_classes(y_true, n_columns, np.asarray(labels), NAMES)


def _column(label, classes):
    """Index of the column of a label."""
    found = np.flatnonzero(classes == label) if np.ndim(label) == 0 else []
    if len(found) == 0:
        listed = score_classes.listed(classes)
        raise ValueError(f"label={label!r} is not among the classes {listed}.")
    return found[0]


def _error(bins, debiased):
    """Weighted mean over bins of ``|accuracy - confidence|``."""
    distance = np.abs(bins.accuracy - bins.confidence)
    if debiased:
        distance = 2 * distance - _expected_distance(distance, bins)
    return max(0.0, float(bins.weight @ distance / bins.weight.sum()))


def _expected_distance(distance, bins):
    """Expected distance after adding the sampling noise again: the mean of a folded normal."""
    noise = np.sqrt(bins.accuracy * (1 - bins.accuracy) / bins.weight)
    ratio = np.divide(distance, noise, out=np.full_like(distance, 40.0), where=noise > 0)
    density_term = np.sqrt(2 / np.pi) * noise * np.exp(-(ratio**2) / 2)
    return density_term + distance * (1 - 2 * ndtr(-ratio))
