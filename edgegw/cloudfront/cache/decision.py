"""What becomes of one request at the cache, and of what its origin says.

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

    `after` the origin's answer to a Revalidate or Miss:

    304 to our condition ─────────────────▶ Renewed       the stored body, RefreshHit
    5xx or no answer, a stale one usable ─▶ StaleServed   the stored body, Hit; no retry for a while
    an answer that may be kept ───────────▶ Stored        passed on and stored: Miss, or Error
    anything else ────────────────────────▶ PassedOn      passed on: Miss, or Error

An answer that is passed on without being kept makes what was stored under its key untrue, so that
goes (`forgets`); an error leaves it alone, for what is stale may yet stand in.

Requests collapse into one while it is on its way. Who waits gets the answer as Hit if it was kept
and says anything about the next second; else each of them asks the origin itself, at once.

Nothing here reads a clock: `now` is seconds since 1970, `fetched_at` when the origin answered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.cache.conditions import renewed, validators
from edgegw.cloudfront.cache.entry import StoredPlace, StoredResponse
from edgegw.cloudfront.cache.freshness import freshness
from edgegw.cloudfront.cache.ranges import holds_if_range
from edgegw.cloudfront.cache.serving import StoredAnswer, answer_from
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.cache.storable import NotStored, storing
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.http.grpc import is_grpc
from edgegw.http.message import Header, Request, Response
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
    if now < stored.retry_at and _stands_in(stored, now):
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


@value
class Renewed:
    """The origin says that what is stored still holds. `keeps` is False if it is not to be kept."""

    entry: StoredResponse
    answer: StoredAnswer
    keeps: bool = True


@value
class Stored:
    """The origin's answer goes to the viewer and, with its body, under `entry` into the store.

    `forgets` are keys whose answer it makes untrue.
    """

    entry: StoredResponse
    verdict: Verdict
    forgets: tuple[bytes, ...] = ()


@value
class PassedOn:
    """The origin's answer goes to the viewer and is not stored."""

    why: NotStored
    verdict: Verdict
    forgets: tuple[bytes, ...] = ()


@value
class StaleServed:
    """The origin failed and what is stored stands in. `entry` says when to try again."""

    entry: StoredResponse
    answer: StoredAnswer


CacheOutcome: TypeAlias = Renewed | Stored | PassedOn | StaleServed


def after(
    asked: Miss | Revalidate,
    request: Request,
    key: bytes,
    place: StoredPlace,
    reply: Response | OriginFailure,
    settings: CacheSettings,
    now: float,
    *,
    is_s3: bool = False,
) -> CacheOutcome:
    """What the origin's `reply` means for viewer and store.

    An OriginFailure that nothing stands in for is PassedOn: what the viewer gets, a page of
    CloudFront's or of the distribution, may be stored as an error then (`storing`).
    Source: CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)".
    """
    stale = asked.stale
    if isinstance(reply, OriginFailure) or reply.status >= 500:
        if stale is not None and _stands_in(stale, now):
            return _stand_in(stale, request, reply, settings, now)
        if isinstance(reply, OriginFailure):
            return PassedOn(NotStored("origin-failed"), Verdict.ERROR)
    if isinstance(asked, Revalidate) and reply.status == 304:
        return _renewed(asked.stale, request, reply, settings, now)
    entry = storing(request, key, place, reply, settings, now, is_s3=is_s3)
    verdict = Verdict.ERROR if reply.status >= 400 else Verdict.MISS
    if isinstance(entry, NotStored):
        return PassedOn(entry, verdict, _forgotten(stale, reply, entry))
    other = (stale.key,) if stale is not None and stale.key != entry.key else ()
    return Stored(entry, verdict, other if reply.status < 400 else ())


def _stands_in(stale: StoredResponse, now: float) -> bool:
    """Whether what is stale may be given for an origin that fails.

    Source: CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)",
    serve stale (expired) cached content.
    """
    return not stale.is_error and now < stale.expires_at + stale.freshness.stale_if_error


def _stand_in(
    stale: StoredResponse,
    request: Request,
    reply: Response | OriginFailure,
    settings: CacheSettings,
    now: float,
) -> StaleServed:
    """The stale answer, and when the origin is tried again: once the error would be forgotten.

    That X-Cache says Hit is uncertain.
    """
    entry = replace(stale, retry_at=now + settings.error_ttl(reply.status))
    return StaleServed(entry, answer_from(entry, request, now))


def _renewed(
    stale: StoredResponse, request: Request, reply: Response, settings: CacheSettings, now: float
) -> Renewed:
    """The stored answer with the headers of the 304, fresh again by what they say now."""
    headers = renewed(stale.headers, reply.headers)
    terms = freshness(stale.status, headers, settings, now)
    entry = replace(stale, headers=headers, freshness=terms, stored_at=now, retry_at=0.0)
    answer = answer_from(entry, request, now, Verdict.REFRESH_HIT)
    return Renewed(entry, answer, terms.is_kept)


def _forgotten(stale: StoredResponse | None, reply: Response, why: NotStored) -> tuple[bytes, ...]:
    if stale is None or reply.status >= 400 or why.why == "not-modified":
        return ()
    return (stale.key,)
