"""
Coefficient paths and the rule of one standard error
====================================================

An l1 penalty makes coefficients exactly zero. As ``C`` grows they come in, one after the other.
Cross-validation finds the best ``C``, but its score is a mean of a few noisy folds: any model
within one standard error of the best is as good, as far as they can tell, and the one with the
smallest ``C`` has the fewest features.
"""

# %%
# :class:`~sksoftmax.SoftmaxRegressionCV` fits the path on all data and on each fold.
# :class:`~sksoftmax.PathDisplay` draws the scores with their standard errors, and the
# coefficients.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sksoftmax import PathDisplay, SoftmaxRegressionCV

data = load_breast_cancer(as_frame=True)
train, test, y_train, y_test = train_test_split(data.data, data.target, random_state=0)
# A penalty is fair only to columns in like units. As data frames the columns keep their names.
scaler = StandardScaler().set_output(transform="pandas").fit(train)
train, test = scaler.transform(train), scaler.transform(test)

search = SoftmaxRegressionCV(Cs=np.logspace(-2.2, 0.7, 30), l1_ratios=[1.0], tol=1e-5)
models = {rule: clone(search).set_params(rule=rule).fit(train, y_train) for rule in ("best", "1se")}

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
PathDisplay.from_estimator(models["1se"], ax=left)
PathDisplay.from_estimator(models["1se"], ax=right, kind="coefficients", most_names=5)
plt.show()

# %%
# The rule costs next to nothing on rows not seen, and saves features:

for rule, model in models.items():
    kept = (model.coef_ != 0).any(axis=0)
    loss = log_loss(y_test, model.predict_proba(test))
    print(f"{rule:<5} C = {model.C_:<7.3g} {kept.sum():2d} of 30 features, log loss {loss:.4f}")
print("features kept:", ", ".join(data.data.columns[kept]))
