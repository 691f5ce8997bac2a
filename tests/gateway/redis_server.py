"""A real redis-server on a free port, which a test starts, stops, and looks into."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.conftest import free_port, need, need_module

PATIENCE = 20.0
"""Seconds for a server to begin."""


class RedisServer:
    """Keeps nothing when it stops."""

    def __init__(self, folder: str, *options: str) -> None:
        self._program = need("redis-server", "the shared cache is not tested")
        self._folder, self._options = folder, options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client: Any = need_module("redis").Redis(port=self.port)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(
            [*command, "--dir", self._folder, "--appendonly", "no", *self._options],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.client.ping()
                return
            except need_module("redis").ConnectionError:
                assert time.monotonic() < until, "redis-server does not begin"
                time.sleep(0.02)

    def stop(self) -> None:
        self.client.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It takes connections, and answers nothing."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def keys(self, kind: str) -> list[bytes]:
        """The keys of the cache of one kind: `entry`, `body`, `clearings`."""
        return sorted(self.client.keys(f"edgegw:cache:{kind}*"))


@contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(folder, *options)
        server.start()
        try:
            yield server
        finally:
            server.stop()
