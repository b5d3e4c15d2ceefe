"""
Class weights and thresholds
============================

One row in ten is ill. There are two ways to find more of them. ``class_weight="balanced"`` fits the
model of a population in which half are ill: its probabilities are then those of that population.
The other way keeps the model, and with it its probabilities, and lowers the threshold.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss, precision_recall_curve
from sklearn.model_selection import train_test_split

from sksoftmax import ReliabilityDisplay, SoftmaxRegression

X, y = make_classification(
    6000, 10, n_informative=5, weights=[0.9], class_sep=1.2, flip_y=0.02, random_state=3
)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
models = {
    "no weights": SoftmaxRegression().fit(X_train, y_train),
    "balanced": SoftmaxRegression(class_weight="balanced").fit(X_train, y_train),
}
ill = {name: model.predict_proba(X_test)[:, 1] for name, model in models.items()}

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 4.2), layout="constrained")
for name, p in ill.items():
    precision, recall, _ = precision_recall_curve(y_test, p)
    (line,) = left.plot(recall, precision, label=name)
    found = p > 0.5
    left.plot(found[y_test == 1].mean(), y_test[found].mean(), "o", color=line.get_color())
found = ill["no weights"] > 0.1
left.plot(found[y_test == 1].mean(), y_test[found].mean(), "D", color="C0")
left.set(xlabel="share of the ill that are found", ylabel="share of those found that are ill")
left.set_title("circles: threshold 0.5; diamond: 0.1")
left.legend()
for ax, (name, p) in zip((middle, right), ill.items(), strict=True):
    both = np.column_stack([1 - p, p])
    ReliabilityDisplay.from_predictions(y_test, both, label=1, ax=ax, histogram=False)
    ax.set_title(f"{name}: log loss {log_loss(y_test, p):.3f}")
plt.show()

# %%
# Both models order the patients in nearly the same way: the curves on the left all but coincide,
# and a threshold moves along them. But only the probabilities of the model without weights come
# true: 0.1 is the threshold to take where missing an ill person costs nine times what a false
# alarm does.

cost = {name: 9 * np.mean((p <= 0.5) & (y_test == 1)) + np.mean((p > 0.5) & (y_test == 0))
        for name, p in ill.items()}  # fmt: skip
p = ill["no weights"]
cost["no weights, threshold 0.1"] = 9 * np.mean((p <= 0.1) & (y_test == 1)) + np.mean(
    (p > 0.1) & (y_test == 0)
)
for name, value in cost.items():
    print(f"{name:<27} mean cost {value:.3f}")
