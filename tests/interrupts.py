"""Interrupts that come at a chosen instruction, the same in every run."""

import sys
from contextlib import contextmanager


class Interrupter:
    """Raises KeyboardInterrupt at one event of a call, and counts the events before.

    Parameters
    ----------
    at : int
        The number of the event, from 0.
    belongs : function of a file's name
        Whether events in this file count.
    opcodes : bool
        Whether each bytecode is an event, or only calls, lines and returns.
    """

    def __init__(self, at, belongs, opcodes=False):
        self.at, self.belongs, self.opcodes = at, belongs, opcodes
        self.seen = 0

    def enter_frame(self, frame, event, arg):
        if not self.belongs(frame.f_code.co_filename):
            return None
        frame.f_trace_opcodes = self.opcodes
        return self.see(frame, event, arg)

    def see(self, frame, event, arg):
        if event != "exception":
            self.seen += 1
            if self.seen == self.at + 1:
                raise KeyboardInterrupt
        return self.see


@contextmanager
def interrupt(at, belongs, opcodes=False):
    """A context in which the interrupt comes, if there are so many events."""
    interrupter, before = Interrupter(at, belongs, opcodes), sys.gettrace()
    sys.settrace(interrupter.enter_frame)
    try:
        yield interrupter
    finally:
        sys.settrace(before)


def count_events(function, belongs, opcodes=False):
    with interrupt(-1, belongs, opcodes) as interrupter:
        function()
    return interrupter.seen


def interrupt_everywhere(function, belongs, opcodes=False, most=200):
    """Interrupt calls at up to so many events, evenly chosen, and yield after each of them."""
    function()  # what is loaded on first use has events of its own
    n_events = count_events(function, belongs, opcodes)
    assert n_events, "no event in these files"
    n_interrupts, n_tries = 0, min(n_events, most)
    for number in range(n_tries):
        at = number * n_events // n_tries
        interrupted, interrupter = False, None
        try:
            with interrupt(at, belongs, opcodes) as interrupter:
                function()
        except KeyboardInterrupt:
            interrupted = True
        # Since Python 3.13 the bytecodes of a call that are traced change from one to the next.
        n_seen = at + 1 if interrupter is None else interrupter.seen
        assert interrupted or n_seen <= at, f"the interrupt at event {at} was lost"
        if interrupted:
            n_interrupts += 1
            yield at
    assert 2 * n_interrupts >= n_tries, f"only {n_interrupts} interrupts at {n_tries} events"
