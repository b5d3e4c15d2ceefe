"""Solution of linear equations with a positive definite matrix of which only products are known."""

import numpy as np

# Curvature along a direction, relative to the preconditioner's, that counts as rounding.
FLAT = 1e-6


def conjugate_gradients(product, precondition, target, accuracy, longest):
    """The matrix's inverse times the target, by preconditioned conjugate gradients.

    Parameters
    ----------
    product, precondition : callable
        The matrix times a vector, and something like its inverse times a vector.
    target : ndarray of shape (n,)
    accuracy : float
        Norm of the residual relative to that of the target, in the norm of ``precondition``.
    longest : int
        Largest number of products.

    Returns
    -------
    solution : ndarray of shape (n,)
    """
    solution = np.zeros_like(target)
    residual = target
    search = preconditioned = precondition(residual)
    norm = start = size = residual @ preconditioned  # size: search in the preconditioner's norm
    for _ in range(longest):
        if norm <= accuracy**2 * start:
            break
        image = product(search)
        curvature = search @ image
        if not curvature > FLAT * size:
            break
        length = norm / curvature
        solution = solution + length * search
        residual = residual - length * image
        preconditioned = precondition(residual)
        norm, previous = residual @ preconditioned, norm
        search = preconditioned + norm / previous * search
        size = norm + (norm / previous) ** 2 * size  # residuals are orthogonal to past searches
    return solution
