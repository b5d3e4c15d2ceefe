"""The grid of calibration: nine kinds of classifiers, six sets, three sizes of samples.

`calibration.py --part grid` prints it, and `--part real` the same of three kinds on ten real sets.
Each classifier is fitted once on each set of rows, for all contestants that ask for it; probmetrics
and netcal take part where they are installed.
"""

from operator import itemgetter

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
)
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.metaestimators import available_if
from tables import geometric_mean, row, table

from sksoftmax import SoftmaxCalibratedClassifier, softmax
from sksoftmax.metrics import classwise_calibration_error

KINDS = {
    "LinearSVC": LinearSVC(random_state=0),
    "SVC": SVC(random_state=0),
    "ridge": RidgeClassifier(),
    "naive Bayes": GaussianNB(),
    "forest": RandomForestClassifier(random_state=0),
    "extra trees": ExtraTreesClassifier(random_state=0),
    "neighbours": KNeighborsClassifier(),
    "MLP": MLPClassifier(random_state=0),
    "boosting": HistGradientBoostingClassifier(random_state=0),
}
SIZES = (100, 300, 1000)
MOST_TEST_ROWS = 2000
# Rows that a cell is judged on, over all its splits. Log losses of 0.05 are those of a few rows: on
# 150 of them the best of six rivals is the luckiest, 1.5 times as good there as on others.
FEWEST_JUDGED = 1000
DEFAULT = "sklearn sigmoid, ensemble"
OURS = "sksoftmax"


def noisy_iris():
    """3,000 rows drawn from iris, with noise of half a standard deviation."""
    X, y = load_iris(return_X_y=True)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(y), 3000)
    return X[rows] + rng.normal(size=(3000, 4)) * 0.5 * X.std(axis=0), y[rows]


def five_classes():
    return make_classification(3000, 20, n_informative=8, n_classes=5, random_state=0)


def rare_classes():
    return make_classification(
        3000, 20, n_informative=6, n_classes=3, weights=[0.85, 0.12, 0.03], random_state=0
    )


SETS = {
    "digits": lambda: load_digits(return_X_y=True),
    "cancer": lambda: load_breast_cancer(return_X_y=True),
    "noisy iris": noisy_iris,
    "wine": lambda: load_wine(return_X_y=True),
    "five": five_classes,
    "rare": rare_classes,
}


class Fits:
    """Classifiers by the rows that they were fitted on, and what they say of rows."""

    def __init__(self, model, X):
        self.model, self.X, self.fitted, self.said = model, X, {}, {}

    def fit(self, rows, y):
        key = rows.tobytes()
        if key not in self.fitted:
            self.fitted[key] = clone(self.model).fit(self.X[rows], y)
        return key

    def answer(self, key, method, rows):
        asked = key, method, rows.tobytes()
        if asked not in self.said:
            self.said[asked] = getattr(self.fitted[key], method)(self.X[rows])
        return self.said[asked]


def has(method):
    return available_if(lambda self: hasattr(self.fits.model, method))


class OnRows(ClassifierMixin, BaseEstimator):
    """A classifier of the numbers of rows; its fits are kept in `fits`, which copies share."""

    def __init__(self, fits):
        self.fits = fits

    def __sklearn_clone__(self):
        return OnRows(self.fits)

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.key_ = self.fits.fit(X[:, 0].astype(int), y)
        return self

    def predict(self, X):
        return self.fits.answer(self.key_, "predict", X[:, 0].astype(int))

    @has("decision_function")
    def decision_function(self, X):
        return self.fits.answer(self.key_, "decision_function", X[:, 0].astype(int))

    @has("predict_proba")
    def predict_proba(self, X):
        return self.fits.answer(self.key_, "predict_proba", X[:, 0].astype(int))


def contestants(classifier):
    """Calibrated classifiers by name."""
    found = {
        f"sklearn {method}{', ensemble' if ensemble else ''}": CalibratedClassifierCV(
            classifier, method=method, ensemble=ensemble
        )
        for method in ("sigmoid", "isotonic", "temperature")
        for ensemble in (True, False)
    }
    found[OURS] = SoftmaxCalibratedClassifier(classifier)
    for value in (True, False):
        found[f"{OURS}, ensemble={value}"] = SoftmaxCalibratedClassifier(classifier, ensemble=value)
    for name in ("temperature", "vector", "matrix", "structured"):
        found[f"{OURS} {name}"] = SoftmaxCalibratedClassifier(classifier, name)
    return found | {name: OfScores(classifier, make) for name, make in others().items()}


def others():
    """Makers of calibrations of probabilities by other packages, where they are installed."""
    found = {}
    try:
        from probmetrics.calibrators import get_calibrator

        found["probmetrics SMS"] = lambda: get_calibrator("sms")
    except ImportError:
        pass
    try:
        from netcal.scaling import TemperatureScaling

        found["netcal temperature"] = TemperatureScaling
    except ImportError:
        pass
    return found


class OfScores:
    """A calibration of probabilities, learned from those of rows held out."""

    def __init__(self, classifier, make):
        self.classifier, self.make = classifier, make

    def fit(self, X, y):
        self.whole = clone(self.classifier).fit(X, y)
        self.classes_ = self.whole.classes_
        by_scores = hasattr(self.whole, "decision_function")
        self.method = "decision_function" if by_scores else "predict_proba"
        held_out = cross_val_predict(self.classifier, X, y, cv=5, method=self.method)
        self.calibration = self.make().fit(self.probabilities(held_out), y)
        return self

    def probabilities(self, answers):
        if self.method == "predict_proba":
            return answers
        return softmax(np.c_[np.zeros(len(answers)), answers] if answers.ndim == 1 else answers)

    def predict_proba(self, X):
        found = self.probabilities(getattr(self.whole, self.method)(X))
        apply = getattr(self.calibration, "predict_proba", None) or self.calibration.transform
        answer = np.asarray(apply(found))
        return np.c_[1 - answer, answer] if answer.ndim == 1 else answer


def cell(X, y, kind, size, seed):
    """Log loss, Brier score and classwise calibration error of each contestant."""
    rows, test = train_test_split(np.arange(len(y)), train_size=size, stratify=y, random_state=seed)
    test = test[:MOST_TEST_ROWS]
    classifier = OnRows(Fits(make_pipeline(StandardScaler(), KINDS[kind]), X))
    found = {}
    for name, model in contestants(classifier).items():
        p = model.fit(rows[:, None], y[rows]).predict_proba(test[:, None])
        squares = ((p - np.eye(p.shape[1])[y[test]]) ** 2).sum(axis=1).mean()
        error = classwise_calibration_error(y[test], p, labels=model.classes_)
        found[name] = log_loss(y[test], p, labels=model.classes_), squares, error
    return found


def measured(seeds, sets=SETS, sizes=SIZES, kinds=tuple(KINDS)):
    """Means over the splits, by cell and contestant.

    A size is ten rows a class or more, and leaves a third as many rows to test.
    """
    found = {}
    for name, load in sets.items():
        X, y = load()
        for size in sizes:
            n_test = min(len(y) - size, MOST_TEST_ROWS)
            if n_test < max(50, size / 3) or size < 10 * len(np.unique(y)):
                continue
            n_splits = max(seeds, -(-FEWEST_JUDGED // n_test))
            for kind in kinds:
                runs = [cell(X, y, kind, size, seed) for seed in range(n_splits)]
                found[name, kind, size] = {
                    who: np.mean([run[who] for run in runs], axis=0) for who in runs[0]
                }
    return found


def draw(found, path):
    """Bars of the ratios to the best of scikit-learn's six, by contestant."""
    ratios = {
        name: geometric_mean([c[name][0] / best_of_six(c)[0] for c in found.values()])
        for name in next(iter(found.values()))
    }
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "sksoftmax"  # the same drawing, the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.6), layout="constrained")
    names = sorted(ratios, key=ratios.get, reverse=True)
    colors = ["tab:blue" if name.startswith(OURS) else "silver" for name in names]
    bars = axes.barh(names, [ratios[name] for name in names], color=colors)
    axes.axvline(1.0, color="black", linewidth=1)
    axes.bar_label(bars, fmt="%.3f", padding=3, bbox={"color": "white", "pad": 0.5})
    axes.set(xlim=(0.8, 2.3), xlabel="log loss over that of the best of scikit-learn's six")
    figure.savefig(path, metadata={"Date": None})


def summary_table(found, reference):
    """Geometric mean and worst ratio of log losses, and ratios of mean errors, to a reference.

    reference : function of the losses of a cell, by contestant, to log loss, Brier score and
        classwise calibration error
    """
    rows = []
    for name in next(iter(found.values())):
        ours = np.array([losses[name] for losses in found.values()])
        theirs = np.array([reference(losses) for losses in found.values()])
        ratio = ours[:, 0] / theirs[:, 0]
        brier, error = ours[:, 1:].mean(axis=0) / theirs[:, 1:].mean(axis=0)
        numbers = geometric_mean(ratio), ratio.max(), ours[:, 0].mean() / theirs[:, 0].mean()
        rows.append(row([name, *(f"{number:.3f}" for number in (*numbers, brier, error))]))
    heads = ["log loss", "geometric mean", "worst", "of means", "Brier", "classwise"]
    return table(heads, rows)


def cells_table(found):
    names = list(next(iter(found.values())))
    cells = [
        row([*map(str, key), *(f"{losses[name][0]:.4f}" for name in names)])
        for key, losses in found.items()
    ]
    return table(["set", "kind", "rows", *names], cells)


def best_of_six(losses):
    """The losses of scikit-learn's contestant of least log loss."""
    return min((own for name, own in losses.items() if name.startswith("sklearn")), key=tuple)


def report(found):
    """Summaries against the best of scikit-learn's six, its default and SMS, and each cell."""
    names = next(iter(found.values()))
    references = {
        "the best of scikit-learn's six": best_of_six,
        **{name: itemgetter(name) for name in (DEFAULT, "probmetrics SMS") if name in names},
    }
    parts = [
        f"Over {name}, {len(found)} cells:\n\n{summary_table(found, reference)}"
        for name, reference in references.items()
    ]
    return "\n".join([*parts, cells_table(found)])
