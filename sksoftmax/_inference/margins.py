r"""Average marginal effects of features on the probabilities of classes.

The effect of the feature j on the class k at a row is ``p_k (b_kj - sum_c p_c b_cj)``, the
derivative of the probability; its average over rows is ``sum_c A_kc b_cj`` with
``A = mean(diag(p) - p p')``. The delta method wants its derivatives by the coefficients, of which
the part through the probabilities is

    sum_c b_cj mean(T_kcl x),    T_kcl = d(p_k (1{k=c} - p_c)) / d(score_l),

T being the third cumulant of a multinomial draw, symmetric in its three classes.
"""

from itertools import permutations
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from sksoftmax._curvature.approximations import probabilities_at
from sksoftmax._curvature.moments import Centring, centred_columns
from sksoftmax._inference.objective import frequencies

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


def averages(basis, theta, n_classes, factors):
    """The average row about the center, and the Moments, None where these are too many numbers.

    factors : class weights; averages are by the weights of the rows alone
    """
    objective, base, n_scores = basis.objective, basis.base, n_classes - 1
    at, about = probabilities_at(objective, theta), Centring.of(objective)
    others, has_moments = basis.others, n_classes**3 * objective.map.n_columns <= MOST_MOMENTS

    def block_sums(block):
        columns, weight = centred_columns(block.X, about), frequencies(block, factors)
        row, total = weight @ columns, float(weight.sum(dtype=np.float64))
        return row, total, *(_products(others(at(block)), weight, columns) if has_moments else ())

    row, total, *products = objective.rows.sum(block_sums)
    if not has_moments:
        return row / total, None
    curvature, first, second, third = products
    second, third = (_symmetric(n_scores, order, own) for order, own in ((2, second), (3, third)))
    cumulant = _cumulant(first, second, third)
    # Curvatures and cumulants sum to zero over classes, which gives those of the base.
    whole = np.insert(np.eye(n_scores), base, -1.0, axis=0)
    cumulant = np.einsum("ak,bc,dm,kcmj->abdj", whole, whole, whole, cumulant, optimize=True)
    return row / total, Moments(whole @ curvature @ whole.T / total, cumulant / total)


def _products(probability, weight, columns):
    """Sums over rows: of ``diag(p) - p p'``, and of products of one to three entries of p with x.

    Of the products those whose classes ascend, in lexicographic order: see `_symmetric`.
    """
    n_scores, weighted = len(probability), probability * weight
    curvature = np.diag(weighted.sum(axis=1)) - weighted @ probability.T
    k, c = np.triu_indices(n_scores)
    second = (weighted[k] * probability[c]) @ columns
    # A class at a time: all at once would be n_scores^3 / 6 numbers a row.
    pairs = ([k + part for part in np.triu_indices(n_scores - k)] for k in range(n_scores))
    third = np.concatenate([
        (weighted[k] * (probability[c] * probability[m])) @ columns
        for k, (c, m) in enumerate(pairs)
    ])  # fmt: skip
    return curvature, weighted @ columns, second, third


def _symmetric(n_scores, order, values):
    """A symmetric array of so many axes of n_scores, from its entries whose indices ascend."""
    shape = (n_scores,) * order
    ascending = np.nonzero((np.diff(np.indices(shape, np.int16), axis=0) >= 0).all(axis=0))
    result = np.empty((*shape, values.shape[1]))
    for indices in permutations(ascending):
        result[indices] = values
    return result


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
