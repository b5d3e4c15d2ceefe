"""Laws of solvers: whatever the way, the same optimum, and in as many steps as it claims."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from registry import (
    PROBLEMS,
    SINGLE_PRECISION,
    SOLVERS,
    Problem,
    brute_scores,
    brute_value,
    class_blocks,
    draw,
    make_problem,
    optimum,
    scaled_problem,
)

from sksoftmax._curvature import costs
from sksoftmax._problems.smooth import SmoothProblem
from sksoftmax._solvers import Solution, minimize
from sksoftmax._solvers.auto import Auto
from sksoftmax._solvers.conjugate_gradients import conjugate_gradients
from sksoftmax._solvers.gradient_descent import GradientDescent
from sksoftmax._solvers.lbfgs import Lbfgs, two_loop
from sksoftmax._solvers.line_search import MOST_TRIALS, Point, backtrack, evaluate
from sksoftmax._solvers.loop import (
    FLOOR,
    REST,
    Proof,
    at_rest,
    descend,
    target_gap,
    unwatched,
)
from sksoftmax._solvers.newton import Newton
from sksoftmax._solvers.pairs import Pair

SOLVER = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
PROBLEM = pytest.mark.parametrize("name", PROBLEMS)
# Plain descent, however it is preconditioned, is slow where classes can nearly be told apart.
SLOW = {("gd", "nearly separable"), ("gd, restless", "nearly separable")}
# And that in units of the columns alone where they are much correlated, too.
SLOW |= {("adam", name) for name in ("nearly separable", "wide binary", "unpenalised, collinear")}

SAMPLED = 2000


@dataclass(frozen=True)
class Counted(SmoothProblem):
    """A problem that counts what is asked of it."""

    calls: list = field(default_factory=list)

    def value_and_gradient(self, theta):
        # A sample is a copy of the objective, with the same list.
        self.calls.append("value" if self.n_rows != SAMPLED else "value of a sample")
        return super().value_and_gradient(theta)

    def certify(self, point, target_gap=0.0, moments=None):
        self.calls.append("gap")
        return super().certify(point, target_gap, moments)


def counted(problem):
    return Counted(problem.objective)


def solve(objective, solver, theta=None, *, tol=1e-6, max_iter=400, watch=unwatched):
    start = objective.map.initial() if theta is None else theta
    return minimize(objective, solver, start, tol=tol, max_iter=max_iter, watch=watch)


@PROBLEM
@pytest.mark.parametrize("solver_name", SOLVERS)
def test_every_solver_keeps_its_promise_on_every_problem(name, solver_name):
    problem, objective = PROBLEMS[name], make_problem(PROBLEMS[name])
    solution = solve(objective, SOLVERS[solver_name])
    best = optimum(name).value
    rounding = 1e-9 if "offset" in name else 1e-13
    assert solution.converged or (solver_name, name) in SLOW
    value = brute_value(problem, solution.theta)
    assert_allclose(solution.value, value, rtol=max(rounding, 1e-12))
    assert value - best <= solution.gap + rounding * best
    if solution.converged:
        assert solution.gap <= 1e-6 * solution.value
        assert value - best <= 1e-6 * value + rounding * best


@PROBLEM
@SOLVER
def test_solutions_are_consistent(name, solver):
    seen = []
    objective = make_problem(PROBLEMS[name])

    def watch(n_iter, state):
        seen.append((n_iter, state.point.value))

    solution = solve(objective, solver, max_iter=40, watch=watch)
    assert isinstance(solution, Solution) and type(solution.converged) in (bool, np.bool_)
    assert len(solution.curve) == solution.n_iter + 1 and solution.n_iter <= 40
    assert solution.curve[-1] == solution.value
    for n_iter, value in seen:  # where single precision hands over, that of double is kept
        assert value == pytest.approx(solution.curve[n_iter], rel=1e-6)
    # A pass that makes moments too may add the same terms in another order.
    value = objective.value_and_gradient(solution.theta)[0]
    assert solution.value == pytest.approx(value, rel=8 * np.finfo(np.float64).eps)
    assert solution.solver in SOLVERS and solution.solver != "auto"
    assert solution.converged == (solution.gap <= 1e-6 * abs(solution.value))


@pytest.mark.parametrize("name", ["three classes", "single precision"])
@pytest.mark.parametrize("max_iter", [3, 100])
def test_a_watch_sees_every_step(name, max_iter):
    seen = []
    solution = solve(
        make_problem(PROBLEMS[name]), Lbfgs(), max_iter=max_iter,
        watch=lambda n_iter, state: seen.append(n_iter),
    )  # fmt: skip
    assert seen == list(range(solution.n_iter + 1))


@PROBLEM
@SOLVER
def test_the_curve_never_rises(name, solver):
    solution = solve(make_problem(PROBLEMS[name]), solver, max_iter=60)
    curve = np.array(solution.curve)
    # Where single precision hands over to double the value is that of the latter.
    rounding = 1e-6 if name in SINGLE_PRECISION else 1e-14
    assert (np.diff(curve) <= rounding * curve[1:]).all()


@SOLVER
@pytest.mark.parametrize("n_steps", [0, 1, 3])
def test_steps_are_taken_as_many_as_allowed_and_end_in_a_gap(solver, n_steps):
    solution = solve(make_problem(PROBLEMS["nearly separable"]), solver, max_iter=n_steps)
    assert solution.n_iter == n_steps and not solution.converged
    assert solution.gap > 0
    objective = make_problem(PROBLEMS["three classes"])
    n_steps = solve(objective, solver, max_iter=200).n_iter
    assert solve(objective, solver, max_iter=n_steps).converged


@SOLVER
@pytest.mark.parametrize("name", ["binary", "ten classes", "single precision", "unpenalised"])
def test_as_far_as_rounding_allows_comes_to_an_end(name, solver):
    problem = PROBLEMS[name]
    solution = solve(make_problem(problem), solver, tol=0, max_iter=300)
    assert solution.n_iter < 300
    best = optimum(name).value
    # Adam's steps don't shorten by themselves: it gives up when passes lead down no more.
    rounding = 1e-10 if solution.solver == "adam" else 1e-13
    assert brute_value(problem, solution.theta) - best <= rounding * best


@SOLVER
@pytest.mark.parametrize("name", ["ten classes", "single precision"])
def test_a_watch_ends_the_run(name, solver):
    objective = make_problem(PROBLEMS[name])
    solution = solve(objective, solver, tol=1e-12, watch=lambda n_iter, state: n_iter == 2)
    assert solution.n_iter == 2 and not solution.converged and solution.stopped
    assert np.isfinite(solution.gap) or solution.solver == "adam"  # which is far off yet


@SOLVER
def test_the_optimum_is_a_start_that_needs_no_step(solver):
    objective = make_problem(PROBLEMS["no intercept"])
    solution = solve(objective, solver, optimum("no intercept").theta)
    assert solution.converged and solution.n_iter <= 1


@SOLVER
def test_a_gradient_of_zero_ends_a_run(solver):
    X = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    objective = make_problem(Problem(X, np.array([0, 0, 1, 1])))
    solution = solve(objective, solver)
    assert solution.converged and solution.gap == 0 and solution.n_iter <= 1
    assert_array_equal(solution.theta, 0)


@SOLVER
def test_solvers_leave_their_start_alone(solver):
    objective = make_problem(PROBLEMS["three classes"])
    theta = np.full_like(objective.map.initial(), 0.5)
    first = solve(objective, solver, theta, max_iter=5)
    assert (theta == 0.5).all()
    again = solve(objective, solver, theta, max_iter=5)
    assert_array_equal(first.theta, again.theta)


@SOLVER
def test_separable_classes_without_a_penalty_end_without_a_proof_or_a_warning(solver):
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = np.argmax(X @ [[1.0, 0.0, -1.0], [0.0, 2.0, -1.0]], axis=1)
    solution = solve(make_problem(Problem(X, y, C=np.inf)), solver, max_iter=60)
    assert not solution.converged
    assert np.isfinite(solution.theta).all()


@pytest.mark.parametrize("solver_name", [name for name in SOLVERS if name != "adam"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_scale_offset_and_correlation_of_columns_do_not_matter(solver_name, n_classes):
    solver = SOLVERS[solver_name]
    rng = np.random.default_rng(0)
    X, y = draw(200, 4, n_classes, noise=2.0)
    plain = Problem(X, y, C=np.inf)
    other = plain._replace(X=X @ rng.normal(size=(4, 4)) * [1, 10, 100, 1e3] + [5, -7, 0, 100])
    first, second = (solve(make_problem(problem), solver) for problem in (plain, other))
    assert abs(first.n_iter - second.n_iter) <= 1
    n_common = min(first.n_iter, second.n_iter, 8)
    # The preconditioner of the first rows of a stream is mostly a diagonal.
    rtol = 1e-2 if solver_name == "sgd" else 1e-6
    assert_allclose(first.curve[:n_common], second.curve[:n_common], rtol=rtol)
    scores = [brute_scores(*pair) for pair in ((plain, first.theta), (other, second.theta))]
    centred = [score - score.mean(axis=1, keepdims=True) for score in scores]
    assert_allclose(centred[0], centred[1], atol=0.05)


@SOLVER
@pytest.mark.parametrize("n_classes", [3, 5])
def test_classes_sum_to_zero_all_the_way(solver, n_classes):
    objective = make_problem(Problem(*draw(100, 4, n_classes)))
    solution = solve(objective, solver)
    matrix = class_blocks(solution.theta, n_classes)
    assert_allclose(matrix.sum(axis=0), 0, atol=1e-9)


# -- how much work it is --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["auto", "lbfgs"])
def test_badly_scaled_columns_need_few_evaluations(name):
    objective = counted(make_problem(scaled_problem(exponent=4, offset=0.0)))
    solution = solve(objective, SOLVERS[name])
    assert solution.converged
    assert objective.calls.count("value") <= 30
    assert objective.calls.count("gap") <= 4


@pytest.mark.parametrize(
    "name, most", [("auto", 60), ("lbfgs", 60), ("newton", 15), ("newton, truncated", 30)]
)
def test_evaluations_are_not_wasted(name, most):
    for problem in ("three classes", "weighted binary", "ten classes", "rare class"):
        objective = counted(make_problem(PROBLEMS[problem]))
        solution = solve(objective, SOLVERS[name])
        assert solution.converged
        assert objective.calls.count("value") <= min(most, 2 * solution.n_iter + 3)


def test_plain_descent_takes_few_steps_in_the_preconditioner():
    objective = counted(make_problem(PROBLEMS["scaled and offset columns"]))
    assert solve(objective, SOLVERS["gd"]).converged
    assert objective.calls.count("value") <= 80


def test_momentum_halves_the_steps_of_plain_descent():
    # Without it, 43, 21 and 79 steps.
    for name, most in (("ten classes", 33), ("binary", 15), ("unpenalised, collinear", 50)):
        solution = solve(make_problem(PROBLEMS[name]), SOLVERS["gd"])
        assert solution.converged and solution.n_iter <= most


@pytest.mark.parametrize("name", ["nearly separable", "ten classes"])
def test_preconditioners_are_made_anew_after_so_many_steps(name, monkeypatch):
    measured = []

    def watch(measure):
        own = getattr(SmoothProblem, measure)

        def watched(objective, theta, *last):
            measured.append(measure)
            return own(objective, theta, *last)

        monkeypatch.setattr(SmoothProblem, measure, watched)

    watch("curvature")
    watch("refreshed_curvature")
    objective = make_problem(PROBLEMS[name])
    solution = solve(objective, GradientDescent(refresh=4), max_iter=18, tol=0)
    assert measured == ["curvature"] * ((solution.n_iter - 1) // 4)
    measured.clear()
    solution = solve(objective, Lbfgs(first=2, refresh=40), max_iter=18, tol=0)
    assert measured == ["curvature"] + ["refreshed_curvature"] * (solution.n_iter > 2)


def test_conjugate_gradients_solve_a_system_of_n_in_n_products():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 6))
    matrix, gradient = root @ root.T + np.eye(6), rng.normal(size=6)
    calls = []

    def product(vector):
        calls.append(vector)
        return matrix @ vector

    for precondition in (np.copy, lambda vector: vector / np.diag(matrix)):
        calls.clear()
        step = -conjugate_gradients(product, precondition, gradient, accuracy=1e-9, longest=20)
        assert_allclose(step, -np.linalg.solve(matrix, gradient), rtol=1e-6)
        assert len(calls) <= 7
        directions = np.array(calls)[:6]
        conjugate = directions @ matrix @ directions.T
        assert_allclose(conjugate - np.diag(np.diag(conjugate)), 0, atol=1e-8)
    few = -conjugate_gradients(product, np.copy, gradient, accuracy=1e-9, longest=2)
    assert gradient @ few < 0


def test_a_run_is_at_rest_after_many_steps_without_a_gain():
    assert not at_rest([1.0] * REST)
    assert at_rest([2.0] + [1.0] * (REST + 1))
    assert not at_rest([1.0 + 1e-12] + [1.0] * REST)
    assert not at_rest(list(np.linspace(2, 1, 50)))


@pytest.mark.parametrize("n_steps", [0, 1, 3, 30])
def test_steps_in_single_precision_count_like_others(n_steps):
    objective = make_problem(PROBLEMS["single precision"])
    assert objective.low_precision is not None
    solution = solve(objective, Lbfgs(), max_iter=n_steps, tol=1e-9)
    assert solution.n_iter <= n_steps and len(solution.curve) == solution.n_iter + 1
    assert solution.converged == (n_steps == 30)


def test_newton_converges_quadratically():
    objective = make_problem(PROBLEMS["three classes"])
    best = optimum("three classes").value
    errors = np.array(solve(objective, Newton(), tol=0, max_iter=12).curve) - best
    errors = errors[errors > 1e-13]
    assert len(errors) <= 7 and errors[-1] < 1e-5


@pytest.fixture
def nothing_is_small(monkeypatch):
    monkeypatch.setattr(costs, "SMALL", 0)


def test_small_problems_are_left_to_newton():
    solution = solve(make_problem(PROBLEMS["three classes"]), Auto())
    assert solution.converged and solution.solver == "newton"


def test_many_rows_begin_with_a_sample(nothing_is_small):
    problem = PROBLEMS["many rows"]
    objective = counted(make_problem(problem))
    assert objective.worthwhile_sample() == SAMPLED
    state = Auto().start(objective, objective.map.initial())
    assert objective.calls.count("value") == 1 and "value of a sample" in objective.calls
    best = optimum("many rows").value
    assert state.point.value - best < 0.01 * best
    solution = solve(objective, Auto())
    assert solution.converged and solution.n_iter <= 8


def test_auto_hands_a_stalled_point_on(nothing_is_small):
    objective = make_problem(PROBLEMS["nearly separable"])
    state = Auto().start(objective, objective.map.initial())
    backwards = state._replace(direction=state.point.gradient)
    after = Auto().step(objective, backwards)
    assert after.solver == "newton" and not after.stalled
    assert after.point.value < state.point.value


def test_auto_takes_newton_steps_where_rest_is_no_proof(nothing_is_small):
    objective = make_problem(PROBLEMS["nearly separable"])
    state = Auto().start(objective, objective.map.initial())
    resting = state._replace(decrement=1e-16 * state.point.value)
    assert Auto().step(objective, resting).solver == "newton"
    assert Auto().step(objective, state).solver == "lbfgs"


# -- parts ----------------------------------------------------------------------------------------


class Bowl:
    """A quadratic function, which needs no data."""

    def __init__(self, matrix):
        self.matrix = matrix

    def value_and_gradient(self, theta):
        gradient = self.matrix @ theta
        return 1.0 + 0.5 * float(theta @ gradient), gradient


def test_line_search_accepts_a_full_newton_step():
    bowl = Bowl(np.diag([1.0, 9.0]))
    point = evaluate(bowl, np.array([3.0, -2.0]))
    found = backtrack(bowl, point, -point.theta)
    assert_allclose(found.theta, 0, atol=1e-15)


@pytest.mark.parametrize("length", [3.0, 40.0, 1e8])
def test_line_search_shortens_steps_that_are_too_long(length):
    bowl = Bowl(np.diag([1.0, 9.0]))
    point = evaluate(bowl, np.array([3.0, -2.0]))
    found = backtrack(bowl, point, -length * point.theta)
    assert found.value < point.value


def test_line_search_refuses_to_climb_or_to_stand():
    bowl = Bowl(np.eye(2))
    point = evaluate(bowl, np.array([1.0, 1.0]))
    assert backtrack(bowl, point, point.theta) is None
    assert backtrack(bowl, point, 0 * point.theta) is None
    assert backtrack(bowl, point, np.full(2, np.nan)) is None


def test_line_search_gives_up_after_some_trials():
    class Cliff:
        calls = 0

        def value_and_gradient(self, theta):
            self.calls += 1
            return np.inf, np.ones(1)

    cliff = Cliff()
    assert backtrack(cliff, Point(np.zeros(1), 0.0, np.ones(1)), -np.ones(1)) is None
    assert cliff.calls == MOST_TRIALS


def test_line_search_finds_the_minimum_of_a_cubic_at_its_second_trial():
    # f(t) = t^3 - 3 t along t > 0 has its minimum at 1.
    class Cubic:
        tried = ()

        def value_and_gradient(self, theta):
            self.tried += (float(theta[0]),)
            return float(theta[0] ** 3 - 3 * theta[0]), 3 * theta**2 - 3

    cubic = Cubic()
    point = Point(np.zeros(1), 0.0, np.array([-3.0]))
    found = backtrack(cubic, point, np.array([2.0]))
    assert_allclose(cubic.tried, [2.0, 1.0])
    assert_allclose(found.theta, 1.0)


def test_two_loop_is_the_inverse_hessian_of_a_quadratic_after_conjugate_steps():
    """With exact pairs along conjugate directions the matrix of a quadratic is found whole."""
    matrix = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
    _, directions = np.linalg.eigh(matrix)
    pairs = tuple(Pair(axis, matrix @ axis, axis @ matrix @ axis) for axis in directions.T)

    class Identity:
        @staticmethod
        def solve(vector):
            return vector.copy()

    vector = np.array([1.0, -2.0, 3.0])
    assert_allclose(two_loop(pairs, Identity, 1.0, vector), np.linalg.solve(matrix, vector))
    assert_array_equal(two_loop((), Identity, 1.0, vector), vector)
    # The secant condition, whatever the preconditioner.
    one_pair = two_loop(pairs[:1], Identity, 1.0, pairs[0].change)
    assert_allclose(one_pair, pairs[0].step)


@pytest.mark.parametrize("memory", [1, 4])
def test_lbfgs_remembers_no_more_than_it_may(memory):
    objective = make_problem(PROBLEMS["ten classes"])
    solver = Lbfgs(memory=memory, refresh=3)
    state = solver.start(objective, objective.map.initial())
    for _ in range(7):
        state = solver.step(objective, state)
        assert len(state.pairs) <= memory
    assert len(state.pairs) == memory


def test_lbfgs_takes_the_preconditioner_it_is_given():
    objective = make_problem(PROBLEMS["three classes"])
    theta = objective.map.initial()
    preconditioner = objective.hessian(theta)
    state = Lbfgs(preconditioner=preconditioner).start(objective, theta)
    assert_allclose(state.direction, -preconditioner.solve(state.point.gradient))


def test_descend_goes_as_far_as_it_is_told():
    objective = make_problem(PROBLEMS["three classes"])
    best = optimum("three classes").value
    start = objective.map.initial()
    coarse = descend(objective, Lbfgs(), start, tol=1e-2, max_iter=100).theta
    fine = descend(objective, Lbfgs(), start, tol=1e-9, max_iter=100).theta
    errors = [objective.value_and_gradient(theta)[0] - best for theta in (start, coarse, fine)]
    assert errors[0] > errors[1] > 100 * abs(errors[2])
    assert errors[1] < 0.05
    assert_array_equal(descend(objective, Lbfgs(), start, tol=1e-9, max_iter=0).theta, start)
    for n_steps in (1, 4):
        few = descend(objective, Lbfgs(), start, tol=0, max_iter=n_steps)
        assert len(few.curve) == n_steps + 1
        assert few.curve[-1] == objective.value_and_gradient(few.theta)[0]


def test_a_proof_that_fails_makes_the_next_one_wait():
    problem = make_problem(PROBLEMS["unpenalised"])
    proof, point = Proof(1e-6, problem.usual_slack), evaluate(problem, problem.map.initial())
    certificate, after = proof.attempt(problem, point, 1e-12, ended=False)
    assert certificate.gap > 1e-6 and after.slack >= 2 * proof.slack


def test_a_proof_that_fails_raises_only_the_guess_that_promised_it():
    problem = make_problem(PROBLEMS["three classes"])
    point = evaluate(problem, problem.map.initial())
    proof = Proof(1e-9, problem.usual_slack)
    _, after = proof.attempt(problem, point, 1e-12, ended=False)
    assert after.slack >= 2 * proof.slack and after.ridge_slack == proof.ridge_slack
    # With a gradient that the ridge alone would balance, but for the intercepts', it is the other.
    score_map = problem.map
    steep = score_map.join(np.zeros((3, score_map.n_features)), np.array([1.0, -1.0, 0.0]))
    steep = point._replace(gradient=steep)
    _, after = proof.attempt(problem, steep, 1.0, ended=False)
    assert after.slack == proof.slack and after.ridge_slack >= 2 * proof.ridge_slack


def test_a_proof_is_not_asked_for_while_much_is_left_to_gain():
    problem = counted(make_problem(PROBLEMS["three classes"]))
    proof = Proof(1e-6, problem.usual_slack)
    state = Lbfgs().start(problem, problem.map.initial())
    asked = problem, state.point, state.decrement
    certificate, after = proof.attempt(*asked, ended=False)
    assert certificate.gap == np.inf and after == proof and "gap" not in problem.calls
    proof.attempt(*asked, ended=True)
    assert "gap" in problem.calls


def test_a_proof_asks_for_no_more_than_rounding_allows():
    assert 1e-16 < FLOOR < 1e-14
    assert target_gap(2.0, 1e-3) == 2e-3 and target_gap(-2.0, 1e-3) == 2e-3
    assert target_gap(1e-16, 1e-3) < 0  # a value that is all rounding


@pytest.mark.parametrize("tol", [1e-3, 1.0])
def test_no_gap_keeps_the_promise_where_the_objective_is_all_rounding(tol):
    for value in (0.0, 0.5 * FLOOR, -0.5 * FLOOR):
        assert target_gap(value, tol) < 0
    for value in (1.0, -1.0, 2 * FLOOR):
        assert target_gap(value, tol) == tol * abs(value)
