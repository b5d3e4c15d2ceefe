"""SoftmaxRegression as the last step of a pipeline, in the place of LogisticRegression."""

import numpy as np
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sksoftmax import SoftmaxRegression

X, y = load_wine(return_X_y=True)

# A small tol, since at its default LogisticRegression stops short of the optimum.
theirs = LogisticRegression(C=0.5, tol=1e-8)
pipeline = Pipeline([("scale", StandardScaler()), ("classify", theirs)])
expected = pipeline.fit(X, y).predict_proba(X)

# The same C means the same objective, so the step can be exchanged.
pipeline.set_params(classify=SoftmaxRegression(C=0.5, tol=1e-12))
ours = pipeline.fit(X, y).predict_proba(X)
print(f"largest difference of a probability   {np.abs(ours - expected).max():.0e}")

scores = cross_val_score(pipeline, X, y, scoring="neg_log_loss", cv=5)
print(f"log loss, cross-validated             {-scores.mean():.4f}")

classifier = pipeline["classify"]
print(f"steps                                 {classifier.n_iter_}")
print(f"proven gap / objective                {classifier.gap_ / classifier.objective_:.0e}")
print(f"sums of coef_ over classes            {np.abs(classifier.coef_.sum(axis=0)).max():.0e}")
