"""A linear probe at many values of C with held-out rows, in the time of single fits.

::

    python benchmarks/probe_sweep.py                            12,811 x 384, 1000 classes
    python benchmarks/probe_sweep.py --shape 3200 192 250       a small one

`SoftmaxRegressionCV(cv=PredefinedSplit)` fits the rows that are not held out, and all rows, at each
C: twice as many fits as values. A single fit is of the former, at the same `tol`; its mean is over
nine values of the same range.
"""

import argparse
import os

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

from time import process_time

import machine
import numpy as np
from random_problems import embeddings
from sklearn.model_selection import PredefinedSplit

from sksoftmax import SoftmaxRegression, SoftmaxRegressionCV


def seconds_of(model, X, y):
    begin = process_time()
    model.fit(X, y)
    return process_time() - begin


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shape", type=int, nargs=3, default=(12811, 384, 1000))
    parser.add_argument("--values", type=int, default=45)
    parser.add_argument("--tol", type=float, default=1e-4)
    options = parser.parse_args()
    print(f"{machine.description()}\n", flush=True)
    problem, words = embeddings(*options.shape, 1.0)
    held_out = np.random.default_rng(1).random(len(problem.y)) < 0.2
    X, y = problem.X[~held_out], problem.y[~held_out]
    singles = []
    for C in np.logspace(-4, 4, 9):
        singles.append(seconds_of(SoftmaxRegression(C=C, tol=options.tol), X, y))
        print(f"a single fit at C={C:g}: {singles[-1]:.2f} s", flush=True)
    split = PredefinedSplit(np.where(held_out, 0, -1))
    sweep = SoftmaxRegressionCV(np.logspace(-4, 4, options.values), cv=split, tol=options.tol)
    seconds = seconds_of(sweep, problem.X, problem.y)
    print(f"{words}: {options.values} values of C in {seconds:.1f} s, {sweep.n_iter_.sum()} steps:")
    mean, at_one = np.mean(singles), singles[4]
    print(f"{seconds / mean:.1f} single fits in the mean, {seconds / at_one:.1f} at C=1")


if __name__ == "__main__":
    main()
