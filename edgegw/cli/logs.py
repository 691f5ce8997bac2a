"""Log lines on stderr, gathered and written a few times a second.

Writing each line by itself costs a request more than everything the gateway does with it.
"""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import time
from typing import Final, TextIO

_INTERVAL: Final = 0.05
_AT_ONCE: Final = 2000


class GatheringHandler(logging.Handler):
    """Keeps records and writes them together, from a thread of its own."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream or sys.stderr
        self._records: list[logging.LogRecord] = []
        self._wake = threading.Event()
        threading.Thread(target=self._run, name="edgegw-log", daemon=True).start()
        atexit.register(self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)
        if len(self._records) == 1 or record.levelno >= logging.WARNING:
            self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(_INTERVAL)
            self._wake.clear()
            self.flush()

    def flush(self) -> None:
        """Writes what was gathered. Rendering happens here, not on the request's way."""
        while self._records:
            self.acquire()
            try:
                batch, self._records = self._records[:_AT_ONCE], self._records[_AT_ONCE:]
                lines = [self._line(record) for record in batch]
                self._stream.write("".join(lines))
                self._stream.flush()
            except (OSError, ValueError):
                return  # nobody reads any more
            finally:
                self.release()

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return self.format(record) + "\n"
        except Exception as error:  # noqa: BLE001 - a log line must never end the log
            return f"(a log line could not be rendered: {error!r})\n"


class LineFormatter(logging.Formatter):
    """`12:34:56.789 message`; warnings and errors name their level."""

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        line = f"{clock}.{int(record.msecs):03d}  {level}{record.getMessage()}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def set_up(level: int) -> None:
    """Configures logging for a command that runs front doors."""
    handler = GatheringHandler()
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("edgegw").setLevel(level)
