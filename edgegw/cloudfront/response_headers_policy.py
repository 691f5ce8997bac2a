"""Response headers policies: what a behavior takes from, and adds to, every answer of its own.

    remove ─▶ CORS ─▶ security ─▶ custom ─▶ (Server-Timing: `cloudfront.server_timing`)

It works on top of the cache, on hits and misses alike, before viewer-response runs. What it adds
stands behind the origin's headers and before Vary. A name that is removed may be added again.

Source: CloudFront Developer Guide, "Understand response headers policies", and observed answers.
"""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront.cors import CorsPolicy, cors_lines, is_cors_header
from edgegw.http.message import Header, Headers, Request, Response
from edgegw.values import value

_SERVER: Final[Header] = (b"Server", b"CloudFront")
_STRICT_TRANSPORT_SECURITY: Final = b"strict-transport-security"
_BEHIND: Final = frozenset(
    {b"vary", b"x-cache", b"via", b"x-amz-cf-pop", b"alt-svc", b"x-amz-cf-id", b"age"}
)
"""Headers that stand behind those of the policy.

Source: observed answers.
"""


@value
class PolicyHeader:
    """A header of a policy. With `override` it replaces the origin's, else the origin's stays."""

    name: bytes
    value: bytes
    override: bool


@value
class ResponseHeadersPolicy:
    """What is taken from answers and added to them.

    `removed` are names in lower case. `sampling_rate` is the percentage of answers that get
    Server-Timing, None without that section.
    """

    name: str
    id: str
    cors: CorsPolicy | None = None
    security: tuple[PolicyHeader, ...] = ()
    custom: tuple[PolicyHeader, ...] = ()
    removed: frozenset[bytes] = frozenset()
    sampling_rate: float | None = None


def with_policy(
    policy: ResponseHeadersPolicy, response: Response, request: Request, date: bytes
) -> Response:
    """`response` as the policy makes it for the viewer's `request`, stamped or not yet.

    `date` is the value of the Date header that stands in for one that is removed.
    """
    front, behind = _split(response.headers)
    lines = _removed(front, policy.removed, date)
    behind = [line for line in behind if line[0].lower() not in policy.removed]
    if policy.cors is not None:
        lines, behind = _with_cors(policy.cors, lines, behind, request)
    for header in _sent_headers(policy, request):
        lines = _with_header(lines, header)
    return Response(
        response.status,
        response.reason,
        Headers([*lines, *behind]),
        response.body,
        response.upgraded,
        response.exchange,
    )


def _split(headers: Headers) -> tuple[list[Header], list[Header]]:
    """What stands before the headers of the policy, and what stands behind them."""
    lines = headers.raw
    at = len(lines)
    while at and lines[at - 1][0].lower() in _BEHIND:
        at -= 1
    return list(lines[:at]), list(lines[at:])


def _removed(lines: list[Header], names: frozenset[bytes], date: bytes) -> list[Header]:
    """`lines` less the removed ones; CloudFront puts its own Server and Date in their place."""
    if not names:
        return lines
    kept = [line for line in lines if line[0].lower() not in names]
    if b"date" in names:
        kept.append((b"Date", date))
    if b"server" in names:
        kept.append(_SERVER)
    return kept


def _with_cors(
    cors: CorsPolicy, lines: list[Header], behind: list[Header], request: Request
) -> tuple[list[Header], list[Header]]:
    """Both parts of the headers with what CORS asks for.

    Without override an origin that sends any CORS header keeps the word alone.
    """
    has_own = any(is_cors_header(line[0].lower()) for line in lines)
    if has_own and not cors.origin_override:
        return lines, behind
    answered = cors_lines(cors, request)
    replaced = {name.lower() for name, _ in answered.lines}
    lines = [line for line in lines if line[0].lower() not in replaced]
    if answered.varies and not _varies_by_origin(behind):
        behind = [(b"Vary", b"Origin"), *behind]
    return [*lines, *answered.lines], behind


def _varies_by_origin(lines: list[Header]) -> bool:
    values = (line[1].lower() for line in lines if line[0].lower() == b"vary")
    return any(b"origin" in [name.strip() for name in value.split(b",")] for value in values)


def _sent_headers(policy: ResponseHeadersPolicy, request: Request) -> list[PolicyHeader]:
    """The security and custom headers for `request`.

    Strict-Transport-Security is for HTTPS alone; a Vary among the custom ones is lost beside CORS.
    """
    security: list[PolicyHeader] = [
        header
        for header in policy.security
        if request.scheme == "https" or header.name.lower() != _STRICT_TRANSPORT_SECURITY
    ]
    custom = [
        header for header in policy.custom if policy.cors is None or header.name.lower() != b"vary"
    ]
    return [*security, *custom]


def _with_header(lines: list[Header], header: PolicyHeader) -> list[Header]:
    name = header.name.lower()
    if any(line[0].lower() == name for line in lines):
        if not header.override:
            return lines
        lines = [line for line in lines if line[0].lower() != name]
    return [*lines, (header.name, header.value)]
