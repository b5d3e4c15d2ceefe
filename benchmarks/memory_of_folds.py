"""The most memory that folds and held-out rows take, in copies of X, as NumPy and Python report it.

    OPENBLAS_NUM_THREADS=1 python benchmarks/memory_of_folds.py [--rows 400000]

Of classifiers that are calibrated, scikit-learn's own way stands beside ours.
"""

import argparse
import tracemalloc
import warnings

from problems import gaussian
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import KFold, ShuffleSplit
from tables import row, table

from sksoftmax import SoftmaxCalibratedClassifier, SoftmaxRegression, SoftmaxRegressionCV

RIDGE = {"tol": 1e-2, "max_iter": 20}
CONTESTANTS = {
    "SoftmaxRegression": SoftmaxRegression(**RIDGE),
    "the same, early_stopping": SoftmaxRegression(early_stopping=True, random_state=0, **RIDGE),
    "SoftmaxRegressionCV": SoftmaxRegressionCV(3, **RIDGE),
    "the same, consecutive folds": SoftmaxRegressionCV(3, cv=KFold(5), **RIDGE),
    "the same, overlapping folds": SoftmaxRegressionCV(3, cv=ShuffleSplit(5), **RIDGE),
    "the same, l1": SoftmaxRegressionCV(3, l1_ratios=[0.5], **RIDGE),
}
for wrapped in (SoftmaxRegression(**RIDGE), RidgeClassifier()):
    for n_jobs in (None, 2):
        name = f"{type(wrapped).__name__}, n_jobs={n_jobs}"
        CONTESTANTS[f"SoftmaxCalibratedClassifier of {name}"] = SoftmaxCalibratedClassifier(
            wrapped, "temperature", n_jobs=n_jobs
        )
        CONTESTANTS[f"CalibratedClassifierCV of {name}"] = CalibratedClassifierCV(
            wrapped, method="sigmoid", ensemble=False, n_jobs=n_jobs
        )


def peak(model, problem):
    """Bytes allocated by this process during a fit, at their most."""
    tracemalloc.start()
    model.fit(problem.X, problem.y)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=400_000)
    warnings.simplefilter("ignore")
    problem = gaussian(parser.parse_args().rows, 20, 5)
    found = {name: peak(model, problem) for name, model in CONTESTANTS.items()}
    rows = [row([name, f"{number / problem.X.nbytes:.2f}"]) for name, number in found.items()]
    print(table(["five folds", "above X, in X's"], rows))


if __name__ == "__main__":
    main()
