"""What becomes of one request at the cache; what its origin says then is `outcome`'s.

    bypass? ── yes ─▶ Bypass                                   to the origin, nothing is kept
       │
    look up ─▶ fresh ──────────────────────────────▶ Hit
       │
       ├─▶ stale, stale-while-revalidate ──────────▶ StaleWhileRevalidating   Hit, and meanwhile ┐
       │                                                                                          │
       ├─▶ stale, the origin failed a moment ago ──▶ Hit                                          │
       │                                                                                          │
       ├─▶ another request fetches this just now ──▶ Collapse ─▶ `after_waiting`: Hit or Miss     │
       │                                                                                          │
       ├─▶ stale, with ETag or Last-Modified ──────▶ Revalidate ◀─────────────────────────────────┤
       │                                                                                          │
       └─▶ nothing, or stale without either ───────▶ Miss ◀───────────────────────────────────────┘

Requests collapse into one while it is on its way. Who waits gets the answer as Hit if it was kept
and says anything about the next second; else each of them asks the origin itself, at once.

Nothing here reads a clock: `now` is seconds since 1970.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.cache.conditions import CONDITIONS, validators
from edgegw.cloudfront.cache.entry import StoredResponse
from edgegw.cloudfront.cache.ranges import holds_if_range
from edgegw.cloudfront.cache.serving import StoredAnswer, answer_from
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.http.grpc import is_grpc
from edgegw.http.message import Header, Request
from edgegw.values import value

BypassReason: TypeAlias = Literal[
    "caching-disabled", "method-not-cached", "upgrade", "grpc", "asked-to"
]


@value
class Bypass:
    """The cache has no part in this request."""

    reason: BypassReason


@value
class Hit:
    """The answer is there. `is_stale`: it stands in for one that the origin could not give."""

    entry: StoredResponse
    answer: StoredAnswer
    is_stale: bool = False


@value
class Miss:
    """The origin is asked as if nothing were stored; `stale` may stand in if it fails.

    Without `collapses` nobody waits for this request.
    """

    stale: StoredResponse | None = None
    collapses: bool = True


@value
class Revalidate:
    """The origin is asked whether `stale` still holds, by `conditions` instead of the viewer's."""

    stale: StoredResponse
    conditions: tuple[Header, ...]
    collapses: bool = True


@value
class StaleWhileRevalidating:
    """The viewer gets what is stale at once; `refetch` goes on behind its back."""

    entry: StoredResponse
    answer: StoredAnswer
    refetch: Miss | Revalidate


@value
class Collapse:
    """Another request fetches this at the moment: wait for what it brings."""

    stale: StoredResponse | None = None


CacheDecision: TypeAlias = Hit | StaleWhileRevalidating | Revalidate | Miss | Collapse


def bypass(request: Request, settings: CacheSettings, *, is_wanted: bool = False) -> Bypass | None:
    """Whether the cache has no part in `request`; then no key needs to be made.

    `is_wanted`: whoever sent the request asked for it. A viewer's Cache-Control and Pragma do not.
    Source: CloudFront Developer Guide, "Cache behavior settings", cached HTTP methods.
    """
    if settings.is_off:
        return _DISABLED
    if request.method not in settings.methods:
        return _GRPC if is_grpc(request.headers) else _NOT_CACHED
    if request.upgrade:
        return Bypass("upgrade")
    return Bypass("asked-to") if is_wanted else None


_DISABLED: Final = Bypass("caching-disabled")
_NOT_CACHED: Final = Bypass("method-not-cached")
_GRPC: Final = Bypass("grpc")


def decide(
    request: Request,
    stored: StoredResponse | None,
    settings: CacheSettings,
    now: float,
    *,
    is_awaited: bool = False,
) -> CacheDecision:
    """What becomes of `request`; `stored` is what stands under the first of its keys that has any.

    `is_awaited`: another request with the same key is on its way to the origin.
    Source: CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)".
    """
    if stored is None or not _serves(stored, request):
        return _first(settings, is_awaited=is_awaited)
    if stored.is_fresh(now):
        return Hit(stored, answer_from(stored, request, now))
    if now < stored.retry_at and stands_in(stored, now):
        return Hit(stored, answer_from(stored, request, now), is_stale=True)
    if now < stored.expires_at + stored.freshness.stale_while_revalidate and not stored.is_error:
        answer = answer_from(stored, request, now)
        if is_awaited:
            return Hit(stored, answer, is_stale=True)
        return StaleWhileRevalidating(stored, answer, refetch_of(stored, settings))
    if is_awaited and settings.collapses:
        return Collapse(stored)
    return refetch_of(stored, settings)


def _serves(stored: StoredResponse, request: Request) -> bool:
    """Not the head of an answer a GET, nor a part of one who wants it of another version."""
    if stored.is_head:
        return request.method == "HEAD"
    if stored.part is None:
        return True
    condition = request.headers.get(b"if-range")
    return holds_if_range(condition, stored.etag, stored.last_modified)


def _first(settings: CacheSettings, *, is_awaited: bool) -> Miss | Collapse:
    if is_awaited and settings.collapses:
        return Collapse()
    return Miss(None, settings.collapses)


def refetch_of(stale: StoredResponse, settings: CacheSettings) -> Miss | Revalidate:
    """How the origin is asked about what went stale: by its name, where it has one and may.

    Not where cookies are forwarded, nor about an error, nor about `Vary: *`.
    Source: CloudFront Developer Guide, "Cache content based on cookies".
    """
    if stale.is_error:
        return Miss(None, settings.collapses)
    conditions = validators(stale)
    if settings.forwards_cookies or not stale.freshness.has_conditions or not conditions:
        return Miss(stale, settings.collapses)
    return Revalidate(stale, conditions, settings.collapses)


def refetching(request: Request, stale: StoredResponse) -> Request:
    """The request of a refetch behind a viewer's back: for all that is stored, as nobody else asks.

    The viewer may have asked for a part, for the head, or under conditions; what that would bring
    could not take the place of the whole.
    """
    is_whole = stale.part is None and not stale.is_head
    headers = request.headers.without(*(_OF_ONE_VIEWER if is_whole else _CONDITIONS))
    is_head = request.method == "HEAD"
    return replace(
        request, method="GET" if is_whole and is_head else request.method, headers=headers
    )


_CONDITIONS: Final = (*CONDITIONS, b"if-range")
_OF_ONE_VIEWER: Final = (*_CONDITIONS, b"range")


def after_waiting(
    request: Request,
    waited: Collapse,
    entry: StoredResponse | None,
    settings: CacheSettings,
    now: float,
    *,
    length: int | None = None,
) -> Hit | Miss | Revalidate:
    """What becomes of a request that waited; `entry` is what the first one brought, if it is kept.

    What the origin lets nobody reuse is not shared either: who waited asks for itself. That a
    default TTL of 0 counts as well is inferred.
    Source: CloudFront Developer Guide, "Request and response behavior for custom origins",
    simultaneous requests for the same object (request collapsing).
    """
    stands_in = entry is not None and now < entry.retry_at
    if entry is not None and _serves(entry, request) and (entry.freshness.ttl > 0 or stands_in):
        return Hit(entry, answer_from(entry, request, now, length=length), is_stale=stands_in)
    stale = entry or waited.stale
    if stale is None or not _serves(stale, request):
        return Miss(collapses=False)
    return replace(refetch_of(stale, settings), collapses=False)


def stands_in(stale: StoredResponse, now: float) -> bool:
    """Whether what is stale may be given for an origin that fails.

    Source: CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)",
    serve stale (expired) cached content.
    """
    return not stale.is_error and now < stale.expires_at + stale.freshness.stale_if_error
