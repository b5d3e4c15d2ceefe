"""Softmax, log-softmax, log-sum-exp and cross-entropy of arrays of any shape and array library.

The public functions (``api``) check their arguments (``checks``) and call one of three
implementations: ``on_numpy`` works in place on blocks that fit the cache, ``few_rows`` in as few
calls as possible, and ``on_array_api`` on arrays of any library, such that torch can differentiate.
``arrays`` reads tensors and data frames as NumPy arrays for the whole package. Nothing here knows
of rows, models or estimators.
"""
