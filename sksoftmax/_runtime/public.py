"""Public names that do not tell the private file that they come from."""

from collections.abc import Callable
from typing import TypeVar

Thing = TypeVar("Thing")


def public(module: str) -> Callable[[Thing], Thing]:
    """Decorator: a class or function of ``module``, in tracebacks, documentation and pickles.

    Pickles name a class by its ``__module__``: with a public one they outlive the files of the
    package.
    """

    def rename(thing: Thing) -> Thing:
        thing.__module__ = module
        return thing

    return rename
