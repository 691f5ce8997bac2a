"""The words that handlers are written with, read once, for whoever asks what they look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.versions import Deployed

if TYPE_CHECKING:
    from edgegw.cloudfront.cache.key_gaps import KeyGap

_MOST: Final = 256 * 1024
"""Bytes of a source that is looked into; requests wait meanwhile, once."""


class HandlerWords:
    """What functions are written with. `replaced` are those that are no files here."""

    def __init__(
        self, functions: Callable[[], Mapping[str, Deployed]], replaced: Mapping[str, object]
    ) -> None:
        self._functions = functions
        self._replaced = replaced
        self._known: dict[FunctionRef, Callable[[KeyGap], bool] | None] = {}

    def forget(self) -> None:
        """Files may have changed."""
        self._known.clear()

    def looks_at(self, ref: FunctionRef) -> Callable[[KeyGap], bool] | None:
        """Whether the handler of `ref` may look at something.

        None where its source cannot be read, or is long.
        """
        if ref not in self._known:
            self._known[ref] = self._read(ref)
        return self._known[ref]

    def _read(self, ref: FunctionRef) -> Callable[[KeyGap], bool] | None:
        # Late: they bring the schema of configurations and a parser along.
        from edgegw.cloudfront.handler_text import handler_text, words_of
        from edgegw.config.functions.handler_source import handler_source

        deployed = self._functions().get(ref.name)
        if deployed is None or ref.name in self._replaced:
            return None
        source = handler_source(deployed.meant(ref), _MOST)
        if source is None:
            return None
        text = handler_text(source.text, source.language, source.handler)
        return partial(_may_look_at, words_of(text))


def _may_look_at(words: frozenset[str], gap: KeyGap) -> bool:
    from edgegw.cloudfront.handler_text import may_look_at

    return may_look_at(words, gap.name)
