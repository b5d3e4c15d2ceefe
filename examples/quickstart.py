"""A tour in four steps, on the handwritten digits that come with scikit-learn."""

import warnings
from time import perf_counter

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sksoftmax import DecisionScores, SoftmaxRegression, SoftmaxTransformer, cross_entropy

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)


def heading(text):
    print(f"\n{text}\n{'-' * len(text)}")


def fact(name, value, remark=""):
    print(f"  {name:<22} {value:<14} {remark}".rstrip())


def timed_fit(model):
    """Fit; return the seconds it took and the names of the warnings it gave."""
    begin = perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X_train, y_train)
    return perf_counter() - begin, [warning.category.__name__ for warning in caught]


def objective(model):
    """What both models minimise at C=1: mean cross-entropy plus the penalty."""
    penalty = np.sum(model.coef_**2) / (2 * model.C * len(y_train))
    return cross_entropy(model.decision_function(X_train), y_train) + penalty


print(f"Digits: {X.shape[0]} images of {X.shape[1]} pixels, {len(np.unique(y))} classes;")
print(f"{len(y_train)} images to train on, {len(y_test)} to test on.")

heading("1. Fit SoftmaxRegression, with all defaults")
model = SoftmaxRegression()
seconds, names = timed_fit(model)
fact("converged_", str(model.converged_), "gap_ <= tol * objective_ has been proved")
fact("objective_", f"{model.objective_:.7f}")
fact("gap_", f"{model.gap_:.1e}", "the optimum is at most this far below objective_")
fact("n_iter_", model.n_iter_, f"steps, the last by solver_ = {model.solver_!r}")
fact("seconds", f"{seconds:.2f}")

heading("2. LogisticRegression on the same data, with all its defaults")
theirs = LogisticRegression()
their_seconds, their_names = timed_fit(theirs)
print(f"  {'':<20} {'objective':>10} {'accuracy':>9} {'log loss':>9} {'seconds':>8}  warnings")
for row, its_seconds, its_names in [(model, seconds, names), (theirs, their_seconds, their_names)]:
    probabilities = row.predict_proba(X_test)
    print(
        f"  {type(row).__name__:<20} {objective(row):>10.7f}"
        f" {row.score(X_test, y_test):>9.3f} {log_loss(y_test, probabilities):>9.3f}"
        f" {its_seconds:>8.2f}  {', '.join(its_names) or 'none'}"
    )
print("  Both minimise the same objective, on the training images; lower is nearer to the optimum.")
print("  Accuracy and log loss are those of the test images, which the optimum need not favour.")

heading("3. Search for C: a Pipeline in GridSearchCV, scored by neg_log_loss")
pipeline = Pipeline([("scale", StandardScaler()), ("classify", SoftmaxRegression())])
grid = {"classify__C": [0.001, 0.01, 0.1, 1.0, 10.0]}
search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=5).fit(X_train, y_train)
print("  Log loss of each C, cross-validated on the training images; lower is better:")
for parameters, score in zip(
    search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
):
    best = "<- best" if parameters == search.best_params_ else ""
    fact(f"C = {parameters['classify__C']:g}", f"{-score:.4f}", best)
fact("on the test images", f"{-search.score(X_test, y_test):.4f}", "log loss of the best, refitted")

heading("4. Probabilities from a LinearSVC, which has none of its own")
svc = make_pipeline(StandardScaler(), LinearSVC(C=0.01, random_state=0))
# Cross-fitted: the scores of each row come from a classifier that has not seen it.
scores = DecisionScores(svc).fit_transform(X_train, y_train)
temperatures = [1.0, 0.5, 0.25, 0.125]
print("  Log loss of each temperature, on cross-fitted scores of the training images:")
losses = [cross_entropy(scores / temperature, y_train) for temperature in temperatures]
for temperature, loss in zip(temperatures, losses, strict=True):
    best = "<- best" if loss == min(losses) else ""
    fact(f"temperature = {temperature:g}", f"{loss:.4f}", best)
temperature = temperatures[int(np.argmin(losses))]
probable = make_pipeline(DecisionScores(svc), SoftmaxTransformer(temperature=temperature))
probabilities = probable.fit(X_train, y_train).transform(X_test)
accuracy = accuracy_score(y_test, probabilities.argmax(axis=1))
fact("on the test images", f"{log_loss(y_test, probabilities):.4f}", "log loss of the best")
fact("", f"{accuracy:.3f}", "accuracy, which no temperature changes")
print("  The three most probable digits of the first test image:")
for digit in np.argsort(-probabilities[0])[:3]:
    truth = "<- the truth" if digit == y_test[0] else ""
    fact(f"  digit {digit}", f"{probabilities[0, digit]:.3f}", truth)
