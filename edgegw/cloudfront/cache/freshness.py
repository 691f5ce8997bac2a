"""For how long an answer is fresh, and which of the rules said so.

An origin says `v`: s-maxage, else max-age, else Expires less now. A behavior has three TTLs.

    the origin says           min TTL 0                        min TTL above 0
    v                         v, at most max                   v, between min and max
    nothing usable            default                          default, at least min
    no-cache, no-store,       not kept                         kept for min
      private
    Vary: *                   kept, but fetched again          like any Vary
                              each time, without conditions
    307, 308                  as above, and only with a Cache-Control header

So `no-store` loses against a minimum TTL, which is the trap of CachingOptimized (minimum 1); the
default TTL counts only where the origin is silent, the maximum only where it is not. A v of 0 is
kept too: it asks the origin each time, and is told 304.

Errors have a table of their own (`_of_error`). Caching that is off (three TTLs of 0) keeps nothing.

Past its TTL an answer is stale, which is not useless. How long it may stand in is counted from the
moment it went stale: for as long as stale-while-revalidate says while a new one is fetched; for as
long as stale-if-error says while the origin fails, where without that directive the maximum TTL
counts. Neither lasts longer than the maximum TTL.
"""

from __future__ import annotations

from functools import partial
from typing import Final, Literal, TypeAlias

from edgegw.cloudfront.cache.cache_control import CacheControl, cache_control
from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.http.date import parse_http_date
from edgegw.http.message import Headers
from edgegw.values import value

TtlSource: TypeAlias = Literal[
    "s-maxage",
    "max-age",
    "expires",
    "default-ttl",
    "no-store",
    "no-cache",
    "private",
    "vary-star",
    "redirect-without-cache-control",
    "caching-disabled",
    "error-caching-min-ttl",
    "error-without-max-age",
    "error-never-cached",
]
"""What decided about a TTL."""

TtlBound: TypeAlias = Literal["", "min-ttl", "max-ttl", "error-caching-min-ttl"]
"""What moved it."""


@value
class Freshness:
    """For how long an answer is fresh, in seconds, and why.

    `source` decided, `bound` moved what it said. One that is not `is_kept` is not stored at all;
    one that is not `has_conditions` is fetched again in whole. The two others are how long it may
    stand in after that: while a new one is fetched, and for an origin that fails.
    """

    ttl: float
    source: TtlSource
    bound: TtlBound = ""
    is_kept: bool = True
    has_conditions: bool = True
    stale_while_revalidate: float = 0.0
    stale_if_error: float = 0.0

    @property
    def rule(self) -> str:
        """The rule that won, in words for people: `max-age, lowered to the maximum TTL`."""
        words = _SOURCES[self.source]
        return f"{words}, {_BOUNDS[self.bound]}" if self.bound else words


_SOURCES: Final[dict[TtlSource, str]] = {
    "s-maxage": "s-maxage of the origin",
    "max-age": "max-age of the origin",
    "expires": "Expires of the origin",
    "default-ttl": "default TTL, as the origin says nothing",
    "no-store": "no-store of the origin",
    "no-cache": "no-cache of the origin",
    "private": "private of the origin",
    "vary-star": "Vary: * of the origin",
    "redirect-without-cache-control": "a 307 or 308 without Cache-Control",
    "caching-disabled": "caching is disabled",
    "error-caching-min-ttl": "error caching minimum TTL",
    "error-without-max-age": "an error kept only with max-age or s-maxage",
    "error-never-cached": "an error that is never kept",
}
_BOUNDS: Final[dict[TtlBound, str]] = {
    "": "",
    "min-ttl": "raised to the minimum TTL",
    "max-ttl": "lowered to the maximum TTL",
    "error-caching-min-ttl": "raised to the error caching minimum TTL",
}

ALWAYS_KEPT_ERRORS: Final = frozenset({404, 410, 414, 500, 501, 502, 503, 504})
"""Errors that are always kept for a while; 410 is uncertain, AWS names it in one place only.

Source: CloudFront Developer Guide, "How CloudFront caches HTTP 4xx and 5xx status codes".
"""
ERRORS_KEPT_WITH_MAX_AGE: Final = frozenset({400, 403, 405, 412, 415})
"""Errors that are kept only if the origin says max-age or s-maxage.

Source: CloudFront Developer Guide, "How CloudFront caches HTTP 4xx and 5xx status codes".
"""
ERRORS_THAT_HEED_NO_STORE: Final = frozenset({404, 410, 414, 501})
"""Errors that no-store, no-cache or private keeps out of the cache; the others ignore it.

Source: CloudFront Developer Guide, "How CloudFront caches HTTP 4xx and 5xx status codes".
"""
S3_ERROR_TTL: Final = 1
"""Seconds for which errors of a bucket are kept at least, whatever the configuration says.

Source: CloudFront Developer Guide, "How CloudFront caches HTTP 4xx and 5xx status codes".
"""


def freshness(
    status: int, headers: Headers, settings: CacheSettings, now: float, *, is_s3: bool = False
) -> Freshness:
    """For how long an origin's answer is fresh. `is_s3`: the origin is a bucket, spoken to as one.

    Source: CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)".
    """
    if status == 200:
        lasting = lasting_freshness(headers, settings)
        if lasting is not None:
            return lasting
    return _freshness(status, headers, settings, now, is_s3=is_s3)


def lasting_freshness(headers: Headers, settings: CacheSettings) -> Freshness | None:
    """For how long a 200 with these headers is fresh; None where that depends on the moment."""
    return headers.derived(settings, partial(_whenever, settings))


def _whenever(settings: CacheSettings, headers: Headers) -> Freshness | None:
    """What a 200 with these headers has at any time; None where a moment decides."""
    if b"expires" in headers:
        return None
    return _freshness(200, headers, settings, 0.0, is_s3=False)


def _freshness(
    status: int, headers: Headers, settings: CacheSettings, now: float, *, is_s3: bool
) -> Freshness:
    if settings.is_off:
        return Freshness(0.0, "caching-disabled", is_kept=False)
    control = cache_control(headers)
    if status >= 400:
        return _of_error(status, headers, control, settings, now, is_s3=is_s3)
    if status in (307, 308) and not control.is_present:
        return Freshness(0.0, "redirect-without-cache-control", is_kept=False)
    forbidden = control.forbids()
    if forbidden is not None:
        return _forbidden(forbidden, control, settings)
    if settings.min_ttl == 0 and _varies_by_everything(headers):
        return Freshness(
            0.0, "vary-star", has_conditions=False, stale_if_error=_stand_in(control, settings)
        )
    ttl, source = _said(headers, control, now)
    if ttl is None:
        ttl, bound = _at_least(settings.default_ttl, settings)
        return _kept(ttl, "default-ttl", bound, control, settings)
    ttl, bound = _between(ttl, settings)
    return _kept(ttl, source, bound, control, settings)


def _said(headers: Headers, control: CacheControl, now: float) -> tuple[float | None, TtlSource]:
    """Seconds that the origin says, and where; None for nothing usable.

    An Expires that is no date is one of the past (RFC 9111 section 5.3; uncertain at CloudFront).
    """
    shared = control.seconds(b"s-maxage")
    if shared is not None:
        return shared, "s-maxage"
    age = control.seconds(b"max-age")
    if age is not None:
        return age, "max-age"
    expires = headers.get(b"expires")
    if expires is None:
        return None, "default-ttl"
    moment = parse_http_date(expires)
    return (0.0 if moment is None else max(0.0, moment - now)), "expires"


def _between(ttl: float, settings: CacheSettings) -> tuple[float, TtlBound]:
    if ttl > settings.max_ttl >= settings.min_ttl:
        return settings.max_ttl, "max-ttl"
    return _at_least(ttl, settings)


def _at_least(ttl: float, settings: CacheSettings) -> tuple[float, TtlBound]:
    return (settings.min_ttl, "min-ttl") if ttl < settings.min_ttl else (ttl, "")


def _forbidden(directive: bytes, control: CacheControl, settings: CacheSettings) -> Freshness:
    """no-store, no-cache and private: a minimum TTL wins over them, and over a max-age beside."""
    source = _FORBIDDING[directive]
    if settings.min_ttl == 0:
        return Freshness(0.0, source, is_kept=False)
    return _kept(settings.min_ttl, source, "min-ttl", control, settings)


def _kept(
    ttl: float,
    source: TtlSource,
    bound: TtlBound,
    control: CacheControl,
    settings: CacheSettings,
) -> Freshness:
    meanwhile = control.seconds(b"stale-while-revalidate") or 0
    return Freshness(
        ttl,
        source,
        bound,
        stale_while_revalidate=min(meanwhile, settings.max_ttl),
        stale_if_error=_stand_in(control, settings),
    )


def _stand_in(control: CacheControl, settings: CacheSettings) -> float:
    """Seconds after its TTL for which an answer stands in for an origin that fails.

    Source: CloudFront Developer Guide, "Manage how long content stays in the cache (expiration)",
    serve stale (expired) cached content.
    """
    directed = control.seconds(b"stale-if-error")
    return settings.max_ttl if directed is None else min(directed, settings.max_ttl)


def _varies_by_everything(headers: Headers) -> bool:
    return any(
        name.strip() == b"*" for line in headers.get_all(b"vary") for name in line.split(b",")
    )


def _of_error(
    status: int,
    headers: Headers,
    control: CacheControl,
    settings: CacheSettings,
    now: float,
    *,
    is_s3: bool,
) -> Freshness:
    """An error: kept by its status, for the error caching minimum TTL or longer.

    Source: CloudFront Developer Guide, "How CloudFront caches HTTP 4xx and 5xx status codes".
    """
    if status in ERRORS_KEPT_WITH_MAX_AGE:
        if control.seconds(b"s-maxage") is None and control.seconds(b"max-age") is None:
            return Freshness(0.0, "error-without-max-age", is_kept=False)
    elif status not in ALWAYS_KEPT_ERRORS:
        return Freshness(0.0, "error-never-cached", is_kept=False)
    forbidden = control.forbids()
    if forbidden is not None and status in ERRORS_THAT_HEED_NO_STORE:
        return Freshness(0.0, _FORBIDDING[forbidden], is_kept=False)
    least = max(settings.error_ttl(status), S3_ERROR_TTL if is_s3 else 0)
    ttl, source = _said(headers, control, now)
    if ttl is None:
        return Freshness(least, "error-caching-min-ttl", is_kept=least > 0)
    bound: TtlBound = "max-ttl" if ttl > settings.max_ttl else ""
    ttl = min(ttl, settings.max_ttl)
    if ttl < least:
        return Freshness(least, source, "error-caching-min-ttl")
    return Freshness(ttl, source, bound, is_kept=ttl > 0)


_FORBIDDING: Final[dict[bytes, TtlSource]] = {
    b"no-store": "no-store",
    b"no-cache": "no-cache",
    b"private": "private",
}
