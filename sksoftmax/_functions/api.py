"""The public softmax functions.

Arguments are checked here; the arithmetic is in ``on_numpy`` and, for arrays of other libraries,
in ``on_array_api``.
"""

import math
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from sksoftmax._functions import checks, few_rows, on_array_api, on_numpy
from sksoftmax._runtime.public import public
from sksoftmax._runtime.quiet import quiet
from sksoftmax._runtime.types import FLOATS, AnyArray, DataLike, Floats

ON_NUMPY = {"softmax": quiet(on_numpy.softmax), "log_softmax": quiet(on_numpy.log_softmax)}
OF_FEW = {
    "softmax": quiet(few_rows.softmax_of_few),
    "log_softmax": quiet(few_rows.log_softmax_of_few),
}
# Bytes of scores that stay in a usual second-level cache with all that is made of them: they are
# one block, and the interpreter's calls for blocks are a quarter of the time.
FEW_BYTES = 2**19
EMPTY_OPTIONS = ("nan", "zero", "uniform", "raise")

__all__ = ["cross_entropy", "log_softmax", "logsumexp", "softmax"]


@public("sksoftmax")
def softmax(
    scores: ArrayLike,
    *,
    axis: int = -1,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    out: AnyArray | None = None,
    empty: str = "nan",
) -> Floats:
    """Turn scores into probabilities.

    ``softmax(scores)_k = exp(scores_k / T) / sum_j exp(scores_j / T)`` with the temperature
    ``T``, computed from ``(scores - max(scores)) / T``, so that nothing overflows [1]_.

    Parameters
    ----------
    scores : array-like of real numbers, at least one-dimensional
        Integers and booleans are computed in float64; floating dtypes are kept (float16 is
        computed in float32). A nan, or what is missing in a data frame, makes its row nan; -inf
        is probability 0, and m entries of +inf share all mass, 1/m each.
    axis : int, default=-1
        The axis of the classes, along which probabilities sum to 1.
    temperature : float, default=1.0
        Positive and finite. Above 1 makes probabilities more even, below 1 sharper.
    where : array-like of bool, default=None
        Broadcast to ``scores``. Entries where it is False are left out: their value is ignored,
        even if nan, and their probability is 0.
    out : ndarray, default=None
        Where to write the result: of the shape of ``scores`` and the dtype of the result. It may
        be ``scores`` itself or overlap it. NumPy arrays only.
    empty : {"nan", "zero", "uniform", "raise"}, default="nan"
        The result for a row without mass, of which all entries are -inf or left out: nan, 0,
        one over the number of all entries, or a ValueError (nothing is written then).

    Returns
    -------
    probabilities : ndarray of the shape of scores
        Arrays of another array API library, such as torch tensors, stay in that library.

    Raises
    ------
    TypeError
        If scores are complex, text, objects, sparse or a masked array, if ``where`` is not
        boolean, or if ``out`` has another dtype than the result.
    ValueError
        If scores are zero-dimensional, the temperature is not positive and finite, shapes do
        not match, or a row is without mass and ``empty="raise"``.

    See Also
    --------
    log_softmax : The logarithm, without loss of precision.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham and N. J. Higham (2021), "Accurately computing the
       log-sum-exp and softmax functions", IMA Journal of Numerical Analysis 41(4), 2311-2330.

    Examples
    --------
    >>> from sksoftmax import softmax
    >>> softmax([2.0, 1.0, 0.1])
    array([0.65900114, 0.24243297, 0.09856589])
    >>> softmax([[0, 0], [-float("inf"), 3]])
    array([[0.5, 0.5],
           [0. , 1. ]])
    >>> softmax([1.0, 2.0, 3.0], where=[True, False, True], temperature=2.0)
    array([0.26894142, 0.        , 0.73105858])
    """
    return _normalise("softmax", scores, axis, temperature, where, out, empty)


@public("sksoftmax")
def log_softmax(
    scores: ArrayLike,
    *,
    axis: int = -1,
    temperature: float = 1.0,
    where: ArrayLike | None = None,
    out: AnyArray | None = None,
    empty: str = "nan",
) -> Floats:
    """Turn scores into log probabilities.

    ``log_softmax(scores)_k = s_k - log(sum_j exp(s_j))`` with ``s = scores / temperature``.
    Next to a much larger score, the sum over the others is kept apart and goes through ``log1p``,
    so that the log probability of the top class, the loss of a confident and right answer, is
    accurate relative to its own size however close to 0 it is [1]_.

    Parameters
    ----------
    scores, axis, temperature, where, out
        As for :func:`softmax`. Entries left out get -inf.
    empty : {"nan", "zero", "uniform", "raise"}, default="nan"
        The result for a row without mass: nan, the log of probability 0 (-inf), minus the log of
        the number of all entries, or a ValueError.

    Returns
    -------
    log_probabilities : ndarray of the shape of scores

    Raises
    ------
    TypeError, ValueError
        As :func:`softmax`.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham and N. J. Higham (2021), "Accurately computing the
       log-sum-exp and softmax functions", IMA Journal of Numerical Analysis 41(4), 2311-2330.

    Examples
    --------
    >>> from sksoftmax import log_softmax
    >>> log_softmax([0, -40])
    array([-4.24835426e-18, -4.00000000e+01])
    """
    return _normalise("log_softmax", scores, axis, temperature, where, out, empty)


@public("sksoftmax")
def logsumexp(scores: ArrayLike, *, axis: int = -1, where: ArrayLike | None = None) -> Any:
    """Log of the sum of exponentials, ``log(sum_k exp(scores_k))``.

    Parameters
    ----------
    scores : array-like of real numbers, at least one-dimensional
        As for :func:`softmax`.
    axis : int, default=-1
        The axis to sum along.
    where : array-like of bool, default=None
        Broadcast to ``scores``. Entries where it is False are left out of the sum.

    Returns
    -------
    total : ndarray of the shape of scores without ``axis``, or a scalar
        -inf where there is nothing to sum.

    Raises
    ------
    TypeError, ValueError
        As :func:`softmax`.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham and N. J. Higham (2021), "Accurately computing the
       log-sum-exp and softmax functions", IMA Journal of Numerical Analysis 41(4), 2311-2330.

    Examples
    --------
    >>> from sksoftmax import logsumexp
    >>> float(logsumexp([0, -40]))
    4.248354255291589e-18
    >>> logsumexp([[1000, 1000], [0, 0]])
    array([1.00069315e+03, 6.93147181e-01])
    """
    scores, xp = checks.as_array(scores)
    axis = checks.check_axis(axis, scores.ndim)
    where = checks.check_where(where, scores, xp)
    shape = tuple(scores.shape)
    if xp is not np and math.prod(shape) == 0:
        dtype = scores.dtype if xp.isdtype(scores.dtype, "real floating") else xp.float64
        shape = shape[:axis] + shape[axis + 1 :]
        return xp.full(shape, -math.inf, dtype=dtype, device=checks.device_of(scores))
    if xp is not np:
        return quiet(on_array_api.logsumexp)(scores, xp=xp, axis=axis, where=where)
    out = np.full((*shape[:axis], 1, *shape[axis + 1 :]), -np.inf, dtype=_result_dtype(scores))
    quiet(on_numpy.logsumexp)(scores, axis=axis, where=where, out=out)
    return out.squeeze(axis)[()]


@overload
def cross_entropy(
    scores: ArrayLike,
    y: DataLike,
    *,
    sample_weight: DataLike | None = None,
    label_smoothing: float = 0.0,
    return_gradient: Literal[False] = False,
) -> float: ...
@overload
def cross_entropy(
    scores: ArrayLike,
    y: DataLike,
    *,
    sample_weight: DataLike | None = None,
    label_smoothing: float = 0.0,
    return_gradient: Literal[True],
) -> tuple[float, Floats]: ...
@public("sksoftmax")
def cross_entropy(
    scores: ArrayLike,
    y: DataLike,
    *,
    sample_weight: DataLike | None = None,
    label_smoothing: float = 0.0,
    return_gradient: bool = False,
) -> Any:
    """Mean cross-entropy of the softmax of scores, and its gradient.

    ``loss = sum_i w_i sum_k t_ik (-log_softmax(scores_i)_k) / sum_i w_i``, where ``t_i`` is row i
    of the target, ``(1 - label_smoothing) * onehot(y_i) + label_smoothing / n_classes``. A target
    of 0 costs nothing, even if the log probability is -inf.

    Parameters
    ----------
    scores : array-like of shape (n, n_classes), real numbers
        As for :func:`softmax`.
    y : array-like of shape (n,), integer, or (n, n_classes), floating
        Labels from 0 to ``n_classes - 1``; or one distribution a row, non-negative and summing
        to 1 but for rounding: of their dtype, or to four digits. They are divided by their sums.
    sample_weight : array-like of shape (n,), default=None
        Non-negative, finite and not zero everywhere. Rows of weight 0 are ignored, even if
        their scores are nan.
    label_smoothing : float in [0, 1], default=0.0
        Share of the uniform distribution in the target.
    return_gradient : bool, default=False
        Whether to return the gradient as well.

    Returns
    -------
    loss : float
        A zero-dimensional array for arrays of another library than NumPy.
    gradient : ndarray of shape (n, n_classes)
        Derivative of ``loss`` by ``scores``, ``w_i (softmax(scores_i) - t_i) / sum_i w_i``, in
        the dtype of the softmax. Only if ``return_gradient``.

    Raises
    ------
    TypeError
        If an argument is not an array of real numbers.
    ValueError
        If there are no rows, shapes do not match, a label is no integer or out of range, a row of
        the target is no distribution, weights are negative, not finite or all zero, or
        ``label_smoothing`` is outside [0, 1].

    Examples
    --------
    >>> from sksoftmax import cross_entropy
    >>> cross_entropy([[0.0, -40.0]], [0])
    4.248354255291589e-18
    >>> loss, gradient = cross_entropy([[0.0, 0.0]], [[0.25, 0.75]], return_gradient=True)
    >>> gradient
    array([[ 0.25, -0.25]])
    """
    scores, xp = checks.as_array(scores)
    n_rows, n_classes = checks.check_matrix(scores).shape
    label_smoothing = checks.check_label_smoothing(label_smoothing)
    target = _in_namespace_of_scores(y, "y", scores, xp)
    target = checks.check_target(target, n_rows, n_classes, xp)
    weight = np.ones(n_rows) if sample_weight is None else sample_weight
    weight = _in_namespace_of_scores(weight, "sample_weight", scores, xp)
    weight = checks.check_weight(weight, n_rows, xp)
    options = {"label_smoothing": label_smoothing}
    if xp is not np:
        options |= {"xp": xp, "return_gradient": bool(return_gradient)}
        return quiet(on_array_api.cross_entropy)(scores, target, weight, **options)
    gradient = np.empty(scores.shape, dtype=_result_dtype(scores)) if return_gradient else None
    loss = quiet(on_numpy.cross_entropy)(scores, target, weight, gradient=gradient, **options)
    return (loss, gradient) if return_gradient else loss


def _normalise(name, scores, axis, temperature, where, out, empty):
    """Check the arguments of softmax or log_softmax, and call that function of the right module."""
    usual = where is None is out and type(empty) is str and empty == "nan"
    usual = usual and type(axis) is int and axis == -1
    if usual and type(temperature) is float and temperature == 1 and _are_few(scores):
        few = OF_FEW[name](scores)
        if few is not None:
            return few
    scores, xp = checks.as_array(scores)
    checks.check_option("empty", empty, EMPTY_OPTIONS)
    options = {
        "axis": checks.check_axis(axis, scores.ndim),
        "temperature": checks.check_temperature(temperature),
        "where": checks.check_where(where, scores, xp),
    }
    options["empty"] = _result_without_mass(name, empty, scores.shape[options["axis"]])
    if out is not None and xp is not np:
        raise TypeError("out is for NumPy arrays only; arrays of other libraries are not mutable.")
    if xp is np:
        out = checks.check_out(out, scores.shape, _result_dtype(scores))
    if empty == "raise":
        _refuse_rows_without_mass(scores, options["axis"], options["where"], xp)
    if xp is np:
        return ON_NUMPY[name](scores, out=out, **options)
    if math.prod(scores.shape) == 0:
        floating = xp.isdtype(scores.dtype, "real floating")
        return scores if floating else xp.astype(scores, xp.float64)
    return quiet(getattr(on_array_api, name))(scores, xp=xp, **options)


def _are_few(scores):
    """Whether scores are a small array of NumPy itself, and need no check."""
    plain = type(scores) is np.ndarray and scores.dtype in FLOATS and scores.flags.c_contiguous
    return plain and 0 < scores.nbytes <= FEW_BYTES and scores.ndim in (1, 2)


def _result_without_mass(name, empty, n_classes):
    """The value for all entries of a row without mass; unused for "raise"."""
    if empty == "zero":
        return 0.0 if name == "softmax" else -math.inf
    if empty == "uniform":
        n_classes = max(n_classes, 1)
        return 1 / n_classes if name == "softmax" else -math.log(n_classes)
    return math.nan


def _refuse_rows_without_mass(scores, axis, where, xp):
    """Raise a ValueError before anything is written, since out may be the scores themselves."""
    massless = scores == -math.inf
    massless = massless if where is None else massless | ~where
    rows = xp.all(massless, axis=axis)
    if math.prod(scores.shape) and bool(xp.any(rows)):
        raise ValueError("A row of scores has no mass: all its entries are -inf or left out.")


def _result_dtype(scores):
    """The dtype of the result: that of floating scores, in native byte order; else float64."""
    if scores.dtype.kind != "f":
        return np.dtype(np.float64)
    return scores.dtype.newbyteorder("=")


def _in_namespace_of_scores(values, name, scores, xp):
    """y or the weights as an array of real numbers, in the namespace of the scores."""
    if xp is np:
        array = checks.as_numpy(values, name)
    else:
        array = checks.to_namespace(values, scores, xp)
    if name == "y" and xp is np and array.dtype.kind in "OSU":
        raise ValueError(f"y must be integer labels or probabilities, got {array.flat[0]!r}.")
    return checks.check_real(array, name, xp)
