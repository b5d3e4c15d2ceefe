"""Convergence plots: the objective of fits against steps or seconds."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sksoftmax._data.dispatch import snapshot
from sksoftmax._displays.estimators import final_estimator
from sksoftmax._displays.labels import verbatim
from sksoftmax._displays.reliability import pyplot

AXES = {"iterations": "steps", "time": "seconds"}


class Descent(NamedTuple):
    """History of a fit; arrays of shape (n_iter_ + 1,).

    objective : the objective at the start and after each step
    time : seconds since the fit began; None of a copy or a stored model, which keeps none
    validation : the loss of held-out rows; empty without
    bound : float, a proved lower bound of the optimum; else the smallest objective of the fit
    """

    objective: np.ndarray
    time: np.ndarray
    validation: np.ndarray
    bound: float


class OptimizationDisplay:
    """Convergence plot: the objective of fits against steps or seconds.

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
        The objectives, by name.
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
    >>> display = OptimizationDisplay.from_estimators(
    ...     models, x="time", distance=True)  # doctest: +SKIP
    """

    def __init__(self, descents):
        self.descents = descents

    @classmethod
    def from_estimator(cls, estimator, *, name=None, **drawing):
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
    def from_estimators(cls, estimators, **drawing):
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
        return cls({name: _descent(estimator) for name, estimator in named.items()}).plot(**drawing)

    def plot(self, ax=None, *, x="iterations", distance=False, validation=True, **line):
        """Draw the descents.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None is a new figure.
        x : {"iterations", "time"}, default="iterations"
            The horizontal axis: steps, or seconds since the fit began.
        distance : bool, default=False
            Whether to draw, on a logarithmic scale, an upper bound of the distance to the optimum:
            the objective less the lower bound that was proved at the end of the fit.
        validation : bool, default=True
            Whether to draw the losses of rows held out, dashed; they have no part in distances.
        **line : dict
            Parameters of matplotlib's ``plot`` for the objectives.

        Returns
        -------
        self : OptimizationDisplay
            The display.
        """
        if x not in AXES:
            raise ValueError(f"x must be one of {sorted(AXES)}, got {x!r}")
        untimed = [name for name, descent in self.descents.items() if descent.time is None]
        if x == "time" and untimed:
            raise ValueError(
                f"x='time' needs the seconds of each step, which copies and stored models do not "
                f"keep, as of {untimed}: draw the estimators that were fitted, or x='iterations'"
            )
        ax = pyplot("OptimizationDisplay").subplots()[1] if ax is None else ax
        self.ax_, self.figure_ = ax, ax.figure
        self.lines_, self.validation_lines_ = {}, {}
        for name, descent in self.descents.items():
            x_values = descent.time if x == "time" else np.arange(len(descent.objective))
            y_values = descent.objective - descent.bound if distance else descent.objective
            (drawn,) = ax.plot(x_values, y_values, **{"label": verbatim(name), **line})
            self.lines_[name] = drawn
            if validation and not distance and len(descent.validation):
                style = {"linestyle": "--", "color": drawn.get_color(), "alpha": 0.7}
                label = f"{verbatim(name)}, rows held out"
                (dashed,) = ax.plot(x_values, descent.validation, label=label, **style)
                self.validation_lines_[name] = dashed
        ax.set(xlabel=AXES[x], ylabel="distance to the optimum" if distance else "objective")
        if distance:
            ax.set_yscale("log")
        ax.legend()
        return self


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
    return Descent(model.objective_curve_, time, model.validation_curve_, bound)
