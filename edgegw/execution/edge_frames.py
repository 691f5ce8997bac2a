"""The frames that one engine has compiled (`cloudfront/edge_functions/frames.py`).

Compiling takes as long as some ten runs, so it is done for a frame that comes the second time.
"""

from __future__ import annotations

from typing import Any, Final

from edgegw.cloudfront.edge_functions.frames import EventFrame, frame_code

_MOST_COMPILED: Final = 64
_MOST_MET: Final = 512
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
        self.size = 0

    def met(self, frame: EventFrame) -> Any | None:
        """Says that `frame`, which is not there, came: its object, if it came before.

        The engine has another memory limit afterwards.
        """
        if len(self.compiled) >= _MOST_COMPILED:
            self.compiled.clear()
            self.size = 0
        if len(self._met) >= _MOST_MET:  # many come once alone: those that come again stay
            self._met.clear()
        if frame not in self._met:
            self._met.add(frame)
            return None
        self._met.discard(frame)
        self._context.set_memory_limit(_ENOUGH)
        before = self._context.memory()["malloc_size"]
        compiled = self.compiled[frame] = self._context.eval(frame_code(frame))
        self.size += max(0, self._context.memory()["malloc_size"] - before)
        return compiled
