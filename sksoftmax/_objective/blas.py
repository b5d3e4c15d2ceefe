"""BLAS held to one thread while blocks are worked on.

A block is a small matrix product; several BLAS threads on one cost more than they bring, and
where other threads are at work they can cost fifty times as much. It also makes the result
independent of the machine's number of cores.
"""

from contextlib import contextmanager
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController


class _Held:
    """How many are within the context now, and what the last to leave puts back."""

    lock = Lock()
    count = 0
    first = None


@cache
def _controller():
    # Looking for the loaded BLAS libraries takes milliseconds, once a process.
    return ThreadpoolController()


@contextmanager
def single_threaded_blas():
    """A context in which BLAS uses one thread; those who share it may leave in any order."""
    with _Held.lock:
        # Some libraries have a limit for each thread, others one for the process.
        limit = _controller().limit(limits=1, user_api="blas")
        _Held.first = limit if _Held.count == 0 else _Held.first
        _Held.count += 1
    try:
        yield
    finally:
        with _Held.lock:
            _Held.count -= 1
            if _Held.count == 0:
                _Held.first.restore_original_limits()
