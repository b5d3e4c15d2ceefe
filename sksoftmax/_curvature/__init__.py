"""The Hessian, its approximations, and what each costs.

Functions of an objective and theta sum over the rows what a matrix is made of, as a rule weighted
second moments of the columns. Matrices are solved with (``preconditioners``) or multiplied with
(``quadratic_models``). ``costs`` holds the rules by which ``_problems`` chooses among them. Nothing
here knows of solvers, or when they ask for a matrix.
"""
