"""The most memory that a fit holds beside its data, as NumPy and Python report it."""

import tracemalloc

from problems import gaussian
from solvers import contestants
from stopwatch import isolated
from tables import row, table

TITLE = "Memory of a fit"
MEGABYTE = 2**20


def measure(options):
    shape = (100_000 if options.quick else 1_000_000, 20, 5)
    names = [
        name
        for name, contestant in contestants().items()
        if name in options.solvers and contestant.package != "sklearnex"
    ]
    peaks = {name: isolated(peak, name, shape) for name in names}
    return {"shape": shape, "X": 8 * shape[0] * shape[1], "peaks": peaks}


def peak(name, shape):
    """Bytes allocated during a fit, at their most."""
    contestant = contestants()[name]
    problem = gaussian(*shape)
    tracemalloc.start()
    contestant.fit_by_default(problem)
    return tracemalloc.get_traced_memory()[1]


def markdown(found):
    rows = [
        row([name, f"{bytes_ / MEGABYTE:.0f}", f"{bytes_ / found['X']:.2f}"])
        for name, bytes_ in found["peaks"].items()
    ]
    text = (
        "{:,} x {}, {} classes, float64, X itself being ".format(*found["shape"])
        + f"{found['X'] / MEGABYTE:.0f} MB. scikit-learn-intelex allocates where this count does "
        "not see it.\n"
    )
    return text + "\n" + table(["under default settings", "MB above X", "in X's"], rows)
