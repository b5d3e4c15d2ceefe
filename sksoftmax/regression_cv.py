"""Softmax regression whose penalty is chosen by cross-validation."""

import copy
import warnings

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import check_cv
from sklearn.utils.validation import validate_data

from sksoftmax import gate, prediction, problem
from sksoftmax.linear_classifier import LinearClassifierMixin
from sksoftmax.path import Settings, fit_path, grid, smallest_C
from sksoftmax.regression import SoftmaxRegression
from sksoftmax.solvers import ROUGH_SOLVERS, SOLVERS
from sksoftmax.threads import single_threaded_blas

RULES = ("best", "1se")
LEAST_LOG = np.log(np.finfo(np.float64).eps)


class SoftmaxRegressionCV(LinearClassifierMixin, BaseEstimator):
    """Softmax regression whose ``C`` and ``l1_ratio`` are chosen by cross-validation.

    All data are fitted along the path of the values of C first, each fit starting from the one
    before. Each fold then starts, at each C, from what all data gave there, which few steps
    separate from its own optimum; ``tol`` holds for every fit. The chosen fit is already made.

    Parameters
    ----------
    Cs : int or array-like of floats, default=10
        Values of C. So many on a logarithmic grid: over four decades from ``C_min_`` where
        there is an l1 part, else from 1e-4 to 1e4.
    l1_ratios : array-like of floats, default=(0.0,)
        Shares of the l1 part to try.
    penalty : {"elasticnet"}, ElasticNet or GroupLasso, default="elasticnet"
        As in :class:`~sksoftmax.SoftmaxRegression`.
    cv : int, splitter or iterable of (train, test), default=None
        Folds; None is five, stratified.
    scoring : str or callable, default="neg_log_loss"
        What is best, larger being better. Sample weights count in it where the scorer takes them.
    rule : {"best", "1se"}, default="best"
        "1se" takes the smallest C whose mean score is within a standard error of the best.
    refit : bool, default=True
        Whether ``coef_`` is of all data; else it is the mean over the folds.
    fit_intercept : bool, default=True
    class_weight : dict, "balanced" or None, default=None
    solver : {"auto", "gd", "lbfgs", "newton", "proximal"}, default="auto"
    tol : float, default=1e-6
        For every fit, as in :class:`~sksoftmax.SoftmaxRegression`.
    max_iter : int, default=1000
    n_jobs : int or None, default=None
        Folds at a time, counted as joblib does.
    random_state : None, default=None
        Without effect, since nothing is random: splitters have their own.
    verbose : int, default=0
        Print a line for all data and for each fold.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    Cs_ : ndarray of shape (n_Cs,)
        The values of C, increasing.
    l1_ratios_ : ndarray of shape (n_l1_ratios,)
    C_ : float
        The value chosen.
    l1_ratio_ : float
        The value chosen.
    C_min_ : float
        The largest C at which every coefficient is zero, for the smallest positive ``l1_ratio``;
        0 where there is none.
    scores_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs)
    coefs_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs, n_classes or 1, n_features + 1)
        Coefficients with the intercept last. Of a class that a fold lacks, nan.
    n_iter_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs)
    coef_ : ndarray of shape (n_classes, n_features), or (1, n_features) for two classes
    intercept_ : ndarray of shape (n_classes,) or (1,)
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has column names that are all strings.

    See Also
    --------
    sksoftmax.SoftmaxRegression : A fit at one C.

    References
    ----------
    .. [1] J. Friedman, T. Hastie and R. Tibshirani (2010). Regularization paths for generalized
       linear models via coordinate descent. Journal of Statistical Software 33(1).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksoftmax import SoftmaxRegressionCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxRegressionCV(Cs=20, l1_ratios=[1.0], rule="1se").fit(X, y)
    >>> model.scores_.shape
    (5, 1, 20)
    >>> int((model.coef_ != 0).sum())
    6
    """

    def __init__(
        self,
        Cs=10,
        *,
        l1_ratios=(0.0,),
        penalty="elasticnet",
        cv=None,
        scoring="neg_log_loss",
        rule="best",
        refit=True,
        fit_intercept=True,
        class_weight=None,
        solver="auto",
        tol=1e-6,
        max_iter=1000,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.penalty = penalty
        self.cv = cv
        self.scoring = scoring
        self.rule = rule
        self.refit = refit
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, groups=None):
        """Choose the penalty by cross-validation, and fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of 2 is the row twice, in fits and in scores.
        groups : array-like of shape (n_samples,), default=None
            For splitters that want them.

        Returns
        -------
        self : SoftmaxRegressionCV

        Raises
        ------
        ValueError, TypeError
            For a bad parameter, bad data, or a fold with fewer than two classes.

        Warns
        -----
        ConvergenceWarning
            If the promise of ``tol`` could not be proved for some fit.
        """
        self._check_parameters()
        gate.check_in_memory(self, X, y, sample_weight)
        draft = copy.copy(self)
        data = gate.encode(draft, X, y, sample_weight, self.class_weight)
        X, y = validate_data(draft, X, y, accept_sparse="csr", dtype=gate.FLOATS, reset=False)
        weight = np.ones(len(y)) if sample_weight is None else gate.check_weight(sample_weight, X)
        draft.classes_, settings = data.classes, self._settings()
        draft._lay_grid(data, settings)
        folds = list(check_cv(self.cv, y, classifier=True).split(X, y, groups))
        with single_threaded_blas():
            fits = draft._fit_paths(data, settings, "all data", None)
            results = Parallel(n_jobs=self.n_jobs)(
                delayed(_run_fold)(draft, settings, fits, X, y, weight, fold, number)
                for number, fold in enumerate(folds)
            )
        draft._keep(fits, results, data.dtype)
        self.__dict__ = draft.__dict__
        return self

    def _check_parameters(self):
        if isinstance(self.Cs, (int, np.integer)):
            gate.check_number("Cs", self.Cs, least=1, integer=True)
        else:
            for C in self.Cs:
                gate.check_number("Cs", C, least=0, open_below=True)
        for l1_ratio in self.l1_ratios:
            gate.check_number("l1_ratios", l1_ratio, least=0, most=1)
        gate.check_option("rule", self.rule, RULES)
        gate.check_option("solver", self.solver, {**SOLVERS, **ROUGH_SOLVERS})
        gate.check_number("tol", self.tol, least=0)
        gate.check_number("max_iter", self.max_iter, least=0, integer=True)
        gate.check_flag("fit_intercept", self.fit_intercept)
        gate.check_flag("refit", self.refit)

    def _settings(self):
        shape = problem.check_penalty(self.penalty)
        return Settings(shape, self.fit_intercept, self.solver, self.tol, self.max_iter)

    def _lay_grid(self, data, settings):
        self.l1_ratios_ = np.asarray(self.l1_ratios, dtype=np.float64)
        positive = self.l1_ratios_[self.l1_ratios_ > 0]
        self.C_min_ = smallest_C(data, float(positive.min()), settings) if len(positive) else 0.0
        self.Cs_ = grid(self.Cs, self.C_min_)

    def _fit_paths(self, data, settings, name, starts):
        """A list of fits along C for each l1_ratio."""
        paths = []
        for index, l1_ratio in enumerate(self.l1_ratios_):
            begin = None if starts is None else starts[index]
            paths.append(fit_path(data, self.Cs_, float(l1_ratio), settings, begin))
        if self.verbose:
            steps = sum(fit.n_iter for path in paths for fit in path)
            print(f"{name}: {sum(map(len, paths))} fits, {steps} steps")
        return paths

    def _keep(self, fits, results, dtype):
        """Choose, and set the fitted attributes."""
        scores, paths, n_iter, converged = zip(*results, strict=True)
        self.scores_, self.coefs_paths_ = np.stack(scores), np.stack(paths)
        self.n_iter_ = np.stack(n_iter)
        ratio, place = choose(self.scores_, self.rule)
        self.C_, self.l1_ratio_ = float(self.Cs_[place]), float(self.l1_ratios_[ratio])
        chosen = fits[ratio][place]
        coef, intercept = chosen.coef, chosen.intercept
        if not self.refit:
            mean = np.nanmean(self.coefs_paths_[:, ratio, place], axis=0)
            coef, intercept = mean[:, :-1], mean[:, -1]
        self.coef_ = np.ascontiguousarray(coef, dtype=dtype)
        self.intercept_ = intercept.astype(dtype)
        missed = sum(not fit.converged for path in fits for fit in path)
        missed += sum(int((~part).sum()) for part in converged)
        if missed:
            warnings.warn(
                f"{missed} fits of the path were not proved to be within tol={self.tol:g} of "
                "their optimum: increase max_iter, or tol.",
                ConvergenceWarning,
                stacklevel=3,
            )


def choose(scores, rule):
    """Places of the chosen l1_ratio and C, from scores (n_folds, n_l1_ratios, n_Cs)."""
    mean = scores.mean(axis=0)
    ratio, place = np.unravel_index(np.argmax(mean), mean.shape)
    if rule == "1se" and len(scores) > 1:
        error = scores[:, ratio, place].std(ddof=1) / np.sqrt(len(scores))
        place = np.flatnonzero(mean[ratio] >= mean[ratio, place] - error)[0]
    return int(ratio), int(place)


def _run_fold(draft, settings, starts, X, y, weight, fold, number):
    """Scores, coefficients, steps and convergence of one fold, (n_l1_ratios, n_Cs, ...)."""
    train, test = fold
    data = gate.encode(SoftmaxRegression(), X[train], y[train], weight[train], draft.class_weight)
    same = np.array_equal(data.classes, draft.classes_)
    paths = draft._fit_paths(data, settings, f"fold {number}", starts if same else None)
    scorer = _log_loss if draft.scoring == "neg_log_loss" else get_scorer(draft.scoring)
    shape = (len(paths), len(draft.Cs_))
    scores, n_iter, converged = np.empty(shape), np.empty(shape, int), np.empty(shape, bool)
    coefs = [[_placed(fit, data.classes, draft.classes_) for fit in path] for path in paths]
    for place in np.ndindex(shape):
        fit, matrix = paths[place[0]][place[1]], coefs[place[0]][place[1]]
        n_iter[place], converged[place] = fit.n_iter, fit.converged
        scores[place] = _score(scorer, _model(matrix, draft), X[test], y[test], weight[test])
    return scores, np.array(coefs), n_iter, converged


def _placed(fit, own, classes):
    """Coefficients and intercepts in the rows of all classes; nan for those a fold lacks."""
    matrix = np.column_stack([fit.coef, fit.intercept])
    if len(own) == len(classes):
        return matrix
    matrix = np.vstack([0 * matrix, matrix]) if len(own) == 2 else matrix
    placed = np.full((len(classes), matrix.shape[1]), np.nan)
    placed[np.searchsorted(classes, own)] = matrix
    return placed


def _model(matrix, draft):
    """A fitted SoftmaxRegression; of a class without coefficients the probability is zero."""
    model = SoftmaxRegression()
    missing = np.isnan(matrix[:, -1])
    model.classes_, model.n_features_in_ = draft.classes_, draft.n_features_in_
    model.coef_ = np.where(missing[:, None], 0.0, matrix[:, :-1])
    model.intercept_ = np.where(missing, -np.inf, matrix[:, -1])
    return model


def _log_loss(model, X, y, sample_weight=None):
    """Mean log probability of the labels; kept finite for classes that a fold lacks."""
    logs = prediction.log_probabilities(X, model.coef_, model.intercept_)
    own = logs[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    return float(np.average(np.maximum(own, LEAST_LOG), weights=sample_weight))


def _score(scorer, model, X, y, weight):
    """The score of a fold, of rows that have weight."""
    kept = weight > 0
    if (weight == 1).all():
        return scorer(model, X, y)
    return scorer(model, X[kept], y[kept], sample_weight=weight[kept])
