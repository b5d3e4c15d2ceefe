"""
A stream: held-out loss against rows
====================================

``partial_fit`` sees each row once. With ``solver="sgd"`` a step is a Newton step of a batch, by the
running curvature, and the model is an average of the last steps. Its loss follows that of a model
fitted anew on all rows so far, and no learning rate has to be tuned.
"""

# %%
# Columns in units from 1 to 1e5, none of them scaled.

import matplotlib.pyplot as plt
import numpy as np

from sksoftmax import SoftmaxRegression, cross_entropy

rng = np.random.default_rng(0)
coef, units = rng.normal(size=(8, 4)), np.logspace(0, 5, 8)


def rows(n_rows):
    X = rng.normal(size=(n_rows, 8))
    y = np.argmax(X @ coef + rng.gumbel(size=(n_rows, 4)), axis=1)
    return (X + 3) * units, y


X_new, y_new = rows(20_000)
X_all, y_all = rows(51_200)
seen = 100 * 2 ** np.arange(10)


def loss(model):
    return cross_entropy(model.decision_function(X_new), y_new)


curves = {}
for solver in ("sgd", "adam"):
    stream, curves[solver] = SoftmaxRegression(solver=solver, batch_size=100), []
    for start in range(0, len(X_all), 100):
        batch = slice(start, start + 100)
        stream.partial_fit(X_all[batch], y_all[batch], classes=range(4))
        if start + 100 in seen:
            curves[solver].append(loss(stream))
curves["fit on all rows so far"] = [
    loss(SoftmaxRegression().fit(X_all[:n], y_all[:n])) for n in seen
]
truth = cross_entropy((X_new / units - 3) @ coef, y_new)

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for (name, curve), style in zip(curves.items(), ("o-", "s-", "k^:"), strict=True):
    ax.plot(seen, np.array(curve) - truth, style, label=name)
ax.set(
    xscale="log", yscale="log", xlabel="rows seen", ylabel="held-out loss above that of the truth"
)
ax.legend()
plt.show()

# %%
# After the last row:

for name, curve in curves.items():
    print(f"{name:<23} held-out loss {curve[-1]:.4f}")
print(f"{'the true coefficients':<23} held-out loss {truth:.4f}")
