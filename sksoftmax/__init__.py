"""Softmax for scikit-learn: functions, multinomial logistic regression, and calibration."""

import importlib
import typing

from sksoftmax._version import __version__ as __version__

# Each file is loaded when a name of it is first used: all 150 take 60 ms, and no program needs all.
# Type checkers run nothing, so that they are told in imports what ``_FILES`` says below.
if typing.TYPE_CHECKING:
    from sksoftmax._calibration.calibrated_classifier import (
        SoftmaxCalibratedClassifier as SoftmaxCalibratedClassifier,
    )
    from sksoftmax._calibration.decision_scores import DecisionScores as DecisionScores
    from sksoftmax._calibration.transformer import SoftmaxTransformer as SoftmaxTransformer
    from sksoftmax._displays.coefficients import CoefficientDisplay as CoefficientDisplay
    from sksoftmax._displays.optimization import OptimizationDisplay as OptimizationDisplay
    from sksoftmax._displays.path import PathDisplay as PathDisplay
    from sksoftmax._displays.reliability import ReliabilityDisplay as ReliabilityDisplay
    from sksoftmax._functions.api import cross_entropy as cross_entropy
    from sksoftmax._functions.api import log_softmax as log_softmax
    from sksoftmax._functions.api import logsumexp as logsumexp
    from sksoftmax._functions.api import softmax as softmax
    from sksoftmax._inference.api import infer as infer
    from sksoftmax._inference.held_out import approximate_leave_one_out as approximate_leave_one_out
    from sksoftmax._inference.inference import Inference as Inference
    from sksoftmax._linear_model.regression import SoftmaxRegression as SoftmaxRegression
    from sksoftmax._linear_model.regression_cv import SoftmaxRegressionCV as SoftmaxRegressionCV
    from sksoftmax._objective.penalties import ElasticNet as ElasticNet
    from sksoftmax._objective.penalties import GroupLasso as GroupLasso
    from sksoftmax._runtime.versions import show_versions as show_versions

# Where each public name lives.
_FILES = {
    "CoefficientDisplay": "_displays.coefficients",
    "DecisionScores": "_calibration.decision_scores",
    "ElasticNet": "_objective.penalties",
    "GroupLasso": "_objective.penalties",
    "Inference": "_inference.inference",
    "OptimizationDisplay": "_displays.optimization",
    "PathDisplay": "_displays.path",
    "ReliabilityDisplay": "_displays.reliability",
    "SoftmaxCalibratedClassifier": "_calibration.calibrated_classifier",
    "SoftmaxRegression": "_linear_model.regression",
    "SoftmaxRegressionCV": "_linear_model.regression_cv",
    "SoftmaxTransformer": "_calibration.transformer",
    "approximate_leave_one_out": "_inference.held_out",
    "cross_entropy": "_functions.api",
    "infer": "_inference.api",
    "log_softmax": "_functions.api",
    "logsumexp": "_functions.api",
    "show_versions": "_runtime.versions",
    "softmax": "_functions.api",
}
__all__ = list(_FILES)

if not typing.TYPE_CHECKING:  # which would then take any name for a public one

    def __getattr__(name: str) -> object:
        if name == "metrics":
            return importlib.import_module("sksoftmax.metrics")
        if name not in _FILES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "metrics"})
