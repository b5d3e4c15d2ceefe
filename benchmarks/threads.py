"""Two threads against one: wall time, BLAS being held to one thread."""

import statistics
import time

from options import Options
from problems import PROBLEMS
from stopwatch import isolated
from tables import row, seconds, table

from sksoftmax import SoftmaxRegression

TITLE = "Two threads"
LARGE = ("many-rows", "many-classes", "image-like", "easy")  # n p K of 1e7 and more


def measure(options):
    return {name: isolated(compare, name, options) for name in LARGE}


def compare(name, options: Options):
    problem = PROBLEMS[name](options)
    times = {1: [], 2: []}
    SoftmaxRegression(n_jobs=2, max_iter=1, tol=1).fit(problem.X, problem.y)  # warms up
    for _ in range(min(options.repeats, 3)):
        for n_jobs, samples in times.items():
            begin = time.perf_counter()
            SoftmaxRegression(n_jobs=n_jobs).fit(problem.X, problem.y)
            samples.append(time.perf_counter() - begin)
    return {
        "shape": problem.shape,
        "seconds": {str(n_jobs): statistics.median(each) for n_jobs, each in times.items()},
    }


def markdown(findings):
    rows = []
    for name, found in findings.items():
        one, two = found["seconds"]["1"], found["seconds"]["2"]
        shape = "{:,} x {:,}, {}".format(*found["shape"])
        rows.append(row([name, shape, seconds(one), seconds(two), f"{one / two:.2f}"]))
    heads = ["problem", "rows x columns, classes", "n_jobs=1, s", "n_jobs=2, s", "speed-up"]
    return table(heads, rows)
