"""What a child writes to stdout and stderr, as lines."""

from __future__ import annotations

import asyncio
import fcntl
import os
import termios
from collections.abc import Callable
from typing import Final

_CHUNK: Final = 65536
_CHUNKS_AT_ONCE: Final = 16
"""Chunks read before the event loop gets its turn again: a child may print without end."""
_NOTHING: Final = bytearray(4)
MAX_LINE: Final = 256 * 1024
"""Bytes of one log event; a longer line is parted (CloudWatch Logs quotas)."""


class LogPipe:
    """Reads one descriptor until the other end is closed."""

    def __init__(self, fd: int, on_line: Callable[[str], None]) -> None:
        self._fd = fd
        self._on_line = on_line
        self._rest: list[bytes] = []
        self._rest_size = 0
        self._size = bytearray(4)
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self.drain)

    def has_more(self) -> bool:
        """Whether something is there to be read. Cheaper than a read that finds nothing."""
        if self._fd < 0:
            return False
        fcntl.ioctl(self._fd, termios.FIONREAD, self._size)
        return self._size != _NOTHING

    def drain(self) -> None:
        """Reads what is there now. A child writes before it answers, so nothing comes too late."""
        for _ in range(_CHUNKS_AT_ONCE):
            if self._fd < 0:
                return
            try:
                data = os.read(self._fd, _CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        first, *more = data.split(b"\n")
        self._rest.append(first)
        self._rest_size += len(first)
        if not more:
            if self._rest_size >= MAX_LINE:
                self._emit()
            return
        self._emit()
        for line in more[:-1]:
            self._on_line(line.decode("utf-8", "replace"))
        self._rest, self._rest_size = [more[-1]], len(more[-1])

    def _emit(self) -> None:
        line = b"".join(self._rest)
        self._rest, self._rest_size = [], 0
        self._on_line(line.decode("utf-8", "replace"))

    def close(self) -> None:
        """Stops reading; what was not ended by a newline is a line all the same."""
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._fd = -1
        if self._rest_size:
            self._emit()
