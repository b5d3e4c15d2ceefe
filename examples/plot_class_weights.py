"""
Class weights and thresholds
============================

One row in ten is ill. There are two ways to find more of them. ``class_weight="balanced"`` fits the
model of a population in which half are ill: its probabilities are then those of that population.
The other way keeps the model, and with it its probabilities, and lowers the threshold.
"""

# %%
# On the left, each point of a curve is a threshold. The circles are the threshold 0.5 of each
# model, the diamond is the threshold 0.1 of the model without weights.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import precision_recall_curve
from sklearn.model_selection import train_test_split

from sksoftmax import ReliabilityDisplay, SoftmaxRegression
from sksoftmax.metrics import reliability

rng = np.random.default_rng(0)
X = rng.normal(size=(40_000, 6))
y = (X @ [1.5, -1.0, 0.7, 0.4, 0.0, 0.0] - 3.2 + rng.logistic(size=len(X)) > 0).astype(int)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
models = {
    "no weights": SoftmaxRegression().fit(X_train, y_train),
    "balanced": SoftmaxRegression(class_weight="balanced").fit(X_train, y_train),
}
ill = {name: model.predict_proba(X_test)[:, 1] for name, model in models.items()}


def precision_and_recall(found):
    return y_test[found].mean(), found[y_test == 1].mean()


figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for name, p in ill.items():
    precision, recall, _ = precision_recall_curve(y_test, p)
    (line,) = left.plot(recall[:-1], precision[:-1], label=name)
    precision, recall = precision_and_recall(p > 0.5)
    left.plot(recall, precision, "o", color=line.get_color())
precision, recall = precision_and_recall(ill["no weights"] > 0.1)
left.plot(recall, precision, "D", color="C0")
left.set(xlabel="share of the ill that are found", ylabel="share of those found that are ill")
left.set(ylim=(0, 1))
left.legend()
curves = {name: reliability(y_test, p, label=1, n_bins=10) for name, p in ill.items()}
ReliabilityDisplay(curves).plot(ax=right, histogram=False)
right.set_title("probability of being ill")
plt.show()

# %%
# Both models order the patients in nearly the same way: the curves on the left all but coincide,
# and a threshold moves along them. But only the probabilities of the model without weights come
# true. They also say which threshold to take: 0.1, where missing an ill person costs nine times
# what a false alarm does.


def cost(found):
    return 9 * np.mean(~found & (y_test == 1)) + np.mean(found & (y_test == 0))


print(f"no weights, threshold 0.5  mean cost {cost(ill['no weights'] > 0.5):.3f}")
print(f"balanced, threshold 0.5    mean cost {cost(ill['balanced'] > 0.5):.3f}")
print(f"no weights, threshold 0.1  mean cost {cost(ill['no weights'] > 0.1):.3f}")
