"""L-BFGS descents of several objectives that are evaluated together.

Each descent is a generator that yields requests, for an evaluation or for a gap, and is sent the
answers (reverse communication). ``run`` collects the requests, so that one pass over the data
answers all of them. Gaps are asked for when no descent wants another evaluation.
"""

from typing import NamedTuple

import numpy as np

from sksoftmax._solvers.lbfgs import RESCALE, two_loop
from sksoftmax._solvers.line_search import MOST_TRIALS, Point, cubic_minimum, low_enough
from sksoftmax._solvers.loop import raised
from sksoftmax._solvers.pairs import extended

MEMORY = 8


class EvaluationRequest(NamedTuple):
    """Asks for the Point at a theta."""

    theta: np.ndarray


class GapRequest(NamedTuple):
    """Asks for a proved gap at a Point."""

    point: Point


class Result(NamedTuple):
    """Where a descent ended, and what it learned.

    gap : proved by then; inf where it ended for lack of progress or of steps
    slack : how much larger the proved gap is than the decrement
    """

    point: Point
    gap: float
    pairs: tuple
    n_iter: int
    slack: float


def descent(
    point, pairs, preconditioner, *, rescaled, prediction, slack, tol, bound, longest, rounding=0.0,
):  # fmt: skip
    """L-BFGS steps from a point, until a gap of ``tol * value`` is proved.

    rescaled : bool, whether the preconditioner is scaled by the pairs, see `initial_scale`
    prediction : ndarray or None, a theta that is tried instead of the first step
    slack : float, how much larger than the decrement gaps are, as far as is known
    bound : function of a gradient, a bound on the gap that costs nothing
    longest : int, the most steps
    rounding : of values: the descent ends where it expects to gain no more than that
    """
    n_iter = 0
    while True:
        target, gap = tol * abs(point.value), None
        if 1.3 * bound(point.gradient) <= target:
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
        pairs = extended(pairs, point, found, MEMORY)
        # A prediction may be no better; a line search ends within rounding at worst.
        point = found if n_iter or found.value < point.value else point
        n_iter += 1


def initial_scale(pairs, preconditioner):
    """What the inverse of a diagonal preconditioner is multiplied by.

    Halfway to what would suit the last pair, which speaks for one direction of many: all the way,
    or none, takes more steps. Matrices are true to scale as they are.
    """
    if not pairs:
        return 1.0
    last = pairs[-1]
    return np.sqrt(last.product / (last.change @ preconditioner.solve(last.change)))


def _line_search(point, direction, rounding):
    slope = float(point.gradient @ direction)
    length = 1.0
    for _ in range(MOST_TRIALS if slope < 0 else 0):
        if -length * slope <= rounding:
            return None
        trial = yield EvaluationRequest(point.theta + length * direction)
        values = point.value, trial.value, length * slope, length * (trial.gradient @ direction)
        if low_enough(*values):
            return trial
        length *= min(max(cubic_minimum(*values), 0.1), 0.6)
    return None


def run(descents, evaluate, prove, knowledge):
    """Run all descents to their ends.

    descents : list of generators
    evaluate : function of a list of thetas and the descents' numbers, the list of their Points
    prove : function of a list of Points, the descents' numbers and the knowledge
        The list of their gaps, and the knowledge that the next proofs begin with.

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
