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
from sksoftmax._inference.information import Basis
from sksoftmax._objective.kernels import losses_and_residuals, probabilities


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
    if kept.all():
        return values
    result = np.zeros((len(kept), *values.shape[1:]))
    result[kept] = values
    return result


def _of_rows(data, estimate, moves, degrees_of_freedom):
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
        residual = -others(scores).T
        solved, quadratic = _solutions(columns, inverse)
        curvature = curvatures(others(probability), block.weight)
        leverage = np.einsum("nab,nab->n", curvature, quadratic)
        system = np.eye(curvature.shape[1]) - curvature @ quadratic
        v = np.linalg.solve(system, residual[..., None])[..., 0]
        cooks = np.einsum("na,nab,nb->n", v, quadratic, v) / degrees_of_freedom
        deviance, pearson = _residuals(losses, scores, probability, block.weight)
        dfbetas = moves(whole(np.einsum("nbaj,nb->naj", solved, v, optimize=True)))
        return [leverage], [cooks], [dfbetas], [deviance], [pearson]

    return data.objective.rows.sum(block_sums)


def _solutions(columns, inverse):
    """``H^-1 X_i'`` as (n_rows, M, M, D), its first axis of M that of X_i, and ``A_i``."""
    solved = np.einsum("nk,ajbk->nbaj", columns, inverse, optimize=True)
    return solved, np.einsum("nbaj,nj->nab", solved, columns, optimize=True)


def curvatures(probability, weight):
    """``W_i``, (n_rows, M, M)."""
    p = probability.T
    matrices = -p[:, :, None] * p[:, None, :]
    each = np.arange(p.shape[1])
    matrices[:, each, each] += p
    return matrices * weight[:, None, None]


def _residuals(losses, weighted_residual, probability, weight):
    """Deviance and Pearson residuals, of two classes with signs."""
    deviance = np.sqrt(np.maximum(2 * weight * losses, 0))
    residual = weighted_residual / weight
    if len(probability) == 1:
        sign = -np.sign(residual[0])
        variance = probability[0] * (1 - probability[0])
        return sign * deviance, sign * np.abs(residual[0]) * np.sqrt(weight / variance)
    return deviance, np.sqrt(weight * np.sum(residual**2 / probability, axis=0))
