"""Shares of the classes in the place of labels: counted data, and labels that are not certain."""

import numpy as np
from sklearn.datasets import load_iris

from sksoftmax import SoftmaxRegression, softmax

# Forty settings of two dials; at each, some trials with three possible outcomes were counted.
rng = np.random.default_rng(0)
dials = rng.uniform(-1, 1, (40, 2))
chances = softmax(dials @ [[2.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
trials = rng.integers(5, 50, 40)
counts = rng.multinomial(trials, chances)

# One row a setting: its shares are the target, and its trials the weight.
shares = counts / trials[:, None]
model = SoftmaxRegression(tol=1e-9).fit(dials, shares, sample_weight=trials)

# The same, one row a trial.
each = np.repeat(dials, trials, axis=0)
outcome = np.concatenate([np.repeat(np.arange(3), row) for row in counts])
long = SoftmaxRegression(tol=1e-9).fit(each, outcome)
print(f"{len(shares)} rows of shares, {len(each)} rows of labels")
same = np.allclose(model.predict_proba(dials), long.predict_proba(dials), atol=1e-4)
print(f"the same probabilities: {same}")
error = np.abs(model.predict_proba(dials) - chances).mean()
print(f"off the true chances by {error:.3f} on average")

# Labels of which one in ten may be wrong, whichever it is: no row is taken for certain.
X, y = load_iris(return_X_y=True)
for share in (0.0, 0.1):
    smoothed = SoftmaxRegression(C=np.inf if share else 1e6, label_smoothing=share).fit(X, y)
    surest = smoothed.predict_proba(X).max()
    print(f"label_smoothing={share}: coef_ up to {np.abs(smoothed.coef_).max():.1f}, "
          f"probabilities up to {surest:.3f}")  # fmt: skip
