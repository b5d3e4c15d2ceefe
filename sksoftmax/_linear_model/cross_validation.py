"""Cross-validation along C: the fits of all rows and of each fold, their scores, and the choice."""

from dataclasses import dataclass
from numbers import Integral
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.model_selection import check_cv

from sksoftmax._data import validation
from sksoftmax._data.targets import encode_labels, missing_classes
from sksoftmax._data.weights import without_class_weight
from sksoftmax._linear_model.regression import SoftmaxRegression
from sksoftmax._objective.row_selection import Gathered, as_mask, rows_at
from sksoftmax._paths.fit_path import fit_path
from sksoftmax._paths.fits import Settings
from sksoftmax._paths.memberships import memberships_of
from sksoftmax._paths.ridge_paths import fit_ridge_paths
from sksoftmax._runtime.blas import single_threaded_blas

# The intercept of a class that a fold lacks: no probability, but finite, as some scorers want it.
ABSENT = -1e30


@dataclass(frozen=True)
class Task:
    """What all folds share.

    y : ndarray of labels; weight : of shape (n_samples,)
    classes : of all rows; with_weight : those of them that a fit of all rows is of
    score_params : dict of metadata for the scorer
    """

    X: object
    y: np.ndarray
    weight: np.ndarray
    classes: np.ndarray
    with_weight: np.ndarray
    Cs: np.ndarray
    l1_ratios: np.ndarray
    settings: Settings
    scorer: object
    score_params: dict


class FoldResult(NamedTuple):
    """Of one fold, arrays of shape (n_l1_ratios, n_Cs, ...).

    errors : standard errors of the scores; None where they are those between folds
    """

    scores: np.ndarray
    coefs: np.ndarray
    n_iter: np.ndarray
    converged: np.ndarray
    errors: np.ndarray | None = None


def folds_of(cv, X, y, params):
    """The folds that a splitter makes, or a number of folds.

    scikit-learn's own for a number sorts labels, in arrays of their dtype: small ones take less.
    """
    if cv is None or isinstance(cv, Integral):
        y = encode_labels(y)[1]
    return check_cv(cv, y, classifier=True).split(X, y, **params)


def check_folds(folds, y, weight):
    """The folds in little memory, or an error that names one that can't be fitted, or scored."""
    checked, has_weight = [], weight > 0
    for number, fold in enumerate(folds):
        try:
            train, test = (as_mask(rows, len(y)) for rows in fold)
        except IndexError as error:
            raise ValueError(f"cv must give indices of rows; fold {number}: {error}") from error
        del fold  # its indices, before those of the next are made
        _check_fold(number, train, test, y, has_weight)
        checked.append((train, test))
    if not checked:
        raise ValueError("cv must give one fold or more, and gave none")
    return checked


def _check_fold(number, train, test, y, has_weight):
    """Raise a ValueError for a fold of fewer than two classes to fit, or of no row to score."""
    to_fit = np.zeros(len(y), dtype=bool)
    to_fit[train] = True
    to_fit &= has_weight
    if not (to_fit & (y != y[to_fit.argmax()])).any():
        raise ValueError(
            "cv must leave every fold rows of at least 2 classes with positive weight to fit; "
            f"fold {number} has fewer"
        )
    if not has_weight[test].any():
        raise ValueError(
            f"cv must leave every fold a row of positive weight to score; fold {number} has none"
        )


def fit_all(task, data, folds, done, n_jobs):
    """Paths of all rows by l1_ratio, and the FoldResult of each fold.

    data : Encoded, all rows
    done : callable of an int, called after so many fits

    Returns
    -------
    paths : list by l1_ratio of lists of Fit by C
    results : list of FoldResult
    """
    paths, ready = [], [[] for _ in folds]
    memberships = memberships_of(folds, _weight_in_fits(task), data, task.settings)
    for ratio in task.l1_ratios:
        of_folds = [None] * len(folds)
        if ratio == 0 and memberships is not None:
            together = fit_ridge_paths(data, task.Cs, task.settings, memberships, done)
            path, *of_folds = map(list, zip(*together, strict=True))
        else:
            path = fit_path(data, task.Cs, ratio, task.settings, done=done)
        paths.append(path)
        for own, found in zip(ready, of_folds, strict=True):
            own.append(found)
    return paths, run_folds(task, folds, ready, done, n_jobs)


def _weight_in_fits(task):
    """The weights of the rows, 0 where the weight of their class is."""
    zero = without_class_weight(task.settings.class_weight, task.classes)
    if zero is None:
        return task.weight
    return np.where(np.isin(task.y, task.classes[zero]), 0.0, task.weight)


def run_folds(task, folds, ready, done, n_jobs):
    """The results of all folds; see `run_fold`."""
    left = sum(path is None for own in ready[:1] for path in own) * len(task.Cs)
    if left == 0 or effective_n_jobs(n_jobs) == 1:
        tasks = zip(range(len(folds)), folds, ready, strict=True)
        return [run_fold(task, number, fold, own, done) for number, fold, own in tasks]
    results = []
    # Workers cannot show progress: it is shown as their folds come back.
    for result in Parallel(n_jobs=n_jobs, return_as="generator")(
        delayed(run_fold)(task, number, fold, own)
        for number, (fold, own) in enumerate(zip(folds, ready, strict=True))
    ):
        done(left)
        results.append(result)
    return results


@single_threaded_blas
def run_fold(task, number, fold, ready, done=None):
    """Fit a fold along C for each l1_ratio, and score it on the rows that it leaves out.

    number : int, of the fold
    ready : list by l1_ratio of lists of Fit, None where they are still to be made
    done : callable, optional
        Called after each fit.
    """
    train, test = fold
    classes, paths = (
        _fitted(task, train, ready, done) if None in ready else (task.with_weight, ready)
    )
    coefs = of_each(paths, lambda fit: in_all_classes(fit, classes, task.classes))
    scores = _scores_of_fold(task, number, test, coefs, classes)
    n_iter = of_each(paths, lambda fit: fit.n_iter)
    return FoldResult(scores, coefs, n_iter, of_each(paths, lambda fit: fit.converged))


def _fitted(task, train, ready, done):
    """The classes of a fold's rows to fit, and its paths by l1_ratio."""
    data = validation.encode_rows(
        SoftmaxRegression(fit_intercept=task.settings.fit_intercept),
        task.X, task.y, task.weight, train, task.settings.class_weight,
    )  # fmt: skip
    return data.classes, [
        own or fit_path(data, task.Cs, ratio, task.settings, done)
        for own, ratio in zip(ready, task.l1_ratios, strict=True)
    ]


def of_each(paths, function):
    """What a function says of each Fit, (n_l1_ratios, n_Cs, ...)."""
    return np.array([[function(fit) for fit in path] for path in paths])


def _scores_of_fold(task, number, test, coefs, classes):
    """Scores on the rows with weight that a fold leaves out, (n_l1_ratios, n_Cs)."""
    rows = np.arange(len(task.y))[test]
    rows = rows[task.weight[rows] > 0]
    own = {name: _of_rows(value, rows, len(task.y)) for name, value in task.score_params.items()}
    try:
        scores = _scores(coefs.reshape(-1, *coefs.shape[2:]), task, rows, own)
    except (ArithmeticError, TypeError, ValueError) as error:
        lacking = _lacking(task.classes, classes, "fit")
        lacking += _lacking(task.classes, task.y[rows], "score")
        raise ValueError(f"scoring failed on fold {number}{lacking}: {error}") from error
    return scores.reshape(coefs.shape[:2])


def _of_rows(value, rows, n_rows):
    """Metadata of some rows, if they are of rows at all."""
    return np.asarray(value)[rows] if np.shape(value)[:1] == (n_rows,) else value


def _lacking(classes, some, purpose):
    """A clause that names the classes which some labels lack."""
    missing = missing_classes(classes, some)
    return f", whose rows to {purpose} lack the classes {missing}" if missing else ""


def _scores(matrices, task, rows, params):
    """What the scorer says of models, given by coefficients with the intercept last."""
    X, y = rows_at(task.X, rows), task.y[rows]
    if hasattr(task.scorer, "of_linear"):
        return task.scorer.of_linear(*filled(matrices), task.classes, X, y, **params)
    X = X.read() if isinstance(X, Gathered) else X
    models = (_model(matrix, task) for matrix in matrices)
    scores = np.array([float(task.scorer(model, X, y, **params)) for model in models])
    if np.isnan(scores).any():
        raise ValueError("the score is nan, so that there is no best one")
    return scores


def filled(matrices):
    """Coefficients and intercepts; those of a class that is nan make its probability zero."""
    missing = np.isnan(matrices[..., -1])
    coefs = np.where(missing[..., None], 0.0, matrices[..., :-1])
    return coefs, np.where(missing, ABSENT, matrices[..., -1])


def choose(scores, rule, errors=None):
    """Indices of the chosen l1_ratio and C, from scores (n_folds, n_l1_ratios, n_Cs).

    errors : ndarray (n_l1_ratios, n_Cs), their standard errors; those between folds by default
    """
    mean = scores.mean(axis=0)
    ratio, index = np.unravel_index(np.argmax(mean), mean.shape)
    if errors is None and len(scores) > 1:
        errors = scores.std(axis=0, ddof=1) / np.sqrt(len(scores))
    if rule == "1se" and errors is not None:
        error = errors[ratio, index]
        index = np.flatnonzero(mean[ratio] >= mean[ratio, index] - error)[0]
    return int(ratio), int(index)


def in_all_classes(fit, own, classes):
    """Coefficients and intercepts in the rows of all classes; nan for those a fold lacks."""
    matrix = np.column_stack([fit.coef, fit.intercept])
    if len(own) == len(classes):
        return matrix
    matrix = np.vstack([0 * matrix, matrix]) if len(own) == 2 else matrix
    everywhere = np.full((len(classes), matrix.shape[1]), np.nan)
    everywhere[np.searchsorted(classes, own)] = matrix
    return everywhere


def mean_of_folds(matrices, classes):
    """The mean of matrices, of each class over the folds that have it; of two classes, one row."""
    nowhere = np.isnan(matrices[:, :, -1]).all(axis=0)
    if nowhere.any():
        raise ValueError(
            "refit=False takes the mean of the folds, and none of them has rows to fit of the "
            f"classes {classes[nowhere].tolist()}: pass refit=True, or another cv"
        )
    mean = np.nanmean(matrices, axis=0)
    return mean[1:] - mean[:1] if len(mean) == 2 else mean


def _model(matrix, task):
    """A fitted SoftmaxRegression."""
    model = SoftmaxRegression()
    model.classes_, model.n_features_in_ = task.classes, matrix.shape[1] - 1
    model.coef_, model.intercept_ = filled(matrix)
    return model
