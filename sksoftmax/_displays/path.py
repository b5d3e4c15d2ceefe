"""Plots of a cross-validated regularisation path: scores or coefficients against C."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from sksoftmax._data import parameter_checks
from sksoftmax._data.dispatch import snapshot
from sksoftmax._displays.axes import axes, verbatim
from sksoftmax._displays.estimators import final_estimator
from sksoftmax._functions.checks import check_option
from sksoftmax._runtime.public import public

KINDS = ("scores", "coefficients")


@public("sksoftmax")
class PathDisplay:
    """Regularisation path: scores of the folds, or coefficients, against C.

    Make one with `from_estimator`. Everything it draws was computed by the fit.

    Parameters
    ----------
    Cs : ndarray of shape (n_Cs,)
        The values of C.
    scores : ndarray of shape (n_folds, n_Cs)
        The scores of each fold.
    coefs : ndarray of shape (n_Cs, n_classes or 1, n_features)
        The coefficients fitted to all rows.
    C : float
        The value chosen.
    score_name : str, default=None
        What the axis of scores is called.
    feature_names : array-like of shape (n_features,), default=None
        What the coefficients' lines are called.
    classes : array-like of shape (n_classes,), default=None
        The labels, by which one class's coefficients can be asked for.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure that holds it.
    lines_ : list of matplotlib Line2D
        The curve of the mean score, or one curve for each feature.
    errorbar_ : matplotlib ErrorbarContainer or None
        The standard errors of the mean score.
    chosen_line_, best_line_ : matplotlib Line2D or None
        The value of C that was chosen, and that of the best mean score where it is another.

    See Also
    --------
    SoftmaxRegressionCV : Finds what is drawn.

    Notes
    -----
    An error bar is a standard error of the mean over the folds, up and down. ``rule="1se"`` takes
    the smallest C whose mean is not below the best one's bar.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksoftmax import PathDisplay, SoftmaxRegressionCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxRegressionCV(Cs=20, l1_ratios=[1.0], rule="1se").fit(X, y)
    >>> display = PathDisplay.from_estimator(model)  # doctest: +SKIP
    >>> display = PathDisplay.from_estimator(model, kind="coefficients")  # doctest: +SKIP
    """

    def __init__(
        self,
        Cs: ArrayLike,
        *,
        scores: ArrayLike,
        coefs: ArrayLike,
        C: float,
        score_name: str | None = None,
        feature_names: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> None:
        self.Cs = Cs
        self.scores = scores
        self.coefs = coefs
        self.C = C
        self.score_name = score_name
        self.feature_names = feature_names
        self.classes = classes

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, l1_ratio: float | None = None, **drawing: Any
    ) -> Self:
        """Draw what a fitted SoftmaxRegressionCV found.

        Parameters
        ----------
        estimator : fitted SoftmaxRegressionCV, or a pipeline or search that ends in one
            What holds the scores and coefficients. Features are called by the names that the steps
            of the pipeline give them.
        l1_ratio : float, default=None
            One of ``estimator.l1_ratios_``; None is the one chosen.
        **drawing : dict
            Parameters of `plot`.

        Returns
        -------
        display : PathDisplay
            What was drawn.

        Raises
        ------
        ValueError, TypeError
            If the estimator did not try that `l1_ratio`, or is of another kind.
        """
        estimator, feature_names = final_estimator(estimator)
        if not hasattr(estimator, "Cs"):
            raise TypeError(
                "estimator must be a SoftmaxRegressionCV, or a pipeline or search that ends in "
                f"one, got {type(estimator).__name__}"
            )
        check_is_fitted(estimator, "coef_path_")
        estimator = snapshot(estimator)
        wanted = estimator.l1_ratio_ if l1_ratio is None else l1_ratio
        indices = np.flatnonzero(estimator.l1_ratios_ == wanted)
        if len(indices) == 0:
            tried = estimator.l1_ratios_.tolist()
            raise ValueError(f"l1_ratio must be one of those tried, {tried}, got {l1_ratio!r}")
        scoring = estimator.scoring
        display = cls(
            estimator.Cs_,
            scores=estimator.scores_[:, indices[0]],
            coefs=estimator.coef_path_[indices[0], :, :, : estimator.n_features_in_],
            C=estimator.C_,
            score_name=scoring if isinstance(scoring, str) else "score",
            feature_names=feature_names,
            classes=estimator.classes_,
        )
        return display.plot(**drawing)

    def plot(
        self,
        ax: Any = None,
        *,
        kind: str = "scores",
        label: Any = None,
        most_names: int = 10,
        **line: Any,
    ) -> Self:
        """Draw the scores or the coefficients against C.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None is a new figure.
        kind : {"scores", "coefficients"}, default="scores"
            The mean score with its standard errors, or a curve for each feature.
        label : a class, default=None
            Whose coefficients to draw. None is, of two classes, those of the second, and of more
            each feature's norm across classes.
        most_names : int, default=10
            How many features the legend names, in colours of their own: the largest at the
            chosen C. The others are gray.
        **line : dict
            Parameters of matplotlib for the curves.

        Returns
        -------
        self : PathDisplay
            The display.

        Raises
        ------
        ValueError, TypeError
            For an unknown kind or label, or what is no number of names.
        """
        check_option("kind", kind, KINDS)
        parameter_checks.check_number("most_names", most_names, least=0, integer=True)
        curves = self._curves(label) if kind == "coefficients" else None
        ax = axes(ax, "PathDisplay")
        self.ax_, self.figure_ = ax, ax.figure
        self.errorbar_ = self.best_line_ = None
        if kind == "scores":
            self._plot_scores(line)
        else:
            self._plot_coefficients(curves, most_names, line)
            norms = label is None and np.shape(self.coefs)[1] > 1
            one = "coefficient" if label is None else f"coefficient, {verbatim(label)}"
            ax.set_ylabel("norm over classes" if norms else one)
        self.chosen_line_ = ax.axvline(
            self.C, color="black", linestyle="--", linewidth=1, label=f"chosen, C = {self.C:.3g}"
        )
        ax.set(xscale="log", xlabel="C")
        ax.legend(loc="best")
        return self

    def _plot_scores(self, line):
        mean, n_folds = self.scores.mean(axis=0), len(self.scores)
        error = self.scores.std(axis=0, ddof=1) / np.sqrt(n_folds) if n_folds > 1 else None
        style = {"marker": "o", "markersize": 3, "capsize": 2, "label": "mean over folds", **line}
        self.errorbar_ = self.ax_.errorbar(self.Cs, mean, yerr=error, **style)
        self.lines_ = [self.errorbar_.lines[0]]
        best = float(self.Cs[np.argmax(mean)])
        if best != self.C:
            self.best_line_ = self.ax_.axvline(
                best, color="gray", linestyle=":", linewidth=1, label=f"best, C = {best:.3g}"
            )
        self.ax_.set_ylabel(verbatim(self.score_name or "score"))

    def _plot_coefficients(self, curves, most_names, line):
        names = self.feature_names
        names = [f"feature {j}" for j in range(curves.shape[1])] if names is None else names
        at_chosen = np.abs(curves[np.argmin(np.abs(np.asarray(self.Cs) - self.C))])
        order = np.argsort(-at_chosen, kind="stable")
        named = {int(j): rank for rank, j in enumerate(order[:most_names]) if at_chosen[j] > 0}
        self.lines_ = []
        for j, curve in enumerate(curves.T):
            style = {"linewidth": 1, "color": "silver"}
            if j in named:
                # Each has a colour of its own, as far as matplotlib's cycle goes.
                style |= {"label": verbatim(names[j]), "color": f"C{named[j]}", "linewidth": 1.5}
            self.lines_ += self.ax_.plot(self.Cs, curve, **{**style, **line})

    def _curves(self, label):
        """The curves to draw, (n_Cs, n_features): coefficients or their norms over classes."""
        coefs = np.asarray(self.coefs)
        if label is None:
            return coefs[:, 0] if coefs.shape[1] == 1 else np.sqrt(np.sum(coefs**2, axis=1))
        indices = np.flatnonzero(np.asarray(self.classes) == label)
        if len(indices) == 0:
            known = np.asarray(self.classes).tolist()
            raise ValueError(f"label must be one of {known}, got {label!r}")
        if coefs.shape[1] == 1:
            return coefs[:, 0] if indices[0] == 1 else -coefs[:, 0]
        return coefs[:, indices[0]]
