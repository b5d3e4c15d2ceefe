"""Fits of problems that nobody chose, beside scikit-learn's, to the same distance from the optimum.

::

    python benchmarks/random_problems.py                            two hundred problems, odd seeds
    python benchmarks/random_problems.py --seeds 0 60 --step 2      thirty, even seeds
    python benchmarks/random_problems.py --most 1e7                 the small ones only
    python benchmarks/random_problems.py --probes                   embeddings of many classes
    python benchmarks/random_problems.py --easy                     where an evaluation is all
    python benchmarks/random_problems.py --ours-only                a line for each, no rival

Rules of ``solver="auto"`` are found on even seeds and judged on odd ones.

Ours is fitted at each ``tol``. Theirs, ``lbfgs`` and ``newton-cholesky``, are run with more and
more steps until they are as near the optimum as ours, or as ``tol`` where ours went further. The
ratio is their CPU time over ours, at most 100. The optimum is the least objective that anybody
reached, by an objective that is written apart from the package.
"""

import argparse
import os
import tracemalloc
import warnings

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

from dataclasses import dataclass
from statistics import median
from time import process_time

import machine
import numpy as np
import scipy.sparse as sp
from plain_objective import evaluate
from problems import Problem
from sklearn.linear_model import LogisticRegression
from stopwatch import OutOfTime, cpu_limit

from sksoftmax import SoftmaxRegression

TOLS = (1e-3, 1e-6)
TIGHT = 1e-9  # of the fit that looks for the optimum
# Their solvers, with the factor by which steps grow from run to run and the first number of them.
THEIRS = {"lbfgs": (1.5, 5), "newton-cholesky": (1.4, 2)}
MOST_NEWTON = 1000  # parameters of a Hessian that scikit-learn factors in reasonable time
MOST_RATIO = 100.0
FEW_SECONDS = 0.3  # of a fit, up to which it is repeated and the median taken
REPEATS = 3


def draw(seed):
    """A problem and a line that describes it.

    300 to 30,000 rows, 5 to 500 columns, 2 to 300 classes, whose sizes are alike or fall like 1/k;
    labels of a random teacher, of class means, or of sparse counts; variances of columns that are
    alike or fall like ``j**-1`` or ``j**-2``; classes from hardly to nearly separable; wild units
    and offsets now and then; both precisions; C from 1e-3 to 1e4.
    """
    rng = np.random.default_rng(seed)
    n_classes = int(rng.choice([2, 3, 5, 10, 30, 100, 300]))
    n_rows, n_columns = shape(rng, n_classes)
    spectrum = np.arange(1, n_columns + 1) ** -float(rng.choice([0, 0.5, 1]))
    kind = rng.choice(["teacher", "means", "sparse"], p=[0.45, 0.35, 0.2])
    sharp = float(rng.choice([0.5, 2, 8]))
    sizes = np.arange(1, n_classes + 1) ** -float(rng.choice([0, 1], p=[0.7, 0.3]))
    if kind == "means":
        y = rng.choice(n_classes, size=n_rows, p=sizes / sizes.sum())
        means = 0.5 * sharp * rng.standard_normal((n_classes, n_columns)) * spectrum
        X = means[y] + rng.standard_normal((n_rows, n_columns)) * spectrum
    else:
        X, scores = columns_and_scores(rng, kind, n_rows, spectrum, n_classes, seed)
        scores = sharp * scores + np.log(sizes)
        y = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    wild = kind != "sparse" and rng.random() < 0.2
    offset = kind != "sparse" and rng.random() < 0.2
    if wild:
        X = X * 10 ** rng.uniform(-2, 2, n_columns)
    if offset:
        X = X + 5 * rng.standard_normal(n_columns) * X.std(axis=0)
    single = rng.random() < 0.4
    y = np.unique(y, return_inverse=True)[1]
    C = 10 ** rng.uniform(-3, 4)
    words = f"{kind} {n_rows} x {n_columns}, K={y.max() + 1}, C={C:.1g}, sharp {sharp:g}"
    words += " wild" * wild + " offset" * offset + " f32" * single
    return Problem(X.astype(np.float32 if single else np.float64), y, None, C), words


def shape(rng, n_classes):
    """Rows and columns of a problem that takes neither no time nor minutes."""
    while True:
        n_rows, n_columns = int(10 ** rng.uniform(2.5, 4.5)), int(10 ** rng.uniform(0.7, 2.7))
        if 2e5 <= n_rows * n_columns * n_classes <= 4e8 and n_rows >= 4 * n_classes:
            return n_rows, n_columns


def columns_and_scores(rng, kind, n_rows, spectrum, n_classes, seed):
    """Columns, and scores of unit variance or so that are linear in them."""
    n_columns = len(spectrum)
    if kind == "sparse":
        X = sp.random(
            n_rows, n_columns, density=min(1, 8 / n_columns), random_state=seed, format="csr",
            data_rvs=lambda size: rng.exponential(size=size),
        )  # fmt: skip
        return X, np.asarray(X @ rng.standard_normal((n_columns, n_classes)))
    X = rng.standard_normal((n_rows, n_columns)) * spectrum
    coef = rng.standard_normal((n_columns, n_classes)) / np.sqrt((spectrum**2).sum())
    return X, X @ coef


def embeddings(n_rows, n_columns, n_classes, C):
    """Class means and low-rank noise in float32; variances fall like 1/j, sizes like k^-1/2."""
    rng = np.random.default_rng(0)
    spectrum = np.arange(1, n_columns + 1) ** -0.5
    means = rng.standard_normal((n_classes, n_columns)) * spectrum
    n_factors = n_columns // 8
    loadings = rng.standard_normal((n_factors, n_columns)) * spectrum
    sizes = np.arange(1, n_classes + 1) ** -0.5
    y = rng.choice(n_classes, size=n_rows, p=sizes / sizes.sum())
    y[:n_classes] = np.arange(n_classes)
    noise = 0.6 * rng.standard_normal((n_rows, n_factors)) @ loadings / np.sqrt(n_factors)
    X = means[y] + noise + 0.5 * rng.standard_normal((n_rows, n_columns)) * spectrum
    words = f"embeddings {n_rows} x {n_columns}, K={n_classes}, C={C:g} f32"
    return Problem(np.ascontiguousarray(X, dtype=np.float32), y, None, C), words


PROBES = [
    *[(4000, 192, 200, C) for C in (0.01, 1, 100, 1e4)],
    (6000, 256, 300, 1),
    (20000, 512, 100, 1),
    (12811, 384, 1000, 1),
]


def easy():
    """Problems on which plain gradients go far: independent columns of the same variance."""
    cells = (5, 1, np.float64), (5, 1, np.float32), (50, 1, np.float32), (5, 20, np.float64)
    for n_classes, sharp, dtype in cells:
        rng = np.random.default_rng(0)
        X = rng.standard_normal((100_000, 50))
        scores = sharp * X @ rng.standard_normal((50, n_classes)) / np.sqrt(50)
        y = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
        words = f"easy 100000 x 50, K={n_classes}, sharp {sharp}, {np.dtype(dtype)}"
        yield Problem(X.astype(dtype), y, None, 1.0), words


@dataclass
class Fit:
    """What a fit took, where it got to, and whether it said that it kept its promise."""

    seconds: float
    value: float
    converged: bool = False


def seconds_of_fit(model, X, y, limit):
    """CPU seconds of a fit, the median of some where it takes few; None where time ran out."""
    seconds = []
    try:
        with cpu_limit(limit), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            while not seconds or (seconds[0] <= FEW_SECONDS and len(seconds) < REPEATS):
                begin = process_time()
                model.fit(X, y)
                seconds.append(process_time() - begin)
    except OutOfTime:
        return None
    return median(seconds)


def measured(model, problem, limit):
    """A `Fit`, or None where the time ran out."""
    seconds = seconds_of_fit(model, problem.X, problem.y, limit)
    if seconds is None:
        return None
    value = evaluate(problem, model.coef_, model.intercept_)
    return Fit(seconds, value, bool(getattr(model, "converged_", False)))


def memory(problem):
    """The most that a fit allocates beside X, in vectors of theta's size."""
    tracemalloc.start()
    SoftmaxRegression(C=problem.C, tol=TOLS[0]).fit(problem.X, problem.y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (8 * (problem.y.max() + 1) * (problem.X.shape[1] + 1))


def theirs(problem, limit, near):
    """Fits of scikit-learn's solvers with more and more steps, until nothing is gained."""
    fits = []
    n_parameters = problem.X.shape[1] * (problem.y.max() + 1)
    for solver, (growth, steps) in THEIRS.items():
        last = np.inf
        if solver == "newton-cholesky" and n_parameters > MOST_NEWTON:
            continue
        while steps < 5000:
            model = LogisticRegression(C=problem.C, solver=solver, max_iter=int(steps), tol=1e-14)
            fit = measured(model, problem, limit)
            if fit is None:
                break
            fits.append(fit)
            if last - fit.value <= near * abs(fit.value):
                break
            last, steps = fit.value, steps * growth + 1
    return fits


def compare(problem, limit):
    """Ratio, seconds, distance and promise at each tolerance."""
    ours = {tol: measured(SoftmaxRegression(C=problem.C, tol=tol), problem, limit) for tol in TOLS}
    tight = measured(SoftmaxRegression(C=problem.C, tol=TIGHT, max_iter=1000), problem, limit)
    fits = theirs(problem, limit, min(TOLS) / 10)
    best = min(fit.value for fit in [*ours.values(), tight, *fits] if fit is not None)
    return {tol: row(fit, fits, best, tol, limit) for tol, fit in ours.items()}


def row(ours, fits, best, tol, limit):
    if ours is None:
        near = [fit.seconds for fit in fits if fit.value <= best * (1 + tol)]
        return min(near, default=limit) / limit, limit, np.nan, False
    distance = ours.value / best - 1
    near = [fit.seconds for fit in fits if fit.value <= best * (1 + max(distance, tol))]
    ratio = min(min(near, default=np.inf) / ours.seconds, MOST_RATIO)
    # The objective's own rounding, and that of float32 coefficients, is no broken promise.
    broken = ours.converged and distance > tol + 1e-7
    return ratio, ours.seconds, distance, broken


def report(rows):
    """The distribution of the ratios, and the worst by name."""
    head = "tol, problems, geometric mean, worst, 5 %, 25 %, median, 75 %, slower, broken promises"
    print(f"\n| {head.replace(', ', ' | ')} |\n|{'---|' * 10}")
    for tol in TOLS:
        ratios = np.array([found[tol][0] for _, found in rows])
        low = np.quantile(ratios, [0, 0.05, 0.25, 0.5, 0.75])
        cells = [f"{np.exp(np.log(ratios).mean()):.2f}", *(f"{value:.2f}" for value in low)]
        broken = sum(found[tol][3] for _, found in rows)
        cells = [f"{tol:g}", str(len(rows)), *cells, f"{(ratios < 1).mean():.0%}", str(broken)]
        print(f"| {' | '.join(cells)} |")
    for tol in TOLS:
        print(f"\nThe worst ten at {tol:g}:\n")
        for words, found in sorted(rows, key=lambda each: each[1][tol][0])[:10]:
            print(f"- {found[tol][0]:.2f}: {words} ({found[tol][1]:.3f} s)")


def ours_only(problems, limit, with_memory):
    """A line a problem: seconds and objective at each tolerance."""
    for problem, words in problems:
        line = []
        for tol in TOLS:
            fit = measured(SoftmaxRegression(C=problem.C, tol=tol), problem, limit)
            line.append("did not end" if fit is None else f"{fit.seconds:.4f} s {fit.value:.9g}")
        if with_memory:
            line.append(f"{memory(problem):.0f} vectors")
        print(f"{words:66} {'; '.join(line)}", flush=True)


def drawn(options):
    """The random problems that were asked for, each with a line that describes it."""
    for seed in range(*options.seeds, options.step):
        problem, words = draw(seed)
        if np.prod(problem.X.shape) * (problem.y.max() + 1) <= options.most:
            yield problem, f"{seed} {words}"


def chosen(options):
    """The problems that were asked for, each with a line that describes it."""
    if options.probes:
        return (embeddings(*probe) for probe in PROBES)
    return easy() if options.easy else drawn(options)


def arguments(description, limit, most):
    """A parser of which random problems to take, and for how long."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--seeds", type=int, nargs=2, default=(1, 401), help="first, and one past the last")
    add("--step", type=int, default=2)
    add("--limit", type=float, default=limit, help="CPU seconds that a fit may take")
    add("--most", type=float, default=most, help="rows x columns x classes of a problem")
    add("--ours-only", action="store_true")
    return parser


def main():
    parser = arguments(__doc__, limit=20.0, most=np.inf)
    add = parser.add_argument
    add("--probes", action="store_true", help="embeddings instead of random problems")
    add("--easy", action="store_true", help="independent columns instead of random problems")
    options = parser.parse_args()
    print(f"{machine.description()}\n", flush=True)
    measured(SoftmaxRegression(), *warm())
    measured(LogisticRegression(), *warm())
    if options.ours_only:
        ours_only(chosen(options), options.limit, options.probes)
        return
    rows = []
    for problem, words in chosen(options):
        rows.append((words, compare(problem, options.limit)))
        for tol, (ratio, seconds, distance, _) in rows[-1][1].items():
            print(f"{words:66} {tol:g}: {seconds:.3f} s [{distance:.0e}] {ratio:.2f}", flush=True)
        if options.probes:
            print(f"{words:66} {memory(problem):.0f} vectors of theta's size", flush=True)
    report(rows)


def warm():
    """A first fit, whose imports are no part of any other."""
    rng = np.random.default_rng(0)
    return Problem(rng.standard_normal((60, 4)), np.arange(60) % 3, None, 1.0), 20.0


if __name__ == "__main__":
    main()
