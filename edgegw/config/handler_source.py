"""The source of a function's handler, for whoever looks into it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edgegw.awslambda.model import Function
from edgegw.config.function_check import handler_file
from edgegw.values import value

_MOST: Final = 2 * 1024 * 1024
"""Bytes of a source that is looked into."""


@value
class HandlerSource:
    """The file that holds a handler; `handler` is the name of its function there."""

    file: Path
    text: str
    language: str
    handler: str


def handler_source(function: Function, most: int = _MOST) -> HandlerSource | None:
    """The source of `function`; None where it cannot be read: a package, another runtime.

    Nor is one that has more than `most` bytes.
    """
    language, code = function.runtime.language, Path(function.code)
    if language == "provided" or code.suffix == ".zip":
        return None
    file = handler_file(code, function.runtime.identifier, function.handler)
    try:
        if file is None or file.stat().st_size > most:
            return None
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return HandlerSource(file, text, language, function.handler.rpartition(".")[2])
