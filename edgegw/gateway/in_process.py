"""An httpx transport that calls a front door without sockets, and streams.

httpx's own ASGITransport holds a response back until it is complete; this one hands out the head
as soon as it is there and each chunk as it is made, with backpressure, and tells the application
when the caller closes early.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, cast

import httpx

from edgegw.gateway.asgi import EXCHANGE
from edgegw.gateway.incoming import WIRE, Message, Receive, Scope, Send

App = Callable[[Scope, Receive, Send], Awaitable[None]]

_CLIENT: Final = ("127.0.0.1", 50000)


class InProcessTransport(httpx.AsyncBaseTransport):
    """Sends requests into an ASGI application."""

    def __init__(self, app: App, closing: Callable[[], Awaitable[None]] | None = None) -> None:
        self._app = app
        self._closing = closing
        self._calls: set[_Call] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        call = _Call(self._app, request)
        self._calls.add(call)
        call.task.add_done_callback(lambda _: self._calls.discard(call))
        try:
            head = await call.head
        except BaseException:
            await call.close()
            raise
        extensions: dict[str, Any] = {
            "http_version": b"HTTP/1.1",
            EXCHANGE: call.scope["extensions"].get(EXCHANGE),
        }
        if head.get("reason"):
            extensions["reason_phrase"] = head["reason"]
        return httpx.Response(
            head["status"], headers=head["headers"], stream=call, extensions=extensions
        )

    async def aclose(self) -> None:
        for call in list(self._calls):
            await call.close()
        if self._closing is not None:
            closing, self._closing = self._closing, None
            await closing()


class _Call(httpx.AsyncByteStream):
    """One request under way: the application's task and the messages between."""

    def __init__(self, app: App, request: httpx.Request) -> None:
        self._request = request
        self._body = aiter(cast("httpx.AsyncByteStream", request.stream))
        self._is_sent = False
        self._gone = asyncio.Event()
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        self.head: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self.scope = _scope(request)
        self.task = asyncio.ensure_future(self._run(app))

    async def _run(self, app: App) -> None:
        try:
            await app(self.scope, self._receive, self._send)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if not self.head.done():
                self.head.set_exception(error)
                return
            await self._put(None)
            raise
        if not self.head.done():
            self.head.set_exception(RuntimeError("the application sent no response"))
        await self._put(None)

    async def _receive(self) -> Message:
        if not self._is_sent:
            async for chunk in self._body:
                return {"type": "http.request", "body": chunk, "more_body": True}
            self._is_sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone.is_set():
            raise ConnectionResetError("the client closed the response")
        if message["type"] == "http.response.start":
            self.head.set_result(message)
        elif message.get("body"):
            await self._put(cast("bytes", message["body"]))

    async def _put(self, chunk: bytes | None) -> None:
        putting = asyncio.ensure_future(self._chunks.put(chunk))
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({putting, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            putting.cancel()
            gone.cancel()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            chunk = await self._chunks.get()
            if chunk is None:
                break
            yield chunk
        await self._finish()

    async def _finish(self) -> None:
        try:
            await self.task
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise httpx.RemoteProtocolError(str(error)) from error

    async def aclose(self) -> None:
        await self.close()

    async def close(self) -> None:
        """The client is through with it: an application still sending learns that it is gone."""
        self._gone.set()
        if not self.task.done():
            await asyncio.wait({self.task}, timeout=1)
            self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def _scope(request: httpx.Request) -> Scope:
    url = request.url
    path, _, query = url.raw_path.partition(b"?")
    target = cast("bytes", request.extensions.get("target") or url.raw_path)
    lines = list(request.headers.raw)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in lines],
        "client": _CLIENT,
        "server": (url.host, url.port),
        "extensions": {WIRE: {"headers": lines, "target": target}},
    }
