"""One evaluation of the loss and its gradient, against scikit-learn's ``LinearModelLoss``.

These are the inner parts of both packages, which neither promises to keep as they are.
"""

import numpy as np
from kernels import median_times
from problems import gaussian
from sklearn._loss import HalfMultinomialLoss
from sklearn.linear_model._linear_loss import LinearModelLoss
from stopwatch import isolated
from tables import row, table

from sksoftmax import SoftmaxRegression
from sksoftmax._data import validation
from sksoftmax._problems import build

TITLE = "One evaluation of loss and gradient"
SHAPES = [
    (20_000, 20, 10),
    (20_000, 100, 10),
    (20_000, 100, 100),
    (5_000, 1_000, 100),
    (5_000, 1_000, 200),
    (200_000, 30, 5),
]


def measure(options):
    return [
        isolated(compare, shape, dtype, options.repeats)
        for shape in SHAPES
        for dtype in ("float64", "float32")
    ]


def compare(shape, dtype, repeats):
    made = gaussian(*shape)
    X, y = made.X.astype(dtype), made.y
    coef = 0.1 * np.random.default_rng(0).standard_normal((shape[2], shape[1]))
    calls = {"ours": our_call(X, y, coef), "theirs": their_call(X, y, coef)}
    ours, theirs = (call()[0] for call in calls.values())
    if not np.isclose(ours, theirs, rtol=1e-4 if dtype == "float32" else 1e-10):
        raise AssertionError(f"not the same objective: {ours} and {theirs}")
    return {"shape": shape, "dtype": dtype} | median_times(calls, max(repeats, 5))


def our_call(X, y, coef):
    data = validation.encode(SoftmaxRegression(), X, y)
    norm = build.check_penalty("elasticnet")
    objective = build.make_problem(
        data, C=1.0, l1_ratio=0.0, norm=norm, fit_intercept=True, solver="auto"
    )
    if X.dtype == np.float32:
        objective = objective.low_precision
    # Our intercept is that at the columns' means, theirs that at zero.
    theta = objective.map.join(coef, coef @ data.center)
    return lambda: objective.value_and_gradient(theta)


def their_call(X, y, coef):
    n_classes = len(coef)
    loss = LinearModelLoss(HalfMultinomialLoss(n_classes=n_classes), fit_intercept=True)
    # In the layout, dtypes and strength that its lbfgs works with.
    theta = np.hstack([coef, np.zeros((n_classes, 1))]).ravel(order="F")
    labels = y.astype(X.dtype)
    return lambda: loss.loss_gradient(theta, X, labels, l2_reg_strength=1 / len(y))


def markdown(findings):
    rows = []
    for found in findings:
        cells = ["{:,} x {:,}, {}".format(*found["shape"]), found["dtype"]]
        cells += [f"{1e3 * found[name]:.2f}" for name in ("ours", "theirs")]
        rows.append(row([*cells, f"{found['theirs'] / found['ours']:.2f}"]))
    heads = ["rows x columns, classes", "dtype", "sksoftmax, ms", "scikit-learn, ms", "ratio"]
    return table(heads, rows)
