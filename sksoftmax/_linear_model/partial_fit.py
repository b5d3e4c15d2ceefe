"""Streams: a stochastic method takes a step on each batch of the rows of a call.

What an estimator keeps of a stream is one immutable record, so that a copy or a pickle in
mid-stream goes on exactly as the original does.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_random_state

from sksoftmax._curvature.preconditioners import (
    DiagonalPreconditioner,
    Factor,
    KroneckerPreconditioner,
)
from sksoftmax._curvature.streaming_moments import FullColumns, Moments, PlainColumns
from sksoftmax._linear_model import coefficients
from sksoftmax._objective.rows import partition
from sksoftmax._objective.score_maps import LinearMap
from sksoftmax._problems import build
from sksoftmax._runtime.blas import single_threaded_blas
from sksoftmax._runtime.quiet import quiet
from sksoftmax._solvers import STREAMS, Epochs
from sksoftmax._solvers.stochastic import Run, StreamState

# A mean that is so many widths of its column, without its tails, away from the median is that of
# one row alone.
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


@single_threaded_blas
@quiet
def advance(model, rows, classes):
    """The stream after the rows of one call, in batches of ``model.batch_size`` in their order."""
    n_scores = 1 if len(classes) == 2 else len(classes)
    stream, method = _found(model, classes, rows.X.shape[1]), tuned_method(model)
    for batch in rows.batches():
        own = float(batch.X.shape[0] if batch.weight is None else batch.weight.sum())
        stream = _with_classes(_ready(model, stream, batch, own, n_scores), batch.target)
        stream = replace(stream, weight=stream.weight + own, n_steps=stream.n_steps + 1)
        problem = _problem(model, stream, batch)
        # The penalty is that beside all rows so far, the loss the mean over the batch.
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
    # The moments of the rows hold at the new coefficients too; the average begins anew there.
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
    # The center moves only where a new preconditioner is due.
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


def tuned(solver, model):
    """The solver with the model's parameters, if it is one that has any."""
    if not isinstance(solver, Epochs):
        return solver
    seed = int(check_random_state(model.random_state).randint(2**31 - 1))
    return Epochs(tuned_method(model), model.batch_size, seed)


def tuned_method(model):
    """The stochastic method that a model names, with its learning rate."""
    return STREAMS[model.solver](model.learning_rate)
