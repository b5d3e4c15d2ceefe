"""How the time to the optimum grows with rows, columns and classes."""

from problems import gaussian
from race import TARGETS, race
from solvers import contestants
from stopwatch import isolated
from tables import row, table, time_cell

TITLE = "Growth"

GROWING = {
    "rows": [(n_rows, 30, 5) for n_rows in (5_000, 50_000, 500_000)],
    "columns": [(50_000, n_columns, 5) for n_columns in (10, 30, 100, 300)],
    "classes": [(50_000, 30, n_classes) for n_classes in (2, 5, 20, 80)],
}
NAMES = ("sksoftmax auto", "sklearn lbfgs", "sklearn newton-cg")


def measure(options):
    shapes = dict.fromkeys(shape for shapes in GROWING.values() for shape in shapes)
    if options.quick:
        shapes = [shape for shape in shapes if shape[0] * shape[1] * shape[2] <= 2e7]
    results = {shape: isolated(race_at, shape, options) for shape in shapes}
    return [
        {"growing": what, "shape": shape, "racers": results[shape]}
        for what, series in GROWING.items()
        for shape in series
        if shape in results
    ]


def race_at(shape, options):
    named = {name: each for name, each in contestants().items() if name in NAMES}
    outcome = race(gaussian(*shape), named, repeats=min(options.repeats, 3), limit=options.limit)
    return outcome["racers"]


def markdown(findings):
    index = len(TARGETS) - 1
    rows = []
    for found in findings:
        times = [time_cell(found["racers"][name], index, None) for name in NAMES]
        n_rows, n_columns, n_classes = found["shape"]
        rows.append(row([found["growing"], f"{n_rows:,}", n_columns, n_classes, *times]))
    text = f"CPU seconds to within {TARGETS[index]:.0e} of the optimum, normal columns.\n\n"
    return text + table(["growing", "rows", "columns", "classes", *NAMES], rows)
