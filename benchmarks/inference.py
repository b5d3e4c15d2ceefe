"""Inference: how often intervals cover the truth, and its time beside statsmodels' fit.

python benchmarks/inference.py              # both; the latter if statsmodels is installed
python benchmarks/inference.py coverage
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from importlib.util import find_spec
from statistics import median
from time import process_time

import machine
import numpy as np
from scipy.special import logit, softmax

from sksoftmax import SoftmaxRegression, infer

N_FITS = 2000
KINDS = {
    "information": {},
    "robust": {"covariance": "robust"},
    "robust, small sample": {"covariance": "robust", "small_sample": True},
}


def draw(rng, coef, n_rows):
    """Normal columns, and labels of a model with these coefficients, the intercepts last."""
    X = rng.normal(size=(n_rows, coef.shape[1] - 1))
    scores = X @ coef[:, :-1].T + coef[:, -1]
    return X, np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)


def coverage(n_classes, n_rows, n_features=4, n_points=50):
    """The share of 95 % intervals that hold the truth, of coefficients and of predictions."""
    rng = np.random.default_rng(0)
    coef = 0.7 * rng.normal(size=(n_classes, n_features + 1))
    truth = coef[1:] - coef[0]
    points = rng.normal(size=(n_points, n_features))
    truth_at = logit(softmax(points @ coef[:, :-1].T + coef[:, -1], axis=1))
    found = {name: [] for name in [*KINDS, "delta", "draws"]}
    for number in range(N_FITS):
        X, y = draw(rng, coef, n_rows)
        model = SoftmaxRegression(C=np.inf).fit(X, y)
        for name, options in KINDS.items():
            inference = infer(model, X, y, reference=0, **options)
            found[name].append(inside(truth, inference.lower, inference.upper))
        inference = infer(model, X, y)
        found["delta"].append(inside(truth_at, *inference.predict_interval(points)))
        if number % 10 == 0:
            drawn = inference.predict_interval(points, method="draws", n_draws=1000)
            found["draws"].append(inside(truth_at, *drawn))
    return {name: np.mean(shares) for name, shares in found.items()}


def inside(truth, lower, upper):
    return np.mean((lower <= truth) & (truth <= upper))


def print_coverage():
    print(f"Coverage of 95 % intervals in {N_FITS} fits without a penalty:\n")
    print("| classes, rows | " + " | ".join([*KINDS, "logits, delta", "logits, draws"]) + " |")
    print("|---" * (3 + len(KINDS)) + "|")
    for n_classes, n_rows in ((2, 500), (3, 1000)):
        shares = coverage(n_classes, n_rows).values()
        cells = " | ".join(f"{100 * share:.2f}" for share in shares)
        print(f"| {n_classes}, {n_rows} | {cells} |", flush=True)


def timed(function, *arguments, **options):
    begin = process_time()
    result = function(*arguments, **options)
    return result, process_time() - begin


def print_times(repeats=5):
    coef = 0.4 * np.random.default_rng(0).normal(size=(5, 31))
    X, y = draw(np.random.default_rng(1), coef, 100_000)
    fit, inference, theirs = [], [], []
    for _ in range(repeats):
        model, seconds = timed(SoftmaxRegression(C=np.inf).fit, X, y)
        fit.append(seconds)
        found, seconds = timed(infer, model, X, y, reference=0)
        inference.append(seconds)
        if find_spec("statsmodels"):
            import statsmodels.api as sm

            their_model = sm.MNLogit(y, sm.add_constant(X))
            fitted, seconds = timed(lambda model=their_model: model.fit(disp=0))
            theirs.append(seconds)
    print("\nCPU seconds, 100,000 rows, 30 columns, 5 classes, medians of", repeats, "runs:\n")
    both = median(fit) + median(inference)
    print(f"SoftmaxRegression(C=inf).fit {median(fit):.3f}, infer {median(inference):.3f}")
    if theirs:
        print(f"statsmodels MNLogit.fit {median(theirs):.3f}: {median(theirs) / both:.1f} times")
        errors = np.roll(np.asarray(fitted.bse).T, -1, axis=1)
        coefs = np.roll(np.asarray(fitted.params).T, -1, axis=1)
        print(f"largest relative difference of errors {difference(found.std_error, errors):.1e}, "
              f"of coefficients {difference(found.coef, coefs):.1e}")  # fmt: skip


def difference(one, other):
    return np.abs(one / other - 1).max()


PARTS = {"coverage": print_coverage, "times": print_times}

if __name__ == "__main__":
    print(f"{machine.description()}\n")
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()
