"""Validation and encoding of the arguments of users, done once.

``validation`` encodes training data: labels and soft targets by ``targets``, weights of samples and
of classes by ``weights``. ``score_rows`` encodes scores with labels. ``dispatch`` chooses between
rows in memory and rows that Dask holds (``dask``). Encoded X has a floating dtype, targets are
class indices or distributions, and weights are positive; lower folders check nothing again.
scikit-learn's validation is used here, and models are not known.
"""
