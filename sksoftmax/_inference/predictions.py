"""Probabilities and intervals of new rows, from the covariance of the coefficients."""

import numpy as np
from scipy.special import expit, logsumexp, softmax

from sksoftmax._curvature.moments import Centring, centred_columns
from sksoftmax._data import parameter_checks
from sksoftmax._functions.checks import check_option
from sksoftmax._inference.estimate import quadratic_forms
from sksoftmax._inference.frames import check_level, quantile
from sksoftmax._objective.row_selection import row_slice
from sksoftmax._objective.rows import rows_a_block

# Nodes of the Gauss-Hermite rule for the mean of a sigmoid.
NODES = 16
# Numbers that are held at a time: of covariances of scores, and of scores of draws.
NUMBERS = 2**21


def blocks(estimate, X):
    """Rows of X about the center, with the intercept's 1, a few at a time."""
    about = Centring(estimate.center, np.dtype(np.float64))
    step = rows_a_block(estimate.n_columns, np.dtype(np.float64), estimate.n_classes)
    size = estimate.n_classes * max(estimate.n_classes, estimate.n_columns)
    step = min(step, max(1, NUMBERS // size))
    for start in range(0, X.shape[0], step):
        yield centred_columns(row_slice(X, start, min(start + step, X.shape[0])), about)


def scores(estimate, columns):
    """Scores against the base, (n_rows, n_classes), and their covariances over the classes.

    The covariances are of shape (n_rows, n_classes, n_classes); those of the base are zero.
    """
    n_classes, others = estimate.n_classes, np.delete(np.arange(estimate.n_classes), estimate.base)
    mean, covariance = (np.zeros((len(columns), *shape)) for shape in
                        ((n_classes,), (n_classes, n_classes)))  # fmt: skip
    mean[:, others] = columns @ estimate.coef.T
    covariance[:, others[:, None], others] = quadratic_forms(columns, estimate.covariance)
    return mean, covariance


def logit_intervals(estimate, X, level, method, n_draws, random_state):
    """Ends of the intervals of ``log(p_k / (1 - p_k))``, two arrays (n_rows, n_classes)."""
    check_option("method", method, METHODS)
    check_level(level)
    lower, upper = (np.empty((X.shape[0], estimate.n_classes)) for _ in range(2))
    find, start = METHODS[method](estimate, level, n_draws, random_state), 0
    for columns in blocks(estimate, X):
        part = slice(start, start + len(columns))
        lower[part], upper[part] = find(columns)
        start = part.stop
    return lower, upper


def on_scale(ends, scale):
    """Ends of intervals of logits as they are, or as probabilities."""
    scales = {"logit": tuple, "probability": lambda ends: tuple(map(expit, ends))}
    check_option("scale", scale, scales)
    return scales[scale](ends)


def logits(mean):
    """``log(p_k / (1 - p_k))`` of scores, classes last."""
    result = np.empty_like(mean)
    for k in range(mean.shape[-1]):
        result[..., k] = mean[..., k] - logsumexp(np.delete(mean, k, axis=-1), axis=-1)
    return result


def _by_delta(estimate, level, n_draws, random_state):
    """A function of rows: ends of intervals by the delta method, two arrays (n_rows, n_classes)."""
    width = quantile(level)

    def find(columns):
        mean, covariance = scores(estimate, columns)
        middle, error = logits(mean), _logit_errors(mean, covariance)
        return middle - width * error, middle + width * error

    return find


def _logit_errors(mean, covariance):
    """By the delta method; the derivative of a logit is ``(e_k - p) / (1 - p_k)``."""
    rows, p = np.arange(len(mean)), softmax(mean, axis=1)
    product = np.einsum("nab,nb->na", covariance, p)
    variance = np.einsum("naa->na", covariance) - 2 * product
    variance += np.einsum("na,na->n", p, product)[:, None]
    # Few digits are left in 1 - p of the most probable class. The derivative of its logit is
    # therefore taken from the scores of the others: e_k less their softmax.
    top = mean.argmax(axis=1)
    rest = mean.copy()
    rest[rows, top] = -np.inf
    gradient = -softmax(rest, axis=1)
    gradient[rows, top] = 1.0
    p[rows, top] = 0.0  # replaced below
    variance /= (1 - p) ** 2
    variance[rows, top] = np.einsum("na,nab,nb->n", gradient, covariance, gradient, optimize=True)
    return np.sqrt(np.maximum(variance, 0))


def _by_draws(estimate, level, n_draws, random_state):
    """A function of rows: quantiles of the logits of drawn coefficients, of the same shapes."""
    parameter_checks.check_number("n_draws", n_draws, least=2, integer=True)
    draws = drawn(estimate, n_draws, random_state)
    ends = 0.5 - 0.5 * level, 0.5 + 0.5 * level
    step = max(1, NUMBERS // draws[..., 0].size)

    def find(columns):
        pieces = []
        for start in range(0, len(columns), step):
            mean = np.einsum("dkj,nj->dnk", draws, columns[start : start + step], optimize=True)
            pieces.append(np.quantile(logits(mean), ends, axis=0))
        return np.concatenate(pieces, axis=1)

    return find


def drawn(estimate, n_draws, random_state):
    """Coefficients drawn from the normal distribution of the estimate, base included.

    (n_draws, n_classes, n_columns), in pairs that mirror each other about the estimate.
    """
    size = estimate.coef.size
    values, vectors = np.linalg.eigh(estimate.covariance.reshape(size, size))
    root = vectors * np.sqrt(np.maximum(values, 0))
    random = np.random.default_rng(random_state)
    half = random.standard_normal((-(-n_draws // 2), size))
    moves = np.concatenate([half, -half])[:n_draws] @ root.T
    moves = moves.reshape(n_draws, *estimate.coef.shape)
    return np.insert(estimate.coef + moves, estimate.base, 0.0, axis=1)


METHODS = {"delta": _by_delta, "draws": _by_draws}


def laplace_probabilities(estimate, X):
    """Means of the probabilities under the normal distribution of the scores.

    Of two classes by Gauss and Hermite's rule. Of more from the means ``m_kl`` of the sigmoids of
    the differences of two scores, ``p_k = 1 / (1 + sum_l (1 / m_kl - 1))`` (Daunizeau 2017,
    equation 13), exact where nothing is uncertain, and divided by their sum.
    """
    result, start = np.empty((X.shape[0], estimate.n_classes)), 0
    for columns in blocks(estimate, X):
        mean, covariance = scores(estimate, columns)
        result[start : start + len(columns)] = _mean_softmax(mean, covariance)
        start += len(columns)
    return result


def _mean_softmax(mean, covariance):
    """Means of the softmax of normal scores, (n_rows, n_classes): see `laplace_probabilities`."""
    variance = np.einsum("naa->na", covariance)
    of_difference = variance[:, :, None] + variance[:, None, :] - 2 * covariance
    m = _mean_sigmoid(mean[:, :, None] - mean[:, None, :], np.maximum(of_difference, 0))
    # m_lk = 1 - m_kl, so that 1 / m_kl - 1 is m_lk / m_kl, which keeps its digits near 0.
    odds = m.transpose(0, 2, 1) / np.maximum(m, np.finfo(np.float64).tiny)
    probability = 1 / odds.sum(axis=2)  # m_kk / m_kk is the 1 of the formula
    return probability / probability.sum(axis=1, keepdims=True)


def _mean_sigmoid(mean, variance):
    """``E sigmoid(s)`` of normal scores, by Gauss and Hermite's rule; arrays of one shape."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    scale, total = np.sqrt(variance), 0.0
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        total = total + weight * expit(mean + node * scale)
    return total
