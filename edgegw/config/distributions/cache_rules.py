"""What AWS refuses about caching: cache policies, and methods that cannot be cached."""

from __future__ import annotations

from edgegw.cloudfront.behaviors import GET_HEAD, GET_HEAD_OPTIONS
from edgegw.cloudfront.cache.policy_rules import refused_policy
from edgegw.config import schema
from edgegw.config.distributions import keys
from edgegw.config.distributions.cache_make import own_policy
from edgegw.config.document import Document, KeyPath
from edgegw.http.grammar import TEXT_TOKEN


def check_cache_policies(document: Document, config: schema.Config) -> None:
    """Adds what AWS refuses of the own cache policies."""
    for name, own in config.cache_policies.items():
        for refused in refused_policy(own_policy(name, own)):
            text = f"AWS refuses this policy: {refused.code}, {refused.field}: {refused.message}"
            if refused.field == "MinTTL" and own.default_ttl is None:
                text += "; DefaultTTL is what stands for a default_ttl that is left out: write one"
            document.error(("cache_policies", name), "cloudfront.cache-policy", text, key=True)


def check_cached_methods(document: Document, path: KeyPath, behavior: keys.DefaultBehavior) -> None:
    """GET and HEAD are cached always; OPTIONS may be, where it is allowed."""
    methods = frozenset(behavior.cached_methods)
    where = (*path, "cached_methods")
    if methods and methods not in (GET_HEAD, GET_HEAD_OPTIONS):
        text = "cached_methods is [GET, HEAD] or [GET, HEAD, OPTIONS]"
        document.error(where, "cloudfront.cached-methods", text)
    elif not methods <= set(behavior.allowed_methods):
        text = "OPTIONS can be cached only where allowed_methods has it"
        document.error(where, "cloudfront.cached-methods", text)


def check_cache_tags(document: Document, path: KeyPath, config: keys.CacheTagConfig | None) -> None:
    """The header that carries cache tags has a name that headers can have."""
    if config is not None and not TEXT_TOKEN.fullmatch(config.header_name):
        where = (*path, "cache_tag_config", "header_name")
        text = f"{config.header_name!r} is no header name"
        document.error(where, "cloudfront.cache-tag-config", text)
