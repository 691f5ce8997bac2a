"""What a behavior says about caching, compiled once: TTLs, methods, cookies, errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final

from edgegw.cloudfront.behaviors import GET_HEAD
from edgegw.cloudfront.model import CachePolicy
from edgegw.values import value

DEFAULT_ERROR_TTL: Final = 10
"""Seconds for which errors are cached where no custom error response says otherwise.

Source: CloudFront Developer Guide, "Configure error response behavior", how long errors are cached.
"""
DEFAULT_TTL: Final = 86400
"""Seconds of a cache policy's default TTL where it has none.

Source: CloudFront API Reference, CachePolicyConfig.
"""
DEFAULT_MAX_TTL: Final = 31536000
"""Seconds of a cache policy's maximum TTL where it has none.

Source: CloudFront API Reference, CachePolicyConfig.
"""


@value
class CacheSettings:
    """How answers of one behavior are kept. TTLs in seconds.

    `error_ttls` are the ErrorCachingMinTTL of the distribution's custom error responses by status.
    `methods` are the cached ones, `forwards_cookies` whether cookies reach the origin at all.
    `tag_header` is the lower-case name of the header that carries cache tags, else empty.
    `keeps_nothing` is legacy `Headers: *`.
    """

    min_ttl: int = 0
    default_ttl: int = DEFAULT_TTL
    max_ttl: int = DEFAULT_MAX_TTL
    methods: frozenset[str] = GET_HEAD
    forwards_cookies: bool = False
    error_ttls: Mapping[int, int] = field(default_factory=dict[int, int])
    tag_header: bytes = b""
    keeps_nothing: bool = False

    @property
    def is_off(self) -> bool:
        """Nothing is ever kept, errors included.

        Source: CloudFront Developer Guide, "Use managed cache policies", CachingDisabled.
        """
        return self.keeps_nothing or (self.max_ttl == 0 and self.default_ttl == self.min_ttl == 0)

    @property
    def collapses(self) -> bool:
        """Whether requests with one key wait for the first of them.

        Source: CloudFront Developer Guide, "Request and response behavior for custom origins",
        simultaneous requests for the same object (request collapsing).
        """
        return not (self.forwards_cookies or self.is_off)

    def error_ttl(self, status: int) -> int:
        """The least time that an error of `status` is kept, if it is kept."""
        return self.error_ttls.get(status, DEFAULT_ERROR_TTL)


def settings_of(
    policy: CachePolicy,
    *,
    forwards_cookies: bool,
    methods: frozenset[str] = GET_HEAD,
    error_ttls: Mapping[int, int] | None = None,
    tag_header: bytes = b"",
    keeps_nothing: bool = False,
) -> CacheSettings:
    """The settings of a behavior with `policy`."""
    return CacheSettings(
        min_ttl=policy.min_ttl,
        default_ttl=policy.default_ttl,
        max_ttl=policy.max_ttl,
        methods=methods,
        forwards_cookies=forwards_cookies,
        error_ttls=error_ttls or {},
        tag_header=tag_header,
        keeps_nothing=keeps_nothing,
    )


def completed_ttls(
    min_ttl: int, default_ttl: int | None, max_ttl: int | None
) -> tuple[int, int, int]:
    """Minimum, default and maximum TTL where a policy, or legacy settings, leave out the last two.

    Source: CloudFront API Reference, CachePolicyConfig; CloudFront Developer Guide, "Cache behavior
    settings", default TTL and maximum TTL.
    """
    default = max(DEFAULT_TTL, min_ttl) if default_ttl is None else default_ttl
    return min_ttl, default, max(DEFAULT_MAX_TTL, default) if max_ttl is None else max_ttl
