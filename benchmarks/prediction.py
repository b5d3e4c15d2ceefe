"""Predictions: of many rows, and of one."""

import importlib.util
import statistics
import time

from kernels import median_times
from problems import Problem, gaussian
from solvers import contestants
from stopwatch import isolated
from tables import row, table

TITLE = "Prediction"
PREDICTORS = {
    "sksoftmax": "sksoftmax auto",
    "scikit-learn": "sklearn lbfgs",
    "scikit-learn-intelex": "sklearnex lbfgs",
}


def measure(options):
    return isolated(compare, 100_000 if options.quick else 1_000_000, options.repeats)


def compare(n_rows, repeats):
    models = fitted_models()
    X = gaussian(n_rows, 20, 5).X
    single = X.astype("float32")
    found = {"n_rows": n_rows, "rows": {}}
    for title, method, data in (
        ("predict_proba, ms", "predict_proba", X),
        ("predict_proba on float32, ms", "predict_proba", single),
        ("predict, ms", "predict", X),
    ):
        calls = {name: call_of(model, method, data) for name, model in models.items()}
        times = median_times(calls, repeats)
        found["rows"][title] = {name: 1e3 * each for name, each in times.items()}
    for method in ("predict_proba", "predict"):
        calls = {name: call_of(model, method, X[:1]) for name, model in models.items()}
        found["rows"][f"{method} of one row, µs"] = microseconds(calls, repeats)
    return found


def fitted_models():
    """Models of the same data; a single-precision copy of X finds them as they are."""
    known = contestants()
    made = gaussian(5_000, 20, 5)
    few = Problem(made.X, made.y)
    names = dict(PREDICTORS)
    if not importlib.util.find_spec("sklearnex"):
        del names["scikit-learn-intelex"]
    return {title: known[name].fit_by_default(few).model for title, name in names.items()}


def call_of(model, method, X):
    return lambda: getattr(model, method)(X)


def microseconds(calls, repeats, loops=300):
    """Median microseconds of CPU time of calls too short for one reading of the clock."""
    times = {name: [] for name in calls}
    for _ in range(repeats + 1):
        for name, call in calls.items():
            begin = time.process_time()
            for _ in range(loops):
                call()
            times[name].append((time.process_time() - begin) / loops)
    return {name: 1e6 * statistics.median(samples[1:]) for name, samples in times.items()}


def markdown(found):
    names = list(next(iter(found["rows"].values())))
    rows = []
    for title, times in found["rows"].items():
        ratio = times["scikit-learn"] / times["sksoftmax"]
        cells = [title, *(f"{times[name]:.1f}" for name in names), f"{ratio:.1f}"]
        rows.append(row(cells))
    heads = [f"{found['n_rows']:,} x 20, 5 classes", *names, "scikit-learn / sksoftmax"]
    return table(heads, rows)
