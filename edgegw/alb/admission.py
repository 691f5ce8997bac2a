"""What a load balancer refuses before it looks at any rule.

Source: ELB User Guide for ALB, "HTTP headers and Application Load Balancers", "Troubleshoot".
"""

from __future__ import annotations

import re
from typing import Final

from edgegw.alb.desync import COMPLIANT, Classification, classify_lenient, classify_parsed, suspects
from edgegw.alb.event import BalancerRefusal
from edgegw.alb.model import Attributes
from edgegw.http.message import Header, Headers, Request
from edgegw.http.target import quoted
from edgegw.values import value

MAX_REQUEST_LINE: Final = 16 * 1024
"""Bytes of a request line that are too many: 414.

That 16 K are one byte too many was observed.
Source: ELB User Guide for ALB, "HTTP headers and Application Load Balancers", limits.
"""
MAX_HEADER_LINE: Final = 16 * 1024
"""Bytes of one header line that are too many: 400.

Source: ELB User Guide for ALB, "HTTP headers and Application Load Balancers", limits.
"""
MAX_HEADERS: Final = 64 * 1024
"""Bytes that all header lines together may have; above it is a 400.

Source: ELB User Guide for ALB, "HTTP headers and Application Load Balancers", limits.
"""
MAX_FORWARDED_FOR: Final = 30
"""Addresses that X-Forwarded-For may hold; more are a 463.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 463.
"""
_NEWER: Final = re.compile(rb"HTTP/(?:[2-9]|[1-9][0-9]+)(?:\.[0-9]+)?")
"""Versions that are HTTP and do not come in request lines: 505.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 505.
"""
_JUDGED: Final = frozenset({b"transfer-encoding", b"x-forwarded-for"})
"""The headers whose values are judged."""


@value
class _Look:
    """What the lines of a request's headers are by themselves."""

    too_long: bytes | None
    """The name of a line that is."""
    size: int
    has_judged: bool
    suspects: tuple[Header, ...]


def _look(headers: Headers) -> _Look:
    """Hangs on the headers, as clients send the same with most requests."""
    return headers.derived(_look, _looked_at)


def _looked_at(headers: Headers) -> _Look:
    raw = headers.raw
    long = (name for name, value in raw if len(name) + len(value) + 2 >= MAX_HEADER_LINE)
    return _Look(
        next(long, None),
        headers.size(),
        any(name.lower() in _JUDGED for name, _ in raw),
        tuple(suspects(raw)),
    )


def classified(request: Request) -> Classification:
    """How risky the request is; HTTP/2 has no such ambiguities."""
    if request.lenient is not None:
        return classify_lenient(request.lenient)
    if request.http_version >= "2":
        return COMPLIANT
    found = _look(request.headers).suspects
    return classify_parsed(request.method, found, request.http_version) if found else COMPLIANT


def refuse_at_the_door(
    request: Request, attributes: Attributes, risk: Classification
) -> BalancerRefusal | None:
    """Why a request is refused before any rule is looked at, or None.

    Source: ELB User Guide for ALB, "HTTP headers and Application Load Balancers", "Troubleshoot".
    """
    line = len(request.method) + request.target.size + len(" HTTP/1.1 ")
    if line >= MAX_REQUEST_LINE:
        return BalancerRefusal(414, "-", f"the request line exceeds {MAX_REQUEST_LINE} bytes")
    look = _look(request.headers)
    if look.too_long is not None:
        detail = f"the header {quoted(look.too_long[:40])} exceeds {MAX_HEADER_LINE} bytes"
        return BalancerRefusal(400, "-", detail)
    if look.size > MAX_HEADERS:
        return BalancerRefusal(400, "-", f"the request headers exceed {MAX_HEADERS} bytes")
    if request.method in ("TRACE", "CONNECT"):
        return BalancerRefusal(405, "-", f"the method {request.method} is not allowed")
    if risk is not COMPLIANT and risk.is_refused(attributes.desync_mode):
        mode = attributes.desync_mode
        detail = f"desync mitigation: {risk.risk.name} ({risk.reason}), refused in mode {mode}"
        return BalancerRefusal(400, "-", detail)
    if request.lenient is not None and _NEWER.fullmatch(request.lenient.version.strip()):
        # Only mode monitor comes here: to desync mitigation it is a BadVersion.
        version = request.lenient.version.decode("latin-1").strip()
        return BalancerRefusal(505, "-", f"{version} is not spoken on this connection")
    if request.lenient is not None and request.lenient.framing is None:
        # Nobody could say where it ends: not even mode monitor passes it on.
        return BalancerRefusal(400, "-", f"the body's length cannot be known ({risk.reason})")
    if look.has_judged or request.lenient is not None:
        return _bad_framing(request) or _too_many_addresses(request)
    return None


def _bad_framing(request: Request) -> BalancerRefusal | None:
    headers = request.headers if request.lenient is None else Headers(request.lenient.headers)
    for given in headers.get_all(b"transfer-encoding"):
        for coding in given.lower().split(b","):
            if coding.strip() not in (b"chunked", b"identity"):
                return BalancerRefusal(501, "-", f"Transfer-Encoding {coding.decode('latin-1')!r}")
    return None


def _too_many_addresses(request: Request) -> BalancerRefusal | None:
    addresses = b",".join(request.headers.get_all(b"x-forwarded-for"))
    if addresses.count(b",") >= MAX_FORWARDED_FOR:
        return BalancerRefusal(
            463, "-", f"X-Forwarded-For holds more than {MAX_FORWARDED_FOR} addresses"
        )
    return None
