"""Time, and the processes to measure it in."""

import contextlib
import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor


class OutOfTime(BaseException):
    """Raised inside a fit whose time is up; no ``except Exception`` on the way can catch it."""


@contextlib.contextmanager
def cpu_limit(seconds):
    """Interrupt the body after so many seconds of CPU time, where the system has such a timer.

    Python raises between two of its own operations: a long call of compiled code ends first.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return

    def interrupt(*_):
        raise OutOfTime

    previous = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)


def isolated(function, *arguments):
    """Call a function in a new process, whose memory and caches nobody has used before."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as executor:
        return executor.submit(function, *arguments).result()
