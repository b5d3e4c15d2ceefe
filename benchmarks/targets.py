"""What soft targets, smoothed labels and early stopping cost beside a fit to labels."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from time import perf_counter

import machine
import numpy as np

from sksoftmax import SoftmaxRegression

N_ROWS, N_COLUMNS, N_CLASSES = 100_000, 50, 10


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, N_COLUMNS))
    coef = rng.normal(size=(N_CLASSES, N_COLUMNS)) / np.sqrt(N_COLUMNS)
    y = (X @ coef.T + rng.gumbel(size=(N_ROWS, N_CLASSES))).argmax(axis=1)
    return X, y, 0.9 * np.eye(N_CLASSES)[y] + 0.1 / N_CLASSES


def tell(name, model, *arguments, repeats=3):
    seconds = []
    for _ in range(repeats):
        begin = perf_counter()
        model.fit(*arguments)
        seconds.append(perf_counter() - begin)
    print(f"| {name} | {min(seconds):.2f} | {model.n_iter_} | {model.objective_:.6f} |", flush=True)


if __name__ == "__main__":
    print(f"{machine.description()}\n")
    X, y, target = data()
    print("| fit to | seconds | steps | objective |\n|---|---|---|---|")
    tell("labels", SoftmaxRegression(), X, y)
    tell("labels, label_smoothing=0.1", SoftmaxRegression(label_smoothing=0.1), X, y)
    tell("the same as soft targets", SoftmaxRegression(), X, target)
    rows = np.repeat(X, N_CLASSES, axis=0), np.tile(range(N_CLASSES), N_ROWS), target.ravel()
    tell("the same as weighted rows", SoftmaxRegression(), *rows, repeats=1)
    tell("labels, early_stopping", SoftmaxRegression(early_stopping=True, random_state=0), X, y)
