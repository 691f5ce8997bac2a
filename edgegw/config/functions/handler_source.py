"""The source of a function's handler, for whoever looks into it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edgegw.awslambda.model import Function
from edgegw.config.functions.rules import RUNTIME, handler_file
from edgegw.values import value

_MOST: Final = 2 * 1024 * 1024
"""Bytes of a source that is looked into."""


@value
class HandlerSource:
    """The file that holds a handler; `handler` is the name of its function there.

    `language` is `python` or `nodejs`.
    """

    file: Path
    text: str
    language: str
    handler: str

    @property
    def shown(self) -> str:
        """The file as findings name it: from the working directory on, where it is below that."""
        here = Path.cwd()
        return str(self.file.relative_to(here) if self.file.is_relative_to(here) else self.file)


def handler_source(function: Function, most: int = _MOST) -> HandlerSource | None:
    """The source of `function`; None as `read_handler` answers it."""
    code = Path(function.code)
    return read_handler(code, function.runtime.identifier, function.handler, most)


def read_handler(code: Path, runtime: str, handler: str, most: int = _MOST) -> HandlerSource | None:
    """The source of `handler` (`file.function`) in `code`, a folder or one file.

    None where it cannot be read: a package (.zip), another runtime than Python and Node.js, no
    file, no UTF-8, or more than `most` bytes.
    """
    match = RUNTIME.fullmatch(runtime)
    if match is None or match[3] is not None or code.suffix == ".zip":
        return None
    file = handler_file(code, runtime, handler)
    try:
        if file is None or file.stat().st_size > most:
            return None
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    language = "python" if match[1] is not None else "nodejs"
    return HandlerSource(file, text, language, handler.rpartition(".")[2])
