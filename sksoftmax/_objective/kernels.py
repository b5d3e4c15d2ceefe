"""The arithmetic of one block of rows, on class-major scores.

Scores of a block are kept as (n_classes, n_rows): the maximum, the sum and the normalisation over
classes are then operations on whole contiguous rows, which NumPy vectorises. Two classes are one
row of scores ``s``, read as the pair ``(0, s)``; every kernel takes both forms.

Kernels hold no state and overwrite the scores they are given. Sums are returned in float64
whatever the dtype of the scores.
"""

import numpy as np
import scipy.sparse as sp

from sksoftmax._runtime.quiet import quiet

# Number of classes from which on a product in single precision is made class-major. In double
# precision that is always faster, or no slower, where columns are few. Measured.
MANY_CLASSES = 64
# Bytes of rows, those of a small fit, that are still in the cache from the last evaluation.
CACHED = 2**18
# Largest exponential of a score of two classes that is used without a look at the score's sign,
# with which an evaluation takes 30 % longer.
MOST_EXPONENTIAL = 1e5


def class_major_scores(X, coef_t, intercept, *, is_cached=False):
    """``(X @ coef_t).T + intercept``, a fresh contiguous array of shape (n_classes, n_rows).

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_rows, n_features)
    coef_t : ndarray or sparse array of shape (n_features, n_classes)
    intercept : ndarray of shape (n_classes, 1)
    is_cached : whether X has just been read
    """
    sparse = sp.issparse(X) or sp.issparse(coef_t)
    if sparse or (X.dtype == np.float32 and coef_t.shape[1] < MANY_CLASSES):
        scores = X @ coef_t
        scores = scores.toarray() if sp.issparse(scores) else scores
        return np.add(scores.T, intercept, order="C")
    if coef_t.shape[1] < MANY_CLASSES and not (is_cached or X.nbytes <= CACHED):
        # Reading the rows from first to last brings them into the cache at the speed of memory. The
        # product would read them in tiles, which takes longer than both.
        X.max(initial=0.0)
    scores = coef_t.T @ X.T
    scores += intercept
    return scores


def cross_entropy_residual(scores, target, weight):
    """Turn scores into residuals, in place, and return the summed loss.

    ``loss = sum_i weight_i * (logsumexp(scores_i) - target_i . scores_i)`` and
    ``residual_ki = weight_i * (softmax(scores_i)_k - target_ik)``, its derivative. If a
    distribution does not sum to 1 for rounding, its sum is a factor of the row's weight: so the
    residuals of a row sum to zero, and a shift of all classes has no gradient.

    Parameters
    ----------
    scores : ndarray of shape (n_classes, n_rows), or (1, n_rows) for two classes
        Overwritten by the residuals.
    target : ndarray of shape (n_rows,), dtype integer, or (n_classes, n_rows), floating
        Class indices, or one distribution a row.
    weight : ndarray of shape (n_rows,)

    Returns
    -------
    loss : float
    """
    return _weighted_sum(losses_and_residuals(scores, target, weight), weight)


quiet_exp = quiet(np.exp)


def losses_and_residuals(scores, target, weight):
    """As `cross_entropy_residual`, but return each row's loss without its weight, (n_rows,)."""
    if scores.shape[0] == 1:
        return _sigmoid_residual(scores[0], target, weight)
    scores -= scores.max(axis=0)
    exponential = np.exp(scores)
    total = exponential.sum(axis=0)
    labels = _flat_indices(target, scores.shape[1]) if target.ndim == 1 else None
    own = np.einsum("kn,kn->n", target, scores) if labels is None else scores.take(labels)
    logarithm, by_row = np.log(total), weight
    if target.ndim == 2:
        mass = target.sum(axis=0, dtype=scores.dtype)
        logarithm *= mass
        by_row = weight * mass
    np.multiply(exponential, by_row / total, out=scores)
    if labels is None:
        scores -= target * weight
    else:
        scores.reshape(-1)[labels] -= weight
    logarithm -= own
    return logarithm


def probabilities(scores):
    """The softmax of scores (n_classes, n_rows), in place; of a single row, the sigmoid."""
    if scores.shape[0] == 1:
        np.copyto(scores[0], _sigmoid(scores[0])[0])
        return scores
    scores -= scores.max(axis=0)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=0)
    return scores


def curvature_product(probability, direction, weight):
    """``w_i (diag(p_i) - p_i p_i') d_i`` for each row, written over ``direction``.

    It is the derivative of the residuals along a direction of the scores.

    probability, direction : ndarrays of shape (n_classes, n_rows), or (1, n_rows) for two classes
    weight : ndarray of shape (n_rows,)
    """
    if probability.shape[0] == 1:
        direction *= probability * (1 - probability) * weight
        return direction
    direction -= np.einsum("kn,kn->n", probability, direction)
    direction *= probability
    direction *= weight
    return direction


def lower_product(probability, direction, weight):
    """``w_i min_k p_ik d_i`` for each row, written over ``direction``.

    A lower bound of `curvature_product` on what sums to zero over classes, and the same for two.
    """
    if probability.shape[0] == 1:
        return curvature_product(probability, direction, weight)
    direction *= probability.min(axis=0) * weight
    return direction


def variances(probability):
    """``p_k (1 - p_k)``, the diagonal of each row's curvature: (n_classes, n_rows)."""
    return probability * (1 - probability)


def restored(residual, target, weight):
    """The residuals of rows as if of weight 1, and their probabilities.

    residual : ndarray of shape (n_classes, n_rows), as `cross_entropy_residual` leaves it
    """
    residual = residual / weight
    return residual, weighted_probabilities(residual.copy(), target, residual.dtype.type(1))


def weighted_probabilities(residual, target, weight):
    """Turn residuals, in place, into the probabilities times the weights."""
    if len(residual) == 1:
        residual[0] += _second_class(target, residual.dtype) * weight
    elif target.ndim == 1:
        residual.reshape(-1)[_flat_indices(target, residual.shape[1])] += weight
    else:
        residual += target * weight
    return residual


def _sigmoid(scores):
    """The sigmoid and ``1 + exp(-|s|)``; no argument of exp is positive, so that none overflows."""
    exponential = np.exp(-np.abs(scores))
    total = 1 + exponential
    return np.where(scores >= 0, 1, exponential) / total, total


def _sigmoid_residual(scores, target, weight):
    """`losses_and_residuals` of two classes, whose scores are one row (n_rows,)."""
    exponential = quiet_exp(scores)
    if exponential.max() <= MOST_EXPONENTIAL:
        total = exponential + 1
        logarithm, probability = np.log(total), np.divide(exponential, total, out=exponential)
    else:
        probability, total = _sigmoid(scores)
        logarithm = np.log(total) + np.maximum(scores, 0)
    second = _second_class(target, scores.dtype)
    if target.ndim == 2:
        mass = target.sum(axis=0, dtype=scores.dtype)
        logarithm *= mass
        probability = probability * mass
    losses = logarithm - second * scores
    np.subtract(probability, second, out=scores)
    scores *= weight
    return losses


def _second_class(target, dtype):
    """Target probabilities of the second of two classes, (n_rows,)."""
    return target.astype(dtype) if target.ndim == 1 else target[1]


def _flat_indices(labels, n_rows):
    """Indices of the rows' own classes in a flattened (n_classes, n_rows) array, (n_rows,)."""
    indices = labels * np.intp(n_rows)
    indices += np.arange(n_rows)
    return indices


def _weighted_sum(losses, weight):
    return float(np.sum(losses * weight, dtype=np.float64))
