"""The objective in plain NumPy, so that no contestant marks its own work."""

import numpy as np

BLOCK = 50_000  # rows at a time, to bound the memory


def evaluate(problem, coef, intercept):
    """Mean cross-entropy plus the ridge, in float64, for coefficients of any contestant."""
    classes, labels = np.unique(problem.y, return_inverse=True)
    coef = np.asarray(coef, dtype=np.float64).reshape(-1, problem.X.shape[1])
    intercept = np.broadcast_to(np.asarray(intercept, dtype=np.float64), len(coef))
    weight = problem.sample_weight
    weight = np.ones(len(labels)) if weight is None else weight
    terms = []
    for start in range(0, len(labels), BLOCK):
        rows = slice(start, start + BLOCK)
        scores = problem.X[rows] @ coef.T + intercept
        if len(classes) == 2:
            scores = np.hstack([np.zeros_like(scores), scores])
        terms.append(weight[rows] @ losses(scores, labels[rows]))
    ridge = np.sum(coef**2) / (2 * problem.C)
    return float((np.sum(terms) + ridge) / weight.sum())


def losses(scores, labels):
    """``log(sum_k exp(z_k)) - z_y`` of each row, exact also where it is nearly zero."""
    scores = scores - scores[np.arange(len(labels)), labels][:, None]
    largest = scores.max(axis=1)
    # The label's own term is exp(0): where it is the largest, log1p keeps the others' digits.
    shifted = np.exp(scores - largest[:, None])
    shifted[np.arange(len(labels)), scores.argmax(axis=1)] = 0
    return largest + np.log1p(shifted.sum(axis=1))
