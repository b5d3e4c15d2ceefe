"""Penalties on the parameters: the part of an objective that needs no data.

``Ridge`` is smooth and belongs to the smooth objective. What has corners is a ``Shape``, that says
what a feature's coefficients cost and how they shrink, and ``Rough``, that gives each feature its
amount.
"""

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np


class Penalty(Protocol):
    """A convex function of theta."""

    strength: np.ndarray

    def value_and_gradient(self, theta): ...


@dataclass(frozen=True)
class Ridge:
    """``sum_j strength_j / 2 * (theta_j - origin_j)^2``.

    strength : ndarray of shape (n_parameters,), >= 0
        The curvature of the penalty in each parameter; 0 leaves it free.
    origin : ndarray of shape (n_parameters,), or 0
        What it pulls towards.
    """

    strength: np.ndarray
    origin: np.ndarray | float = 0.0

    def value_and_gradient(self, theta):
        away = theta - self.origin
        gradient = self.strength * away
        return 0.5 * float(away @ gradient), gradient

    def on_columns(self, columns, n_scores):
        return Ridge(self.strength.reshape(-1, n_scores)[columns].ravel())


class Shape(Protocol):
    """What makes coefficients exactly zero, on rows of a feature's coefficients for all classes.

    The penalty of a row is the sum of its sizes, times an amount. Sizes are norms that are their
    own dual, as the modulus and the Euclidean norm are: the certificate takes those of the
    gradient.
    """

    penalty_factor: object

    def sizes(self, rows):
        """Norms of what becomes zero together: (n_features, n_scores) or (n_features, 1)."""

    def shrink(self, rows, amount):
        """``argmin_x amount * sizes(x) + |x - rows|^2 / 2``; amounts are (n_features, 1)."""


class ParametersMixin:
    """The fields of a dataclass as scikit-learn's parameters, for clones and searches."""

    def get_params(self, deep=True):
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

    def set_params(self, **params):
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

    def sizes(self, rows):
        """Moduli of rows of coefficients, a row for each feature."""
        return np.abs(rows)

    def shrink(self, rows, amount):
        """Every coefficient by the amount of its row, towards zero and not beyond."""
        return rows - np.clip(rows, -amount, amount)


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

    def sizes(self, rows):
        """Euclidean norms of rows of coefficients, a row for each feature."""
        return np.sqrt(np.einsum("jk,jk->j", rows, rows))[:, None]

    def shrink(self, rows, amount):
        """Every row by its amount in length, towards zero and not beyond."""
        sizes = self.sizes(rows)
        kept = np.maximum(sizes - amount, 0)
        return rows * np.divide(kept, sizes, out=np.zeros_like(sizes), where=sizes > 0)


SHAPES = {"elasticnet": ElasticNet()}


@dataclass(frozen=True)
class Rough:
    """``sum_j amount_j * sizes_j(theta)``, on theta as rows of ``n_scores`` parameters.

    shape : Shape
    amount : ndarray of shape (n_columns, 1), >= 0
        inf keeps a column at zero.
    n_scores : int
    """

    shape: Shape
    amount: np.ndarray
    n_scores: int

    def sizes(self, theta):
        return self.shape.sizes(theta.reshape(-1, self.n_scores))

    def value(self, theta):
        sizes = self.sizes(theta)
        # An infinite amount of nothing is nothing.
        return float(np.sum(np.where(sizes > 0, self.amount, 0) * sizes))

    def prox(self, theta, step):
        """``argmin_x value(x) + sum_j |x_j - theta_j|^2 / (2 step_j)``; steps by column."""
        rows = theta.reshape(-1, self.n_scores)
        return self.shape.shrink(rows, step[:, None] * self.amount).ravel()

    def slope(self, theta):
        """The gradient of the value where sizes are not zero, and zero where they are."""
        rows, sizes = theta.reshape(-1, self.n_scores), self.sizes(theta)
        pull = np.divide(self.amount, sizes, out=np.zeros_like(sizes), where=sizes > 0)
        return (rows * pull).ravel()

    def bend(self, theta, places):
        """The matrix of second derivatives in some parameters, of sizes that are not zero.

        ``amount (I - u u') / size`` for the direction u of a row; nothing where parameters have
        sizes of their own.
        """
        rows, sizes = theta.reshape(-1, self.n_scores), self.sizes(theta)
        if sizes.shape[1] == self.n_scores:
            return np.zeros((len(places), len(places)))
        row = places // self.n_scores
        unit = rows.ravel()[places] / sizes[row, 0]
        blocks = (row[:, None] == row) * (np.eye(len(places)) - np.outer(unit, unit))
        return (self.amount / sizes)[row] * blocks

    def settled(self, theta):
        """Theta moved, all classes alike, to where the values of its rows are least.

        Of norms that is to where the mean is zero, of sizes of each class's own the median.
        """
        rows = theta.reshape(-1, self.n_scores)
        if self.n_scores == 1:
            return theta
        if self.sizes(theta).shape[1] == 1:
            middle = rows.mean(axis=1)
        else:
            middle = np.partition(rows, self.n_scores // 2, axis=1)[:, self.n_scores // 2]
        return (rows - np.where(self.amount[:, 0] > 0, middle, 0.0)[:, None]).ravel()

    def stride(self, theta, step):
        """Theta and as much of a step, at most all, as leads to the first zero that is a corner."""
        if self.sizes(theta).shape[1] < self.n_scores or not (theta * (theta + step) < 0).any():
            return theta + step
        ways = np.divide(-theta, step, out=np.full_like(theta, np.inf), where=theta * step < 0)
        target = theta + ways.min() * step
        target[ways.argmin()] = 0.0
        return target

    def excess(self, theta):
        """By how much sizes exceed the amounts: the distance to the subdifferential at 0."""
        return np.maximum(self.sizes(theta) - self.amount, 0)

    def on_columns(self, columns):
        return Rough(self.shape, self.amount[columns], self.n_scores)
