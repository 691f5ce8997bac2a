"""A connection of a client that speaks HTTP/1: requests are opened, answered, and waited for.

What differs from uvicorn's: reason phrases and spelling are the application's, a malformed request
gets the front door's own page, an HTTP/1.0 client never gets chunks, a viewer that left is an error
for whoever still sends, and a request that needs nothing of the application does without ASGI.
"""

from __future__ import annotations

import asyncio
import logging
import urllib.parse
from functools import lru_cache
from secrets import token_hex
from typing import Any, Final, cast

from edgegw.gateway.asgi import Begun
from edgegw.gateway.connection import Connection
from edgegw.gateway.incoming import CLIENT, TLS, WIRE, Trouble, ViewerGoneError
from edgegw.gateway.request_reader import RequestReader
from edgegw.gateway.response_cycle import FrontDoorCycle, close_gently, head_and_body, whole
from edgegw.gateway.tunnel import Moved, Tunnel
from edgegw.http.message import EMPTY, Client, Headers, Request, Response
from edgegw.http.target import Target

logger = logging.getLogger(__name__)

_whole: Final = lru_cache(maxsize=16)(whole)
"""Answers made at once are often the very same: those without a Location, within a second."""


def new_client(address: tuple[str, int]) -> Client:
    """The peer at the other end of a new connection."""
    return Client(*address[:2], f"TID_{token_hex(16)}")


class FrontDoorProtocol(RequestReader):
    """One connection of a viewer or client. `config.app` is a `FrontDoorApp`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tunnel: Tunnel | None = None
        self._running: Any = None
        self._peer = Client()
        self._tls = ""
        self._made = self._heard = 0.0
        self._idle: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._rests_since: float | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._made = self._heard = self.loop.time()
        if self.client is not None:
            self._peer = new_client(self.client)
            self._announce()
        if self._limits.idle is not None:
            self._idle = self.loop.call_later(self._limits.idle, self._look_for_life)

    def _announce(self) -> None:
        """Tells the front door who has connected."""
        self._door.connected(self._peer)

    def data_received(self, data: bytes) -> None:
        self._rests_since = None
        self._heard = self.loop.time()
        super().data_received(data)

    def _look_for_life(self) -> None:
        """Ends a connection on which the client sends nothing although it is its turn."""
        idle = self._limits.idle
        if idle is None or self.transport.is_closing() or self._tunnel is not None:
            return
        rest = self._heard + idle - self.loop.time()
        cycle = self.cycle
        under_way = bool(cycle) and not cycle.response_complete
        if under_way:  # whoever reads the body looks at the clock
            rest = idle
        elif rest <= 0 and not (self._has_begun or self._collects):
            self.transport.close()  # between two requests
            return
        elif rest <= 0:
            self._refuse("the client sent nothing for the idle timeout", "idle")
            return
        self._idle = self.loop.call_later(rest, self._look_for_life)

    def on_response_complete(self) -> None:
        """Begins the next request of a pipeline, or to wait for one.

        The timer is left running and asks again: setting one per request costs more.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._heard = self._rests_since = self.loop.time()
        if self._limits.idle is None and self._rest is None:
            self._rest = self.loop.call_later(self._limits.keep_alive, self._look_for_rest)

    def _look_for_rest(self) -> None:
        """Ends a connection that has waited for its next request long enough."""
        self._rest = None
        if self._rests_since is None or self.transport.is_closing():
            return  # the next rest sets another timer
        left = self._rests_since + self._limits.keep_alive - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self._rest = self.loop.call_later(left, self._look_for_rest)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        # With requests in a pipeline uvicorn tells only the latest one.
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        for timer in (self._idle, self._rest):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def _open(self, version: str, method: str, *, keep_alive: bool) -> None:
        """The request is known: it starts, or waits for those before it."""
        if keep_alive and self._limits.age is not None:
            keep_alive = self.loop.time() - self._made < self._limits.age
        previous = self.cycle
        self._tls = self._told()
        begun = self._begun(version, method)
        if begun is not None and begun.response is not None:
            self._write(begun.response, method, keep_alive=keep_alive)
            return
        scope: Any = {"method": method, "http_version": version}
        if begun is None:
            scope = self._scope(version, method)
        self.scope = scope
        self.cycle = cycle = FrontDoorCycle(
            scope,
            self.transport,
            self.flow,
            keep_alive=keep_alive,
            expects_100=self.expect_100_continue,
            on_response=self.on_response_complete,
            on_last=self._end,
            begun=begun,
        )
        if previous is None or previous.response_complete:
            self._start_asgi_task(cycle, self._door)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self._door))

    def _begun(self, version: str, method: str) -> Begun | None:
        """The request begun, where the front door can do so and nothing stands before it."""
        busy = self.flow.write_paused or (
            self.cycle is not None and not self.cycle.response_complete
        )
        if busy or self._upgrade or not self._is_bodiless:
            return None
        return cast("Begun", self._door.begin(self._request(version, method)))

    def _request(self, version: str, method: str) -> Request:
        """The request, which has no body."""
        return Request(
            method,
            Target.parse(self.url),
            Headers(self.wire) if self._known is None else self._known.headers,
            EMPTY,
            self.scheme or "http",
            version,
            self._peer,
            b"",
            self._tls,
            self._loose,
        )

    def _write(self, response: Response, method: str, *, keep_alive: bool) -> None:
        """Writes an answer that was there at once: nothing of the application was needed."""
        data, keep_alive = _whole(response, method=method, keep_alive=keep_alive)
        if self._loose is not None and not self._loose.version:  # HTTP/0.9: the body alone
            data = response.body.content or b""
        self.transport.write(data)
        self.server_state.total_requests += 1
        if not keep_alive:
            self._end()
            close_gently(self.transport, unread=response.status >= 400)  # who errs may still send

    def _told(self) -> str:
        """How TLS was agreed on, for one request; empty without."""
        return ""

    def _scope(self, version: str, method: str) -> dict[str, Any]:
        raw_path, _, query = self.url.partition(b"?")
        path = raw_path.decode("latin-1")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": method,
            "root_path": "",
            "path": urllib.parse.unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self.headers,
            "extensions": {WIRE: self._wire(version), CLIENT: self._peer, TLS: self._tls},
        }

    def _wire(self, version: str) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "headers": self.wire,
            "target": self.url,
            "bodiless": self._is_bodiless,
        }
        if self._loose is not None:
            wire["loose"] = self._loose
        elif self._upgrade == b"websocket" and version == "1.1" and self.parser.should_upgrade():
            wire["upgrade"] = self._upgrade
            wire["splice"] = self._splice
        return wire

    async def _splice(self, response: Response) -> Moved:
        """Answers 101 and joins the connection with the origin's until both have ended."""
        upgraded = response.upgraded
        assert upgraded is not None  # only such responses come here
        origin = cast("Connection", upgraded.connection)
        assert origin.transport is not None
        if self.transport.is_closing():
            origin.close()
            raise ViewerGoneError
        lines = (*response.headers.raw, (b"Connection", b"Upgrade"), (b"Upgrade", self._upgrade))
        self.cycle.response_started = True
        self.transport.write(head_and_body(response._replace(headers=Headers(lines))))
        self._tunnel = Tunnel(
            (self.transport, self),
            (origin.transport, origin),
            idle=upgraded.idle,
            only_origin=upgraded.only_origin,
        )
        try:
            return await self._tunnel.run(
                from_viewer=b"".join(self._early or ()), from_origin=origin.rest
            )
        finally:
            self.cycle.response_complete = True

    def shutdown(self) -> None:
        if self._tunnel is not None:
            self._tunnel.close()
        else:
            super().shutdown()

    def _end(self) -> None:
        """The connection closes behind a response: what the client still sends is thrown away."""
        self._is_refused = True
        self.pipeline.clear()
        self.flow.resume_reading()

    # Refusing

    def _refuse(self, detail: str, why: Trouble = "malformed") -> None:
        """Answers with the front door's page and closes, behind any answer still under way."""
        if self._is_refused:
            return
        self._is_refused = True
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False
            if not cycle.more_body:
                return
            # The request itself is broken: whoever reads its body is told, and answers.
            cycle.break_off(detail, why)
            if cycle.response_started:
                cycle.disconnected = True
                self.transport.close()
            return
        if cycle is not None and cycle.more_body:  # answered before it broke
            self.transport.close()
            return
        response = self._door.refuse(detail, client=self._peer, why=why)
        self.transport.write(head_and_body(response))
        close_gently(self.transport, unread=True)
