"""Forest plots: coefficients or odds ratios with their intervals, class by class."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sksoftmax._data import parameter_checks
from sksoftmax._displays.axes import axes, verbatim
from sksoftmax._functions.checks import check_option
from sksoftmax._inference.inference import Inference
from sksoftmax._runtime.public import public
from sksoftmax._runtime.quiet import quiet

KINDS = ("coef", "odds_ratio")
# Share of the distance between two features that the intervals of all classes take.
BAND = 0.6
STYLE = {"linestyle": "none", "marker": "o", "markersize": 4, "capsize": 2}


@public("sksoftmax")
class CoefficientDisplay:
    """Forest plot: coefficients or odds ratios with their intervals, class by class.

    Make one with `from_inference`. A row of the plot is a feature; each class has a point and an
    interval in it, in a colour of its own.

    Parameters
    ----------
    coef : ndarray of shape (n_contrasts, n_features)
        The coefficients, or the odds ratios.
    lower, upper : ndarrays of shape (n_contrasts, n_features)
        The ends of their intervals.
    classes : array-like of shape (n_contrasts,)
        The label of each row of ``coef``.
    features : array-like of shape (n_features,)
        The name of each column of ``coef``.
    kind : {"coef", "odds_ratio"}, default="coef"
        What ``coef`` is.
    reference : label, default=None
        The class that the rows are against; None is the mean of all, or the first of two.
    level : float, default=0.95
        The level of the intervals.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure that holds it.
    errorbars_ : dict of label to matplotlib ErrorbarContainer
        The points and intervals of each class.
    no_effect_line_ : matplotlib Line2D
        Where a feature has no effect: 0 for coefficients, 1 for odds ratios.

    See Also
    --------
    sksoftmax.infer : Finds what is drawn.

    Notes
    -----
    Odds ratios have a logarithmic axis, on which their intervals are as long to either side. A
    coefficient is for one unit of its feature: columns in like units, as those of a
    ``StandardScaler`` are, can be compared.

    References
    ----------
    .. [1] S. Lewis and M. Clarke (2001). Forest plots: trying to see the wood and the trees. BMJ
       322, 1479-1480.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksoftmax import CoefficientDisplay, SoftmaxRegression, infer
    >>> X, y = load_iris(return_X_y=True)
    >>> inference = infer(SoftmaxRegression().fit(X, y), X, y)
    >>> display = CoefficientDisplay.from_inference(inference)  # doctest: +SKIP
    """

    def __init__(
        self,
        coef: ArrayLike,
        *,
        lower: ArrayLike,
        upper: ArrayLike,
        classes: ArrayLike,
        features: ArrayLike,
        kind: str = "coef",
        reference: Any = None,
        level: float = 0.95,
    ) -> None:
        self.coef = coef
        self.lower = lower
        self.upper = upper
        self.classes = classes
        self.features = features
        self.kind = kind
        self.reference = reference
        self.level = level

    @classmethod
    def from_inference(
        cls,
        inference: Any,
        kind: str = "coef",
        *,
        level: float = 0.95,
        intercept: bool = False,
        **drawing: Any,
    ) -> Self:
        """Draw what an Inference knows of the coefficients that it shows.

        Parameters
        ----------
        inference : Inference
            What ``infer`` returned, of the features and classes that were asked for.
        kind : {"coef", "odds_ratio"}, default="coef"
            Coefficients, or their exponentials: factors of the odds for one unit of a feature.
        level : float, default=0.95
            Of the intervals.
        intercept : bool, default=False
            Whether to draw the intercepts too, whose units are those of no feature.
        **drawing : dict
            Parameters of `plot`.

        Returns
        -------
        display : CoefficientDisplay
            What was drawn.

        Raises
        ------
        ValueError, TypeError
            For an unknown kind, a level that is none, or what is no Inference.
        """
        if not isinstance(inference, Inference):
            raise TypeError(
                "inference must be what sksoftmax.infer(model, X, y) returns, got "
                f"{type(inference).__name__}"
            )
        check_option("kind", kind, KINDS)
        parameter_checks.check_flag("intercept", intercept)
        shown = intercept | (inference.columns < len(inference.model.names))
        if not shown.any():
            raise ValueError("the inference shows no feature: write intercept=True to draw it")
        numbers = (inference.coef, *inference.confidence_interval(level))
        if kind == "odds_ratio":
            numbers = map(quiet(np.exp), numbers)
        coef, lower, upper = (part[:, shown] for part in numbers)
        display = cls(
            coef, lower=lower, upper=upper, classes=inference.classes,
            features=inference.features[shown], kind=kind, reference=inference.reference,
            level=level,
        )  # fmt: skip
        return display.plot(**drawing)

    def plot(self, ax: Any = None, **style: Any) -> Self:
        """Draw the intervals, the first feature on top.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None is a new figure.
        **style : dict
            Parameters of matplotlib's ``errorbar``.

        Returns
        -------
        self : CoefficientDisplay
            The display.
        """
        height = max(3.0, 0.5 + 0.15 * np.size(self.coef) + 0.2 * len(self.features))
        ax = axes(ax, "CoefficientDisplay", figsize=(6.4, min(height, 40.0)))
        self.ax_, self.figure_, self.errorbars_ = ax, ax.figure, {}
        of_odds = self.kind == "odds_ratio"
        self.no_effect_line_ = ax.axvline(
            float(of_odds), color="gray", linestyle="--", linewidth=1, zorder=0
        )
        rows, n_contrasts = np.arange(len(self.features)), len(self.classes)
        offsets = BAND * ((np.arange(n_contrasts) + 0.5) / n_contrasts - 0.5)
        for label, offset, *numbers in zip(
            np.asarray(self.classes).tolist(), offsets, self.coef, self.lower, self.upper,
            strict=True,
        ):  # fmt: skip
            middle, lengths = _finite(*numbers)
            own = {"label": verbatim(label), **STYLE, **style}
            self.errorbars_[label] = ax.errorbar(middle, rows + offset, xerr=lengths, **own)
        ax.set_yticks(rows, [verbatim(name) for name in self.features])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        if of_odds:
            ax.set_xscale("log")
        ax.set_xlabel(self._label())
        if n_contrasts > 1:
            ax.legend(loc="best")
        return self

    def _label(self):
        """What the axis of coefficients is called."""
        what = {"coef": "coefficient", "odds_ratio": "odds ratio"}[self.kind]
        against = "the mean of the classes" if self.reference is None else verbatim(self.reference)
        own = f"{verbatim(self.classes[0])} " if len(self.classes) == 1 else ""
        return f"{what}, {own}against {against}, {100 * self.level:g} % intervals"


@quiet
def _finite(middle, lower, upper):
    """Points and the lengths of their intervals to either side; nan where they overflow."""
    middle = np.where(np.isfinite(middle), middle, np.nan)
    lengths = np.array([middle - lower, upper - middle])
    return middle, np.where(np.isfinite(lengths), np.maximum(lengths, 0), np.nan)
