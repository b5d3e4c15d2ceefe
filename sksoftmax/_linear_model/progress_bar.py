"""A progress bar: one line on the terminal that is written over."""

import sys
from time import perf_counter

from sksoftmax._linear_model import terminal


class ProgressBar:
    """Counts finished fits, and shows them as a bar if asked to.

    Parameters
    ----------
    total : int
        How many there will be.
    name : str
        What they are.
    shown : bool
        Whether to print anything.
    """

    def __init__(self, total, name, shown):
        self.total, self.name, self.shown = total, name, shown
        self.done, self.begin = 0, perf_counter()

    def advance(self, steps=1):
        """Count finished fits, and show the bar."""
        self.done += steps
        if not self.shown:
            return
        bar = "#" * int(20 * self.done / self.total)
        seconds = perf_counter() - self.begin
        end = "\n" if self.done >= self.total else ""
        line = f"\r[{bar:<20}] {self.done}/{self.total} {self.name}, {seconds:.1f} s"
        terminal.write(line + end, sys.stdout)
