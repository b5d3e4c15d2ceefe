"""SoftmaxRegression: multinomial logistic regression."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from sksoftmax._certificates.separability import has_no_optimum
from sksoftmax._data import dispatch, validation
from sksoftmax._linear_model import (
    callbacks,
    coefficients,
    convergence,
    holdout,
    monitors,
    parameters,
    partial_fit,
    stream_rows,
    warm_start,
)
from sksoftmax._linear_model.base import LinearClassifierMixin, ScoreMixin
from sksoftmax._linear_model.callbacks import CallbackSupportMixin, with_callbacks
from sksoftmax._problems import build
from sksoftmax._problems.row_space import reduce_columns
from sksoftmax._runtime.blas import single_threaded_blas
from sksoftmax._runtime.public import public
from sksoftmax._runtime.quiet import quiet
from sksoftmax._runtime.types import DataLike, Floats
from sksoftmax._runtime.warn import warn
from sksoftmax._solvers import Solution, minimize


def _all_of_one_class(theta, solver, watch):
    """The solution where all weight is of one class: its probability is 1 without coefficients."""
    watch.clock(0, None)
    return Solution(theta, 0.0, 0.0, 0, True, [0.0], solver)


@public("sksoftmax")
class SoftmaxRegression(CallbackSupportMixin, ScoreMixin, LinearClassifierMixin, BaseEstimator):
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
    Where rows have probabilities of classes instead of labels, :math:`\sum_k y_{ik} z_{ik}` takes
    the place of :math:`z_{i y_i}`, and the weight of a row is that of its classes in the mean.

    Solvers are preconditioned by the curvature, so that convergence does not depend on the scale,
    the offset or the correlation of the columns of X.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty, positive; ``np.inf`` is none.
    l1_ratio : float, default=0.0
        Share of the l1 part of the penalty, from 0 to 1: it makes coefficients exactly zero. To
        select features by them, give ``SelectFromModel`` a ``threshold`` such as 1e-10.
    penalty : {"elasticnet"}, ElasticNet or GroupLasso, default="elasticnet"
        What is zero together, and the penalty of single features: see
        :class:`~sksoftmax.ElasticNet` and :class:`~sksoftmax.GroupLasso`.
    fit_intercept : bool, default=True
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes. "balanced" gives all classes the same total weight.
    label_smoothing : float, default=0.0
        From 0 to below 1: each row's target becomes ``(1 - label_smoothing) * target +
        label_smoothing / n_classes``, a label being the target that is 1 for its class. The
        objective cannot then fall below the targets' mean entropy, which is not 0.
    solver : {"auto", "gd", "lbfgs", "newton", "proximal", "sgd", "adam"}, default="auto"
        "gd" is accelerated gradient descent with restarts, "lbfgs" a quasi-Newton method, both
        preconditioned by the curvature; "newton" takes damped Newton steps. "auto" begins with a
        sample of the rows where they are many, goes on by "lbfgs", and changes to "newton" where
        progress stalls. "proximal", which "auto" takes for an l1 part, takes proximal quasi-Newton
        steps on a working set of columns; the others need a smooth penalty. "sgd" and "adam" take
        a step for each mini-batch of rows, preconditioned by the curvature and by the columns'
        standard deviations; they are for streams of data, by ``partial_fit``, and for data on disk.
    tol : float, default=1e-6
        The promise made: ``converged_`` means ``objective_ - optimum <= tol * objective_``. Not
        negative; 0 asks for as much as rounding allows.
    max_iter : int, default=1000
        Most steps of the solver; of "sgd" and "adam" most passes over the rows.
    learning_rate : {"auto"} or float, default="auto"
        Of "sgd" and "adam" only. "auto" shortens the steps as rows go by, and needs no tuning
        whatever the columns' units. A number is the length of all steps: for "sgd" a share of the
        Newton step, at most 1 as a rule; for "adam" the change of a coefficient, times the
        standard deviation of its column.
    batch_size : {"auto"} or int, default="auto"
        Of "sgd" and "adam" only: rows of a step. "auto" is 1000 in ``partial_fit``, and in ``fit``
        a hundredth of the rows, from 32 to 512.
    early_stopping : bool, default=False
        Whether to hold rows out of the fit, watch their loss, which is the objective's without the
        penalty, and keep the coefficients of the step where it was least. The fit ends as soon as
        that loss has not fallen by a ``tol`` of itself for ``n_iter_no_change`` steps.
    validation_fraction : float, default=0.1
        Share of the rows held out, above 0 and below 1, of each class as far as that goes. One
        row of each class always stays in the fit.
    n_iter_no_change : int, default=5
        Steps in a row without a gain after which early stopping ends the fit; at least 1.
    warm_start : bool, default=False
        Start from the last fit's coefficients.
    n_jobs : int or None, default=None
        Threads for the sums over rows, counted as joblib does: None is 1, -1 all cores. Used
        where columns times classes are thousands; the result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        Which rows early stopping holds out, and the order of the rows in a ``fit`` by "sgd" and
        "adam". Nothing else is random.
    verbose : int, default=0
        Print the progress: step, objective, expected gain and seconds, and at the end the gap
        proved. On a terminal it is one line, written over; elsewhere a line every ``verbose``
        steps.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (n_classes, n_features), or (1, n_features) for two classes
        In the dtype of X. More than two classes sum to zero, but for an l1 part of the elastic net.
    intercept_ : ndarray of shape (n_classes,) or (1,)
        Sums to zero for more than two classes.
    objective_ : float
        The objective, of the rows fitted, at the coefficients found.
    gap_ : float
        Upper bound on ``objective_ - optimum``; inf where none could be proved. After early
        stopping the last step proves it of the best one too.
    converged_ : bool
        Whether ``gap_ <= tol * objective_``. After early stopping, or where a callback ended the
        fit, that is usually not so, and no warning is given.
    n_iter_ : int
        Steps taken, those after the best one included; of "sgd" and "adam" passes, and after
        ``partial_fit`` batches.
    objective_curve_ : ndarray of shape (n_iter_ + 1,)
        The objective at the start and after each step.
    validation_curve_ : ndarray of shape (n_iter_ + 1,) or (0,)
        The loss of the rows held out, at the start and after each step; empty without
        ``early_stopping``. ``coef_`` is of the step where it is least.
    time_curve_ : ndarray of shape (n_iter_ + 1,)
        Seconds since the fit began, at the start of the descent and after each step. None in
        copies and pickles: those of equal fits are equal.
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
    The first preconditioner is the upper bound of [1]_ on the curvature. The gap is
    proved by Fenchel duality, at distributions that are corrected to be dual feasible (see
    ``docs/certificate.md``).

    From scikit-learn 1.9 on there is ``set_callbacks``. Callbacks see each step of every solver;
    one that asks to stop ends the fit.

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

    objective_: float
    gap_: float
    converged_: bool
    n_iter_: int
    objective_curve_: Floats
    validation_curve_: Floats
    time_curve_: Floats | None
    solver_: str

    _records = partial_fit.RECORDS
    _momentary = ("time_curve_",)

    def __init__(
        self,
        C: float = 1.0,
        *,
        l1_ratio: float = 0.0,
        penalty: Any = "elasticnet",
        fit_intercept: bool = True,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        solver: str = "auto",
        tol: float = 1e-6,
        max_iter: int = 1000,
        learning_rate: str | float = "auto",
        batch_size: str | int = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        warm_start: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.penalty = penalty
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: DataLike, y: DataLike, sample_weight: DataLike | None = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)
            float32 and float64 are used as they are, other dtypes become float64.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels of any kind, or soft targets: a floating matrix of class probabilities, whose
            rows sum to 1. A row then counts as one row of each class, weighted by its
            probability. Classes are 0, 1, ..., or the column names of a data frame.
        sample_weight : array-like of shape (n_samples,), default=None
            Not negative, not all zero. A weight of 2 is the row twice. Rows of weight 0 count for
            nothing, but that their classes are classes of the model: one without any weight, by
            ``class_weight`` or here, is given a probability of next to 0.

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
        draft, message = self._fit(X, y, sample_weight)
        if message:
            # Before the model changes: where warnings are errors, the last fit stays.
            warn(message, ConvergenceWarning)
        self.__dict__ = draft.__dict__
        return self

    @parameters.where_it_streams
    def partial_fit(
        self,
        X: DataLike,
        y: DataLike,
        classes: ArrayLike | None = None,
        sample_weight: DataLike | None = None,
    ) -> Self:
        """Take steps on these rows, from where the last call or ``fit`` ended.

        It sees each row once, in batches of ``batch_size`` in their order. The objective is that
        of all rows so far, so that the penalty weighs less and less beside them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or soft targets as in ``fit``, a column for each of ``classes``.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come. Needed on the first call, if nothing was fitted.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : SoftmaxRegression
            ``objective_`` is then the mean of late of the objective on batches not yet seen;
            nothing is proved of it.

        Raises
        ------
        ValueError, TypeError
            As for ``fit``, and for labels that are not in ``classes``. Nothing is lost.
        """
        parameters.check(self)
        classes = stream_rows.check(self, classes)
        draft = dispatch.snapshot(self)
        rows = stream_rows.encode(draft, X, y, classes, sample_weight)
        stream = partial_fit.advance(draft, rows, classes)
        draft._keep_stream(stream, classes, rows.dtype)
        self.__dict__ = draft.__dict__
        return self

    @with_callbacks
    @single_threaded_blas
    @quiet
    def _fit(self, X, y, sample_weight):
        """A fitted copy, and what there is to warn of."""
        parameters.check(self)
        if self.warm_start and hasattr(self, "coef_"):
            validation.check_same_features(X, coefficients.as_they_are(self)[0].shape[1])
        # All is done on a copy, whose state replaces that of self at the end: errors lose nothing.
        draft, clock = dispatch.snapshot(self), monitors.Clock()
        task = callbacks.begin(self, X, y, sample_weight)
        data = dispatch.encode(
            draft, X, y, sample_weight, self.class_weight, self.n_jobs,
            label_smoothing=self.label_smoothing, hold_out=holdout.chooser(self),
        )  # fmt: skip
        held_out = data.held_out
        with data:
            data, columns, problem = self._make_problem(data)
            coordinates = build.Coordinates(
                problem.map, columns, data.center, data.dtype, data.all_classes, data.present
            )
            watch = monitors.Monitors(draft, clock, task, held_out, coordinates)
            start = warm_start.theta(draft, data, columns, problem)
            if len(data.classes) == 1:
                ended = _all_of_one_class(start, self.solver, watch)
            else:
                solver = partial_fit.tuned(build.solver_for(problem, self.solver), self)
                ended = minimize(
                    problem, watch.announced(solver), start,
                    tol=self.tol, max_iter=self.max_iter, watch=watch,
                )  # fmt: skip
            sought = not (ended.stopped or self.early_stopping)
            free, theta = problem.free_part(ended.theta)
            separable = sought and has_no_optimum(free, theta, ended.converged)
            if separable:
                ended = ended._replace(converged=False)
            solution = watch.final_solution(ended, problem, self.tol)
        draft._keep(data, coordinates, solution, watch)
        watch.close()
        return draft, convergence.warning_message(draft, ended, separable)

    def _caption(self):
        return convergence.caption(dispatch.snapshot(self))

    def _make_problem(self, data):
        """Data in the columns that are cheapest to fit on, the way back, and the problem."""
        norm = build.check_penalty(self.penalty)
        build.check_small_columns(data, C=self.C, l1_ratio=self.l1_ratio, norm=norm)
        alike = build.treats_columns_alike(self.l1_ratio, norm, self.solver)
        data, columns = reduce_columns(data, alike, penalised=np.isfinite(self.C))
        problem = build.make_problem(
            data, C=self.C, l1_ratio=self.l1_ratio, norm=norm,
            fit_intercept=self.fit_intercept, solver=self.solver,
        )  # fmt: skip
        return data, columns, problem

    def _keep(self, data, coordinates, solution, watch):
        """Set the fitted attributes from the solution."""
        vars(self).update(coordinates.attributes(solution.theta))
        self.objective_ = solution.value
        self.gap_ = solution.gap
        self.converged_ = bool(solution.converged)
        self.n_iter_ = solution.n_iter
        self.objective_curve_ = np.array(solution.curve)
        self.validation_curve_ = np.array(watch.validation_curve)
        self.time_curve_ = np.array(watch.clock.curve)
        self.solver_ = solution.solver
        # Weights that partial_fit goes on from; an earlier stream has ended.
        self._class_weight = np.zeros(len(data.present))
        self._class_weight[data.present] = data.class_weight
        vars(self).pop("_stream", None)

    def _keep_stream(self, stream, classes, dtype):
        """Set the fitted attributes from a stream."""
        dtype = coefficients.as_they_are(self)[0].dtype if hasattr(self, "coef_") else dtype
        self.classes_ = classes
        self._stream, self.coef_, self.intercept_ = stream.shown(dtype)
        self.objective_, self.gap_, self.converged_ = stream.state.value, np.inf, False
        self.n_iter_ = stream.n_steps
        self.objective_curve_ = np.array([stream.state.value])
        self.validation_curve_, self.time_curve_ = np.zeros(0), np.zeros(1)
        self.solver_ = stream.solver
