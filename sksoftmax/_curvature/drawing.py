"""The rows that matter to a Hessian, drawn by what each adds to it.

A row adds about its curvature ``v_i`` times its leverage ``x_i' M^-1 x_i`` in the averaged
curvature M; drawn by that, ten rows a parameter make a metric that is good to a third or so
even where a few of many rows hold all the curvature, as in nearly separable classes.
"""

from dataclasses import replace

from sksoftmax._curvature import approximations, costs
from sksoftmax._curvature.moments import Centring, centred_columns
from sksoftmax._objective.kernels import variances
from sksoftmax._objective.rows import sample

# Share of the rows that is drawn evenly, whatever their curvature.
EVEN_SHARE = 0.05


def drawn(objective, theta):
    """The Hessian of rows drawn for it, as a metric."""
    return approximations.exact(on_drawn_rows(objective, theta), theta)


def on_drawn_rows(objective, theta):
    """The objective on rows drawn for its Hessian at theta; all of them where they are few."""
    n_rows = costs.hessian_rows(objective)
    if n_rows >= objective.n_rows:
        return objective
    at, about = approximations.probabilities_at(objective, theta), Centring.of(objective)

    def spread(block):
        return variances(at(block)).mean(axis=0)

    def mass(block):
        columns = centred_columns(block.X, about)
        return block.weight * (spread(block) * leverages(columns) + even)

    shared = approximations.shared(objective, lambda block: spread(block) * block.weight)
    leverages = shared.factor.leverages()
    # The leverages, weighted by what they are leverages of, sum to at most the rank.
    even = EVEN_SHARE * objective.map.n_columns
    total = (1 + EVEN_SHARE) * objective.map.n_columns * objective.total_weight
    rows = sample(objective.rows, n_rows, total, objective.map.n_scores, mass)
    return replace(objective, rows=rows)
