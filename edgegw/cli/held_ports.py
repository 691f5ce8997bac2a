"""Ports that are taken before anything else is done.

Looking for a free port and listening on it later are two moments, and between them another command
may choose the same one. So choosing is listening: the socket is kept, and is the front door's.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Final, TypeAlias

import click

from edgegw.errors import EnvironmentProblem

HeldPorts: TypeAlias = Mapping[tuple[str, int], socket.socket]
"""Listening sockets by address and port."""

_ADDRESS: Final = "127.0.0.1"
_BACKLOG: Final = 2048
_TRIES: Final = 20
"""Ports that are tried, the first one with them."""


def hold_port(chosen: int | None, *, default: int) -> socket.socket:
    """A socket that listens on the port `chosen`; without one on `default`, or the next free port.

    Raises EnvironmentProblem when there is none.
    """
    is_chosen = chosen is not None
    first = default if chosen is None else chosen
    for port in range(first, min(first + (1 if is_chosen else _TRIES), 65536)):
        sock = _listening(port)
        if sock is not None:
            if port != first:
                click.echo(f"port {first} is taken: using {port}", err=True)
            return sock
    if is_chosen:
        raise EnvironmentProblem(
            f"{_ADDRESS}:{first} is in use: stop what listens there, or choose another port"
        )
    raise EnvironmentProblem(f"no port from {first} to {first + _TRIES - 1} is free: use --port")


def _listening(port: int) -> socket.socket | None:
    sock = socket.socket()
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((_ADDRESS, port))
        sock.listen(_BACKLOG)  # only this takes a port from others that may share an address
    except OSError:
        sock.close()
        return None
    sock.setblocking(False)  # noqa: FBT003
    return sock


def by_place(*sockets: socket.socket) -> HeldPorts:
    """The sockets by where they listen."""
    return {sock.getsockname(): sock for sock in sockets}
