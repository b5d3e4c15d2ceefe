"""Displays: plots of calibration, of convergence and of regularisation paths.

Matplotlib is imported here only, and only when something is drawn. Displays read public fitted
attributes and call `sksoftmax.metrics`; they compute nothing else, and nothing imports them.
"""
