"""
Reliability before and after calibration: an SVC and a forest
=============================================================

A classifier is calibrated if, of the rows to which it gives a class with probability 0.8, four in
five have that class. The scores of an SVC are no probabilities at all, and a plain softmax of them
is far too timid; the votes of a forest are timid too.
:class:`~sksoftmax.SoftmaxCalibratedClassifier` learns the map from scores to probabilities on
rows that the classifier has not seen.
"""

# %%
# Handwritten digits, half of them kept for the test. Each dot is a bin of rows by their confidence:
# below the diagonal the model is too sure, above it too timid. The bands are 95 % intervals of the
# observed frequency, and the lower pictures show how many rows have which confidence.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from sksoftmax import ReliabilityDisplay, SoftmaxCalibratedClassifier
from sksoftmax.metrics import expected_calibration_error, reliability

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

classifiers = {"SVC": SVC(), "forest": RandomForestClassifier(100, random_state=0)}
probabilities = {}
for name, classifier in classifiers.items():
    for calibration, when in ((None, "before"), ("auto", "after")):
        model = SoftmaxCalibratedClassifier(classifier, calibration).fit(X_train, y_train)
        probabilities[f"{name}, {when}"] = model.predict_proba(X_test)

figure, axes = plt.subplots(1, 2, figsize=(10, 5.2))
for ax, name in zip(axes, classifiers, strict=True):
    curves = {}
    for when in ("before", "after"):
        p = probabilities[f"{name}, {when}"]
        curves[f"{when}: log loss {log_loss(y_test, p):.3f}"] = reliability(y_test, p)
    ReliabilityDisplay(curves).plot(ax=ax)
    ax.legend(loc="lower right")
    ax.set_title(name)
plt.show()

# %%
# Log loss and calibration error, before and after:

for name, p in probabilities.items():
    error = expected_calibration_error(y_test, p)
    print(f"{name:<15} log loss {log_loss(y_test, p):.3f}, ECE {error:.3f}")
