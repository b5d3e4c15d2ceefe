"""What every fitted linear softmax model does: scores, probabilities and classes of new rows."""

import copy

import numpy as np
import scipy.sparse as sp
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from sksoftmax._data import validation
from sksoftmax._data.dispatch import accuracy, chunkwise
from sksoftmax._data.pickling import PicklingMixin
from sksoftmax._linear_model import prediction


class ScoreMixin:
    """The score of a classifier, also on collections of Dask."""

    def score(self, X, y, sample_weight=None):
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


class LinearClassifierMixin(PicklingMixin, ClassifierMixin):
    """Predictions from ``coef_``, ``intercept_`` and ``classes_``; how to fit is a subclass's.

    Of collections of Dask they are arrays of Dask, in the same chunks of rows.
    """

    @chunkwise
    def decision_function(self, X):
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
    def predict(self, X):
        """The most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        index = self._predict(prediction.largest, X)
        return self.classes_[index]

    @chunkwise
    def predict_proba(self, X):
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
    def predict_log_proba(self, X):
        """Logarithms of the probabilities, exact also where these are 0 or 1 to rounding.

        Parameters
        ----------
        X : {array-like, sparse matrix, Dask collection} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        return self._predict(prediction.log_probabilities, X)

    def sparsify(self):
        """Convert ``coef_`` to a sparse matrix, in place; pays off where most of it is zero."""
        check_is_fitted(self)
        self.coef_ = sp.csr_array(self.coef_)
        return self

    def densify(self):
        """Convert ``coef_`` back to an ndarray, in place."""
        check_is_fitted(self)
        if sp.issparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self

    def to_sklearn(self):
        """A fitted ``sklearn.linear_model.LogisticRegression`` that predicts the same.

        Returns
        -------
        model : LogisticRegression
            For tools that know scikit-learn's own estimators: ONNX, PMML, skops.
        """
        check_is_fitted(self)
        chosen = hasattr(self, "C_")
        model = LogisticRegression(
            C=self.C_ if chosen else self.C,
            fit_intercept=self.fit_intercept,
            class_weight=self.class_weight,
        )
        l1_ratio = self.l1_ratio_ if chosen else self.l1_ratio
        if l1_ratio > 0:
            model.set_params(l1_ratio=l1_ratio, solver="saga")
        for name in ("classes_", "coef_", "intercept_", "n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                setattr(model, name, copy.copy(getattr(self, name)))
        model.n_iter_ = np.array([np.max(self.n_iter_)], dtype=np.int32)
        return model

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _predict(self, function, X):
        if not hasattr(self, "coef_"):
            check_is_fitted(self)  # raises; it costs more than a row's probabilities otherwise
        return function(validation.check_features(self, X), self.coef_, self.intercept_)
