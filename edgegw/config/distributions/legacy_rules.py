"""What AWS refuses of legacy cache settings, and names that are patterns where AWS has none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from edgegw.cloudfront.cache.legacy import refused_forwarded_values
from edgegw.cloudfront.cache.policy_rules import RefusedPolicy, has_wildcard
from edgegw.config import schema
from edgegw.config.distributions import keys, policy_keys
from edgegw.config.distributions.cache_make import forwarded_values, legacy_ttls
from edgegw.config.distributions.legacy_keys import ForwardedValues
from edgegw.config.document import Document, KeyPath

_CODE: Final = "cloudfront.forwarded-values"
_KEYS: Final[dict[str, KeyPath]] = {
    "Headers": ("forwarded_values", "headers"),
    "Cookies": ("forwarded_values", "cookies", "whitelisted_names"),
    "QueryStringCacheKeys": ("forwarded_values", "query_string_cache_keys"),
    "MinTTL": ("min_ttl",),
}
"""Keys of a behavior by the fields of AWS's API."""


def check_legacy_settings(
    document: Document,
    path: KeyPath,
    behavior: keys.DefaultBehavior,
    distribution: keys.Distribution,
) -> None:
    """Adds what AWS refuses of the behavior at `path` about `forwarded_values` and its TTLs."""
    given = behavior.forwarded_values
    if given is None:
        _check_stray_ttls(document, path, behavior)
        return
    _check_exclusion(document, path, behavior)
    is_s3 = is_bucket(behavior.origin, distribution)
    for refused in refused_forwarded_values(
        forwarded_values(given), legacy_ttls(behavior), is_s3=is_s3
    ):
        text = f"AWS refuses these settings: {refused.code}, {refused.field}: {refused.message}"
        document.error((*path, *_place(given, refused)), _CODE, text)
    cookies = given.cookies
    if cookies.whitelisted_names and cookies.forward != "whitelist":
        where = (*path, *_KEYS["Cookies"])
        text = f"these names have no effect with forward: {cookies.forward}; write whitelist"
        document.warning(where, _CODE, text, key=True)
    for where, names in (
        (_KEYS["Headers"], ["" if name == "*" else name for name in given.headers]),
        (_KEYS["QueryStringCacheKeys"], given.query_string_cache_keys),
    ):
        warn_of_wildcards(document, (*path, *where), names)


def warn_of_wildcards(document: Document, path: KeyPath, names: Sequence[str]) -> None:
    """Warns of names in the list at `path` that AWS takes as they stand, though they look else."""
    for at, name in enumerate(names):
        if has_wildcard(name):
            text = (
                f"AWS takes {name!r} literally: there are no wildcards here, so only that very "
                "name fits"
            )
            document.warning((*path, at), "cloudfront.literal-wildcard", text)


def check_policy_wildcards(document: Document, config: schema.Config) -> None:
    """Warns of wildcards in cache policies and origin request policies, which have none."""
    kinds = (
        ("cache_policies", config.cache_policies),
        ("origin_request_policies", config.origin_request_policies),
    )
    for kind, policies in kinds:
        for name, policy in policies.items():
            for key in ("headers", "cookies", "query_strings"):
                selection: policy_keys.Selection = getattr(policy, key)
                warn_of_wildcards(document, (kind, name, key, "items"), selection.items)


def _place(given: ForwardedValues, refused: RefusedPolicy) -> Iterator[str | int]:
    """The way to what is refused: to the one name in a list, where it is about one."""
    yield from _KEYS[refused.field]
    if refused.field == "Headers" and refused.name in given.headers:
        yield given.headers.index(refused.name)


def _check_exclusion(document: Document, path: KeyPath, behavior: keys.DefaultBehavior) -> None:
    if "cache_policy" in behavior.model_fields_set:
        text = "a behavior has either a cache_policy or forwarded_values, not both"
        document.error((*path, "cache_policy"), _CODE, text, key=True)
    if behavior.origin_request_policy is not None:
        text = (
            "an origin_request_policy needs a cache_policy: forwarded_values says by itself what "
            "reaches the origin"
        )
        document.error((*path, "origin_request_policy"), _CODE, text, key=True)


def _check_stray_ttls(document: Document, path: KeyPath, behavior: keys.DefaultBehavior) -> None:
    for key in ("min_ttl", "default_ttl", "max_ttl"):
        if getattr(behavior, key) is not None:
            text = f"{key} stands here beside forwarded_values; otherwise it is the cache policy's"
            document.error((*path, key), _CODE, text, key=True)


def is_bucket(origin: str, distribution: keys.Distribution) -> bool:
    """Whether `origin`, or an origin of the group of that name, is a bucket."""
    group = distribution.origin_groups.get(origin)
    names = [origin] if group is None else group.members
    origins = [distribution.origins[name] for name in names if name in distribution.origins]
    return any(given.s3 is not None for given in origins)
