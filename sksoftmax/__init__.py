"""Softmax for scikit-learn: functions, multinomial logistic regression, and calibration."""

from sksoftmax._calibration.calibrated_classifier import SoftmaxCalibratedClassifier
from sksoftmax._calibration.decision_scores import DecisionScores
from sksoftmax._calibration.transformer import SoftmaxTransformer
from sksoftmax._displays.coefficients import CoefficientDisplay
from sksoftmax._displays.optimization import OptimizationDisplay
from sksoftmax._displays.path import PathDisplay
from sksoftmax._displays.reliability import ReliabilityDisplay
from sksoftmax._functions.api import cross_entropy, log_softmax, logsumexp, softmax
from sksoftmax._inference.api import infer
from sksoftmax._inference.held_out import approximate_leave_one_out
from sksoftmax._inference.inference import Inference
from sksoftmax._linear_model.regression import SoftmaxRegression
from sksoftmax._linear_model.regression_cv import SoftmaxRegressionCV
from sksoftmax._objective.penalties import ElasticNet, GroupLasso
from sksoftmax._runtime.versions import show_versions
from sksoftmax._version import __version__ as __version__

__all__ = [
    "CoefficientDisplay",
    "DecisionScores",
    "ElasticNet",
    "GroupLasso",
    "Inference",
    "OptimizationDisplay",
    "PathDisplay",
    "ReliabilityDisplay",
    "SoftmaxCalibratedClassifier",
    "SoftmaxRegression",
    "SoftmaxRegressionCV",
    "SoftmaxTransformer",
    "approximate_leave_one_out",
    "cross_entropy",
    "infer",
    "log_softmax",
    "logsumexp",
    "show_versions",
    "softmax",
]
# What is public says so in tracebacks, and in pickles, which then outlive the files of the package.
for _name in __all__:
    globals()[_name].__module__ = __name__
del _name
