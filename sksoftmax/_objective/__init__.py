"""What is minimised: rows in blocks, kernels, score maps, penalties, and the objectives of these.

Arithmetic on NumPy and SciPy arrays that are encoded already: floating X, class indices or
distributions, positive weights. Nothing here checks input or knows of curvature, certificates,
solvers or estimators.
"""
