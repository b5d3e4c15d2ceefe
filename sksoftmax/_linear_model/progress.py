"""The progress line of a fit, for ``verbose``."""

import sys
from time import perf_counter

from sksoftmax._linear_model import terminal

# A terminal's line is written anew no more often than this, in seconds.
PAUSE = 0.1


class ProgressLine:
    """Shows step, objective, loss of held-out rows, what is left to gain, and seconds.

    On a terminal it is one line, written over and over; elsewhere, as in a file or a notebook, a
    line every so many steps. At the end a last line says what gap was proved.

    Parameters
    ----------
    every : int
        Steps between lines.
    validation : list of float
        The losses of held-out rows so far; empty where there are none.
    """

    def __init__(self, every, validation=()):
        self.every = every
        self.validation = validation
        self.out = sys.stdout
        self.in_place = terminal.is_terminal(self.out)
        self.begin = perf_counter()
        self.shown, self.width = -PAUSE, 0

    def __call__(self, n_iter, state):
        seconds = perf_counter() - self.begin
        due = seconds - self.shown >= PAUSE if self.in_place else n_iter % self.every == 0
        if n_iter and due:
            self.shown = seconds
            left = f"expected gain {state.decrement:.1e}"
            loss = self.validation[-1:]
            self._show(f"{state.solver} step {n_iter}", state.point.value, loss, left, seconds)

    def close(self, solution):
        """The last line, which stays."""
        if solution.converged:
            end = "converged"
        else:
            end = "stopped" if solution.stopped else "not converged"
        text = f"gap {solution.gap:.1e}, {end}"
        name = f"{solution.solver} ended after {solution.n_iter} steps"
        seconds, least = perf_counter() - self.begin, sorted(self.validation)[:1]
        self._show(name, solution.value, least, text, seconds, last=True)

    def _show(self, name, value, losses, left, seconds, last=False):
        """Write a line: over the last one on a terminal, else below it."""
        loss = "".join(f", validation loss {loss:.6g}" for loss in losses)
        line = f"{name}: objective {value:.9g}{loss}, {left}, {seconds:.2f} s"
        if self.in_place:
            # Blanks wipe out what a longer line has left.
            line, self.width = "\r" + line.ljust(self.width), len(line)
        terminal.write(line + ("\n" if last or not self.in_place else ""), self.out)
