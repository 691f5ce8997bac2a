"""An identity provider as a front door: an application, not a front door of AWS's edge."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from edgegw.config.model import ProviderDoor
from edgegw.wire.application import ApplicationFront
from edgegw.wire.listeners import TcpListener

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway
    from edgegw.wire.certificates import DoorTls


class IdentityProviderFront:
    """One identity provider of a gateway."""

    kind: ClassVar[str] = "identity-provider"

    def __init__(self, gateway: Gateway, door: ProviderDoor) -> None:
        self._gateway = gateway
        self._door = door
        self.name = door.name
        self.title = f"identity_providers.{door.name}"
        self.keys: Sequence[object] = (door.key,)
        self.names: Sequence[tuple[str, str]] = ((door.name, ""),)
        self.listen = door.listen
        self.is_secure = door.listen.tls
        self.identity = (door.key, door.listen)

    def server(self, sock: socket.socket) -> TcpListener:
        """What serves it on `sock`. Raises EnvironmentProblem."""
        front = ApplicationFront(lambda: self._gateway.identity(self.name).app)
        return TcpListener(front, sock, self._tls() if self.is_secure else None)

    def _tls(self) -> DoorTls:
        """Certificates by name, those of a user pool among them."""
        from edgegw.wire.certificates import Certificates, DoorTls

        listen = self.listen
        own = list(listen.more)
        if listen.certificate is not None and listen.key is not None:
            own.insert(0, (listen.certificate, listen.key))
        return DoorTls(
            Certificates(self._gateway.config.state),
            lambda: sorted(self._gateway.identity(self.name).definition.hosts),
            ["h2", "http/1.1"],
            own,
            [listen.address] if listen.address else [],
        )
