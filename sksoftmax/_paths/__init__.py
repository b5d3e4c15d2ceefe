"""Fits along C: predictors, screening, and folds that are fitted together.

A path is a pure function of states, from one value of C to the next, above problems and solvers.
Estimators, scorers and the making of folds are not known here.
"""
