"""What a gateway serves on a socket, whatever it speaks there."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import ClassVar, Protocol

from edgegw.config.model import Listen


class Server(Protocol):
    """What serves one socket."""

    async def start(self) -> None:
        """Accepts connections from here on."""
        ...

    async def stop(self, grace: float) -> None:
        """Finishes what is under way within `grace` seconds."""
        ...


class Served(Protocol):
    """A front door with a place to listen.

    `kind` and `names` stand in its ready lines, `title` names it in messages. While its `identity`
    stays the same, a running server serves it on, whatever else of it changes.
    """

    kind: ClassVar[str]

    @property
    def keys(self) -> Sequence[object]:
        """What tells that which is served from others of the same configuration."""
        ...

    @property
    def name(self) -> str: ...

    @property
    def names(self) -> Sequence[tuple[str, str]]:
        """What its ready lines name, and the host that reaches each; empty for the socket's."""
        ...

    @property
    def title(self) -> str: ...

    @property
    def is_secure(self) -> bool: ...

    @property
    def listen(self) -> Listen: ...

    @property
    def identity(self) -> object: ...

    def server(self, sock: socket.socket) -> Server:
        """What serves it on a listening socket."""
        ...
