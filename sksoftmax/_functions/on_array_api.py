"""Softmax and its relatives for any array API namespace ``xp``. Arguments come in checked.

The same formulas as on NumPy arrays, without blocks and without writing in place, so that torch
can differentiate through them. Namespaces may compute with NumPy: callers ignore its errors.
"""

import math

from sksoftmax._functions.checks import device_of


def softmax(scores, *, xp, axis, temperature, where, empty):
    """Probabilities, in the dtype that the scores compute in."""
    dtype, scores = _working(scores, temperature, xp)
    shifted, maximum = _shift(_masked(scores, where, xp), axis, temperature, xp)
    exponentials = xp.exp(shifted)
    result = exponentials / xp.sum(exponentials, axis=axis, keepdims=True)
    n_classes = max(scores.shape[axis], 1)
    fill = {"nan": math.nan, "zero": 0.0, "uniform": 1 / n_classes, "raise": math.nan}
    result = _mend(result, maximum, where, 0.0, fill[empty], xp)
    return xp.astype(result, dtype)


def log_softmax(scores, *, xp, axis, temperature, where, empty):
    """Their logarithms."""
    dtype, scores = _working(scores, temperature, xp)
    shifted, maximum = _shift(_masked(scores, where, xp), axis, temperature, xp)
    result = shifted - _log_partition(shifted, axis, xp)
    n_classes = max(scores.shape[axis], 1)
    fill = {"nan": math.nan, "zero": -math.inf, "uniform": -math.log(n_classes), "raise": math.nan}
    result = _mend(result, maximum, where, -math.inf, fill[empty], xp)
    return xp.astype(result, dtype)


def logsumexp(scores, *, xp, axis, where):
    """The logarithm of the sum of exponentials, without the axis."""
    dtype, scores = _working(scores, 1.0, xp)
    shifted, maximum = _shift(_masked(scores, where, xp), axis, 1.0, xp)
    total = _log_partition(shifted, axis, xp)
    finite = xp.isfinite(maximum)
    total = xp.where(finite, total + xp.where(finite, maximum, 0 * total), maximum)
    return xp.astype(xp.squeeze(total, axis=axis), dtype)


def cross_entropy(scores, target, weight, *, xp, label_smoothing, return_gradient):
    """Return ``sum_i weight_i * loss_i``, and its derivative; weights sum to 1."""
    dtype, scores = _working(scores, 1.0, xp)
    weight = xp.astype(weight, scores.dtype)[:, None]
    scores = xp.where(weight == 0, xp.zeros_like(scores), scores)  # no trace, not even of nan
    shifted, maximum = _shift(scores, 1, 1.0, xp)
    logs = shifted - _log_partition(shifted, 1, xp)
    logs = _mend(logs, maximum, None, -math.inf, math.nan, xp)
    aim = _aim(target, logs, label_smoothing, xp)
    # A class of target 0 costs nothing, even where its log probability is -inf.
    terms = aim * xp.where(aim == 0, xp.zeros_like(logs), logs)
    loss = xp.astype(-xp.sum(weight * terms), dtype)
    if not return_gradient:
        return loss
    return loss, xp.astype(weight * _residual(logs, aim, xp), dtype)


def _aim(target, logs, label_smoothing, xp):
    n_classes = logs.shape[1]
    if target.ndim == 1:
        classes = xp.arange(n_classes, dtype=target.dtype, device=device_of(target))
        target = target[:, None] == classes[None, :]
    aim = xp.astype(target, logs.dtype)
    if label_smoothing > 0:
        aim = aim * (1 - label_smoothing) + label_smoothing / n_classes
    return aim


def _residual(logs, aim, xp):
    # p - aim cancels when both are close to 1; expm1(log p) + (1 - aim) does not.
    return xp.where(aim > 0.5, xp.expm1(logs) + (1 - aim), xp.exp(logs) - aim)


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
    """``(scores - maximum) / temperature``, with rows in a corner replaced; and the maxima.

    Where the maximum is +inf, the infinite entries share all mass; rows without mass get zeros,
    for their result is filled in later.
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


def _mend(result, maximum, where, masked, empty, xp):
    """Fill masked entries of nan rows, and rows without mass."""
    if where is not None:
        result = xp.where(where, result, xp.full_like(result, masked))
    return xp.where(maximum == -math.inf, xp.full_like(result, empty), result)
