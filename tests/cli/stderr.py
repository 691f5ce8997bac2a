"""What a command says on stderr, read as it comes."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable


class Stderr:
    """Gathers what `process` says there, until it has ended."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: list[str] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        self._lines.extend(self._process.stderr)

    @property
    def text(self) -> str:
        return "".join(self._lines)

    def until(self, holds: Callable[[str], object]) -> None:
        last = time.monotonic() + 60
        while not holds(self.text):
            assert time.monotonic() < last, self.text
            time.sleep(0.02)

    def whole(self) -> str:
        """All of it; the process has been told to end."""
        self._process.wait(60)
        self._thread.join()
        return self.text
