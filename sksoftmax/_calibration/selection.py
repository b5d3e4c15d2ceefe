"""Selection of a calibration, or of a floor under probabilities, by log loss."""

import numpy as np

from sksoftmax._calibration import learners
from sksoftmax._calibration.transforms import compact, forward, sum_of_losses

N_FOLDS = 5
# Above so many rows a single fold is held out once, not each of N_FOLDS.
ROWS_FOR_ONE_FOLD = 20_000
# Above so many classes no matrix is tried: it has n_classes ** 2 parameters.
MAX_CLASSES_OF_MATRIX = 100
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
    """The calibration of least cross-validated log loss, the identity being one of them."""
    candidates = _candidates(sample)
    losses = held_out_losses(sample, candidates)
    return candidates[first_of_least(losses)](sample)


def _candidates(sample):
    simple = (learners.identity, learners.temperature, learners.vector)
    small = sample.n_classes <= MAX_CLASSES_OF_MATRIX
    return (*simple, learners.structured, learners.matrix) if small else simple


def held_out_losses(sample, candidates):
    """Summed log loss of each candidate on folds that it was not learned from."""
    losses = np.zeros(len(candidates))
    for fold in range(N_FOLDS if sample.n_rows <= ROWS_FOR_ONE_FOLD else 1):
        train = sample.select(lambda scores, fold=fold: content_folds(scores) != fold)
        held_out = sample.select(lambda scores, fold=fold: content_folds(scores) == fold)
        if train.n_rows and held_out.n_rows:
            loss = [held_out.log_loss(learn(train).steps) for learn in candidates]
            losses += np.array(loss) * held_out.total
    return losses


def first_of_least(losses):
    """Index of the first loss equal to the smallest up to rounding; simpler ones come first."""
    smallest = min(losses)
    bound = smallest + TIE_TOLERANCE * (1 + abs(smallest))
    return next(i for i, loss in enumerate(losses) if loss <= bound)


def content_folds(scores):
    """Fold indices, (n_rows,), by a hash of each row that ignores the order of its columns.

    Equal rows share a fold, so that a weight of 2 is the row twice, and the folds depend neither
    on the order of the rows nor on that of the classes.
    """
    ordered = np.sort(np.abs(scores) if scores.shape[1] == 1 else scores, axis=1)
    digest = (ordered * np.sqrt(np.arange(2.0, ordered.shape[1] + 2))).sum(axis=1)
    # 26 of 53 bits, so that rounding, which depends on the order of columns, hardly ever counts.
    mantissa, exponent = np.frexp(digest)
    key = np.round(mantissa * 2**26).astype(np.int64) + (exponent.astype(np.int64) << 32)
    # The middle bits of a product with an odd number are well mixed (Knuth 1998, section 6.4).
    mixed = key.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(40)) % np.uint64(N_FOLDS)


def best_input_transform(candidates, make_sample, learn):
    """The candidate input transform of least log loss after ``learn``.

    The loss counts one row more than the sample, whose probabilities are certain and wrong. No
    sample can rule out such a row, and without a floor its loss is infinite. Floors below the
    first candidate add 1 to the sum, so that they need evidence.
    """

    def loss(candidate):
        sample = make_sample(candidate)
        steps = learn(sample).steps
        certain = compact(candidate.scores(np.eye(1, sample.n_classes)))
        wrong = sum_of_losses(forward(steps, certain), np.array([1]), np.ones(1))
        penalty = float(candidate.floor < candidates[0].floor)
        return (sample.log_loss(steps) * sample.total + wrong + penalty) / (sample.total + 1)

    if len(candidates) == 1:
        return candidates[0]
    return candidates[first_of_least([loss(candidate) for candidate in candidates])]


LEARNERS = {None: learners.identity, **learners.LEARNERS, "auto": auto}
