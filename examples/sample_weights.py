"""What weights mean: a weight of 2 is the row twice, a weight of 0 is no row."""

import numpy as np
from sklearn.datasets import load_iris

from sksoftmax import SoftmaxRegression

X, y = load_iris(return_X_y=True)
y = np.minimum(y, 1)  # 50 rows of class 0, 100 of class 1
weight = np.random.default_rng(0).integers(0, 4, len(y))
# A small tol: two fits that stop at different places differ by more than rounding.
model = SoftmaxRegression(tol=1e-13)


def compare(text, first, second):
    same = np.allclose(first, second, rtol=0, atol=1e-5)
    print(f"{text:<44} {'the same' if same else 'different'}")


coef = model.fit(X, y, sample_weight=weight).coef_
compare("weights and repeated rows", coef, model.fit(X.repeat(weight, 0), y.repeat(weight)).coef_)

kept = weight > 0
compare(
    "rows of weight 0 and rows left out",
    coef,
    model.fit(X[kept], y[kept], sample_weight=weight[kept]).coef_,
)

# The penalty is divided by the sum of the weights: ten times the weights is ten times C.
coef = model.fit(X, y, sample_weight=np.full(len(y), 10.0)).coef_
compare("all weights 10, and no weights", coef, model.fit(X, y).coef_)
tenfold = SoftmaxRegression(C=10, tol=1e-13).fit(X, y)
compare("all weights 10, and no weights at C=10", coef, tenfold.coef_)

# "balanced" multiplies each row's weight by n_rows / (n_classes * rows of its class).
balanced = SoftmaxRegression(class_weight="balanced", tol=1e-13).fit(X, y)
by_class = np.where(y == 0, 150 / (2 * 50), 150 / (2 * 100))
by_hand = model.fit(X, y, sample_weight=by_class)
compare("class_weight='balanced', and by hand", balanced.coef_, by_hand.coef_)
