"""Headers, cookies and query of an event: an object by name, in the three forms it is needed in.

    entries   {"accept": {"value": "*/*"}, "x": {"value": "1", "multiValue": […]}}
    text      the same as JSON
    flat      its values alone, a line feed before each, where every name has one value and no more;
              else (`ANY`) a line feed and the text

Requests come in few shapes, each a list of names, with ever other values. So the engine learns a
shape once, and then gets values alone (`frames`). Entries and text are made when somebody looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from edgegw.awslambda.payload import encode_payload

Entries: TypeAlias = Mapping[str, dict[str, Any]]
"""An object of an event: name → `{value, multiValue?}`, for Set-Cookie with `attributes` too."""

_MOST_SHAPES: Final = 4096
_MOST_NAMES: Final = 100
_LONGEST_NAMES: Final = 4096
"""Characters of the names of a shape, together: usual ones have some hundred."""
_LONGEST_SHAPES: Final = 1 << 20
"""Characters of the names of all shapes that are known."""


class SectionShape:
    """The names of a section in their order. There is one for equal names, so it is its own key."""

    __slots__ = ("_longer", "length", "names")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.length = sum(map(len, names))
        self._longer: dict[SectionShape, SectionShape | None] = {}

    def with_names_of(self, other: SectionShape) -> SectionShape | None:
        """The shape of these names and behind them those of `other`; None where that is none."""
        if other not in self._longer:
            names = self.names + other.names
            self._longer[other] = shape_of(names) if _may_be_shape(names, self, other) else None
        return self._longer[other]


def _may_be_shape(names: tuple[str, ...], *shapes: SectionShape) -> bool:
    """Whether these names, those of `shapes` behind each other, differ and are few and short."""
    is_any = ANY in shapes
    return not is_any and len(names) == len(set(names)) <= _MOST_NAMES and _are_short(names)


def _are_short(names: Sequence[str]) -> bool:
    return sum(map(len, names)) <= _LONGEST_NAMES


ANY: Final = SectionShape(())
"""Of a section whose `flat` is its text: names have several values, or attributes, or are long."""


class _KnownShapes(dict[tuple[str, ...], SectionShape]):
    """Shapes by their names; all go where they are too many or too long together."""

    length = 0

    def keep(self, shape: SectionShape) -> SectionShape:
        self.length += shape.length
        if len(self) >= _MOST_SHAPES or self.length > _LONGEST_SHAPES:
            self.clear()  # who holds one keeps it
            self.length = shape.length
        self[shape.names] = shape
        return shape


_shapes: Final = _KnownShapes()


def shape_of(names: tuple[str, ...]) -> SectionShape:
    """The shape of these names, which differ."""
    return _shapes.get(names) or _shapes.keep(SectionShape(names))


class Section:
    """One object of an event. Immutable, its entries too."""

    __slots__ = ("_entries", "_text", "flat", "shape")

    def __init__(self, shape: SectionShape, flat: str, entries: Entries | None = None) -> None:
        self.shape = shape
        self.flat = flat
        self._entries = entries
        self._text: str | None = None

    @property
    def entries(self) -> Entries:
        """The object itself, as JSON has it; never to be changed."""
        if self._entries is None:
            values = self.flat.split("\n")[1:]
            self._entries = {
                name: {"value": held} for name, held in zip(self.shape.names, values, strict=True)
            }
        return self._entries

    def entry(self, name: str) -> dict[str, Any] | None:
        """The entry of `name`; most that are asked for are not there."""
        if self.shape is not ANY and name not in self.shape.names:
            return None
        return self.entries.get(name)

    @property
    def text(self) -> str:
        """The object as JSON text."""
        if self._text is None:
            self._text = encode_payload(self.entries).decode("utf-8", "replace")
        return self._text

    def joined(self, other: Section) -> Section:
        """These entries and behind them those of `other`, which win where both have a name."""
        shape = self.shape.with_names_of(other.shape)
        if shape is not None:
            return Section(shape, self.flat + other.flat)
        return section_with({**self.entries, **other.entries})


NO_SECTION: Final = Section(shape_of(()), "", {})


def section_with(entries: Entries) -> Section:
    """The section of these entries, which may have several values and attributes."""
    section = Section(ANY, "", entries)
    section.flat = "\n" + section.text
    return section


def section_of(names: Sequence[str], values: Sequence[str]) -> Section:
    """The section of these names with these values, in which names may come again."""
    if not names:
        return NO_SECTION
    flat = "\n" + "\n".join(values)
    number = len(values)
    if flat.count("\n") == number == len(set(names)) <= _MOST_NAMES and "__proto__" not in names:
        shape = _shapes.get(tuple(names))
        if shape is not None or _are_short(names):
            return Section(shape or shape_of(tuple(names)), flat)
    entries: dict[str, dict[str, Any]] = {}
    for name, held in zip(names, values, strict=True):
        add_entry(entries, name, {"value": held})
    return section_with(entries)


def add_entry(entries: dict[str, dict[str, Any]], name: str, entry: dict[str, Any]) -> None:
    """Adds an entry; a name that came before gets several values."""
    first = entries.get(name)
    if first is None:
        entries[name] = entry
        return
    if "multiValue" not in first:
        first["multiValue"] = [dict(first)]
    first["multiValue"].append(entry)
