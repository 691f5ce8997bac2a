"""The text of a configuration file, as it stands on the disk.

A file may be anything: half written, of another encoding, a device that never ends. What is not the
text of a configuration is a finding with its place, and no more is read than a configuration has.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from edgegw.errors import ConfigError, Finding, UsageError

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a configuration file."""

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]|[\ud800-\udfff]|[\ufffe\uffff]"
)
"""What YAML takes nowhere, not even in quotes (YAML 1.2.2, 5.1).

Three sets: for one alone `re` builds a table of all characters, which takes seven milliseconds.
"""


def read_source(path: Path, shown: str | None = None) -> str:
    """The text of the file at `path`, called `shown` in findings.

    Raises UsageError where no file can be read, ConfigError for what is no text.
    """
    name = str(path) if shown is None else shown
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise UsageError(f"there is no configuration {path}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"the configuration {path} cannot be read: {error}") from None
    if len(content) > LARGEST:
        text = f"a configuration has at most {LARGEST // 1024 // 1024} MB"
        raise ConfigError([Finding(name, 1, 1, "error", "config.size", text)])
    return _decoded(content, name)


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        is_utf16 = content.startswith(_UTF16)
        what = "this is UTF-16" if is_utf16 else f"byte {content[error.start]:#04x} is no UTF-8"
        before = content[: error.start].decode("utf-8", "replace")
        text = f"{what}: save the file as UTF-8"
        raise ConfigError([_finding(name, before, "config.encoding", text)]) from None


def check_characters(text: str, name: str) -> None:
    """Raises ConfigError for what cannot stand in YAML, such as NUL."""
    match = _UNPRINTABLE.search(text)
    if match is not None:
        problem = f"the character U+{ord(match[0]):04X} cannot stand in a configuration"
        raise ConfigError([_finding(name, text[: match.start()], "config.syntax", problem)])


def _finding(name: str, before: str, code: str, text: str) -> Finding:
    """An error right behind the text `before`."""
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return Finding(name, line, column, "error", code, text)
