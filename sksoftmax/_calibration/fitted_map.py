"""The fitted state of a SoftmaxTransformer: from columns to probabilities, and back."""

from typing import NamedTuple

import numpy as np

from sksoftmax._calibration import transforms
from sksoftmax._calibration.temperature import Calibration
from sksoftmax._calibration.transforms import InputTransform, quiet_log
from sksoftmax._data import score_classes, targets
from sksoftmax._functions.api import softmax
from sksoftmax._runtime.quiet import quiet


class FittedMap(NamedTuple):
    """Fitted state that predictions need, independent of the parameters of the estimator.

    calibration : Calibration, the learned steps
    temperature : float, by which calibrated scores are divided
    input_transform : InputTransform, from the columns to scores
    offset : ndarray of shape (n_classes,), log of target over sample priors; None without
    classes : ndarray of shape (n_classes,), None where they are unknown
    order : ndarray of shape (n_classes,), the column of each class; None if 0, 1, ...
    """

    calibration: Calibration
    temperature: float
    input_transform: InputTransform
    offset: np.ndarray | None
    classes: np.ndarray | None
    order: np.ndarray | None

    @property
    def steps(self):
        """The learned steps alone."""
        return self.calibration.steps

    def as_in_fit(self, X):
        """X with columns that are named by class reordered as in fit; other X unchanged."""
        indices = None if self.classes is None else score_classes.column_order(X, self.classes)
        if indices is None:
            return X
        if self.order is not None:
            indices = indices[np.argsort(self.order)]
        return X[targets.column_names(X)[indices].tolist()]

    def scores(self, columns):
        """Calibrated scores, (n_rows, n_classes), not yet divided by the temperature."""
        columns = columns if self.order is None else columns[:, self.order]
        return self.mapped(self.input_transform.scores(columns))

    @quiet
    def divided(self, columns, are_logs):
        """Calibrated scores divided by the temperature, in the dtype of the columns.

        are_logs : bool, whether the columns are log probabilities
        """
        if are_logs:
            scores = self.mapped(self.input_transform.scores_of_logs(columns))
        else:
            scores = self.scores(columns)
        return (scores / self.temperature).astype(columns.dtype, copy=False)

    def mapped(self, scores):
        """Calibrated scores of class scores, both of shape (n_rows, n_classes)."""
        if self.steps:
            # Scores over the temperature: below RULED_OUT there is no probability in any precision.
            unit, *others = self.steps
            scores = unit.forward(transforms.below_largest(scores))
            if others:
                scores = np.maximum(scores, transforms.RULED_OUT)
                compact = transforms.forward(others, transforms.compact(scores))
                scores = transforms.expanded(compact)
        if self.offset is not None:
            # Multiplied by the temperature, since the division by it is still to come.
            scores = scores + self.temperature * self.offset
        return scores

    def probabilities(self, columns):
        """Probabilities, (n_rows, n_classes), in the dtype of the columns."""
        answer = softmax(self.scores(columns), axis=1, temperature=self.temperature)
        return answer.astype(columns.dtype, copy=False)

    def columns(self, probabilities, n_columns):
        """Columns as in fit, (n_rows, n_columns): the inverse of `probabilities`."""
        logs = quiet_log(probabilities.astype(np.float64))
        if self.offset is not None:
            logs -= self.offset
        logs *= self.temperature
        if self.steps:
            logs = transforms.expanded(transforms.inverse(self.steps, transforms.compact(logs)))
        columns = self.input_transform.columns(logs, n_columns == 1)
        return columns if self.order is None else columns[:, np.argsort(self.order)]


# The private classes of which a fitted transformer's state is made, for its pickles.
RECORDS = (FittedMap, Calibration, InputTransform, *transforms.STEPS)
