"""SoftmaxRegressionCV: softmax regression whose penalty is chosen by cross-validation."""

import copy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import check_cv
from sklearn.utils import column_or_1d
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping, process_routing

from sksoftmax._data import parameter_checks, targets, validation, weights
from sksoftmax._data.checks import validate_data
from sksoftmax._data.dispatch import snapshot
from sksoftmax._functions.checks import check_option
from sksoftmax._linear_model import convergence, leave_one_out, parameters
from sksoftmax._linear_model.base import LinearClassifierMixin
from sksoftmax._linear_model.cross_validation import (
    Task,
    check_folds,
    choose,
    fit_all,
    folds_of,
    mean_of_folds,
)
from sksoftmax._linear_model.progress_bar import ProgressBar
from sksoftmax._linear_model.scoring import scorer_of, takes_weights
from sksoftmax._paths.fits import Settings, grid, smallest_C
from sksoftmax._problems import build
from sksoftmax._problems.class_rows import expanded
from sksoftmax._runtime.blas import single_threaded_blas
from sksoftmax._runtime.public import public
from sksoftmax._runtime.types import FLOATS, DataLike
from sksoftmax._runtime.warn import warn

RULES = ("best", "1se")


@public("sksoftmax")
class SoftmaxRegressionCV(LinearClassifierMixin, BaseEstimator):
    """Softmax regression whose ``C`` and ``l1_ratio`` are chosen by cross-validation.

    All rows, and those of each fold, are fitted along the path of the values of C. Each fit starts
    at an extrapolation of the previous ones, on a working set of columns. With a ridge penalty
    alone, and folds that partition the rows, all folds are fitted in lockstep and share passes over
    X, preconditioners and certificates. ``tol`` holds for every fit.

    Parameters
    ----------
    Cs : int or array-like of floats, default=10
        Values of C. So many on a logarithmic grid: over four decades from ``C_min_`` where
        there is an l1 part, else from 1e-4 to 1e4. Those given must be finite, in any order.
    l1_ratios : array-like of floats, default=(0.0,)
        Shares of the l1 part to try, from 0 to 1.
    penalty : {"elasticnet"}, ElasticNet or GroupLasso, default="elasticnet"
        As in :class:`~sksoftmax.SoftmaxRegression`.
    cv : int, splitter, iterable of (train, test) or "loo", default=None
        Folds; None is five, stratified. "loo" is
        :func:`~sksoftmax.approximate_leave_one_out` of the fits of all rows, as of one fold: there
        are no other fits.
    scoring : str or callable, default="neg_log_loss"
        What is best, larger being better, and what ``score`` returns; None is accuracy. Sample
        weights count in it where the scorer takes them. A class that a fold does not fit has
        probability 0 there. The default takes test rows that lack a class; some of
        scikit-learn's scorers do not.
    rule : {"best", "1se"}, default="best"
        "1se" takes the smallest C whose mean score is within a standard error of the best, which
        is that between folds, or between the rows of "loo".
    refit : bool, default=True
        Whether ``coef_`` is of all data; else it is the mean over the folds.
    fit_intercept : bool, default=True
    class_weight : dict, "balanced" or None, default=None
    solver : {"auto", "gd", "lbfgs", "newton", "proximal", "sgd", "adam"}, default="auto"
        An l1 part takes "proximal", or "auto".
    tol : float, default=1e-6
        For every fit, as in :class:`~sksoftmax.SoftmaxRegression`. What a score is off by for 1e-4
        is little beside the difference between folds, and takes less time.
    max_iter : int, default=1000
    n_jobs : int or None, default=None
        Folds at a time, counted as joblib does; threads for the sums over rows where all folds are
        fitted together.
    random_state : None, default=None
        Without effect, since nothing is random: splitters have their own.
    verbose : int, default=0
        Show a line of how many fits are done.

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
        The largest C at which every penalised coefficient is zero, for the smallest positive
        ``l1_ratio``; 0 where there is none, and inf where no C lets any coefficient leave zero.
    scores_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs)
    coefs_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs, n_classes or 1, n_features + 1)
        Coefficients with the intercept last; no intercepts, hence n_features, without
        ``fit_intercept``. Of a class that a fold lacks, nan.
    coef_path_ : ndarray of shape (n_l1_ratios, n_Cs, n_classes or 1, n_features + 1)
        The same of all data.
    n_iter_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs)
        Solver iterations of each fit; at least 1, counting the extrapolated start.
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

    C_: float
    l1_ratio_: float

    # Groups are the splitter's, if it asks for them; they are none of this class's own.
    __metadata_request__fit = {"groups": UNUSED}  # noqa: RUF012

    def __init__(
        self,
        Cs: int | ArrayLike = 10,
        *,
        l1_ratios: ArrayLike = (0.0,),
        penalty: Any = "elasticnet",
        cv: Any = None,
        scoring: Any = "neg_log_loss",
        rule: str = "best",
        refit: bool = True,
        fit_intercept: bool = True,
        class_weight: Any = None,
        solver: str = "auto",
        tol: float = 1e-6,
        max_iter: int = 1000,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
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

    def fit(
        self,
        X: DataLike,
        y: DataLike,
        sample_weight: DataLike | None = None,
        groups: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Choose the penalty by cross-validation, and fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None
            A weight of 2 is the row twice, in fits and in scores.
        groups : array-like of shape (n_samples,), default=None
            For splitters that want them.
        **params : dict
            With metadata routing enabled, what the splitter and the scorer request.

        Returns
        -------
        self : SoftmaxRegressionCV

        Raises
        ------
        ValueError, TypeError
            For a bad parameter, bad data, or a fold that has fewer than two classes to fit, or no
            row to score, or that the scorer gives no number for.

        Warns
        -----
        ConvergenceWarning
            If the promise of ``tol`` could not be proved for some fit.
        UserWarning
            If ``penalty`` is a group lasso and no ``l1_ratio`` is above 0.
        """
        self._check_parameters()
        if leave_one_out.is_asked(self.cv):
            leave_one_out.check(self.scoring, groups)
        validation.check_in_memory(
            "SoftmaxRegressionCV",
            "choose a penalty on a sample of the rows, and fit SoftmaxRegression on all",
            X, y, sample_weight,
        )  # fmt: skip
        draft = copy.copy(self)
        _, y, soft = targets.read(y)
        if soft:
            raise ValueError(
                "SoftmaxRegressionCV takes labels, and y is a matrix, as of class probabilities: "
                "search for C with SoftmaxRegression, and a scorer of your own"
            )
        X = validation.matrix(X)
        data = validation.encode(draft, X, y, sample_weight, self.class_weight, self.n_jobs)
        X = validate_data(draft, X, accept_sparse="csr", dtype=FLOATS, reset=False)
        y = column_or_1d(y)
        given = None if sample_weight is None else weights.check_weight(sample_weight, X)
        weight = np.broadcast_to(1.0, len(y)) if given is None else given
        to_split, to_score = self._routed(given, groups, params)
        draft.classes_ = data.all_classes
        with data:
            fits, results = draft._search(X, y, weight, data, to_split, to_score)
        draft._keep(fits, results, data.present, data.dtype)
        self.__dict__ = draft.__dict__
        return self

    def score(
        self, X: DataLike, y: DataLike, sample_weight: DataLike | None = None, **params: Any
    ) -> float:
        """What ``scoring`` says of the predictions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None
        **params : dict
            With metadata routing enabled, what the scorer requests.

        Returns
        -------
        score : float
        """
        advice = "score predictions of chunks, or compute them"
        validation.check_in_memory("SoftmaxRegressionCV.score", advice, X, y, sample_weight)
        y, sample_weight = validation.in_memory(y), validation.in_memory(sample_weight)
        validation.check_given(y, "SoftmaxRegressionCV.score")
        scorer = scorer_of(self.scoring)
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        if get_config()["enable_metadata_routing"]:
            given = process_routing(self, "score", **given, **params).scorer.score
        elif params:
            raise TypeError(f"score got what only metadata routing would pass on: {sorted(params)}")
        return float(scorer(snapshot(self), X, y, **given))

    def get_metadata_routing(self) -> Any:
        """Tell where metadata go: here, to the splitter's `split` and to the scorer.

        Returns
        -------
        routing : MetadataRouter
            What scikit-learn's metadata routing asks for.
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        to_split = MethodMapping().add(caller="fit", callee="split")
        cv = None if leave_one_out.is_asked(self.cv) else self.cv
        router.add(splitter=check_cv(cv), method_mapping=to_split)
        to_score = MethodMapping().add(caller="fit", callee="score")
        to_score.add(caller="score", callee="score")
        return router.add(scorer=scorer_of(self.scoring), method_mapping=to_score)

    def _caption(self):
        return f"chosen: C = {self.C_:.3g}, l1_ratio = {self.l1_ratio_:.3g}"

    def _routed(self, sample_weight, groups, params):
        """Parameters for the splitter and for the scorer."""
        given = {"sample_weight": sample_weight, "groups": groups, **params}
        given = {name: value for name, value in given.items() if value is not None}
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **given)
            return routed.splitter.split, routed.scorer.score
        if params:
            raise TypeError(f"fit got what only metadata routing would pass on: {sorted(params)}")
        weighted = sample_weight is not None and takes_weights(scorer_of(self.scoring))
        return {"groups": groups}, {"sample_weight": sample_weight} if weighted else {}

    def _check_parameters(self):
        if isinstance(self.Cs, (int, np.integer)):
            parameter_checks.check_number("Cs", self.Cs, least=1, integer=True)
        else:
            for C in parameter_checks.check_some("Cs", self.Cs, "an integer, or numbers"):
                parameter_checks.check_number("Cs", C, least=0, below=np.inf, open_below=True)
        for l1_ratio in parameter_checks.check_some("l1_ratios", self.l1_ratios, "numbers"):
            parameter_checks.check_number("l1_ratios", l1_ratio, least=0, most=1)
        check_option("rule", self.rule, RULES)
        parameter_checks.check_flag("refit", self.refit)
        scorer_of(self.scoring)
        parameters.check_shared(self, self.l1_ratios)

    def _settings(self):
        norm = build.check_penalty(self.penalty)
        return Settings(
            norm, self.fit_intercept, self.solver, self.tol, self.max_iter, self.class_weight
        )

    def _set_grid(self, data):
        """Set ``l1_ratios_``, ``C_min_`` and ``Cs_``."""
        self.l1_ratios_ = np.asarray(self.l1_ratios, dtype=np.float64)
        positive = self.l1_ratios_[self.l1_ratios_ > 0]
        self.C_min_ = 0.0
        if len(positive):
            self.C_min_ = smallest_C(data, float(positive.min()), self._settings())
        self.Cs_ = grid(self.Cs, self.C_min_)

    @single_threaded_blas
    def _search(self, X, y, weight, data, to_split, to_score):
        """Paths of all rows by l1_ratio, and the FoldResult of each fold."""
        self._set_grid(data)
        for ratio in self.l1_ratios_:
            norm = build.check_penalty(self.penalty)
            build.check_small_columns(data, C=self.Cs_[-1], l1_ratio=ratio, norm=norm)
        if leave_one_out.is_asked(self.cv):
            leave_one_out.check_size(data, self.l1_ratios_, self.fit_intercept)
            folds = []
        else:
            folds = check_folds(folds_of(self.cv, X, y, to_split), y, weight)
        task = Task(
            X, y, weight, data.all_classes, data.classes, self.Cs_, self.l1_ratios_,
            self._settings(), scorer_of(self.scoring), to_score,
        )  # fmt: skip
        n_fits = (len(folds) + 1) * len(self.l1_ratios_) * len(self.Cs_)
        done = ProgressBar(n_fits, "fits", bool(self.verbose)).advance
        fits, results = fit_all(task, data, folds, done, self.n_jobs)
        return fits, results or [leave_one_out.result_of(task, data, fits)]

    def _keep(self, fits, results, present, dtype):
        """Choose, and set the fitted attributes."""
        self.scores_ = np.stack([result.scores for result in results])
        coefs = np.stack([result.coefs for result in results])
        n_shown = coefs.shape[-1] - (not self.fit_intercept)
        self.coefs_paths_ = coefs[..., :n_shown]
        # The step to the extrapolated start counts as one.
        least = min(1, self.max_iter)
        self.n_iter_ = np.maximum([result.n_iter for result in results], least)
        models = [[expanded(fit.coef, fit.intercept, present) for fit in path] for path in fits]
        paths = np.array([[np.column_stack(model) for model in path] for path in models])
        self.coef_path_ = paths[..., :n_shown]
        ratio, index = choose(self.scores_, self.rule, results[0].errors)
        self.C_, self.l1_ratio_ = float(self.Cs_[index]), float(self.l1_ratios_[ratio])
        coef, intercept = models[ratio][index]
        if not self.refit:
            own = present if len(coef) > 1 else slice(None)
            mean = mean_of_folds(coefs[:, ratio, index, own], self.classes_[own])
            coef, intercept = expanded(mean[:, :-1], mean[:, -1], present)
        self.coef_, self.intercept_ = build.rounded(coef, intercept, dtype)
        missed = sum(not fit.converged for path in fits for fit in path)
        missed += sum(int((~result.converged).sum()) for result in results)
        if missed:
            message = convergence.message_of_paths(missed, self.tol)
            warn(message, ConvergenceWarning)
