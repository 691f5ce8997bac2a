"""The frames that one engine has compiled (`cloudfront/edge_functions/frames.py`).

Compiling takes as long as some ten runs, so it is done for a frame that comes the second time.
"""

from __future__ import annotations

from typing import Any, Final

from edgegw.cloudfront.edge_functions.frames import EventFrame, frame_code

_MOST_COMPILED: Final = 64
_MOST_MET: Final = 512


class EdgeFrames:
    """Frames as objects of the engine `context`, whose memory limit is `limit` without them."""

    def __init__(self, context: Any, limit: int) -> None:
        self._context = context
        self._limit = limit
        self._compiled: dict[EventFrame, Any] = {}
        self._met: set[EventFrame] = set()
        self._forget()

    def get(self, frame: EventFrame) -> Any | None:
        """The object for `frame`; None where it came for the first time."""
        compiled = self._compiled.get(frame)
        if compiled is None:
            if frame in self._met:
                return self._compile(frame)
            if len(self._met) >= _MOST_MET:
                self._forget()
            self._met.add(frame)
        return compiled

    def _compile(self, frame: EventFrame) -> Any:
        if len(self._compiled) >= _MOST_COMPILED:
            self._forget()
        before = self._context.memory()["malloc_size"]
        compiled = self._compiled[frame] = self._context.eval(frame_code(frame))
        taken = self._context.memory()["malloc_size"] - before
        self._allowed += max(0, taken)  # it is not the function's memory
        self._context.set_memory_limit(self._allowed)
        return compiled

    def _forget(self) -> None:
        self._compiled.clear()
        self._met.clear()
        self._allowed = self._limit
        self._context.set_memory_limit(self._allowed)
