"""What a function changed: the event that it got against the result that it returned, as lines.

Headers are told by name, whatever their place in the lists of an event. A secret does not stand in
a line: of Authorization its scheme alone, of cookies and of headers that are called after keys and
tokens the beginning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

MOST: Final = 24
"""Lines for one function."""
_LONGEST: Final = 120
_BEGINNING: Final = 6
_SECRET: Final = re.compile(r"authori[sz]ation|api-?key|token|secret|password|oidc|session", re.I)
_COOKIE: Final = re.compile(r"cookie", re.I)
_VALUE: Final = re.compile(r"=([^;,\s\"]{6})[^;,\s\"]{3,}")
"""A cookie's value that is longer than those that experiments have."""


def changes(trigger: str | None, event: Any, result: Any) -> Iterator[str]:
    """A line for each difference between what a function got and what it returned."""
    lines = list(_changes(trigger, event, result))
    yield from lines[:MOST]
    if len(lines) > MOST:
        yield f"… and {len(lines) - MOST} more"


def _changes(trigger: str | None, event: Any, result: Any) -> Iterator[str]:
    if trigger is None or not isinstance(result, Mapping):
        yield from _answer(result)
        return
    returned = _flat(cast("Any", result))
    got = _got(event, returned, is_request=trigger.endswith("request"))
    if got is None:
        yield from _answer(cast("Any", result))
        return
    yield from _differences(_flat(got), returned)


def _got(event: Any, returned: Mapping[str, Any], *, is_request: bool) -> Any:
    """The part of the event that the result stands for; None where the function answers itself."""
    if "Records" not in event:  # a CloudFront Function's
        is_answer = is_request and "statusCode" in returned
        return None if is_answer else event["request" if is_request else "response"]
    shown = event["Records"][0]["cf"]
    is_answer = is_request and "status" in returned
    return None if is_answer else shown["request" if is_request else "response"]


def _answer(result: Any) -> Iterator[str]:
    if not isinstance(result, Mapping):
        yield f"returned {_shown('', result)}"
        return
    for path, given in _flat(cast("Any", result)).items():
        yield f"returned {path}: {_shown(path, given)}"


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for path in {**before, **after}:
        if path not in after:
            yield f"- {path}: {_shown(path, before[path])}"
        elif path not in before:
            yield f"+ {path}: {_shown(path, after[path])}"
        elif before[path] != after[path]:
            yield f"{path}: {_shown(path, before[path])} → {_shown(path, after[path])}"


def _flat(shown: Any, path: str = "") -> dict[str, Any]:
    """`{"headers": {"x-a": [{"value": "1"}]}}` → `{"headers.x-a": "1"}`."""
    if isinstance(shown, Mapping):
        flat: dict[str, Any] = {}
        for name, below in cast("Mapping[str, Any]", shown).items():
            flat |= _flat(below, f"{path}.{name}" if path else str(name))
        return flat
    return {path: _values_of(shown) if _is_header(shown) else shown}


def _is_header(shown: Any) -> bool:
    """Whether `shown` is a list of `{"key": …, "value": …}`."""
    if not isinstance(shown, list) or not shown:
        return False
    lines = cast("list[Any]", shown)
    return all(isinstance(line, Mapping) and "value" in line for line in lines)


def _values_of(lines: Any) -> Any:
    values = [line["value"] for line in lines]
    return values[0] if len(values) == 1 else values


def _shown(path: str, given: Any) -> str:
    text = json.dumps(given, ensure_ascii=False, default=str)
    if _COOKIE.search(path):
        text = _VALUE.sub(r"=\1…", text)
        if ".cookies." in f".{path}" and len(text) > _BEGINNING + 5:
            text = text[: _BEGINNING + 1] + '…"'
    elif _SECRET.search(path) and isinstance(given, str):
        scheme, mark, _ = given.partition(" ")
        text = f'"{scheme} …"' if mark else '"…"'
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
