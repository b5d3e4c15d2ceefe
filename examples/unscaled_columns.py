"""Columns in wild units, as they come: grams beside tonnes, years beside nanoseconds."""

import warnings

import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

from sksoftmax import SoftmaxRegression, cross_entropy

X, y = make_classification(5000, 20, n_informative=10, n_classes=4, class_sep=0.7, random_state=0)
X *= np.logspace(0, 4, 20)  # units from 1 to 10,000
X += 1000  # and far from zero


def objective(model):
    penalty = np.sum(model.coef_**2) / (2 * model.C * len(y))
    return cross_entropy(model.decision_function(X), y) + penalty


with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    theirs = LogisticRegression().fit(X, y)
ours = SoftmaxRegression().fit(X, y)

print(f"{'':<20} {'objective':>10} {'steps':>6}  warnings")
for model, names in [(ours, []), (theirs, [warning.category.__name__ for warning in caught])]:
    steps = int(np.max(model.n_iter_))
    name = type(model).__name__
    print(f"{name:<20} {objective(model):>10.6f} {steps:>6}  {', '.join(names) or 'none'}")

print(f"The optimum is at most {ours.gap_:.0e} below {ours.objective_:.6f}, which is proved.")
share = objective(theirs) / ours.objective_ - 1
print(f"LogisticRegression stopped {share:.1%} above it.")
