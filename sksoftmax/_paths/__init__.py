"""Regularisation paths: fits along C, with predictors and screening, and folds fitted together.

A path is a pure function of states, from one value of C to the next, above problems and solvers.
``fit_path`` chooses among the methods. Estimators, scores and splitters are not known here.
"""
