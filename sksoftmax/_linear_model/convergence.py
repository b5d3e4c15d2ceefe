"""What is said of a fit: the message of the ConvergenceWarning, and a caption."""

import numpy as np

from sksoftmax._solvers import STREAMS

# Steps at the end of a run whose gain is reported.
LAST = 10


def warning_message(model, ended, separable):
    """The message of the warning for a fit; None if there is none.

    ended : Solution where the run ended, which early stopping may have gone back from
    """
    if ended.converged or ended.stopped:
        return None
    if not model.early_stopping:
        return describe(model, separable)
    if ended.n_iter < model.max_iter:
        return None  # rounding hides any further gain
    return (
        f"After {ended.n_iter} steps of solver={ended.solver!r} the loss of the rows held out was "
        "still falling: increase max_iter."
    )


def describe(model, separable):
    """One sentence: where the fit ended, what is proved of it, and what to do.

    separable : whether no optimum exists, for lack of a penalty; None where that is not known
    """
    value, gap = model.objective_, model.gap_
    reached = f"After {model.n_iter_} steps of solver={model.solver_!r} the objective is"
    if separable:
        return (
            f"{reached} {value:.3g}, and it has no optimum: the classes are separable"
            f"{_by_what(model)}"
        )
    stopped = model.n_iter_ < model.max_iter
    if not stopped:
        advice = "increase max_iter, or tol"
    elif model.solver_ in STREAMS:
        advice = "no further pass leads down: a larger tol can be kept, or try solver='auto'"
        advice += "" if model.learning_rate == "auto" else " or a smaller learning_rate"
    else:
        advice = "rounding hides any further gain: a larger tol can be kept"
    if separable is None:
        advice += ", or a penalty on every column: without one there may be no optimum, which is "
        advice += "too large a question to be answered here"
    if not gap <= value:
        proved = "and nothing is proved of its distance to the optimum"
        return f"{reached} {value:.3g}{_last_gain(model)}, {proved} (tol={model.tol:g}): {advice}."
    return (
        f"{reached} proved to be within {gap / value:.1e} of its optimum (relative)"
        f"{_last_gain(model)}, and tol={model.tol:g} was asked: {advice}."
    )


def message_of_paths(missed, tol):
    """The message where fits along paths miss their promise."""
    return (
        f"{missed} fits of the path were not proved to be within tol={tol:g} of their optimum: "
        "increase max_iter, or tol."
    )


def caption(model):
    """A few words: whether the promise was kept, what is proved, and by which solver."""
    kept = "converged" if model.converged_ else "not converged"
    proved = f"gap {model.gap_:.1e}" if np.isfinite(model.gap_) else "no gap proved"
    return f"{kept}: {proved} of objective {model.objective_:.4g}, solver {model.solver_}"


def _by_what(model):
    """The columns that separate classes, and what to do."""
    if np.isinf(model.C):
        return " and C=inf is no penalty. Give C a finite value."
    return (
        " by columns that no penalty holds. Give them a penalty_factor above 0, or np.inf to leave "
        "them out."
    )


def _last_gain(model):
    """How fast the objective was still falling."""
    curve = model.objective_curve_[-1 - LAST :]
    if len(curve) < 2 or not curve[-1] > 0:
        return ""
    steps = "step" if len(curve) == 2 else f"{len(curve) - 1} steps"
    return f" (the last {steps} lowered it by {(curve[0] - curve[-1]) / curve[-1]:.1e} of it)"
