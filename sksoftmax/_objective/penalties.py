"""Penalties on the parameters.

``Ridge`` is smooth and belongs to the smooth objective. ``NonsmoothPenalty`` multiplies a ``Norm``
of each feature's coefficients, which has a proximal operator, by the feature's l1 strength.
"""

from dataclasses import dataclass, fields
from typing import Any, Protocol, Self

import numpy as np

from sksoftmax._runtime.public import public
from sksoftmax._runtime.types import Floats


class Penalty(Protocol):
    """A smooth convex function of theta.

    strength : ndarray of shape (n_parameters,), its second derivatives
    """

    strength: np.ndarray

    def value_and_gradient(self, theta): ...


@dataclass(frozen=True)
class Ridge:
    """``sum_j strength_j / 2 * (theta_j - origin_j)^2``.

    strength : ndarray of shape (n_parameters,), >= 0; 0 leaves a parameter without a penalty
    origin : ndarray of shape (n_parameters,), or 0, where the penalty is zero
    """

    strength: np.ndarray
    origin: np.ndarray | float = 0.0

    def value_and_gradient(self, theta):
        difference = theta - self.origin
        gradient = self.strength * difference
        return 0.5 * float(difference @ gradient), gradient

    def on_columns(self, columns, n_scores):
        return Ridge(self.strength.reshape(-1, n_scores)[columns].ravel())


class Norm(Protocol):
    """One norm or several of a feature's coefficients, whose proximal operator gives exact zeros.

    The penalty of a feature is the sum of its norms times its l1 strength. Each norm must be its
    own dual, as the modulus and the Euclidean norm are, since certificates take norms of the
    gradient.

    penalty_factor : array-like of shape (n_features,), or None
        Multiplies the strength of the penalty, by feature.
    """

    penalty_factor: object

    def norms(self, rows):
        """Norms of the coefficients that become zero together, (n_features, n_scores or 1).

        rows : ndarray of shape (n_features, n_scores), coefficients
        """

    def prox(self, rows, strength):
        """``argmin_x strength * norms(x) + |x - rows|^2 / 2``.

        strength : ndarray of shape (n_features, 1)
        """


class ParametersMixin:
    """The fields of a dataclass as scikit-learn's parameters, for clones and searches."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name.

        Parameters
        ----------
        deep : bool, default=True
            Without effect: parameters have none of their own.

        Returns
        -------
        params : dict
        """
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Set parameters, as ``penalty__penalty_factor`` of a model does.

        Parameters
        ----------
        **params : dict
            By name.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            For a parameter that there is not; none is set then.
        """
        own = self.get_params()
        unknown = sorted(params.keys() - own.keys())
        if unknown:
            raise ValueError(
                f"Invalid parameter {unknown[0]!r} for {self!r}. Valid parameters are: {list(own)}."
            )
        vars(self).update(params)
        return self


@public("sksoftmax")
@dataclass(eq=False)
class ElasticNet(ParametersMixin):
    r"""Ridge and the sum of moduli: single coefficients become zero.

    With the factors :math:`f_j` of the features, ``SoftmaxRegression`` adds

    .. math::
        \frac{1}{C \sum_i w_i} \sum_j f_j \sum_k
        \Big[ \frac{1 - \text{l1\_ratio}}{2} W_{kj}^2 + \text{l1\_ratio}\, |W_{kj}| \Big].

    Parameters
    ----------
    penalty_factor : array-like of shape (n_features,), default=None
        Times the strength of the penalty, by feature: 0 leaves a feature free, inf excludes it,
        and any number up to 1e12 lies between. None is 1 for all.

    References
    ----------
    .. [1] H. Zou and T. Hastie (2005). Regularization and variable selection via the elastic net.
       Journal of the Royal Statistical Society B 67, 301-320.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sksoftmax import ElasticNet, SoftmaxRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> penalty = ElasticNet(penalty_factor=[1, np.inf, 1, 1])
    >>> model = SoftmaxRegression(0.1, l1_ratio=1.0, penalty=penalty).fit(X, y)
    >>> (model.coef_ == 0).all(axis=0)
    array([ True,  True, False,  True])
    """

    penalty_factor: object = None

    def norms(self, rows: Floats) -> Floats:
        """The modulus of each coefficient."""
        return np.abs(rows)

    def prox(self, rows: Floats, strength: Any) -> Floats:
        """Soft thresholding: each coefficient by the strength of its row, to zero at most."""
        return rows - np.clip(rows, -strength, strength)


@public("sksoftmax")
@dataclass(eq=False)
class GroupLasso(ParametersMixin):
    r"""Ridge and the sum of norms across classes: whole features become zero.

    With the factors :math:`f_j` of the features, ``SoftmaxRegression`` adds

    .. math::
        \frac{1}{C \sum_i w_i} \sum_j f_j
        \Big[ \frac{1 - \text{l1\_ratio}}{2} \lVert W_{\cdot j} \rVert^2
        + \text{l1\_ratio}\, \lVert W_{\cdot j} \rVert \Big],

    with no factor for the number of classes. For two classes it is the elastic net. Without an l1
    part, as ``l1_ratio=0`` is the default, the ridge is all that is left of it.

    Parameters
    ----------
    penalty_factor : array-like of shape (n_features,), default=None
        As in :class:`ElasticNet`.

    References
    ----------
    .. [1] M. Yuan and Y. Lin (2006). Model selection and estimation in regression with grouped
       variables. Journal of the Royal Statistical Society B 68, 49-67.
    .. [2] N. Simon, J. Friedman and T. Hastie (2013). A blockwise descent algorithm for
       group-penalized multiresponse and multinomial regression. arXiv:1311.6529.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sksoftmax import GroupLasso, SoftmaxRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxRegression(0.1, l1_ratio=1.0, penalty=GroupLasso()).fit(X, y)
    >>> (model.coef_ == 0).all(axis=0)
    array([ True,  True, False,  True])
    """

    penalty_factor: object = None

    def norms(self, rows: Floats) -> Floats:
        """The Euclidean norm of each row."""
        return np.sqrt(np.einsum("jk,jk->j", rows, rows))[:, None]

    def prox(self, rows: Floats, strength: Any) -> Floats:
        """Block soft thresholding: each row by its strength in length, to zero at most."""
        norms = self.norms(rows)
        kept = np.maximum(norms - strength, 0)
        return rows * np.divide(kept, norms, out=np.zeros_like(norms), where=norms > 0)


NORMS = {"elasticnet": ElasticNet()}


@dataclass(frozen=True)
class NonsmoothPenalty:
    """``sum_j l1_strength_j * norms_j(theta)``, theta being read as (n_columns, n_scores).

    norm : Norm
    l1_strength : ndarray of shape (n_columns, 1), >= 0; inf keeps a column at zero
    n_scores : int
    """

    norm: Norm
    l1_strength: np.ndarray
    n_scores: int

    def norms(self, theta):
        """Norms of theta's rows, (n_columns, n_scores) or (n_columns, 1)."""
        return self.norm.norms(theta.reshape(-1, self.n_scores))

    def value(self, theta):
        norms = self.norms(theta)
        # An infinite strength times a norm of 0 is 0.
        return float(np.sum(np.where(norms > 0, self.l1_strength, 0) * norms))

    def prox(self, theta, step):
        """``argmin_x value(x) + sum_j |x_j - theta_j|^2 / (2 step_j)``, the steps by column."""
        rows = theta.reshape(-1, self.n_scores)
        return self.norm.prox(rows, step[:, None] * self.l1_strength).ravel()

    def gradient_on_support(self, theta):
        """The gradient of the value, (n_parameters,), where norms are not zero; 0 elsewhere."""
        rows, norms = theta.reshape(-1, self.n_scores), self.norms(theta)
        slopes = np.divide(self.l1_strength, norms, out=np.zeros_like(norms), where=norms > 0)
        return (rows * slopes).ravel()

    def hessian_on_support(self, theta, indices):
        """The Hessian of the value in some parameters, whose norms are not zero.

        It is ``l1_strength (I - u u') / norm`` for a row of direction u, and 0 for moduli.

        indices : ndarray of int of shape (n,)

        Returns
        -------
        matrix : ndarray of shape (n, n)
        """
        rows, norms = theta.reshape(-1, self.n_scores), self.norms(theta)
        if norms.shape[1] == self.n_scores:
            return np.zeros((len(indices), len(indices)))
        row = indices // self.n_scores
        unit = rows.ravel()[indices] / norms[row, 0]
        blocks = (row[:, None] == row) * (np.eye(len(indices)) - np.outer(unit, unit))
        return (self.l1_strength / norms)[row] * blocks

    def shifted(self, theta):
        """Theta with each row shifted, all classes alike, such that its norm is smallest.

        The mean becomes zero for Euclidean norms, the median for moduli.
        """
        rows = theta.reshape(-1, self.n_scores)
        if self.n_scores == 1:
            return theta
        if self.norms(theta).shape[1] == 1:
            middle = rows.mean(axis=1)
        else:
            middle = np.partition(rows, self.n_scores // 2, axis=1)[:, self.n_scores // 2]
        return (rows - np.where(self.l1_strength[:, 0] > 0, middle, 0.0)[:, None]).ravel()

    def to_first_breakpoint(self, theta, step):
        """Theta plus a step, shortened to end at the first kink of the value.

        A kink is where a modulus becomes zero (Nocedal and Wright 2006, section 16.7).
        """
        if self.norms(theta).shape[1] < self.n_scores or not (theta * (theta + step) < 0).any():
            return theta + step
        lengths = np.divide(-theta, step, out=np.full_like(theta, np.inf), where=theta * step < 0)
        target = theta + lengths.min() * step
        target[lengths.argmin()] = 0.0
        return target

    def subdiff_distance(self, gradient):
        """The distance of a gradient's norms to the subdifferential at zero, as `norms`."""
        return np.maximum(self.norms(gradient) - self.l1_strength, 0)

    def on_columns(self, columns):
        return NonsmoothPenalty(self.norm, self.l1_strength[columns], self.n_scores)
