"""Multinomial logistic regression."""

import copy
import warnings
from time import perf_counter

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from sksoftmax import engines, gate, problem
from sksoftmax.linear_classifier import LinearClassifierMixin
from sksoftmax.row_space import AllColumns, reduce_columns
from sksoftmax.separation import has_no_optimum
from sksoftmax.shortfall import describe
from sksoftmax.solvers import ROUGH_SOLVERS, SOLVERS, minimize
from sksoftmax.threads import single_threaded_blas

# Of scikit-learn's LogisticRegression, for an error that helps those who come from there.
FOREIGN_SOLVERS = ("liblinear", "newton-cg", "newton-cholesky", "newton-cd", "newton-cd-gram")
FOREIGN_SOLVERS += ("sag", "saga")


class SoftmaxRegression(LinearClassifierMixin, BaseEstimator):
    r"""Multinomial logistic regression, fitted to a proven distance from the optimum.

    With weights :math:`w_i`, the sample weights times those of the classes, it minimises

    .. math::
        \frac{1}{\sum_i w_i} \Big[ \sum_i w_i \big(\log \sum_k e^{z_{ik}} - z_{i y_i}\big)
        + \frac{1}{C} P(W) \Big], \qquad z_i = W x_i + b,

    .. math::
        P(W) = \frac{1 - \text{l1\_ratio}}{2} \lVert W \rVert^2
        + \text{l1\_ratio}\, \lVert W \rVert_1,

    the objective of scikit-learn's ``LogisticRegression`` at the same ``C``. The intercept
    :math:`b` is not penalised. Two classes are one row of coefficients, :math:`z_i = (0, s_i)`.

    The descent is made in the metric of the curvature, so that neither the scale nor the offset
    nor the correlation of the columns of X matters.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty, positive; ``np.inf`` is none.
    l1_ratio : float, default=0.0
        Share of the l1 part of the penalty, from 0 to 1: it makes coefficients exactly zero.
    penalty : {"elasticnet"}, ElasticNet or GroupLasso, default="elasticnet"
        What is zero together, and the penalty of single features: see
        :class:`~sksoftmax.ElasticNet` and :class:`~sksoftmax.GroupLasso`.
    fit_intercept : bool, default=True
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes. "balanced" gives all classes the same total weight.
    solver : {"auto", "gd", "lbfgs", "newton", "proximal"}, default="auto"
        "gd" is accelerated gradient descent with restarts, "lbfgs" a quasi-Newton method, both
        in the metric of the curvature; "newton" takes damped Newton steps. "auto" begins with a
        sample of the rows where they are many, goes on by "lbfgs", and changes to "newton" where
        progress stalls. "proximal", which "auto" takes for an l1 part, takes proximal quasi-Newton
        steps on a working set of columns; the others need a smooth penalty.
    tol : float, default=1e-6
        The promise made: ``converged_`` means ``objective_ - optimum <= tol * objective_``. Not
        negative; 0 asks for as much as rounding allows.
    max_iter : int, default=1000
        Most steps of the solver.
    warm_start : bool, default=False
        Start from the last fit's coefficients.
    n_jobs : int or None, default=None
        Threads for the sums over rows, counted as joblib does: None is 1, -1 all cores. The
        result does not depend on it.
    verbose : int, default=0
        Print a line for every so many steps: step, objective, expected gain, seconds.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (n_classes, n_features), or (1, n_features) for two classes
        In the dtype of X. Sums over classes to zero.
    intercept_ : ndarray of shape (n_classes,) or (1,)
        Sums to zero for more than two classes.
    objective_ : float
        The objective at the coefficients found.
    gap_ : float
        Upper bound on ``objective_ - optimum``; inf where none could be proved.
    converged_ : bool
        Whether ``gap_ <= tol * objective_``.
    n_iter_ : int
        Steps taken.
    objective_curve_ : ndarray of shape (n_iter_ + 1,)
        The objective at the start and after each step.
    solver_ : str
        The method that made the last step.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only where X has column names that are all strings.

    See Also
    --------
    sksoftmax.SoftmaxTransformer : Scores of any classifier to probabilities.

    Notes
    -----
    The metric begins as the bound of [1]_ on the curvature. The gap is proved by Fenchel duality,
    at distributions that are tilted so as to balance the gradient (see
    ``docs/architecture.md``).

    References
    ----------
    .. [1] D. Bohning (1992). Multinomial logistic regression algorithm. Annals of the Institute
       of Statistical Mathematics 44, 197-200.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksoftmax import SoftmaxRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxRegression().fit(X, y)
    >>> model.converged_, round(model.objective_, 4)
    (True, 0.1926)
    >>> model.predict_proba(X[:1]).round(3)
    array([[0.982, 0.018, 0.   ]])
    """

    def __init__(
        self,
        C=1.0,
        *,
        l1_ratio=0.0,
        penalty="elasticnet",
        fit_intercept=True,
        class_weight=None,
        solver="auto",
        tol=1e-6,
        max_iter=1000,
        warm_start=False,
        n_jobs=None,
        verbose=0,
    ):
        self.C = C
        self.l1_ratio = l1_ratio
        self.penalty = penalty
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)
            float32 and float64 are used as they are, other dtypes become float64.
        y : array-like of shape (n_samples,)
            Labels of any kind.
        sample_weight : array-like of shape (n_samples,), default=None
            Not negative, not all zero. A weight of 2 is the row twice, 0 is no row.

        Returns
        -------
        self : SoftmaxRegression

        Raises
        ------
        ValueError, TypeError
            For a bad parameter, bad data, or fewer than two classes. An already fitted estimator
            stays as it was.

        Warns
        -----
        ConvergenceWarning
            If the promise of ``tol`` could not be proved.
        """
        self._check_parameters()
        if self.warm_start and hasattr(self, "coef_"):
            gate.check_same_features(self, X)
        # All is done on a copy that takes the place of self in the end: an error loses nothing.
        draft = copy.copy(self)
        data = engines.encode(draft, X, y, sample_weight, self.class_weight, self.n_jobs)
        with single_threaded_blas(), data.rows, np.errstate(all="ignore"):
            data, columns, objective = self._pose(data)
            solution = minimize(
                objective,
                problem.solver_for(objective, self.solver),
                self._start(data, columns, objective.map),
                tol=self.tol,
                max_iter=self.max_iter,
                watch=_printer(self.verbose) if self.verbose else None,
            )
            separable = np.isinf(self.C) and has_no_optimum(objective, solution)
        if separable:
            solution = solution._replace(converged=False)
        draft._keep(data, columns, objective.map, solution)
        if not draft.converged_:
            # First: where warnings are errors, this one loses nothing either.
            warnings.warn(describe(draft, separable), ConvergenceWarning, stacklevel=2)
        self.__dict__ = draft.__dict__
        return self

    def _check_parameters(self):
        gate.check_number("C", self.C, least=0, open_below=True)
        gate.check_number("l1_ratio", self.l1_ratio, least=0, most=1)
        problem.check_penalty(self.penalty)
        gate.check_number("tol", self.tol, least=0)
        gate.check_number("max_iter", self.max_iter, least=0, integer=True)
        if not isinstance(self.verbose, bool):
            gate.check_number("verbose", self.verbose, least=0, integer=True)
        gate.check_n_jobs(self.n_jobs)
        gate.check_flag("fit_intercept", self.fit_intercept)
        gate.check_flag("warm_start", self.warm_start)
        solvers = {**SOLVERS, **ROUGH_SOLVERS}
        if self.solver in FOREIGN_SOLVERS:
            raise ValueError(
                f"solver={self.solver!r} is a solver of scikit-learn's LogisticRegression; "
                f"SoftmaxRegression has {sorted(solvers)}, of which 'auto' suits all data"
            )
        gate.check_option("solver", self.solver, solvers)

    def _pose(self, data):
        """Data in the columns that are cheapest to fit on, the way back, and the objective."""
        shape = problem.check_penalty(self.penalty)
        plain = self.l1_ratio == 0 and shape.penalty_factor is None
        if not plain or self.solver == "proximal":
            # Columns that the penalty tells apart stay what they are.
            columns = AllColumns()
        else:
            data, columns = reduce_columns(data)
        objective = problem.pose(
            data, C=self.C, l1_ratio=self.l1_ratio, shape=shape,
            fit_intercept=self.fit_intercept, solver=self.solver,
        )  # fmt: skip
        return data, columns, objective

    def _start(self, data, columns, score_map):
        if self.warm_start and hasattr(self, "coef_"):
            return self._last(data, columns, score_map)
        return problem.neutral(data, score_map)

    def _last(self, data, columns, score_map):
        """Theta at the coefficients of the last fit."""
        if not np.array_equal(self.classes_, data.classes):
            raise ValueError(
                f"warm_start needs the classes of the last fit, {self.classes_}; "
                f"y has {data.classes}"
            )
        coef = self.coef_.toarray() if sp.issparse(self.coef_) else self.coef_
        # What all classes share changes no probability, only the penalty.
        # With corners it is what makes zeros.
        shift = len(coef) > 1 and self.l1_ratio == 0
        coef = coef - coef.mean(axis=0) if shift else coef
        coef = columns.restrict(coef.astype(np.float64)).astype(np.float64)
        return score_map.join(coef, self.intercept_ + coef @ data.center)

    def _keep(self, data, columns, score_map, solution):
        """Set the fitted attributes from the solution."""
        coef, at_center = score_map.split(solution.theta)
        intercept = np.zeros(len(coef))
        if self.fit_intercept:
            intercept = at_center - coef @ data.center
            if len(coef) > 1:
                intercept -= intercept.mean()  # defined up to a constant
        self.classes_ = data.classes
        self.coef_ = np.ascontiguousarray(columns.expand(coef), dtype=data.dtype)
        self.intercept_ = intercept.astype(data.dtype)
        self.objective_ = solution.value
        self.gap_ = solution.gap
        self.converged_ = bool(solution.converged)
        self.n_iter_ = solution.n_iter
        self.objective_curve_ = np.array(solution.curve)
        self.solver_ = solution.solver


def _printer(every):
    """A watch that prints a line a number of steps."""
    begin = perf_counter()

    def watch(n_iter, state):
        if n_iter % every == 0:
            print(
                f"{state.solver} step {n_iter}: objective {state.point.value:.9g}, "
                f"expected gain {state.decrement:.1e}, {perf_counter() - begin:.2f} s"
            )

    return watch
