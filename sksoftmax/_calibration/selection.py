"""Calibration by an average of maps, weighted by held-out loss; selection of a floor."""

from functools import partial

import numpy as np

from sksoftmax._calibration import learners
from sksoftmax._calibration.sample import Sample
from sksoftmax._calibration.transforms import (
    averaged,
    compact,
    forward,
    row_losses,
    sum_of_losses,
)
from sksoftmax._objective.rows import concatenate_blocks, take_rows

N_FOLDS = 5
# Above so many rows the floor and the weights of maps are learned from about so many of them.
ROWS_TO_DRAW = 20_000
# What is added to the likelihood of the weights, in rows: it keeps them equal on few rows.
PRIOR = 0.3
WEIGHT_TOLERANCE, MAX_WEIGHT_ITERATIONS = 1e-6, 200
# Rows that a sample counts for at most where maps are weighted, lest the prior be lost in rounding.
MOST_ROWS = 1e9
# Losses closer than this, relative to 1 + loss, count as equal.
TIE_TOLERANCE = 1e-7
# Probabilities are clipped to the smallest normal number of float32 before a map.
MIN_PROBABILITY = 1.2e-38
# Candidates for the floor, beside the one that depends on the sample size.
FLOORS = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-6, 1e-8, 1e-12, MIN_PROBABILITY)


def floors(total):
    """Candidates for the floor, the preferred one first: of equal losses the first is chosen.

    The first is ``1 / (total + 1)``, by Laplace's rule of succession about the probability of an
    event that did not occur in a sample of that weight.
    """
    return (min(1 / (total + 1), FLOORS[0]), *FLOORS)


def auto(sample):
    """The mean of the calibrated scores of several maps, weighted by held-out log loss.

    The maps follow one temperature and one mixture with the uniform distribution, and are linear in
    their parameters, so that their mean is one map, that of the mean parameters.
    """
    family = learners.family(sample.n_scores)
    weights = stacking_weights(*held_out_losses(sample, tuple(family.values())))
    learned = _common_steps(sample)
    mixed = sample.with_scores(partial(forward, learned.steps))
    steps = [learn(mixed) for learn in family.values()]
    mean = averaged(steps, weights)
    # Ties go to the simpler map, which comes first.
    name = list(family)[first_of_least(-weights)]
    return learned._replace(steps=(*learned.steps, mean), name=name)


def _common_steps(sample):
    """A temperature, and the mixture with the uniform distribution."""
    return learners.mixed_with_uniform(sample, learners.temperature(sample))


def held_out_losses(sample, family):
    """Losses of held-out rows under each map, (n_maps, n_rows), and weights of the rows.

    Of many rows some are drawn, and held in memory wherever the others are.
    """
    scores, labels, weight = drawn(sample)
    of_fold = content_folds(scores)
    losses = [(np.empty((len(family), 0)), np.empty(0))]
    for fold in range(N_FOLDS):
        held_out, train = of_fold == fold, of_fold != fold
        if train.any() and held_out.any():
            rest = Sample.from_arrays(scores[train], labels[train], weight[train])
            own = _losses(rest, family, scores[held_out], labels[held_out])
            losses.append((own, weight[held_out]))
    losses, weight = zip(*losses, strict=True)
    return np.hstack(losses), np.concatenate(weight)


def drawn(sample, scores_of=np.positive):
    """Columns, labels and weights of about ``ROWS_TO_DRAW`` rows, or of all where they are no more.

    They are drawn by content alone, and are in memory wherever the sample is.

    scores_of : function of columns to the scores whose content decides
    """
    one_in = -(-sample.n_rows // ROWS_TO_DRAW)

    def own(block):
        is_drawn = content_numbers(scores_of(block.X)) // N_FOLDS % one_in == 0
        return [take_rows(block, np.flatnonzero(is_drawn & (block.weight > 0)))]

    return concatenate_blocks(sample.rows.sum(own))


def _losses(train, family, scores, labels):
    """Losses of rows under the maps that are learned from others, (n_maps, n_rows)."""
    common = _common_steps(train).steps
    mixed = train.with_scores(partial(forward, common))
    scores = forward(common, scores)
    return np.array([row_losses(learn(mixed).forward(scores), labels) for learn in family])


def stacking_weights(losses, weight):
    """Weights of maps, (n_maps,), of least held-out loss of the weighted mean of probabilities.

    The sum of log probabilities plus ``PRIOR * sum_j log(w_j)`` is concave on the simplex. Newton
    steps of length ``1 / (1 + decrement)`` never leave it (Boyd and Vandenberghe 2004, 9.6).
    """
    weight = weight / max(1.0, weight.sum() / MOST_ROWS)
    likelihood = np.exp(losses.min(axis=0) - losses)
    weights = np.full(len(losses), 1 / len(losses))
    for _ in range(MAX_WEIGHT_ITERATIONS):
        ratio = likelihood / (weights @ likelihood)
        gradient = ratio @ weight + PRIOR / weights
        curvature = (ratio * weight) @ ratio.T + np.diag(PRIOR / weights**2)
        by_gradient, by_sum = np.linalg.solve(curvature, np.c_[gradient, np.ones(len(weights))]).T
        step = by_gradient - by_sum * (by_gradient.sum() / by_sum.sum())
        decrement = np.sqrt(max(step @ curvature @ step / PRIOR, 0.0))
        weights = weights + step / (1 + decrement)
        if decrement <= WEIGHT_TOLERANCE:
            break
    return weights / weights.sum()


def first_of_least(losses):
    """Index of the first loss equal to the smallest up to rounding; simpler ones come first."""
    smallest = min(losses)
    bound = smallest + TIE_TOLERANCE * (1 + abs(smallest))
    return next(i for i, loss in enumerate(losses) if loss <= bound)


def content_folds(scores):
    """Fold indices, (n_rows,)."""
    return content_numbers(scores) % N_FOLDS


def content_numbers(scores):
    """Numbers below 2^24, (n_rows,), a hash of each row that ignores the order of its columns.

    Equal rows share a number, so that a weight of 2 is the row twice, and the numbers depend
    neither on the order of the rows nor on that of the classes.
    """
    ordered = np.sort(np.abs(scores) if scores.shape[1] == 1 else scores, axis=1)
    digest = (ordered * np.sqrt(np.arange(2.0, ordered.shape[1] + 2))).sum(axis=1)
    # 26 of 53 bits, so that rounding, which depends on the order of columns, hardly ever counts.
    mantissa, exponent = np.frexp(digest)
    key = np.round(mantissa * 2**26).astype(np.int64) + (exponent.astype(np.int64) << 32)
    # The middle bits of a product with an odd number are well mixed (Knuth 1998, section 6.4).
    mixed = key.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(40)).astype(np.int64)


def best_input_transform(candidates, sample, learn):
    """The candidate input transform of least log loss after ``learn``.

    The loss counts one row more than the sample, whose probabilities are certain and wrong. No
    sample can rule out such a row, and without a floor its loss is infinite. Floors below the
    first candidate add 1 to the sum, so that they need evidence.

    sample : Sample of columns
    """
    if len(candidates) == 1:
        return candidates[0]
    few = drawn(sample, lambda columns: compact(candidates[0].scores(columns)))
    # None may be drawn where many rows are alike.
    sample = Sample.from_arrays(*few, sample.n_scores) if len(few.weight) else sample

    def loss(candidate):
        scaled = sample.compacted(candidate.scores)
        steps = learn(scaled).steps
        certain = compact(candidate.scores(np.eye(1, sample.n_classes)))
        wrong = sum_of_losses(forward(steps, certain), np.array([1]), np.ones(1))
        penalty = float(candidate.floor < candidates[0].floor)
        return (scaled.log_loss(steps) * sample.total + wrong + penalty) / (sample.total + 1)

    return candidates[first_of_least([loss(candidate) for candidate in candidates])]


LEARNERS = {None: learners.identity, **learners.LEARNERS, "auto": auto}
