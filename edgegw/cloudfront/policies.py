"""What reaches the origin: cache policy and origin request policy, compiled into one `Forwarding`.

Source: CloudFront Developer Guide, "Control origin requests with a policy", "Request and response
behavior for custom origins" (the table of headers), "Add CloudFront request headers".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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
_NEVER_PREFIXES: Final = (b"x-edge-", b"x-amz-cf-")
_REWRITTEN: Final = frozenset(
    {b"host", b"user-agent", b"cookie", b"accept-encoding", b"via", b"x-forwarded-for"}
)
_WRITING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Forwarding:
    """The two policies of a behavior as questions that a request answers quickly."""

    cache_policy: CachePolicy
    origin_request_policy: OriginRequestPolicy | None
    keeps_header: Callable[[bytes], bool]
    keeps_cookie: Callable[[str], bool] | None
    keeps_query_string: Callable[[str], bool] | None
    added_headers: tuple[str, ...]

    @property
    def forwards_cookies(self) -> bool:
        """Without it, Set-Cookie is removed from every response of the behavior."""
        return self.keeps_cookie is not None


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

    The path is the viewer's (the origin path is prepended when it is sent); the body is passed on.
    Origin custom headers are part of `origin` and replace a viewer's header of the same name.
    """
    replaced = {name.lower() for name, _ in origin.custom_headers}
    lines: list[Header] = []
    for line in request.headers.raw:
        lower = line[0].lower()
        if lower in _REWRITTEN or lower in replaced:
            continue
        if lower in _ALWAYS or _forwarded(forwarding, lower, request.method):
            lines.append(line)
    lines += _rewritten(forwarding, request, origin, facts, replaced)
    query = request.target.query
    if query is not None:
        query = _kept_query(forwarding, query)
    target = Target(request.target.path, query)
    return replace(request, headers=Headers(lines), target=target)


def _forwarded(forwarding: Forwarding, lower: bytes, method: str) -> bool:
    if lower in _NEVER or lower.startswith(_NEVER_PREFIXES) or lower.startswith(b"cloudfront-"):
        return False
    if lower == b"authorization" and method in _WRITING:
        return True
    return forwarding.keeps_header(lower)


def _rewritten(
    forwarding: Forwarding, request: Request, origin: Origin, facts: Facts, replaced: set[bytes]
) -> list[Header]:
    headers, keeps = request.headers, forwarding.keeps_header
    host = headers.get(b"host") if keeps(b"host") else None
    agent = headers.get(b"user-agent") if keeps(b"user-agent") else None
    lines: list[Header] = [(b"Host", host or origin.domain_name.encode())]
    if b"user-agent" not in replaced:
        lines.append((b"User-Agent", agent or b"Amazon CloudFront"))
    cookie = _kept_cookies(forwarding, headers)
    if cookie:
        lines.append((b"Cookie", cookie))
    lines += _accept_encoding(forwarding, request)
    version = "2.0" if request.http_version == "2" else request.http_version
    lines.append((b"Via", b", ".join([*headers.get_all(b"via"), via(version, facts)])))
    if b"x-forwarded-for" not in replaced:
        addresses = [*headers.get_all(b"x-forwarded-for"), request.client.address.encode()]
        lines.append((b"X-Forwarded-For", b", ".join(addresses)))
    for name in forwarding.added_headers:
        value = viewer_header(name, request)
        if value is not None:
            lines.append((name.encode(), value.encode()))
    return lines


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


def _accept_encoding(forwarding: Forwarding, request: Request) -> list[Header]:
    """The normalised Accept-Encoding, if the cache policy compresses; else as any other header.

    Source: CloudFront Developer Guide, "Cache compressed objects".
    """
    policy, values = forwarding.cache_policy, request.headers.get_all(b"accept-encoding")
    if not values:
        return []
    if not (policy.gzip or policy.brotli):
        keeps = forwarding.keeps_header(b"accept-encoding")
        return [(b"Accept-Encoding", value) for value in values] if keeps else []
    if request.http_version == "1.0":
        return []
    accepted = _accepted_codings(b",".join(values))
    codings = [
        coding
        for coding, flag in ((b"br", policy.brotli), (b"gzip", policy.gzip))
        if flag and coding in accepted
    ]
    return [(b"Accept-Encoding", b",".join(codings) or b"identity")]


def _accepted_codings(value: bytes) -> set[bytes]:
    accepted: set[bytes] = set()
    for item in value.lower().split(b","):
        coding, _, parameters = item.partition(b";")
        weight = parameters.replace(b" ", b"").removeprefix(b"q=")
        if weight.strip(b"0.") or not parameters:
            accepted.add(coding.strip())
    return accepted
