"""Time, and the processes to measure it in."""

import contextlib
import multiprocessing
import signal
import time
from concurrent.futures import ProcessPoolExecutor


class OutOfTime(BaseException):
    """Raised inside a fit whose time is up; no ``except Exception`` on the way can catch it."""


@contextlib.contextmanager
def cpu_limit(seconds):
    """Interrupt the body after so many seconds of CPU time, where the system has such a timer.

    Python raises between two of its own operations: a long call of compiled code ends first.

    The timer is one of real time, which is set again until the CPU time is spent: while a timer of
    CPU time runs, Linux moves the clock of CPU time in ticks of 4 ms.
    """
    if not hasattr(signal, "setitimer"):
        yield
        return

    end = time.process_time() + seconds

    def interrupt(*_):
        left = end - time.process_time()
        if left <= 0:
            raise OutOfTime
        signal.setitimer(signal.ITIMER_REAL, max(left, 1e-3))

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def isolated(function, *arguments):
    """Call a function in a new process, whose memory and caches nobody has used before."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as executor:
        return executor.submit(function, *arguments).result()
