"""Decision scores in, probabilities out: softmax as a scikit-learn transformer."""

import math
import numbers

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sksoftmax.functions import softmax

_CALIBRATIONS = (None,)
_INPUTS = ("scores", "probabilities")
_FLOATS = (np.float64, np.float32)

# How far a row of probabilities may sum from 1: the rounding of a row that was
# normalised in that precision, with room for a few thousand classes.
_SUM_TOLERANCE = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-3}


class SoftmaxTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Turn the decision scores of a classifier into probabilities.

    Each row of scores becomes::

        p_k = exp(s_k / temperature) / sum_j exp(s_j / temperature)

    A single column is the score of the second of two classes, as the decision
    functions of scikit-learn give it, and becomes **two** columns, the softmax of
    ``[0, s]``: ``1 - sigmoid(s / temperature)`` and ``sigmoid(s / temperature)``.

    Parameters
    ----------
    calibration : None, default=None
        The map that is learned from labels before the softmax. ``None``, the only
        choice so far, learns nothing.
    temperature : float, default=1.0
        What the scores are divided by; positive and finite. Above 1 the probabilities
        draw together, below 1 they draw apart. The order within a row never changes.
    input : {"scores", "probabilities"}, default="scores"
        What the columns are. Probabilities `p` become the scores ``log(p)`` first, so
        that ``temperature=1`` gives them back, and a probability of 0 stays 0. It is
        never guessed from the values.

    Attributes
    ----------
    temperature_ : float
        The temperature in use.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`, where all of them are strings.

    See Also
    --------
    DecisionScores : The decision scores of a classifier as a step of a pipeline.

    Notes
    -----
    The temperature of a softmax over the outputs of a classifier is that of Guo,
    Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.

    Each row is answered by itself: which other rows come along changes nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftmax import SoftmaxTransformer
    >>> scores = np.array([[2.0, 0.0, -2.0], [0.0, 0.0, 0.0]])
    >>> SoftmaxTransformer(temperature=2.0).fit_transform(scores).round(3)
    array([[0.665, 0.245, 0.09 ],
           [0.333, 0.333, 0.333]])
    >>> SoftmaxTransformer().fit_transform([[0.0], [3.0]]).round(3)
    array([[0.5  , 0.5  ],
           [0.047, 0.953]])
    """

    def __init__(self, calibration=None, *, temperature=1.0, input="scores"):
        self.calibration = calibration
        self.temperature = temperature
        self.input = input

    def fit(self, X, y=None):
        """Check the parameters and remember the columns; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_scores)
            Decision scores, or probabilities under ``input="probabilities"``; finite.
        y : None
            Ignored.

        Returns
        -------
        self : SoftmaxTransformer
            The fitted transformer.

        Raises
        ------
        TypeError
            If `temperature` is not a real number.
        ValueError
            If a parameter has no valid value, if `X` is not two-dimensional or not
            finite, or if a row that should be probabilities is not.
        """
        _check_option("calibration", self.calibration, _CALIBRATIONS)
        _check_option("input", self.input, _INPUTS)
        temperature = _checked_temperature(self.temperature)
        array = check_array(X, dtype=_FLOATS, estimator=self, input_name="X")
        if self.input == "probabilities":
            _check_probabilities(array)
        # Only now, with nothing left that can fail, is the estimator touched.
        validate_data(self, X, reset=True, skip_check_array=True)
        self.temperature_ = temperature
        return self

    def transform(self, X):
        """Probabilities of rows of scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_scores)
            Decision scores, or probabilities under ``input="probabilities"``; finite.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, max(n_scores, 2))
            Rows that sum to 1; float32 if `X` is float32, else float64.

        Raises
        ------
        ValueError
            If `X` is not finite, if it has other columns than in `fit`, or if a row that
            should be probabilities is not.
        """
        check_is_fitted(self)
        array = validate_data(self, X, reset=False, dtype=_FLOATS)
        if self.input == "probabilities":
            _check_probabilities(array)
            logits = _log(_with_first_class(array, 1 - array))
        else:
            logits = _with_first_class(array, np.zeros_like(array))
        return softmax(logits, axis=1, temperature=self.temperature_)

    def inverse_transform(self, X):
        """What `transform` turns into the given probabilities.

        Scores are only defined up to a constant in each row: these sum to 0,
        ``s_k = temperature * (log p_k - mean_j log p_j)``. A transformer fitted on a
        single column gives a single column, ``temperature * log(p_1 / p_0)``. Under
        ``input="probabilities"`` the answer is probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, max(n_scores, 2))
            Probabilities: rows that are non-negative and sum to 1.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_scores)
            float32 if `X` is float32, else float64.

        Raises
        ------
        ValueError
            If a row is not a row of probabilities, or if scores are asked for and a
            probability is 0, whose score is minus infinity.
        """
        check_is_fitted(self)
        probabilities = check_array(X, dtype=_FLOATS, estimator=self, input_name="X")
        _check_n_classes(probabilities, self._n_features_out)
        _check_probabilities(probabilities)
        if self.input == "probabilities":
            # softmax(T log p) is the inverse of softmax(log p / T).
            inverse = softmax(self.temperature_ * _log(probabilities), axis=1)
            return inverse[:, 1:] if self.n_features_in_ == 1 else inverse
        _check_positive(probabilities)
        logs = self.temperature_ * np.log(probabilities)
        if self.n_features_in_ == 1:
            return logs[:, 1:] - logs[:, :1]
        return logs - logs.mean(axis=1, keepdims=True)

    @property
    def _n_features_out(self):
        return max(self.n_features_in_, 2)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _check_option(name, value, options):
    if value not in options:
        listed = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of: {listed}. Got {value!r}.")


def _checked_temperature(temperature):
    if isinstance(temperature, bool) or not isinstance(temperature, numbers.Real):
        raise TypeError(f"temperature must be a real number. Got {temperature!r}.")
    if not (temperature > 0 and math.isfinite(temperature)):
        raise ValueError(f"temperature must be positive and finite. Got {temperature!r}.")
    return float(temperature)


def _with_first_class(second, first):
    """Two columns of one, the score or probability of the second class; others as they are."""
    return np.hstack([first, second]) if second.shape[1] == 1 else second


def _log(probabilities):
    with np.errstate(divide="ignore"):  # the logarithm of 0 is meant: minus infinity
        return np.log(probabilities)


def _check_probabilities(array):
    """Refuse rows that are not probabilities; a single column is that of the second class."""
    _refuse_rows((array < 0).any(axis=1), array, "has a negative probability")
    if array.shape[1] == 1:
        _refuse_rows(array[:, 0] > 1, array, "has a probability above 1")
        return
    tolerance = _SUM_TOLERANCE[array.dtype]
    off = np.abs(array.sum(axis=1, dtype=np.float64) - 1) > tolerance
    _refuse_rows(off, array, f"does not sum to 1 within {tolerance:g}")


def _check_n_classes(probabilities, n_classes):
    n_columns = probabilities.shape[1]
    if n_columns != n_classes:
        raise ValueError(f"X has {n_columns} columns, and there are {n_classes} classes.")


def _check_positive(probabilities):
    zeros = (probabilities == 0).any(axis=1)
    _refuse_rows(zeros, probabilities, "has a probability of 0, whose score is minus infinity")


def _refuse_rows(refused, array, complaint):
    """Raise a ValueError about the first row that is refused, if there is one."""
    if refused.any():
        row = int(refused.argmax())
        raise ValueError(f"Row {row} of X {complaint}: {np.array2string(array[row], threshold=8)}.")
