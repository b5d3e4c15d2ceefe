r"""Average marginal effects of features on the probabilities of classes.

The effect of the feature j on the class k at a row is ``p_k (b_kj - sum_c p_c b_cj)``, the
derivative of the probability; its average over rows is ``sum_c A_kc b_cj`` with
``A = mean(diag(p) - p p')``. The delta method wants its derivatives by the coefficients, of which
the part through the probabilities is

    sum_c b_cj mean(T_kcl x),    T_kcl = d(p_k (1{k=c} - p_c)) / d(score_l),

T being the third cumulant of a multinomial draw, symmetric in its three classes.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from sksoftmax._curvature.moments import Centring, centred_columns
from sksoftmax._inference.objective import frequencies
from sksoftmax._objective.kernels import probabilities

# Numbers of the third moments, of the size n_classes^3 * n_columns, up to which they are made.
MOST_MOMENTS = 4_000_000


class Moments(NamedTuple):
    """Averages over rows of what marginal effects are made of.

    curvature : ndarray of shape (n_classes, n_classes), of ``diag(p) - p p'``
    third : ndarray of shape (n_classes, n_classes, n_classes, n_columns), of ``T x``
    """

    curvature: np.ndarray
    third: np.ndarray


class Effects(NamedTuple):
    """Marginal effects and their standard errors, (n_classes, n_features)."""

    effect: np.ndarray
    std_error: np.ndarray


def mean_row(data):
    """The average row about the center, the intercept's 1 last."""
    about = Centring.of(data.objective)

    def block_sums(block):
        weight = frequencies(block, data.factors)
        return weight @ centred_columns(block.X, about), float(weight.sum())

    sums, mass = data.objective.rows.sum(block_sums)
    return sums / mass


def averages(data, theta, n_classes):
    """The Moments of the rows; None where they are too many numbers."""
    objective = data.objective
    n_columns = objective.map.n_columns
    if n_classes**3 * n_columns > MOST_MOMENTS:
        return None
    prepared, about = objective.map.prepare(theta, objective.dtype), Centring.of(objective)
    forward, upper = objective.map.forward, np.triu_indices(n_classes)

    def block_sums(block):
        columns = centred_columns(block.X, about)
        probability = probabilities(forward(prepared, block.X))
        if len(probability) == 1:
            probability = np.concatenate([1 - probability, probability])
        weight = frequencies(block, data.factors)
        weighted, pairs = probability * weight, probability[upper[0]] * probability[upper[1]]
        joint = (columns[:, None, :] * weighted.T[:, :, None]).reshape(len(columns), -1)
        return weighted.sum(axis=1), weighted @ columns, pairs @ weight, pairs @ joint

    first, first_x, second, third = objective.rows.sum(block_sums)
    third = third.reshape(len(second), n_classes, n_columns)
    pair = np.zeros((n_classes, n_classes), dtype=int)
    pair[upper] = pair.T[upper] = np.arange(len(second))
    total = first.sum()
    second_x = third.sum(axis=1)  # the probabilities of the third class sum to 1
    curvature = np.diag(first) - second[pair]
    return Moments(curvature / total, _cumulant(first_x, second_x[pair], third[pair]) / total)


def _cumulant(first, second, third):
    """The third cumulant from moments, with one more axis of columns last."""
    cumulant = 2 * third
    for k in range(len(first)):
        cumulant[k, k, :] -= second[k]
        cumulant[k, :, k] -= second[k]
        cumulant[:, k, k] -= second[k]
        cumulant[k, k, k] += first[k]
    return cumulant


def at_row(estimate, row):
    """The Moments of a single row, about the center."""
    p = softmax(estimate.class_coef @ row)
    second, third = np.outer(p, p), p[:, None, None] * p[:, None] * p
    cumulant = _cumulant(p[:, None], second[..., None], third[..., None])
    return Moments(np.diag(p) - second, cumulant * row)


def effects(estimate, moments, n_features):
    """The Effects of moments, a class at a time."""
    coef = estimate.class_coef[:, :n_features]
    effect = moments.curvature @ coef
    std_error = np.empty_like(effect)
    others = np.delete(np.arange(estimate.n_classes), estimate.base)
    each = np.arange(n_features)
    size = len(others) * estimate.n_columns
    covariance = estimate.covariance.reshape(size, size)
    for k in range(estimate.n_classes):
        derivative = np.einsum("cj,clm->jlm", coef, moments.third[k][:, others], optimize=True)
        derivative[each, :, each] += moments.curvature[k, others]
        derivative = derivative.reshape(n_features, size)
        variance = np.einsum("ji,ji->j", derivative @ covariance, derivative)
        std_error[k] = np.sqrt(np.maximum(variance, 0))
    return Effects(effect, std_error)
