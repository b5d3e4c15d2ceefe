"""Softmax functions for any array API namespace ``xp``; arguments have been checked.

The formulas are those of ``on_numpy``, without blocks and without writing in place, so that torch
can differentiate them. Callers ignore floating-point errors, since a namespace may use NumPy.
"""

import math

from sksoftmax._functions.checks import device_of


def softmax(scores, *, xp, axis, temperature, where, empty):
    """Softmax along ``axis``; ``empty`` is the value for entries of rows without mass."""
    dtype, scores = _working(scores, temperature, xp)
    shifted, maximum = _shift(_masked(scores, where, xp), axis, temperature, xp)
    exponentials = xp.exp(shifted)
    result = exponentials / xp.sum(exponentials, axis=axis, keepdims=True)
    result = _fill_special(result, maximum, where, 0.0, empty, xp)
    return xp.astype(result, dtype)


def log_softmax(scores, *, xp, axis, temperature, where, empty):
    """Log-softmax along ``axis``; ``empty`` is the value for entries of rows without mass."""
    dtype, scores = _working(scores, temperature, xp)
    shifted, maximum = _shift(_masked(scores, where, xp), axis, temperature, xp)
    result = shifted - _log_partition(shifted, axis, xp)
    result = _fill_special(result, maximum, where, -math.inf, empty, xp)
    return xp.astype(result, dtype)


def logsumexp(scores, *, xp, axis, where):
    """Log of the sum of exponentials over ``axis``, which the result does not have."""
    dtype, scores = _working(scores, 1.0, xp)
    shifted, maximum = _shift(_masked(scores, where, xp), axis, 1.0, xp)
    total = _log_partition(shifted, axis, xp)
    finite = xp.isfinite(maximum)
    total = xp.where(finite, total + xp.where(finite, maximum, 0 * total), maximum)
    return xp.astype(xp.squeeze(total, axis=axis), dtype)


def cross_entropy(scores, target, weight, *, xp, label_smoothing, return_gradient):
    """Return ``sum_i weight_i * loss_i`` and, if asked for, its derivative by the scores.

    scores : array of shape (n, n_classes)
    target : integer labels of shape (n,), or distributions of shape (n, n_classes)
    weight : array of float64 of shape (n,), of sum 1
    """
    dtype, scores = _working(scores, 1.0, xp)
    weight = xp.astype(weight, scores.dtype)[:, None]
    scores = xp.where(weight == 0, xp.zeros_like(scores), scores)  # ignores even nan
    shifted, maximum = _shift(scores, 1, 1.0, xp)
    logs = shifted - _log_partition(shifted, 1, xp)
    logs = _fill_special(logs, maximum, None, -math.inf, math.nan, xp)
    distributions = _distributions(target, logs, label_smoothing, xp)
    # A class of target 0 costs nothing, even where its log probability is -inf.
    terms = distributions * xp.where(distributions == 0, xp.zeros_like(logs), logs)
    loss = xp.astype(-xp.sum(weight * terms), dtype)
    if not return_gradient:
        return loss
    return loss, xp.astype(weight * _residual(logs, distributions, xp), dtype)


def _distributions(target, logs, label_smoothing, xp):
    """Labels or distributions as smoothed distributions, of the shape and dtype of ``logs``."""
    n_classes = logs.shape[1]
    if target.ndim == 1:
        classes = xp.arange(n_classes, dtype=target.dtype, device=device_of(target))
        target = target[:, None] == classes[None, :]
    target = xp.astype(target, logs.dtype)
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / n_classes
    return target


def _residual(logs, target, xp):
    """``softmax(scores) - target``, accurate where both are close to 1."""
    # p - t cancels when both are close to 1; expm1(log p) + (1 - t) does not.
    return xp.where(target > 0.5, xp.expm1(logs) + (1 - target), xp.exp(logs) - target)


def _working(scores, temperature, xp):
    """The dtype of the result, and the scores in the dtype of the arithmetic."""
    if not xp.isdtype(scores.dtype, "real floating"):
        return xp.float64, xp.astype(scores, xp.float64)
    dtype = scores.dtype
    if xp.finfo(dtype).bits < 32:
        scores = xp.astype(scores, xp.float32)
    limits = xp.finfo(scores.dtype)
    fits = float(limits.smallest_normal) <= temperature <= float(limits.max)
    return dtype, scores if fits else xp.astype(scores, xp.float64)


def _masked(scores, where, xp):
    return scores if where is None else xp.where(where, scores, xp.full_like(scores, -math.inf))


def _shift(scores, axis, temperature, xp):
    """``(scores - maximum) / temperature``, and the maxima along ``axis``, of length 1 there.

    Rows with an infinite maximum are replaced: where it is +inf, the infinite entries get 0 and all
    others -inf; rows without mass get 0 everywhere, and their result is filled in later.
    """
    maximum = xp.max(scores, axis=axis, keepdims=True)
    zeros = xp.zeros_like(scores)
    limit = xp.where(scores == math.inf, zeros, xp.full_like(scores, -math.inf))
    scores = xp.where(maximum == math.inf, limit, scores)
    scores = xp.where(maximum == -math.inf, zeros, scores)
    top = xp.where(xp.isinf(maximum), xp.zeros_like(maximum), maximum)
    shifted = scores - top
    return shifted if temperature == 1 else shifted / temperature, maximum


def _log_partition(shifted, axis, xp):
    """``log(sum(exp(shifted)))`` to full relative precision.

    A largest exponential is 1, exactly; leaving one of them out, the sum is ``1 + rest``.
    """
    exponentials = xp.exp(shifted)
    largest = xp.floor(exponentials)
    rest = xp.sum(exponentials - largest, axis=axis, keepdims=True)
    return xp.log1p(rest + (xp.sum(largest, axis=axis, keepdims=True) - 1))


def _fill_special(result, maximum, where, masked, empty, xp):
    """Fill in the results of masked entries and of rows without mass."""
    if where is not None:
        result = xp.where(where, result, xp.full_like(result, masked))
    return xp.where(maximum == -math.inf, xp.full_like(result, empty), result)
