"""The words that handlers are written with, read once, for whoever asks what they look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from edgegw.awslambda.model import FunctionRef
from edgegw.awslambda.versions import Deployed

if TYPE_CHECKING:
    from edgegw.cloudfront.cache.key_gaps import KeyGap
    from edgegw.cloudfront.edge_functions.model import EdgeFunction

LooksAt: TypeAlias = "Callable[[KeyGap], bool]"

_MOST: Final = 256 * 1024
"""Bytes of a source that is looked into; requests wait meanwhile, once."""


class HandlerWords:
    """What functions are written with. `replaced` are those that are no files here."""

    def __init__(
        self,
        functions: Callable[[], Mapping[str, Deployed]],
        replaced: Mapping[str, object],
        edge_functions: Callable[[], Mapping[str, EdgeFunction]],
        edge_replaced: Mapping[str, object],
    ) -> None:
        self._functions = functions
        self._replaced = replaced
        self._edge_functions = edge_functions
        self._edge_replaced = edge_replaced
        self._known: dict[FunctionRef, LooksAt | None] = {}
        self._edge_known: dict[str, LooksAt | None] = {}

    def forget(self) -> None:
        """Files may have changed."""
        self._known.clear()
        self._edge_known.clear()

    def looks_at(self, ref: FunctionRef) -> LooksAt | None:
        """Whether the handler of `ref` may look at something.

        None where its source cannot be read, or is long.
        """
        if ref not in self._known:
            self._known[ref] = self._read(ref)
        return self._known[ref]

    def edge_looks_at(self, name: str) -> LooksAt | None:
        """Whether the CloudFront Function `name` may look at something; None as above."""
        if name not in self._edge_known:
            self._edge_known[name] = self._read_edge(name)
        return self._edge_known[name]

    def _read_edge(self, name: str) -> LooksAt | None:
        from edgegw.cloudfront.handler_text import handler_text, words_of

        function = self._edge_functions().get(name)
        if function is None or name in self._edge_replaced:
            return None
        text = handler_text(function.code, "nodejs", "handler")
        return partial(_may_look_at, words_of(text))

    def _read(self, ref: FunctionRef) -> LooksAt | None:
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
