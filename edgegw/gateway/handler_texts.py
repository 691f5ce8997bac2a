"""The texts that handlers are written with, read once, for whoever asks what they look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from edgegw.awslambda.model import Function, FunctionRef
from edgegw.awslambda.versions import Deployed
from edgegw.cloudfront.handler_text import handler_text

_MOST: Final = 1024 * 1024
"""Bytes of a source that is looked into."""


class HandlerTexts:
    """What functions are written with. `replaced` are those that are no files here."""

    def __init__(
        self, functions: Callable[[], Mapping[str, Deployed]], replaced: Mapping[str, object]
    ) -> None:
        self._functions = functions
        self._replaced = replaced
        self._known: dict[FunctionRef, str | None] = {}

    def forget(self) -> None:
        """Files may have changed."""
        self._known.clear()

    def of(self, ref: FunctionRef) -> str | None:
        """The text of the handler of `ref`; None where its source cannot be read."""
        if ref not in self._known:
            self._known[ref] = self._read(ref)
        return self._known[ref]

    def _read(self, ref: FunctionRef) -> str | None:
        deployed = self._functions().get(ref.name)
        if deployed is None or ref.name in self._replaced:
            return None
        alias = deployed.aliases.get(ref.qualifier)
        number = ref.qualifier if alias is None else alias.version
        return _text((deployed.version(number) if number else None) or deployed.latest)


def _text(function: Function) -> str | None:
    from edgegw.config.function_check import handler_file

    language, code = function.runtime.language, Path(function.code)
    if language == "provided" or code.suffix == ".zip":
        return None
    file = handler_file(code, function.runtime.identifier, function.handler)
    try:
        if file is None or file.stat().st_size > _MOST:
            return None
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return handler_text(source, language, function.handler.rpartition(".")[2])
