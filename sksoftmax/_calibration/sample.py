"""Scores, labels and weights that a calibration is learned from."""

from dataclasses import dataclass, replace

import numpy as np

from sksoftmax._calibration.transforms import compact, forward, sum_of_losses
from sksoftmax._objective.rows import Block, Largest, Rows, partition

# Rows of each block that are tried first: they nearly always show that classes overlap.
ROWS_TO_TRY = 100


@dataclass(frozen=True)
class Sample:
    """Scores, labels and weights that a calibration is learned from.

    rows : Rows
        Blocks of compact scores, whose targets are indices of classes.
    n_scores : number of columns
    n_rows : int
    total : float, sum of the weights
    """

    rows: Rows
    n_scores: int
    n_rows: int
    total: float

    @classmethod
    def from_arrays(cls, scores, labels, weight, n_scores=None):
        """From compact scores (n_rows, n_scores), and class indices and weights > 0 (n_rows,).

        n_scores : where the columns are not compact scores, the number of these
        """
        rows = partition(scores, labels, weight, scores.shape[1])
        return cls(rows, n_scores or scores.shape[1], len(scores), float(weight.sum()))

    @classmethod
    def from_encoded(cls, data):
        """Encoded rows (``_data.score_rows``), whose columns take the place of scores."""
        n_scores = 1 if len(data.classes) == 2 else len(data.classes)
        return cls(data.rows, n_scores, data.n_rows, float(data.by_class.sum()))

    def compacted(self, scores_of):
        """The sample with the compact form of the class scores ``scores_of(columns)``."""
        return self.with_scores(lambda columns: compact(scores_of(columns)))

    @property
    def n_classes(self):
        return max(2, self.n_scores)

    def with_scores(self, function):
        """The sample with ``function(scores)`` in the place of the scores of each block."""
        return replace(self, rows=self.rows.map(lambda block: scored(block, function)))

    def log_loss(self, steps=()):
        """Weighted mean of minus the log probability of each row's label, after the steps."""

        def block_sum(block):
            return sum_of_losses(forward(steps, block.X), block.target, block.weight)

        return float(self.rows.sum(block_sum)) / self.total

    def is_separated(self, tolerance):
        """Whether in no row the true class is more than ``tolerance`` below the largest score."""
        few = self.smallest_margin(ROWS_TO_TRY)
        return few >= -tolerance and self.smallest_margin() >= -tolerance

    def smallest_margin(self, most=None):
        """Smallest margin of a row: its true class's score less the largest of the others.

        most : int, rows of each block to look at; None is all
        """

        def block_margin(block):
            own = np.flatnonzero(block.weight)[:most]
            return Largest(-margins(block.X[own], block.target[own]).min(initial=np.inf))

        return -float(self.rows.sum(block_margin).number)

    def typical_margin(self):
        """Geometric mean of the sizes of the margins other than 0; 1 where there are none."""

        def block_logs(block):
            sizes = np.abs(margins(block.X, block.target))
            some = sizes > 0
            weight = block.weight[some]
            return weight @ np.log(sizes[some]), weight.sum()

        logs, weight = self.rows.sum(block_logs)
        return float(np.exp(logs / weight)) if weight > 0 else 1.0


def scored(block, function):
    """The block with ``function(scores)``, in column-major order, for its scores."""
    return Block(np.asfortranarray(function(block.X)), block.target, block.weight)


def true_class_scores(scores, labels):
    """Score of the true class of each row less the mean over classes, (n_rows,)."""
    if scores.shape[1] == 1:
        return scores[:, 0] * (labels - 0.5)
    return np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]


def margins(scores, labels):
    """Margins of the rows of compact scores, (n_rows,) (see `Sample.smallest_margin`)."""
    if scores.shape[1] == 1:
        return 2 * true_class_scores(scores, labels)
    others = scores.copy()
    np.put_along_axis(others, labels[:, None], -np.inf, axis=1)
    return true_class_scores(scores, labels) - others.max(axis=1)
