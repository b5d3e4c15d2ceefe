"""
Which pixels does a digit need? Ridge, lasso and group lasso
============================================================

The coefficients of a model of images are images: red where ink speaks for a digit, blue where it
speaks against it. A ridge uses nearly every pixel for every digit. The lasso makes single
coefficients zero, and a pixel is saved only if all ten digits happen to do without it. The group
lasso keeps or drops a pixel for all digits together.
"""

# %%
# The last column shows the pixels that any digit uses. The ``C`` of the two sparse models are
# such that they are right equally often on rows not seen.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sksoftmax import GroupLasso, SoftmaxRegression

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
models = {
    "ridge": SoftmaxRegression(C=0.01, tol=1e-4),
    "lasso": SoftmaxRegression(C=0.02, l1_ratio=1.0, tol=1e-4),
    "group lasso": SoftmaxRegression(C=0.007, l1_ratio=1.0, penalty=GroupLasso(), tol=1e-4),
}

figure, axes = plt.subplots(3, 11, figsize=(11, 3.4), layout="constrained")
for line, (name, model) in zip(axes, models.items(), strict=True):
    model.fit(X, y)
    largest = np.abs(model.coef_).max()
    for ax, coef in zip(line, model.coef_, strict=False):
        ax.imshow(coef.reshape(8, 8), cmap="RdBu_r", vmin=-largest, vmax=largest)
    used = (model.coef_ != 0).any(axis=0).reshape(8, 8)
    line[10].imshow(used, cmap="gray_r", vmin=0, vmax=1.5)
    line[0].set_ylabel(name)
for ax, title in zip(axes[0], [*map(str, range(10)), "used"], strict=True):
    ax.set_title(title)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
plt.show()

# %%
# For the same accuracy the group lasso reads fewer pixels, although the lasso has more zeros:

for name, model in models.items():
    pixels = (model.coef_ != 0).any(axis=0).sum()
    zeros, accuracy = np.mean(model.coef_ == 0), model.score(X_test, y_test)
    print(f"{name:<12} {pixels} of 64 pixels, {zeros:3.0%} zeros, accuracy {accuracy:.3f}")
