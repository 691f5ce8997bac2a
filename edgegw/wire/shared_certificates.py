"""The certificates of several front doors on one port."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from typing import NoReturn

from edgegw.wire.certificates import DoorTls


class SharedTls:
    """The TLS side of front doors that share a port: what a client asks for says whose it is.

    `place_of` answers the place of a name among `doors`. So each keeps its certificates and its
    versions of HTTP (ALPN); HTTP/3 has one certificate, and so the names of all.
    """

    passes_through = False

    def __init__(self, doors: Sequence[DoorTls], place_of: Callable[[str], int]) -> None:
        self._doors = doors
        self._place_of = place_of
        self.context = doors[0].context
        self.context.sni_callback = self._choose

    def _choose(
        self, sslobj: ssl.SSLObject, name: str | None, context: ssl.SSLContext
    ) -> int | None:
        door = self._doors[self._place_of(name) if name else 0]
        return door.choose(sslobj, name, context)

    def passing(self, name: str | None) -> NoReturn:
        """Only who has a port alone asks for certificates unchecked."""
        raise NotImplementedError

    def whole(self) -> tuple[str, str]:
        """Certificate and key for everybody: own ones where a door has some."""
        own = next((door for door in self._doors if door.has_own), None)
        if own is not None:
            return own.whole()
        names = dict.fromkeys(name for door in self._doors for name in door.whole_names())
        return self._doors[0].local_file(tuple(names))
