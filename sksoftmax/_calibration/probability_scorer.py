"""Scorers of metrics of probabilities, for searches."""

from collections.abc import Callable
from typing import Any, Self

from sklearn import get_config
from sklearn.utils import column_or_1d
from sklearn.utils.metadata_routing import MetadataRequest

from sksoftmax._calibration import classifier_scores
from sksoftmax._data import validation
from sksoftmax._runtime.public import public


@public("sksoftmax.metrics")
class probability_scorer:
    """Make a scorer of a metric of probabilities, for `GridSearchCV` and its like.

    It asks `predict_proba` or, of a pipeline that ends in a `SoftmaxTransformer`, `transform`;
    and it tells the metric the estimator's classes, so that a fold may lack one. Columns are in
    the order of the sorted classes, whichever order the estimator has them in. With metadata
    routing enabled, `set_score_request` says what the metric gets.

    Parameters
    ----------
    metric : callable
        ``metric(y_true, y_proba, *, labels, sample_weight, ...)``: those of ``sksoftmax.metrics``,
        or scikit-learn's ``log_loss``.
    greater_is_better : bool, default=False
        Whether the metric is a score; of a loss, the scorer gives the negative.
    **parameters : dict
        Further parameters of the metric.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sksoftmax.metrics import probability_scorer, refinement_loss
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(
    ...     LogisticRegression(max_iter=1000), {"C": [0.01, 1.0]},
    ...     scoring=probability_scorer(refinement_loss),
    ... )
    >>> search.fit(X, y).best_params_
    {'C': 1.0}
    """

    def __init__(
        self, metric: Callable[..., Any], *, greater_is_better: bool = False, **parameters: Any
    ) -> None:
        if not callable(metric):
            raise TypeError(
                f"metric must be a function of labels and probabilities, got {metric!r}"
            )
        self.metric = metric
        self.greater_is_better = greater_is_better
        self.parameters = parameters
        self.requests = {"sample_weight": None}

    def __call__(self, estimator, X, y, sample_weight=None, **metadata):
        if metadata and not get_config()["enable_metadata_routing"]:
            raise TypeError(
                f"{self!r} got {sorted(metadata)}: metadata are passed to the metric with "
                "sklearn.set_config(enable_metadata_routing=True) alone."
            )
        probabilities, classes = classifier_scores.probabilities(estimator, X)
        parameters = {**self.parameters, **metadata}
        if classes is not None:
            parameters["labels"] = classes
        if sample_weight is not None:
            parameters["sample_weight"] = sample_weight
        y = y if validation.on_dask(y) else column_or_1d(y)
        value = self.metric(y, probabilities, **parameters)
        return value if self.greater_is_better else -value

    def __repr__(self):
        name = getattr(self.metric, "__name__", repr(self.metric))
        options = {"greater_is_better": True} if self.greater_is_better else {}
        options |= self.parameters
        shown = ", ".join([name, *(f"{key}={value!r}" for key, value in options.items())])
        return f"probability_scorer({shown})"

    def set_score_request(self, **requests: Any) -> Self:
        """Say which metadata the metric gets, as of the scorers that scikit-learn makes.

        Parameters
        ----------
        **requests : dict of str to bool, str or None
            By the name of the metric's parameter: whether it is passed if it is provided, or the
            name under which it is; None is an error if it is provided.

        Returns
        -------
        self : probability_scorer
            The scorer.

        Raises
        ------
        RuntimeError
            If metadata routing is not enabled.
        """
        if not get_config()["enable_metadata_routing"]:
            raise RuntimeError(
                "set_score_request needs metadata routing: call "
                "sklearn.set_config(enable_metadata_routing=True) first."
            )
        self.requests = requests
        return self

    def get_metadata_routing(self) -> Any:
        """Tell which metadata the metric gets.

        Returns
        -------
        routing : MetadataRequest
            What scikit-learn's metadata routing asks for.
        """
        routing = MetadataRequest(owner=repr(self))
        for name, alias in self.requests.items():
            routing.score.add_request(param=name, alias=alias)
        return routing
