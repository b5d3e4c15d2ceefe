"""Scores to probabilities: maps learned from labels, and the estimators that apply them."""
