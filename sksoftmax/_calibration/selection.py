"""Choosing a calibration, or a floor under probabilities, by log loss."""

import numpy as np

from sksoftmax._calibration import learners
from sksoftmax._calibration.transforms import compact, forward, sum_of_losses

N_FOLDS = 5
# Rows of which a single fold judges as well as all of them.
MANY_ROWS = 20_000
# Classes up to which a whole matrix is tried: its parameters are as many as their square.
MOST_FOR_MATRIX = 100
# A difference of losses that decides nothing.
TIE = 1e-7
# What a map raises probabilities of 0 to: the least normal number of float32.
LEAST = 1.2e-38
# Floors to learn from, beside that of the size of the sample.
FLOORS = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-6, 1e-8, 1e-12, LEAST)


def floors(total):
    """Floors to choose from; of those that are alike, the first is taken.

    The first is ``1 / (total + 1)``: what never occurred in a sample of so much weight has a
    probability of about that (Laplace's rule).
    """
    return (min(1 / (total + 1), FLOORS[0]), *FLOORS)


def auto(sample):
    """The calibration of least cross-validated log loss, the identity being one of them."""
    candidates = _candidates(sample)
    losses = held_out_losses(sample, candidates)
    return candidates[first_of_least(losses)](sample)


def _candidates(sample):
    simple = (learners.identity, learners.temperature, learners.vector)
    small = sample.n_classes <= MOST_FOR_MATRIX
    return (*simple, learners.structured, learners.matrix) if small else simple


def held_out_losses(sample, candidates):
    """Summed log loss of each candidate on folds that it was not learned from."""
    losses = np.zeros(len(candidates))
    for fold in range(N_FOLDS if sample.n_rows <= MANY_ROWS else 1):
        train = sample.where(lambda scores, fold=fold: content_folds(scores) != fold)
        held_out = sample.where(lambda scores, fold=fold: content_folds(scores) == fold)
        if train.n_rows and held_out.n_rows:
            loss = [held_out.log_loss(learn(train).steps) for learn in candidates]
            losses += np.array(loss) * held_out.total
    return losses


def first_of_least(losses):
    """Index of the first loss that is the least but for rounding: simpler ones come first."""
    least = min(losses)
    return next(i for i, loss in enumerate(losses) if loss <= least + TIE * (1 + abs(least)))


def content_folds(scores):
    """A fold for each row that depends on the row alone, and not on the order of its columns.

    A row that stands twice is then in one fold, as is its weight, and neither the order of the
    rows nor that of the classes decides anything.
    """
    ordered = np.sort(np.abs(scores) if scores.shape[1] == 1 else scores, axis=1)
    digest = (ordered * np.sqrt(np.arange(2.0, ordered.shape[1] + 2))).sum(axis=1)
    # Half of the digits, so that rounding, in another order of the columns, hardly ever shows.
    mantissa, exponent = np.frexp(digest)
    key = np.round(mantissa * 2**26).astype(np.int64) + (exponent.astype(np.int64) << 32)
    # The middle bits of a product with an odd number are well mixed (Knuth 1998, section 6.4).
    mixed = key.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(40)) % np.uint64(N_FOLDS)


def best_reading(readings, make_sample, learn):
    """The reading of the columns that leaves the least log loss after ``learn``.

    Counted in is one more row, of which the columns are certain and wrong. No sample shows that
    there is none to come, and a floor that would make it too dear is worth less than it saves.
    """

    def loss(reading):
        sample = make_sample(reading)
        steps = learn(sample).steps
        certain = compact(reading.scores(np.eye(1, sample.n_classes)))
        wrong = sum_of_losses(forward(steps, certain), np.array([1]), np.ones(1))
        fee = float(reading.floor < readings[0].floor)
        return (sample.log_loss(steps) * sample.total + wrong + fee) / (sample.total + 1)

    if len(readings) == 1:
        return readings[0]
    return readings[first_of_least([loss(reading) for reading in readings])]


LEARNERS = {None: learners.identity, **learners.LEARNERS, "auto": auto}
