"""Approximate leave-one-out beside exact: the mean log loss, and the time beside that of a fit.

python benchmarks/leave_one_out.py          # a ridge, and an l1 part: about ten minutes
python benchmarks/leave_one_out.py ridge    # two minutes
python benchmarks/leave_one_out.py lasso
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
import warnings
from statistics import median
from time import process_time

import machine
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.preprocessing import StandardScaler

from sksoftmax import SoftmaxRegression, SoftmaxRegressionCV, approximate_leave_one_out

PENALTIES = {"ridge": (0.0, (0.1, 1, 10, 100)), "lasso": (1.0, (0.1, 1, 10))}
LARGEST_LOSS = -np.log(np.finfo(float).eps)
REPEATS = 5


def teacher(n_rows=400, n_features=10, n_classes=4):
    """Normal columns, and labels of a model with normal coefficients."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features))
    scores = X @ rng.normal(size=(n_features, n_classes))
    return X, np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)


def some_digits(n_rows=250):
    X, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(1).permutation(len(y))[:n_rows]
    return X[rows] / 16, y[rows]


def scaled(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


DATA = {
    "iris": lambda: load_iris(return_X_y=True),
    "wine, scaled": lambda: scaled(load_wine),
    "breast cancer, scaled": lambda: scaled(load_breast_cancer),
    "digits, 250 rows": some_digits,
    "random teacher": teacher,
}


def exact(X, y, **parameters):
    """The mean loss of each row by the fit with its weight at 0."""
    losses = np.empty(len(y))
    for row in range(len(y)):
        weight = np.ones(len(y))
        weight[row] = 0
        model = SoftmaxRegression(tol=1e-7, **parameters).fit(X, y, sample_weight=weight)
        own = np.searchsorted(model.classes_, y[row])
        losses[row] = -model.predict_log_proba(X[row : row + 1])[0, own]
    return np.minimum(losses, LARGEST_LOSS).mean()


def timed(function, *arguments):
    begin = process_time()
    result = function(*arguments)
    return result, process_time() - begin


def row_of(name, X, y, **parameters):
    """A row of the table: losses, and the medians of times measured in turns."""
    fits, approximations = [], []
    for _ in range(REPEATS):
        model, seconds = timed(SoftmaxRegression(**parameters).fit, X, y)
        fits.append(seconds)
        losses, seconds = timed(approximate_leave_one_out, model, X, y)
        approximations.append(seconds)
    own = -model.predict_log_proba(X)[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    truth, found = exact(X, y, **parameters), losses.mean()
    print(
        f"| {name} | {parameters['C']:g} | {own.mean():.4f} | {truth:.4f} | {found:.4f} "
        f"| {100 * (found / truth - 1):+.2f} % | {1e3 * median(fits):.1f} "
        f"| {1e3 * median(approximations):.1f} |",
        flush=True,
    )


def print_losses(name):
    l1_ratio, Cs = PENALTIES[name]
    print(f"\nLeave-one-out, {name}: mean log losses and milliseconds\n")
    print("| data | C | of the fit | exact | approximate | difference | fit | approximate |")
    print("|---|---|---|---|---|---|---|---|")
    for data, load in DATA.items():
        X, y = load()
        for C in Cs:
            row_of(data, X, y, C=C, l1_ratio=l1_ratio)


def print_paths():
    print("\nSoftmaxRegressionCV on 10 values of C, milliseconds\n")
    print('| data | cv=5 | cv="loo" |')
    print("|---|---|---|")
    for data, load in DATA.items():
        X, y = load()
        times = {5: [], "loo": []}
        for _ in range(REPEATS):
            for cv, own in times.items():
                own.append(timed(SoftmaxRegressionCV(cv=cv).fit, X, y)[1])
        cells = " | ".join(f"{1e3 * median(own):.0f}" for own in times.values())
        print(f"| {data} | {cells} |", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(machine.description())
    for name in sys.argv[1:] or PENALTIES:
        print_losses(name)
    print_paths()
