"""What reads as if it did something, and does nothing, or what nobody means: warnings alone.

A policy's names that its behavior does not look at, countries that are none, a whitelist without a
country, an origin group whose second origin is the first, a Host that goes on to a bucket.
"""

from __future__ import annotations

from edgegw.cloudfront.managed import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES, find_policy
from edgegw.config import schema
from edgegw.config.distributions import keys, policy_keys
from edgegw.config.distributions.cache_make import forwarding_of
from edgegw.config.distributions.legacy_rules import is_bucket
from edgegw.config.document import Document, KeyPath


def check_without_effect(document: Document, config: schema.Config) -> None:
    """Warns of what has no effect, or one that nobody means."""
    _check_selections(document, config)
    for name, distribution in config.distributions.items():
        path: KeyPath = ("distributions", name)
        _check_countries(document, (*path, "geo_restriction"), distribution.geo_restriction)
        _check_groups(document, path, distribution)
        for where, behavior in keys.behaviors_of(distribution, path):
            if is_bucket(behavior.origin, distribution) and forwards_host(config, behavior):
                _warn_of_host(document, where, behavior)


def _check_selections(document: Document, config: schema.Config) -> None:
    kinds = (
        ("cache_policies", config.cache_policies),
        ("origin_request_policies", config.origin_request_policies),
    )
    for kind, policies in kinds:
        for name, policy in policies.items():
            for key in ("headers", "cookies", "query_strings"):
                selection: policy_keys.Selection = getattr(policy, key)
                if selection.items and selection.behavior in ("none", "all", "allViewer"):
                    text = (
                        f"these names have no effect with behavior: {selection.behavior}; "
                        "write behavior: whitelist beside them"
                    )
                    where = (kind, name, key, "items")
                    document.warning(where, "cloudfront.policy-names", text, key=True)


def _check_countries(
    document: Document, path: KeyPath, restriction: keys.GeoRestriction | None
) -> None:
    """Source: CloudFront API Reference, GeoRestriction, which names ISO 3166-1."""
    code = "cloudfront.geo-restriction"
    if restriction is None:
        return
    from edgegw.cloudfront.countries import COUNTRIES  # a table that few configurations need

    if restriction.type == "none" and restriction.locations:
        text = "with type: none these countries have no effect; write whitelist or blacklist"
        document.warning((*path, "locations"), code, text, key=True)
    if restriction.type == "whitelist" and not restriction.locations:
        document.warning(path, code, "a whitelist without locations lets nobody in", key=True)
    for at, country in enumerate(restriction.locations):
        if country not in COUNTRIES:
            more = "; the United Kingdom is GB" if country == "UK" else ""
            text = f"no viewer comes from {country}: it is no code of ISO 3166-1{more}"
            document.warning((*path, "locations", at), code, text)


def _check_groups(document: Document, path: KeyPath, distribution: keys.Distribution) -> None:
    for name, group in distribution.origin_groups.items():
        where = (*path, "origin_groups", name)
        if name in distribution.origins:
            text = f"{name!r} is an origin as well: behaviors that name it get the group"
            document.warning(where, "cloudfront.origin-group", text, key=True)
        if len(set(group.members)) < len(group.members):
            text = "both members are the same origin: there is nothing to turn to when it fails"
            document.warning((*where, "members"), "cloudfront.origin-group", text, key=True)


def forwards_host(config: schema.Config, behavior: keys.DefaultBehavior) -> bool:
    """Whether its policies, as far as they are there, forward the viewer's Host."""
    if behavior.forwarded_values is not None:
        return False  # refused elsewhere
    known, more = behavior.cache_policy, behavior.origin_request_policy
    if known not in config.cache_policies and find_policy(CACHE_POLICIES, known) is None:
        return False
    is_own = more is None or more in config.origin_request_policies
    if not is_own and find_policy(ORIGIN_REQUEST_POLICIES, str(more)) is None:
        return False
    return forwarding_of(config, behavior).keeps_header(b"host")


def _warn_of_host(document: Document, path: KeyPath, behavior: keys.DefaultBehavior) -> None:
    key = "cache_policy" if behavior.origin_request_policy is None else "origin_request_policy"
    text = (
        "the viewer's Host goes on to a bucket, which takes its own alone and answers 403: "
        "AllViewerExceptHostHeader keeps it back"
    )
    document.warning((*path, key), "cloudfront.bucket-host", text)
