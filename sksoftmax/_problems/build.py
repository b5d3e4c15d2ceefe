"""Problems of softmax regression from encoded data, and coefficients from their solutions."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sksoftmax._data import magnitudes
from sksoftmax._objective.composite import CompositeObjective
from sksoftmax._objective.objective import Objective
from sksoftmax._objective.penalties import NORMS, NonsmoothPenalty, Ridge
from sksoftmax._objective.rows import InMemoryRows
from sksoftmax._objective.score_maps import LinearMap
from sksoftmax._problems.class_rows import expanded
from sksoftmax._problems.composite import CompositeProblem
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax._runtime.quiet import quiet
from sksoftmax._solvers import COMPOSITE_SOLVERS, SOLVERS, WARM_SOLVERS

# Largest strength of a penalty: the square of its inverse must not underflow.
LARGEST = 1e100
# Decrease of the objective by a column that counts as none.
NEGLIGIBLE = 1e-20
# Largest penalty factor that is finite: the penalties of other features must not be lost in
# rounding.
LARGEST_FACTOR = 1e12


# What to write for a penalty of scikit-learn's LogisticRegression.
NO_PENALTY = "write C=np.inf for no penalty; SoftmaxRegressionCV has then nothing to choose"
INSTEAD = {
    "l1": "write l1_ratio=1.0, or l1_ratios=[1.0] in SoftmaxRegressionCV, and leave penalty out",
    "l2": "write l1_ratio=0.0, or l1_ratios=[0.0] in SoftmaxRegressionCV, and leave penalty out; "
    "both are the default",
    "none": NO_PENALTY,
    None: NO_PENALTY,
}


def check_penalty(penalty):
    """The Norm of the parameter ``penalty``, which is a name or a Norm itself.

    Raises
    ------
    ValueError, TypeError
        With what to write instead.
    """
    if isinstance(penalty, str) and penalty in NORMS:
        return NORMS[penalty]
    parts = ("norms", "prox", "penalty_factor")
    if not isinstance(penalty, type) and all(hasattr(penalty, part) for part in parts):
        return penalty
    kind = ValueError if isinstance(penalty, str) or penalty is None else TypeError
    wanted = f"penalty must be one of {sorted(NORMS)}, ElasticNet() or GroupLasso()"
    if isinstance(penalty, type) and penalty.__name__ in ("ElasticNet", "GroupLasso"):
        raise kind(f"{wanted}, got a class: write penalty={penalty.__name__}()")
    advice = INSTEAD.get(penalty) if isinstance(penalty, str) or penalty is None else None
    advice = advice or "l1_ratio is the share of the l1 part, and C=np.inf no penalty"
    raise kind(f"{wanted}, got {penalty!r}: {advice}")


def check_factors(norm, n_features):
    """The penalty factors of a Norm, (n_features,); a ValueError if they are invalid."""
    if norm.penalty_factor is None:
        return np.ones(n_features)
    try:
        factors = np.asarray(norm.penalty_factor, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"penalty_factor must be numbers: {error}") from None
    if factors.shape != (n_features,):
        raise ValueError(
            f"penalty_factor must have one number for each of {n_features} features, "
            f"got the shape {factors.shape}"
        )
    if not (factors >= 0).all():
        raise ValueError(f"penalty_factor must not be negative or nan, got {factors.min()}")
    large = factors[np.isfinite(factors) & (factors > LARGEST_FACTOR)]
    if len(large):
        raise ValueError(
            f"penalty_factor must be inf, to exclude a feature, or at most {LARGEST_FACTOR:g}, "
            f"got {large[0]}"
        )
    return factors


def treats_columns_alike(l1_ratio, norm, solver):
    """Whether the penalty is the same for all columns, so that these may be rotated."""
    return l1_ratio == 0 and norm.penalty_factor is None and solver != "proximal"


def penalty_strength(C, total_weight):
    """``1 / (C sum(w))``; a ValueError if it is out of range."""
    strength = 1 / float(C) / total_weight
    if not strength < LARGEST:
        raise ValueError(
            f"C={float(C)!r} is too small: the penalty's strength would be {strength:.1e} beside "
            "the loss"
        )
    return strength


def check_small_columns(data, *, C, l1_ratio, norm):
    """Raise a ValueError for a column of too small entries, unless its penalty keeps it at zero.

    A column lowers the objective by the square of its largest entry over the strength of its ridge
    at most, and not at all where the l1 strength exceeds its gradient.
    """
    largest = data.magnitudes.columns
    small = largest < magnitudes.COLUMNS[data.dtype].least
    if not small.any():
        return
    factors = check_factors(norm, data.n_features) * penalty_strength(C, data.total_weight)
    ridge, l1 = (1 - l1_ratio) * factors, l1_ratio * factors
    at_zero = (largest <= np.sqrt(NEGLIGIBLE * ridge)) | (2 * largest <= l1)
    wrong = np.flatnonzero(small & ~at_zero & (largest > 0))
    if len(wrong):
        raise ValueError(
            f"column {wrong[0]} of X has no entry beyond {largest[wrong[0]]:.3g} in magnitude, "
            f"and next to no penalty: {data.dtype} columns are then taken from "
            f"{magnitudes.COLUMNS[data.dtype].least:g} on; multiply it by a power of ten"
        )


class Batch(NamedTuple):
    """Encoded rows of a stream, with what `make_problem` reads of ``Encoded``.

    total_weight : float, of all rows of the stream so far
    center : ndarray of shape (n_features,)
    """

    rows: InMemoryRows
    total_weight: float
    n_rows: int
    n_features: int
    n_entries: int
    n_scores: int
    center: np.ndarray
    working_dtype: np.dtype
    fits_single: bool = False
    is_sparse: bool = False


def make_problem(data, *, C, l1_ratio, norm, fit_intercept, solver):
    """The problem of a fit.

    data : Encoded or Batch
    norm : Norm

    Returns
    -------
    problem : SmoothProblem or CompositeProblem
        The latter with an l1 part or excluded features, or for the solver "proximal".
    """
    score_map = LinearMap(data.n_scores, data.n_features, data.center if fit_intercept else None)
    factors = check_factors(norm, data.n_features)
    excluded = np.isinf(factors)
    factors = np.where(excluded, 0.0, factors) * penalty_strength(C, data.total_weight)
    strength = np.zeros(score_map.n_scores * score_map.n_columns)
    score_map.split(strength)[0][:] = (1 - l1_ratio) * factors
    l1_strength = np.zeros((score_map.n_columns, 1))
    l1_strength[: data.n_features, 0] = np.where(excluded, np.inf, l1_ratio * factors)
    smooth = Objective(
        rows=data.rows,
        map=score_map,
        penalty=Ridge(strength),
        total_weight=data.total_weight,
        n_rows=data.n_rows,
        n_entries=data.n_entries,
        working_dtype=data.working_dtype,
        fits_single=data.fits_single and not data.is_sparse,
    )
    if not l1_strength.any() and solver != "proximal":
        return SmoothProblem(smooth)
    nonsmooth = NonsmoothPenalty(norm, l1_strength, score_map.n_scores)
    return CompositeProblem(CompositeObjective(smooth, nonsmooth))


def solver_for(problem, name, warm=False):
    """The solver of a name; a ValueError if the problem is not smooth and it needs one that is.

    warm : whether the start is near the optimum
    """
    if not isinstance(problem, CompositeProblem):
        return (WARM_SOLVERS if warm else SOLVERS)[name]
    if name not in COMPOSITE_SOLVERS:
        raise ValueError(
            f"solver={name!r} needs a smooth objective, which one with an l1 part or excluded "
            "features is not: use solver='proximal', or 'auto', which takes it"
        )
    return COMPOSITE_SOLVERS[name]


def initial(data, score_map):
    """Theta with coefficients of zero, (n_parameters,): intercepts give the class frequencies."""
    theta = score_map.initial()
    if score_map.has_intercept:
        score_map.split(theta)[1][:] = centred(np.log(data.class_weight))
    return theta


def initial_value(data, score_map):
    """The objective at `initial`: the entropy of the class frequencies, or of the uniform ones."""
    if not score_map.has_intercept:
        return float(np.log(len(data.classes)))
    frequency = data.class_weight / data.total_weight
    return -float(frequency @ np.log(frequency))


def centred(scores):
    """Scores (n_classes, ...) as (n_scores, ...): the difference of two, else centred."""
    return scores[1:] - scores[:1] if len(scores) == 2 else scores - scores.mean()


def coefficients(score_map, theta, center):
    """Coefficients (n_scores, n_features) and intercepts (n_scores,) for columns about zero."""
    coef, at_center = score_map.split(theta)
    if at_center is None:
        return coef, np.zeros(len(coef))
    intercept = at_center - coef @ center
    if len(coef) > 1:
        intercept -= intercept.mean()  # defined up to a constant
    return coef, intercept


@dataclass(frozen=True)
class Coordinates:
    """How to read theta as coefficients on the columns of X.

    map : LinearMap
    columns : AllColumns or RowSpace, from the columns of the fit to those of X
    center : ndarray of shape (n_features,), of the columns of the fit
    dtype : of the model's coefficients
    classes : ndarray of shape (n_classes,), of the model
    present : ndarray of bool of shape (n_classes,), the classes that the fit is of
    """

    map: LinearMap
    columns: object
    center: np.ndarray
    dtype: np.dtype
    classes: np.ndarray
    present: np.ndarray

    def coefficients(self, theta):
        """Those of the classes present, (n_scores, n_features) and (n_scores,)."""
        coef, intercept = coefficients(self.map, theta, self.center)
        return self.columns.expand(coef), intercept

    def attributes(self, theta):
        """The attributes by which an estimator predicts, by name."""
        coef, intercept = expanded(*self.coefficients(theta), self.present)
        coef, intercept = rounded(coef, intercept, self.dtype)
        return {"classes_": self.classes, "coef_": coef, "intercept_": intercept}


@quiet
def rounded(coef, intercept, dtype):
    """Coefficients and intercepts in the dtype of X, or a ValueError where it can't hold them."""
    narrow = np.array(coef, dtype=dtype, order="C"), intercept.astype(dtype)
    lost = ~np.isfinite(narrow[0]).all(axis=0)
    if lost.any():
        column = int(lost.argmax())
        raise ValueError(
            f"the coefficients of column {column} of X are up to {abs(coef[:, column]).max():.3g}, "
            f"which {np.dtype(dtype)} can't hold: multiply the column by a power of ten, give it "
            "more penalty, or pass X as float64"
        )
    if not np.isfinite(narrow[1]).all():
        raise ValueError(
            f"the intercepts are up to {abs(intercept).max():.3g}, which {np.dtype(dtype)} can't "
            "hold: pass X as float64, or subtract the columns' means"
        )
    return narrow
