"""BLAS held to one thread while blocks are worked on.

A block is a small matrix product; several BLAS threads on one cost more than they bring, and
where other threads are at work they can cost fifty times as much. It also makes the result
independent of the machine's number of cores.

The number of threads belongs to the process. Calls that overlap share the limit: the first one
notes the numbers before it, and the last one restores them. An interrupt may come between any two
instructions, so that leaving is done twice, and doing it again changes nothing.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from ctypes import CDLL
from functools import cache, wraps
from itertools import product
from threading import RLock
from typing import NamedTuple

from threadpoolctl import ThreadpoolController


class _Shared:
    """What the calls of this process share.

    inside : set of the calls that are running
    before : list of (library, number of threads), as the first of them found it
    """

    lock = RLock()
    inside = set()  # noqa: RUF012
    before = ()


class Library(NamedTuple):
    """What reads and what sets the number of threads of a library."""

    read: Callable
    set: Callable


@cache
def _libraries():
    # Looking for the loaded BLAS libraries takes milliseconds, once a process.
    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return [_library(controller) for controller in found]


def _library(controller):
    if getattr(controller, "threading_layer", None) == "pthreads":
        # Since its version 3.8 threadpoolctl ignores, for OpenBLAS, all threads but one, and the
        # last to leave would restore nothing.
        loaded = CDLL(controller.filepath)
        for prefix, suffix in product(("", "scipy_"), ("", "64_", "_64")):
            names = (f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set"))
            functions = [getattr(loaded, name, None) for name in names]
            if all(functions):
                return Library(*functions)
    return Library(controller.get_num_threads, controller.set_num_threads)


def single_threaded_blas(function):
    """The function, during whose calls BLAS uses one thread."""

    @wraps(function)
    def limited(*args, **kwargs):
        call = object()
        try:
            try:
                _enter(call)
                return function(*args, **kwargs)
            finally:
                _leave(call)
        finally:
            _leave(call)  # an interrupt may have ended the first

    return limited


def _enter(call):
    _Shared.lock.acquire()
    if not _Shared.inside:
        _Shared.before = [(library, library.read()) for library in _libraries()]
    _Shared.inside.add(call)
    # Some libraries have a limit for each thread, others one for the process.
    for library in _libraries():
        library.set(1)
    _unlock()


def _leave(call):
    if call in _Shared.inside:
        _Shared.lock.acquire()
        if len(_Shared.inside) == 1:
            _restore()
        _Shared.inside.discard(call)
    _unlock()


def _restore():
    for library, n_threads in _Shared.before:
        library.set(n_threads)


def _unlock():
    """Release the lock as often as this thread holds it, which an interrupt may have left to do."""
    with suppress(RuntimeError):
        while True:
            _Shared.lock.release()


def _begin_child():
    """Forget the calls of other threads, which a forked process does not have."""
    _Shared.lock = RLock()
    if _Shared.inside:
        _restore()
        _Shared.inside = set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)
