"""L-BFGS descents of several objectives that are evaluated together.

Each descent is a generator that yields requests, for an evaluation or for a gap, and is sent the
answers (reverse communication). ``run`` collects the requests, so that one pass over the data
answers all of them. Gaps are asked for when no descent wants another evaluation.
"""

from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.lbfgs import RESCALE, two_loop
from sksoftmax._solvers.line_search import MOST_TRIALS, Point, is_low_enough, shortening
from sksoftmax._solvers.loop import raised
from sksoftmax._solvers.pairs import with_pair

MEMORY = 8  # pairs
# Ratio of the gap that a proof gives to the bound that costs nothing, as a rule.
PROOF_OVER_BOUND = 1.3


class EvaluationRequest(NamedTuple):
    """Asks for the Point at a theta."""

    theta: np.ndarray


class GapRequest(NamedTuple):
    """Asks for a proved gap at a Point."""

    point: Point


class Result(NamedTuple):
    """Where a descent ended, and what it learned.

    point : Point
    gap : float, the gap that was proved; inf if it ended without a proof
    pairs : tuple of Pair, the latest last
    n_iter : int
    slack : float, ratio of proved gaps to the decrement
    """

    point: Point
    gap: float
    pairs: tuple
    n_iter: int
    slack: float


def descent(
    point, pairs, preconditioner, *, rescaled, prediction, slack, tol, bound, longest, rounding=0.0,
):  # fmt: skip
    """L-BFGS steps from a Point until a gap of ``tol * value`` is proved.

    A generator that yields requests, is sent the answers, and returns a `Result`.

    pairs : tuple of Pair, from an earlier descent
    rescaled : bool, whether the preconditioner is scaled by the pairs, see `initial_scale`
    prediction : ndarray or None, a theta that is tried in the place of the first step
    slack : float, ratio of proved gaps to the decrement, as far as is known
    bound : function of a gradient, a gap that costs nothing to prove but for free parameters
    longest : int, the largest number of steps
    rounding : float, of values; the descent ends where it expects to gain no more
    """
    n_iter = 0
    while True:
        target, gap = tol * abs(point.value), None
        if PROOF_OVER_BOUND * bound(point.gradient) <= target:
            gap = yield GapRequest(point)
            if gap <= target:
                return Result(point, gap, pairs, n_iter, slack)
        if n_iter % RESCALE <= 1:
            scale = initial_scale(pairs, preconditioner) if rescaled else 1.0
        direction = -two_loop(pairs, preconditioner, scale, point.gradient)
        decrement = -0.5 * float(point.gradient @ direction)
        if gap is None and prediction is None and slack * decrement <= target:
            gap = yield GapRequest(point)
            if gap <= target:
                return Result(point, gap, pairs, n_iter, slack)
        if gap is not None:
            slack = raised(slack, gap, decrement)
        if n_iter == longest or decrement <= rounding:
            return Result(point, np.inf, pairs, n_iter, slack)
        if prediction is None:
            found = yield from _line_search(point, direction, rounding)
        else:
            found, prediction = (yield EvaluationRequest(prediction)), None
        if found is None:
            return Result(point, np.inf, pairs, n_iter, slack)
        pairs = with_pair(pairs, point, found, MEMORY)
        # A prediction may be no better; a line search ends within rounding at worst.
        point = found if n_iter or found.value < point.value else point
        n_iter += 1


def initial_scale(pairs, preconditioner):
    """The factor of the inverse of a preconditioner without couplings, such as a diagonal.

    It is halfway, in logarithms, to the scale that the last pair asks for, which is of one
    direction among many: descents with that scale, or with none, take more steps.
    """
    if not pairs:
        return 1.0
    last = pairs[-1]
    return np.sqrt(last.product / (last.change @ preconditioner.solve(last.change)))


def _line_search(point, direction, rounding):
    """``line_search.backtrack`` as a generator, which also ends where only rounding is gained."""
    slope = float(point.gradient @ direction)
    length = 1.0
    for _ in range(MOST_TRIALS if slope < 0 else 0):
        if -length * slope <= rounding:
            return None
        trial = yield EvaluationRequest(point.theta + length * direction)
        ends = point.value, trial.value, length * slope, length * (trial.gradient @ direction)
        if is_low_enough(*ends):
            return trial
        length *= shortening(*ends)
    return None


def run(descents, evaluate, prove, knowledge):
    """Run all descents to their ends.

    descents : list of generators
    evaluate : function of a list of thetas and of the descents' numbers, the list of their Points
    prove : function of a list of Points, of the descents' numbers and of the knowledge
        Returns the list of their gaps, and the knowledge that the next proofs begin with.
    knowledge : what the first proofs begin with

    Returns
    -------
    results : list of Result, one for each descent
    knowledge
    """
    results = [None] * len(descents)
    pending = {}

    def send(number, answer):
        try:
            pending[number] = descents[number].send(answer)
        except StopIteration as end:
            results[number] = end.value
            pending.pop(number, None)

    for number in range(len(descents)):
        send(number, None)
    while pending:
        asking = {n: r for n, r in pending.items() if isinstance(r, EvaluationRequest)}
        if asking:
            answers = evaluate([request.theta for request in asking.values()], list(asking))
        else:
            asking = dict(pending)
            points = [request.point for request in asking.values()]
            answers, knowledge = prove(points, list(asking), knowledge)
        for number, answer in zip(asking, answers, strict=True):
            send(number, answer)
    return results, knowledge
