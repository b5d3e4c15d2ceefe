"""Time the softmax functions against SciPy's, as a Markdown table of nanoseconds per element.

Candidates are interleaved, so that a busy moment of the machine hits all of them; figures are
medians of CPU time on one BLAS thread::

    python benchmarks/kernels.py [--repeats 7] [--functions softmax log_softmax logsumexp]
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import machine
import numpy as np
import scipy.special

import sksoftmax

SHAPES = [(1_000_000, 3), (1_000_000, 10), (100_000, 100), (10_000, 1_000)]


def candidates(function, scores):
    """Calls to compare, by the heading of their column; the first is the reference."""
    ours, theirs = getattr(sksoftmax, function), getattr(scipy.special, function)
    calls = {"scipy": lambda: theirs(scores, axis=-1), "sksoftmax": lambda: ours(scores)}
    if function != "logsumexp":
        out = np.empty_like(scores)
        calls["sksoftmax out="] = lambda: ours(scores, out=out)
    return calls


def median_times(calls, repeats):
    """Median CPU seconds of each call, taken in turns after a first turn for warming up."""
    times = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if turn:
                times[name].append(time.process_time() - start)
    return {name: statistics.median(samples) for name, samples in times.items()}


def markdown_rows(function, repeats):
    """Yield one line of the table for each dtype and shape."""
    random = np.random.default_rng(0)
    for shape in SHAPES:
        for dtype in (np.float32, np.float64):
            scores = (3 * random.standard_normal(shape)).astype(dtype)
            times = median_times(candidates(function, scores), repeats)
            reference, *ours = (1e9 * seconds / scores.size for seconds in times.values())
            cells = [f"{figure:.2f} ({reference / figure:.1f}x)" for figure in ours]
            name = f"{np.dtype(dtype).name} {shape}"
            yield f"| {name} | {reference:.2f} | " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--functions", nargs="+", default=["softmax"])
    arguments = parser.parse_args()
    for function in arguments.functions:
        headings = ["ns per element", *candidates(function, np.zeros((1, 2)))]
        print(f"\n### {function}\n")
        print("| " + " | ".join(headings) + " |")
        print("|---" * len(headings) + "|")
        for row in markdown_rows(function, arguments.repeats):
            print(row, flush=True)


if __name__ == "__main__":
    print(f"{machine.description()}\n")
    main()
