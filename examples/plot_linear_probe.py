"""
A linear probe: choosing the penalty on held-out rows
=====================================================

A linear probe reads the output of a network that stays as it is: embeddings in float32, a few of
each class, and many classes. How strong the penalty must be is decided by rows that were held out.
"""

# %%
# These embeddings are class means and low-rank noise, with variances that fall like ``1 / j``.
# :class:`~sklearn.model_selection.PredefinedSplit` says which rows are for fitting (-1) and which
# for scoring (0). One path serves all values of ``C``: each fit begins where the last ones lead.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import PredefinedSplit

from sksoftmax import SoftmaxRegressionCV

rng = np.random.default_rng(0)
n_classes, n_columns, n_rows = 40, 48, 2400
spectrum = np.arange(1, n_columns + 1) ** -0.5
means = rng.standard_normal((n_classes, n_columns)) * spectrum
loadings = rng.standard_normal((8, n_columns)) * spectrum
y = np.arange(n_rows) % n_classes
noise = 0.9 * rng.standard_normal((n_rows, 8)) @ loadings
noise += 2.2 * rng.standard_normal((n_rows, n_columns)) * spectrum
X = (means[y] + noise).astype(np.float32)

is_test = np.arange(n_rows) >= 1600
X_test, y_test = X[is_test], y[is_test]
X, y = X[~is_test], y[~is_test]
held_out = np.where(np.arange(len(y)) < 1200, -1, 0)

probe = SoftmaxRegressionCV(Cs=np.logspace(-4, 2, 19), cv=PredefinedSplit(held_out), tol=1e-3)
probe.fit(X, y)

# %%
# ``top_k`` gives the most probable classes of each row without an array of all rows and classes,
# best first. What the chosen ``C`` gains among the first classes shows on rows that had no part in
# the choice.

k = np.arange(1, 11)
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.semilogx(probe.Cs_, -probe.scores_[0, 0], marker=".")
left.axvline(probe.C_, color="grey", linestyle="--", label=f"chosen: C = {probe.C_:.2g}")
left.set(xlabel="C", ylabel="log loss on held-out rows", title="19 values of C")
left.legend()

for name, C in (("weakest penalty", -1), ("chosen", None), ("strongest penalty", 0)):
    coef = probe.coef_ if C is None else probe.coef_path_[0, C, :, :-1]
    intercept = probe.intercept_ if C is None else probe.coef_path_[0, C, :, -1]
    order = np.argsort(-(X_test @ coef.T + intercept), axis=1)[:, : k[-1]]
    found = (order == y_test[:, None]).cumsum(axis=1).mean(axis=0)
    right.plot(k, found, marker=".", label=name)
right.set(xlabel="k", ylabel="rows whose class is among the first k", title="On rows not seen")
right.set_ylim(top=1.0)
right.legend()
plt.show()

classes, probabilities = probe.top_k(X_test, 5)
print(
    f"{(classes[:, 0] == y_test).mean():.1%} right, "
    f"{(classes == y_test[:, None]).any(axis=1).mean():.1%} among the first five"
)
