"""Checking, encoding and summation of rows that Dask holds; the folder is imported when X is one.

Rows stay on the workers that hold them; what travels is the parameters and sums over rows. Modules
here may import Dask and cloudpickle, and nothing of ``distributed``: the scheduler is whatever the
user has made Dask's default.
"""
