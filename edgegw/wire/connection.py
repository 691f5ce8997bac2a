"""A client's connection as a listener has it, whatever it speaks."""

from __future__ import annotations

from secrets import token_hex
from typing import Protocol

from edgegw.http.message import Client


class Connection(Protocol):
    """What a listener needs of a connection."""

    def shutdown(self) -> None:
        """Finishes what is under way, then closes."""
        ...

    def abort(self) -> None:
        """Ends at once."""
        ...


def new_client(address: tuple[str, int]) -> Client:
    """The peer at the other end of a new connection."""
    return Client(*address[:2], f"TID_{token_hex(16)}")
