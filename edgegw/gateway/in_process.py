"""An httpx transport that calls a front door without sockets, and streams.

The head is handed out as soon as it is there, each part of the body when it is asked for; who
closes a response early ends the reading of the origin.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, cast

import httpx

from edgegw.http.grammar import length_of
from edgegw.http.message import (
    EMPTY,
    Body,
    Client,
    CutOffError,
    Header,
    Headers,
    Request,
    Response,
)
from edgegw.http.message import has_body as may_have_body
from edgegw.http.target import RequestTarget
from edgegw.wire.asgi import EXCHANGE
from edgegw.wire.front import Delivery, ForeignError, Front

_CLIENT: Final = Client("127.0.0.1", 50000)
_MOST_HEADS: Final = 32
"""Different headers of one client that are remembered."""


class InProcessTransport(httpx.AsyncBaseTransport):
    """Sends requests into a front door."""

    def __init__(self, front: Front, closing: Callable[[], Awaitable[None]] | None = None) -> None:
        self._front = front
        self._closing = closing
        self._open: set[_Stream] = set()
        self._heads: dict[tuple[Header, ...], Headers] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        upload = _Upload(request)
        accepted = self._front.accept(_request(request, upload, self._headers_of(request)))
        response = accepted if isinstance(accepted, Response) else await _awaited(accepted)
        extensions: dict[str, object] = {"http_version": b"HTTP/1.1", EXCHANGE: response.exchange}
        if response.reason:
            extensions["reason_phrase"] = response.reason
        stream = self._whole(response, request.method, upload) or self._streamed(
            response, request.method, upload
        )
        return httpx.Response(
            response.status,
            headers=list(response.headers.raw),
            stream=stream,
            extensions=extensions,
        )

    def _headers_of(self, request: httpx.Request) -> Headers:
        """Its headers: the same object for the same lines, as what is derived hangs on them."""
        lines = tuple(request.headers.raw)
        headers = self._heads.get(lines)
        if headers is None:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            headers = self._heads[lines] = Headers(lines)
        return headers

    def _whole(self, response: Response, method: str, upload: _Upload) -> httpx.ByteStream | None:
        """The body of an answer that is at hand, with which the exchange is complete."""
        body = response.body if may_have_body(method, response.status) else EMPTY
        if body.content is None:
            return None
        if response.body.release is not None:
            response.body.release()
        delivery = Delivery.of(body.content)
        delivery.received = upload.received
        self._front.done(response, delivery)
        return httpx.ByteStream(body.content)

    def _streamed(self, response: Response, method: str, upload: _Upload) -> _Stream:
        stream = _Stream(self._front, response, upload, self._open.discard)
        self._open.add(stream)
        return stream

    async def aclose(self) -> None:
        for stream in list(self._open):
            await stream.aclose()
        if self._closing is not None:
            closing, self._closing = self._closing, None
            await closing()


async def _awaited(accepted: Awaitable[Response]) -> Response:
    """The front door's answer. Raises what the test's own code raised, as it was raised."""
    try:
        return await accepted
    except ForeignError as error:
        foreign = error
    raise foreign.cause  # out here, so that it gets no context it never had


class _Upload:
    """The body of a request, which counts what was read of it."""

    def __init__(self, request: httpx.Request) -> None:
        self._stream = cast("httpx.AsyncByteStream", request.stream)
        self.received = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                if chunk:
                    self.received += len(chunk)
                    yield chunk
        except Exception as error:
            raise ForeignError(error) from error


class _Stream(httpx.AsyncByteStream):
    """The body of an answer; with its end, or when it is closed, the exchange is complete."""

    def __init__(
        self,
        front: Front,
        response: Response,
        upload: _Upload,
        ended: Callable[[_Stream], object],
    ) -> None:
        self._front = front
        self._response = response
        self._upload = upload
        self._ended = ended
        self._delivery = Delivery()
        self._is_finished = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body, delivery = self._response.body, self._delivery
        foreign: ForeignError | None = None
        try:
            async for chunk in body.chunks or ():  # pyright: ignore[reportGeneralTypeIssues]
                delivery.note(chunk)
                yield chunk
        except ForeignError as error:
            foreign = error
            delivery.cut = f"its origin's stand-in raised {error}"
        except CutOffError as error:
            delivery.cut = str(error)
            raise httpx.RemoteProtocolError(str(error)) from error
        except GeneratorExit:
            delivery.is_gone = True
            raise
        finally:
            self.finish()
        if foreign is not None:
            raise foreign.cause

    async def aclose(self) -> None:
        """The caller wants no more: whoever still sends learns that it is gone."""
        if not self._is_finished:
            self._delivery.is_gone = True
            self.finish()

    def finish(self) -> None:
        """Tells the front door what became of its answer; once."""
        if self._is_finished:
            return
        self._is_finished = True
        self._ended(self)
        if self._response.body.release is not None:
            self._response.body.release()
        self._delivery.received = self._upload.received
        self._front.done(self._response, self._delivery)


def _request(request: httpx.Request, upload: _Upload, headers: Headers) -> Request:
    url = request.url
    target = cast("bytes", request.extensions.get("target") or url.raw_path)
    return Request(
        request.method,
        RequestTarget.parse(target),
        headers,
        _body(headers, upload),
        url.scheme,
        "1.1",
        _CLIENT,
    )


def _body(headers: Headers, upload: _Upload) -> Body:
    if b"transfer-encoding" in headers:
        return Body(chunks=upload.chunks())
    length = length_of(headers.get(b"content-length"))
    return Body(chunks=upload.chunks(), length=length) if length else EMPTY
