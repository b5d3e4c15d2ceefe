"""Paths and cross-validation against cold fits and LogisticRegressionCV, as Markdown tables.

    OPENBLAS_NUM_THREADS=1 python benchmarks/regularisation_path.py [cv] [path] [--only NAME ...]

Cross-validation: ridge, 10 values of C from 1e-4 to 1e4, five folds. Each of the fifty fits of
folds is judged by how far its objective, from its formula, is above the optimum that sksoftmax
finds with ``tol=1e-9``. The ratio is of the fastest setting of scikit-learn's whose median distance
is no more than twice ours; where none is, of the nearest, and marked ``>``. Paths are of 50 values
of C; apart means a fit from nothing at each. Times are seconds of the processor, of which whatever
else the machine does takes nothing.
"""

import argparse
import time
import warnings

import machine
import numpy as np
from problems import gaussian
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from sparse_coefficients import dense, text

from sksoftmax import ElasticNet, SoftmaxRegression, SoftmaxRegressionCV
from sksoftmax._data import validation
from sksoftmax._paths.fit_path import fit_path
from sksoftmax._paths.fits import Settings, grid, smallest_C
from sksoftmax._runtime.blas import single_threaded_blas

CS = np.logspace(-4, 4, 10)
CV = StratifiedKFold(5)
GOAL = 1e-4


def made(n_rows, n_columns, n_classes, units=0):
    problem = gaussian(n_rows, n_columns, n_classes)
    return problem.X * np.logspace(0, units, n_columns), problem.y


PROBLEMS = {
    "20k x 50, K = 5": lambda: made(20_000, 50, 5),
    "the same, units from 1 to 1e3": lambda: made(20_000, 50, 5, units=3),
    "50k x 20, K = 3": lambda: made(50_000, 20, 3),
    "5k x 30, K = 2": lambda: made(5_000, 30, 2),
    "2k x 64, K = 10": lambda: made(2_000, 64, 10),
    "5k x 200, K = 10": lambda: made(5_000, 200, 10),
    "digits": lambda: load_digits(return_X_y=True),
}


def theirs(X, y):
    """LogisticRegressionCV by settings, those that can be afforded."""
    settings = [("lbfgs", tol, 300 if tol < 1e-4 else 100) for tol in (1e-3, 1e-4, 1e-5, 1e-6)]
    if X.shape[1] * len(np.unique(y)) <= 700:
        settings += [("newton-cholesky", 1e-4, 100)]
    for solver, tol, max_iter in settings:
        yield f"{solver}, tol={tol:g}", LogisticRegressionCV(
            Cs=CS, l1_ratios=(0.0,), cv=CV, scoring="neg_log_loss", solver=solver, tol=tol,
            max_iter=max_iter, use_legacy_attributes=False,
        )  # fmt: skip


def objectives(paths, X, y):
    """Of every fit of a fold, (n_folds, n_Cs), from its formula."""
    values = np.empty(paths.shape[:2])
    labels = np.searchsorted(np.unique(y), y)
    for fold, (train, _) in enumerate(CV.split(X, y)):
        for index, C in enumerate(CS):
            coef, intercept = paths[fold, index, :, :-1], paths[fold, index, :, -1]
            scores = X[train] @ coef.T + intercept
            if scores.shape[1] == 1:
                scores = np.column_stack([np.zeros(len(train)), scores])
            loss = logsumexp(scores, axis=1) - scores[np.arange(len(train)), labels[train]]
            values[fold, index] = loss.mean() + np.sum(coef**2) / (2 * C * len(train))
    return values


def cross_validation(name, repeats):
    X, y = PROBLEMS[name]()
    best = SoftmaxRegressionCV(Cs=CS, cv=CV, tol=1e-9).fit(X, y)
    best = objectives(best.coefs_paths_[:, 0], X, y)
    contestants = dict(theirs(X, y))
    contestants |= {f"tol={tol:g}": SoftmaxRegressionCV(Cs=CS, cv=CV, tol=tol)
                    for tol in (1e-4, 1e-6)}  # fmt: skip
    times, off = {key: [] for key in contestants}, {}
    for _ in range(repeats):
        for key, model in contestants.items():
            if times[key] and times[key][0] > 5:
                continue
            start = time.process_time()
            model.fit(X, y)
            times[key].append(time.process_time() - start)
            off[key] = objectives(model.coefs_paths_[:, 0], X, y) / best - 1
    seconds = {key: float(np.median(taken)) for key, taken in times.items()}
    lines, ratios = [], []
    for key, model in contestants.items():
        ratio = ""
        if isinstance(model, SoftmaxRegressionCV):
            others = [k for k, m in contestants.items() if not isinstance(m, SoftmaxRegressionCV)]
            target = max(2 * np.median(off[key]), 1e-12)
            near = [k for k in others if np.median(off[k]) <= target]
            pool = near or [max(others, key=lambda k: -np.median(off[k]))]
            ratios.append(min(seconds[k] for k in pool) / seconds[key])
            ratio = f"{'' if near else '> '}{ratios[-1]:.1f}"
        who = "sksoftmax" if isinstance(model, SoftmaxRegressionCV) else "scikit-learn"
        lines.append(f"| {name} | {who} {key} | {seconds[key]:.2f} | {np.median(off[key]):.0e} | "
                     f"{off[key].max():.0e} | {ratio} |")  # fmt: skip
    print("\n".join(lines), flush=True)
    return ratios


def path(make, l1_ratio):
    X, y, _ = make()
    settings = Settings(ElasticNet(), True, "auto", GOAL, 1000)
    data = validation.encode(SoftmaxRegression(), X, y)
    Cs = grid(50, smallest_C(data, l1_ratio, settings))
    start = time.process_time()
    fits = single_threaded_blas(fit_path)(data, Cs, l1_ratio, settings)
    along = time.process_time() - start
    start = time.process_time()
    for C in Cs:
        SoftmaxRegression(C, l1_ratio=l1_ratio, tol=GOAL).fit(X, y)
    apart = time.process_time() - start
    steps = sum(fit.n_iter for fit in fits)
    what = "l1" if l1_ratio else "ridge"
    ratio = apart / along
    print(f"| {make.__doc__} | {what} | {apart:.2f} | {along:.2f} | {ratio:.1f} | {steps} |",
          flush=True)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=["cv", "path"])
    parser.add_argument("--only", nargs="*", default=list(PROBLEMS))
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if "cv" in options.what:
        print("| ridge, 10 C, 5 folds | | seconds | median distance | largest | ratio |")
        print("|---|---|---|---|---|---|")
        ratios = [cross_validation(name, options.repeats) for name in options.only]
        for tol, column in zip(("1e-4", "1e-6"), zip(*ratios, strict=True), strict=True):
            mean = np.exp(np.mean(np.log(column)))
            print(f"\ntol={tol}: geometric mean of the ratios {mean:.1f}", flush=True)
    if "path" in options.what:
        print("\n| 50 values of C, tol=1e-4 | | apart | path | ratio | steps |")
        print("|---|---|---|---|---|---|")
        for make, l1_ratio in ((dense, 1.0), (dense, 0.0), (text, 1.0), (text, 0.0)):
            path(make, l1_ratio)


if __name__ == "__main__":
    print(f"{machine.description()}\n")
    main()
