"""What the command line says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """
    problems, solvers : names to run
    repeats : runs that a median is taken of
    limit : seconds of CPU time after which a fit counts as never
    quick : fewer rows and runs
    wheels : folder with wheels of real data, or None
    """

    problems: tuple
    solvers: tuple
    repeats: int
    limit: float
    quick: bool
    wheels: str | None
