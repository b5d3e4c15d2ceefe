"""Fits of a few milliseconds, where the fixed cost is what one waits for.

Candidates are interleaved; figures are medians of CPU time on one BLAS thread, of warm processes.
Ours are proved to be within 1e-6 of the optimum, scikit-learn's are as they come::

    python benchmarks/small_fits.py [--repeats 200]
"""

import argparse
import os
import statistics
import time
import warnings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from sksoftmax import SoftmaxRegression

SHAPES = ((300, 10, 4), (1000, 20, 2), (1000, 20, 5))


def problems():
    """Pairs of X and y, by name: normal columns and a random teacher, and iris."""
    for n_rows, n_columns, n_classes in SHAPES:
        random = np.random.default_rng(0)
        X = random.standard_normal((n_rows, n_columns))
        scores = X @ random.standard_normal((n_columns, n_classes))
        y = (scores + random.gumbel(size=scores.shape)).argmax(axis=1)
        yield f"{n_rows} x {n_columns}, {n_classes} classes", (X, y)
    yield "iris", load_iris(return_X_y=True)


def contestants():
    """Estimators by name; the first is the reference."""
    return {
        "scikit-learn": LogisticRegression(),
        "ridge": SoftmaxRegression(),
        "l1": SoftmaxRegression(l1_ratio=1.0),
    }


def milliseconds(X, y, repeats):
    """Median CPU time of a fit of each contestant, taken in turns."""
    models = contestants()
    times = {name: [] for name in models}
    for _ in range(repeats + 5):
        for name, model in models.items():
            begin = time.process_time()
            model.fit(X, y)
            times[name].append(time.process_time() - begin)
    return {name: 1e3 * statistics.median(samples[5:]) for name, samples in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=200)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")
    print("| ms a fit | scikit-learn | ridge | of theirs | l1 | of theirs |\n" + "|---" * 6 + "|")
    for name, (X, y) in problems():
        times = milliseconds(X, y, repeats)
        reference = times.pop("scikit-learn")
        cells = [f"{each:.2f} | {each / reference:.2f}" for each in times.values()]
        print(f"| {name} | {reference:.2f} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
