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
    n_events = count_events(function, belongs, opcodes)
    assert n_events, "no event in these files"
    for number in range(min(n_events, most)):
        at = number * n_events // min(n_events, most)
        interrupted = False
        try:
            with interrupt(at, belongs, opcodes):
                function()
        except KeyboardInterrupt:
            interrupted = True
        assert interrupted, f"no interrupt at event {at} of {n_events}"
        yield at
