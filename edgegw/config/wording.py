"""What is wrong with a value by itself, in words of the configuration.

The models are judged by pydantic, whose sentences speak of Python ("valid dictionary", "unable to
parse string as an integer") and name one end of a range at most. Here its kinds of errors become
what a key takes: a text, a whole number from 1 to 50000. Values stand as they are written in YAML
and JSON, never as Python has them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from edgegw.config.document import KeyPath
from edgegw.config.fields import Model

_SHOWN: Final = 60

_WHOLE: Final = "a whole number"
_NUMBER: Final = "a number"
_TEXT: Final = "a text"
_LIST: Final = "a list"
_MAPPING: Final = "a mapping of keys"

_TAKES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), _NUMBER),
    **dict.fromkeys(("string_type", "string_too_long", "string_too_short"), _TEXT),
    **dict.fromkeys(("string_sub_type", "string_unicode"), _TEXT),
    **dict.fromkeys(("list_type", "too_long", "too_short"), _LIST),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), _MAPPING),
}
"""What a key takes, by pydantic's kind of error."""
_ENDS: Final = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})

FORMS: Final[Mapping[str, str]] = {
    r"^[245][0-9][0-9]$": "a status from 200 to 299 or from 400 to 599",
    r"^(#\{port\}|[1-9][0-9]{0,4})$": "'#{port}' or a port from 1 to 65535",
    "^/": "a path that begins with '/'",
    "^[A-Z]{2}$": "a code of two capital letters, such as DE",
    r"^[0-9]{12}$": "12 digits",
    r"^https?://\S+$": "a URL of http or https",
    r"^https?://[^/\s]+/\S+$": "the URL of a queue, such as https://HOST/123456789012/NAME",
    r"^(\$LATEST|[1-9][0-9]{0,17})$": "'$LATEST' or the number of a version",
}
"""What a text looks like, by the pattern that the schema has for it."""


class _Range(NamedTuple):
    """Bounds of a number, or of the length of a text or list."""

    least: float | None = None
    most: float | None = None
    above: float | None = None

    def words(self) -> str:
        """`from 1 to 5`, `above 0, at most 900`, `of 1 or more`; empty without bounds."""
        least, most, above = map(_plain, self)
        if above is not None:
            return f"above {above}" + (f", at most {most}" if most is not None else "")
        if least is not None and most is not None:
            return f"from {least} to {most}" if least != most else f"exactly {least}"
        if least is not None:
            return f"of {least} or more"
        return f"of at most {most}" if most is not None else ""


def _plain(number: float | None) -> str | None:
    if number is None:
        return None
    return str(int(number)) if number == int(number) else f"{number:g}"


def fault_of(root: type[Model], detail: Mapping[str, Any]) -> str:
    """One error of pydantic's at a value, as a sentence that ends with what was found."""
    kind, value = detail["type"], detail["input"]
    takes = _what(root, kind, detail)
    text = f"this takes {takes}; found {shown(value)}"
    if kind == "string_type" and isinstance(value, (bool, int, float)):
        text += f": write '{shown(value)}', with the quotes"
    return text


def _what(root: type[Model], kind: str, detail: Mapping[str, Any]) -> str:
    numbers, lengths, number = _bounds(root, detail["loc"])
    if kind == "string_pattern_mismatch":
        pattern = str(detail["ctx"]["pattern"])
        return FORMS.get(pattern, f"a text of the form {pattern}")
    takes = number if kind in _ENDS else _TAKES.get(kind, "something else")
    if takes in (_WHOLE, _NUMBER):
        return f"{takes} {numbers.words()}".rstrip()
    if takes == _TEXT and lengths != _Range():
        return f"{_TEXT} {_counted(lengths, 'character')}"
    if takes == _LIST and lengths != _Range():
        return f"{_LIST} {_counted(lengths, 'entry')}"
    return takes


def _counted(lengths: _Range, one: str) -> str:
    many = "entries" if one == "entry" else f"{one}s"
    words = lengths.words()
    if lengths.most is not None and not words.startswith(("of", "exactly")):
        words = f"of {lengths.least:g} to {lengths.most:g}" if lengths.least else words
    words = words.replace("exactly", "of exactly")
    is_one = (lengths.most or lengths.least) == 1 and "or more" not in words
    return f"{words} {one if is_one else many}"


def _bounds(root: type[Model], loc: KeyPath) -> tuple[_Range, _Range, str]:
    """The bounds of the number at `loc`, of the length of what stands there, and which number."""
    model: Any = root
    info: Any = None
    for part in loc:
        fields = getattr(model, "model_fields", None)
        if isinstance(part, str) and fields and part in fields:
            info = fields[part]
            model = model_in(info.annotation)
    if info is None:
        return _Range(), _Range(), _NUMBER
    marks = [*_all(info.metadata), *_marks_in(info.annotation)]

    def first(name: str) -> float | None:
        bounds = (getattr(mark, name, None) for mark in marks)
        return next((bound for bound in bounds if bound is not None), None)

    numbers = _Range(first("ge"), first("le"), first("gt"))
    is_whole = "float" not in str(info.annotation)
    lengths = _Range(first("min_length"), first("max_length"))
    return numbers, lengths, _WHOLE if is_whole else _NUMBER


def _marks_in(annotation: Any) -> Iterable[Any]:
    """The marks of `Annotated` within an annotation, such as `Annotated[int, …] | None`."""
    yield from _all(getattr(annotation, "__metadata__", ()))
    if origin := getattr(annotation, "__origin__", None):
        yield from _marks_in(origin)
    for argument in getattr(annotation, "__args__", ()):
        yield from _marks_in(argument)


def _all(marks: Iterable[Any]) -> Iterable[Any]:
    for mark in marks:
        yield mark
        yield from getattr(mark, "metadata", ())


def model_in(annotation: Any) -> Any:
    """The model inside `dict[str, M]`, `list[M]`, `M | None`, or the annotation itself."""
    for argument in reversed(getattr(annotation, "__args__", ())):
        is_annotated = hasattr(argument, "__metadata__")
        inner = model_in(argument.__origin__ if is_annotated else argument)
        if hasattr(inner, "model_fields"):
            return inner
    return annotation


def shown(value: object) -> str:
    """A value as it is written in a configuration, cut where it is long."""
    if value is None:
        return "null"
    if isinstance(value, str):
        text = f"'{value}'" if value.isprintable() and "'" not in value else _json(value)
    else:
        text = _json(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}…"


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return f"a value of Python ({type(value).__name__})"
