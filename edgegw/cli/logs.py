"""Log lines on stderr, gathered and written a few times a second.

Writing each line by itself costs a request more than everything the gateway does with it.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import sys
import time
from typing import Final, TextIO

_INTERVAL: Final = 0.05


class GatheringHandler(logging.Handler):
    """Keeps log records and finished exchanges and writes them together, off the request's way.

    While an event loop runs, its timer does the writing: a thread would fight for the interpreter
    with every request.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream or sys.stderr
        self._kept: list[tuple[float, object]] = []
        self._timer: asyncio.TimerHandle | None = None
        atexit.register(self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        self.take(record)

    def take(self, entry: object) -> None:
        """Keeps a log record, or an exchange whose `str()` is its line."""
        self._kept.append((time.time(), entry))
        if self._timer is None:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self.flush()
                return
            self._timer = loop.call_later(_INTERVAL, self.flush)

    def flush(self) -> None:
        """Renders and writes what was gathered."""
        self._timer = None
        kept, self._kept = self._kept, []
        if not kept:
            return
        try:
            self._stream.write("".join([self._line(at, entry) for at, entry in kept]))
            self._stream.flush()
        except (OSError, ValueError):
            return  # nobody reads any more

    def _line(self, at: float, entry: object) -> str:
        try:
            if isinstance(entry, logging.LogRecord):
                return self.format(entry) + "\n"
            return f"{clock(at)}  {entry}\n"
        except Exception as error:
            return f"(a log line could not be rendered: {error!r})\n"


_clock: tuple[int, str] = (0, "")


def clock(at: float) -> str:
    """`12:34:56.789` local time of `at`, seconds since the epoch."""
    global _clock
    second = int(at)
    if _clock[0] != second:
        _clock = (second, time.strftime("%H:%M:%S", time.localtime(second)))
    return f"{_clock[1]}.{int((at - second) * 1000):03d}"


class LineFormatter(logging.Formatter):
    """`12:34:56.789 message`; warnings and errors name their level."""

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        line = f"{clock(record.created)}  {level}{record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def set_up(level: int) -> GatheringHandler:
    """Configures logging for a command that runs front doors."""
    # What no line shows need not be found out (the logging module's own advice).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # type: ignore[attr-defined]  # noqa: SLF001
    handler = GatheringHandler()
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("edgegw").setLevel(level)
    return handler
