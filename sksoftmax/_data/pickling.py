"""Pickles of estimators: public names and plain data, and the version that wrote them.

Records that an estimator keeps are private. They are pickled as dictionaries of their names and
fields, so that a pickle does not depend on the files of the package, and whoever must trust each
type that it names (skops) need trust public ones only.
"""

from dataclasses import fields, is_dataclass

from sksoftmax._version import __version__

# Raise it by one where fitted attributes or records change so that older ones cannot be used.
FORMAT = 1
WRITTEN_BY = "_sksoftmax"
RECORD = "__sksoftmax_record__"


class PicklingMixin:
    """Pickles and copies of an estimator; its records are those of the classes in ``_records``.

    Of what ``_momentary`` names, which differs between equal fits, they have None: equal fits have
    equal pickles, and equal hashes made of these.
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
    """A value, with records of the given classes as dictionaries at any depth of them."""
    if isinstance(value, classes):
        names = [f.name for f in fields(value)] if is_dataclass(value) else value._fields
        content = {name: as_plain(getattr(value, name), classes) for name in names}
        return {RECORD: type(value).__name__, **content}
    return _by_parts(as_plain, value, classes)


def as_record(value, classes):
    """What `as_plain` was given; ``classes`` are those of records, by name."""
    if type(value) is dict and RECORD in value:
        content = {name: as_record(part, classes) for name, part in value.items()}
        return classes[content.pop(RECORD)](**content)
    return _by_parts(as_record, value, classes)


def _by_parts(function, value, classes):
    """A tuple of what the function makes of its parts; the same one where they stay as they are."""
    if type(value) is not tuple:
        return value
    parts = tuple(function(part, classes) for part in value)
    return value if all(new is old for new, old in zip(parts, value, strict=True)) else parts
