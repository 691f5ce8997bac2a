"""Conditions: the viewer's against a stored answer, and ours to the origin when one went stale.

A viewer that names what it has (`If-None-Match`, else `If-Modified-Since`) gets 304 where that is
what is stored. Tags compare weakly, as compression makes them weak. `If-Match` and
`If-Unmodified-Since` are the origin's business: on a hit they do nothing (uncertain).

On a miss the viewer's conditions go to the origin as they are. When a stale answer is asked about,
they would be in the way: ours stand in their place, and the viewer's are held against what comes.
"""

from __future__ import annotations

import re
from typing import Final

from edgegw.cloudfront.cache.entry import StoredResponse
from edgegw.http.date import parse_http_date
from edgegw.http.message import Header, Headers

_TAG: Final = re.compile(rb'(?:W/)?("[^"]*")')

CONDITIONS: Final = (
    b"if-none-match",
    b"if-modified-since",
    b"if-match",
    b"if-unmodified-since",
)
"""Headers that make a request depend on what the sender has."""


def is_unmodified(headers: Headers, entry: StoredResponse) -> bool:
    """Whether the viewer has what is stored already, so that 304 says all.

    What compares how is uncertain.
    Source: CloudFront Developer Guide, "Request and response behavior for custom origins",
    conditional requests.
    """
    if entry.is_error or entry.status >= 300:
        return False
    tags = headers.get_all(b"if-none-match")
    if tags:
        return _names_tag(b", ".join(tags), entry.etag)
    since = headers.get(b"if-modified-since")
    if since is None or entry.last_modified is None:
        return False
    moment, changed = parse_http_date(since), parse_http_date(entry.last_modified)
    return moment is not None and changed is not None and changed <= moment


def _names_tag(condition: bytes, etag: bytes | None) -> bool:
    if condition.strip() == b"*":
        return True
    if etag is None:
        return False
    ours = etag.strip().removeprefix(b"W/")
    return ours in _TAG.findall(condition) or etag.strip() == condition.strip()


def validators(entry: StoredResponse) -> tuple[Header, ...]:
    """The conditions that ask an origin whether `entry` still holds; none where it has no name.

    Source: CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)".
    """
    lines: list[Header] = []
    if entry.etag:
        lines.append((b"If-None-Match", entry.etag))
    if entry.last_modified:
        lines.append((b"If-Modified-Since", entry.last_modified))
    return tuple(lines)


def conditional(headers: Headers, conditions: tuple[Header, ...]) -> Headers:
    """The `headers` of a request to the origin with ours in the place of the viewer's conditions.

    A Range stays: an origin that has something new answers with the part of that.
    """
    return headers.without(*CONDITIONS).added(*conditions)


_OF_THE_BODY: Final = frozenset(
    {
        b"content-length",
        b"content-encoding",
        b"content-type",
        b"content-range",
        b"content-language",
        b"transfer-encoding",
    }
)


def without_body(headers: Headers) -> Headers:
    """The headers of a stored answer for a 304 (RFC 9110 section 15.4.5)."""
    return headers.without(*_OF_THE_BODY)


def renewed(stored: Headers, fresh: Headers) -> Headers:
    """Stored headers with what a 304 says anew in their place (RFC 9111 section 3.2)."""
    names = {name.lower() for name, _ in fresh} - _OF_THE_BODY
    older = [line for line in stored if line[0].lower() not in names]
    return Headers((*older, *[line for line in fresh if line[0].lower() in names]))
