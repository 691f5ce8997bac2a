"""An origin that sends exactly the bytes it is told to, in the pieces it is told to."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.fuzz.listening import listening

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
    origin = ScriptedOrigin()
    async with listening(origin.serve) as origin.port:
        yield origin
