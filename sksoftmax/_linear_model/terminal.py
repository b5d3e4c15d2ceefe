"""Where lines of progress go: the standard output, whatever takes its place."""


def is_terminal(out):
    """Whether a line can be written over; a program with windows may have no output at all."""
    isatty = getattr(out, "isatty", None)
    return isatty is not None and not getattr(out, "closed", False) and bool(isatty())


def write(text, out):
    """Write at once, if there is an output that is open."""
    if out is None or getattr(out, "closed", False):
        return
    out.write(text)
    if hasattr(out, "flush"):
        out.flush()
