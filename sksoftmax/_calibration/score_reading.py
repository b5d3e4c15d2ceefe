"""What the columns of a SoftmaxTransformer mean: from columns to scores of classes, and back."""

from dataclasses import dataclass

import numpy as np

from sksoftmax._calibration import transforms
from sksoftmax._data import score_columns
from sksoftmax._functions.api import log_softmax, softmax
from sksoftmax._runtime.quiet import quiet


@dataclass(frozen=True)
class Reading:
    """How columns are read.

    kind : "scores" or "probabilities"
    floor : what is mixed into probabilities, in all, before their logarithm
    least : what probabilities are raised to, so that they have a score
    """

    kind: str
    floor: float = 0.0
    least: float = 0.0

    def scores(self, columns):
        """Scores of each class, one column a class, two for a single column."""
        if self.kind == "scores":
            return transforms.expanded(columns)
        if columns.shape[1] == 1:
            columns = np.hstack([1 - columns, columns])
        if self.floor > 0:
            columns = (1 - self.floor) * columns + self.floor / columns.shape[1]
        return log(np.maximum(columns, self.least) if self.least > 0 else columns)

    def scores_of_logs(self, logs):
        """Scores of probabilities that come as logarithms, one column a class."""
        logs = log_softmax(logs, axis=1)  # rows that sum to 1
        if self.floor > 0:
            share = np.log(self.floor / logs.shape[1])
            logs = np.logaddexp(logs + np.log1p(-self.floor), share)
        return np.maximum(logs, np.log(self.least)) if self.least > 0 else logs

    def columns(self, scores, is_single):
        """The way back: one column if ``is_single``."""
        if self.kind == "scores":
            return scores[:, 1:] - scores[:, :1] if is_single else transforms.centred(scores)
        probabilities = softmax(scores, axis=1)
        if self.floor > 0:
            probabilities -= self.floor / probabilities.shape[1]
            # Rounding of the answers may take a probability of 0 a little below it.
            below = (probabilities < -1e-6 * self.floor).any(axis=1)
            score_columns.refuse_rows(below, probabilities, "lies below the floor")
            probabilities = np.maximum(probabilities, 0) / (1 - self.floor)
        return probabilities[:, 1:] if is_single else probabilities


log = quiet(np.log)  # the logarithm of 0 is meant: minus infinity
