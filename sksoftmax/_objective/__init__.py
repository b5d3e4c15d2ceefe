"""What is minimised: rows in blocks, kernels, score maps and penalties.

Arithmetic on NumPy and SciPy arrays that are encoded already: floating X, class indices or
distributions, positive weights. Nothing here checks input, and
nothing may know of solvers, certificates or estimators.
"""
