"""An origin that sends exactly the bytes it is told to, in the pieces it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

Afterwards = Literal["keep", "close", "reset", "stall"]
"""What happens to the connection behind the bytes. One that stalls is open and silent."""

_NUMBER: Final = re.compile(rb"[A-Z]+ /a(\d+) ")


@dataclass
class Script:
    """The answer to one request: pieces sent one after the other, and what follows."""

    pieces: list[bytes]
    afterwards: Afterwards = "keep"


@dataclass
class ScriptedOrigin:
    """Answers a request for `/aN` with script N, as often as it is asked."""

    port: int = 0
    scripts: list[Script] = field(default_factory=list[Script])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                match = _NUMBER.match(head)
                if match is None:
                    return
                length = re.search(rb"(?i)\r\ncontent-length: (\d+)\r\n", head)
                if length is not None:
                    await reader.readexactly(int(length[1]))
                if not await self._answer(writer, self.scripts[int(match[1])]):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, script: Script) -> bool:
        """Whether the connection goes on."""
        for piece in script.pieces:
            if writer.is_closing():
                return False
            writer.write(piece)
            await asyncio.sleep(0.001)
        if script.afterwards == "stall":
            await asyncio.sleep(30)
        elif script.afterwards == "reset" and not writer.is_closing():
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        return script.afterwards == "keep"


@asynccontextmanager
async def scripted_origin() -> AsyncIterator[ScriptedOrigin]:
    """Runs one on a free port."""
    origin, tasks = ScriptedOrigin(), set[asyncio.Task[None]]()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        with contextlib.suppress(asyncio.CancelledError):  # the run is over
            await origin.serve(reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**20)
    origin.port = server.sockets[0].getsockname()[1]
    try:
        yield origin
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
