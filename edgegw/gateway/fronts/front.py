"""What every front door of AWS's edge has in common: a request in, an answer and its record out.

A kind of front door is a file of this package: it says how a request begins its way, what its
pages look like and what its logs get. `FRONTS` lists them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, ClassVar, Final

from edgegw.config.model import Door, Listen
from edgegw.gateway.drive import Driver, Step
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.failure_line import failure_line
from edgegw.gateway.finishing import LAST_STEPS
from edgegw.gateway.fronts.served import Server
from edgegw.gateway.request_tracing import send_segment
from edgegw.http.grammar import TEXT_VALUE_CONTROL
from edgegw.http.limits import Limits, Trouble
from edgegw.http.message import Client, Header, Request, Response
from edgegw.wire.front import Delivery, ForeignError, Handshake, ViewerGoneError
from edgegw.wire.listeners import TcpListener

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway
    from edgegw.wire.certificates import DoorTls

logger = logging.getLogger(__name__)
access = logging.getLogger("edgegw.access")

_LINE_LENGTH: Final = 500
_ANY: Final = ("", "0.0.0.0", "::")  # noqa: S104 - recognised, not chosen


def _line(name: bytes, text: str) -> Header:
    """A header that tells the developer something, on one line."""
    plain = TEXT_VALUE_CONTROL.sub("", " ".join(text.split()))
    return name, plain[:_LINE_LENGTH].encode("ascii", "backslashreplace")


class FrontDoor(ABC):
    """One front door of a gateway, as the wire sees it (`wire.front.Front`).

    Its values are those of the present configuration, found by `key`; `door` is what it began as.
    Only those who come `by_socket` may be pages of other sites, which a Host gives away.
    """

    kind: ClassVar[str]
    is_waited_for: ClassVar[bool] = False
    """Whether a distribution waits for it as for an origin elsewhere (`gateway/origins`)."""

    def __init__(self, gateway: Gateway, key: object, door: Door, *, by_socket: bool) -> None:
        self._by_socket = by_socket
        self.gateway = gateway
        self.key = key
        self.name = door.name
        self._door = door

    # What a kind of front door answers

    @property
    @abstractmethod
    def http_version(self) -> str:
        """The versions of HTTP it speaks over TLS, as it began: `http1.1`, `http2and3`."""

    @abstractmethod
    def certificate_names(self) -> Sequence[str]:
        """The names that its local certificate is for, beside those of this machine."""

    @staticmethod
    @abstractmethod
    def _aliases(door: Door) -> Sequence[str]:
        """The names that have certificates of their own."""

    @staticmethod
    @abstractmethod
    def ways(door: Door, local: Mapping[str, str]) -> list[tuple[str, str]]:
        """What requests are told by, and where each way leads; for the summary of what runs.

        `local` are the front doors of the same gateway by their DNS names.
        """

    @abstractmethod
    def limits(self) -> Limits:
        """What connections that begin now are held to."""

    @abstractmethod
    def _new_id(self) -> str:
        """What tells an exchange from others."""

    @abstractmethod
    def _enter(self, driver: Driver, door: Door, request: Request, exchange: Exchange) -> Step:
        """The first step of `request`."""

    @abstractmethod
    def _refusal(self, why: Trouble, exchange_id: str) -> Response:
        """The page for what cannot be read as a request."""

    @abstractmethod
    def _failure(self, exchange_id: str) -> Response:
        """The page for a fault of our own: 500."""

    def _log(self, exchange: Exchange) -> None:  # noqa: B027 - not every kind keeps one
        """Writes the logs that this kind of front door keeps."""

    def _count(self, exchange: Exchange) -> None:  # noqa: B027 - not every kind is counted
        """Counts a finished exchange."""

    @property
    def address(self) -> tuple[str, int] | None:
        """The name and port by which distributions of this gateway reach it; None for none."""
        return None

    # What is the same for all

    @property
    def real_port(self) -> int:
        """The port that it has on this machine; 0 without a socket."""
        return self.listen.port or self.gateway.port_of(self.key)

    @property
    def answered_hosts(self) -> tuple[str, ...] | None:
        """Names beside its own and this machine's that it answers to; None for any.

        In process any name is right: no browser gets there.
        """
        if not self._by_socket or self.gateway.config.accepts_any_host:
            return None
        return (self.listen.address,)

    @property
    def present(self) -> Door:
        """Its values as they are now."""
        return self.gateway.present(self.key, self._door)

    @property
    def listen(self) -> Listen:
        """Where it listens."""
        return self._door.listen

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.name

    @property
    def keys(self) -> Sequence[object]:
        """The keys of what is served: its own."""
        return (self.key,)

    @property
    def names(self) -> Sequence[tuple[str, str]]:
        """What is announced, and by which host it is reached: any of this machine's."""
        return ((self.name, ""),)

    @property
    def is_secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.listen.tls

    @property
    def identity(self) -> object:
        """What a running server cannot change: HTTP versions, and HTTP/3's one certificate."""
        version = self.http_version
        return self.key, version, tuple(self._aliases(self._door)) if "3" in version else ()

    def aliases(self) -> Sequence[str]:
        """The names that have certificates of their own, as they are now."""
        return self._aliases(self.present)

    def server(self, sock: socket.socket) -> Server:
        """What serves it on `sock`. Raises EnvironmentProblem."""
        if not self.listen.tls:
            return TcpListener(self, sock)
        return TcpListener(self, sock, self.tls(), http3="3" in self.http_version)

    def tls(self, more: Sequence[str] = ()) -> DoorTls:
        """The certificates: its own ones, or local ones for its names and `more`."""
        from edgegw.wire.certificates import Certificates, DoorTls

        listen = self.listen
        own = list(listen.more)
        if listen.certificate is not None and listen.key is not None:
            own.insert(0, (listen.certificate, listen.key))
        names = [
            *([listen.address] if listen.address not in _ANY else []),
            *(more or self.certificate_names()),
        ]
        versions = ["h2", "http/1.1"] if "2" in self.http_version else ["http/1.1"]
        certificates = Certificates(self.gateway.config.state)
        return DoorTls(certificates, self.aliases, versions, own, names, listen.client_certificates)

    def accept(
        self, request: Request, outer: Exchange | None = None
    ) -> Response | Awaitable[Response]:
        """The answer, at once where nothing has to be waited for.

        `outer` is the exchange of a front door of this gateway that the request comes from; it
        runs what that one runs.
        """
        gateway = self.gateway
        exchange = Exchange(self._new_id(), self.name, self.kind, request, gateway.world.now())
        if outer is not None:
            outer.inner += (exchange,)
            exchange.acquired, exchange.is_inner = outer.acquired, True
        acquired = exchange.acquired
        door = self.present if acquired is None else acquired.doors.get(self.key, self._door)
        driver = gateway.driver()
        try:
            step = driver.advance(self._enter(driver, door, request, exchange), exchange)
            if isinstance(step, LAST_STEPS):
                return self._handed_out(driver.finish(step, exchange), exchange)
        except Exception as error:
            return self._handed_out(self._own_fault(error, exchange), exchange)
        if acquired is None:  # only now others may run before it ends
            exchange.acquired = gateway.acquire()
        return self._run(driver, step, exchange, holds=acquired is None)

    async def _run(
        self, driver: Driver, step: Step, exchange: Exchange, *, holds: bool
    ) -> Response:
        try:
            response = await driver.run(step, exchange)
        except ViewerGoneError as error:
            exchange.reason = exchange.reason or error.detail
            if error.why is None:
                self._gone(exchange, error.received)
                raise
            response = self._refusal(error.why, exchange.id)
        except ForeignError as error:
            self._broken_off(error.cause, exchange)
            raise
        except Exception as error:
            response = self._own_fault(error, exchange)
        except asyncio.CancelledError:
            self._gone(exchange)
            raise
        except BaseException as error:  # a replaced function ends the test, or the program
            self._broken_off(error, exchange)
            raise
        finally:
            acquired, exchange.acquired = exchange.acquired, None
            if holds and acquired is not None:
                self.gateway.release(acquired)
        return self._handed_out(response, exchange)

    def _handed_out(self, response: Response, exchange: Exchange) -> Response:
        """`response` for the wire, which hands it back with what became of it."""
        if self.gateway.stale or exchange.faults or exchange.reason:
            response = self._marked(response, exchange)
        exchange.response = response
        return Response(
            response.status,
            response.reason,
            response.headers,
            response.body,
            response.upgraded,
            exchange,
        )

    def _marked(self, response: Response, exchange: Exchange) -> Response:
        """`response`, and the exchange, with what an older version answered, faults, failures."""
        ran = {"config", *(run.owner for run in exchange.every_run)}
        stale = tuple(f"{name}: {why}" for name, why in self.gateway.stale.items() if name in ran)
        exchange.stale = stale
        lines = [_line(b"x-edgegw-stale", text) for text in stale]
        lines += [_line(b"x-edgegw-fault", text) for text in exchange.faults]
        failure = failure_line(exchange, self.gateway.service)
        if failure is not None:
            lines.append(_line(b"x-edgegw-reason", failure))
        return replace(response, headers=response.headers.added(*lines)) if lines else response

    def _own_fault(self, error: Exception, exchange: Exchange) -> Response:
        logger.error("a fault of edgegw itself, please report it", exc_info=error)
        exchange.verdict = "edgegw-fault"
        exchange.reason = f"a fault of edgegw itself: {error!r}"
        return self._failure(exchange.id)

    def _broken_off(self, error: BaseException, exchange: Exchange) -> None:
        """There is no answer, as the caller's own code raised `error`; the caller gets it."""
        exchange.reason = f"broken off: {type(error).__name__}: {error}"
        self._gone(exchange)

    def _gone(self, exchange: Exchange, received: int = 0) -> None:
        """The client left before there was an answer, `received` bytes into its body."""
        exchange.delivery = Delivery()
        exchange.delivery.received = received
        exchange.is_gone = True
        exchange.reason = exchange.reason or ViewerGoneError().detail
        self._close(exchange)

    def done(self, response: Response, delivery: Delivery) -> None:
        """The answer is on its way, or broke off: the exchange is complete."""
        exchange = response.exchange
        assert isinstance(exchange, Exchange)  # `accept` put it there
        exchange.delivery = delivery
        if delivery.is_gone:
            exchange.is_gone = True
            exchange.reason = exchange.reason or ViewerGoneError().detail
        elif delivery.cut is not None:
            exchange.reason = exchange.reason or delivery.cut
        self._close(exchange)

    def _close(self, exchange: Exchange) -> None:
        exchange.duration = perf_counter() - exchange.began
        self._count(exchange)
        self._log(exchange)
        if exchange.is_inner:  # it is told of with the exchange that it is part of
            return
        self.gateway.exchanges.add(exchange)
        if self.gateway.sends_segments:
            send_segment(exchange, self.gateway)
        if logger.isEnabledFor(logging.DEBUG):
            exchange.log_steps()
        on_exchange = self.gateway.on_exchange
        if on_exchange is not None:
            on_exchange(exchange)
        elif access.isEnabledFor(logging.INFO):
            access.info("%s", exchange)

    def page(self, why: Trouble, detail: str, client: Client) -> Response:
        """The answer to what cannot be read as a request."""
        page = self._refusal(why, self._new_id())
        logger.info("%s refused a request with %d: %s", self.name, page.status, detail)
        return page

    def connected(self, client: Client, handshake: Handshake | None) -> None:  # noqa: B027
        """A client has connected, or tried to."""
