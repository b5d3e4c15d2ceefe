"""Laws of the softmax functions, on NumPy arrays and on those of other array libraries."""

import math
import subprocess
import sys
import warnings

import mpmath
import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

from sksoftmax import cross_entropy, log_softmax, logsumexp, softmax
from sksoftmax._functions import on_numpy

pytestmark = pytest.mark.filterwarnings("error")

INF, NAN = np.inf, np.nan
NORMALISERS = [softmax, log_softmax]
FUNCTIONS = [softmax, log_softmax, logsumexp]
DTYPES = [np.float16, np.float32, np.float64, np.longdouble]
# Few and many classes, both sides of every threshold, and more rows than a block holds.
SHAPES = [(1, 1), (1, 7), (9, 2), (5, 8), (5, 9), (3, 64), (3, 65), (4, 500), (20000, 5), (900, 80)]
SPECIAL = [0.0, -1.5, 2.0, 1e308, -1e308, INF, -INF, NAN]


def random_scores(*shape, scale=3.0, seed=0, dtype=np.float64):
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def reference_row(row, temperature=1.0, empty="nan"):
    """Softmax of one row of floats in plain Python, case by case."""
    if any(math.isnan(score) for score in row):
        return [NAN] * len(row)
    top = max(row)
    if top == -INF:
        return [{"nan": NAN, "zero": 0.0, "uniform": 1 / len(row)}[empty]] * len(row)
    if top == INF:
        return [float(score == INF) / row.count(INF) for score in row]
    terms = [math.exp((score - top) / temperature) for score in row]
    return [term / math.fsum(terms) for term in terms]


def exact_log_softmax(row, temperature):
    with mpmath.workdps(60):
        row = [mpmath.mpf(float(score)) / mpmath.mpf(temperature) for score in row]
        top = max(row)
        others = list(row)
        others.remove(top)
        rest = mpmath.fsum([mpmath.exp(score - top) for score in others])
        # No cancellation: log1p of the rest, whatever its size.
        return [score - top - mpmath.log1p(rest) for score in row], top + mpmath.log1p(rest)


# --- values ---


def test_worked_examples_have_their_published_numbers():
    long = [0.02364054, 0.06426166, 0.1746813, 0.474833, 0.02364054, 0.06426166, 0.1746813]
    assert_allclose(softmax([1, 2, 3, 4, 1, 2, 3]), long, rtol=0, atol=5e-9)
    short = [0.65900114, 0.24243297, 0.09856589]
    assert_allclose(softmax([2.0, 1.0, 0.1]), short, rtol=0, atol=5e-9)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("axis", [0, 1])
def test_functions_equal_those_of_scipy(function, dtype, shape, axis):
    scores = random_scores(*shape, dtype=dtype)
    expected = getattr(scipy.special, function.__name__)(scores.astype(np.float64), axis=axis)
    result = function(scores, axis=axis)
    assert result.dtype == dtype
    eps = np.finfo(dtype).eps
    # SciPy's log_softmax of a confident row is accurate absolutely, not relatively.
    assert_allclose(
        result, expected, rtol=60 * eps, atol=60 * eps if function is log_softmax else eps
    )


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("shape", [(2, 3, 4), (300, 2, 90), (3, 70, 5, 6), (2, 1, 40000, 3)])
def test_any_axis_of_an_array_of_any_shape_and_order_is_taken(function, shape):
    scores = random_scores(*shape)
    for axis in range(-len(shape), len(shape)):
        expected = getattr(scipy.special, function.__name__)(scores, axis=axis)
        assert_allclose(function(scores, axis=axis), expected, rtol=1e-13, atol=1e-15)
        swapped = np.asfortranarray(scores)
        assert_array_equal(function(swapped, axis=axis), function(scores, axis=axis))


@pytest.mark.parametrize("empty", ["nan", "zero", "uniform"])
@pytest.mark.parametrize("n_classes", [1, 2, 3, 9, 70])
@pytest.mark.parametrize("temperature", [1.0, 0.5, 1e-300, 1e300])
def test_special_values_equal_a_row_by_row_reference(empty, n_classes, temperature):
    random = np.random.default_rng(n_classes)
    # The finite values alone too: nan is in nearly every long row.
    for entries in (SPECIAL, SPECIAL[:-1], SPECIAL[:-2], [-INF], [-INF, INF, 0.0]):
        scores = random.choice(entries, size=(60, n_classes))
        expected = np.array([reference_row(row, temperature, empty) for row in scores.tolist()])
        for axis in (0, 1):
            moved = scores if axis else scores.T
            result = softmax(moved, axis=axis, empty=empty, temperature=temperature)
            assert_allclose(result if axis else result.T, expected, rtol=1e-13, atol=0)
            logs = log_softmax(moved, axis=axis, empty=empty, temperature=temperature)
            mild = expected > 0
            assert_allclose((logs if axis else logs.T)[mild], np.log(expected[mild]), atol=1e-13)
            assert_array_equal(np.isnan(logs), np.isnan(result))


@pytest.mark.parametrize(
    ("row", "probabilities", "logs", "total"),
    [
        ([0, -INF, 0], [0.5, 0, 0.5], [-math.log(2), -INF, -math.log(2)], math.log(2)),
        ([0, INF, 1], [0, 1, 0], [-INF, 0, -INF], INF),
        ([0, INF, INF], [0, 0.5, 0.5], [-INF, -math.log(2), -math.log(2)], INF),
        ([0, INF, NAN], [NAN] * 3, [NAN] * 3, NAN),
        ([NAN, -INF, -INF], [NAN] * 3, [NAN] * 3, NAN),
        ([-INF, -INF, -INF], [NAN] * 3, [NAN] * 3, -INF),
        ([1e308, -1e308, 1e308], [0.5, 0, 0.5], [-math.log(2), -INF, -math.log(2)], 1e308),
    ],
)
@pytest.mark.parametrize("n_copies", [1, 3])
def test_rows_of_special_values_have_the_limits(row, probabilities, logs, total, n_copies):
    scores = np.array([row] * n_copies)
    assert_allclose(softmax(scores), [probabilities] * n_copies, rtol=1e-15)
    assert_allclose(log_softmax(scores), [logs] * n_copies, rtol=1e-15)
    assert_allclose(logsumexp(scores), [total] * n_copies, rtol=1e-15)


@pytest.mark.parametrize("n_classes", [3, 100])
def test_rows_without_mass_are_what_empty_says(n_classes):
    scores = np.zeros((4, n_classes))
    scores[2] = -INF
    expected = {"nan": (NAN, NAN), "zero": (0, -INF), "uniform": (1 / n_classes, None)}
    for empty, (probability, log) in expected.items():
        log = -math.log(n_classes) if log is None else log
        assert_array_equal(softmax(scores, empty=empty)[2], probability)
        assert_array_equal(log_softmax(scores, empty=empty)[2], log)
        assert_allclose(softmax(scores, empty=empty)[[0, 1, 3]], 1 / n_classes)
    for function in NORMALISERS:
        kept = scores.copy()
        with pytest.raises(ValueError, match="mass"):
            function(kept, empty="raise", out=kept)
        assert_array_equal(kept, scores)
        with pytest.raises(ValueError, match="mass"):
            function(np.zeros((2, 3)), where=[[True] * 3, [False] * 3], empty="raise")
        assert_array_equal(function(scores[:2], empty="raise"), function(scores[:2]))


# --- precision ---


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3, 12, 80])
@pytest.mark.parametrize("temperature", [1.0, 0.3, 7.0])
def test_results_are_those_of_mpmath_to_relative_rounding(dtype, n_classes, temperature):
    random = np.random.default_rng(n_classes)
    eps = np.finfo(dtype).eps
    temperature = float(np.float32(temperature))  # the same number in both dtypes
    for scale in (0.01, 1, 20, 60):
        scores = (scale * random.standard_normal((8, n_classes))).astype(dtype)
        logs = log_softmax(scores, temperature=temperature)
        sums = logsumexp(scores)
        for row, ours, total in zip(scores, logs, sums, strict=True):
            exact, _ = exact_log_softmax(row, temperature)
            top = int(np.argmax(row))
            # Rounding the second largest gap moves its exponential by gap * eps: no algorithm
            # that rounds the difference of scores avoids it.
            gap = float(np.sort(row)[-1] - np.sort(row)[-2]) / temperature
            if exact[top] < -1e-30:
                assert abs(float(ours[top] / exact[top]) - 1) <= (6 + 2 * gap + n_classes / 8) * eps
            others = np.arange(n_classes) != top
            expected = np.array(exact, float)[others]
            assert_allclose(ours[others], expected, rtol=(8 + n_classes / 8) * eps, atol=0)
            _, exact_total = exact_log_softmax(row, 1.0)
            bound = 4 * eps * max(abs(float(row[top])), abs(float(exact_total)))
            bound += eps * n_classes / 8
            assert abs(float(total) - float(exact_total)) <= bound


def test_confident_rows_keep_their_digits():
    assert log_softmax([0, -40])[0] == -4.248354255291589e-18
    assert logsumexp([0, -40]) == 4.248354255291589e-18
    assert cross_entropy([[0, -40]], [0]) == 4.248354255291589e-18
    many = np.full((3, 100), -40.0)
    many[:, 17] = 0
    assert_allclose(log_softmax(many)[:, 17], -99 * 4.248354255291589e-18, rtol=1e-14)
    assert_allclose(log_softmax(many.T, axis=0)[17], -99 * 4.248354255291589e-18, rtol=1e-14)


def test_float16_computes_in_float32():
    scores = random_scores(50, 300, dtype=np.float16)
    in_float32 = softmax(scores.astype(np.float32))
    assert_array_equal(softmax(scores), in_float32.astype(np.float16))
    assert_array_equal(softmax(np.float16([65504, 65504, -65504])), np.float16([0.5, 0.5, 0]))


@pytest.mark.parametrize("scale", [0.1, 5, 100])
def test_two_classes_are_the_sigmoid(scale):
    s = scale * np.random.default_rng(0).standard_normal(1000)
    scores = np.stack([np.zeros_like(s), s], axis=1)
    assert_allclose(softmax(scores)[:, 1], scipy.special.expit(s), rtol=4e-16)
    assert_allclose(log_softmax(scores)[:, 1], scipy.special.log_expit(s), rtol=1e-15)
    assert_allclose(softmax(scores, temperature=2.5)[:, 1], scipy.special.expit(s / 2.5), 4e-14)


# --- invariance ---


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3, 10, 33, 64, 65, 130, 1000])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_row_does_not_depend_on_its_batch(function, dtype, n_classes, axis, monkeypatch):
    scores = random_scores(45, n_classes, dtype=dtype)
    scores[7, 1], scores[11, 0] = INF, NAN  # special values in another row change nothing

    def apply(rows):
        result = function(np.ascontiguousarray(rows if axis else rows.T), axis=axis)
        return result.T if axis == 0 and result.ndim == 2 else result

    whole = apply(scores)
    for size in (1, 2, 3, 17, 44):
        parts = [apply(scores[start : start + size]) for start in range(0, 45, size)]
        assert_array_equal(np.concatenate(parts), whole)
    assert_array_equal(function(scores[3]) if axis else whole[3], whole[3])
    for block_bytes in (1, 2000, 30000):
        monkeypatch.setattr(on_numpy, "BLOCK_BYTES", block_bytes)
        assert_array_equal(apply(scores), whole)


@pytest.mark.parametrize("function", NORMALISERS)
def test_a_shift_of_all_scores_of_a_row_changes_nothing(function):
    scores = np.random.default_rng(0).integers(-20, 20, size=(50, 6)).astype(float)
    # To rounding: scores that are not shifted have exponentials that round differently.
    assert_allclose(function(scores + 2.0**40), function(scores), rtol=4e-16 * 6, atol=1e-300)
    assert_allclose(logsumexp(scores + 1024) - 1024, logsumexp(scores), atol=1e-12)


@pytest.mark.parametrize("function", NORMALISERS)
@pytest.mark.parametrize("shape", [(40, 6), (40, 80), (7, 6, 5)])
def test_temperature_divides_the_scores(function, shape):
    scores = random_scores(*shape)
    for axis in (0, -1):
        expected = function(scores / 3.7, axis=axis)
        assert_allclose(function(scores, axis=axis, temperature=3.7), expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("temperature", [1e-320, 1e-60, 1e-3, np.float64(2), 1e60, 1e308, 3])
def test_extreme_temperatures_have_their_limits(dtype, temperature):
    scores = np.array([[0, 0.25, 0.25, -INF], [6e4, -6e4, 6e4, -INF]], dtype=dtype)
    for function in NORMALISERS:
        result = function(scores, temperature=temperature)
        expected = np.array([reference_row(row, float(temperature)) for row in scores.tolist()])
        with np.errstate(divide="ignore"):
            expected = np.log(expected) if function is log_softmax else expected
        finite = np.isfinite(expected)
        tolerance = 4 * np.finfo(dtype).eps
        assert result.dtype == dtype
        assert_allclose(result[finite], expected[finite], rtol=tolerance, atol=tolerance)


# --- where ---


@pytest.mark.parametrize("n_classes", [4, 20, 90])
@pytest.mark.parametrize("axis", [0, 1])
def test_where_is_deleting_the_columns(n_classes, axis):
    scores = random_scores(30, n_classes)
    kept = np.arange(n_classes) % 3 != 1
    scores[:, ~kept] = np.array([NAN, INF, -INF])[np.arange((~kept).sum()) % 3]
    scores[3, 0] = NAN
    scores[4, kept] = -INF
    scores[5, 2] = INF
    array, mask = (scores, kept) if axis else (scores.T, kept[:, None])
    for function, nothing in ((softmax, 0), (log_softmax, -INF)):
        for empty in ("nan", "zero"):
            result = function(array, where=mask, axis=axis, empty=empty)
            result = result if axis else result.T
            expected = function(scores[:, kept], empty=empty)
            assert_allclose(result[:, kept], expected, rtol=1e-13)
            ordinary = np.arange(30) != 4
            assert_array_equal(result[ordinary][:, ~kept], nothing)
        uniform = 1 / n_classes if function is softmax else -math.log(n_classes)
        whole = function(array, where=mask, axis=axis, empty="uniform")
        assert_array_equal((whole if axis else whole.T)[4], uniform)
    assert_allclose(logsumexp(array, where=mask, axis=axis), logsumexp(scores[:, kept]), 1e-13)


@pytest.mark.parametrize("shape", [(6, 5), (6, 70), (3, 4, 5)])
def test_where_of_full_shape_fills_out(shape):
    scores = random_scores(*shape)
    mask = np.random.default_rng(1).random(shape) < 0.6
    mask[0] = False
    for function, nothing in ((softmax, 0.0), (log_softmax, -INF)):
        out = np.full(shape, 7.0)
        assert function(scores, where=mask, out=out, empty="zero") is out
        filled = function(np.where(mask, scores, -INF), empty="zero")
        assert_array_equal(out, filled)
        assert_array_equal(out[~mask], nothing)
    assert_array_equal(logsumexp(scores, where=mask), logsumexp(np.where(mask, scores, -INF)))
    assert_array_equal(logsumexp(scores, where=False), -INF)


# --- dtypes, memory, shapes ---


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [*"bBhHiIlLqQ", "?"])
def test_integers_compute_in_float64(function, dtype):
    scores = np.array([[1, 0, 3], [100, 3, 100], [0, 0, 1]]).astype(dtype)
    result = function(scores)
    assert result.dtype == np.float64
    assert_array_equal(result, function(scores.astype(np.float64)))
    assert_array_equal(function(scores.tolist()), result)


def test_signed_integers_do_not_wrap():
    scores = np.array([100, -100, 127], dtype=np.int8)
    assert_allclose(softmax(scores), softmax([100.0, -100.0, 127.0]), rtol=0)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [4, 70])
def test_floating_dtypes_are_kept(function, dtype, n_classes):
    scores = random_scores(6, n_classes).astype(dtype)
    result = function(scores)
    assert result.dtype == dtype
    exact = function(scores.astype(np.float64))
    eps = max(np.finfo(dtype).eps, np.finfo(np.float64).eps)
    assert_allclose(result.astype(np.float64), exact, rtol=20 * eps, atol=eps)
    swapped = scores.astype(scores.dtype.newbyteorder())
    assert_array_equal(function(swapped), result)
    assert function(swapped).dtype.isnative


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("shape", [(500, 3), (50, 70), (4, 30, 5)])
def test_memory_layout_does_not_matter_and_input_is_kept(function, shape):
    scores = random_scores(*shape)
    expected = function(scores)
    doubled = np.repeat(np.repeat(scores, 2, axis=-1), 2, axis=0)
    read_only = scores.copy()
    read_only.flags.writeable = False
    layouts = [doubled[::2, ..., ::2], np.asfortranarray(scores), read_only, scores[::-1][::-1]]
    for array in layouts:
        before = array.copy()
        assert_array_equal(function(array), expected)
        assert_array_equal(array, before)
    broadcast = np.broadcast_to(scores[:1], shape)
    assert_array_equal(function(broadcast), function(broadcast.copy()))


@pytest.mark.parametrize("function", NORMALISERS)
@pytest.mark.parametrize("shape", [(30000, 4), (30000, 12), (2000, 80)])
@pytest.mark.parametrize("axis", [0, 1])
def test_out_may_alias_the_scores(function, shape, axis):
    shape = shape if axis else shape[::-1]
    scores = random_scores(*shape)
    expected = function(scores, axis=axis)
    out = np.empty_like(scores)
    assert function(scores, axis=axis, out=out) is out
    assert_array_equal(out, expected)
    strided = np.full((shape[0], 2 * shape[1]), 7.0)
    assert_array_equal(function(scores, axis=axis, out=strided[:, ::2]), expected)
    assert_array_equal(strided[:, 1::2], 7.0)
    same = scores.copy()
    function(same, axis=axis, out=same)
    assert_array_equal(same, expected)
    # The output starts a little before, or after, the input in the same memory, or reverses it.
    for offset_in, offset_out in ((0, 3), (3, 0), (0, shape[1]), (shape[1], 0)):
        memory = np.empty(scores.size + shape[1] + 3)
        source = memory[offset_in : offset_in + scores.size].reshape(shape)
        source[...] = scores
        target = memory[offset_out : offset_out + scores.size].reshape(shape)
        assert_array_equal(function(source, axis=axis, out=target), expected)
    backwards = scores.copy()
    assert_array_equal(function(backwards, axis=axis, out=backwards[::-1, ::-1]), expected)


def test_where_may_share_memory_with_out():
    memory = np.zeros(3 * 30000)
    mask = memory.view(bool)[: 3 * 30000].reshape(-1, 3)
    mask[...] = np.random.default_rng(0).random(mask.shape) < 0.5
    scores = random_scores(30000, 3)
    expected = softmax(scores, where=mask.copy())
    assert_array_equal(softmax(scores, where=mask, out=memory.reshape(-1, 3)), expected)


@pytest.mark.parametrize("function", NORMALISERS)
def test_an_out_of_another_shape_or_dtype_is_refused(function):
    scores = random_scores(4, 3)
    with pytest.raises(ValueError, match="shape"):
        function(scores, out=np.empty((3, 4)))
    for dtype in (np.int64, np.float32, complex):
        with pytest.raises(TypeError, match="dtype"):
            function(scores, out=np.empty((4, 3), dtype=dtype))
    with pytest.raises(TypeError, match="int64"):
        function(scores.astype(int), out=np.empty((4, 3), dtype=np.int64))
    with pytest.raises(TypeError, match="list"):
        function(scores, out=[[0.0] * 3] * 4)
    read_only = np.empty((4, 3))
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        function(scores, out=read_only)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0,), (0, 0), (2, 0, 3)])
@pytest.mark.parametrize("empty", ["nan", "raise", "uniform"])
def test_empty_axes_give_empty_results_and_sums_of_nothing(shape, empty):
    for dtype in (np.float32, np.float64):
        scores = np.empty(shape, dtype=dtype)
        for axis in range(len(shape)):
            for function in NORMALISERS:
                result = function(scores, axis=axis, empty=empty)
                assert result.shape == shape
                assert result.dtype == dtype
            total = logsumexp(scores, axis=axis)
            assert_array_equal(total, np.full(np.delete(shape, axis), -INF))
            assert total.dtype == dtype


@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_row_may_be_a_vector(function):
    scores = random_scores(2, 5)
    assert_array_equal(function(scores[0]), function(scores)[0])
    if function is logsumexp:
        assert isinstance(function(scores[0]), np.float64)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [3, 80])
def test_no_floating_point_error_is_raised(dtype, n_classes):
    huge = np.finfo(dtype).max
    entries = np.array([huge, -huge, 0, 1, np.finfo(dtype).tiny, INF, -INF, NAN], dtype=dtype)
    scores = np.random.default_rng(0).choice(entries, size=(200, n_classes))
    scores[0] = np.where(np.arange(n_classes) % 2, huge, -huge)
    with np.errstate(all="raise"):
        for temperature in (1.0, 1e-200, 1e200):
            for function in NORMALISERS:
                for empty in ("nan", "zero", "uniform"):
                    function(scores, temperature=temperature, empty=empty)
                    function(scores.T, axis=0, where=scores.T < 1, empty=empty)
        totals = logsumexp(scores)
        labels = np.zeros(200, dtype=int)
        loss, gradient = cross_entropy(scores, labels, return_gradient=True, label_smoothing=0.1)
    # All of it was computed, and the only rows without a number are those that hold a nan.
    assert_array_equal(np.isnan(totals), np.isnan(scores).any(axis=1))
    assert np.isnan(loss) and gradient.shape == scores.shape


# --- refusals ---


@pytest.mark.parametrize("function", FUNCTIONS)
def test_scores_that_are_no_real_arrays_are_refused(function):
    for bad, name in ((np.array([1j, 2]), "complex128"), (np.array(["a"]), "<U1")):
        with pytest.raises(TypeError, match=name):
            function(bad)
    with pytest.raises(TypeError, match="object"):
        function(np.array([None, 1.0]))
    with pytest.raises(TypeError, match="where=~mask"):
        function(np.ma.masked_array([1.0, 2.0], mask=[True, False]))
    with pytest.raises(TypeError, match="sparse"):
        function(scipy.sparse.csr_array(np.eye(3)))
    for scalar in (1.0, np.float64(1), np.array(2.0)):
        with pytest.raises(ValueError, match="dimension"):
            function(scalar)
    with pytest.raises(np.exceptions.AxisError):
        function(np.zeros((2, 3)), axis=2)
    for axis in (None, True, (0, 1), 1.0, "1"):
        with pytest.raises(TypeError, match="axis"):
            function(np.zeros((2, 3)), axis=axis)
    with pytest.raises(TypeError, match="boolean"):
        function(np.zeros((2, 3)), where=np.ones((2, 3)))
    for shape in ((2,), (5, 2, 3)):
        with pytest.raises(ValueError, match="where"):
            function(np.zeros((2, 3)), where=np.ones(shape, dtype=bool))


@pytest.mark.parametrize("function", NORMALISERS)
def test_options_out_of_range_are_refused_by_name(function):
    for temperature in (0, 0.0, -1, INF, NAN, 10**400):
        with pytest.raises(ValueError, match="temperature"):
            function([1.0, 2.0], temperature=temperature)
    for temperature in ("1", None, 1j, [1.0], True):
        with pytest.raises(TypeError, match="temperature"):
            function([1.0, 2.0], temperature=temperature)
    with pytest.raises(ValueError, match=r"'nan', 'zero', 'uniform', 'raise'.*'none'"):
        function([1.0, 2.0], empty="none")


# --- cross-entropy ---


def reference_loss(scores, target, weight):
    """Weighted mean in plain Python, of soft targets."""
    losses = [
        math.fsum(-t * math.log(p) for t, p in zip(aim, reference_row(row), strict=True) if t)
        for row, aim in zip(scores.tolist(), target.tolist(), strict=True)
    ]
    return math.fsum(w * v for w, v in zip(weight, losses, strict=True)) / math.fsum(weight)


@pytest.mark.parametrize("shape", [(1, 2), (40, 3), (300, 300), (20, 1)])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy_equals_its_definition(shape, soft, weighted, label_smoothing):
    n_rows, n_classes = shape
    random = np.random.default_rng(0)
    scores = random_scores(*shape)
    labels = random.integers(n_classes, size=n_rows)
    target = (
        random.dirichlet(np.ones(n_classes), size=n_rows) if soft else np.eye(n_classes)[labels]
    )
    weight = random.random(n_rows) * (np.arange(n_rows) != 3) if weighted else np.ones(n_rows)
    loss, gradient = cross_entropy(
        scores,
        target if soft else labels,
        sample_weight=weight if weighted else None,
        label_smoothing=label_smoothing,
        return_gradient=True,
    )
    aim = (1 - label_smoothing) * target + label_smoothing / n_classes
    assert type(loss) is float
    assert_allclose(loss, reference_loss(scores, aim, weight), rtol=1e-13, atol=1e-300)
    expected = weight[:, None] * (softmax(scores) - aim) / weight.sum()
    assert_allclose(gradient, expected, rtol=1e-11, atol=1e-17)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2, 1.0])
def test_gradient_equals_differences(label_smoothing):
    scores, labels = random_scores(5, 4, scale=1), np.array([0, 3, 1, 1, 2])
    options = {"sample_weight": [1, 2, 0, 0.5, 1], "label_smoothing": label_smoothing}
    _, gradient = cross_entropy(scores, labels, return_gradient=True, **options)

    def difference(direction, step):
        moved = (cross_entropy(scores + s * direction, labels, **options) for s in (step, -step))
        return (next(moved) - next(moved)) / (2 * step)

    for index in np.ndindex(scores.shape):
        direction = np.zeros_like(scores)
        direction[index] = 1
        five_point = (4 * difference(direction, 1e-3) - difference(direction, 2e-3)) / 3
        assert_allclose(gradient[index], five_point, rtol=1e-9, atol=1e-11)


def test_cross_entropy_of_labels_is_that_of_distributions():
    scores, labels = random_scores(50, 6), np.arange(50) % 6
    for form in (labels.astype(np.uint8), labels.astype(float), labels.tolist(), np.eye(6)[labels]):
        assert_allclose(cross_entropy(scores, form), cross_entropy(scores, labels), rtol=1e-14)


def test_confident_gradient_keeps_its_digits():
    _, gradient = cross_entropy([[0.0, -40.0]], [0], return_gradient=True)
    assert_allclose(gradient, [[-4.248354255291589e-18, 4.248354255291589e-18]], rtol=1e-14)


def test_zero_weight_leaves_no_trace():
    scores, labels = random_scores(8, 3), np.arange(8) % 3
    weight = np.array([1.0, 0, 2, 0, 1, 0, 0, 3])
    expected = cross_entropy(scores, labels, sample_weight=weight, return_gradient=True)
    scores[1], scores[3], scores[5], scores[6, 1] = NAN, INF, -INF, -INF
    loss, gradient = cross_entropy(scores, labels, sample_weight=weight, return_gradient=True)
    assert loss == expected[0]
    assert_array_equal(gradient, expected[1])
    assert_array_equal(gradient[weight == 0], 0)


def test_weights_are_repetitions_and_their_scale_does_not_matter():
    scores, labels = random_scores(6, 4), np.arange(6) % 4
    weight = np.array([1, 2, 0, 3, 1, 1])
    repeated = cross_entropy(np.repeat(scores, weight, axis=0), np.repeat(labels, weight))
    for scale in (1.0, 1e-300, 5e307):
        loss = cross_entropy(scores, labels, sample_weight=scale * weight)
        assert_allclose(loss, repeated, rtol=1e-14)


def test_zero_times_infinity_is_zero():
    scores = [[0.0, -INF, 0.0], [INF, 1.0, 2.0]]
    assert_allclose(cross_entropy(scores, [0, 0]), math.log(2) / 2, rtol=1e-15)
    assert_allclose(cross_entropy(scores, [[0.5, 0, 0.5], [1, 0, 0]]), math.log(2) / 2, rtol=1e-15)
    assert cross_entropy(scores, [1, 0]) == INF
    assert cross_entropy(scores, [0, 0], label_smoothing=0.1) == INF


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_cross_entropy_keeps_dtype(dtype):
    scores, labels = random_scores(30, 5, dtype=dtype), np.arange(30) % 5
    loss, gradient = cross_entropy(scores, labels, return_gradient=True)
    exact, exact_gradient = cross_entropy(scores.astype(float), labels, return_gradient=True)
    assert gradient.dtype == dtype
    eps = np.finfo(dtype).eps
    assert_allclose(loss, exact, rtol=min(20 * eps, 1e-5))
    assert_allclose(gradient, exact_gradient, rtol=20 * eps, atol=eps)


def test_bad_targets_and_weights_are_refused_by_value():
    scores = np.zeros((3, 2))
    bad_labels = {"2": [0, 1, 2], "-1": [0, -1, 1], "0.5": [0, 0.5, 1], "nan": [0, NAN, 1]}
    bad_labels["cat"] = ["cat", "dog", "cat"]
    for label, y in bad_labels.items():
        with pytest.raises(ValueError, match=label):
            cross_entropy(scores, y)
    for row in ([0.5, 0.6], [1.5, -0.5], [NAN, 1.0]):
        with pytest.raises(ValueError, match="row 1"):
            cross_entropy(scores, [[0.5, 0.5], row, [0, 1]])
    for y in ([0, 1], np.zeros((3, 3)), [[0], [1], [1]], 0):
        with pytest.raises(ValueError, match="shape"):
            cross_entropy(scores, y)
    for weight in ([1, -1, 1], [0, 0, 0], [1, INF, 1], [1, NAN, 1], [1, 1], 1.0):
        with pytest.raises(ValueError, match="weight"):
            cross_entropy(scores, [0, 1, 0], sample_weight=weight)
    for label_smoothing in (-0.1, 1.1, NAN, "a"):
        with pytest.raises(ValueError, match="label_smoothing"):
            cross_entropy(scores, [0, 1, 0], label_smoothing=label_smoothing)
    with pytest.raises(ValueError, match="no rows"):
        cross_entropy(np.zeros((0, 2)), [])
    with pytest.raises(ValueError, match="shape"):
        cross_entropy(np.zeros(3), [0])


# --- other array libraries and containers ---


def load_namespace(name):
    reason = f"{name} is not installed"
    namespace = pytest.importorskip(name, reason=reason)
    if name == "torch":
        pytest.importorskip("sklearn.externals.array_api_compat.torch", reason=reason)
    return namespace


@pytest.fixture(params=["array_api_strict", "torch"])
def xp(request):
    return load_namespace(request.param)


def assert_same(result, expected, xp, **tolerance):
    assert type(result) is type(xp.asarray([1.0]))
    assert str(result.dtype).rpartition(".")[2] == expected.dtype.name
    assert_allclose(np.asarray(result), expected, **tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "bool"])
def test_namespaces_agree_with_numpy(xp, dtype):
    scores = np.abs(random_scores(4, 3, 5)).astype(dtype)
    mask = np.random.default_rng(1).random((3, 5)) < 0.5
    tolerance = {"rtol": 1e-5 if dtype == "float32" else 1e-13, "atol": 1e-30}
    for axis in (0, 1, -1):
        for where in (None, mask):
            ours = {"axis": axis, "where": where}
            theirs = {"axis": axis, "where": None if where is None else xp.asarray(where)}
            for function in FUNCTIONS:
                options = {} if function is logsumexp else {"temperature": 0.7, "empty": "uniform"}
                result = function(xp.asarray(scores), **theirs, **options)
                assert_same(
                    result, np.asarray(function(scores, **ours, **options)), xp, **tolerance
                )


@pytest.mark.parametrize("empty", ["nan", "zero", "uniform", "raise"])
def test_namespaces_agree_on_special_values(xp, empty):
    scores = np.random.default_rng(0).choice(SPECIAL, size=(300, 3))
    scores = scores if empty != "raise" else np.where(scores == -INF, 0, scores)
    mask = np.ones_like(scores, dtype=bool)
    mask[::2, 0] = False
    for function in NORMALISERS:
        expected = function(scores, empty=empty, where=mask)
        result = function(xp.asarray(scores), empty=empty, where=xp.asarray(mask))
        assert_same(result, expected, xp, rtol=1e-14)
        if empty == "raise":
            with pytest.raises(ValueError, match="mass"):
                function(xp.asarray([[-INF, -INF]]), empty=empty)
    assert_same(logsumexp(xp.asarray(scores)), logsumexp(scores), xp, rtol=1e-14)


def test_namespaces_have_all_of_cross_entropy(xp):
    scores, labels = random_scores(6, 3), np.arange(6) % 3
    scores[1], scores[2, 0] = NAN, -INF
    weight = np.array([1.0, 0, 2, 1, 1, 3])
    soft = np.eye(3)[labels] * 0.5 + 0.5 * np.eye(3)[(labels + 1) % 3]
    soft[2] = [0, 1, 0]
    for y, smoothing in ((labels, 0.0), (soft, 0.0), (labels % 2 + 1, 0.0), (soft, 0.1)):
        options = {"label_smoothing": smoothing, "return_gradient": True}
        loss, gradient = cross_entropy(scores, y, sample_weight=weight, **options)
        their_loss, their_gradient = cross_entropy(
            xp.asarray(scores), xp.asarray(y), sample_weight=xp.asarray(weight), **options
        )
        assert their_loss.ndim == 0
        assert_same(their_loss, np.float64(loss), xp, rtol=1e-14)
        assert_same(their_gradient, gradient, xp, rtol=1e-12, atol=1e-16)
    confident = cross_entropy(xp.asarray([[0.0, -40.0]], dtype=xp.float64), xp.asarray([0]))
    assert float(confident) == 4.248354255291589e-18


def test_namespaces_refuse_what_numpy_refuses(xp):
    scores = xp.asarray([[0.0, 1.0], [2.0, 3.0]])
    for function in NORMALISERS:
        with pytest.raises(TypeError, match="out"):
            function(scores, out=scores)
        with pytest.raises(TypeError, match="boolean"):
            function(scores, where=xp.asarray([1, 0]))
        with pytest.raises(ValueError, match="where"):
            function(scores, where=xp.asarray([True] * 3))
        with pytest.raises(TypeError, match="complex64"):
            function(xp.asarray([1j], dtype=xp.complex64))
        with pytest.raises(ValueError, match="dimension"):
            function(xp.asarray(1.0))
    with pytest.raises(ValueError, match="2"):
        cross_entropy(scores, xp.asarray([0, 2]))
    with pytest.raises(ValueError, match="row 1"):
        cross_entropy(scores, xp.asarray([[0.5, 0.5], [0.9, 0.9]]))
    with pytest.raises(ValueError, match="weight"):
        cross_entropy(scores, xp.asarray([0, 1]), sample_weight=xp.asarray([1.0, -1.0]))


@pytest.mark.parametrize("shape", [(0, 3), (2, 0)])
def test_namespaces_take_empty_axes(xp, shape):
    scores = xp.zeros(shape, dtype=xp.float32)
    for function in NORMALISERS:
        assert tuple(function(scores).shape) == shape
    assert_same(logsumexp(scores), np.full(shape[:1], -INF, dtype=np.float32), xp)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_torch_differentiates_through(function):
    torch = load_namespace("torch")
    scores = torch.tensor(random_scores(4, 3), requires_grad=True)
    scores.data[0, 1] = scores.data[0, 0]  # a tie of maxima
    assert torch.autograd.gradcheck(lambda s: function(s), (scores[1:],))
    function(scores)[0].sum().backward()
    reference = scores.detach().clone().requires_grad_()
    getattr(torch, function.__name__)(reference, -1)[0].sum().backward()
    assert_allclose(scores.grad.numpy(), reference.grad.numpy(), atol=1e-15)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_of_torch_is_kept(dtype):
    torch = load_namespace("torch")
    scores = torch.tensor(random_scores(4, 3)).to(getattr(torch, dtype))
    for function in FUNCTIONS:
        result = function(scores)
        assert result.dtype == scores.dtype
        assert_allclose(result.float().numpy(), function(scores.float()).numpy(), rtol=1e-2)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_data_frames_give_arrays(function):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    scores = random_scores(5, 3)
    frame = pandas.DataFrame(scores, columns=["a", "b", "c"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        matrix = np.asmatrix(scores)
    for container in (frame, matrix):
        result = function(container)
        assert type(result) is np.ndarray
        assert_array_equal(result, function(scores))
    assert_array_equal(function(frame["a"]), function(scores[:, 0]))


def test_cross_entropy_takes_data_frames_and_series():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    scores, labels = random_scores(5, 3), pandas.Series([0, 1, 2, 0, 1], index=list("abcde"))
    expected = cross_entropy(scores, labels.to_numpy())
    weight = pandas.Series(np.ones(5))
    assert cross_entropy(pandas.DataFrame(scores), labels, sample_weight=weight) == expected


def test_arithmetic_imports_neither_scikit_learn_nor_scipy():
    # In an empty package: to import the real one is to import its estimators too.
    code = """if True:
        import importlib, pathlib, sys, types
        package = sys.modules["sksoftmax"] = types.ModuleType("sksoftmax")
        package.__path__ = [str(pathlib.Path(sys.argv[1]).parents[1])]
        for name in ("api", "arrays", "checks", "on_array_api", "on_numpy"):
            importlib.import_module("sksoftmax._functions." + name)
        print(*sorted({"sklearn", "scipy", "numpy"} & set(sys.modules)))
    """
    command = [sys.executable, "-c", code, on_numpy.__file__]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    assert found.stdout.split() == ["numpy"]
