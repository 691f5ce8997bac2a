"""The public keys of load balancers, under AWS's path: `GET /KEY_ID` answers the key as PEM.

AWS has them at `https://public-keys.auth.elb.REGION.amazonaws.com/KEY_ID`, in GovCloud in a bucket;
with TLS the certificate here is for that name too, so that whoever is led here by `gateway.hosts`
finds what it looks for.
Anybody may ask: the keys are public, and an answer tells nothing else.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from edgegw.alb.authentication.keys import public_keys_place
from edgegw.config.model import Listen
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Body, Client, Headers, Request, Response
from edgegw.http.status import reason_phrase
from edgegw.wire.front import Delivery, Handshake
from edgegw.wire.listeners import TcpListener

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway
    from edgegw.wire.certificates import DoorTls

_LIMITS: Final = Limits(head=10.0, idle=30.0)
_STATUS: Final[dict[Trouble, int]] = {
    "malformed": 400,
    "too-large": 431,
    "idle": 408,
    "plain-http": 400,
}


class PublicKeysFront:
    """Where the public keys of a gateway are, as its servers and the wire see it."""

    kind: ClassVar[str] = "public-keys"
    keys: Sequence[object] = ("public-keys",)
    name = ""
    names: Sequence[tuple[str, str]] = (("", ""),)
    title = "gateway.public_keys"

    def __init__(self, gateway: Gateway, listen: Listen) -> None:
        self._gateway = gateway
        self.listen = listen
        self.is_secure = listen.tls
        self.identity = ("public-keys", listen)

    def server(self, sock: socket.socket) -> TcpListener:
        """What serves it on `sock`. Raises EnvironmentProblem."""
        return TcpListener(self, sock, self._tls() if self.is_secure else None)

    def _tls(self) -> DoorTls:
        from edgegw.wire.certificates import Certificates, DoorTls

        listen, config = self.listen, self._gateway.config
        own = list(listen.more)
        if listen.certificate is not None and listen.key is not None:
            own.insert(0, (listen.certificate, listen.key))
        host, _ = public_keys_place(config.account.region)
        certificates = Certificates(config.state)
        return DoorTls(certificates, lambda: [host], ["http/1.1"], own, [listen.address, host])

    # As a front door

    def limits(self) -> Limits:
        return _LIMITS

    def accept(self, request: Request) -> Response:
        """The key whose id the path is."""
        if request.method not in ("GET", "HEAD"):
            return _plain(405, "keys can be had, not changed")
        keys = self._gateway.sign_in_keys
        _, folder = public_keys_place(self._gateway.config.account.region)
        if request.target.path != f"{folder}{keys.key_id}".encode():
            return _plain(404, "there is no key of that id")
        return _answer(200, keys.public_pem())

    def done(self, response: Response, delivery: Delivery) -> None:
        """Nobody counts."""

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        return _plain(_STATUS[why], detail)

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        """Nobody counts."""


def _plain(status: int, text: str) -> Response:
    return _answer(status, f"{text}\n".encode())


def _answer(status: int, content: bytes) -> Response:
    lines = (
        (b"Content-Type", b"text/plain"),
        (b"Content-Length", str(len(content)).encode()),
        (b"X-Content-Type-Options", b"nosniff"),
    )
    return Response(status, reason_phrase(status), Headers(lines), Body.of(content))
