"""A limit of one BLAS thread during calls of a function.

Products of a block are small: several threads are slower than one, fifty times where other threads
are busy. With one thread results do not depend on the machine's number of cores either.

The number of threads belongs to the process. Calls that overlap share the limit: the first one
reads the numbers of threads, and the last one restores them. An interrupt may come between any two
instructions, so that a call is ended twice; the second time changes nothing.
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

    inside : set of the running calls
    before : list of (Library, number of threads) before the first of them
    """

    lock = RLock()
    inside = set()  # noqa: RUF012
    before = ()


class Library(NamedTuple):
    """The functions that read and set the number of threads of a BLAS library."""

    read: Callable
    set: Callable


@cache
def _libraries():
    # Looking for the loaded BLAS libraries takes milliseconds, once a process.
    found = ThreadpoolController().select(user_api="blas").lib_controllers
    return [_library(controller) for controller in found]


def _library(controller):
    if getattr(controller, "threading_layer", None) == "pthreads":
        # Since its version 3.8 threadpoolctl sets the number of OpenBLAS in one thread alone: a
        # call that ends in another would restore nothing.
        loaded = CDLL(controller.filepath)
        for prefix, suffix in product(("", "scipy_"), ("", "64_", "_64")):
            names = (f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set"))
            functions = [getattr(loaded, name, None) for name in names]
            if all(functions):
                return Library(*functions)
    return Library(controller.get_num_threads, controller.set_num_threads)


def single_threaded_blas(function):
    """Decorate a function so that BLAS uses one thread during its calls."""

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
    """Release the lock as often as this thread holds it: more than once after an interrupt."""
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
