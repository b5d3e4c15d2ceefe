"""Axes to draw in, and text that matplotlib shows as it is."""


def axes(ax, display, **figure):
    """The matplotlib Axes given, or those of a new figure.

    ax : matplotlib Axes, or None
    display : str, the class that draws, for the ImportError where there is no matplotlib
    **figure : parameters of a new figure
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        message = f"{display} needs matplotlib: pip install sksoftmax[plot]"
        raise ImportError(message) from error
    return plt.subplots(**figure)[1] if ax is None else ax


def verbatim(text):
    r"""Escape text so that matplotlib shows it as it is.

    Matplotlib parses text between two dollar signs as mathematics, and leaves labels that begin
    with an underscore out of legends.
    """
    text = str(text).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
