"""What the texts, names and numbers of a configuration are made of, whatever key they stand at.

A text is one line: it becomes a header, a request line, a name, a path, and there a line break is
the end of one thing and the beginning of another. Only what is text to its reader may have several
lines, and that is a list, so a key that is added is held to one line without a word here.

This comes first of all checks, for configurations made in Python as well as for files: those can be
of any depth and size, hold themselves, and hold numbers of any length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, cast

from edgegw.config.document import MAX_DEPTH, MAX_VALUES, Document, KeyPath
from edgegw.config.files import LONGEST_NAME
from edgegw.errors import ConfigError

_NAMED: Final = 2
"""How deep the names of functions, distributions, load balancers stand: each may name a file."""
_LARGEST_NUMBER: Final = 10**18

_BREAKING: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
"""Control characters other than the tab."""
_UNUSABLE: Final = re.compile("[\x00\ud800-\udfff]")
"""What no program can be handed in its environment, and what is no character."""

_SEVERAL_LINES: Final[tuple[KeyPath, ...]] = (
    ("functions", "*", "description"),
    ("functions", "*", "environment", "*"),
    ("functions", "*", "local_environment", "*"),
    ("functions", "*", "aliases", "*", "description"),
    ("functions", "*", "versions", "*", "description"),
    ("rules", "*", "description"),
    ("functions", "*", "versions", "*", "environment", "*"),
    (
        "load_balancers",
        "*",
        "listeners",
        "*",
        "default_actions",
        "*",
        "fixed_response",
        "message_body",
    ),
    (
        "load_balancers",
        "*",
        "listeners",
        "*",
        "rules",
        "*",
        "actions",
        "*",
        "fixed_response",
        "message_body",
    ),
    ("gateway", "local_environment", "*"),
    ("identity_providers", "*", "claims"),
    ("identity_providers", "*", "users", "*", "claims"),
    ("identity_providers", "*", "clients", "*", "claims"),
    ("edge_functions", "*", "comment"),
    ("key_value_stores", "*", "comment"),
    ("key_groups",),
)
"""Where a text may have several lines; what stands below is meant too."""


def check_texts(document: Document) -> None:
    """Notes what no text, name or number may be.

    Raises ConfigError with all findings where nothing further can be judged.
    """
    is_usable = True
    for path, value in _values_below(document):
        if path and isinstance(path[-1], str):
            is_usable &= _check_name(document, path, path[-1])
        if isinstance(value, str):
            is_usable &= _check_text(document, path, value)
        elif isinstance(value, int) and abs(value) >= _LARGEST_NUMBER:
            document.error(
                path,
                "config.type",
                f"a number has at most 18 digits: it is below {_LARGEST_NUMBER}",
            )
            is_usable = False
    if not is_usable:
        raise ConfigError(document.findings)


def _values_below(document: Document) -> Iterator[tuple[KeyPath, object]]:
    """Every value with its path. Raises ConfigError where there are too many, or too deep."""
    waiting: list[tuple[KeyPath, object]] = [((), document.value)]
    count = 0
    while waiting:
        path, value = waiting.pop()
        yield path, value
        count += 1
        if count > MAX_VALUES or len(path) > MAX_DEPTH:
            text = f"more than {MAX_VALUES} values, or more than {MAX_DEPTH} inside each other"
            document.error(path, "config.size", text)
            raise ConfigError(document.findings)
        if isinstance(value, dict):
            items = cast("dict[str, object]", value).items()
            waiting += [((*path, key), item) for key, item in items]
        elif isinstance(value, list):
            listed = enumerate(cast("list[object]", value))
            waiting += [((*path, at), item) for at, item in listed]


def _check_name(document: Document, path: KeyPath, name: str) -> bool:
    """Whether the key `name` can be judged further."""
    if name.isprintable() and name and (len(path) != _NAMED or len(name) <= LONGEST_NAME // 4):
        return True
    if _UNUSABLE.search(name):
        document.error(path, "config.key", f"{name!r} cannot be a name", key=True)
        return False
    if _BREAKING.search(name):
        text = f"{name!r} holds a control character, such as a line break"
        document.error(path, "config.key", text, key=True)
    elif not name:
        document.error(path, "config.key", "a name has one character or more", key=True)
    elif len(path) == _NAMED and len(name.encode()) > LONGEST_NAME:
        text = f"a name has 1 to {LONGEST_NAME} bytes, not {len(name.encode())}"
        document.error(path, "config.key", text, key=True)
    return True


def _check_text(document: Document, path: KeyPath, value: str) -> bool:
    """Whether the text can be judged further."""
    if value.isprintable():
        return True
    unusable = _UNUSABLE.search(value)
    if unusable is not None:
        text = f"the character U+{ord(unusable[0]):04X} cannot stand in a configuration"
        document.error(path, "config.character", text)
        return False
    if _BREAKING.search(value) and not any(_fits(path, each) for each in _SEVERAL_LINES):
        text = f"{value!r} holds a control character, such as a line break"
        document.error(path, "config.character", text)
    return True


def _fits(path: KeyPath, pattern: KeyPath) -> bool:
    """Whether `path` stands at `pattern` or below."""
    return len(path) >= len(pattern) and all(
        part in ("*", name) for part, name in zip(pattern, path, strict=False)
    )
