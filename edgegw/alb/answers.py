"""The answers that a load balancer makes itself, byte for byte.

Source: ELB User Guide for ALB, "Troubleshoot", and recorded responses.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from edgegw.http.message import EMPTY, Body, Header, Headers, Response
from edgegw.http.status import reason_phrase

SERVER: Final = b"awselb/2.0"
"""The Server header of answers that a load balancer makes, and of functions that name none.

Source: recorded responses.
"""

_PHRASES: Final = {
    301: "Moved Permanently",
    302: "Found",
    400: "Bad Request",
    401: "Authorization Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Not Allowed",
    408: "Request Time-out",
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
    505: "HTTP Version Not Supported",
    507: "Insufficient Storage",
}
"""Reason phrases of the load balancer's own pages, which are nginx's.

Source: recorded responses; the others are nginx's (uncertain).
"""

_CLOSING: Final = frozenset({400, 408, 413, 414})
"""Statuses behind which the load balancer closes the connection; 414 is nginx's habit.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 400, 408, 413 and 414.
"""

IDLE: Final = 408
"""The status for a client that sends nothing for the idle timeout.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 408.
"""

PLAIN_HTTP: Final = "The plain HTTP request was sent to HTTPS port"

MALFORMED: Final = 400
"""The status for a request that the HTTP parser refuses, whatever is wrong with it.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 400.
"""


@lru_cache(maxsize=256)
def error_page(status: int, *, date: bytes) -> Response:
    """The load balancer's own page for `status`; 46x and 56x have no phrase and no body.

    `date` is the value of the Date header.
    Source: ELB User Guide for ALB, "Troubleshoot", and recorded responses; the page is nginx's
    without its footer.
    """
    phrase = _PHRASES.get(status)
    if phrase is None:
        return Response(status, b"", _headers(status, b"text/html", 0, date), EMPTY)
    title = f"{status} {phrase}"
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    ).encode()
    return Response(
        status, phrase.encode(), _headers(status, b"text/html", len(page), date), Body.of(page)
    )


def plain_http_page(*, date: bytes) -> Response:
    """The answer to plain HTTP on an HTTPS listener: nginx's 497, seen by clients as 400."""
    page = (
        f"<html>\r\n<head><title>400 {PLAIN_HTTP}</title></head>\r\n<body>\r\n"
        f"<center><h1>400 Bad Request</h1></center>\r\n<center>{PLAIN_HTTP}</center>\r\n"
        f"</body>\r\n</html>\r\n"
    ).encode()
    headers = _headers(400, b"text/html", len(page), date)
    return Response(400, b"Bad Request", headers, Body.of(page))


def grpc_unavailable(*, date: bytes) -> Response:
    """The answer to a gRPC request whose target failed: UNAVAILABLE in the head, no body.

    Recorded; the HTTP status beside it is not, and gRPC's own 200 is chosen.
    """
    lines: list[Header] = [
        (b"Server", SERVER),
        (b"Date", date),
        (b"Content-Type", b"application/grpc"),
        (b"grpc-status", b"14"),
    ]
    return Response(200, b"OK", Headers(lines), EMPTY)


def redirection(status: int, location: bytes, *, date: bytes) -> Response:
    """The answer of a redirect action: the page of its status, and Location behind it."""
    page = error_page(status, date=date)
    return replace(page, headers=page.headers.added((b"Location", location)))


@lru_cache(maxsize=256)
def fixed_response(status: int, content_type: str, body: str, *, date: bytes) -> Response:
    """The answer of a fixed-response action."""
    content = body.encode()
    kind = f"{content_type}; charset=utf-8".encode()
    headers = _headers(200, kind, len(content), date)
    return Response(status, reason_phrase(status), headers, Body.of(content))


def _headers(status: int, content_type: bytes, length: int, date: bytes) -> Headers:
    lines: list[Header] = [
        (b"Server", SERVER),
        (b"Date", date),
        (b"Content-Type", content_type),
        (b"Content-Length", str(length).encode()),
        (b"Connection", b"close" if status in _CLOSING else b"keep-alive"),
    ]
    return Headers(lines)
