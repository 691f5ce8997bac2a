"""Where a request leaves to: `Origins.fetch` for a distribution, `fetch_target` for a listener.

httpx is the interface: an `httpx.Request` built here goes straight to a transport, past the
client's cookie jar, default headers, redirects and decompression.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Any, Final, Literal, cast

import httpx

from edgegw.alb.flow import ForwardTo, TargetFailure
from edgegw.alb.model import IpTargetGroup, Target
from edgegw.alb.targets import Answer
from edgegw.cloudfront.faults import OriginFailure
from edgegw.cloudfront.model import CustomOrigin, Origin, S3Origin, may_try_again
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.httpx_origins import EVERYBODY
from edgegw.gateway.origins.http2_client import Http2Client
from edgegw.gateway.origins.http2_target import Http2Error
from edgegw.gateway.transport import HttptoolsTransport, Outgoing, Timeouts
from edgegw.http.message import (
    EMPTY,
    Body,
    Client,
    CutOffError,
    Header,
    Headers,
    Request,
    Response,
    Upgraded,
)
from edgegw.http.target import Target as RequestTarget

FailureKind = Literal["refused", "dns", "closed", "invalid", "timeout"]
Enter = Callable[[Request, Exchange], Awaitable[Response]]
"""How a request enters a front door of this gateway: the request and the outer exchange."""

_TARGET_CONNECT: Final = 10.0
_WRITE_TIMEOUT: Final = 60.0
_EDGE: Final = Client("127.0.0.1", 0)
"""The peer that a load balancer sees when a distribution of the same gateway is its client."""


def _timeouts(connect: float, read: float, keepalive: float) -> Timeouts:
    return Timeouts(connect, read, _WRITE_TIMEOUT, connect, keepalive)


class Origins:
    """Sends requests out through `transport`, or into a front door of this gateway.

    `local` maps the DNS names of this gateway's load balancers and a port to their way in.
    `targets` is the transport for ip targets, whose certificates a load balancer does not check.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        targets: httpx.AsyncBaseTransport,
        local: dict[tuple[str, int], Enter],
    ) -> None:
        self._transport = transport
        self._targets = targets
        self.local = local
        self._http2 = Http2Client(unverified=EVERYBODY)
        self._urls: dict[tuple[str, str, int | None], httpx.URL] = {}

    async def fetch(
        self, origin: Origin, request: Request, exchange: Exchange
    ) -> Response | OriginFailure:
        """Sends `request` to `origin` and answers with its response, or why there is none.

        A time-out may be tried again (`may_try_again`).
        """
        if isinstance(origin, CustomOrigin):
            enter = self.local.get((origin.domain_name, origin.port))
            if enter is not None:
                return await enter(_entering(request, origin), exchange)
        at = _address(origin)
        timeouts, made = _origin_timeouts(origin), 0
        headers = _framed(request)
        if not request.upgrade:
            headers = headers.added((b"Connection", b"Keep-Alive"))
        sent = request.sent(request.target, headers)
        while True:
            made += 1
            try:
                return await self._send(self._transport, at, sent, timeouts)
            except (httpx.ConnectTimeout, httpx.ReadTimeout) as error:
                if not may_try_again(
                    origin,
                    request.method,
                    made=made,
                    was_connected=isinstance(error, httpx.ReadTimeout),
                    can_repeat=request.body.content is not None,
                ):
                    return _failure(error, at)
            except httpx.HTTPError as error:
                return _failure(error, at)
            except (UnicodeError, httpx.InvalidURL) as error:  # a name or target httpx cannot take
                return OriginFailure("invalid", f"{at[0]}://{at[1]}:{at[2]} {error}")

    async def _over_http2(
        self, at: tuple[str, str, int], request: Request, idle: float, *, is_grpc: bool
    ) -> Response | TargetFailure:
        if is_grpc:
            request = request._replace(headers=request.headers.added((b"te", b"trailers")))
        try:
            return await self._http2.send(at, request, connect=_TARGET_CONNECT, idle=idle)
        except Http2Error as error:
            return TargetFailure(str(error), timed_out=error.timed_out)

    async def probe(self, group: IpTargetGroup, target: Target) -> Answer:
        """Sends one health check: GET on a connection of its own, redirects not followed."""
        check = group.health_check
        scheme = check.protocol.lower()
        port = check.port or target.port
        at = (scheme, target.address, port)
        usual = {"http": 80, "https": 443}[scheme]
        host = str(Target(target.address, port)) if port != usual else target.address
        lines = (
            (b"Host", host.encode()),
            (b"User-Agent", b"ELB-HealthChecker/2.0"),
            (b"Connection", b"close"),
        )
        path = RequestTarget.parse(check.path.encode())
        request = Request("GET", path, Headers(lines))
        if group.protocol_version != "HTTP1":
            return await self._probe_http2(group, at, request)
        timeouts = _timeouts(check.timeout, check.timeout, 0.0)
        try:
            async with asyncio.timeout(check.timeout):
                reply = await self._send(self._targets, at, request, timeouts)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(failure="no answer in time", timed_out=True)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return Answer(failure=str(error))
        if reply.body.release is not None:
            reply.body.release()
        return Answer(reply.status)

    async def fetch_target(self, step: ForwardTo) -> Response | TargetFailure:
        """Sends a request to an ip target and answers with its response, or why there is none."""
        request, target, idle = step.request, step.target, step.idle_timeout
        at = (step.group.protocol.lower(), target.address, target.port)
        sent = request
        if request.body is not EMPTY or step.closes:
            headers = _framed(request)
            if step.closes:
                headers = headers.without(b"connection").added((b"Connection", b"close"))
            sent = request.sent(request.target, headers)
        if step.group.protocol_version != "HTTP1":
            is_grpc = step.group.protocol_version == "GRPC"
            return await self._over_http2(at, request, idle, is_grpc=is_grpc)
        timeouts = _timeouts(_TARGET_CONNECT, idle, 0.0 if step.closes else idle)
        try:
            return await self._send(self._targets, at, sent, timeouts)
        except httpx.HTTPError as error:
            failure = _failure(error, at)
            return TargetFailure(failure.detail, timed_out=failure.kind == "timeout")

    async def _probe_http2(
        self, group: IpTargetGroup, at: tuple[str, str, int], request: Request
    ) -> Answer:
        """A health check over HTTP/2; of gRPC the status in the trailers counts."""
        timeout, is_grpc = group.health_check.timeout, group.protocol_version == "GRPC"
        lines = request.headers.without(b"connection")
        request = request._replace(headers=lines)
        if is_grpc:
            more = ((b"te", b"trailers"), (b"content-type", b"application/grpc"))
            empty = Body.of(b"\0" * 5)
            request = request._replace(method="POST", headers=lines.added(*more), body=empty)
        try:
            async with asyncio.timeout(timeout):
                reply = await self._http2.send(at, request, connect=timeout, idle=timeout)
                body = reply.body
                if body.chunks is not None:
                    async for _ in body.chunks:
                        pass
        except TimeoutError:
            return Answer(failure="no answer in time", timed_out=True)
        except Http2Error as error:
            return Answer(failure=str(error), timed_out=error.timed_out)
        if not is_grpc:
            return Answer(reply.status)
        trailers = body.trailers() if body.trailers is not None else Headers()
        code = trailers.get(b"grpc-status") or reply.headers.get(b"grpc-status")
        if code is None or not code.isdigit():
            return Answer(failure="the answer has no grpc-status")
        return Answer(int(code))

    async def _send(
        self,
        transport: httpx.AsyncBaseTransport,
        at: tuple[str, str, int],
        request: Request,
        timeouts: Timeouts,
    ) -> Response:
        body, lines = request.body, request.headers.raw
        if request.upgrade:
            lines += ((b"Connection", b"Upgrade"), (b"Upgrade", request.upgrade))
        outgoing = Outgoing(
            request.method,
            at,
            request.target.raw,
            lines,
            body.content,
            body.chunks,
            timeouts,
            bool(request.upgrade),
        )
        if not isinstance(transport, HttptoolsTransport):
            return await self._send_by_httpx(transport, outgoing)
        answer = await transport.send(outgoing)
        headers, upgraded = Headers(answer.lines), None
        if answer.upgraded is not None:
            upgraded = Upgraded(answer.upgraded)
        stream = answer.stream
        if stream is None:
            made = Body.of(answer.content or b"")
        else:
            made = Body(None, _chunks(stream), _length(headers), stream.release)
        return Response(answer.status, answer.reason, headers, made, upgraded)

    async def _send_by_httpx(
        self, transport: httpx.AsyncBaseTransport, request: Outgoing
    ) -> Response:
        """Sends through whatever transport the gateway was given."""
        url = self._urls.get(request.at)
        if url is None:
            scheme, host, port = request.at
            url = self._urls[request.at] = httpx.URL(scheme=scheme, host=host, port=port, path="/")
        times = request.timeouts
        extensions: dict[str, Any] = {
            "target": request.target,
            "timeout": {
                "connect": times.connect,
                "read": times.read,
                "write": times.write,
                "pool": times.pool,
            },
            "keepalive": times.keepalive,
        }
        if request.upgrade:
            extensions["upgrade"] = True
        content = request.content
        sent = httpx.Request(
            request.method,
            url,
            headers=list(request.lines),
            stream=_Upload(request.stream) if content is None else httpx.ByteStream(content),
            extensions=extensions,
        )
        answer = await transport.handle_async_request(sent)
        headers = Headers(answer.headers.raw)
        reason: bytes = answer.extensions.get("reason_phrase", b"")
        if not reason:
            reason = answer.reason_phrase.encode("ascii", "ignore")
        connection = answer.extensions.get("upgraded")
        if connection is not None:
            return Response(answer.status_code, reason, headers, upgraded=Upgraded(connection))
        return Response(answer.status_code, reason, headers, _body(answer, headers))

    async def close(self) -> None:
        await self._http2.close()
        await self._transport.aclose()
        if self._targets is not self._transport:
            await self._targets.aclose()


class _Upload(httpx.AsyncByteStream):
    """A request body that streams."""

    def __init__(self, chunks: AsyncIterable[bytes] | None) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._chunks is not None:
            async for chunk in self._chunks:
                yield chunk


def _framed(request: Request) -> Headers:
    """The headers with exactly one framing: Content-Length where it is known, else chunked."""
    if request.body is EMPTY:  # its framing headers, if any, are right as they stand
        return request.headers
    length, lines, declared = request.body.length, list[Header](), False
    for name, value in request.headers.raw:
        lower = name.lower()
        if lower == b"content-length":
            if length is None or declared:
                continue
            declared = True
            lines.append((name, str(length).encode()))
        elif lower not in (b"transfer-encoding", b"connection", b"keep-alive"):
            lines.append((name, value))
    if length is None:
        lines.append((b"Transfer-Encoding", b"chunked"))
    elif length and not declared:
        lines.append((b"Content-Length", str(length).encode()))
    return Headers(lines)


def _entering(request: Request, origin: CustomOrigin) -> Request:
    """`request` as the load balancer's socket would have received it."""
    headers = _framed(request).added((b"Connection", b"Keep-Alive"))
    return request._replace(
        headers=headers, scheme=origin.protocol, http_version="1.1", client=_EDGE
    )


def _address(origin: Origin) -> tuple[str, str, int]:
    if isinstance(origin, S3Origin):
        return ("https", origin.domain_name, 443)
    return (origin.protocol, origin.domain_name, origin.port)


def _origin_timeouts(origin: Origin) -> Timeouts:
    if isinstance(origin, S3Origin):
        return _timeouts(10.0, origin.read_timeout or 30.0, 5.0)
    return _timeouts(origin.connection_timeout, origin.read_timeout, origin.keepalive_timeout)


_closing: set[asyncio.Future[None]] = set()


def _body(answer: httpx.Response, headers: Headers) -> Body:
    stream = answer.stream
    if isinstance(stream, httpx.ByteStream):
        return Body.of(b"".join(stream))
    chunks = cast("httpx.AsyncByteStream", stream)
    return Body(None, _chunks(chunks), _length(headers), release=lambda: _close(chunks))


def _length(headers: Headers) -> int | None:
    declared = headers.get(b"content-length")
    return int(declared) if declared is not None and declared.isdigit() else None


async def _chunks(stream: httpx.AsyncByteStream) -> AsyncIterator[bytes]:
    try:
        async for chunk in stream:
            yield chunk
    except httpx.HTTPError as error:
        raise CutOffError(f"the response body ends early: {error}") from error


def _close(stream: httpx.AsyncByteStream) -> None:
    """Closes an unread stream; the task is kept until it is done."""
    task = asyncio.ensure_future(stream.aclose())
    _closing.add(task)
    task.add_done_callback(_closing.discard)


def _failure(error: httpx.HTTPError, at: tuple[str, str, int]) -> OriginFailure:
    where = f"{at[0]}://{at[1]}:{at[2]}"
    kind: FailureKind
    match error:
        case httpx.TimeoutException():
            kind, what = "timeout", "did not answer in time"
        case httpx.ConnectError():
            kind, what = _connect_failure(error)
        case httpx.LocalProtocolError():
            kind, what = "invalid", "cannot be sent this request"
        case httpx.RemoteProtocolError():
            kind, what = "closed", "broke off"
        case _:
            kind, what = "closed", "lost the connection"
    text = str(error)
    return OriginFailure(kind, f"{where} {what}: {text}" if text else f"{where} {what}")


def _connect_failure(error: BaseException) -> tuple[FailureKind, str]:
    """Why a connection could not be made, from the chain of causes."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "dns", "cannot be resolved"
        if isinstance(cause, ssl.SSLError):
            return "closed", "failed the TLS handshake"
        cause = cause.__cause__ or cause.__context__
    return "refused", "refused the connection"
