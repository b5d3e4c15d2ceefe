"""Softmax for scikit-learn: functions, a regression and a transformer on one stable core."""

from sksoftmax.calibrated import SoftmaxCalibratedClassifier
from sksoftmax.decision_scores import DecisionScores
from sksoftmax.functions import cross_entropy, log_softmax, logsumexp, softmax
from sksoftmax.plots import ReliabilityDisplay
from sksoftmax.regression import SoftmaxRegression
from sksoftmax.transformer import SoftmaxTransformer

__all__ = [
    "DecisionScores",
    "ReliabilityDisplay",
    "SoftmaxCalibratedClassifier",
    "SoftmaxRegression",
    "SoftmaxTransformer",
    "cross_entropy",
    "log_softmax",
    "logsumexp",
    "softmax",
]
__version__ = "0.1.0"
