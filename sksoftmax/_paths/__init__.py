"""Fits along C: predictors, screening, and folds that are fitted together."""
