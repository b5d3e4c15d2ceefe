"""SoftmaxTransformer: decision scores to probabilities."""

from contextlib import nullcontext
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import ClassifierTags
from sklearn.utils.validation import check_is_fitted

from sksoftmax._calibration import fitted_map, learners, selection, transforms
from sksoftmax._calibration.fitted_map import FittedMap
from sksoftmax._calibration.sample import Sample
from sksoftmax._calibration.temperature import Calibration
from sksoftmax._calibration.transforms import InputTransform
from sksoftmax._data import dispatch, score_classes, score_rows, validation
from sksoftmax._data.checks import validate_data
from sksoftmax._data.dispatch import chunkwise, snapshot
from sksoftmax._data.estimator_html import CaptionMixin
from sksoftmax._data.pickling import PicklingMixin
from sksoftmax._functions.checks import check_option, check_temperature
from sksoftmax._runtime.public import public
from sksoftmax._runtime.quiet import quiet
from sksoftmax._runtime.types import FLOATS, DataLike, Floats
from sksoftmax._runtime.warn import warn

_CALIBRATIONS = tuple(selection.LEARNERS)
_INPUTS = ("scores", "probabilities")


@public("sksoftmax")
class SoftmaxTransformer(
    CaptionMixin, PicklingMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Turn the decision scores of a classifier into probabilities.

    Each row of scores becomes::

        p_k = exp(z_k / temperature) / sum_j exp(z_j / temperature)

    where `z` are the scores themselves or, with a `calibration`, scores that a map learned from
    labels has made of them.

    A single column is the score of the second of two classes, as the decision
    functions of scikit-learn give it, and becomes **two** columns, the softmax of
    ``[0, s]``: ``1 - sigmoid(s / temperature)`` and ``sigmoid(s / temperature)``.

    Parameters
    ----------
    calibration : {None, "temperature", "vector", "matrix", "structured", "auto"}, default=None
        The map that is learned from labels before the softmax. ``None`` learns no map and needs
        no labels. With `s` the scores less their mean in each row:

        - ``"temperature"``: ``z = s / T`` with the T of least log loss [1]_. It never changes the
          order of the classes of a row.
        - ``"vector"``: ``z_k = v_k s_k / T + b_k``.
        - ``"matrix"``: ``z = A s / T + b`` [1]_ [2]_.
        - ``"structured"``: structured matrix scaling [3]_. The probabilities of ``s / T`` are
          mixed with ``1/K`` by ``1/(n + 1)``; of the scores of the mixed ones, ``A`` and ``b`` are
          learned under a ridge of strength ``K/n`` on the bias and the diagonal of ``A - I`` and
          ``K(K - 1)/n`` off it.
        - ``"auto"``: ``z`` is the mean of what several maps make of the mixed scores of
          ``"structured"``, weighted for the least cross-validated log loss: those above,
          ``"vector"`` under a hundredth of the ridge, and ``"quadratic"``,
          ``z = A s + C s^2 + b``. Two classes have a parabola and beta calibration [6]_ instead.
          Above 100 classes no matrix is tried.

        A ridge penalty shrinks all maps but the temperature to the identity. Two classes have one
        score `s`: ``"vector"`` and ``"matrix"`` are ``z = a s + b`` (Platt scaling [4]_, on
        scores), ``"structured"`` is ``z = a s + b + c s^2``.
    temperature : float, default=1.0
        The scores, or the calibrated scores, are divided by it; positive and finite. Values
        above 1 bring the probabilities closer to each other, values below 1 make them sharper.
    input : {"scores", "probabilities"}, default="scores"
        What the columns hold. Probabilities `p` become the scores ``log(p)`` first, so
        that without a calibration ``temperature=1`` gives them back, and a probability of 0
        stays 0. It is never guessed from the values.
    classes : array-like of shape (n_classes,), default=None
        The class of each column. ``None`` is the sorted labels of `y`, which must then
        be as many as the columns (two, for a single column).
    floor : float or "auto", default=None
        Replaces probabilities `p` by ``(1 - floor) p + floor / K``, so that none is 0.
        ``"auto"`` learns it from labels: it minimises the log loss of the sample and one more row
        whose probabilities are certain and wrong. ``None`` is no floor; a calibration then clips
        probabilities to at least 1.2e-38.
    target_priors : array-like of shape (n_classes,) or dict, default=None
        Frequencies of the classes in the data to come, in the order of the columns or by class,
        where they differ from those in `y`: the odds of the classes are multiplied by the ratio
        of both [5]_. Needs `y`.

    Attributes
    ----------
    temperature_ : float
        The temperature in use; with a calibration, its own temperature times `temperature`.
    calibration_ : str or None
        The calibration in use; under ``"auto"`` the map of the largest weight: ``"temperature"``,
        ``"vector"``, ``"vector, weak ridge"``, ``"matrix"``, ``"structured"``, ``"quadratic"``; of
        two classes ``"temperature"``, ``"vector"``, ``"structured"`` or ``"beta"``.
    classes_ : ndarray of shape (n_classes,)
        The class of each column of `transform`. Only where it is known: from `classes`, or from
        `y` where something is learned.
    floor_ : float
        The floor in use.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`, where all of them are strings.

    See Also
    --------
    SoftmaxCalibratedClassifier : A classifier and its calibration in one.
    DecisionScores : The decision scores of a classifier as a step of a pipeline.

    Notes
    -----
    Learn from scores of rows that the classifier was not fitted on: its scores of training rows
    are too optimistic. `DecisionScores` and `SoftmaxCalibratedClassifier` provide such scores.

    Sizes of samples are sums of weights: a weight of 2 is the row twice. Of more than 20,000 rows a
    floor and the weights of ``"auto"`` are learned from about 20,000, drawn by their scores alone.

    Columns of a data frame that are named by class are matched to the classes by name, in `fit`
    and after it, wherever the classes are known; `transform` gives them in the order of
    `classes_`. Columns of which none is named by a class are read by position.

    Each row is transformed by itself: the result does not depend on the other rows of `X`.

    If `y` has fewer classes than there are columns and `classes` is None, integer labels
    are read as numbers of columns, with a warning.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger (2017), "On Calibration of Modern Neural
       Networks", ICML.
    .. [2] M. Kull, M. Perello-Nieto, M. Kängsepp, T. Silva Filho, H. Song and P. Flach (2019),
       "Beyond temperature scaling: Obtaining well-calibrated multiclass probabilities with
       Dirichlet calibration", NeurIPS.
    .. [3] E. Berta, D. Holzmüller, M. I. Jordan and F. Bach (2025), "Structured Matrix Scaling for
       Multi-Class Calibration", arXiv 2511.03685.
    .. [4] J. Platt (1999), "Probabilistic outputs for support vector machines and comparisons to
       regularized likelihood methods", Advances in Large Margin Classifiers.
    .. [5] M. Saerens, P. Latinne and C. Decaestecker (2002), "Adjusting the outputs of a classifier
       to new a priori probabilities", Neural Computation 14(1), 21-41.
    .. [6] M. Kull, T. Silva Filho and P. Flach (2017), "Beta calibration: a well-founded and easily
       implemented improvement on logistic calibration for binary classifiers", AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> from sksoftmax import SoftmaxTransformer
    >>> scores = np.array([[2.0, 0.0, -2.0], [0.0, 0.0, 0.0]])
    >>> SoftmaxTransformer(temperature=2.0).fit_transform(scores).round(3)
    array([[0.665, 0.245, 0.09 ],
           [0.333, 0.333, 0.333]])
    >>> SoftmaxTransformer().fit_transform([[0.0], [3.0]]).round(3)
    array([[0.5  , 0.5  ],
           [0.047, 0.953]])

    These scores of 3 are right three times out of four, and overconfident without a calibration:

    >>> scores, y = [[3.0], [3.0], [3.0], [3.0]], ["yes", "yes", "yes", "no"]
    >>> learned = SoftmaxTransformer("temperature").fit(scores, y)
    >>> learned.transform([[3.0]]).round(3)
    array([[0.25, 0.75]])
    """

    _records = fitted_map.RECORDS

    def __init__(
        self,
        calibration: str | None = None,
        *,
        temperature: float = 1.0,
        input: str = "scores",
        classes: ArrayLike | None = None,
        floor: str | float | None = None,
        target_priors: ArrayLike | dict[Any, float] | None = None,
    ) -> None:
        self.calibration = calibration
        self.temperature = temperature
        self.input = input
        self.classes = classes
        self.floor = floor
        self.target_priors = target_priors

    @quiet
    def fit(
        self, X: DataLike, y: DataLike | None = None, sample_weight: DataLike | None = None
    ) -> Self:
        """Check the parameters, and learn what is to be learned.

        Parameters
        ----------
        X : {array-like, Dask collection} of shape (n_samples, n_scores)
            Decision scores, or probabilities under ``input="probabilities"``; finite. What Dask
            holds stays where it is; all that is learned is sums over its chunks.
        y : array-like of shape (n_samples,), default=None
            Labels of any kind; ignored where nothing is learned from them.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None is ones.

        Returns
        -------
        self : SoftmaxTransformer
            The fitted transformer.

        Raises
        ------
        TypeError
            If a number is none.
        ValueError
            If a parameter has no valid value, if `X` is not two-dimensional or not
            finite, if a row that should be probabilities is not, or if labels
            are needed and missing, or do not match the columns.

        Warns
        -----
        UserWarning
            If the scores say nothing of the labels or all of them, so that no temperature is
            best, or if labels are read as numbers of columns.
        """
        temperature = self._check_parameters()
        match = partial(score_classes.match_classes, classes=self.classes)
        labelled = self._learns or not (y is None or self.classes is None)
        data = dispatch.encode_scores(
            X, y, sample_weight, estimator=self, match=match if labelled else None,
            check=partial(score_rows.check_columns, input=self.input, name=type(self).__name__),
        )  # fmt: skip
        like = validation.matrix(validation.without_rows(X))
        with data or nullcontext():
            if self._learns:
                fitted = self._learn(data, temperature)
            else:
                fitted = self._plain(like, temperature)
        draft = snapshot(self)
        validate_data(draft, like, reset=True, skip_check_array=True)
        draft._keep(fitted)
        # One assignment at the end: a fit that fails leaves the fitted state as it was.
        self.__dict__ = draft.__dict__
        return self

    @chunkwise
    @quiet
    def transform(self, X: DataLike) -> Floats:
        """Probabilities of rows of scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_scores)
            Decision scores, or probabilities under ``input="probabilities"``; finite. A torch
            tensor is answered by one.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, max(n_scores, 2))
            Rows that sum to 1; float32 if `X` is float32, else float64.

        Raises
        ------
        ValueError
            If `X` is not finite, if it has other columns than in `fit`, or if a row that
            should be probabilities is not.
        """
        check_is_fitted(self)
        fitted = self._fitted
        columns = fitted.as_in_fit(validation.matrix(X))
        array = validate_data(self, columns, reset=False, dtype=FLOATS)
        if fitted.input_transform.kind == "probabilities":
            score_rows.check_probabilities(array, X)
        answer = fitted.probabilities(array)
        return X.new_tensor(answer) if hasattr(X, "new_tensor") else answer

    @chunkwise
    @quiet
    def inverse_transform(self, X: DataLike) -> Floats:
        """What `transform` turns into the given probabilities.

        Scores are only defined up to a constant in each row: these sum to 0,
        ``s_k = temperature * (log p_k - mean_j log p_j)`` where nothing was learned. A transformer
        fitted on a single column gives a single column, ``temperature * log(p_1 / p_0)``. Under
        ``input="probabilities"`` the answer is probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, max(n_scores, 2))
            Probabilities: rows that are non-negative and sum to 1.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_scores)
            float32 if `X` is float32, else float64.

        Raises
        ------
        ValueError
            If a row is not a row of probabilities; if scores are asked for, or a map was learned,
            and a probability is 0, whose score is minus infinity; or if a row is none
            that `transform` gives.
        """
        check_is_fitted(self)
        fitted = self._fitted
        array = score_rows.check_columns(X, "probabilities", type(self).__name__)
        score_rows.check_n_classes(array, self._n_features_out)
        if fitted.classes is not None:
            order = score_classes.column_order(X, fitted.classes)
            array = array if order is None else array[:, order]
        if fitted.steps or fitted.input_transform.kind == "scores":
            score_rows.check_positive(array)
        answer = fitted.columns(array, self.n_features_in_).astype(array.dtype, copy=False)
        lost = ~np.isfinite(answer).all(axis=1)
        score_rows.refuse_rows(lost, array, f"has scores that {array.dtype} can't hold")
        return answer

    def _check_parameters(self):
        """Check the parameters, and return the temperature as a float."""
        check_option("calibration", self.calibration, _CALIBRATIONS)
        check_option("input", self.input, _INPUTS)
        score_rows.check_floor(self.floor, self.input)
        return check_temperature(self.temperature)

    @property
    def _learns(self):
        """Whether anything is learned from labels."""
        by_labels = isinstance(self.floor, str) or self.target_priors is not None
        return self.calibration is not None or by_labels

    def _plain(self, X, temperature):
        """The fitted map where nothing is learned from labels."""
        classes, order = None, None
        if self.classes is not None:
            classes = np.asarray(self.classes)
            score_classes.given_classes(classes[:0], max(2, np.shape(X)[1]), classes)
            order = score_classes.column_order(X, classes)
        input_transform = InputTransform(self.input, float(self.floor or 0.0))
        return FittedMap(Calibration(()), temperature, input_transform, None, classes, order)

    def _learn(self, data, temperature):
        """The fitted map that is learned from encoded rows."""
        offset = None
        if self.target_priors is not None:
            priors = score_classes.check_priors(self.target_priors, data.classes)
            offset = np.log(priors / score_classes.sample_priors(data.by_class, data.classes))
        # Without a map a probability of 0 stays 0; a map needs a finite score.
        minimum = 0.0 if self.calibration is None else selection.MIN_PROBABILITY

        columns = Sample.from_encoded(data)
        candidates = [InputTransform(self.input, floor, minimum) for floor in self._floors(data)]
        # A temperature ranks the floors as well as larger maps do, and costs less.
        learn = _fixed(temperature) if self.calibration is None else learners.temperature
        input_transform = selection.best_input_transform(candidates, columns, learn)
        learn = selection.LEARNERS[self.calibration]
        calibration = learn(columns.compacted(input_transform.scores))
        for message in calibration.messages:
            warn(message)
        known = data.classes, data.order
        return FittedMap(calibration, temperature, input_transform, offset, *known)

    def _floors(self, data):
        """Candidates for the floor."""
        if isinstance(self.floor, str):
            return selection.floors(float(data.by_class.sum()))
        return (float(self.floor or 0.0),)

    def _keep(self, fitted):
        """Set the fitted attributes."""
        self._fitted = fitted
        self.calibration_ = fitted.calibration.name
        inverse_temperature = fitted.steps[0].inverse_temperature if fitted.steps else 1.0
        self.temperature_ = fitted.temperature / inverse_temperature
        self.floor_ = fitted.input_transform.floor
        if fitted.classes is not None:
            self.classes_ = fitted.classes
        elif hasattr(self, "classes_"):
            del self.classes_

    def _caption(self):
        return f"calibration: {self.calibration_}, temperature {self.temperature_:.3g}"

    @property
    def _n_features_out(self):
        return max(self.n_features_in_, 2)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        if self._learns:
            tags.target_tags.required = True
            # The columns of the scores say how many classes there are. scikit-learn's checks feed
            # two columns with three labels to whatever does not say that it wants two.
            tags.classifier_tags = ClassifierTags(multi_class=False)
        return tags


def _fixed(temperature):
    """A learner that returns the given temperature."""
    return lambda sample: Calibration((transforms.TemperatureScaling(1 / temperature),))
