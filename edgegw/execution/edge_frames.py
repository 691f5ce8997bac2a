"""The frames that one engine has compiled (`cloudfront/edge_functions/frames.py`).

Compiling takes as long as some ten runs, so it is done for a frame that comes the second time.
"""

from __future__ import annotations

from typing import Any, Final

from edgegw.cloudfront.edge_functions.frames import EventFrame, frame_code

_MOST_COMPILED: Final = 64
_MOST_MET: Final = 512
_LONGEST: Final = 1 << 18
"""Characters of the names in frames that came once, and as many of those that are compiled."""
_ENOUGH: Final = 1 << 30
"""Bytes of memory that an engine may have while it compiles a frame."""


class EdgeFrames:
    """Frames as objects of the engine `context`: `compiled` has those that are there.

    They take `size` bytes of the engine's memory.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self.compiled: dict[EventFrame, Any] = {}
        self._met: set[EventFrame] = set()
        self._met_length = self._compiled_length = 0
        self.size = 0

    def met(self, frame: EventFrame) -> Any | None:
        """Says that `frame`, which is not there, came: its object, if it came before.

        The engine has another memory limit afterwards.
        """
        length = _length_of(frame)
        if len(self.compiled) >= _MOST_COMPILED or self._compiled_length > _LONGEST:
            self.compiled.clear()
            self.size = self._compiled_length = 0
        if len(self._met) >= _MOST_MET or self._met_length > _LONGEST:
            self._met.clear()  # many come once alone: those that come again stay
            self._met_length = 0
        if frame not in self._met:
            self._met.add(frame)
            self._met_length += length
            return None
        self._met.discard(frame)
        self._met_length -= length
        self._compiled_length += length
        self._context.set_memory_limit(_ENOUGH)
        before = self._context.memory()["malloc_size"]
        compiled = self.compiled[frame] = self._context.eval(frame_code(frame))
        self.size += max(0, self._context.memory()["malloc_size"] - before)
        return compiled


def _length_of(frame: EventFrame) -> int:
    """Characters of what is in a frame."""
    context, query, headers, cookies, answer = frame
    length = len(context) + query.length + headers.length + cookies.length
    if answer is None:
        return length
    _, reason, answered, set_cookies = answer
    return length + len(reason) + answered.length + set_cookies.length
