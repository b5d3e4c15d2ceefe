"""Invertible transforms: from input columns to scores, and from scores to calibrated scores.

A step has `forward` and `inverse`, which take and return compact scores, float64 arrays of shape
(n_rows, n_scores): K >= 3 columns whose rows sum to zero, or one column, the score of the second
of two classes. It is a bijection of them unless its parameters are degenerate (a scale of 0, a
singular matrix).
"""

from contextlib import suppress
from dataclasses import dataclass, fields

import numpy as np

from sksoftmax._data import score_rows
from sksoftmax._functions.api import log_softmax, softmax
from sksoftmax._runtime.quiet import quiet

quiet_log = quiet(np.log)  # minus infinity at 0, without a warning

# Below the largest score by so many temperatures a class has no probability in any precision.
RULED_OUT = -1e9
# Parts in which the nonlinear part of a step is added while its inverse is sought.
N_SHARES, MAX_NEWTON_STEPS = 8, 20
# Of a probability's uniform part, what rounding may take from it on the way there and back.
LOST = 1e-6
# Entries of the Jacobian matrices that are held at once.
MAX_JACOBIAN_ENTRIES = 10**6


def centred(scores):
    """Subtract the mean of each row: scores are defined up to a constant in each row."""
    return scores - scores.mean(axis=1, keepdims=True)


def below_largest(scores):
    """Rows less their largest, in float64; less their mean a very low score would cost digits."""
    scores = np.asarray(scores, dtype=np.float64)
    return scores - scores.max(axis=1, keepdims=True)


def compact(scores):
    """Compact scores of class scores: one column for two classes, else centred rows; float64."""
    scores = np.asarray(scores, dtype=np.float64)
    return scores[:, 1:] - scores[:, :1] if scores.shape[1] == 2 else centred(scores)


def expanded(scores):
    """Class scores, (n_rows, n_classes), of compact scores; a single column s becomes (0, s)."""
    return np.hstack([np.zeros_like(scores), scores]) if scores.shape[1] == 1 else scores


@dataclass(frozen=True)
class InputTransform:
    """Conversion of the columns of X to class scores, and back.

    kind : {"scores", "probabilities"}
    floor : weight of the uniform distribution that is mixed into probabilities
    minimum : probabilities below it are clipped to it, so that their logarithm is finite
    """

    kind: str
    floor: float = 0.0
    minimum: float = 0.0

    def scores(self, columns):
        """Class scores, (n_rows, n_classes), of columns of shape (n_rows, 1 or n_classes)."""
        if self.kind == "scores":
            return expanded(columns)
        if columns.shape[1] == 1:
            columns = np.hstack([1 - columns, columns])
        if self.floor > 0:
            columns = (1 - self.floor) * columns + self.floor / columns.shape[1]
        return quiet_log(np.maximum(columns, self.minimum) if self.minimum > 0 else columns)

    def scores_of_logs(self, logs):
        """Class scores of log probabilities, both of shape (n_rows, n_classes)."""
        logs = log_softmax(logs, axis=1)  # rows that sum to 1
        if self.floor > 0:
            uniform = np.log(self.floor / logs.shape[1])
            logs = np.logaddexp(logs + np.log1p(-self.floor), uniform)
        return np.maximum(logs, np.log(self.minimum)) if self.minimum > 0 else logs

    def columns(self, scores, is_single):
        """Columns of class scores: the inverse of `scores`; one column if ``is_single``."""
        if self.kind == "scores":
            return scores[:, 1:] - scores[:, :1] if is_single else centred(scores)
        probabilities = softmax(scores, axis=1)
        if self.floor > 0:
            probabilities -= self.floor / probabilities.shape[1]
            # A probability of 0 may come back slightly negative by rounding.
            below = (probabilities < -LOST * self.floor).any(axis=1)
            score_rows.refuse_rows(below, probabilities, "lies below the floor")
            probabilities = np.maximum(probabilities, 0) / (1 - self.floor)
        return probabilities[:, 1:] if is_single else probabilities


@dataclass(frozen=True)
class TemperatureScaling:
    """Temperature scaling: ``inverse_temperature * scores``."""

    inverse_temperature: float

    def forward(self, scores):
        return self.inverse_temperature * scores

    def inverse(self, scores):
        return scores / self.inverse_temperature


@dataclass(frozen=True)
class UniformMixture:
    """Mixture with the uniform distribution: scores of ``(1 - weight) p + weight / K``."""

    weight: float

    def forward(self, scores):
        probability = softmax(expanded(scores))
        probability *= 1 - self.weight
        probability += self.weight / probability.shape[1]
        return compact(np.log(probability))

    def inverse(self, scores):
        """Scores; where ``p`` is lost in the rounding of the mixture, as large as that."""
        probability = softmax(expanded(scores))
        uniform = self.weight / probability.shape[1]
        probability -= uniform
        below = (probability < -LOST * uniform).any(axis=1)
        if below.any():
            raise ValueError(
                f"Row {int(below.argmax())} of X holds a probability more extreme than any that "
                "scores lead to."
            )
        return compact(np.log(np.maximum(probability, np.finfo(np.float64).eps * uniform)))


@dataclass(frozen=True)
class VectorScaling:
    """Vector scaling: ``scale_k * scores_k + bias_k``; both of shape (n_classes,)."""

    scale: np.ndarray
    bias: np.ndarray

    def forward(self, scores):
        return centred(scores * self.scale + self.bias)

    def inverse(self, scores):
        # scale_k s_k + bias_k = scores_k + c with the c that makes the s_k sum to zero.
        start = (scores - self.bias) / self.scale
        inverse_scale = 1 / self.scale
        return start - start.sum(axis=1, keepdims=True) / inverse_scale.sum() * inverse_scale


@dataclass(frozen=True)
class MatrixScaling:
    """Matrix scaling: ``matrix @ scores + square @ scores^2 + bias``.

    matrix, square : ndarrays of shape (n_classes, n_classes); ``square`` may be None
    bias : ndarray of shape (n_classes,)
    """

    matrix: np.ndarray
    bias: np.ndarray
    square: np.ndarray | None = None

    def forward(self, scores):
        moved = scores @ self.matrix.T + self.bias
        return centred(moved if self.square is None else moved + scores**2 @ self.square.T)

    def inverse(self, scores):
        """The root that tends to the linear one as ``square`` tends to 0."""
        target = centred(scores - self.bias)
        found = self._solve(self.matrix, target)
        if self.square is None or not self.square.any():
            return found
        size = max(1, MAX_JACOBIAN_ENTRIES // self.matrix.size)
        for start in range(0, len(found), size):
            rows = slice(start, start + size)
            found[rows] = by_continuation(self._residual, found[rows], target[rows], start)
        return found

    def _residual(self, scores, target, share):
        slope = self.matrix + 2 * share * self.square * scores[:, None, :]
        moved = scores @ self.matrix.T + share * scores**2 @ self.square.T
        error = centred(moved) - target
        step = self._solve(slope, error)
        return error, np.where(np.isfinite(step), step, 0.0)  # none where the slope is singular

    @staticmethod
    def _solve(matrix, right):
        """Solve on rows that sum to zero: the centred matrix there, the mean of a row unchanged."""
        n_classes = matrix.shape[-1]
        mean = np.full((n_classes, n_classes), 1 / n_classes)
        rest = np.eye(n_classes) - mean
        return solved(rest @ matrix @ rest + mean, right)


@dataclass(frozen=True)
class PolynomialScaling:
    """``constant + linear * s + square * s^2 + beta * log(cosh(s / 2))`` of a single score s.

    With ``square`` 0 it is beta calibration (Kull, Silva Filho and Flach 2017): of
    ``p = sigmoid(s)``, ``a log(p) - c log(1 - p)`` has ``linear = (a + c) / 2``, ``beta = c - a``.
    """

    constant: float
    linear: float
    square: float = 0.0
    beta: float = 0.0

    def forward(self, scores):
        moved = self.constant + scores * (self.linear + self.square * scores)
        return moved + self.beta * log_cosh_half(scores) if self.beta else moved

    def inverse(self, scores):
        """The root that tends to the linear one as ``square`` and ``beta`` tend to 0."""
        if self.beta:
            target = scores - self.constant
            return by_continuation(self._residual, target / self.linear, target)
        remainder = self.constant - scores
        discriminant = self.linear**2 - 4 * self.square * remainder
        if (discriminant < 0).any():
            raise no_score_leads_to(int((discriminant < 0).any(axis=1).argmax()))
        return -2 * remainder / (self.linear + np.copysign(np.sqrt(discriminant), self.linear))

    def _residual(self, scores, target, share):
        nonlinear = self.square * scores**2 + self.beta * log_cosh_half(scores)
        slope = 2 * self.square * scores + self.beta * np.tanh(scores / 2) / 2
        error = self.linear * scores + share * nonlinear - target
        return error, error / (self.linear + share * slope)


def solved(matrices, right):
    """Solutions, row by row; nan where the matrix of a row is singular.

    matrices : ndarray of shape (n_rows, n, n), or (n, n) for all rows
    right : ndarray of shape (n_rows, n)
    """
    with suppress(np.linalg.LinAlgError):
        return np.linalg.solve(matrices, right[..., None])[..., 0]
    found = np.full_like(right, np.nan)
    for row, matrix in enumerate(np.broadcast_to(matrices, (len(right), *matrices.shape[-2:]))):
        with suppress(np.linalg.LinAlgError):
            found[row] = np.linalg.solve(matrix, right[row])
    return found


def log_cosh_half(scores):
    """``log(cosh(s / 2))`` without overflow."""
    size = np.abs(scores)
    return size / 2 + np.log1p(np.exp(-size)) - np.log(2)


@quiet  # rows without a root may leave all bounds before they are refused
def by_continuation(residual, start, target, first_row=0):
    """Roots of a function by Newton steps, while its nonlinear part grows from 0 to the whole.

    residual : function of roots, targets and the share of the nonlinear part, to errors and steps
    start : roots of the linear part, (n_rows, n_scores)
    target : what the function is to be, (n_rows, n_scores), in whose size a row's errors are judged
    first_row : number of the first row, for the message
    """
    size = 1 + np.abs(target).max(axis=1, initial=0.0)
    found = start
    for share in np.linspace(0, 1, N_SHARES + 1)[1:]:
        for _ in range(MAX_NEWTON_STEPS):
            error, step = residual(found, target, share)
            if not (np.abs(error).max(axis=1) > 1e-13 * size).any():
                break
            found = found - step
    failed = ~(np.abs(residual(found, target, 1.0)[0]).max(axis=1) <= 1e-9 * size)
    if failed.any():
        raise no_score_leads_to(first_row + int(failed.argmax()))
    return found


def no_score_leads_to(row):
    """The error of a row whose probabilities no scores are mapped to."""
    return ValueError(f"Row {row} of X holds a probability that no score leads to.")


def averaged(steps, weights):
    """The step whose fields are weighted means of those of steps of one class.

    These classes are linear in their fields, so that its scores are the means of theirs.
    """
    names = [field.name for field in fields(steps[0])]
    pairs = list(zip(weights, steps, strict=True))
    return type(steps[0])(*(sum(w * getattr(step, name) for w, step in pairs) for name in names))


STEPS = (TemperatureScaling, UniformMixture, VectorScaling, MatrixScaling, PolynomialScaling)


def forward(steps, scores):
    """Apply the steps in order."""
    for step in steps:
        scores = step.forward(scores)
    return scores


def inverse(steps, scores):
    """Undo the steps, last first."""
    for step in reversed(steps):
        scores = step.inverse(scores)
    return scores


def row_losses(scores, labels):
    """Minus the log probability of each row's label, (n_rows,)."""
    logs = log_softmax(expanded(scores))
    return -logs[np.arange(len(labels)), labels]


def sum_of_losses(scores, labels, weight):
    """Weighted sum of minus the log probability of each row's label."""
    return weight @ row_losses(scores, labels)
