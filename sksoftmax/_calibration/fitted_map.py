"""The map that a SoftmaxTransformer has learned: from columns to scores, and back."""

from typing import NamedTuple

import numpy as np

from sksoftmax._calibration import transforms
from sksoftmax._calibration.learners import Learned
from sksoftmax._calibration.score_reading import Reading, log
from sksoftmax._data import score_columns, targets
from sksoftmax._functions.api import softmax


class FittedMap(NamedTuple):
    """All that predictions need, kept apart from the parameters.

    learned : the learned steps
    temperature : applied after them
    reading : what the columns are
    offset : log ratio of the frequencies to come to those in y, None for none
    classes : ndarray of shape (n_classes,), None where they are unknown
    order : the column in fit of each class, None where they are in the order of the classes
    """

    learned: Learned
    temperature: float
    reading: Reading
    offset: np.ndarray | None
    classes: np.ndarray | None
    order: np.ndarray | None

    @property
    def steps(self):
        """The learned steps alone."""
        return self.learned.steps

    def as_in_fit(self, X):
        """A frame whose columns are named by class, with the columns in the order of fit."""
        places = None if self.classes is None else score_columns.column_order(X, self.classes)
        if places is None:
            return X
        if self.order is not None:
            places = places[np.argsort(self.order)]
        return X[targets.column_names(X)[places].tolist()]

    def scores(self, columns):
        """Scores of columns in the order of fit; the softmax over the temperature is to come."""
        columns = columns if self.order is None else columns[:, self.order]
        return self.mapped(self.reading.scores(columns))

    def mapped(self, scores):
        """What the learned steps make of scores of the classes."""
        if self.steps:
            compact = transforms.compact(scores)
            scores = transforms.expanded(transforms.forward(self.steps, compact))
        if self.offset is not None:
            # The odds change last, after the temperature.
            scores = scores + self.temperature * self.offset
        return scores

    def probabilities(self, columns):
        """Probabilities of the classes, in the precision of the columns."""
        answer = softmax(self.scores(columns), axis=1, temperature=self.temperature)
        return answer.astype(columns.dtype, copy=False)

    def columns(self, probabilities, n_columns):
        """The way back, to so many columns in the order of fit."""
        logs = log(probabilities.astype(np.float64))
        if self.offset is not None:
            logs -= self.offset
        logs *= self.temperature
        if self.steps:
            logs = transforms.expanded(transforms.inverse(self.steps, transforms.compact(logs)))
        columns = self.reading.columns(logs, n_columns == 1)
        return columns if self.order is None else columns[:, np.argsort(self.order)]


# All that a pickle of a fitted transformer holds beside plain data.
RECORDS = (FittedMap, Learned, Reading, *transforms.STEPS)
