"""Chunks of a collection of Dask, each checked by itself where it is, and kept there.

What is wrong with a chunk is found where it is and told here, so that the first chunk that is wrong
is named, whichever worker was the quickest.
"""

import re
from dataclasses import dataclass
from functools import wraps
from itertools import chain
from typing import NamedTuple

import dask
import numpy as np
from dask.delayed import delayed

from sksoftmax._data import validation
from sksoftmax._data.dask.rows import bytes_of, forget


def forgetful(function):
    """The function, of which an error remembers nothing: Dask would hold it for as long."""

    @wraps(function)
    def forgetting(*args, **options):
        try:
            return function(*args, **options)
        except BaseException as error:
            forget(error.__traceback__)
            raise

    return forgetting


@dataclass(frozen=True, eq=False)
class Checked:
    """A chunk after its check.

    values : ndarray or sparse array
    note : what there is to know of it: whether X is sparse, or the classes that labels number
    problem : the error that it raised, or None
    """

    values: object
    note: object
    problem: Exception | None
    n_rows: int

    def __sizeof__(self):
        return 0 if self.values is None else bytes_of(self.values)


class Chunks(NamedTuple):
    """Checked chunks that Dask holds, their notes and their numbers of rows."""

    held: list
    notes: list
    lengths: np.ndarray

    def parts(self, first, last):
        """Of rows from ``first`` to ``last``: chunks, and what to take of each."""
        starts = np.cumsum(self.lengths) - self.lengths
        for chunk, start, length in zip(self.held, starts, self.lengths, strict=True):
            begin, end = max(first - start, 0), min(last - start, length)
            if begin < end:
                yield chunk, slice(int(begin), int(end))


def attempt(check, values):
    """A chunk checked; an error is kept, to be raised where it will be seen."""
    length = values.shape[0] if hasattr(values, "shape") else len(values)
    try:
        return Checked(*check(values), None, length)
    except (TypeError, ValueError) as error:
        return Checked(None, None, error, length)


def check_chunks(checks):
    """Have all chunks checked, in one go, and raise the first error there is."""
    checked = {name: list(checked_chunks(*pair)) for name, pair in checks.items()}
    held = iter(dask.persist(*chain.from_iterable(checked.values())))
    checked = {name: [next(held) for _ in chunks] for name, chunks in checked.items()}
    known = dask.compute({
        name: [delayed(what_is_known)(chunk) for chunk in chunks]
        for name, chunks in checked.items()
    })[0]  # fmt: skip
    result = {}
    for name, chunks in checked.items():
        notes, problems, lengths = zip(*known[name], strict=True)
        raise_first(problems, lengths, name, validation.on_dask(checks[name][0]))
        result[name] = Chunks(chunks, list(notes), np.array(lengths))
    return result


def checked_chunks(values, check):
    """Each chunk, or the whole of what is in memory, checked where it is."""
    if not validation.on_dask(values):
        yield delayed(attempt(check, values), traverse=False)
        return
    for chunk in np.array(values.to_delayed(), dtype=object).ravel():
        yield delayed(attempt)(check, chunk)


def what_is_known(chunk):
    """All of a checked chunk that the client needs to see."""
    return chunk.note, chunk.problem, chunk.n_rows


def raise_first(problems, lengths, name, cut):
    """Raise the first of the chunks' errors, and say which chunk it is of if there are several."""
    for number, problem in enumerate(problems):
        if problem is not None:
            kind = ValueError if isinstance(problem, ValueError) else TypeError
            if not cut:
                raise kind(str(problem)) from problem
            first = sum(lengths[:number])
            where = f"chunk {number} of {name}, whose first row is {first}"
            if row := re.search(r"\brow (\d+)", str(problem), re.IGNORECASE):
                where += f": its row {row[1]} is row {first + int(row[1])} of all"
            raise kind(f"{problem}\nThis is {where}.") from problem


def check_lengths(checked):
    """Raise a ValueError unless all that was passed has as many rows."""
    totals = [int(chunks.lengths.sum()) for chunks in checked.values()]
    if len(set(totals)) > 1:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {totals}, of "
            f"{', '.join(checked)}"
        )


def beside(checked):
    """Each chunk of X, with parts of the chunks of all else that have its rows."""
    X, *others = checked.values()
    last = 0
    for chunk, length in zip(X.held, X.lengths, strict=True):
        first, last = last, last + int(length)
        yield chunk, *(list(other.parts(first, last)) for other in others)
