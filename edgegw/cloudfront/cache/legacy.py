"""Legacy cache settings: ForwardedValues in the place of a cache policy.

What is forwarded is the key, with one exception: with `QueryStringCacheKeys` the whole query string
is forwarded, and only those named are in the key. Headers that nothing names may reach the origin
and are no part of the key. `Headers: *` forwards everything and keeps nothing. Accept-Encoding is
normalised to gzip; there is no Brotli. What reaches the origin is `legacy_forwarding.py`.
Source: CloudFront Developer Guide, "Cache behavior settings", legacy cache settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal

from edgegw.cloudfront.cache.key import KeyRecipe, recipe_of
from edgegw.cloudfront.cache.policy_rules import NEVER_IN_KEY, RefusedPolicy
from edgegw.cloudfront.cache.settings import DEFAULT_MAX_TTL, DEFAULT_TTL
from edgegw.http.grammar import TEXT_TOKEN
from edgegw.http.wildcard import compile_wildcard
from edgegw.values import value

MAX_LEGACY_NAMES: Final = 10
"""Headers, cookies or query string keys that legacy cache settings name.

Source: CloudFront Developer Guide, "Quotas", quotas on headers, cookies and query strings (legacy
cache settings).
"""
MAX_LEGACY_QUERY_KEY: Final = 128
"""Characters of a query string key in legacy cache settings.

Source: CloudFront Developer Guide, "Quotas", quotas on query strings (legacy cache settings).
"""
MAX_LEGACY_CHARACTERS: Final = 512
"""Characters of all query string keys, or bytes of all cookie names and one for each.

Source: CloudFront Developer Guide, "Quotas", quotas on cookies and query strings (legacy cache
settings).
"""


@value
class ForwardedValues:
    """AWS's structure of that name. Cookie names may have `*` and `?` as wildcards."""

    query_string: bool = False
    query_string_cache_keys: tuple[str, ...] = ()
    cookies: Literal["none", "all", "whitelist"] = "none"
    cookie_names: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()

    @property
    def keeps_nothing(self) -> bool:
        """All headers are forwarded, so nothing is kept."""
        return "*" in self.headers

    def __str__(self) -> str:
        queries = ("all" if self.query_string else "none") + (
            f", {', '.join(self.query_string_cache_keys)} in the key"
            if self.query_string_cache_keys
            else ""
        )
        cookies = ", ".join(self.cookie_names) if self.cookies == "whitelist" else self.cookies
        headers = ", ".join(self.headers) or "none in the key"
        return f"query strings: {queries}; headers: {headers}; cookies: {cookies}"


def legacy_key(distribution_id: str, path_pattern: str, forwarded: ForwardedValues) -> KeyRecipe:
    """The recipe of a behavior with legacy cache settings."""
    names = sorted({name.lower() for name in forwarded.headers} - {"*"})
    own = tuple(name for name in names if name.startswith("cloudfront-"))
    keys = forwarded.query_string_cache_keys
    every_query = forwarded.query_string and not keys
    return recipe_of(
        (legacy_key, (distribution_id, path_pattern, forwarded)),
        distribution_id,
        path_pattern,
        headers=tuple(name.encode() for name in names if name not in own),
        added_headers=own,
        keeps_cookie=cookie_test(forwarded),
        keeps_query=_query_test(forwarded),
        keeps_all_queries=every_query,
        gzip=True,
    )


def _query_test(forwarded: ForwardedValues) -> Callable[[str], bool] | None:
    if not forwarded.query_string:
        return None
    keys = forwarded.query_string_cache_keys
    return frozenset(keys).__contains__ if keys else lambda _name: True


def cookie_test(forwarded: ForwardedValues) -> Callable[[str], bool] | None:
    """Whether a cookie of that name is forwarded, and so in the key; None where none ever is."""
    if forwarded.cookies == "none":
        return None
    if forwarded.cookies == "all":
        return lambda _name: True
    patterns = [compile_wildcard(name) for name in forwarded.cookie_names]
    return lambda name: any(pattern.fullmatch(name.encode("latin-1")) for pattern in patterns)


def refused_forwarded_values(
    forwarded: ForwardedValues,
    ttls: tuple[int, int, int] = (0, DEFAULT_TTL, DEFAULT_MAX_TTL),
    *,
    is_s3: bool = False,
) -> list[RefusedPolicy]:
    """Everything that AWS refuses of legacy cache settings.

    `ttls` are minimum, default and maximum beside them; `is_s3`: the origin is a bucket.
    """
    return [
        *_too_many(forwarded),
        *_too_long(forwarded),
        *_incomplete(forwarded),
        *_headers(forwarded, is_s3=is_s3),
        *_times(forwarded, *ttls),
    ]


def _incomplete(forwarded: ForwardedValues) -> Iterator[RefusedPolicy]:
    if forwarded.query_string_cache_keys and not forwarded.query_string:
        text = "QueryStringCacheKeys needs QueryString"
        yield RefusedPolicy("InvalidArgument", "QueryStringCacheKeys", text)
    if forwarded.cookies == "whitelist" and not forwarded.cookie_names:
        yield RefusedPolicy("InvalidArgument", "Cookies", "whitelist needs a name")


def _headers(forwarded: ForwardedValues, *, is_s3: bool) -> Iterator[RefusedPolicy]:
    if forwarded.keeps_nothing and len(forwarded.headers) > 1:
        text = "* forwards all headers and stands alone"
        yield RefusedPolicy("InvalidArgument", "Headers", text, "*")
    for name in forwarded.headers:
        lower = name.lower()
        if lower in NEVER_IN_KEY or lower.startswith("x-edge-"):
            text = f"{name} cannot be in a cache key"
            yield RefusedPolicy("InvalidArgument", "Headers", text, name)
        elif lower in ("host", "authorization") and is_s3:
            text = f"{name} cannot be forwarded to a bucket"
            yield RefusedPolicy("InvalidHeadersForS3Origin", "Headers", text, name)
        elif not TEXT_TOKEN.fullmatch(name):
            yield RefusedPolicy("InvalidArgument", "Headers", f"{name!r} is no header name", name)


def _times(
    forwarded: ForwardedValues, least: int, usual: int, most: int
) -> Iterator[RefusedPolicy]:
    """TTLs that do not ascend, and a minimum beside `Headers: *`.

    Source: CloudFront API Reference, DefaultCacheBehavior, MinTTL.
    """
    if not least <= usual <= most:
        text = f"MinTTL, DefaultTTL and MaxTTL ascend, not {least}, {usual}, {most}"
        yield RefusedPolicy("InvalidTTLOrder", "MinTTL", text)
    if forwarded.keeps_nothing and least:
        text = "MinTTL is 0 where all headers are forwarded: nothing is cached"
        yield RefusedPolicy("InvalidArgument", "MinTTL", text)


def _too_many(forwarded: ForwardedValues) -> Iterator[RefusedPolicy]:
    kinds = (
        ("Headers", "TooManyHeadersInForwardedValues", forwarded.headers),
        ("Cookies", "TooManyCookieNamesInWhiteList", forwarded.cookie_names),
        (
            "QueryStringCacheKeys",
            "TooManyQueryStringParameters",
            forwarded.query_string_cache_keys,
        ),
    )
    for field, code, names in kinds:
        if len(names) > MAX_LEGACY_NAMES:
            text = f"at most {MAX_LEGACY_NAMES} can be named, not {len(names)}"
            yield RefusedPolicy(code, field, text)


def _too_long(forwarded: ForwardedValues) -> Iterator[RefusedPolicy]:
    keys, cookies = forwarded.query_string_cache_keys, forwarded.cookie_names
    if any(len(key) > MAX_LEGACY_QUERY_KEY for key in keys):
        text = f"a query string key has at most {MAX_LEGACY_QUERY_KEY} characters"
        yield RefusedPolicy("InvalidArgument", "QueryStringCacheKeys", text)
    if sum(map(len, keys)) > MAX_LEGACY_CHARACTERS:
        text = f"query string keys have at most {MAX_LEGACY_CHARACTERS} characters in all"
        yield RefusedPolicy("InvalidArgument", "QueryStringCacheKeys", text)
    most = MAX_LEGACY_CHARACTERS - len(cookies)
    if sum(len(name.encode()) for name in cookies) > most:
        text = f"{len(cookies)} cookie names have at most {most} bytes in all"
        yield RefusedPolicy("InvalidArgument", "Cookies", text)
