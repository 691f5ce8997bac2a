"""CORS of function URLs and HTTP APIs: preflights answered, other answers decorated.

Both answer a preflight themselves. They differ in the rest: a function URL adds its headers beside
those of the function (so that both are there), an HTTP API puts them in their place.

Source: Lambda Developer Guide, "Creating and managing Lambda function URLs", CORS;
API Gateway Developer Guide, "Configure CORS for HTTP APIs".
"""

from __future__ import annotations

from typing import Final

from edgegw.awslambda.http_events.model import CorsRules
from edgegw.http.message import Header, Request

ACCESS_CONTROL: Final = frozenset(
    {
        b"access-control-allow-origin",
        b"access-control-allow-credentials",
        b"access-control-allow-headers",
        b"access-control-allow-methods",
        b"access-control-expose-headers",
        b"access-control-max-age",
    }
)
"""The headers of CORS in answers.

Source: API Gateway Developer Guide, "Configure CORS for HTTP APIs".
"""
_ANY_OF_SCHEME: Final = ("http://*", "https://*")
"""Entries of the allowed origins that take every origin of a scheme.

Source: API Gateway Developer Guide, "Configure CORS for HTTP APIs", AllowOrigins.
"""


def is_preflight(request: Request) -> bool:
    """Whether a browser asks if it may send another request (Fetch, "CORS-preflight request")."""
    return (
        request.method == "OPTIONS"
        and b"origin" in request.headers
        and b"access-control-request-method" in request.headers
    )


def preflight_lines(rules: CorsRules, request: Request) -> list[Header]:
    """What a preflight is told; nothing where its origin is not allowed."""
    lines = _origin_lines(rules, request)
    if not lines:
        return []
    if rules.allow_methods:
        lines.append((b"Access-Control-Allow-Methods", _joined(rules.allow_methods)))
    if rules.allow_headers:
        lines.append((b"Access-Control-Allow-Headers", _joined(rules.allow_headers)))
    if rules.max_age is not None:
        lines.append((b"Access-Control-Max-Age", str(rules.max_age).encode()))
    return lines


def answer_lines(rules: CorsRules, request: Request) -> list[Header]:
    """What stands in answers to other requests; nothing where there is no allowed origin."""
    lines = _origin_lines(rules, request)
    if lines and rules.expose_headers:
        lines.append((b"Access-Control-Expose-Headers", _joined(rules.expose_headers)))
    return lines


def _origin_lines(rules: CorsRules, request: Request) -> list[Header]:
    origin = request.headers.get(b"origin")
    if origin is None or not _is_allowed(rules, origin.decode("latin-1")):
        return []
    if "*" in rules.allow_origins and not rules.allow_credentials:
        return [(b"Access-Control-Allow-Origin", b"*")]
    lines: list[Header] = [(b"Access-Control-Allow-Origin", origin), (b"Vary", b"Origin")]
    if rules.allow_credentials:
        lines.append((b"Access-Control-Allow-Credentials", b"true"))
    return lines


def _is_allowed(rules: CorsRules, origin: str) -> bool:
    allowed = rules.allow_origins
    if "*" in allowed or origin.lower() in (entry.lower() for entry in allowed):
        return True
    return any(entry in allowed and origin.startswith(entry[:-1]) for entry in _ANY_OF_SCHEME)


def _joined(texts: tuple[str, ...]) -> bytes:
    return ",".join(texts).encode("utf-8", "replace")
