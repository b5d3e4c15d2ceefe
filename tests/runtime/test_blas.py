"""The limit on the threads of BLAS ends with the last call, however that ends."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest
from interrupts import interrupt_everywhere
from threadpoolctl import threadpool_info, threadpool_limits

from sksoftmax._runtime import blas
from sksoftmax._runtime.blas import single_threaded_blas

ROOT = Path(__file__).parents[2]


class Library:
    """A library with so many threads."""

    num_threads = 7

    def read(self):
        return self.num_threads

    def set(self, number):
        self.num_threads = number


@pytest.fixture
def libraries(monkeypatch):
    made = [Library(), Library()]
    made[1].num_threads = 3
    monkeypatch.setattr(blas, "_libraries", lambda: made)
    return made


def numbers(libraries):
    return [library.num_threads for library in libraries]


def is_free():
    """Whether nothing is noted, and another thread can have the lock."""
    got = []

    def try_lock():
        got.append(blas._Shared.lock.acquire(blocking=False))
        if got[0]:
            blas._Shared.lock.release()

    thread = Thread(target=try_lock)
    thread.start()
    thread.join()
    return not blas._Shared.inside and got == [True]


def test_a_call_runs_on_one_thread_and_returns_what_the_function_does(libraries):
    def function(number, *, factor):
        return number * factor, numbers(libraries)

    assert single_threaded_blas(function)(2, factor=3) == (6, [1, 1])
    assert numbers(libraries) == [7, 3] and is_free()


def test_an_error_ends_the_limit(libraries):
    with pytest.raises(ZeroDivisionError):
        single_threaded_blas(lambda: 1 / 0)()
    assert numbers(libraries) == [7, 3] and is_free()


def fails():
    raise ValueError


@pytest.mark.parametrize("function", [int, fails])
@pytest.mark.parametrize("nested", [False, True])
def test_an_interrupt_at_any_bytecode_ends_the_limit(libraries, function, nested):
    limited = single_threaded_blas(function)
    limited = single_threaded_blas(limited) if nested else limited

    def call():
        with suppress(ValueError):
            limited()

    def belongs(name):
        return name == blas.__file__ or name.endswith(("contextlib.py", "test_blas.py"))

    for at in interrupt_everywhere(call, belongs, opcodes=True, most=10**6):
        assert numbers(libraries) == [7, 3] and is_free(), at


def test_the_limit_of_the_user_is_restored(libraries):
    libraries[0].num_threads = 4
    single_threaded_blas(int)()
    assert numbers(libraries) == [4, 3]


@pytest.mark.parametrize("first", [0, 1])
def test_overlapping_calls_end_in_any_order(libraries, first):
    """The limit holds until the last one has ended, and then the numbers are those before it."""
    inside, leave = [Event(), Event()], [Event(), Event()]

    @single_threaded_blas
    def wait(number):
        inside[number].set()
        leave[number].wait()

    threads = [Thread(target=wait, args=(number,)) for number in (0, 1)]
    for thread, is_inside in zip(threads, inside, strict=True):
        thread.start()
        is_inside.wait()
    assert numbers(libraries) == [1, 1]
    for number in (first, 1 - first):
        assert numbers(libraries) == [1, 1]
        leave[number].set()
        threads[number].join()
    assert numbers(libraries) == [7, 3] and is_free()


@pytest.mark.parametrize("when", ["the first is limited", "all are limited"])
def test_a_process_forked_while_another_thread_is_inside_is_free(libraries, monkeypatch, when):
    """Whatever the other thread was about to do, the child neither waits nor keeps the limit."""
    blas._Shared.inside.add(object())  # of the thread that the child does not have
    blas._Shared.before = [(library, library.num_threads) for library in libraries]
    libraries[0].num_threads = 1
    if when == "all are limited":
        libraries[1].num_threads = 1
    lock = blas._Shared.lock
    thread = Thread(target=lock.acquire)
    thread.start()
    thread.join()  # nobody is left to release it
    blas._begin_child()
    assert numbers(libraries) == [7, 3] and is_free()
    assert single_threaded_blas(lambda: numbers(libraries))() == [1, 1]
    assert numbers(libraries) == [7, 3] and is_free()


FORK = """
import os, signal, sys
from threading import Event, Thread
import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits
from sksoftmax import SoftmaxRegression
from sksoftmax._runtime.blas import single_threaded_blas

def count():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

threadpool_limits(2, user_api="blas")
random = np.random.default_rng(0)
X, y = random.normal(size=(300, 4)), np.arange(300) % 3
expected = SoftmaxRegression().fit(X, y).coef_
is_inside, leave = Event(), Event()

@single_threaded_blas
def wait():
    is_inside.set()
    leave.wait()

thread = Thread(target=wait)
thread.start()
is_inside.wait()
assert count() == {1}
child = os.fork()
if child == 0:
    signal.alarm(60)  # ends a process that hangs
    good = count() == {2}
    model = SoftmaxRegression(n_jobs=2).fit(X, y)
    model.predict(np.tile(X, (300, 1)))
    good = good and count() == {2} and np.array_equal(model.coef_, expected)
    os._exit(0 if good else 1)
status = os.waitpid(child, 0)[1]
assert count() == {1}
leave.set()
thread.join()
assert count() == {2}
sys.exit(status != 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_fits_and_predicts_with_the_threads_of_before():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK], env={"PYTHONPATH": str(ROOT)},
        capture_output=True, encoding="utf-8", timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_libraries_are_those_that_numpy_uses():
    def count():
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        assert single_threaded_blas(count)() == {1}
        assert count() == {2}
