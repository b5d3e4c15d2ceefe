"""Methods that fitted linear softmax models share: scores, probabilities and classes."""

from typing import Any, Self

import scipy.sparse as sp
from sklearn import get_config
from sklearn.base import ClassifierMixin

from sksoftmax._data import validation
from sksoftmax._data.dispatch import accuracy, chunkwise, snapshot
from sksoftmax._data.estimator_html import CaptionMixin
from sksoftmax._data.pickling import PicklingMixin
from sksoftmax._linear_model import coefficients, prediction
from sksoftmax._linear_model.export import as_logistic_regression
from sksoftmax._typing import AnyArray, DataLike, Floats


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
        coef, intercept = coefficients.as_they_are(self)
        X = validation.check_features(self, X, coef.shape[1], finite=False)
        return function(X, coef, intercept)
