"""May an answer be stored, under which key, and what of it.

    asked                      answered            stored
    POST and others            anything            never
    GET, HEAD, cached OPTIONS  2xx, 3xx, errors    as `freshness` says
    GET with one range         206                 that range, for whoever asks for just it
    GET with a range           200                 the whole, from which ranges are cut later
    GET                        206                 never: it would be taken for the whole
    GET with a condition       304                 never: it has no body
    GET                        over 50 GB          never; the viewer gets an error instead

What is stored is the origin's answer as origin-response left it, less what belongs to one
connection, less the headers that `no-cache="…"` names, and less Set-Cookie unless cookies are
forwarded. Where they are, Set-Cookie is stored and every viewer gets it: that is CloudFront.

An Authorization does not matter here. It is in the key, or the answer is everybody's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.cache.cache_control import cache_control
from edgegw.cloudfront.cache.entry import StoredPlace, StoredResponse
from edgegw.cloudfront.cache.freshness import Freshness, freshness
from edgegw.cloudfront.cache.key import head_key, part_key
from edgegw.cloudfront.cache.ranges import Span, content_range, single_range
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.http.date import http_date
from edgegw.http.message import HOP_BY_HOP, Headers, Request, Response, named_by_connection
from edgegw.values import value

MAX_OBJECT: Final = 50_000_000_000
"""Bytes of an answer that can be cached; above, the connection to the origin is closed.

Source: CloudFront Developer Guide, "Quotas", general quotas.
"""

MAX_TAGS: Final = 50
"""Cache tags of one object; more are ignored (uncertain).

Source: CloudFront Developer Guide, "Quotas", quotas on invalidations.
"""
MAX_TAG: Final = 256
"""Characters of a cache tag.

Source: CloudFront Developer Guide, "Quotas", quotas on invalidations.
"""

WhyNotStored: TypeAlias = Literal[
    "method-not-cached",
    "not-kept",
    "not-modified",
    "upgraded",
    "part-without-range",
    "several-parts",
    "part-unlike-range",
    "too-large",
    "origin-failed",
]
"""Why an answer is passed on and forgotten; `not-kept` is a matter of `Freshness.source`."""


@value
class NotStored:
    """An answer that is not stored. `too-large` is an error for the viewer, all else passes."""

    why: WhyNotStored
    terms: Freshness | None = None


def storing(
    request: Request,
    key: bytes,
    place: StoredPlace,
    response: Response,
    settings: CacheSettings,
    now: float,
    *,
    is_s3: bool = False,
) -> StoredResponse | NotStored:
    """What is to be stored of `response`, an origin's or an edge function's, and under which key.

    `key` is the one of the whole answer. Its `length` is what the origin announced: a body that
    turns out shorter or longer, or breaks off, must not be stored (`is_whole`).
    Source: CloudFront Developer Guide, "Request and response behavior for custom origins".
    """
    terms = freshness(response.status, response.headers, settings, now, is_s3=is_s3)
    why = _obstacle(request, response, settings, terms)
    if why is not None:
        return NotStored(why, terms)
    entry = entry_of(request, key, place, response, terms, settings, now)
    if response.status != 206:
        return entry
    return _part(request, key, entry, response.headers, terms)


def _obstacle(
    request: Request, response: Response, settings: CacheSettings, terms: Freshness
) -> WhyNotStored | None:
    if request.method not in settings.methods:
        return "method-not-cached"
    if response.upgraded is not None or response.status < 200:
        return "upgraded"
    if response.status == 304:
        return "not-modified"
    if not terms.is_kept:
        return "not-kept"
    if (response.body.length or 0) > MAX_OBJECT:
        return "too-large"
    return None


def entry_of(
    request: Request,
    key: bytes,
    place: StoredPlace,
    response: Response,
    terms: Freshness,
    settings: CacheSettings,
    now: float,
    *,
    origin_status: int | None = None,
) -> StoredResponse:
    """An entry for `response` on these `terms`, kept for the method that was asked.

    A custom error page is stored so under the URL that failed, on the terms of the failed answer,
    with its `origin_status`.
    """
    is_head = request.method == "HEAD"
    return StoredResponse(
        head_key(key) if is_head else key,
        place,
        response.status,
        response.reason,
        _dated(stored_headers(response.headers, keeps_cookies=settings.forwards_cookies), now),
        now,
        terms,
        response.status if origin_status is None else origin_status,
        None if is_head else response.body.length,
        is_head=is_head,
        is_chunked=is_chunked(response.headers),
        tags=cache_tags(response.headers, settings.tag_header),
    )


def _part(
    request: Request, key: bytes, entry: StoredResponse, headers: Headers, terms: Freshness
) -> StoredResponse | NotStored:
    asked = request.headers.get(b"range")
    if asked is None or request.method != "GET":
        return NotStored("part-without-range", terms)
    only = single_range(asked)
    if only is None:
        return NotStored("several-parts", terms)
    answered = content_range(headers)
    if answered is None or not _answers(only, answered[0], answered[1]):
        return NotStored("part-unlike-range", terms)
    span, total = answered
    return replace(entry, key=part_key(key, only), length=span.length, part=span, total=total)


def _answers(only: bytes, span: Span, total: int | None) -> bool:
    """Whether a part is the one that was asked for; an origin may have less than that."""
    first, _, last = only.partition(b"-")
    if not first:
        return total is None or span.last == total - 1
    return span.first == int(first) and (not last or span.last <= int(last))


def stored_headers(headers: Headers, *, keeps_cookies: bool) -> Headers:
    """What of an answer's headers is stored; the same object for headers that come again.

    Source: CloudFront Developer Guide, "Cache content based on cookies", and "Manage how long
    content stays in the cache (expiration)" (no-cache="Set-Cookie").
    """
    stored = _with_cookies if keeps_cookies else _without_cookies
    return headers.derived(stored, stored)


def _with_cookies(headers: Headers) -> Headers:
    dropped = _NOT_STORED | named_by_connection(headers) | cache_control(headers).kept_out()
    return headers.without(*dropped)


def _without_cookies(headers: Headers) -> Headers:
    dropped = _NOT_STORED | named_by_connection(headers) | cache_control(headers).kept_out()
    return headers.without(*dropped, b"set-cookie")


def _dated(headers: Headers, now: float) -> Headers:
    """The origin's Date stays as long as the answer does; one that is missing is the edge's."""
    if b"date" in headers:
        return headers
    return Headers((*headers.raw, (b"Date", http_date(now))))  # not `added`: it keeps the shorter


_NOT_STORED: Final = HOP_BY_HOP | {b"age", b"x-cache", b"x-amz-cf-id"}
"""Headers of one connection, and those that every answer gets anew."""


def is_chunked(headers: Headers) -> bool:
    """Whether the body behind these headers came in chunks."""
    return b"chunked" in (headers.get(b"transfer-encoding") or b"").lower()


def cache_tags(headers: Headers, name: bytes) -> frozenset[bytes]:
    """The cache tags of an answer, in lower case; `name` is the header that carries them.

    Source: CloudFront Developer Guide, "Invalidate files by cache tag".
    """
    if not name:
        return frozenset()
    tags = [tag.strip().lower() for line in headers.get_all(name) for tag in line.split(b",")]
    usable = [tag for tag in tags if 0 < len(tag) <= MAX_TAG and _IN_TAGS.issuperset(tag)]
    return frozenset(usable[:MAX_TAGS])


_IN_TAGS: Final = frozenset(range(33, 127))


def is_whole(entry: StoredResponse, received: int, *, ended_well: bool) -> bool:
    """Whether what came of a body may be stored: it did not break off, and is what was announced.

    A length that nobody announced ends with the connection, which is well.
    Source: CloudFront Developer Guide, "Request and response behavior for custom origins", dropped
    TCP connections.
    """
    return ended_well and received <= MAX_OBJECT and entry.length in (None, received)
