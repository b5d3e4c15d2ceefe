"""Softmax functions for NumPy arrays, computed block by block.

Arguments have been checked, and the caller ignores floating-point errors.

Every pass over an array larger than the cache waits for memory, so all passes of a block of rows
are made while it is in the cache, and no temporary is as large as the input. A block is worked on
as a matrix, in one of two layouts:

- *class-major*, ``(n_classes, n_rows)``, for few classes: maximum, sum and normalisation over
  classes are operations on whole rows of the matrix, which NumPy vectorises. Reductions over a
  short last axis are several times slower than the exponentials;
- *row-major*, ``(n_rows, n_classes)``, for many classes.

The layout follows from the number of classes and the axis alone, never from how many rows there
are, and sums run in an order that does not depend on it either: the answer for a row is the same
to the bit whatever rows share its batch.
"""

import functools
import math
from typing import NamedTuple

import numpy as np

# Bytes of a block's scratch memory, which with its input and output fits a second-level cache.
BLOCK_BYTES = 384 * 1024
# Up to this many classes, a transposed copy costs less than reductions over a short axis.
MOST_CLASSES_TRANSPOSED = 24
# Up to this many classes, results are best written class by class, with a stride; above it,
# row by row, from a scratch matrix that is in the cache.
MOST_CLASSES_STRIDED = 12
# Sum of a row's exponentials from which on scores need no shift: an exponential that underflows is
# then of a probability below a thousand times the smallest number.
LEAST_TOTAL = 1e-3


def softmax(scores, *, axis, temperature, where, out, empty):
    """Write the softmax of ``scores`` along ``axis`` to ``out``.

    empty : float, the value for entries of rows without mass
    """
    for block in _blocks(scores, axis, where, out, temperature):
        exponentials = block.exponentials(temperature)
        total = block.total(exponentials)
        if total.min() >= LEAST_TOTAL and total.max() < np.inf:
            block.write(np.divide, exponentials, total)
            continue
        safe = (total >= LEAST_TOTAL) & (total < np.inf)
        shifted = block.shift(temperature, unshifted=safe)
        exponentials = np.exp(shifted.scores, out=block.work)
        block.write(np.divide, exponentials, block.total(exponentials))
        block.fill_special(shifted, masked=0.0, empty=empty)
    return out


def log_softmax(scores, *, axis, temperature, where, out, empty):
    """Write the log-softmax of ``scores`` along ``axis`` to ``out``; ``empty`` as for `softmax`."""
    spare = None  # all blocks but the last have one shape
    for block in _blocks(scores, axis, where, out, temperature):
        shifted = block.shift(temperature)
        if spare is None or spare.shape != shifted.scores.shape:
            spare = np.empty_like(shifted.scores)
        exponentials = np.exp(shifted.scores, out=spare)
        block.write(np.subtract, shifted.scores, block.log_partition(exponentials, shifted.top))
        block.fill_special(shifted, masked=-np.inf, empty=empty)
    return out


def logsumexp(scores, *, axis, where, out):
    """Write the log of the sum of exponentials to ``out``, in which ``axis`` has length 1."""
    for block in _blocks(scores, axis, where, out):
        shifted = block.shift()
        exponentials = np.exp(shifted.scores, out=shifted.scores)
        total = block.log_partition(exponentials, shifted.top)
        # A maximum that is nan or infinite is the answer itself.
        total += np.where(np.isfinite(shifted.maximum), shifted.maximum, 0)
        np.copyto(total, shifted.maximum, where=~np.isfinite(shifted.maximum))
        np.copyto(block.out, block.as_view(total), casting="same_kind")
    return out


def cross_entropy(scores, target, weight, *, label_smoothing, gradient):
    """Return ``sum_i weight_i * loss_i``; write its derivative to ``gradient``, if not None.

    scores, gradient : ndarrays of shape (n, n_classes)
    target : integer labels of shape (n,), or distributions of shape (n, n_classes)
    weight : ndarray of float64 of shape (n,), of sum 1
    """
    n_rows, n_classes = scores.shape
    dtype = _working_dtype(scores.dtype)
    step = max(BLOCK_BYTES // dtype.itemsize // n_classes, 1)
    loss = 0.0
    for rows in (slice(start, start + step) for start in range(0, n_rows, step)):
        block_weight = weight[rows]
        logs = np.array(scores[rows].T, dtype=dtype, order="C")
        logs[:, block_weight == 0] = 0  # ignores even nan
        log_softmax(logs, axis=0, temperature=1.0, where=None, out=logs, empty=np.nan)
        distributions = _distributions(target[rows], logs, label_smoothing)
        # A class of target 0 costs nothing, even where its log probability is -inf.
        terms = np.where(distributions == 0, 0, distributions * logs)
        loss -= float(np.sum(terms.sum(axis=0, dtype=np.float64) * block_weight))
        if gradient is not None:
            residual = _residual(logs, distributions, target[rows])
            residual *= block_weight.astype(dtype)
            np.copyto(gradient[rows], residual.T, casting="same_kind")
    return loss


def _distributions(target, logs, label_smoothing):
    """Labels or distributions as smoothed distributions, of shape (n_classes, n) as ``logs``."""
    if target.ndim == 1:
        distributions = np.zeros_like(logs)
        distributions[target, np.arange(target.shape[0])] = 1
    else:
        distributions = np.array(target.T, dtype=logs.dtype, order="C")
    if label_smoothing > 0:
        distributions *= 1 - label_smoothing
        distributions += label_smoothing / logs.shape[0]
    return distributions


def _residual(logs, distributions, target):
    """``softmax(scores) - distributions``, accurate where the label's probability is close to 1."""
    residual = np.exp(logs) - distributions
    if target.ndim == 1:
        own = target, np.arange(target.shape[0])
        # p - 1 cancels when p is close to 1; expm1(log p) does not.
        residual[own] = np.expm1(logs[own]) + (1 - distributions[own])
    return residual


class _Shifted(NamedTuple):
    """Shifted scores of a block.

    scores : (scores - shift) / temperature, with rows of infinite maximum replaced
    maximum : of each row before the shift; the class axis has length 1
    top : index of a largest score of each row, where blocks are row-major; else None
    finite : bool, whether all maxima are
    """

    scores: np.ndarray
    maximum: np.ndarray
    top: np.ndarray | None
    finite: bool


class Block(NamedTuple):
    """Some rows of the input and of the output.

    scores, where, out : views of them; ``where`` may be None
    work : scratch of shape (n_classes, n_rows or more) or (n_rows, n_classes)
    class_axis : 0 or -1, in every view
    """

    scores: np.ndarray
    where: np.ndarray | None
    out: np.ndarray
    work: np.ndarray
    class_axis: int

    def exponentials(self, temperature):
        """Exponentials of the unshifted scores, which saves two passes.

        They are accurate for rows whose exponentials neither overflow nor are all small. Each row
        is judged by itself, so that its result does not depend on the other rows of the batch.
        """
        source = self._load()
        if temperature != 1:
            source = np.divide(source, temperature, out=self.work)
        return np.exp(source, out=self.work)

    def shift(self, temperature=1.0, unshifted=None):
        """Subtract each row's maximum, then divide, so that tiny temperatures cannot overflow.

        unshifted : mask of rows that are not shifted, if any
        """
        source, top = self._load(), None
        if self.class_axis == -1:
            top = np.arange(len(source)), source.argmax(axis=-1)
            maximum = source[top][:, np.newaxis]
        else:
            maximum = np.maximum.reduce(source, axis=0, keepdims=True)
        shift, finite = maximum, bool(np.isfinite(maximum).all())
        if not finite:
            source, shift = self._replace_infinite_maxima(source, maximum)
        if unshifted is not None:
            shift = np.where(unshifted, 0, shift).astype(source.dtype, copy=False)
        shifted = np.subtract(source, shift, out=self.work)
        if temperature != 1:
            shifted /= temperature
        return _Shifted(shifted, maximum, top, finite)

    def total(self, exponentials):
        """Sum over classes, in an order that depends on the number of classes alone."""
        if self.class_axis == -1:
            return np.add.reduce(exponentials, axis=-1, keepdims=True)
        step = MOST_CLASSES_TRANSPOSED  # sums of sums: rounding errors grow with the step
        parts = [
            np.add.reduce(exponentials[start : start + step], axis=0, keepdims=True)
            for start in range(0, exponentials.shape[0], step)
        ]
        return functools.reduce(np.add, parts)

    def log_partition(self, exponentials, top):
        """``log(sum(exponentials))`` to full relative precision, overwriting them.

        A largest exponential is 1, exactly. Leaving one of them out, the sum is ``1 + rest`` and
        its log ``log1p(rest)``, which has all its digits where ``1 + rest`` rounds to 1.
        Exponentials are at most 1, so their floor is 1 at the largest and 0 elsewhere.

        top : where a largest one of each row is, of row-major blocks
        """
        if top is not None:
            exponentials[top] = 0
            return np.log1p(self.total(exponentials))
        largest = np.floor(exponentials)
        exponentials -= largest
        return np.log1p(self.total(exponentials) + (self.total(largest) - 1))

    def write(self, operation, values, per_row):
        """Store ``operation(values, per_row)``, the result of the block, in its output."""
        out = self.out
        if out.strides[-1] == out.itemsize or values.shape[0] <= MOST_CLASSES_STRIDED:
            values, per_row = self.as_view(values), self.as_view(per_row)
            operation(values, per_row, out=out, casting="same_kind")
        else:
            operation(values, per_row, out=values)
            np.copyto(out, self.as_view(values), casting="same_kind")

    def fill_special(self, shifted, *, masked, empty):
        """Fill in the results of masked entries of nan rows, and of rows without mass."""
        if shifted.finite:
            return
        if self.where is not None:
            np.copyto(self.out, masked, where=~self.where)
        np.copyto(self.out, empty, where=self.as_view(shifted.maximum == -np.inf))

    def as_view(self, matrix):
        """Reshape a matrix of the block, or one value a row, to the axes of the block's views."""
        shape = self.scores.shape
        if self.class_axis == -1:
            return matrix.reshape(*shape[:-1], -1)
        n_rows = math.prod(shape[1:])
        return matrix[:, :n_rows].reshape(-1, *shape[1:])

    def _load(self):
        """The masked scores as a matrix in the working dtype, copied only if needed."""
        if self.class_axis == -1 and self.where is None and self.scores.dtype == self.work.dtype:
            return self.scores.reshape(self.work.shape)
        loaded = self.as_view(self.work)
        np.copyto(loaded, self.scores)
        if self.where is not None:
            np.putmask(loaded, np.logical_not(self.where, order="C"), -np.inf)
        return self.work

    def _replace_infinite_maxima(self, source, maximum):
        """Scores whose softmax is the limit, and finite maxima, for rows of infinite maximum.

        Where it is +inf the infinite entries share all mass: they get 0 and the others -inf. Rows
        without mass get 0 everywhere, and their result is filled in later. nan stays.
        """
        limit = np.where(source == np.inf, 0.0, -np.inf)
        source = np.where(maximum == np.inf, limit, source)
        source = np.where(maximum == -np.inf, 0.0, source).astype(self.work.dtype, copy=False)
        return source, np.where(np.isinf(maximum), 0.0, maximum).astype(source.dtype, copy=False)


def _blocks(scores, axis, where, out, temperature=1.0):
    """Cut scores, mask and output into blocks of rows that fit the cache, in step."""
    n_classes = scores.shape[axis]
    if scores.size == 0:
        return
    transposed = n_classes <= MOST_CLASSES_TRANSPOSED or axis != scores.ndim - 1
    scores, where, out = _safe_to_overwrite(scores, where, out)
    scores, where, out = (_rows_and_classes(array, axis) for array in (scores, where, out))
    if scores.ndim > 2 and scores.flags.c_contiguous and out.flags.c_contiguous and where is None:
        scores, out = scores.reshape(-1, n_classes), out.reshape(-1, out.shape[-1])
    dtype = _working_dtype(scores.dtype, temperature)
    most_rows = max(BLOCK_BYTES // dtype.itemsize // n_classes, 1)
    if transposed:
        # An odd multiple of 16 rows: with a power of two, the classes of a row compete for few
        # lines of the cache. Rows of the work matrix shorter than that cost more than they save.
        most_rows = max(most_rows, min(256, 8 * most_rows))
        most_rows = 16 * (most_rows // 16 | 1)
    most_rows = min(most_rows, scores.size // n_classes)
    # Class-major work has two columns at least, for NumPy sums a single one in another order. The
    # second is not read then.
    scratch = np.empty(n_classes * max(most_rows, 2), dtype=dtype)
    for index in _indices(scores.shape[:-1], most_rows):
        views = scores[index], None if where is None else where[index], out[index]
        yield _block(*views, scratch, transposed)


def _block(scores, where, out, scratch, transposed):
    """A block of views whose last axis is that of the classes."""
    n_classes = scores.shape[-1]
    n_rows = scores.size // n_classes
    if not transposed:
        in_place = out.shape == scores.shape and out.dtype == scratch.dtype
        in_place = in_place and out.flags.c_contiguous
        work = out if in_place else scratch[: scores.size]
        return Block(scores, where, out, work.reshape(n_rows, n_classes), -1)
    width = max(n_rows, 2)
    work = scratch[: n_classes * width].reshape(n_classes, width)
    order = (scores.ndim - 1, *range(scores.ndim - 1))
    where = None if where is None else where.transpose(order)
    return Block(scores.transpose(order), where, out.transpose(order), work, 0)


def _indices(shape, most_rows):
    """Yield indices that cut an array of ``shape`` into pieces of about ``most_rows`` elements."""
    step = most_rows // math.prod(shape[1:])
    for start in range(0, shape[0], max(step, 1)):
        if step >= 1:
            yield (slice(start, start + step),)
        else:
            yield from ((start, *rest) for rest in _indices(shape[1:], most_rows))


def _rows_and_classes(array, axis):
    """View with the class axis last and at least one axis of rows before it."""
    if array is None:
        return None
    if axis != array.ndim - 1:
        array = np.moveaxis(array, axis, -1)
    return array[np.newaxis] if array.ndim == 1 else array


def _safe_to_overwrite(scores, where, out):
    """Copy inputs that overlap the output, unless scores are the output, element by element."""
    if out is not scores and np.may_share_memory(scores, out):
        same = scores.__array_interface__ == out.__array_interface__
        scores = scores if same else scores.copy()
    if where is not None and np.may_share_memory(where, out):
        where = where.copy()
    return scores, where, out


def _working_dtype(dtype, temperature=1.0):
    """dtype of the arithmetic: native, at least float32, and wide enough for the temperature."""
    if dtype.kind != "f":
        return np.dtype(np.float64)
    dtype = np.promote_types(dtype, np.float32)
    if temperature == 1:
        return dtype
    limits = np.finfo(dtype)
    fits = limits.tiny <= temperature <= limits.max
    return dtype if fits else np.promote_types(dtype, np.float64)
