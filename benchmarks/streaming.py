"""Streams: rows per second of partial_fit, and the held-out log loss after one pass.

    python benchmarks/streaming.py [--quick]

scikit-learn's ``SGDClassifier(loss="log_loss")`` stands beside, which trains a class against the
rest each. Its columns are also given to it standardised, as it asks for; ours never are.
"""

import argparse
import time
import warnings

import machine
import numpy as np
from problems import draw_labels
from sklearn.linear_model import SGDClassifier

from sksoftmax import SoftmaxRegression
from sksoftmax._runtime.blas import single_threaded_blas

BATCH = 1000
HELD_OUT = 100_000
PROBLEMS = {
    "columns in units from 1 to 1e4": (50, 10, 2.0, 0.0),
    "and at 1e6": (50, 10, 2.0, 1e6),
    "sharp classes, units from 1 to 1e4": (20, 5, 8.0, 0.0),
    "two classes, units from 1 to 1e4": (30, 2, 4.0, 0.0),
}
STREAMS = {
    "sgd": lambda: SoftmaxRegression(solver="sgd", random_state=0),
    "adam": lambda: SoftmaxRegression(solver="adam", random_state=0),
    "SGDClassifier": lambda: SGDClassifier(loss="log_loss", random_state=0),
}


def make(n_rows, n_columns, n_classes, sharpness, offset):
    """Training and held-out rows, the latter last."""
    random = np.random.default_rng(0)
    coef = sharpness / np.sqrt(n_columns) * random.standard_normal((n_columns, n_classes))
    X = random.standard_normal((n_rows + HELD_OUT, n_columns))
    y = draw_labels(random, X @ coef)
    X *= np.logspace(0, 4, n_columns)
    X += offset
    return X[:n_rows], y[:n_rows], X[n_rows:], y[n_rows:]


def stream(model, X, y):
    """Seconds of one pass in batches."""
    classes = np.unique(y)
    begin = time.perf_counter()
    for start in range(0, len(y), BATCH):
        model.partial_fit(X[start : start + BATCH], y[start : start + BATCH], classes=classes)
    return time.perf_counter() - begin


def log_loss(model, X, y):
    chances = model.predict_proba(X)[np.arange(len(y)), y]
    return -np.log(np.maximum(chances, np.finfo(np.float64).eps)).mean()


def speeds(n_rows):
    X, y, *_ = make(n_rows, 50, 10, 2.0, 0.0)
    print(f"| batches of {BATCH}, 50 columns, 10 classes | rows per second | ratio |")
    print("|---|---|---|")
    seconds = {}
    for name, begin in STREAMS.items():
        seconds[name] = min(stream(begin(), X, y) for _ in range(3))
    for name, each in seconds.items():
        ratio = seconds["SGDClassifier"] / each
        print(f"| {name} | {n_rows / each:,.0f} | {ratio:.1f} |")


def one_pass(n_rows):
    names = [*STREAMS, "SGDClassifier, standardised", "fit, one pass of sgd"]
    print(f"\n| log loss above the optimum's, {n_rows:,} rows | optimum | {' | '.join(names)} |")
    print("|---|---|" + "---|" * len(names))
    for title, shape in PROBLEMS.items():
        X, y, X_new, y_new = make(n_rows, *shape)
        best = log_loss(SoftmaxRegression().fit(X, y), X_new, y_new)
        losses = []
        for begin in STREAMS.values():
            model = begin()
            stream(model, X, y)
            losses.append(log_loss(model, X_new, y_new))
        once = SoftmaxRegression(solver="sgd", max_iter=1, random_state=0).fit(X, y)
        once = log_loss(once, X_new, y_new)
        mean, spread = X.mean(axis=0), X.std(axis=0)
        for columns in (X, X_new):
            columns -= mean
            columns /= spread
        model = STREAMS["SGDClassifier"]()
        stream(model, X, y)
        losses += [log_loss(model, X_new, y_new), once]
        cells = " | ".join(f"{each / best - 1:.2%}" for each in losses)
        name = "{}, {} columns, K = {}".format(title, *shape[:2])
        print(f"| {name} | {best:.4f} | {cells} |", flush=True)


@single_threaded_blas
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    n_rows = 100_000 if parser.parse_args().quick else 1_000_000
    warnings.simplefilter("ignore")
    speeds(n_rows // 5)
    one_pass(n_rows)


if __name__ == "__main__":
    print(f"{machine.description()}\n")
    main()
