"""Softmax for scikit-learn: functions, a regression and a transformer on one stable core."""

from sksoftmax.calibrated import SoftmaxCalibratedClassifier
from sksoftmax.decision_scores import DecisionScores
from sksoftmax.functions import cross_entropy, log_softmax, logsumexp, softmax
from sksoftmax.optimization_display import OptimizationDisplay
from sksoftmax.path_plots import PathDisplay
from sksoftmax.penalties import ElasticNet, GroupLasso
from sksoftmax.plots import ReliabilityDisplay
from sksoftmax.regression import SoftmaxRegression
from sksoftmax.regression_cv import SoftmaxRegressionCV
from sksoftmax.transformer import SoftmaxTransformer

__all__ = [
    "DecisionScores",
    "ElasticNet",
    "GroupLasso",
    "OptimizationDisplay",
    "PathDisplay",
    "ReliabilityDisplay",
    "SoftmaxCalibratedClassifier",
    "SoftmaxRegression",
    "SoftmaxRegressionCV",
    "SoftmaxTransformer",
    "cross_entropy",
    "log_softmax",
    "logsumexp",
    "softmax",
]
__version__ = "0.1.0"
