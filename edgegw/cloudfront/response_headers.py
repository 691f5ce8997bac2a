"""An origin's headers on their way to the viewer: what goes on, in which order, how it is framed.

What follows from the header lines alone is worked out once for lines that come again
(`Headers.derived`): `Forwarding.to_viewer` is `passed_on` with the policies of a behavior.

Source: CloudFront Developer Guide, "Request and response behavior for custom origins" (how
CloudFront processes responses), and observed answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from edgegw.cloudfront.answers import DistributionFacts, via
from edgegw.http.grammar import BLANKS
from edgegw.http.message import (
    HOP_BY_HOP,
    Header,
    Headers,
    Response,
    has_body,
    named_by_connection,
)
from edgegw.values import value

_REPLACED: Final = frozenset({b"via", b"x-cache", b"x-amz-cf-id"})
"""Headers of an origin that CloudFront writes anew. An origin's X-Amz-Cf-Pop stays beside its own.

Source: observed answers of distributions in front of others.
"""

_OF_BUCKETS: Final = (b"x-amz-id-2", b"x-amz-request-id")
"""Headers of Amazon S3 that no viewer gets.

Source: CloudFront Developer Guide, "Request and response behavior for Amazon S3 origins".
"""

ALWAYS_IN_VARY: Final = frozenset({b"accept-encoding", b"cookie", b"*"})
"""What stays in Vary whatever is forwarded; `*` is uncertain.

Source: CloudFront Developer Guide, "Request and response behavior for custom origins", HTTP
response headers that CloudFront removes or replaces.
"""

_PLACES: Final = {
    b"content-type": 0,
    b"content-length": 1,
    b"connection": 2,
    b"vary": 4,
    b"via": 5,
}
"""Where headers stand among the others, which are in place `_ANYWHERE`.

Source: observed answers.
"""
_ANYWHERE: Final = 3

_CONNECTION: Final[Header] = (b"Connection", b"keep-alive")
"""Holds the place of the header; whoever writes the head of HTTP/1 knows the value."""


@value
class ViewerHeaders:
    """What of an origin's headers goes on whoever asked.

    `via` is the origin's own, with a comma behind it, or nothing.
    """

    headers: Headers
    via: bytes
    has_date: bool
    has_vary: bool


def passed_on(
    headers: Headers, *, keeps_cookies: bool, keeps_in_vary: Callable[[bytes], bool]
) -> ViewerHeaders:
    """What of an origin's `headers` goes on: none of the connection's, in CloudFront's order.

    Set-Cookie goes unless cookies are forwarded, and Vary keeps the names that
    `keeps_in_vary` (in lower case).
    """
    dropped = HOP_BY_HOP | _REPLACED | named_by_connection(headers)
    if not keeps_cookies:
        dropped |= {b"set-cookie"}
    lines: list[Header] = [_CONNECTION]
    for line in headers.raw:
        lower = line[0].lower()
        if lower == b"vary":
            lines += _kept_vary(line, keeps_in_vary)
        elif lower not in dropped:
            lines.append(line)
    earlier = b"".join([entry + b", " for entry in headers.get_all(b"via") if entry])
    kept = Headers(_in_order(lines))
    return ViewerHeaders(kept, earlier, b"date" in kept, b"vary" in kept)


def passed_on_behind_101(headers: Headers) -> ViewerHeaders:
    """What of the headers of an origin that switches protocols goes on."""
    kept = passed_on(headers, keeps_cookies=True, keeps_in_vary=bool)
    headers = kept.headers.without(b"connection")
    return ViewerHeaders(headers, kept.via, kept.has_date, kept.has_vary)


def _kept_vary(line: Header, keeps: Callable[[bytes], bool]) -> list[Header]:
    """The Vary `line` less what the viewer must not see; nothing where nothing is left."""
    names = [name.strip(BLANKS) for name in line[1].split(b",")]
    kept = [name for name in names if name and keeps(name.lower())]
    if len(kept) == len(names):
        return [line]
    return [(line[0], b", ".join(kept))] if kept else []


def _in_order(lines: Iterable[Header]) -> list[Header]:
    return sorted(lines, key=_place)


def _place(line: Header) -> int:
    return _PLACES.get(line[0].lower(), _ANYWHERE)


def response_headers(
    headers: Headers,
    facts: DistributionFacts,
    to_viewer: Callable[[Headers], ViewerHeaders],
    *,
    is_bucket: bool = False,
) -> Headers:
    """An origin's headers on their way to the viewer; the last line is Via, this edge's behind it.

    `to_viewer` is `passed_on` for the behavior.
    """
    kept = headers.derived(to_viewer, to_viewer)
    passed = kept.headers.without(*_OF_BUCKETS) if is_bucket else kept.headers
    own = (b"Via", kept.via + via("1.1", facts))
    if kept.has_date:
        return passed.added(own)
    date = (b"Date", facts.date)
    if not kept.has_vary:
        return passed.added(date, own)
    return Headers(_in_order([*passed.raw, date])).added(own)


def in_order(headers: Headers) -> Headers:
    """What a function left of `headers`, in CloudFront's order again: Via is the last line."""
    shown, added = headers.base, headers.raw[-headers.more :]
    ordered = before_via(shown, added) if shown is not None and stand_anywhere(added) else None
    return Headers(_in_order(headers.raw)) if ordered is None else ordered


def stand_anywhere(lines: Iterable[Header]) -> bool:
    """Whether none of `lines` has a place of its own among the others."""
    return all(_place(line) == _ANYWHERE for line in lines)


def before_via(headers: Headers, lines: tuple[Header, ...]) -> Headers | None:
    """`headers`, whose last line is this edge's Via, with `lines` that `stand_anywhere` before it.

    None where that is not its last line.
    """
    before = headers.base
    if before is None or headers.more != 1:
        return None
    own = headers.raw[-1]
    if own[0] != b"Via" or _place(before.raw[-1]) > _ANYWHERE:
        return None
    return before.added(*lines, own)


def framed_anew(response: Response, method: str, origin_status: int) -> Response:
    """`response` with the Content-Length of its body, where the origin's status had none.

    A function, or a custom error page, makes a 200 of a 204 or 304: its length was that of nothing,
    or of what the viewer was to have already.
    """
    if has_body(method, origin_status) or not has_body(method, response.status):
        return response
    length = response.body.length
    headers = response.headers.without(b"content-length")
    if length is not None:
        headers = Headers(_in_order([*headers.raw, (b"Content-Length", b"%d" % length)]))
    return Response(response.status, response.reason, headers, response.body)
