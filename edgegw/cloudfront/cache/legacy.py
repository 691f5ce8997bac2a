"""Legacy cache settings: ForwardedValues in the place of a cache policy.

What is forwarded is the key, with one exception: with `QueryStringCacheKeys` the whole query string
is forwarded, and only those named are in the key. `Headers: *` forwards everything and keeps
nothing. Accept-Encoding is normalised to gzip; there is no Brotli.
Source: CloudFront Developer Guide, "Cache behavior settings", legacy cache settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal

from edgegw.cloudfront.cache.key import KeyRecipe, recipe_of
from edgegw.cloudfront.cache.policy_rules import RefusedPolicy
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
        keeps_cookie=_cookie_test(forwarded),
        keeps_query=_query_test(forwarded),
        keeps_all_queries=every_query,
        gzip=True,
    )


def _query_test(forwarded: ForwardedValues) -> Callable[[str], bool] | None:
    if not forwarded.query_string:
        return None
    keys = forwarded.query_string_cache_keys
    return frozenset(keys).__contains__ if keys else lambda _name: True


def _cookie_test(forwarded: ForwardedValues) -> Callable[[str], bool] | None:
    if forwarded.cookies == "none":
        return None
    if forwarded.cookies == "all":
        return lambda _name: True
    patterns = [compile_wildcard(name) for name in forwarded.cookie_names]
    return lambda name: any(pattern.fullmatch(name.encode("latin-1")) for pattern in patterns)


def refused_forwarded_values(forwarded: ForwardedValues) -> list[RefusedPolicy]:
    """Everything that AWS refuses of legacy cache settings."""
    return [*_too_many(forwarded), *_too_long(forwarded)]


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
    if keys and not forwarded.query_string:
        text = "QueryStringCacheKeys needs QueryString"
        yield RefusedPolicy("InvalidArgument", "QueryStringCacheKeys", text)
