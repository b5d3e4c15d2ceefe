"""Validation and encoding of the arguments of users, done once.

``validation`` encodes training data with their ``weights``, ``score_rows`` scores with labels,
``dispatch`` chooses between rows in memory and rows that Dask holds (``dask``). What is returned
has X in floating dtypes, targets as class indices or distributions, and positive weights; lower
folders check nothing again. scikit-learn's validation may be used here, and models must not be
known.
"""
