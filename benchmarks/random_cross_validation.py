"""`SoftmaxRegressionCV(tol=1e-4)` beside `LogisticRegressionCV()`, on random problems.

::

    python benchmarks/random_cross_validation.py                           fifty problems, odd seeds
    python benchmarks/random_cross_validation.py --seeds 0 100             even seeds
    python benchmarks/random_cross_validation.py --ours-only               a line for each, no rival

A quarter of the rows of each problem of `random_problems.draw` is held out. The ratio is their CPU
time over ours, on the other rows; where a fit was stopped, of its limit. The log losses are of the
rows held out.
"""

import os

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

from itertools import islice

import machine
import numpy as np
from random_problems import arguments, drawn, seconds_of_fit
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import log_loss

from sksoftmax import SoftmaxRegressionCV

TOL = 1e-4  # enough to tell values of C apart


def held_out(problem):
    """Rows to fit, and rows to score: a quarter, without classes that the others lack."""
    random = np.random.default_rng(0).random(len(problem.y)) < 0.25
    known = np.isin(problem.y, problem.y[~random])
    test = random & known
    return (problem.X[~random], problem.y[~random]), (problem.X[test], problem.y[test])


def measured(model, train, test, limit):
    """CPU seconds and log loss; the limit and nan where time ran out."""
    seconds = seconds_of_fit(model, *train, limit)
    if seconds is None:
        return limit, np.nan
    probabilities = model.predict_proba(test[0]).astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return seconds, log_loss(test[1], probabilities, labels=model.classes_)


def report(rows):
    """The distribution of the ratios and of the losses, and the worst by name."""
    ratios, losses = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    quantiles = np.quantile(ratios, [0, 0.1, 0.25, 0.5, 0.75])
    print("\n| problems | geometric mean | worst | 10 % | 25 % | median | 75 % | slower |")
    print(f"|{'---|' * 8}")
    cells = [str(len(rows)), *(f"{n:.2f}" for n in (np.exp(np.log(ratios).mean()), *quantiles))]
    print(f"| {' | '.join(cells)} | {(ratios < 1).mean():.0%} |")
    known = losses[np.isfinite(losses)]
    print(
        f"\nOur log loss over theirs: {known.min():.3f} to {known.max():.4f}, "
        f"median {np.median(known):.4f}; above 1.005 on {(known > 1.005).sum()}\n"
    )
    for words, ratio, _ in sorted(rows, key=lambda row: row[1])[:10]:
        print(f"- {ratio:.2f}: {words}")
    for words, _, loss in sorted(rows, key=lambda row: -row[2])[:5]:
        print(f"- log loss {loss:.4f} of theirs: {words}")


def main():
    parser = arguments(__doc__, limit=60.0, most=5e7)
    parser.add_argument("--problems", type=int, default=50, help="the most")
    options = parser.parse_args()
    print(f"{machine.description()}\n", flush=True)
    rows = []
    for problem, words in islice(drawn(options), options.problems):
        train, test = held_out(problem)
        seconds, loss = measured(SoftmaxRegressionCV(tol=TOL), train, test, options.limit)
        line = f"{words:66} {seconds:.3f} s, log loss {loss:.4f}"
        if options.ours_only:
            print(line, flush=True)
            continue
        other, their_loss = measured(
            LogisticRegressionCV(scoring="accuracy", l1_ratios=(0,), use_legacy_attributes=False),
            train, test, options.limit,
        )  # fmt: skip
        rows.append((words, other / seconds, loss / their_loss))
        print(f"{line}; theirs {other:.3f} s, {their_loss:.4f}: {other / seconds:.2f}", flush=True)
    if rows:
        report(rows)


if __name__ == "__main__":
    main()
