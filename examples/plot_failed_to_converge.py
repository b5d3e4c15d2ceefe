"""
"Failed to converge": columns in wild units
===========================================

Grams beside tonnes, years beside nanoseconds: on such columns a first-order method needs very many
steps, because the objective is steep along some directions and nearly flat along others.
``LogisticRegression`` warns and stops; the usual advice is to scale the columns.
:class:`~sksoftmax.SoftmaxRegression` measures the curvature of the data and takes it out of each
step, so that neither the units nor the offsets of the columns matter to it.
"""

# %%
# The data: 20 columns, in units from 1 to 10,000 and far from zero.

import warnings
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sksoftmax import SoftmaxRegression, cross_entropy

X, y = make_classification(5000, 20, n_informative=10, n_classes=4, class_sep=0.7, random_state=0)
X = X * np.logspace(0, 4, 20) + 1000


def objective(model):
    penalty = np.sum(model.coef_**2) / (2 * model.C * len(y))
    return cross_entropy(model.decision_function(X), y) + penalty


# %%
# Each dot of ``LogisticRegression`` is a fit of its own with a larger ``max_iter``, and the
# seconds it took. ``SoftmaxRegression`` keeps its curve: ``objective_curve_`` against
# ``time_curve_``.

ours = SoftmaxRegression(tol=1e-9).fit(X, y)
optimum = ours.objective_ - ours.gap_  # a proved lower bound

seconds, reached = [], []
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    for max_iter in (1, 3, 10, 30, 100, 300, 1000):
        began = perf_counter()
        theirs = LogisticRegression(max_iter=max_iter).fit(X, y)
        seconds.append(perf_counter() - began)
        reached.append(objective(theirs))

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(seconds, np.array(reached) / optimum - 1, "s-", color="C1", label="LogisticRegression")
ax.plot(
    ours.time_curve_, ours.objective_curve_ / optimum - 1, "o-", color="C0", markersize=4,
    label="SoftmaxRegression",
)  # fmt: skip
ax.axhline(1e-6, color="0.6", linestyle="--", linewidth=1)
ax.text(
    1, 1e-6, " tol=1e-6", va="bottom", ha="right", color="0.4", transform=ax.get_yaxis_transform()
)
ax.set(
    xscale="log", yscale="log", xlabel="seconds", ylabel="relative distance from the optimum",
    ylim=(1e-9, None),
)  # fmt: skip
ax.legend()
plt.show()

# %%
# The default settings of both, beside each other. What ``SoftmaxRegression`` says of its distance
# from the optimum is proved, whatever happened before.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    theirs = LogisticRegression().fit(X, y)
ours = SoftmaxRegression().fit(X, y)
for model, told in [(ours, []), (theirs, [warning.category.__name__ for warning in caught])]:
    steps, name = int(np.max(model.n_iter_)), type(model).__name__
    told = ", ".join(told) or "no warning"
    print(f"{name:<19} objective {objective(model):.6f}, {steps} steps, {told}")
print(f"gap_ / objective_   {ours.gap_ / ours.objective_:.0e}")
