"""What becomes of an origin's answer at the cache.

    304 to our condition ─────────────────▶ Renewed       the stored body, RefreshHit
    5xx or no answer, a stale one usable ─▶ StaleServed   the stored body, Hit; no retry for a while
    an answer that may be kept ───────────▶ Stored        passed on and stored: Miss, or Error
    anything else ────────────────────────▶ PassedThrough      passed on: Miss, or Error

An answer that is passed on without being kept makes what was stored under its key untrue, so that
goes (`forgets`); an error leaves it alone, for what is stale may yet stand in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from edgegw.cloudfront.cache.conditions import renewed
from edgegw.cloudfront.cache.decision import Miss, Revalidate, stands_in
from edgegw.cloudfront.cache.entry import StoredPlace, StoredResponse
from edgegw.cloudfront.cache.freshness import freshness
from edgegw.cloudfront.cache.serving import StoredAnswer, answer_from
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.cache.storable import NotStored, storing
from edgegw.cloudfront.cache.verdict import Verdict
from edgegw.cloudfront.compression import renewing_headers
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.http.message import Request, Response
from edgegw.values import value


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
class PassedThrough:
    """The origin's answer goes to the viewer and is not stored."""

    why: NotStored
    verdict: Verdict
    forgets: tuple[bytes, ...] = ()


@value
class StaleServed:
    """The origin failed and what is stored stands in. `entry` says when to try again."""

    entry: StoredResponse
    answer: StoredAnswer


CacheOutcome: TypeAlias = Renewed | Stored | PassedThrough | StaleServed


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

    An OriginFailure that nothing stands in for is PassedThrough: what the viewer gets, a page of
    CloudFront's or of the distribution, may be stored as an error then (`storing`).
    Source: CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)".
    """
    stale = asked.stale
    if isinstance(reply, OriginFailure) or reply.status >= 500:
        if stale is not None and stands_in(stale, now):
            return _stand_in(stale, request, reply, settings, now)
        if isinstance(reply, OriginFailure):
            return PassedThrough(NotStored("origin-failed"), Verdict.ERROR)
    if isinstance(asked, Revalidate) and reply.status == 304:
        return _renewed(asked.stale, request, reply, settings, now)
    entry = storing(request, key, place, reply, settings, now, is_s3=is_s3)
    verdict = Verdict.ERROR if reply.status >= 400 else Verdict.MISS
    if isinstance(entry, NotStored):
        return PassedThrough(entry, verdict, _forgotten(stale, reply, entry))
    other = (stale.key,) if stale is not None and stale.key != entry.key else ()
    return Stored(entry, verdict, other if reply.status < 400 else ())


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
    fresh = reply.headers
    if stale.coding is not None:
        fresh = renewing_headers(fresh, stale.coding)
    headers = renewed(stale.headers, fresh)
    if headers == stale.headers:  # then what follows from them is known
        headers = stale.headers
    terms = freshness(stale.status, headers, settings, now)
    entry = replace(stale, headers=headers, freshness=terms, stored_at=now, retry_at=0.0)
    answer = answer_from(entry, request, now, Verdict.REFRESH_HIT)
    return Renewed(entry, answer, terms.is_kept)


def _forgotten(stale: StoredResponse | None, reply: Response, why: NotStored) -> tuple[bytes, ...]:
    if stale is None or reply.status >= 400 or why.why == "not-modified":
        return ()
    return (stale.key,)
