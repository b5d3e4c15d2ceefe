"""Softmax, log-softmax, log-sum-exp and cross-entropy of arrays of any shape and array library.

The public functions (``api``) check their arguments (``checks``) and call one of two
implementations: ``on_numpy`` works in place on blocks that fit the cache (``few_rows`` on so few
that calls are what counts), ``on_array_api`` can be differentiated. ``arrays`` reads tensors and
data frames as NumPy arrays for the whole package.
Nothing here knows of rows, models or estimators.
"""
