"""Streams: the rows of a call are checked and encoded, and a stochastic method takes its steps.

What an estimator keeps of a stream is one immutable record, so that a copy or a pickle in
mid-stream goes on exactly as the original does.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import check_consistent_length

from sksoftmax._curvature.preconditioners import (
    DiagonalPreconditioner,
    Factor,
    KroneckerPreconditioner,
)
from sksoftmax._curvature.streaming_moments import FullColumns, Moments, PlainColumns
from sksoftmax._data import parameter_checks, targets, validation, weights
from sksoftmax._data.checks import check_array, validate_data
from sksoftmax._data.magnitudes import Magnitudes, without_small_columns
from sksoftmax._linear_model import coefficients
from sksoftmax._objective.row_selection import row_slice
from sksoftmax._objective.rows import partition
from sksoftmax._objective.score_maps import LinearMap
from sksoftmax._problems import build
from sksoftmax._runtime.blas import single_threaded_blas
from sksoftmax._runtime.quiet import quiet
from sksoftmax._runtime.types import FLOATS
from sksoftmax._solvers import STREAMS, Epochs
from sksoftmax._solvers.stochastic import Run, StreamState

# Rows of a step where they are not told: more a step do not make better ones.
ROWS_OF_STEP = 1000
# Widths of a column, without its tails, between its middle and a mean that is of one row alone.
FAR = 10


@dataclass(frozen=True)
class Stream:
    """What a model remembers of the rows that it has seen.

    weight : of all of them
    n_steps : batches since the stream began, or since ``fit``
    classes : indices of the classes that have turned up, ascending
    state : StreamState of the method; None after ``fit``, whose coefficients say it all
    map : LinearMap of the state's theta; None with the state
    solver : name of the method that made the state
    intercept : as the model was given it; None with the state
    """

    weight: float = 0.0
    n_steps: int = 0
    classes: tuple = ()
    state: StreamState | None = None
    map: LinearMap | None = None
    solver: str | None = None
    intercept: np.ndarray | None = None

    def shown(self, dtype):
        """The stream, and the coefficients and intercepts that a model is given of it."""
        found = build.coefficients(self.map, self.state.average, self.map.center)
        coef, intercept = build.rounded(*found, dtype)
        return replace(self, intercept=intercept.copy()), coef, intercept

    def has_left(self, coef, intercept):
        """Whether a model's coefficients are those that it was given."""
        own = self.map.split(self.state.average)[0].astype(self.intercept.dtype)
        return np.array_equal(own, coef) and np.array_equal(self.intercept, intercept)


# All that a pickle in mid-stream holds beside plain data.
RECORDS = (
    Stream, StreamState, Run, Moments, FullColumns, PlainColumns, LinearMap, Factor,
    KroneckerPreconditioner, DiagonalPreconditioner,
)  # fmt: skip


class CallRows(NamedTuple):
    """Checked arrays of one call, or of one of its batches.

    cuts : where the batches of a call begin and end, rows without weight being left out of them
    dtype : of X as it was passed
    """

    X: object
    target: np.ndarray
    weight: np.ndarray | None
    cuts: np.ndarray | None = None
    dtype: np.dtype | None = None

    def batches(self):
        for start, stop in pairwise(self.cuts):
            weight = None if self.weight is None else self.weight[start:stop]
            yield CallRows(row_slice(self.X, start, stop), self.target[..., start:stop], weight)


def check(model, classes):
    """The classes of the stream, if the model's parameters are ones for a stream."""
    check_steps(model)
    return check_classes(model, classes)


def check_classes(model, classes):
    """The classes of the stream, sorted: those given, or those of what the model has seen."""
    known = coefficients.sorted_classes(model)
    if classes is None:
        if known is None:
            raise ValueError("classes must be passed on the first call to partial_fit")
        return known
    classes = np.unique(column_or_1d(classes))
    if known is not None and not np.array_equal(classes, known):
        raise ValueError(f"classes={classes} is not the same as on the last call: {known}")
    if len(classes) < 2:
        raise ValueError(f"classes must be at least 2 different labels, got {classes.tolist()}")
    if (classes != classes).any():
        raise ValueError(f"classes must be labels, and nan is none: {classes}")
    return classes


def check_steps(model):
    """Raise a ValueError for a parameter that asks for all rows at once."""
    if isinstance(model.class_weight, str):
        raise ValueError(
            f"class_weight={model.class_weight!r} needs all rows at once, and partial_fit sees "
            "some: pass weights as a dict, or in sample_weight"
        )
    if model.early_stopping:
        raise ValueError(
            "early_stopping=True holds rows out of a fit, and partial_fit has none to go back to: "
            "set early_stopping=False"
        )


def encode(model, X, y, classes, sample_weight):
    """Check and encode the rows of one call.

    Raises
    ------
    ValueError, TypeError
        Naming what is wrong with X, y or the weights; labels that are none of the classes.
    """
    validation.check_given(y, "partial_fit")
    advice = "pass it their chunks, computed, one after the other"
    validation.check_in_memory("partial_fit", advice, X, y, sample_weight)
    X = validate_data(
        model, validation.matrix(X), reset=not hasattr(model, "n_features_in_"),
        accept_sparse="csr", dtype=FLOATS, ensure_min_samples=1,
    )  # fmt: skip
    names, y, soft = targets.read(y)
    if soft:
        y = check_array(y, dtype=FLOATS, input_name="y")
    else:
        y = column_or_1d(np.asarray(y), warn=True)
    check_consistent_length(X, y)
    weight = None if sample_weight is None else weights.check_weight(sample_weight, X)
    if soft:
        targets.check_distributions(y, weight)
    cuts = _cuts(X.shape[0], model.batch_size)
    if weight is not None and (weight == 0).any():
        # They keep their place in the batches, so that calls are the same batches as one call.
        cuts = np.unique(np.append(0, np.cumsum(weight > 0))[cuts])
        X, y, weight = X[weight > 0], y[weight > 0], weight[weight > 0]
    target = targets.shares_of(y, names, classes, X.dtype) if soft else _class_indices(y, classes)
    target = targets.smoothed(target, len(classes), model.label_smoothing, X.dtype)
    factors = targets.class_factors(model.class_weight, classes, None)
    zero = targets.without_class_weight(model.class_weight, classes)
    if zero is not None:
        kept = targets.rows_with_weight(target, zero)
        weights.check_some_class_weight(kept.any(), model.class_weight)
        cuts = np.unique(np.append(0, np.cumsum(kept))[cuts])
        X, target = X[kept], target[..., kept]
        weight = None if weight is None else weight[kept]
    target, weight = quiet(targets.weighed)(factors, target, weight)
    rows = partition(X, target, weight, len(classes))
    magnitudes = Magnitudes.of(rows)
    magnitudes.check(X.dtype, model)
    dtype, X = X.dtype, without_small_columns(X, magnitudes.columns, X.dtype)
    X = X if magnitudes.suit_single_precision else X.astype(np.float64, copy=False)
    return CallRows(X, target, weight, cuts, dtype)


def _cuts(n_rows, batch_size):
    """Where batches begin, and where the last one ends."""
    size = ROWS_OF_STEP if batch_size == "auto" else batch_size
    return np.append(np.arange(0, n_rows, size), n_rows)


def _class_indices(y, classes):
    """For each label, the index of its class."""
    integers = y.dtype.kind in "iu" and classes.dtype.kind in "iu"
    # In a dtype that holds both, which is float64, some would be the same. One that wraps round to
    # a class is told from it below.
    sought = y.astype(classes.dtype) if integers else y
    try:
        indices = np.minimum(np.searchsorted(classes, sought), len(classes) - 1)
    except TypeError as error:
        raise ValueError(f"y has labels that are not like classes={classes}: {error}") from None
    foreign = classes[indices] != y
    if foreign.any():
        raise ValueError(
            f"y has labels that are not in classes: {np.unique(y[foreign])}; classes are {classes}"
        )
    return indices


@single_threaded_blas
@quiet
def advance(model, rows, classes):
    """The stream after the rows of one call, in batches of ``model.batch_size`` in their order."""
    n_scores = 1 if len(classes) == 2 else len(classes)
    stream, method = _found(model, classes, rows.X.shape[1]), tuned_method(model)
    for batch in rows.batches():
        own = float(batch.X.shape[0] if batch.weight is None else batch.weight.sum())
        stream = _with_classes(_ready(model, stream, batch, own, n_scores), batch.target)
        stream = replace(
            stream,
            weight=stream.weight + own,
            n_steps=stream.n_steps + 1,
        )
        problem = _problem(model, stream, batch)
        problem = replace(problem, objective=replace(problem.objective, total_weight=own))
        stream = replace(stream, state=_stepped(model, method, problem, stream.state))
    return stream


def _found(model, classes, n_features):
    """The stream where the model's coefficients are, which may have been set since it left them."""
    seen = getattr(model, "_class_weight", np.zeros(0))
    after_fit = Stream(float(seen.sum()), classes=tuple(np.flatnonzero(seen).tolist()))
    stream = getattr(model, "_stream", after_fit)
    if not hasattr(model, "coef_"):
        return stream
    coef, intercept = coefficients.dense(model, classes, n_features)
    if stream.state is None or stream.has_left(coef, intercept):
        return stream
    state, score_map = stream.state, stream.map
    theta = score_map.join(*_about(stream.map.center, coef, intercept))
    # What it knows of the rows holds there too; the average is of where it has been.
    state = state._replace(theta=theta, average=theta, averaging_start=state.weight_seen)
    return replace(stream, state=state)


def _stepped(model, method, problem, state):
    """The state after a step, or an error where that leads out of all range."""
    try:
        state = method.advance(problem, state)
        if np.isfinite(state.value) and np.isfinite(state.theta).all():
            return state
    except np.linalg.LinAlgError:  # moments that are not finite have no preconditioner
        pass
    raise ValueError(
        f"steps of solver={model.solver!r} overflow: learning_rate={model.learning_rate!r} is too "
        "large, or X is"
    )


def _problem(model, stream, rows):
    """The problem of all rows so far, as these rows show it."""
    X, n_scores = rows.X, stream.map.n_scores
    batch = build.Batch(
        rows=partition(X, rows.target, rows.weight, n_scores),
        total_weight=stream.weight,
        n_rows=X.shape[0],
        n_features=X.shape[1],
        n_entries=X.nnz if sp.issparse(X) else X.size,
        n_scores=n_scores,
        center=stream.map.center,
        working_dtype=X.dtype,
    )
    problem = build.make_problem(
        batch, C=model.C, l1_ratio=model.l1_ratio, norm=build.check_penalty(model.penalty),
        fit_intercept=model.fit_intercept, solver=model.solver,
    )  # fmt: skip
    build.solver_for(problem, model.solver)  # refuses a nonsmooth penalty
    return problem


def _ready(model, stream, batch, own, n_scores):
    """The stream with a state of the model's method, about a center among its columns."""
    if stream.state is None:
        return _begun(model, stream, batch, n_scores)
    if stream.map.has_intercept != model.fit_intercept:
        raise ValueError("fit_intercept must not change in a stream: fit starts a new one")
    if stream.solver != model.solver:
        # Another method knows nothing of this one's preconditioner: only its average is kept.
        old = stream.state
        state = StreamState(old.average, old.average, value=old.value, weight_seen=old.weight_seen)
        return replace(stream, state=state, solver=model.solver)
    # A preconditioner is about to be made.
    due = model.fit_intercept and stream.state.due <= own
    return _recentred(stream) if due else stream


def _with_classes(stream, target):
    """The stream with these classes; if there are new ones, what it shows begins to change."""
    new = np.unique(target) if target.ndim == 1 else np.flatnonzero(target.any(axis=1))
    classes = tuple(sorted({*stream.classes, *new.tolist()}))
    if len(classes) == len(stream.classes):
        return stream
    state = stream.state._replace(averaging_start=stream.state.weight_seen)
    return replace(stream, state=state, classes=classes)


def _begun(model, stream, batch, n_scores):
    """A stream with its first state: nothing, or what was fitted."""
    center, width = _center(batch.X, batch.weight)
    score_map = LinearMap(n_scores, len(center), center if model.fit_intercept else None)
    theta = score_map.initial()
    if hasattr(model, "coef_"):
        found = coefficients.dense(model, range(max(2, n_scores)), len(center))
        theta = score_map.join(*_about(center, *found))
    width = np.append(width, 0) if model.fit_intercept else width
    moments = Moments.expected(width**2, len(batch.target.T))
    state = StreamState(theta, theta, weight_seen=stream.weight, moments=moments)
    return replace(stream, state=state, map=score_map, solver=model.solver)


def _recentred(stream):
    """The stream about the middle of the rows that matter."""
    state, score_map = stream.state, stream.map
    if state.moments is None:
        return stream
    shift = state.moments.columns.offset
    state = state._replace(
        theta=score_map.recentred(state.theta, shift),
        average=score_map.recentred(state.average, shift),
        moments=state.moments.recentred(shift),
    )
    score_map = replace(score_map, center=score_map.center + shift)
    return replace(stream, state=state, map=score_map)


def _center(X, weight):
    """Means of the columns, of constant ones exactly, and their widths; 0 where none is known.

    A mean that one row has moved far from all others is no center: these would be lost to rounding.
    """
    share = np.full(X.shape[0], 1 / X.shape[0]) if weight is None else weight / weight.sum()
    if sp.issparse(X):
        return np.asarray(share @ X, dtype=np.float64), np.zeros(X.shape[1])
    first = X[0].astype(np.float64)
    means = first + share @ (X - first)
    low, middle, high = np.quantile(X, (0.1, 0.5, 0.9), axis=0)
    width = high - low
    return np.where(abs(means - middle) > FAR * width, middle, means), width


def _about(center, coef, intercept):
    """Coefficients that share nothing among classes, and intercepts at a center of the columns."""
    coef = coef - coef.mean(axis=0) if len(coef) > 1 else coef
    return coef, intercept if center is None else intercept + coef @ center


def check_parameters(model):
    """The parameters of the methods for streams."""
    if model.learning_rate != "auto":
        _refuse_name("learning_rate", model.learning_rate)
        parameter_checks.check_number(
            "learning_rate", model.learning_rate, least=0, open_below=True
        )  # fmt: skip
        if not np.isfinite(model.learning_rate):
            raise ValueError(f"learning_rate must be finite, got {model.learning_rate!r}")
    if model.batch_size != "auto":
        _refuse_name("batch_size", model.batch_size)
        parameter_checks.check_number("batch_size", model.batch_size, least=1, integer=True)


def _refuse_name(name, value):
    if isinstance(value, str):
        raise ValueError(f"{name} must be 'auto' or a number, got {value!r}")


def tuned(solver, model):
    """The solver with the model's parameters, if it is one that has any."""
    if not isinstance(solver, Epochs):
        return solver
    seed = int(check_random_state(model.random_state).randint(2**31 - 1))
    return Epochs(tuned_method(model), model.batch_size, seed)


def tuned_method(model):
    """The stochastic method that a model names, with its learning rate."""
    return STREAMS[model.solver](model.learning_rate)
