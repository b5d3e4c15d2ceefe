"""Methods that fitted linear softmax models share: scores, probabilities and classes."""

from functools import partial
from typing import Any, Self

import scipy.sparse as sp
from sklearn import get_config
from sklearn.base import ClassifierMixin

from sksoftmax._data import validation
from sksoftmax._data.dispatch import accuracy, chunkwise, snapshot
from sksoftmax._data.estimator_html import CaptionMixin
from sksoftmax._data.parameter_checks import check_number
from sksoftmax._data.pickling import PicklingMixin
from sksoftmax._linear_model import coefficients, prediction
from sksoftmax._linear_model.export import as_logistic_regression
from sksoftmax._runtime.types import AnyArray, DataLike, Floats


class ScoreMixin:
    """The score of a classifier, also on collections of Dask."""

    def score(self, X: DataLike, y: DataLike, sample_weight: DataLike | None = None) -> float:
        """Accuracy: the share of rows, by weight, whose class is predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        accuracy : float
        """
        return accuracy(self, X, y, sample_weight)


class LinearClassifierMixin(CaptionMixin, PicklingMixin, ClassifierMixin):
    """Predictions from ``coef_``, ``intercept_`` and ``classes_``; how to fit is a subclass's.

    Of collections of Dask they are arrays of Dask, in the same chunks of rows.
    """

    classes_: AnyArray
    coef_: Floats
    intercept_: Floats

    @chunkwise
    def decision_function(self, X: DataLike) -> Floats:
        """Scores of the classes.

        Parameters
        ----------
        X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            For two classes the score of ``classes_[1]``, that of the other being 0.
        """
        scores = self._predict(prediction.scores, X)
        return scores.ravel() if scores.shape[1] == 1 else scores

    @chunkwise
    def predict(self, X: DataLike) -> AnyArray:
        """The most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        coef, intercept = coefficients.as_they_are(self)
        X = validation.check_features(self, X, coef.shape[1], finite=False)
        index = prediction.largest(X, coef, intercept)
        return coefficients.labels(self, index, coef.shape[0])

    @chunkwise
    def predict_proba(self, X: DataLike) -> Floats:
        """Probabilities of the classes: the softmax of the scores.

        Parameters
        ----------
        X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        return self._predict(prediction.probabilities, X)

    def top_k(self, X: DataLike, k: int = 5) -> tuple[AnyArray, Floats]:
        """The k most probable classes of each row and their probabilities.

        No array of the shape (n_samples, n_classes) is made, however many the classes are.

        Parameters
        ----------
        X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)
        k : int, default=5
            From 1 to the number of classes.

        Returns
        -------
        classes : ndarray of shape (n_samples, k)
            Labels, the most probable first; of equally probable ones that of the lower index.
        probabilities : ndarray of shape (n_samples, k)
            Those of these classes, as in ``predict_proba``.

        Raises
        ------
        TypeError, ValueError
            If k is no integer from 1 to the number of classes, or X is not as in ``predict``.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sksoftmax import SoftmaxRegression
        >>> X, y = load_iris(return_X_y=True)
        >>> classes, probabilities = SoftmaxRegression().fit(X, y).top_k(X[:1], 2)
        >>> classes, probabilities.round(3)
        (array([[0, 1]]), array([[0.982, 0.018]]))
        """
        now = snapshot(self)
        n_classes = max(2, coefficients.as_they_are(now)[0].shape[0])
        check_number("k", k, least=1, most=n_classes, integer=True)
        # Where Dask holds X each chunk asks its copy of the model.
        now._k = int(k)
        if validation.on_dask(X):
            return now._top_classes(X), now._top_probabilities(X)
        return now._top(X)

    @chunkwise
    def _top_classes(self, X):
        return self._top(X)[0]

    @chunkwise
    def _top_probabilities(self, X):
        return self._top(X)[1]

    def _top(self, X):
        """Labels and probabilities of the ``_k`` most probable classes, (n_rows, k)."""
        indices, shares = self._predict(partial(prediction.top, k=self._k), X)
        n_scores = coefficients.as_they_are(self)[0].shape[0]
        return coefficients.labels(self, indices, n_scores), shares

    @chunkwise
    def predict_log_proba(self, X: DataLike) -> Floats:
        """Logarithms of the probabilities, exact also where these are 0 or 1 to rounding.

        Parameters
        ----------
        X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        return self._predict(prediction.log_probabilities, X)

    def sparsify(self) -> Self:
        """Convert ``coef_`` to a sparse matrix, in place; pays off where most of it is zero."""
        coef, _ = coefficients.as_they_are(self)
        arrays = get_config().get("sparse_interface") == "sparray"
        self.coef_ = (sp.csr_array if arrays else sp.csr_matrix)(coef)
        return self

    def densify(self) -> Self:
        """Convert ``coef_`` back to an ndarray, in place."""
        coef, _ = coefficients.as_they_are(self)
        if sp.issparse(coef):
            self.coef_ = coef.toarray()
        return self

    def to_sklearn(self) -> Any:
        """A fitted ``sklearn.linear_model.LogisticRegression`` that predicts the same.

        Returns
        -------
        model : LogisticRegression
            For tools that know scikit-learn's own estimators: ONNX, PMML, skops. Its ``coef_`` is
            dense. It has the parameters of this model, so that it can be fitted again; not so
            where its objective has no counterpart, as of a group lasso of more than two classes,
            penalty factors and smoothed labels. To fit that, or a clone of it, is an error.
        """
        return as_logistic_regression(snapshot(self))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _predict(self, function, X):
        """What a function of `prediction` makes of checked rows and the coefficients."""
        coef, intercept = coefficients.as_they_are(self)
        X = validation.check_features(self, X, coef.shape[1], finite=False)
        return function(X, coef, intercept)
