"""Learned steps from decision scores to calibrated ones, each with its way back.

Scores come in their compact form: rows of K >= 3 scores that sum to zero, or one column, the
score of the second of two classes. Every step gives the same form back, and is a bijection of it
where its parameters are not degenerate.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sksoftmax._functions.api import log_softmax, softmax


class Step(Protocol):
    """A bijection of scores."""

    def forward(self, scores): ...

    def inverse(self, scores): ...


def centred(scores):
    """Rows less their mean: scores are only defined up to a constant in each row."""
    return scores - scores.mean(axis=1, keepdims=True)


def compact(scores):
    """The form that steps work on, in float64: one column for two classes, else centred rows."""
    scores = np.asarray(scores, dtype=np.float64)
    return scores[:, 1:] - scores[:, :1] if scores.shape[1] == 2 else centred(scores)


def expanded(scores):
    """One column a class: ``(0, s)`` of a single column."""
    return np.hstack([np.zeros_like(scores), scores]) if scores.shape[1] == 1 else scores


@dataclass(frozen=True)
class Scale:
    """``beta * scores``, beta being one over the temperature."""

    beta: float

    def forward(self, scores):
        return self.beta * scores

    def inverse(self, scores):
        return scores / self.beta


@dataclass(frozen=True)
class Mix:
    """Scores of the probabilities ``(1 - share) p + share / K``, which are never extreme."""

    share: float

    def forward(self, scores):
        probability = softmax(expanded(scores))
        probability *= 1 - self.share
        probability += self.share / probability.shape[1]
        return compact(np.log(probability))

    def inverse(self, scores):
        probability = softmax(expanded(scores))
        probability -= self.share / probability.shape[1]
        if (probability <= 0).any():
            row = int((probability <= 0).any(axis=1).argmax())
            raise ValueError(
                f"Row {row} of X holds a probability more extreme than any that scores lead to."
            )
        return compact(np.log(probability))


@dataclass(frozen=True)
class VectorStep:
    """``scale_k * scores_k + bias_k``."""

    scale: np.ndarray
    bias: np.ndarray

    def forward(self, scores):
        return centred(scores * self.scale + self.bias)

    def inverse(self, scores):
        # scale_k s_k + bias_k = scores_k + c with the c that makes the s_k sum to zero.
        start = (scores - self.bias) / self.scale
        slope = 1 / self.scale
        return start - start.sum(axis=1, keepdims=True) / slope.sum() * slope


@dataclass(frozen=True)
class MatrixStep:
    """``matrix @ scores + bias``."""

    matrix: np.ndarray
    bias: np.ndarray

    def forward(self, scores):
        return centred(scores @ self.matrix.T + self.bias)

    def inverse(self, scores):
        # On rows that sum to zero: the centred matrix there, and the mean of a row unchanged.
        n_classes = len(self.matrix)
        mean = np.full((n_classes, n_classes), 1 / n_classes)
        rest = np.eye(n_classes) - mean
        square = rest @ self.matrix @ rest + mean
        return np.linalg.solve(square, (centred(scores - self.bias)).T).T


@dataclass(frozen=True)
class PolynomialStep:
    """``constant + linear * s + square * s^2`` of a single score."""

    constant: float
    linear: float
    square: float = 0.0

    def forward(self, scores):
        return self.constant + scores * (self.linear + self.square * scores)

    def inverse(self, scores):
        """The root that is continuous where the square's part vanishes."""
        excess = self.constant - scores
        discriminant = self.linear**2 - 4 * self.square * excess
        if (discriminant < 0).any():
            row = int((discriminant < 0).any(axis=1).argmax())
            raise ValueError(f"Row {row} of X holds a probability that no score leads to.")
        return -2 * excess / (self.linear + np.copysign(np.sqrt(discriminant), self.linear))


STEPS = (Scale, Mix, VectorStep, MatrixStep, PolynomialStep)


def forward(steps, scores):
    for step in steps:
        scores = step.forward(scores)
    return scores


def inverse(steps, scores):
    for step in reversed(steps):
        scores = step.inverse(scores)
    return scores


def sum_of_losses(scores, labels, weight):
    """Weighted sum of minus the log probability of each row's label."""
    logs = log_softmax(expanded(scores))
    return -(weight @ logs[np.arange(len(labels)), labels])
