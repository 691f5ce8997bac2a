"""The CORS section of a response headers policy: which origins it lets in, and what it says.

CloudFront never answers a preflight itself: it goes to the origin, or comes from the cache, and the
policy only decorates what comes back.

Source: CloudFront Developer Guide, "Understand response headers policies", CORS headers.
"""

from __future__ import annotations

import re
from typing import Final

from edgegw.http.grammar import BLANKS, TOKEN
from edgegw.http.message import Header, Request
from edgegw.http.target import to_text
from edgegw.values import value

ALL_CORS_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""What `ALL` stands for in Access-Control-Allow-Methods.

Source: CloudFront Developer Guide, "Understand response headers policies", CORS headers.
"""
_CORS: Final = frozenset(
    {
        b"access-control-allow-origin",
        b"access-control-allow-credentials",
        b"access-control-allow-headers",
        b"access-control-allow-methods",
        b"access-control-expose-headers",
        b"access-control-max-age",
    }
)
"""The headers of the CORS section.

Source: CloudFront Developer Guide, "Understand response headers policies", CORS headers.
"""

_ENTRY: Final = re.compile(
    r"(?P<scheme>https?://)?(?P<wild>\*\.)?(?P<host>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9*]+))?",
    re.IGNORECASE,
)
"""An entry of the allowed origins. `*` is the whole leftmost label, or a part of the port.

Source: CloudFront Developer Guide, "Understand response headers policies", CORS headers.
"""


@value
class CorsPolicy:
    """The CORS section. `origins` are entries as configured, `compiled` what they let in.

    `methods` are names with `ALL` resolved; `max_age` in seconds.
    """

    origins: tuple[str, ...]
    compiled: tuple[re.Pattern[str], ...]
    headers: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None
    allows_credentials: bool = False
    origin_override: bool = False


@value
class CorsAnswer:
    """What the policy says to one request; `varies` where another Origin is answered otherwise."""

    lines: tuple[Header, ...] = ()
    varies: bool = False


def compile_cors(
    origins: tuple[str, ...],
    *,
    headers: tuple[str, ...] = (),
    methods: tuple[str, ...] = (),
    exposed: tuple[str, ...] = (),
    max_age: int | None = None,
    allows_credentials: bool = False,
    origin_override: bool = False,
) -> CorsPolicy:
    """The section with its origins compiled; all of them pass `origin_fault`."""
    return CorsPolicy(
        origins,
        tuple(_compiled(entry) for entry in origins if entry != "*"),
        headers,
        ALL_CORS_METHODS if "ALL" in methods else methods,
        exposed,
        max_age,
        allows_credentials,
        origin_override,
    )


def is_cors_header(name: bytes) -> bool:
    """Whether `name` (lower case) belongs to the CORS section."""
    return name in _CORS


def origin_fault(entry: str) -> str | None:
    """Why AWS refuses `entry` among the allowed origins; None where it does not."""
    if entry == "*" or _ENTRY.fullmatch(entry):
        return None
    return (
        f"{entry!r} is no allowed origin: write *, example.org, *.example.org or "
        "https://example.org:*, with * as the leftmost label or in the port"
    )


def _compiled(entry: str) -> re.Pattern[str]:
    """What an Origin must look like to fit `entry`.

    Without a scheme any will do. A name with a wildcard and neither scheme nor port takes any port;
    others take none but what they name (that `example.org` takes none is uncertain).
    """
    parts = _ENTRY.fullmatch(entry)
    assert parts is not None  # `origin_fault` said so
    scheme, wild, host, port = parts["scheme"], parts["wild"], parts["host"], parts["port"]
    pattern = re.escape(scheme) if scheme else "(?:[a-z][a-z0-9+.-]*://)?"
    pattern += r"[^/:]*\." if wild else ""
    pattern += re.escape(host)
    if port == "*" or (port is None and wild and not scheme):
        pattern += "(?::[0-9]+)?"
    elif port is not None:
        pattern += ":" + port.replace("*", "[0-9]*")
    return re.compile(pattern, re.IGNORECASE)


def cors_lines(cors: CorsPolicy, request: Request) -> CorsAnswer:
    """The headers for `request`: none without Origin, or where its Origin is not let in."""
    origin = request.headers.get(b"origin")
    if origin is None:
        return CorsAnswer(varies=True)
    any_origin = "*" in cors.origins
    if not any_origin and not _lets_in(cors, origin):
        return CorsAnswer(varies=True)
    lines: list[Header] = [(b"Access-Control-Allow-Origin", b"*" if any_origin else origin)]
    if cors.allows_credentials:
        lines.append((b"Access-Control-Allow-Credentials", b"true"))
    if _is_preflight(request):
        lines += _preflight_lines(cors, request)
    if cors.exposed:
        lines.append((b"Access-Control-Expose-Headers", _joined(cors.exposed)))
    return CorsAnswer(tuple(lines), varies=not any_origin)


def _lets_in(cors: CorsPolicy, origin: bytes) -> bool:
    text = to_text(origin)
    return any(pattern.fullmatch(text) for pattern in cors.compiled)


def _is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and b"access-control-request-method" in request.headers


def _preflight_lines(cors: CorsPolicy, request: Request) -> list[Header]:
    lines: list[Header] = []
    headers = _allowed_headers(cors.headers, request)
    if headers:
        lines.append((b"Access-Control-Allow-Headers", _joined(headers)))
    if cors.methods:
        lines.append((b"Access-Control-Allow-Methods", _joined(cors.methods)))
    if cors.max_age is not None:
        lines.append((b"Access-Control-Max-Age", b"%d" % cors.max_age))
    return lines


def _allowed_headers(names: tuple[str, ...], request: Request) -> tuple[str, ...]:
    """The names as configured; in the place of patterns, what was asked for and fits one.

    A lone `*` goes out as it is: browsers take it for everything but Authorization.
    """
    patterns = [_header_pattern(name) for name in names if "*" in name and name != "*"]
    if not patterns:
        return names
    plain = [name for name in names if "*" not in name or name == "*"]
    asked = request.headers.get(b"access-control-request-headers") or b""
    wanted = [name.decode() for name in _names(asked)]
    fitting = [name for name in wanted if any(pattern.fullmatch(name) for pattern in patterns)]
    return tuple(dict.fromkeys([*plain, *fitting]))


def _names(listed: bytes) -> list[bytes]:
    names = [name.strip(BLANKS) for name in listed.split(b",")]
    return [name for name in names if TOKEN.fullmatch(name)]


def _header_pattern(name: str) -> re.Pattern[str]:
    """`x-amz-*` needs one character at its end, `x-*-amz` none in its middle."""
    last = name.endswith("*")
    parts = name.removesuffix("*").split("*")
    pattern = ".*".join(re.escape(part) for part in parts) + (".+" if last else "")
    return re.compile(pattern, re.IGNORECASE)


def _joined(names: tuple[str, ...]) -> bytes:
    return ", ".join(names).encode()
