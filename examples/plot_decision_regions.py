"""
Decision regions
================

A softmax regression divides the plane by straight lines: the boundary between two classes is where
their scores are equal. How fast the probability changes across a boundary depends on the size of
the coefficients, and hence on ``C``.
"""

# %%
# Two measurements of three wine cultivars, at a strong and at a weak penalty. The colour is that
# of the most probable class, and the deeper it is, the surer the model. White lines are
# probabilities of 0.5, 0.7 and 0.9 of that class.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from sklearn.datasets import load_wine

from sksoftmax import SoftmaxRegression

wine = load_wine()
X = wine.data[:, [0, 6]]
names = [wine.feature_names[0], wine.feature_names[6]]
colors = np.array([to_rgb(f"C{k}") for k in range(3)])

grid = np.stack(np.meshgrid(np.linspace(10.8, 15.1, 200), np.linspace(0, 5.4, 200)), axis=-1)
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for ax, C in zip(axes, (0.03, 3.0), strict=True):
    model = SoftmaxRegression(C=C).fit(X, wine.target)
    probabilities = model.predict_proba(grid.reshape(-1, 2)).reshape(200, 200, 3)
    extent = (grid[0, 0, 0], grid[0, -1, 0], grid[0, 0, 1], grid[-1, 0, 1])
    shade = 0.75 * np.clip((probabilities.max(axis=2, keepdims=True) - 1 / 3) * 1.5, 0, 1)
    image = 1 - shade * (1 - colors[probabilities.argmax(axis=2)])
    ax.imshow(image, origin="lower", extent=extent, aspect="auto")
    ax.contour(
        grid[..., 0], grid[..., 1], probabilities.max(axis=2), [0.5, 0.7, 0.9],
        colors="white", linewidths=1,
    )  # fmt: skip
    for k in range(3):
        rows = X[wine.target == k]
        ax.plot(*rows.T, "o", color=f"C{k}", markeredgecolor="white", label=f"cultivar {k}")
    ax.set(title=f"C = {C:g}", xlabel=names[0])
axes[0].set_ylabel(names[1])
axes[0].legend(loc="upper left")
plt.show()

# %%
# Both models are linear, and their boundaries are similar. What differs is how sure they are:
# choose ``C`` by log loss, which sees that, rather than by accuracy, which does not.
