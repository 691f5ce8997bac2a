"""What a configuration says about caching → cache policies, settings and keys."""

from __future__ import annotations

import hashlib
from typing import cast

from edgegw.cloudfront import model as cloudfront
from edgegw.cloudfront.behaviors import GET_HEAD
from edgegw.cloudfront.cache.key import KeyRecipe, compile_key
from edgegw.cloudfront.cache.legacy import ForwardedValues, legacy_key
from edgegw.cloudfront.cache.settings import CacheSettings, completed_ttls, settings_of
from edgegw.cloudfront.forwarding import Forwarding
from edgegw.cloudfront.legacy_forwarding import legacy_forwarding
from edgegw.cloudfront.managed import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES, find_policy
from edgegw.cloudfront.policies import compile_forwarding
from edgegw.config import schema
from edgegw.config.distributions import keys, legacy_keys, policy_keys


def cache_policy(config: schema.Config, name: str) -> cloudfront.CachePolicy:
    """The cache policy `name`: an own one, or a managed one, which is there."""
    own = config.cache_policies.get(name)
    if own is None:
        return cast("cloudfront.CachePolicy", find_policy(CACHE_POLICIES, name))
    return own_policy(name, own)


def own_policy(name: str, own: policy_keys.CachePolicy) -> cloudfront.CachePolicy:
    """A cache policy of the configuration."""
    return cloudfront.CachePolicy(
        name,
        policy_id(name),
        *completed_ttls(own.min_ttl, own.default_ttl, own.max_ttl),
        selection(own.headers),
        selection(own.cookies),
        selection(own.query_strings),
        own.gzip,
        own.brotli,
    )


def policy_id(name: str) -> str:
    """An id for an own policy, in AWS's form."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def selection(
    given: policy_keys.Selection | policy_keys.KeyHeaders | policy_keys.OriginHeaders,
) -> cloudfront.Selection:
    """What a policy names of one kind."""
    return cloudfront.Selection(given.behavior, tuple(given.items))


def forwarding_of(config: schema.Config, behavior: keys.DefaultBehavior) -> Forwarding:
    """What of a request reaches the origin of `behavior`."""
    methods = _cached_methods(behavior)
    if behavior.forwarded_values is not None:
        forwarded = forwarded_values(behavior.forwarded_values)
        return legacy_forwarding(forwarded, legacy_ttls(behavior), methods)
    more = behavior.origin_request_policy
    return compile_forwarding(
        cache_policy(config, behavior.cache_policy),
        None if more is None else _origin_request_policy(config, more),
        methods,
    )


def _origin_request_policy(config: schema.Config, name: str) -> cloudfront.OriginRequestPolicy:
    own = config.origin_request_policies.get(name)
    if own is None:
        return cast("cloudfront.OriginRequestPolicy", find_policy(ORIGIN_REQUEST_POLICIES, name))
    return cloudfront.OriginRequestPolicy(
        name,
        policy_id(name),
        selection(own.headers),
        selection(own.cookies),
        selection(own.query_strings),
    )


def key_of(distribution_id: str, path_pattern: str, forwarding: Forwarding) -> KeyRecipe:
    """What tells the answers of a behavior apart."""
    if forwarding.forwarded_values is not None:
        return legacy_key(distribution_id, path_pattern, forwarding.forwarded_values)
    return compile_key(distribution_id, path_pattern, forwarding.cache_policy)


def forwarded_values(given: legacy_keys.ForwardedValues) -> ForwardedValues:
    """Legacy cache settings of the configuration."""
    cookies = given.cookies
    return ForwardedValues(
        given.query_string,
        tuple(given.query_string_cache_keys),
        cookies.forward,
        tuple(cookies.whitelisted_names) if cookies.forward == "whitelist" else (),
        tuple(given.headers),
    )


def legacy_ttls(behavior: keys.DefaultBehavior) -> tuple[int, int, int]:
    """Minimum, default and maximum TTL beside `forwarded_values`."""
    return completed_ttls(behavior.min_ttl or 0, behavior.default_ttl, behavior.max_ttl)


def cache_settings(
    distribution: keys.Distribution, behavior: keys.DefaultBehavior, forwarding: Forwarding
) -> CacheSettings | None:
    """How a behavior keeps answers; None where it never keeps any."""
    legacy = forwarding.forwarded_values
    settings = settings_of(
        forwarding.cache_policy,
        forwards_cookies=forwarding.keeps_cookie is not None,
        methods=_cached_methods(behavior),
        error_ttls={
            each.error_code: each.error_caching_min_ttl
            for each in distribution.custom_error_responses
            if each.error_caching_min_ttl is not None
        },
        tag_header=cache_tag_header(distribution),
        keeps_nothing=legacy is not None and legacy.keeps_nothing,
    )
    return None if settings.is_off else settings


def cache_tag_header(distribution: keys.Distribution) -> bytes:
    """The header that carries cache tags, in lower case; empty where none does."""
    config = distribution.cache_tag_config
    return b"" if config is None else config.header_name.lower().encode()


def _cached_methods(behavior: keys.DefaultBehavior) -> frozenset[str]:
    return GET_HEAD | ({"OPTIONS"} & set(behavior.cached_methods))
