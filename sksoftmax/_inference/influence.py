r"""What single rows do to a fit: leverage, and the move of the coefficients without the row.

With ``X_i = I (x) x_i'``, ``A_i = X_i H^-1 X_i'`` and ``W_i = w_i (diag(p_i) - p_i p_i')``, the
leverage of a row is ``tr(W_i A_i)``. One Newton step without the row, whose Hessian is
``H - X_i' W_i X_i``, moves the coefficients by ``-H^-1 X_i' v_i`` with
``v_i = (I - W_i A_i)^-1 w_i (t_i - p_i)`` (Pregibon 1981; Williams 1987), and Cook's distance is
``v_i' A_i v_i`` over the degrees of freedom.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from sksoftmax._curvature.moments import Centring, centred_columns
from sksoftmax._inference import objective as objectives
from sksoftmax._inference.estimate import quadratic_forms
from sksoftmax._inference.information import Basis
from sksoftmax._objective.kernels import losses_and_residuals, probabilities

# Numbers of an array that is held for some rows at a time.
NUMBERS = 2**20


@dataclass(frozen=True, eq=False)
class Influence:
    """What single rows do to a fit; rows without weight do nothing.

    Of two classes the residuals have the sign of observed less expected, of the second class. A
    weight counts: a row of weight 2 has the leverage of two rows, and is taken out as a whole.

    leverage : ndarray of shape (n_rows,), which sums to the degrees of freedom
    cooks_distance : ndarray of shape (n_rows,)
    dfbetas : ndarray of shape (n_rows, n_contrasts, n_columns)
        By how many standard errors a coefficient is larger for the row.
    deviance_residuals : ndarray of shape (n_rows,), whose squares sum to -2 log likelihood
    pearson_residuals : ndarray of shape (n_rows,), the root of ``sum_k w (t_k - p_k)^2 / p_k``
    """

    leverage: np.ndarray
    cooks_distance: np.ndarray
    dfbetas: np.ndarray
    deviance_residuals: np.ndarray
    pearson_residuals: np.ndarray


def influence(fitted, estimate, moves, likelihood, X, y, sample_weight):
    """The Influence of rows that a model was fitted on.

    moves : function of the moves of coefficients of a block, (n_rows, n_scores, n_columns)
        What is kept of them.
    """
    data = objectives.rebuild(fitted, X, y, sample_weight)
    with data:
        found = _of_rows(data, estimate, moves, likelihood.degrees_of_freedom)
    found = [np.concatenate(pieces) for pieces in found]
    _check_same(found[3], likelihood.log_likelihood)
    kept = data.rows_with_weight()
    return Influence(*(_everywhere(values, kept) for values in found))


def _check_same(deviance, log_likelihood):
    """Raise a ValueError for rows of which the fit's log likelihood is not."""
    if not np.isclose(-0.5 * np.sum(deviance**2), log_likelihood, rtol=1e-6):
        raise ValueError(
            "the rows have another log likelihood than those that the model was fitted on: pass "
            "the X, y and sample_weight that infer was given"
        )


def _everywhere(values, kept):
    """Values of the rows with weight as values of all rows, 0 for the others."""
    if kept.all():
        return values
    result = np.zeros((len(kept), *values.shape[1:]))
    result[kept] = values
    return result


def _of_rows(data, estimate, moves, degrees_of_freedom):
    """Lists, by block, of the five fields of Influence, of the rows with weight."""
    kept, n_features = data.kept, data.n_features
    center = None if estimate.center is None else estimate.center[kept[:n_features]]
    score_map = replace(data.objective.map, center=center)
    basis = Basis(replace(data.objective, map=score_map), estimate.base)
    inverse = estimate.inverse[:, kept][..., kept]
    coef = basis.lift @ estimate.coef[:, kept]
    theta = score_map.join(coef[:, :n_features], coef[:, -1])
    prepared, about = score_map.prepare(theta, data.objective.dtype), Centring.of(basis.objective)
    forward, others = score_map.forward, basis.others
    whole = partial(objectives.in_all_columns, kept=kept, n_columns=data.n_columns, axes=(2,))

    def block_sums(block):
        columns, scores = centred_columns(block.X, about), forward(prepared, block.X)
        probability = probabilities(scores.copy())
        losses = losses_and_residuals(scores, block.target, block.weight)
        v, leverage, cooks = _solved(
            columns, inverse, others(probability).T, -others(scores).T, block.weight
        )
        joint = (v[:, :, None] * columns[:, None, :]).reshape(len(columns), -1)
        size = joint.shape[1]
        dfbetas = moves(whole((joint @ inverse.reshape(size, size)).reshape(*v.shape, -1)))
        deviance = np.sqrt(np.maximum(2 * block.weight * losses, 0))
        pearson = _pearson(block, losses, probability)
        if len(scores) == 1:
            sign = -np.sign(scores[0])
            deviance, pearson = sign * deviance, sign * pearson
        return [leverage], [cooks / degrees_of_freedom], [dfbetas], [deviance], [pearson]

    return data.objective.rows.sum(block_sums)


def _solved(columns, inverse, probability, residual, weight):
    """``v_i``, leverages, and ``v_i' A_i v_i``, of some rows at a time.

    probability, residual : ndarrays of shape (n_rows, M)
    """
    n_scores, n_columns = inverse.shape[:2]
    v, leverage, cooks = np.empty(residual.shape), *np.empty((2, len(columns)))
    step = max(1, NUMBERS // (n_scores * max(n_scores, n_columns)))
    for start in range(0, len(columns), step):
        part = slice(start, start + step)
        p, w, A = probability[part], weight[part], quadratic_forms(columns[part], inverse)
        product = np.einsum("na,nab->nb", p, A)  # p' A
        WA = (p * w[:, None])[:, :, None] * (A - product[:, None, :])
        leverage[part] = np.einsum("naa->n", WA)
        system = np.eye(n_scores) - WA
        v[part] = np.linalg.solve(system, residual[part][..., None])[..., 0]
        cooks[part] = np.einsum("na,nab,nb->n", v[part], A, v[part], optimize=True)
    return v, leverage, cooks


def _pearson(block, losses, probability):
    """The root of ``sum_k w (t_k - p_k)^2 / p_k``."""
    if block.target.ndim == 1:
        return np.sqrt(block.weight * np.expm1(losses))  # (1 - p) / p of the own class
    if len(probability) == 1:
        probability = np.concatenate([1 - probability, probability])
    squares = (block.target - probability) ** 2
    shares = np.divide(squares, probability, out=squares, where=squares > 0)
    return np.sqrt(block.weight * shares.sum(axis=0))
