"""Names of the user's in pictures."""


def verbatim(text):
    r"""What matplotlib shows as this text.

    Without the backslash, what stands between two dollars is mathematics to it, or an error; what
    begins with an underscore is left out of legends.
    """
    text = str(text).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
