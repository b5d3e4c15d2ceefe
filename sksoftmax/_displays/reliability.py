"""Reliability diagrams: observed frequency against predicted probability, in bins."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.multiclass import unique_labels

from sksoftmax._calibration.classifier_scores import probabilities
from sksoftmax._displays.axes import axes, verbatim
from sksoftmax._runtime.public import public
from sksoftmax._runtime.types import DataLike
from sksoftmax.metrics import Reliability, reliability

TOP = "most probable class"


@public("sksoftmax")
class ReliabilityDisplay:
    """Reliability diagram: observed frequency against predicted probability.

    A point of the diagram is a bin of rows: their mean confidence, and the fraction of them that
    is right. A perfectly calibrated classifier is on the diagonal. Make one with `from_estimator`
    or `from_predictions`.

    Parameters
    ----------
    curves : dict of str to Reliability
        What is drawn, by name: answers of ``sksoftmax.metrics.reliability``.

    Attributes
    ----------
    curves : dict of str to Reliability
        As given.
    ax_ : matplotlib Axes
        Where the diagram was drawn.
    histogram_ax_ : matplotlib Axes or None
        Where the histogram of confidence was drawn.
    lines_ : dict of str to matplotlib Line2D
        The curves, by name.
    bands_ : dict of str to matplotlib artist
        Their confidence bands, by name; empty without bands.
    figure_ : matplotlib Figure
        The figure that holds it all.

    See Also
    --------
    SoftmaxCalibratedClassifier : A classifier with calibrated probabilities.

    Notes
    -----
    The band is the Wilson interval of the accuracy of each bin. If it excludes the diagonal in
    many bins the classifier is not calibrated; in a few of many it may do so by chance.

    References
    ----------
    .. [1] A. Niculescu-Mizil and R. Caruana (2005), "Predicting good probabilities with supervised
       learning", ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sksoftmax import ReliabilityDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GaussianNB().fit(X, y)
    >>> display = ReliabilityDisplay.from_estimator(model, X, y)  # doctest: +SKIP
    """

    def __init__(self, curves: dict[str, Reliability]) -> None:
        self.curves = curves

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: DataLike,
        y: DataLike,
        *,
        sample_weight: DataLike | None = None,
        **options: Any,
    ) -> Self:
        """Draw the diagram of a fitted classifier, on rows that it should not have seen.

        Parameters
        ----------
        estimator : fitted classifier, or pipeline that ends in a SoftmaxTransformer
            What gives the probabilities.
        X : what the estimator takes
            The rows.
        y : array-like of shape (n_samples,)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.
        **options : dict
            The further parameters of `from_predictions`.

        Returns
        -------
        display : ReliabilityDisplay
            What was drawn.
        """
        proba, classes = probabilities(estimator, X)
        if classes is not None:
            options["labels"] = classes
        return cls.from_predictions(y, proba, sample_weight=sample_weight, **options)

    @classmethod
    def from_predictions(
        cls,
        y_true: DataLike,
        y_proba: DataLike,
        *,
        sample_weight: DataLike | None = None,
        labels: ArrayLike | None = None,
        per_class: Any = False,
        n_bins: int | str = "auto",
        strategy: str = "uniform",
        level: float = 0.95,
        name: str | None = None,
        **drawing: Any,
    ) -> Self:
        """Draw the diagram of probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            Labels.
        y_proba : array-like of shape (n_samples, n_classes) or (n_samples,)
            Probabilities.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        labels : array-like of shape (n_classes,), default=None
            The label of each column; None is the sorted labels of `y_true`.
        per_class : bool or list of labels, default=False
            Whether to draw a curve for each class, or for some, in the place of one for the most
            probable class of each row.
        n_bins, strategy, level
            As in ``sksoftmax.metrics.reliability``.
        name : str, default=None
            What the legend calls the single curve.
        **drawing : dict
            Parameters of `plot`.

        Returns
        -------
        display : ReliabilityDisplay
            What was drawn.
        """
        data = {
            "sample_weight": sample_weight, "labels": labels,
            "n_bins": n_bins, "strategy": strategy, "level": level,
        }  # fmt: skip
        wanted = {name or TOP: None}
        if np.ndim(per_class) == 0 and not isinstance(per_class, (bool, np.bool_)):
            raise TypeError(
                f"per_class must be True, False or a list of labels, got {per_class!r}: write "
                f"per_class=[{per_class!r}] for one class."
            )
        if np.ndim(per_class) or per_class:
            all_labels = unique_labels(y_true) if labels is None else labels
            wanted = {str(k): k for k in (per_class if np.ndim(per_class) else all_labels)}
        curves = {
            key: reliability(y_true, y_proba, label=label, **data) for key, label in wanted.items()
        }
        return cls(curves).plot(**drawing)

    def plot(
        self, ax: Any = None, *, band: bool = True, histogram: bool = True, **line: Any
    ) -> Self:
        """Draw the diagram.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None is a new figure.
        band : bool, default=True
            Whether to draw confidence bands.
        histogram : bool, default=True
            Whether to draw the share of the weight in each bin, below the diagram. The axes of the
            diagram become smaller by it.
        **line : dict
            Parameters of matplotlib's ``plot`` for the curves.

        Returns
        -------
        self : ReliabilityDisplay
            The display.
        """
        ax = axes(ax, "ReliabilityDisplay")
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.bands_ = {}, {}
        ax.plot([0, 1], [0, 1], linestyle=":", color="gray", label="perfectly calibrated")
        for name, curve in self.curves.items():
            style = {"marker": "o", "markersize": 4, "label": verbatim(name), **line}
            (drawn,) = ax.plot(curve.confidence, curve.accuracy, **style)
            self.lines_[name] = drawn
            if band:
                self.bands_[name] = ax.fill_between(
                    curve.confidence, curve.low, curve.high, color=drawn.get_color(), alpha=0.2,
                    linewidth=0,
                )  # fmt: skip
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="observed frequency")
        ax.grid(alpha=0.3)
        ax.legend(loc="upper left")
        self.histogram_ax_ = self._plot_histogram() if histogram else None
        (self.histogram_ax_ or ax).set_xlabel("probability")
        return self

    def _plot_histogram(self):
        """Draw the share of the weight in each bin, in axes cut off the diagram's."""
        from mpl_toolkits.axes_grid1 import make_axes_locatable

        divider = make_axes_locatable(self.ax_)
        below = divider.append_axes("bottom", size="28%", pad=0.12, sharex=self.ax_)
        self.ax_.tick_params(labelbottom=False)
        for name, curve in self.curves.items():
            fraction = curve.weight / curve.weight.sum()
            width = np.maximum(curve.upper - curve.lower, 1e-3)
            color = self.lines_[name].get_color()
            style = {"edgecolor": color, "linewidth": 1.5, "fill": False}
            if len(self.curves) == 1:
                style |= {"fill": True, "facecolor": color, "alpha": 0.5}
            below.bar(curve.lower, fraction, width, align="edge", **style)
        below.set_ylabel("share", fontsize="small")
        below.tick_params(axis="y", labelsize="small")
        below.yaxis.set_major_formatter("{x:.0%}")
        below.grid(alpha=0.3, axis="y")
        return below
