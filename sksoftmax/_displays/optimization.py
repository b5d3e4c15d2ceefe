"""Convergence plots: how far fits are from the optimum, against steps or seconds."""

from typing import Any, NamedTuple, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sksoftmax._data.dispatch import snapshot
from sksoftmax._displays.axes import axes, verbatim
from sksoftmax._displays.estimators import final_estimator
from sksoftmax._functions.checks import check_option
from sksoftmax._runtime.public import public

AXES = {"iterations": "steps", "time": "seconds"}


class Descent(NamedTuple):
    """History of a fit; arrays of shape (n_iter_ + 1,).

    objective : the objective at the start and after each step
    time : seconds since the fit began; None of a copy or a stored model, which keeps none
    validation : the loss of held-out rows; empty without
    bound : float, a proved lower bound of the optimum; else the smallest objective of the fit
    tol : float, the parameter of the fit
    """

    objective: np.ndarray
    time: np.ndarray
    validation: np.ndarray
    bound: float
    tol: float

    @property
    def distance(self):
        """Upper bounds of the distance to the optimum."""
        return self.objective - self.bound

    @property
    def target(self):
        """The distance that ``tol`` asks for."""
        return self.tol * self.objective[-1]


@public("sksoftmax")
class OptimizationDisplay:
    """Convergence plot: the distance to the optimum of fits, against steps or seconds.

    Make one with `from_estimator` or `from_estimators`.

    Parameters
    ----------
    descents : dict of str to Descent
        What is drawn, by name.

    Attributes
    ----------
    descents : dict of str to Descent
        As given.
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure that holds it.
    lines_ : dict of str to matplotlib Line2D
        The distances or objectives, by name.
    tol_lines_ : dict of str to matplotlib Line2D
        The distances that `tol` asks for, by the name of the first fit with each; empty where
        objectives are drawn.
    validation_lines_ : dict of str to matplotlib Line2D
        The losses of rows held out, by name; of fits that held out none, none.

    See Also
    --------
    SoftmaxRegression : Keeps ``objective_curve_``, ``validation_curve_`` and ``time_curve_``.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sksoftmax import OptimizationDisplay, SoftmaxRegression
    >>> X, y = load_wine(return_X_y=True)
    >>> models = {name: SoftmaxRegression(solver=name).fit(X, y) for name in ("lbfgs", "newton")}
    >>> display = OptimizationDisplay.from_estimators(models)  # doctest: +SKIP
    >>> display = OptimizationDisplay.from_estimators(models, x="time")  # doctest: +SKIP
    """

    def __init__(self, descents: dict[str, Any]) -> None:
        self.descents = descents

    @classmethod
    def from_estimator(cls, estimator: Any, *, name: str | None = None, **drawing: Any) -> Self:
        """Draw the descent of one fit.

        Parameters
        ----------
        estimator : fitted SoftmaxRegression, or a pipeline or search that ends in one
            Of a search, the best estimator is drawn.
        name : str, default=None
            What the legend calls it; None is the estimator with its parameters.
        **drawing : dict
            Parameters of `plot`.

        Returns
        -------
        display : OptimizationDisplay
            What was drawn.
        """
        return cls.from_estimators([estimator] if name is None else {name: estimator}, **drawing)

    @classmethod
    def from_estimators(cls, estimators: Any, **drawing: Any) -> Self:
        """Draw the descents of several fits in one picture.

        Parameters
        ----------
        estimators : list of fitted estimators, or dict of str to fitted estimator
            As for `from_estimator`; the keys are what the legend calls them.
        **drawing : dict
            Parameters of `plot`.

        Returns
        -------
        display : OptimizationDisplay
            What was drawn.
        """
        named = estimators if isinstance(estimators, dict) else _named(estimators)
        if not named:
            raise ValueError("estimators must be one fitted estimator or more, and there are none")
        return cls({name: _descent(estimator) for name, estimator in named.items()}).plot(**drawing)

    def plot(
        self,
        ax: Any = None,
        *,
        x: str = "iterations",
        distance: bool = True,
        validation: bool = True,
        **line: Any,
    ) -> Self:
        """Draw the descents.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None is a new figure.
        x : {"iterations", "time"}, default="iterations"
            The horizontal axis: steps, or seconds since the fit began.
        distance : bool, default=True
            Whether to draw, on a logarithmic scale, an upper bound of the distance to the optimum:
            the objective less the lower bound that was proved at the end of the fit. Where none
            was proved, the smallest objective of the fit takes its place. A dotted line is the
            distance that `tol` asks for. False draws the objective itself.
        validation : bool, default=True
            Whether to draw the losses of rows held out, dashed, beside the objective; they have no
            part in distances.
        **line : dict
            Parameters of matplotlib's ``plot`` for the objectives.

        Returns
        -------
        self : OptimizationDisplay
            The display.
        """
        check_option("x", x, AXES)
        untimed = [name for name, descent in self.descents.items() if descent.time is None]
        if x == "time" and untimed:
            raise ValueError(
                f"x='time' needs the seconds of each step, which copies and stored models do not "
                f"keep, as of {untimed}: draw the estimators that were fitted, or x='iterations'"
            )
        ax = axes(ax, "OptimizationDisplay")
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.validation_lines_, self.tol_lines_ = {}, {}, {}
        for name, descent in self.descents.items():
            x_values = descent.time if x == "time" else np.arange(len(descent.objective))
            y_values = descent.distance if distance else descent.objective
            (self.lines_[name],) = ax.plot(x_values, y_values, **{"label": verbatim(name), **line})
            if validation and not distance and len(descent.validation):
                self._draw_validation(name, x_values)
        ax.set(xlabel=AXES[x], ylabel="distance to the optimum" if distance else "objective")
        if distance:
            if any((descent.distance > 0).any() for descent in self.descents.values()):
                ax.set_yscale("log", nonpositive="mask")
            self._draw_targets()
        if x == "iterations":
            ax.xaxis.get_major_locator().set_params(integer=True)
        ax.grid(alpha=0.3)
        ax.legend()
        return self

    def _draw_validation(self, name, x_values):
        """A dashed line for the losses of rows held out, in the colour of the objective's."""
        style = {"linestyle": "--", "color": self.lines_[name].get_color(), "alpha": 0.7}
        losses, label = self.descents[name].validation, f"{verbatim(name)}, rows held out"
        (self.validation_lines_[name],) = self.ax_.plot(x_values, losses, label=label, **style)

    def _draw_targets(self):
        """A dotted line for each distance that a `tol` asks for."""
        drawn = set()
        for name, descent in self.descents.items():
            height = f"{descent.target:.3g}"
            if descent.target > 0 and height not in drawn:
                drawn.add(height)
                style = {"color": "black", "linestyle": ":", "linewidth": 1.2}
                label = f"tol = {descent.tol:g}"
                self.tol_lines_[name] = self.ax_.axhline(descent.target, label=label, **style)


def _named(estimators):
    """Estimators by their printed form; equal ones are numbered."""
    named = {}
    for estimator in estimators:
        text = " ".join(str(final_estimator(estimator)[0]).split())
        count = sum(name == text or name.startswith(f"{text} (") for name in named)
        named[f"{text} ({count + 1})" if count else text] = estimator
    return named


def _descent(estimator):
    """The history of a fitted estimator."""
    model = snapshot(final_estimator(estimator)[0])
    check_is_fitted(model)
    if not hasattr(model, "objective_curve_"):
        raise TypeError(
            f"OptimizationDisplay draws what SoftmaxRegression keeps of its descent; "
            f"{type(model).__name__} keeps none"
        )
    proved = np.isfinite(model.gap_)
    bound = model.objective_ - model.gap_ if proved else model.objective_curve_.min()
    time = getattr(model, "time_curve_", None)
    return Descent(model.objective_curve_, time, model.validation_curve_, bound, model.tol)
