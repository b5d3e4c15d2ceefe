"""Checks of the chunks of Dask collections.

Each chunk is checked by a task of its own, and the result is persisted. Errors are returned as
values and raised here, so that the first bad chunk in the order of the rows is named, whichever
worker finishes first.
"""

import re
import traceback
from dataclasses import dataclass
from functools import wraps
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from itertools import chain
from typing import NamedTuple

import dask
import numpy as np
import scipy.sparse as sp
from dask.delayed import delayed

from sksoftmax._data import validation

# Flags of code whose frames may be suspended rather than finished.
SUSPENDABLE = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR


def clear_frames(trace):
    """Clear the finished frames of a traceback, and those that called them.

    A remembered error would otherwise keep the collections in its frames alive, and Dask their
    chunks. Dask removes its own frames from tracebacks, but the frames left still refer to them.
    The search stops at a suspended frame: clearing it would end a coroutine, such as that of a
    connection.
    """
    for shown, _ in traceback.walk_tb(trace):
        for frame, _ in traceback.walk_stack(shown):
            if frame is not shown and frame.f_code.co_flags & SUSPENDABLE:
                break
            try:
                frame.clear()
            except RuntimeError:  # still running, as are all that called it
                break


def releasing_on_error(function):
    """Decorate a function so that the frames of its errors keep no collection alive."""

    @wraps(function)
    def releasing(*args, **options):
        try:
            return function(*args, **options)
        except BaseException as error:
            clear_frames(error.__traceback__)
            raise

    return releasing


def bytes_of(array):
    """Memory in bytes of an array, dense or sparse."""
    if sp.issparse(array):
        return array.data.nbytes + array.indices.nbytes + array.indptr.nbytes
    return array.nbytes


@dataclass(frozen=True, eq=False)
class CheckedChunk:
    """The result of the check of one chunk.

    values : ndarray or sparse array of n_rows rows, or None where only their number is wanted
    info : what the client must know of them: whether X is sparse, or the classes of labels
    error : the exception that the check raised, or None
    """

    values: object
    info: object
    error: Exception | None
    n_rows: int

    def __sizeof__(self):
        return 0 if self.values is None else bytes_of(self.values)


class Chunks(NamedTuple):
    """The checked chunks of one collection.

    persisted : list of Delayed, each of a `CheckedChunk`
    infos : list of the chunks' infos
    lengths : ndarray of int of shape (n_chunks,), the rows of each
    """

    persisted: list
    infos: list
    lengths: np.ndarray

    def slices(self, first, last):
        """Pairs of a chunk and a slice of it that make up the rows ``first`` to ``last``."""
        starts = np.cumsum(self.lengths) - self.lengths
        for chunk, start, length in zip(self.persisted, starts, self.lengths, strict=True):
            begin, end = max(first - start, 0), min(last - start, length)
            if begin < end:
                yield chunk, slice(int(begin), int(end))


def check_chunks(checks):
    """Check all chunks of several collections in one computation.

    checks : dict of name -> (collection or array in memory, function of a chunk)
        The function returns values and info, or raises a ValueError or TypeError.

    Returns
    -------
    dict of name -> Chunks
    """
    checked = {name: list(_delayed_checks(*pair)) for name, pair in checks.items()}
    persisted = iter(dask.persist(*chain.from_iterable(checked.values())))
    checked = {name: [next(persisted) for _ in chunks] for name, chunks in checked.items()}
    summaries = dask.compute(
        {name: [delayed(_summary)(chunk) for chunk in chunks] for name, chunks in checked.items()}
    )[0]
    result = {}
    for name, chunks in checked.items():
        infos, errors, lengths = zip(*summaries[name], strict=True)
        raise_first(errors, lengths, name, validation.on_dask(checks[name][0]))
        result[name] = Chunks(chunks, list(infos), np.array(lengths))
    return result


def _delayed_checks(values, check):
    """The delayed check of each chunk, or of an array in memory as a single chunk."""
    if not validation.on_dask(values):
        yield delayed(_check_chunk(check, values), traverse=False)
        return
    for chunk in np.array(values.to_delayed(), dtype=object).ravel():
        yield delayed(_check_chunk)(check, chunk)


def _check_chunk(check, values):
    n_rows = values.shape[0] if hasattr(values, "shape") else len(values)
    try:
        return CheckedChunk(*check(values), None, n_rows)
    except (TypeError, ValueError) as error:
        return CheckedChunk(None, None, error, n_rows)


def _summary(chunk):
    """What is sent to the client of a checked chunk."""
    return chunk.info, chunk.error, chunk.n_rows


def raise_first(errors, lengths, name, chunked):
    """Raise the first error that is not None; its message names the chunk if ``chunked``."""
    for number, error in enumerate(errors):
        if error is None:
            continue
        kind = ValueError if isinstance(error, ValueError) else TypeError
        if not chunked:
            raise kind(str(error)) from error
        first = sum(lengths[:number])
        where = f"chunk {number} of {name}, whose first row is {first}"
        if row := re.search(r"\brow (\d+)", str(error), re.IGNORECASE):
            where += f": its row {row[1]} is row {first + int(row[1])} of all"
        raise kind(f"{error}\nThis is {where}.") from error


def check_lengths(checked):
    """Raise a ValueError unless all that was passed has as many rows."""
    totals = [int(chunks.lengths.sum()) for chunks in checked.values()]
    if len(set(totals)) > 1:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {totals}, of "
            f"{', '.join(checked)}"
        )


def align(checked):
    """Yield each chunk of X with, of every other collection, the slices that have its rows."""
    X, *others = checked.values()
    last = 0
    for chunk, length in zip(X.persisted, X.lengths, strict=True):
        first, last = last, last + int(length)
        yield chunk, *(list(other.slices(first, last)) for other in others)


def concatenated(slices, empty):
    """The values of slices of chunks as one array; ``empty`` where there are none."""
    return np.concatenate([chunk.values[own] for chunk, own in slices]) if slices else empty
