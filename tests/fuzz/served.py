"""A gateway on real sockets for as long as a run takes, and whether it complained of itself."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.conftest import Serving, serving_in
from tests.fuzz.campaign import Flaw


class Complaints(logging.Handler):
    """Errors in the log, and what the event loop could not give to anybody."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._texts: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.append(self.format(record))

    def on_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An exception handler of an event loop."""
        self._texts.append(f"event loop: {context.get('message')} {context.get('exception')!r}")

    def check(self) -> None:
        """Raises Flaw where something was complained of since the last check."""
        texts, self._texts = self._texts, []
        if texts:
            raise Flaw(texts[0])


@asynccontextmanager
async def complaints() -> AsyncIterator[Complaints]:
    """Hears every error that is logged in the block."""
    heard, root, loop = Complaints(), logging.getLogger(), asyncio.get_running_loop()
    before = loop.get_exception_handler()
    root.addHandler(heard)
    loop.set_exception_handler(heard.on_loop)
    try:
        yield heard
    finally:
        root.removeHandler(heard)
        loop.set_exception_handler(before)


@asynccontextmanager
async def served(config: dict[str, Any]) -> AsyncIterator[Serving]:
    """`config` on sockets, its state in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="edgegw-fuzz-") as name:
        async with serving_in(Path(name), config) as serving:
            yield serving
