"""What a configuration says about caching → cache policies, settings and keys."""

from __future__ import annotations

import hashlib
from typing import cast

from edgegw.cloudfront import model as cloudfront
from edgegw.cloudfront.behaviors import GET_HEAD
from edgegw.cloudfront.cache.settings import CacheSettings, completed_ttls, settings_of
from edgegw.cloudfront.managed import CACHE_POLICIES, find_policy
from edgegw.cloudfront.policies import Forwarding
from edgegw.config import schema


def cache_policy(config: schema.Config, name: str) -> cloudfront.CachePolicy:
    """The cache policy `name`: an own one, or a managed one, which is there."""
    own = config.cache_policies.get(name)
    if own is None:
        return cast("cloudfront.CachePolicy", find_policy(CACHE_POLICIES, name))
    return own_policy(name, own)


def own_policy(name: str, own: schema.CachePolicy) -> cloudfront.CachePolicy:
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
    given: schema.Selection | schema.KeyHeaders | schema.OriginHeaders,
) -> cloudfront.Selection:
    """What a policy names of one kind."""
    return cloudfront.Selection(given.behavior, tuple(given.items))


def cache_settings(
    distribution: schema.Distribution, behavior: schema.DefaultBehavior, forwarding: Forwarding
) -> CacheSettings | None:
    """How a behavior keeps answers; None where it never keeps any."""
    settings = settings_of(
        forwarding.cache_policy,
        forwards_cookies=forwarding.keeps_cookie is not None,
        methods=GET_HEAD | ({"OPTIONS"} & set(behavior.cached_methods)),
        error_ttls={
            each.error_code: each.error_caching_min_ttl
            for each in distribution.custom_error_responses
            if each.error_caching_min_ttl is not None
        },
        tag_header=cache_tag_header(distribution),
    )
    return None if settings.is_off else settings


def cache_tag_header(distribution: schema.Distribution) -> bytes:
    """The header that carries cache tags, in lower case; empty where none does."""
    config = distribution.cache_tag_config
    return b"" if config is None else config.header_name.lower().encode()
