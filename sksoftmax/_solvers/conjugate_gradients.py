"""Linear equations with a positive definite matrix that is known by its products."""

import numpy as np

# Curvature, beside the preconditioner's, below which a direction is flat but for rounding.
FLAT = 1e-6


def conjugate_gradients(product, precondition, target, accuracy, longest):
    """The matrix's inverse times the target, by preconditioned conjugate gradients.

    Parameters
    ----------
    product, precondition : callable
        The matrix times a vector, and something like its inverse times a vector.
    accuracy : float
        Of the residual, in the norm of ``precondition``, as a share of the target.
    longest : int
        Most products.
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
