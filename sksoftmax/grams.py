"""Gram matrices of weighted rows, one for each class, added up as the rows come."""

import numpy as np

# Rows, for each column, that are worth a product: with fewer, writing the matrix takes longer.
ROWS_A_COLUMN = 2
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
            self._include(other.total)
        n_rows, n_columns = sum(len(columns) for columns, _ in self.held), self.n_columns
        if n_rows >= max(FEWEST_ROWS, ROWS_A_COLUMN * n_columns):
            self.matrices()
        return self

    @property
    def n_columns(self):
        return self.held[0][0].shape[1] if self.held else self.total.shape[1]

    def matrices(self):
        """ndarray of shape (n_classes, n_columns, n_columns)."""
        if self.held:
            columns, weights = zip(*self.held, strict=True)
            columns, self.held = np.concatenate(columns), []
            products = (gram(columns, weight) for weight in np.concatenate(weights, axis=1))
            self._include(products)
        return self.total

    def _include(self, matrices):
        if self.total is None:
            self.total = np.stack(list(matrices))
        else:
            for own, matrix in zip(self.total, matrices, strict=True):
                own += matrix
