"""A document judged by the schema: the typed configuration, and findings in our own words.

Pydantic stops at what is wrong and says it in its words, at places in normalised forms. Here its
errors become findings at the place that stands in the file, with the key or the value that is
probably meant; what is wrong is cut out, and the rest judged again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from pydantic import ValidationError

from edgegw.config.document import Document, KeyPath
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest
from edgegw.config.wording import fault_of, model_in, shown

_PRUNINGS: Final = 5
"""How often the wrong parts are cut out, so that the rest can still be judged."""
_MOST_PLACES: Final = 3
"""Places of a key that are named, where it stands in the wrong one."""
_MOST_ERRORS: Final = 200
"""Mistakes of one judgement that are told; with more, the file is another one."""


def validate(document: Document) -> Config | None:
    """The typed configuration; what is wrong with it is added to the findings of `document`.

    Wrong parts are noted and cut out, and the rest is judged again: the answer is what is left,
    fit for following references, or None when nothing useful is.
    """
    value = _copied(document.value)
    for _ in range(_PRUNINGS):
        try:
            return Config.model_validate(value)
        except ValidationError as error:
            details = _telling(document, error.errors(include_url=False))
            if len(details) > _MOST_ERRORS:
                text = f"{len(details)} mistakes; these are the first {_MOST_ERRORS}"
                document.error((), "config.many", text)
                for detail in details[:_MOST_ERRORS]:
                    _note(document, cast("Mapping[str, Any]", detail))
                return None
            for detail in details:
                _note(document, cast("Mapping[str, Any]", detail))
                _prune(value, _real_path(document, detail["loc"]), detail["type"])
    return None


def _copied(value: Any) -> Any:
    """`value` with mappings and lists of its own; what stands in them cannot be changed."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [_copied(item) for item in cast("list[Any]", value)]
    return value


def _telling(document: Document, details: Sequence[Any]) -> list[Any]:
    """The errors without those of forms that were not meant.

    A key may take a switch or a mapping; of a mapping with a mistake in it pydantic also says that
    it is no switch.
    """
    if len(details) > _MOST_ERRORS:
        return list(details)
    paths = [_real_path(document, detail["loc"]) for detail in details]
    return [
        detail
        for path, detail in zip(paths, details, strict=True)
        if not isinstance(detail["input"], (dict, list))
        or detail["loc"] == path
        or not any(len(other) > len(path) and other[: len(path)] == path for other in paths)
    ]


def _prune(value: Any, path: KeyPath, kind: str) -> None:
    """Cuts out the value at `path`; for a missing key, the mapping that misses it."""
    if not path or kind == "missing":
        return
    *way, last = path
    try:
        for part in way:
            value = value[part]
        if isinstance(value, dict):
            cast("dict[Any, Any]", value).pop(last, None)
    except (KeyError, IndexError, TypeError):
        return


def _note(document: Document, detail: Mapping[str, Any]) -> None:
    """One error of pydantic in our words, at its place; the same one is noted once."""
    before = len(document.findings)
    _describe(document, detail)
    for finding in document.findings[before:]:
        if finding in document.findings[:before]:
            document.findings.remove(finding)


def _describe(document: Document, detail: Mapping[str, Any]) -> None:
    loc = cast("KeyPath", detail["loc"])
    path = _real_path(document, loc)
    match detail["type"]:
        case _ if path in document.empty:
            pass  # noted when it was read
        case "extra_forbidden":
            key = str(loc[-1])
            hint = _right_place(key, loc[:-1]) or nearest(key, _known_keys(loc[:-1]))
            document.error(loc, "config.unknown-key", f"unknown key {key!r}{hint}", key=True)
        case "missing" if _real_path(document, loc) == loc:
            pass  # it is there, and was cut out for what is wrong with it
        case "missing":
            document.error(path, "config.missing-key", f"the key {str(loc[-1])!r} is missing")
        case "literal_error":
            options = _options(str(detail["ctx"]["expected"]))
            expected = " or ".join(filter(None, [", ".join(options[:-1]), options[-1]]))
            is_key = loc[-1:] == ("[key]",)
            near = _nearest_option(detail["input"], options)
            text = f"{shown(detail['input'])} is not one of {expected}{near}"
            document.error(path, "config.value", text, key=is_key)
        case "value_error":
            text = f"{detail['ctx']['error']}; found {shown(detail['input'])}"
            document.error(path, "config.type", text)
        case _:
            document.error(path, "config.type", fault_of(Config, detail))


def _nearest_option(given: object, options: list[str]) -> str:
    """A hint at the option that is meant; numbers that look alike mean nothing alike."""
    if isinstance(given, str) and given in options:
        return f"; write {given} without quotes"
    if isinstance(given, int):
        return ""
    return nearest(str(given), [option.strip("'") for option in options])


def _options(expected: str) -> list[str]:
    """What pydantic names as `'a', 'b' or 2`."""
    return expected.replace(" or ", ", ").split(", ")


def _real_path(document: Document, loc: KeyPath) -> KeyPath:
    """The longest beginning of pydantic's location that stands in the document.

    The rest are names of normalised forms (`forward: web` is judged as a mapping).
    """
    path: KeyPath = ()
    for part in loc:
        if part == "[key]":
            continue
        if document.stands((*path, part)):
            path = (*path, part)
    return path


def _known_keys(loc: KeyPath) -> list[str]:
    """The keys that the mapping at `loc` may have."""
    return list(_keys_of(_models_to(loc)[-1][1]))


def _right_place(key: str, loc: KeyPath) -> str:
    """Where a key stands that is right and not in the mapping at `loc`: a level lower or higher."""
    *around, (name, here) = _models_to(loc)
    below = [
        lower
        for lower, field in _keys_of(here).items()
        if key in _keys_of(model_in(field.annotation))
    ]
    if 0 < len(below) <= _MOST_PLACES:
        return f"; it stands below {' or '.join(map(repr, below))}"
    if around and key in _keys_of(around[-1][1]):
        return f"; it stands beside {name!r}"
    return ""


def _models_to(loc: KeyPath) -> list[tuple[str, Any]]:
    """The models on the way from the whole configuration to `loc`, each with its key."""
    models: list[tuple[str, Any]] = [("", Config)]
    for part in loc:
        fields = _keys_of(models[-1][1])
        if isinstance(part, str) and part in fields:
            models.append((part, model_in(fields[part].annotation)))
    return models


def _keys_of(model: Any) -> Mapping[str, Any]:
    return getattr(model, "model_fields", None) or {}
