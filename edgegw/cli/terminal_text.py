r"""Text of others as lines that do nothing to a terminal but stand on it.

Functions, their errors, requests and origins say what they like: Lambda parts the lines of one log
entry by carriage returns, loggers colour, and a cookie may hold a sequence that renames a window.
Whatever a command shows of such text goes through `shown_lines` first; JSON and files have it raw.
"""

from __future__ import annotations

import logging
import re
from typing import Final

_BREAK: Final = re.compile(r"\r\n|\r|\n")
_SEQUENCE: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, the cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links, strings for devices
    r"|\x1b[ -/]*[0-~]"
)
"""Escape sequences. Source: ECMA-48, 5.3 to 5.6."""
_UNSHOWN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, those that turn the direction of text, and what no encoding can write."""


def shown_lines(text: str) -> list[str]:
    """The lines of `text` without escape sequences; other control characters become `�`."""
    if text.isprintable():
        return [text]
    bare = _SEQUENCE.sub("", text)
    return [_UNSHOWN.sub("�", line) for line in _BREAK.split(bare)]


def shown_text(text: str, indent: str = "    ") -> str:
    """`text` with every line but the first below it, by `indent`."""
    return f"\n{indent}".join(shown_lines(text))


def on_one_line(text: str) -> str:
    """`text` as a single line: where it had lines there are blanks."""
    return " ".join(filter(None, map(str.strip, shown_lines(text))))


class _PlainFormatter(logging.Formatter):
    """`edgegw: warning: TEXT`, for commands that serve nothing."""

    def format(self, record: logging.LogRecord) -> str:
        return shown_text(f"edgegw: {record.levelname.lower()}: {super().format(record)}")


def speak_plainly() -> None:
    """Shows warnings of the log on stderr, as commands show their errors."""
    handler = logging.StreamHandler()
    handler.setFormatter(_PlainFormatter())
    logging.getLogger().addHandler(handler)
