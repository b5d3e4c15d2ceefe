"""Checking, encoding and summation of rows that Dask holds.

The folder is imported when X is a Dask collection. Rows stay on the workers that hold them, and
parameters and sums over rows are sent. Modules here import Dask and cloudpickle but nothing of
``distributed``: the scheduler is Dask's default, which the user may set.
"""
