r"""Losses of rows by the fits that have not seen them, each by a Newton step without its row.

Without row i the objective has the gradient ``-X_i' r_i`` at the optimum of all rows and the
Hessian ``H - X_i' W_i X_i`` there, with ``X_i = I (x) x_i'`` on the scores of a row,
``W_i = w_i (diag(p_i) - p_i p_i')`` and ``r_i = w_i (p_i - t_i)``. By Sherman, Morrison and
Woodbury a Newton step moves the coefficients by ``H^-1 X_i' v_i`` and the scores of the row by
``A_i v_i``, with ``v_i = (I - W_i A_i)^-1 r_i`` and ``A_i = X_i H^-1 X_i'``: for each row a system
of as many equations as there are scores.

A row whose scores move far is one without which the curvature of other rows changes. Those that
move farthest are fitted on from there, see `refit`.
"""

import numpy as np

from sksoftmax._curvature.moments import Centring, centred_columns
from sksoftmax._inference.free_parameters import FreeParameters, inverse_root, pieces
from sksoftmax._inference.refit import LEAST_REST, LeftOut, refitted
from sksoftmax._objective.kernels import losses_and_residuals, probabilities
from sksoftmax._runtime.quiet import quiet

# The least log probability, the logarithm of the rounding unit, as in scikit-learn's log loss.
LEAST_LOG = np.log(np.finfo(np.float64).eps)
# A class of which less than this share of its weight is left without a row has no other row.
NOTHING = 1e-12
# Rows whose scores move by a range of so much in the Newton step are fitted on from there, at most
# so many of a block.
FAR, MOST_OF_BLOCK = 0.3, 512
# A Newton step at the end of a fit is taken if it lowers the objective by at most this share of it.
NEAR = 1e-3


@quiet
def held_out_log_proba(problem, theta, by_class):
    """Log probabilities of each row by the fit of all other rows, nearly.

    problem : SmoothProblem or CompositeProblem
    theta : ndarray, near its optimum
    by_class : ndarray of shape (n_classes,), the summed weight of each class

    Returns
    -------
    log_proba : ndarray of shape (n_rows,), of the labels; where targets are distributions
        (n_rows, n_classes), of all classes
    expected : float
        What a Newton step at theta expects to lower the objective by, as a share of it.
    """
    free = FreeParameters.of(problem, theta, base=int(np.argmax(by_class)))
    root, (value, gradient) = inverse_root(free.hessian()), free.value_and_gradient()
    step = -root.T @ (root @ gradient)
    expected = -0.5 * float(gradient @ step) / max(value, np.finfo(np.float64).tiny)
    if expected <= NEAR:
        free = free.at(free.moved(step))
    log_proba, left_out, loss, slope = free.objective.rows.sum(_of_block(free, root, by_class))
    starts = np.cumsum([0, *map(len, log_proba)])
    log_proba = np.concatenate(log_proba)
    left_out = LeftOut.joined(left_out, starts)
    if len(left_out.index):
        left_out, scores = refitted(free, root, left_out, loss, slope)
        log_proba[left_out.index] = own_log_proba(scores, left_out.target, left_out.gone)
    return log_proba, expected


def _of_block(free, root, by_class):
    """The function of a block: lists of log probabilities and of LeftOut, the loss, its gradient.

    The gradient is (n_free, n_columns), and all are where the fit ended.
    """
    # The function must hold no rows: it is sent to the workers that hold them.
    score_map, scores, score, column = free.objective.map, free.scores, free.score, free.column
    forward, about = score_map.forward, Centring.of(free.objective)
    prepared = score_map.prepare(free.theta, free.objective.dtype)
    system, has_intercept = (1 + LEAST_REST) * np.eye(len(scores)), score_map.has_intercept

    def of_piece(part):
        columns, at = centred_columns(part.X, about), forward(prepared, part.X)
        residual, probability = at.copy(), probabilities(at.copy())[scores]
        losses = losses_and_residuals(residual, part.target, part.weight)
        residual, gone = residual[scores], vanishing(part, by_class, has_intercept)
        quadratic = quadratic_forms(columns, root, score, column, len(scores))
        curvature = curvatures(probability, part.weight)
        v = np.linalg.solve(system - curvature @ quadratic, residual.T[..., None])
        moves = np.zeros_like(at)
        moves[scores] = (quadratic @ v)[..., 0].T
        log_proba = own_log_proba(at + moves, part.target, gone)
        move = score_ranges(moves)
        far = np.flatnonzero(~(move < FAR))
        left_out = LeftOut(
            far, move[far], columns[far], part.target[..., far], part.weight[far],
            at[:, far], residual[:, far], curvature[far], gone[:, far],
        )  # fmt: skip
        return log_proba, left_out, float(losses @ part.weight), residual @ columns

    def block_sums(block):
        found = list(zip(*map(of_piece, pieces(block, len(score) * len(scores))), strict=True))
        starts = np.cumsum([0, *map(len, found[0])])
        left_out = LeftOut.joined(found[1], starts).farthest(MOST_OF_BLOCK)
        return [np.concatenate(found[0])], [left_out], sum(found[2]), sum(found[3])

    return block_sums


def score_ranges(moves):
    """The range of the moves of each row's scores, (n_scores, n_rows); two classes have one."""
    return np.abs(moves[0]) if len(moves) == 1 else np.ptp(moves, axis=0)


def curvatures(probability, weight):
    """``W_i``, (n_rows, n_free, n_free), of probabilities (n_free, n_rows)."""
    p = probability.T
    matrices = -p[:, :, None] * p[:, None, :]
    each = np.arange(p.shape[1])
    matrices[:, each, each] += p
    return matrices * weight[:, None, None]


def quadratic_forms(columns, root, score, column, n_free):
    """``A_i = X_i H^-1 X_i'``, (n_rows, n_free, n_free), from the root U of ``H^-1 = U'U``."""
    forms = np.zeros((len(columns), n_free, n_free))
    starts, solved = np.searchsorted(score, np.arange(n_free + 1)), []
    for b in range(n_free):
        # U is triangular: what comes before the first parameter of a score is zero.
        start, stop = starts[b], starts[b + 1]
        solved.append(columns[:, column[start:stop]] @ root[start:, start:stop].T)
        for a in range(b + 1):
            own = solved[a][:, start - starts[a] :]
            forms[:, a, b] = np.einsum("nj,nj->n", own, solved[b])
            forms[:, b, a] = forms[:, a, b]
    return forms


def vanishing(block, by_class, has_intercept):
    """A mask (n_classes, n_rows) of the classes that have no weight without a row.

    The intercept of such a class is minus infinity in a fit without the row.
    """
    shares = block.target
    if shares.ndim == 1:
        shares = np.equal.outer(np.arange(len(by_class)), shares)
    left = by_class[:, None] - block.weight * shares
    return has_intercept & (left <= NOTHING * by_class[:, None])


def own_log_proba(scores, target, gone):
    """Log probabilities of labels, (n_rows,), or of all classes, (n_rows, n_classes).

    gone : ndarray of bool of shape (n_classes, n_rows), the classes whose probability is zero
    """
    if len(scores) == 1:
        scores = np.vstack([np.zeros_like(scores), scores])
    logs = np.where(gone, -np.inf, scores)
    logs -= logs.max(axis=0)
    logs -= np.log(np.exp(logs).sum(axis=0))
    logs = np.where(logs >= LEAST_LOG, logs, LEAST_LOG)  # what is nan as well
    return logs.T.copy() if target.ndim == 2 else logs[target, np.arange(len(target))]
