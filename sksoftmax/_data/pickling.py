"""Pickling of estimators as public names and plain data, with the version that wrote them.

An estimator's records are of private classes. They are pickled as dictionaries of their fields, so
that a pickle does not depend on where the classes are defined, and tools that ask the user to trust
each type in a pickle (skops) name public types only.
"""

from dataclasses import fields, is_dataclass

from sksoftmax._version import __version__

# Raise it by one where fitted attributes or records change so that older ones cannot be used.
FORMAT = 1
WRITTEN_BY = "_sksoftmax"
RECORD = "__sksoftmax_record__"


class PicklingMixin:
    """Pickling and copying of an estimator.

    _records : tuple of the classes of its records
    _momentary : tuple of the names of attributes that differ between equal fits, such as times
        They are pickled as None, so that equal fits have equal pickles and hashes.
    """

    _records = ()
    _momentary = ()

    def __getstate__(self):
        state = super().__getstate__().items()
        plain = {name: as_plain(value, self._records) for name, value in state}
        plain |= dict.fromkeys(plain.keys() & set(self._momentary))
        return {WRITTEN_BY: {"version": __version__, "format": FORMAT}, **plain}

    def __setstate__(self, state):
        """Restore what was pickled.

        Raises
        ------
        ValueError
            If another version of the package wrote it, and this one cannot use it.
        """
        state = dict(state)
        written = state.pop(WRITTEN_BY, {"version": __version__, "format": FORMAT})
        records = {cls.__name__: cls for cls in self._records}
        try:
            if written["format"] != FORMAT:
                raise ValueError(f"format {written['format']}, not {FORMAT}")
            state = {name: as_record(value, records) for name, value in state.items()}
        except (KeyError, TypeError, ValueError) as error:
            version = written["version"]
            raise ValueError(
                f"This {type(self).__name__} was pickled by sksoftmax {version}, and sksoftmax "
                f"{__version__} cannot read it. Fit it again, or load it with "
                f"sksoftmax=={version}."
            ) from error
        super().__setstate__(state)


def as_plain(value, classes):
    """The value, with records of the given classes, nested ones too, as dictionaries."""
    if isinstance(value, classes):
        names = [f.name for f in fields(value)] if is_dataclass(value) else value._fields
        content = {name: as_plain(getattr(value, name), classes) for name in names}
        return {RECORD: type(value).__name__, **content}
    return _by_parts(as_plain, value, classes)


def as_record(value, classes):
    """The inverse of `as_plain`; ``classes`` is a dict of name -> class of the records."""
    if type(value) is dict and RECORD in value:
        content = {name: as_record(part, classes) for name, part in value.items()}
        return classes[content.pop(RECORD)](**content)
    return _by_parts(as_record, value, classes)


def _by_parts(function, value, classes):
    """Apply the function to the parts of a tuple; an unchanged tuple is returned itself."""
    if type(value) is not tuple:
        return value
    parts = tuple(function(part, classes) for part in value)
    return value if all(new is old for new, old in zip(parts, value, strict=True)) else parts
