"""What reaches the origin: cache policy and origin request policy, compiled into one `Forwarding`.

Source: CloudFront Developer Guide, "Control origin requests with a policy", "Request and response
behavior for custom origins" (the table of headers), "Add CloudFront request headers".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from edgegw.cloudfront.answers import Facts, via
from edgegw.cloudfront.managed import ADDED_BY_ALL_VIEWER_EXCEPT_HOST
from edgegw.cloudfront.model import CachePolicy, Origin, OriginRequestPolicy, Selection
from edgegw.cloudfront.viewer_headers import viewer_header
from edgegw.http.message import Header, Headers, Request
from edgegw.http.target import Target

_ALWAYS: Final = frozenset(
    {
        b"cache-control",
        b"content-length",
        b"content-md5",
        b"content-type",
        b"date",
        b"from",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"max-forwards",
        b"origin",
        b"pragma",
        b"range",
        b"request-range",
        b"transfer-encoding",
        b"warning",
    }
)
_NEVER: Final = frozenset(
    {
        b"connection",
        b"expect",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
        b"x-forwarded-proto",
        b"x-real-ip",
    }
)
_NEVER_PREFIXES: Final = (b"x-edge-", b"x-amz-cf-", b"cloudfront-")
_REWRITTEN: Final = frozenset(
    {b"host", b"user-agent", b"cookie", b"accept-encoding", b"via", b"x-forwarded-for"}
)
_WRITING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Treatment(Enum):
    """What becomes of a viewer's header on its way to the origin."""

    DROP = 0
    KEEP = 1
    REWRITE = 2
    KEEP_WHEN_WRITING = 3


@dataclass(frozen=True, slots=True)
class Forwarding:
    """The two policies of a behavior as questions that a request answers quickly."""

    cache_policy: CachePolicy
    origin_request_policy: OriginRequestPolicy | None
    keeps_header: Callable[[bytes], bool]
    keeps_cookie: Callable[[str], bool] | None
    keeps_query_string: Callable[[str], bool] | None
    added_headers: tuple[str, ...]
    _known: dict[bytes, tuple[Treatment, bytes]] = field(
        default_factory=dict[bytes, tuple[Treatment, bytes]], compare=False, repr=False
    )

    @property
    def forwards_cookies(self) -> bool:
        """Without it, Set-Cookie is removed from every response of the behavior."""
        return self.keeps_cookie is not None

    def treatment(self, name: bytes) -> tuple[Treatment, bytes]:
        """What becomes of the header `name`, and the name in lower case; worked out once a name."""
        known = self._known.get(name)
        if known is None:
            lower = name.lower()
            known = (self._treatment(lower), lower)
            if len(self._known) < _REMEMBERED:
                self._known[name] = known
        return known

    def _treatment(self, lower: bytes) -> Treatment:
        if lower in _REWRITTEN:
            return Treatment.REWRITE
        if lower in _NEVER or lower.startswith(_NEVER_PREFIXES):
            return Treatment.DROP
        if lower in _ALWAYS or self.keeps_header(lower):
            return Treatment.KEEP
        return Treatment.KEEP_WHEN_WRITING if lower == b"authorization" else Treatment.DROP


_REMEMBERED: Final = 1000
"""Header names whose treatment a behavior remembers."""


def compile_forwarding(
    cache_policy: CachePolicy, origin_request_policy: OriginRequestPolicy | None
) -> Forwarding:
    """One `Forwarding` of both policies."""
    orp = origin_request_policy or OriginRequestPolicy("", "")
    return Forwarding(
        cache_policy,
        origin_request_policy,
        _header_test(cache_policy.headers, orp.headers),
        _name_test(cache_policy.cookies, orp.cookies),
        _name_test(cache_policy.query_strings, orp.query_strings),
        _added_headers(cache_policy.headers, orp.headers),
    )


def _name_test(key: Selection, more: Selection) -> Callable[[str], bool] | None:
    """Whether a name is forwarded, by both policies together; None when nothing ever is.

    The union of what each selects, except that two block lists both block.
    """
    if key.behavior == more.behavior == "none":
        return None
    if key.behavior == more.behavior == "allExcept":
        blocked = {*key.items, *more.items}
        return lambda name: name not in blocked
    return lambda name: _selects(key, name) or _selects(more, name)


def _selects(selection: Selection, name: str) -> bool:
    match selection.behavior:
        case "none":
            return False
        case "whitelist":
            return name in selection.items
        case "allExcept":
            return name not in selection.items
        case _:
            return True


def _header_test(key: Selection, more: Selection) -> Callable[[bytes], bool]:
    """Whether a viewer's header (lower case) is forwarded because a policy says so."""
    listed = {item.lower().encode() for item in key.items}
    if more.behavior == "whitelist":
        listed |= {item.lower().encode() for item in more.items}
    if more.behavior in ("allViewer", "allViewerAndWhitelistCloudFront"):
        return lambda _name: True
    if more.behavior == "allExcept":
        blocked = {item.lower().encode() for item in more.items} - listed
        return lambda name: name not in blocked
    return listed.__contains__


def _added_headers(key: Selection, more: Selection) -> tuple[str, ...]:
    """CloudFront's own headers that the policies name."""
    names = [*key.items]
    if more.behavior in ("whitelist", "allViewerAndWhitelistCloudFront"):
        names += more.items
    elif more.behavior == "allExcept":
        blocked = {item.lower() for item in more.items}
        names += [each for each in ADDED_BY_ALL_VIEWER_EXCEPT_HOST if each.lower() not in blocked]
    return tuple(dict.fromkeys(each for each in names if each.lower().startswith("cloudfront-")))


def origin_request(
    forwarding: Forwarding, request: Request, origin: Origin, facts: Facts
) -> Request:
    """`request` as CloudFront is about to send it to `origin`, before origin-request runs.

    Headers keep their order; what CloudFront adds stands behind them. The path is the viewer's (the
    origin path is prepended when it is sent); the body is passed on. Origin custom headers are part
    of `origin` and replace a viewer's header of the same name.
    """
    lines: list[Header] = []
    done = {name.lower() for name, _ in origin.custom_headers}
    treatment = forwarding.treatment
    for line in request.headers.raw:
        what, lower = treatment(line[0])
        if what is Treatment.REWRITE and lower not in done:
            done.add(lower)
            value = _rewritten(lower, line[1], forwarding, request, origin, facts)
            if value:
                lines.append((line[0], value))
        elif lower in done or what is Treatment.DROP:
            continue
        elif what is Treatment.KEEP or request.method in _WRITING:
            lines.append(line)
    for lower, name in _ADDED:
        if lower not in done:
            value = _rewritten(lower, None, forwarding, request, origin, facts)
            lines.append((name, value))
    for added in forwarding.added_headers:
        shown = viewer_header(added, request)
        if shown is not None:
            lines.append((added.encode(), shown.encode()))
    query = request.target.query
    target = request.target
    if query is not None:
        target = Target(target.path, _kept_query(forwarding, query))
    return request.sent(target, Headers(lines))


_ADDED: Final = (
    (b"host", b"Host"),
    (b"user-agent", b"User-Agent"),
    (b"via", b"Via"),
    (b"x-forwarded-for", b"X-Forwarded-For"),
)
"""Headers that every origin request has."""


def _rewritten(
    lower: bytes,
    first: bytes | None,
    forwarding: Forwarding,
    request: Request,
    origin: Origin,
    facts: Facts,
) -> bytes:
    """What becomes of a header that CloudFront writes anew; empty bytes leave it out.

    `first` is the viewer's first value of it, None where the viewer sent none.
    """
    match lower:
        case b"host":
            kept = first if forwarding.keeps_header(b"host") else None
            return kept or origin.domain_name.encode()
        case b"user-agent":
            kept = first if forwarding.keeps_header(b"user-agent") else None
            return kept or b"Amazon CloudFront"
        case b"cookie":
            return _kept_cookies(forwarding, request.headers)
        case b"accept-encoding":
            return _accept_encoding(forwarding, request)
        case b"via":
            version = _VERSIONS.get(request.http_version, request.http_version)
            earlier = [] if first is None else request.headers.get_all(b"via")
            return b", ".join([*earlier, via(version, facts)])
        case _:
            earlier = [] if first is None else request.headers.get_all(b"x-forwarded-for")
            return b", ".join([*earlier, request.client.address.encode()])


_VERSIONS: Final = {"2": "2.0", "3": "3.0"}


def _kept_cookies(forwarding: Forwarding, headers: Headers) -> bytes:
    """One Cookie value, sorted by name; `$` names and pieces without `=` are left out."""
    keeps = forwarding.keeps_cookie
    if keeps is None:
        return b""
    pairs: list[tuple[bytes, bytes]] = []
    for line in headers.get_all(b"cookie"):
        for piece in line.split(b";"):
            name, mark, _ = piece.partition(b"=")
            name = name.strip()
            if mark and name and not name.startswith(b"$") and keeps(name.decode("latin-1")):
                pairs.append((name, piece.strip()))
    return b"; ".join(piece for _, piece in sorted(pairs, key=lambda pair: pair[0]))


def _kept_query(forwarding: Forwarding, query: bytes) -> bytes | None:
    """The pieces of `query` that the policies keep, in order; None when nothing is forwarded."""
    keeps = forwarding.keeps_query_string
    if keeps is None:
        return None
    if "all" in _query_behaviors(forwarding):
        return query
    pieces = [
        piece
        for piece in query.split(b"&")
        if piece and keeps(piece.partition(b"=")[0].decode("latin-1"))
    ]
    return b"&".join(pieces) if pieces else None


def _query_behaviors(forwarding: Forwarding) -> tuple[str, str]:
    more = forwarding.origin_request_policy
    return (
        forwarding.cache_policy.query_strings.behavior,
        more.query_strings.behavior if more else "none",
    )


def _accept_encoding(forwarding: Forwarding, request: Request) -> bytes:
    """The normalised Accept-Encoding, if the cache policy compresses; else as any other header.

    Source: CloudFront Developer Guide, "Cache compressed objects".
    """
    policy, value = (
        forwarding.cache_policy,
        b", ".join(request.headers.get_all(b"accept-encoding")),
    )
    if not (policy.gzip or policy.brotli):
        return value if forwarding.keeps_header(b"accept-encoding") else b""
    if request.http_version == "1.0":
        return b""
    accepted = _accepted_codings(value)
    codings = [
        coding
        for coding, flag in ((b"br", policy.brotli), (b"gzip", policy.gzip))
        if flag and coding in accepted
    ]
    return b",".join(codings) or b"identity"


def _accepted_codings(value: bytes) -> set[bytes]:
    accepted: set[bytes] = set()
    for item in value.lower().split(b","):
        coding, _, parameters = item.partition(b";")
        weight = parameters.replace(b" ", b"").removeprefix(b"q=")
        if weight.strip(b"0.") or not parameters:
            accepted.add(coding.strip())
    return accepted
