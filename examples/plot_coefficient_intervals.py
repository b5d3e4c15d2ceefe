"""
Coefficients with intervals, class by class
===========================================

Which measurements tell three cultivars of wine apart, and how sure is that? A coefficient alone
does not say. :func:`~sksoftmax.infer` gives it a standard error, and
:class:`~sksoftmax.CoefficientDisplay` draws the intervals: a feature whose intervals miss the
dashed line has an effect.
"""

# %%
# Four measurements, in units of their standard deviations so that they can be compared, and no
# penalty, so that intervals are about the coefficients themselves. Coefficients are against
# cultivar 0.

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_wine

from sksoftmax import CoefficientDisplay, SoftmaxRegression, infer

X, y = load_wine(return_X_y=True, as_frame=True)
X = X[["alcohol", "malic_acid", "magnesium", "ash"]]
X = (X - X.mean()) / X.std()
y = "cultivar " + y.astype(str)

model = SoftmaxRegression(C=float("inf")).fit(X, y)
inference = infer(model, X, y, reference="cultivar 0")

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
CoefficientDisplay.from_inference(inference, ax=left)
CoefficientDisplay.from_inference(inference, kind="odds_ratio", ax=right)
plt.show()

# %%
# One standard deviation more alcohol divides the odds of cultivar 1 against cultivar 0 by 55; malic
# acid speaks for cultivar 2, and does not tell cultivar 1 from cultivar 0. The numbers:

table = inference.odds_ratios()
print(table[["class", "feature", "coef", "lower", "upper"]].round(3).to_string(index=False))

# %%
# A feature has an effect in several classes at once, each with an interval of its own. Whether it
# has any is one test, the same whatever class the coefficients are against:

tests = inference.feature_tests()
print(pd.Series(tests.p_value, index=X.columns, name="p-value").map("{:.1e}".format))
