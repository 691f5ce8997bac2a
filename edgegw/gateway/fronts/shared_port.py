"""Distributions that share a port: the Host picks, as it does on AWS.

    bytes ─▶ Request ─▶ SharedPort ─Host─▶ the front door of one distribution

A distribution that has its port alone is not behind this, and so costs nothing here. The table of
names belongs to a configuration: a reload brings another one. What is nobody's name goes to the
first distribution, which answers to names of this machine and refuses all others.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from edgegw.cloudfront.hosts import HostTable, host_table, local_name
from edgegw.config.model import Door, Listen
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.fronts.distribution import DistributionFront
from edgegw.gateway.fronts.front import FrontDoor
from edgegw.gateway.fronts.served import Server
from edgegw.http.authority import authority_of
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Client, Request, Response
from edgegw.wire.front import Delivery, Handshake
from edgegw.wire.listeners import TcpListener

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway
    from edgegw.wire.shared_certificates import SharedTls

logger = logging.getLogger(__name__)


class SharedPort:
    """Several distributions at one place to listen, the `first` of them for what names no other."""

    kind: ClassVar[str] = DistributionFront.kind

    def __init__(self, gateway: Gateway, fronts: Sequence[FrontDoor], first: FrontDoor) -> None:
        self._gateway = gateway
        self._first = first
        self._fronts = tuple(cast("Sequence[DistributionFront]", fronts))
        self._by_name = {front.name: front for front in self._fronts}
        self._doors: Mapping[object, Door] | None = None

    @property
    def keys(self) -> Sequence[object]:
        return [key for front in self._fronts for key in front.keys]

    @property
    def name(self) -> str:
        return self._first.name

    @property
    def title(self) -> str:
        return " and ".join(front.name for front in self._fronts)

    @property
    def is_secure(self) -> bool:
        return self._first.is_secure

    @property
    def listen(self) -> Listen:
        return self._first.listen

    @property
    def identity(self) -> object:
        return tuple(front.identity for front in self._fronts)

    @property
    def names(self) -> Sequence[tuple[str, str]]:
        """Each distribution with the host that reaches it, empty for any of this machine."""
        first = self._first
        return [
            (front.name, "" if front is first else local_name(front.name)) for front in self._fronts
        ]

    def server(self, sock: socket.socket) -> Server:
        """What serves them on `sock`. Raises EnvironmentProblem."""
        others = [f"{host} reaches {name}" for name, host in self.names if host]
        where = authority_of(*sock.getsockname()[:2])
        logger.info(
            "%s is shared by %s: the Host picks; localhost and addresses reach %s, %s",
            where,
            self.title,
            self.name,
            ", ".join(others),
        )
        if not self.is_secure:
            return TcpListener(self, sock)
        http3 = any("3" in front.http_version for front in self._fronts)
        return TcpListener(self, sock, self._tls(), http3=http3)

    def _tls(self) -> SharedTls:
        """The certificates of all: the name that a client asks for picks whose."""
        from edgegw.wire.shared_certificates import SharedTls

        names = [name for front in self._fronts for name in front.certificate_names()]
        names += [local_name(front.name) for front in self._fronts]
        return SharedTls([front.tls(names) for front in self._fronts], self._place_of)

    def _place_of(self, name: str) -> int:
        return self._table().place_of(name.encode("latin-1", "replace")) or 0

    def _table(self) -> HostTable:
        """Whose which name is, by the present configuration."""
        doors = self._gateway.doors
        if self._doors is not doors:
            self._known = host_table([(front.name, front.hosts) for front in self._fronts])
            self._doors = doors
        return self._known

    # As the wire sees it

    def limits(self) -> Limits:
        return self._first.limits()

    def accept(self, request: Request) -> Response | Awaitable[Response]:
        place = self._table().place(request)
        front = self._first if place is None else self._fronts[place]
        return front.accept(request)

    def done(self, response: Response, delivery: Delivery) -> None:
        exchange = cast("Exchange", response.exchange)
        self._by_name[exchange.front_door].done(response, delivery)

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        return self._first.page(why, detail, client)

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        self._first.connected(client, handshake)
