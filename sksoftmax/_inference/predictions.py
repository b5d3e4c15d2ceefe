"""Probabilities and intervals of new rows, from the covariance of the coefficients."""

import numpy as np
from scipy.special import expit, logsumexp

from sksoftmax._curvature.moments import Centring, centred_columns
from sksoftmax._data import parameter_checks
from sksoftmax._inference.frames import check_level, quantile
from sksoftmax._objective.row_selection import row_slice
from sksoftmax._objective.rows import rows_a_block

# Nodes of the Gauss-Hermite rule for the mean of a sigmoid.
NODES = 32
# Scores of draws that are held at a time.
SCORES_OF_DRAWS = 2**21


def blocks(estimate, X):
    """Rows of X about the center, with the intercept's 1, a few at a time."""
    about = Centring(estimate.center, np.dtype(np.float64))
    step = rows_a_block(estimate.n_columns, np.dtype(np.float64), estimate.n_classes)
    for start in range(0, X.shape[0], step):
        yield centred_columns(row_slice(X, start, min(start + step, X.shape[0])), about)


def scores(estimate, columns):
    """Scores against the base, (n_rows, n_classes), and their covariances over the classes.

    The covariances are of shape (n_classes, n_classes, n_rows); those of the base are zero.
    """
    n_classes, others = estimate.n_classes, np.delete(np.arange(estimate.n_classes), estimate.base)
    mean = np.zeros((len(columns), n_classes))
    mean[:, others] = columns @ estimate.coef.T
    covariance = np.zeros((n_classes, n_classes, len(columns)))
    for a, first in enumerate(others):
        for b, second in enumerate(others[: a + 1]):
            products = columns @ estimate.covariance[a, :, b]
            covariance[first, second] = np.einsum("nj,nj->n", products, columns)
            covariance[second, first] = covariance[first, second]
    return mean, covariance


def logit_intervals(estimate, X, level, method, n_draws, random_state):
    """Ends of the intervals of ``log(p_k / (1 - p_k))``, two arrays (n_rows, n_classes)."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {sorted(METHODS)}, got {method!r}")
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
    if scale not in scales:
        raise ValueError(f"scale must be one of {sorted(scales)}, got {scale!r}")
    return scales[scale](ends)


def logits(mean):
    """``log(p_k / (1 - p_k))`` of scores, classes last."""
    result = np.empty_like(mean)
    for k in range(mean.shape[-1]):
        result[..., k] = mean[..., k] - logsumexp(np.delete(mean, k, axis=-1), axis=-1)
    return result


def _by_delta(estimate, level, n_draws, random_state):
    width = quantile(level)

    def find(columns):
        mean, covariance = scores(estimate, columns)
        middle = logits(mean)
        error = np.empty_like(middle)
        for k in range(mean.shape[1]):
            # The derivative of the logit: 1 for its own score, less the shares of the others.
            shares = np.delete(mean, k, axis=1)
            shares = np.exp(shares - logsumexp(shares, axis=1, keepdims=True))
            gradient = np.insert(-shares, k, 1.0, axis=1).T
            variance = np.einsum("an,abn,bn->n", gradient, covariance, gradient, optimize=True)
            error[:, k] = np.sqrt(np.maximum(variance, 0))
        return middle - width * error, middle + width * error

    return find


def _by_draws(estimate, level, n_draws, random_state):
    parameter_checks.check_number("n_draws", n_draws, least=2, integer=True)
    draws = drawn(estimate, n_draws, random_state)
    ends = 0.5 - 0.5 * level, 0.5 + 0.5 * level
    step = max(1, SCORES_OF_DRAWS // draws[..., 0].size)

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
    n_classes = mean.shape[1]
    variance = np.einsum("aan->na", covariance)
    probability = np.empty_like(mean)
    for k in range(n_classes):
        odds = np.zeros(len(mean))
        for other in range(n_classes):
            if other != k:
                spread = variance[:, k] + variance[:, other] - 2 * covariance[k, other]
                lead = _mean_sigmoid(mean[:, k] - mean[:, other], np.maximum(spread, 0))
                trail = _mean_sigmoid(mean[:, other] - mean[:, k], np.maximum(spread, 0))
                odds += trail / np.maximum(lead, np.finfo(np.float64).tiny)
        probability[:, k] = 1 / (1 + odds)
    return probability / probability.sum(axis=1, keepdims=True)


def _mean_sigmoid(mean, variance):
    """``E sigmoid(s)`` of normal scores."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    points = mean[:, None] + np.sqrt(variance)[:, None] * nodes
    return expit(points) @ (weights / weights.sum())
