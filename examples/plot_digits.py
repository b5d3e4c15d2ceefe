"""
Which pixels does a digit need? Ridge, lasso and group lasso
============================================================

The coefficients of a model of images are images: bright where ink speaks for a digit, dark where it
speaks against it. A ridge uses every pixel for every digit. The lasso makes single coefficients
zero, and a pixel is saved only if all ten digits happen to do without it. The group lasso keeps or
drops a pixel for all digits together.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sksoftmax import GroupLasso, SoftmaxRegression

X, y = load_digits(return_X_y=True)
models = {
    "ridge": SoftmaxRegression(C=0.01, tol=1e-4),
    "lasso": SoftmaxRegression(C=0.01, l1_ratio=1.0, tol=1e-4),
    "group lasso": SoftmaxRegression(C=0.01, l1_ratio=1.0, penalty=GroupLasso(), tol=1e-4),
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
# Red is for the digit and blue against it; the last column shows the pixels that any digit uses.
# At the same ``C`` the penalties are not equally strong, so that the numbers show a trade and not
# a contest.

for name, model in models.items():
    pixels = (model.coef_ != 0).any(axis=0).sum()
    zeros = np.mean(model.coef_ == 0)
    print(f"{name:<12} {pixels:2d} pixels used, {zeros:4.0%} of coefficients zero, "
          f"accuracy on these rows {model.score(X, y):.3f}")  # fmt: skip
