"""Search for C, and for the temperature of a SoftmaxTransformer."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from sksoftmax import DecisionScores, SoftmaxRegression, SoftmaxTransformer

X, y = load_digits(return_X_y=True)
X = X / 16  # grey levels from 0 to 1


def show(search, parameter):
    results = search.cv_results_
    for value, score in zip(results[f"param_{parameter}"], results["mean_test_score"], strict=True):
        best = "  <- best" if value == search.best_params_[parameter] else ""
        print(f"  {value:<8g} {-score:.4f}{best}")


print("C of SoftmaxRegression, and the log loss of each:")
search = GridSearchCV(
    SoftmaxRegression(), {"C": np.logspace(-2, 2, 5)}, scoring="neg_log_loss", cv=5
)
show(search.fit(X, y), "C")


def negative_log_loss(pipeline, X, y):
    # The last step is a transformer: its output is the probabilities.
    return -log_loss(y, pipeline.transform(X))


print("Temperature for the scores of a LinearSVC, and the log loss of each:")
probable = make_pipeline(
    # The search splits the rows by itself and nothing is learned from the scores, so that
    # cross-fitted ones would only cost time.
    DecisionScores(LinearSVC(C=0.1, random_state=0), cv=None),
    SoftmaxTransformer(),
)
search = GridSearchCV(
    probable,
    {"softmaxtransformer__temperature": [0.1, 0.2, 0.5, 1.0, 2.0]},
    scoring=negative_log_loss,
    cv=5,
)
show(search.fit(X, y), "softmaxtransformer__temperature")
