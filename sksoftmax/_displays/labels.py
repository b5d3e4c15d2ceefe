"""Escaping of user-supplied names for matplotlib."""


def verbatim(text):
    r"""Escape text so that matplotlib shows it as it is.

    Matplotlib parses text between two dollar signs as mathematics, and leaves labels that begin
    with an underscore out of legends.
    """
    text = str(text).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
