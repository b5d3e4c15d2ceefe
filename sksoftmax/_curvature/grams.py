"""Gram matrices of weighted rows, one for each class, added up as the rows come."""

import numpy as np

# Rows, for each column, from which on products are made of those held. With few of them adding up
# the matrices takes as long as making them; and at the end threads can share out the classes.
ROWS_A_COLUMN = 8
FEWEST_ROWS = 1024


def gram(columns, weight):
    """``sum_i weight_i x_i x_i'``, as a product with itself, which BLAS does by halves."""
    scaled = columns * np.sqrt(weight)[:, None].astype(columns.dtype)
    return np.asarray(scaled.T @ scaled, dtype=np.float64)


class Grams:
    """``sum_i weight_ki x_i x_i'`` for each class k, of all rows that were added to it.

    Rows are held until they are many enough beside their columns.

    columns : ndarray of shape (n_rows, n_columns)
    weights : ndarray of shape (n_classes, n_rows)
    """

    def __init__(self, columns, weights):
        self.held = [(columns, weights)]
        self.total = None

    def __iadd__(self, other):
        self.held += other.held
        if other.total is not None:
            self._include(other.total.__getitem__)
        n_rows = sum(len(columns) for columns, _ in self.held)
        if n_rows >= max(FEWEST_ROWS, ROWS_A_COLUMN * self.shape[1]):
            self.matrices()
        return self

    @property
    def shape(self):
        if self.total is not None:
            return self.total.shape
        columns, weights = self.held[0]
        return len(weights), columns.shape[1], columns.shape[1]

    def matrices(self, each=map):
        """ndarray of shape (n_classes, n_columns, n_columns).

        each : function, the builtin ``map`` or one like it
            Goes through the classes.
        """
        if self.held:
            columns, weights = zip(*self.held, strict=True)
            columns, weights = np.concatenate(columns), np.concatenate(weights, axis=1)
            self._include(lambda k: gram(columns, weights[k]), each)
            self.held = []
        return self.total

    def _include(self, matrix_of, each=map):
        if self.total is None:
            self.total = np.zeros(self.shape)

        def include(k):
            self.total[k] += matrix_of(k)

        list(each(include, range(len(self.total))))
