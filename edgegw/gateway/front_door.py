"""What stands behind one front door: a request in, a response out, whatever happens between."""

from __future__ import annotations

import logging
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Final

from edgegw.alb.access_log import Connected
from edgegw.alb.admission import HTTP2_REQUESTS
from edgegw.alb.answers import IDLE, MALFORMED, PLAIN_HTTP, plain_http_page
from edgegw.alb.answers import error_page as alb_error_page
from edgegw.alb.certificates import leaf_facts
from edgegw.alb.finish import Finish
from edgegw.alb.model import Listener
from edgegw.cloudfront.answers import Facts
from edgegw.cloudfront.answers import error_page as cloudfront_error_page
from edgegw.cloudfront.behaviors import malformed_status
from edgegw.config.model import DistributionDoor, Door, ListenerDoor
from edgegw.gateway.asgi import Begun, Handshake, Limits
from edgegw.gateway.drive import new_exchange_id, new_request_id
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.incoming import Trouble, ViewerGoneError
from edgegw.http.message import Client, Header, Request, Response, has_body

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

logger = logging.getLogger(__name__)
access = logging.getLogger("edgegw.access")

_LINE_LENGTH: Final = 500


def _line(name: bytes, text: str) -> Header:
    """A header that tells the developer something, on one line."""
    return name, " ".join(text.split())[:_LINE_LENGTH].encode("ascii", "backslashreplace")


class FrontDoor:
    """One front door of a gateway: what its ASGI application asks (`asgi.Answerer`).

    Its values are those of the present configuration, found by `key`; `door` is what it began as.
    """

    def __init__(self, gateway: Gateway, key: object, door: Door) -> None:
        self._gateway = gateway
        self._key = key
        self._door = door
        self._kind = "distribution" if isinstance(door, DistributionDoor) else "load-balancer"

    async def startup(self) -> None:
        await self._gateway.start()

    async def shutdown(self) -> None:
        await self._gateway.stop()

    def open(self, request: Request) -> Exchange:
        name, kind = self._door.name, self._kind
        made = new_request_id() if kind == "distribution" else new_exchange_id()
        return Exchange(made, name, kind, request, time.time())

    def begin(self, request: Request) -> Begun:
        gateway, started = self._gateway, time.perf_counter()
        exchange = self.open(request)
        if self._kind == "distribution":
            return Begun(exchange, started)
        door = gateway.present(self._key, self._door)
        response: Response | None = None
        try:
            if isinstance(door, ListenerDoor):
                response = gateway.driver().begin(door.listener, request, exchange)
            if response is None:  # only now others may run before it ends
                exchange.standing = gateway.stand()
                return Begun(exchange, started)
            if gateway.stale:
                response = self._marked(response, exchange)
        except Exception as error:
            response = self._own_fault(error, exchange)
        exchange.response = response
        if response.body.content and has_body(request.method, response.status):
            exchange.keep_body(response.body.content)
        exchange.duration = time.perf_counter() - started
        self.close(exchange)
        return Begun(exchange, started, response)

    async def answer(self, request: Request, exchange: Exchange) -> Response:
        gateway = self._gateway
        standing = exchange.standing
        holds = standing is None or exchange.begun is not None
        if standing is None:  # at the outer front door
            standing = exchange.standing = gateway.stand()
        door = standing.doors.get(self._key, self._door)
        driver = gateway.driver()
        try:
            if isinstance(door, DistributionDoor):
                response = await driver.through_distribution(door.distribution, request, exchange)
            else:
                response = await driver.through_listener(door.listener, request, exchange)
            if gateway.stale or exchange.faults:
                return self._marked(response, exchange)
            return response
        except ViewerGoneError as error:
            if error.why is None:
                raise
            exchange.reason = error.detail
            return self._malformed(error.why)
        except Exception as error:
            return self._own_fault(error, exchange)
        finally:
            exchange.standing = None
            if holds:
                gateway.leave(standing)

    def _marked(self, response: Response, exchange: Exchange) -> Response:
        """`response`, and the exchange, with what an older version answered, and with faults."""
        ran = {"config", *(run.function for run in exchange.runs)}
        stale = tuple(f"{name}: {why}" for name, why in self._gateway.stale.items() if name in ran)
        exchange.stale = stale
        lines = [_line(b"x-edgegw-stale", each) for each in stale]
        lines += [_line(b"x-edgegw-fault", each) for each in exchange.faults]
        return response._replace(headers=response.headers.added(*lines)) if lines else response

    def _own_fault(self, error: Exception, exchange: Exchange) -> Response:
        logger.error("a fault of edgegw itself, please report it", exc_info=error)
        exchange.verdict = "edgegw-fault"
        exchange.reason = f"a fault of edgegw itself: {error!r}"
        return self._page(500, "edgegw failed; its log has the traceback.", exchange.id)

    def _listener(self) -> Listener | None:
        door = self._gateway.present(self._key, self._door)
        return door.listener if isinstance(door, ListenerDoor) else None

    def limits(self) -> Limits:
        listener = self._listener()
        if listener is None:
            return Limits()
        attributes = listener.load_balancer.attributes
        idle = attributes.idle_timeout
        age = attributes.client_keep_alive
        return Limits(idle + 1, idle, age, HTTP2_REQUESTS, is_lenient=True)

    def connected(self, client: Client, handshake: Handshake | None) -> None:
        listener = self._listener()
        if listener is None or listener.load_balancer.logs.connection is None:
            return
        found = Connected(time.time(), client, listener.port)
        if handshake is not None:
            leaf = leaf_facts(client.certificates[0])[:3] if client.certificates else None
            found = found._replace(
                tls=handshake.tls, latency=handshake.latency, leaf=leaf, failure=handshake.failure
            )
        self._gateway.balancer_logs.connection(listener, found)

    def refuse(self, detail: str, client: Client, why: Trouble) -> Response:
        listener, started = self._listener(), time.time()
        if why == "idle":
            status = IDLE
        elif listener is None:
            status = malformed_status(too_large=why == "too-large")
        else:
            status = MALFORMED
        logger.info("%s refused a request with %d: %s", self._door.name, status, detail)
        if listener is None:
            return self._malformed(why)
        date = formatdate(usegmt=True).encode()
        page = (
            plain_http_page(date=date) if why == "plain-http" else alb_error_page(status, date=date)
        )
        if listener.load_balancer.logs.access is not None:
            self._gateway.balancer_logs.refused(listener, page, client, started)
        return page

    def _malformed(self, why: Trouble) -> Response:
        """The page of a distribution for a request that cannot be read."""
        text = PLAIN_HTTP if why == "plain-http" else "Bad request."
        status = malformed_status(too_large=why == "too-large")
        return self._page(status, text, new_request_id())

    def _page(self, status: int, text: str, request_id: str) -> Response:
        date = formatdate(usegmt=True).encode()
        if self._kind == "load-balancer":
            return alb_error_page(status, date=date)
        return cloudfront_error_page(status, text, Facts(request_id, "0" * 32, date))

    def close(self, exchange: Exchange) -> None:
        self._gateway.exchanges.add(exchange)
        if isinstance(self._door, ListenerDoor):
            self._log(exchange)
        on_exchange = self._gateway.on_exchange
        if on_exchange is not None:
            on_exchange(exchange)
        elif access.isEnabledFor(logging.INFO):
            access.info("%s", exchange)

    def _log(self, exchange: Exchange) -> None:
        """Writes the load balancer's access log, where there is one."""
        for step, _, _ in reversed(exchange.steps):
            if isinstance(step, Finish):
                balancer = step.chosen.listener.load_balancer
                if balancer.logs.access is not None:
                    self._gateway.balancer_logs.request(balancer, exchange)
                return

    async def enter(self, request: Request, outer: Exchange) -> Response:
        """The way in for a distribution whose origin this load balancer is."""
        started = time.perf_counter()
        inner = self.open(request)
        inner.standing = outer.standing
        outer.inner.append(inner)
        response = await self.answer(request, inner)
        inner.response = response
        inner.duration = time.perf_counter() - started
        return response
