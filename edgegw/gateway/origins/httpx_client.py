"""Any transport of httpx: what `Gateway` uses in process, and what respx mocks."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final, cast
from urllib.parse import quote_from_bytes

import httpx

from edgegw.background import Background
from edgegw.gateway.origins.request_head import check_request_line, framed, own_lines
from edgegw.gateway.origins.silence import Silence
from edgegw.gateway.origins.transport import Address, FailureKind, Outgoing, SendError
from edgegw.http.grammar import length_of
from edgegw.http.message import EMPTY, Body, CutOffError, Headers, Response, has_body
from edgegw.wire.front import ForeignError

IN_URL: Final = "".join(map(chr, range(0x21, 0x7F))).replace("#", "")
"""What stands in the path and query of a URL of httpx as it is."""


class HttpxClient:
    """Sends through `transport`, past the client's cookie jar, redirects and decompression.

    The URL is the real one, so that mocks can match it. A URL of httpx cannot hold every target:
    the exact bytes of the request line are in the extension `target`, and leave as they are.
    Whether to check the certificate is in `verify`.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self._urls: dict[Address, httpx.URL] = {}
        self._closing = Background()
        self._silence = Silence()

    async def send(self, outgoing: Outgoing) -> Response:
        """The response, as soon as its head is there. Raises SendError.

        What the transport raises and is no httpx.HTTPError is a ForeignError: a request that a mock
        does not know, a socket that a test may not open, a mistake in a mock.
        """
        try:
            request = self._request(outgoing)
        except (UnicodeError, httpx.InvalidURL) as error:  # a name or target httpx cannot take
            raise _not_askable(error) from error
        try:
            answer = await self._answer(outgoing, request)
            return await self._response(outgoing.request.method, answer)
        except httpx.HTTPError as error:
            # Who raises one object again and again would have its traceback grow for ever.
            raise _send_error(error) from error.with_traceback(None)
        except (SendError, ForeignError):
            raise
        except Exception as error:
            raised = _lone(error)
            is_ascii = outgoing.request.target.raw.isascii()  # respx takes nothing else
            if isinstance(raised, UnicodeError) and not (
                is_ascii and _is_encodable(request.url.host)
            ):
                raise _not_askable(raised) from error
            stream = request.stream
            if isinstance(stream, _RequestStream) and raised is stream.failure:
                raise raised from None
            raise ForeignError(raised) from error

    async def _answer(self, outgoing: Outgoing, request: httpx.Request) -> httpx.Response:
        """The answer's head; who lets it wait is named, from the end of the request on."""
        timer: asyncio.TimerHandle | None = None

        def begin() -> None:
            nonlocal timer
            timer = self._silence.watch(outgoing.at, outgoing.timeouts.read)

        stream = request.stream
        body = stream if isinstance(stream, _RequestStream) else None
        if body is None:
            begin()
        else:
            body.on_sent = begin
        try:
            return await self._transport.handle_async_request(request)
        finally:
            if body is not None:
                body.on_sent = None
            if timer is not None:
                timer.cancel()

    async def _response(self, method: str, answer: httpx.Response) -> Response:
        headers = Headers(answer.headers.raw)
        reason: bytes = answer.extensions.get("reason_phrase", b"")
        if not reason:
            reason = answer.reason_phrase.encode("ascii", "ignore")
        if has_body(method, answer.status_code):
            body = self._body(answer, headers)
        else:  # whatever the head promises
            await _read_to_the_end(answer)
            body = EMPTY
        return Response(answer.status_code, reason, headers, body)

    async def close(self) -> None:
        """Ends every connection."""
        await self._closing.settled()
        await self._transport.aclose()

    def _request(self, outgoing: Outgoing) -> httpx.Request:
        at, request, timeouts = outgoing.at, outgoing.request, outgoing.timeouts
        target, body = request.target.raw, request.body
        check_request_line(request.method, target, is_judged=request.lenient is not None)
        extensions: dict[str, Any] = {
            **({"sni_hostname": outgoing.server_name} if outgoing.server_name else {}),
            "target": target,
            "verify": outgoing.verifies,
            "timeout": {
                "connect": timeouts.connect,
                "read": timeouts.read,
                "write": timeouts.write,
                "pool": timeouts.connect,
            },
        }
        return httpx.Request(
            request.method,
            self._url(at, target),
            headers=[*framed(request.headers.raw, body), *own_lines(outgoing)],
            stream=_RequestStream(body.chunks)
            if body.chunks
            else httpx.ByteStream(body.content or b""),
            extensions=extensions,
        )

    def _url(self, at: Address, target: bytes) -> httpx.URL:
        url = self._urls.get(at)
        if url is None:
            scheme, host, port = at
            url = self._urls[at] = httpx.URL(scheme=scheme, host=host, port=port, path="/")
        if target == b"/":
            return url
        try:
            return url.copy_with(raw_path=quote_from_bytes(target, IN_URL).encode())
        except httpx.InvalidURL:  # `*`, or longer than httpx takes
            return url

    def _body(self, answer: httpx.Response, headers: Headers) -> Body:
        stream = answer.stream
        if isinstance(stream, httpx.ByteStream):
            return Body.of(b"".join(stream))
        chunks = cast("httpx.AsyncByteStream", stream)
        declared = headers.get(b"content-length")
        length = length_of(declared)
        return Body(None, _chunks(chunks), length, release=lambda: self._close(chunks))

    def _close(self, stream: httpx.AsyncByteStream) -> None:
        """Closes an unread stream."""
        self._closing.start(stream.aclose())


class _RequestStream(httpx.AsyncByteStream):
    """A request body that streams; `failure` is what it raised itself, `on_sent` hears its end."""

    failure: Exception | None = None
    on_sent: Callable[[], None] | None = None

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._chunks:
                yield chunk
        except Exception as error:
            self.failure = error
            raise
        if self.on_sent is not None:
            self.on_sent()


async def _read_to_the_end(answer: httpx.Response) -> None:
    """An answer without a body is at its end at once; its connection is free then."""
    stream = answer.stream
    if not isinstance(stream, httpx.ByteStream):
        try:
            async for _ in _chunks(cast("httpx.AsyncByteStream", stream)):
                pass
        except CutOffError as error:
            raise SendError("closed", f"broke off: {error}") from error


async def _chunks(stream: httpx.AsyncByteStream) -> AsyncIterator[bytes]:
    try:
        async for chunk in stream:
            yield chunk
        await stream.aclose()  # now, so that the next request gets the connection
    except httpx.HTTPError as error:
        raise CutOffError(f"the response body ends early: {error}") from error
    except Exception as error:
        raise ForeignError(_lone(error)) from error


def _lone(error: Exception) -> Exception:
    """`error`, out of the groups that it is alone in: connections are raced in task groups."""
    lone = error
    while isinstance(lone, ExceptionGroup):
        first, *others = cast("ExceptionGroup[Exception]", lone).exceptions
        if others:
            return error
        lone = first
    return lone


def _is_encodable(host: str) -> bool:
    """Whether `host` can be asked for at all."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _not_askable(error: Exception) -> SendError:
    return SendError("invalid", f"cannot be asked: {error}", was_connected=False)


def _send_error(error: httpx.HTTPError) -> SendError:
    kind, what = _meaning(error)
    was_connected = not isinstance(error, (httpx.ConnectTimeout, httpx.ConnectError))
    text = f"{what}: {error}" if str(error) else what
    return SendError(kind, text, was_connected=was_connected)


def _meaning(error: httpx.HTTPError) -> tuple[FailureKind, str]:
    match error:
        case httpx.TimeoutException():
            return "timeout", "did not answer in time"
        case httpx.ConnectError():
            return _connect_failure(error)
        case httpx.LocalProtocolError():
            return "invalid", "cannot be sent this request"
        case httpx.RemoteProtocolError():
            return "closed", "broke off"
        case _:
            return "closed", "lost the connection"


def _connect_failure(error: BaseException) -> tuple[FailureKind, str]:
    """Why a connection could not be made, from the chain of causes."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "dns", "cannot be resolved"
        if isinstance(cause, ssl.SSLError):
            return "closed", "failed the TLS handshake"
    return "refused", "refused the connection"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and what it came from, one by one.

    A chain can be a circle: a mock that raises the same object again and again gets what became of
    the first time as the context of the second.
    """
    passed: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in passed:
        passed.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


class TransportByHost(httpx.AsyncBaseTransport):
    """Httpx's own transport.

    Certificates are checked except for the hosts in `unverified`, and where a request says not to.
    """

    def __init__(self, unverified: AbstractSet[str]) -> None:
        self._unverified = unverified
        self._transports: dict[bool | str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        is_plain = request.url.scheme == "http"
        is_asked_to = request.extensions.get("verify", True)
        verifies = not is_plain and is_asked_to and request.url.host not in self._unverified
        # A pool of httpx does not tell connections apart by the name that they asked for.
        name: str = request.extensions.get("sni_hostname", "")
        kept_by = verifies if is_plain or verifies or not name else name
        transport = self._transport(kept_by, verifies=verifies)
        return await transport.handle_async_request(request)

    def _transport(self, kept_by: bool | str, *, verifies: bool) -> httpx.AsyncHTTPTransport:  # noqa: FBT001 - a key
        if kept_by not in self._transports:
            limits = httpx.Limits(
                max_connections=None, max_keepalive_connections=64, keepalive_expiry=5.0
            )
            self._transports[kept_by] = httpx.AsyncHTTPTransport(
                verify=verifies, trust_env=False, limits=limits, http2=False
            )
        return self._transports[kept_by]

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()
        self._transports.clear()
