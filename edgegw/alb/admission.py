"""What a load balancer refuses before it looks at any rule."""

from __future__ import annotations

from typing import Final

from edgegw.alb.desync import COMPLIANT, Classification, classify_loose, classify_parsed
from edgegw.alb.event import Refusal
from edgegw.alb.model import Attributes
from edgegw.http.message import Headers, Request

MAX_REQUEST_LINE: Final = 16 * 1024
MAX_HEADER_LINE: Final = 16 * 1024
MAX_HEADERS: Final = 64 * 1024
MAX_FORWARDED_FOR: Final = 30
_JUDGED: Final = frozenset(
    {
        (len(name), first)
        for name in ("transfer-encoding", "x-forwarded-for")
        for first in (name[:1].encode(), name[:1].upper().encode())
    }
)
"""Length and first letter of the headers whose values are judged."""


def classified(request: Request) -> Classification:
    """How risky the request is; HTTP/2 has no such ambiguities."""
    if request.loose is not None:
        return classify_loose(request.loose)
    if request.http_version >= "2":
        return COMPLIANT
    return classify_parsed(request.method, request.headers.raw, request.http_version)


def refuse_at_the_door(
    request: Request, attributes: Attributes, risk: Classification
) -> Refusal | None:
    """Why a request is refused before any rule is looked at, or None.

    Source: ELB User Guide for ALB, "HTTP headers and Application Load Balancers", "Troubleshoot".
    """
    line = len(request.method) + len(request.target.raw) + len(" HTTP/1.1 ")
    if line >= MAX_REQUEST_LINE:
        return Refusal(414, "-", f"the request line exceeds {MAX_REQUEST_LINE} bytes")
    total, has_more = 0, request.loose is not None
    for name, value in request.headers.raw:
        size = len(name) + len(value)
        total += size + 4
        if size + 2 >= MAX_HEADER_LINE:
            return Refusal(400, "-", f"the header {name[:40]!r} exceeds {MAX_HEADER_LINE} bytes")
        # Only Transfer-Encoding and X-Forwarded-For have more to judge: few names look like them.
        has_more = has_more or (len(name), name[:1]) in _JUDGED
    if total > MAX_HEADERS:
        return Refusal(400, "-", f"the request headers exceed {MAX_HEADERS} bytes")
    if request.method in ("TRACE", "CONNECT"):
        return Refusal(405, "-", f"the method {request.method} is not allowed")
    if risk is not COMPLIANT and risk.is_refused(attributes.desync_mode):
        mode = attributes.desync_mode
        detail = f"desync mitigation: {risk.risk.name} ({risk.reason}), refused in mode {mode}"
        return Refusal(400, "-", detail)
    if request.loose is not None and request.loose.framing is None:
        # Nobody could say where it ends: not even mode monitor passes it on.
        return Refusal(400, "-", f"the body's length cannot be known ({risk.reason})")
    return (_bad_framing(request) or _too_many_addresses(request)) if has_more else None


def _bad_framing(request: Request) -> Refusal | None:
    headers = request.headers if request.loose is None else Headers(request.loose.headers)
    for value in headers.get_all(b"transfer-encoding"):
        for coding in value.lower().split(b","):
            if coding.strip() not in (b"chunked", b"identity"):
                return Refusal(501, "-", f"Transfer-Encoding {coding.decode('latin-1')!r}")
    return None


def _too_many_addresses(request: Request) -> Refusal | None:
    addresses = b",".join(request.headers.get_all(b"x-forwarded-for"))
    if addresses.count(b",") >= MAX_FORWARDED_FOR:
        return Refusal(463, "-", f"X-Forwarded-For holds more than {MAX_FORWARDED_FOR} addresses")
    return None
