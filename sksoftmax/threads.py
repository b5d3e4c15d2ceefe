"""BLAS held to one thread while blocks are worked on.

A block is a small matrix product; several BLAS threads on one cost more than they bring, and
where other threads are at work they can cost fifty times as much. It also makes the result
independent of the machine's number of cores.
"""

from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller():
    # Looking for the loaded BLAS libraries takes milliseconds, once a process.
    return ThreadpoolController()


def single_threaded_blas():
    """A context in which BLAS uses one thread."""
    return _controller().limit(limits=1, user_api="blas")
