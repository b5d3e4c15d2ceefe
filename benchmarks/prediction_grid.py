"""Prediction over rows, columns, classes and dtypes, beside scikit-learn, and softmax beside SciPy.

Models have random coefficients. In each cell the candidates take turns; figures are medians of CPU
time on one BLAS thread, and a ratio is their time over ours::

    python benchmarks/prediction_grid.py [--repeats 5] [--largest 1e9] [--products 1e10]

Cells of which an array would take more than ``--largest`` bytes, or a call more than ``--products``
multiplications, are skipped. Printed are quantiles and every cell below 1.0; with ``--cells``, all.
"""

import argparse
import itertools
import os
import statistics
import time
from typing import NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import machine
import numpy as np
import scipy.special
from sklearn.linear_model import LogisticRegression

import sksoftmax
from sksoftmax import SoftmaxRegression

ROWS = (1, 10, 250, 1_000, 5_000, 100_000, 1_000_000)
COLUMNS = (4, 20, 100, 784, 1_000)
CLASSES = (2, 5, 10, 100, 1_000)
DTYPES = ("float32", "float64")
# Seconds of calls that one reading of the clock is taken over, at least.
SPAN = 0.004


class Cell(NamedTuple):
    """A shape, and what is called on it. Columns are None for functions of scores."""

    function: str
    rows: int
    columns: int | None
    classes: int
    dtype: str

    @property
    def bytes(self):
        """Of its largest array."""
        width = max(self.columns or 0, self.classes)
        return self.rows * width * np.dtype(self.dtype).itemsize

    @property
    def products(self):
        return self.rows * self.classes * (self.columns or 10)

    def __str__(self):
        columns = "" if self.columns is None else f" x {self.columns:,}"
        return f"{self.function}, {self.rows:,}{columns}, {self.classes:,} classes, {self.dtype}"


def cells(largest, products):
    """Every cell of the grid that is not too large."""
    of_models = itertools.product(("predict_proba", "predict"), ROWS, COLUMNS, CLASSES, DTYPES)
    of_scores = itertools.product(("softmax", "log_softmax"), ROWS, (None,), CLASSES, DTYPES)
    every = (Cell(*cell) for cell in itertools.chain(of_models, of_scores))
    return [cell for cell in every if cell.bytes <= largest and cell.products <= products]


def models(cell):
    """Our model and scikit-learn's, of the same random coefficients."""
    random = np.random.default_rng(0)
    n_scores = 1 if cell.classes == 2 else cell.classes
    coef = random.standard_normal((n_scores, cell.columns)) / np.sqrt(cell.columns)
    for model in (SoftmaxRegression(), LogisticRegression()):
        model.coef_ = coef.astype(cell.dtype)
        model.intercept_ = np.zeros(n_scores, cell.dtype)
        model.classes_ = np.arange(cell.classes)
        model.n_features_in_ = cell.columns
        yield model


def calls(cell):
    """Ours and theirs."""
    random = np.random.default_rng(1)
    shape = (cell.rows, cell.columns or cell.classes)
    data = random.standard_normal(shape, dtype=cell.dtype)
    if cell.columns is None:
        ours, theirs = getattr(sksoftmax, cell.function), getattr(scipy.special, cell.function)
        return lambda: ours(data), lambda: theirs(data, axis=-1)
    ours, theirs = (getattr(model, cell.function) for model in models(cell))
    return lambda: ours(data), lambda: theirs(data)


def seconds(cell, repeats):
    """Median CPU seconds of a call of each."""
    both = calls(cell)
    loops = [1, 1]
    for index, call in enumerate(both):
        call()
        begin = time.process_time()
        call()
        loops[index] = max(1, int(SPAN / max(time.process_time() - begin, 1e-6)))
    times = [[], []]
    for _ in range(repeats):
        for own, call, count in zip(times, both, loops, strict=True):
            begin = time.process_time()
            for _ in range(count):
                call()
            own.append((time.process_time() - begin) / count)
    return tuple(map(statistics.median, times))


def table(found):
    """Quantiles of the ratios by function and rows, as Markdown."""
    lines = ["| theirs / ours | least | 10 % | median | most | cells below 1.0 |", "|---" * 6 + "|"]
    groups = itertools.groupby(found.items(), lambda item: (item[0].function, item[0].rows))
    for (function, rows), members in groups:
        ratios = np.array([theirs / ours for _, (ours, theirs) in members])
        quantiles = " | ".join(f"{q:.2f}" for q in np.quantile(ratios, (0, 0.1, 0.5, 1)))
        below = f"{(ratios < 1).sum()} of {len(ratios)}"
        lines.append(f"| {function}, {rows:,} | {quantiles} | {below} |")
    return "\n".join(lines)


def listed(found):
    """A line for each cell: microseconds of ours and of theirs, and the ratio."""
    for cell, (ours, theirs) in found.items():
        yield f"| {cell} | {1e6 * ours:,.1f} | {1e6 * theirs:,.1f} | {theirs / ours:.2f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--largest", type=float, default=1e9)
    parser.add_argument("--products", type=float, default=1e10)
    parser.add_argument("--cells", action="store_true")
    functions = ("predict_proba", "predict", "softmax", "log_softmax")
    parser.add_argument("--functions", nargs="+", choices=functions, default=functions)
    options = parser.parse_args()
    print(f"{machine.description()}\n")
    every = cells(options.largest, options.products)
    chosen = [cell for cell in every if cell.function in options.functions]
    found = {cell: seconds(cell, options.repeats) for cell in chosen}
    print(table(found))
    shown = {cell: (a, b) for cell, (a, b) in found.items() if options.cells or b < a}
    print(f"\n| {len(shown)} of {len(found)} cells | ours, µs | theirs, µs | theirs / ours |")
    print("|---" * 4 + "|", *listed(shown), sep="\n")


if __name__ == "__main__":
    main()
