"""The same for collections of Dask, imported only when one is seen.

Rows stay where they are; what travels is theta and sums over rows.
"""
