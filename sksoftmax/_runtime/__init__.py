"""Settings of the process and of the thread that hold while the package computes.

These are the number of BLAS threads (``blas``) and NumPy's handling of floating-point errors
(``quiet``). Only modules here change such settings: each restores them, even if an interrupt comes
between two instructions. Nothing else of the package is known here.
"""
