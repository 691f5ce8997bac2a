"""The line to a zygote: messages with descriptors, whole and in order, however slowly it reads.

A zygote that forks or walks through /proc reads nothing for a moment, and a few hundred small
messages fill the line. What does not go out at once waits here, so that neither a start nor, worse,
the order to end an environment is lost or torn apart by another.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Sequence


class ControlLine:
    """Writes to `sock`, which does not block. Descriptors are copied: the caller closes its own."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._loop = asyncio.get_running_loop()

    def send(self, line: bytes, descriptors: Sequence[int] = ()) -> None:
        """Sends `line` now or as soon as there is room. Raises OSError when the line is cut."""
        rest = line if self._waiting else self._push(line, descriptors)
        if not rest:
            return
        copies = [os.dup(each) for each in descriptors] if len(rest) == len(line) else []
        self._waiting.append((rest, copies))
        if len(self._waiting) == 1:
            self._loop.add_writer(self.sock, self._flush)

    def _push(self, data: bytes, descriptors: Sequence[int]) -> bytes:
        """What of `data` did not go out; the descriptors go with its first byte."""
        try:
            sent = socket.send_fds(self.sock, [data], descriptors)
        except BlockingIOError:
            return data
        return data[sent:]

    def _flush(self) -> None:
        while self._waiting:
            data, descriptors = self._waiting[0]
            try:
                rest = self._push(data, descriptors)
            except OSError:  # the other end is gone, whoever reads from it learns that
                self._drop_waiting()
                break
            if len(rest) < len(data):
                _close(descriptors)
                self._waiting[0] = (rest, [])
            if rest:
                return
            self._waiting.popleft()
        self._loop.remove_writer(self.sock)

    def _drop_waiting(self) -> None:
        while self._waiting:
            _close(self._waiting.popleft()[1])

    def close(self) -> None:
        """Drops what still waits, and closes the socket."""
        if self._waiting:
            self._loop.remove_writer(self.sock)
            self._drop_waiting()
        self.sock.close()


def _close(descriptors: Sequence[int]) -> None:
    for each in descriptors:
        os.close(each)
