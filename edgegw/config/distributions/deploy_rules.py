"""What AWS would refuse of policies, aliases and origins at deployment."""

from __future__ import annotations

from typing import Final

from edgegw.cloudfront import model as cloudfront
from edgegw.cloudfront import quotas
from edgegw.cloudfront.cache.policy_rules import RefusedPolicy
from edgegw.cloudfront.deployment_rules import MAX_FUNCTIONS
from edgegw.cloudfront.header_list_rules import refused_request_policy
from edgegw.cloudfront.rule_table import FUNCTION_COUNT
from edgegw.config.addresses import origin_address
from edgegw.config.distributions import keys, policy_keys
from edgegw.config.document import Document, KeyPath
from edgegw.config.schema import Config

_KEYS: Final = {
    "Headers": "headers",
    "Cookies": "cookies",
    "QueryStrings": "query_strings",
}
"""Keys of the configuration by the fields of AWS's API."""


def check_distribution_deployment(document: Document, config: Config) -> None:
    """Adds what AWS would refuse to the findings of `document`."""
    for name, policy in config.origin_request_policies.items():
        made = cloudfront.OriginRequestPolicy(name, "", *_selections(policy))
        _note(document, ("origin_request_policies", name), refused_request_policy(made))
    users: dict[str, str] = {}
    for name, distribution in config.distributions.items():
        path: KeyPath = ("distributions", name)
        _check_aliases(document, path, distribution, users)
        _check_counts(document, path, distribution)
        for origin, given in distribution.origins.items():
            _check_port(document, (*path, "origins", origin, "url"), given)
            _check_custom_headers(document, (*path, "origins", origin, "custom_headers"), given)


def _selections(
    policy: policy_keys.OriginRequestPolicy,
) -> tuple[cloudfront.Selection, cloudfront.Selection, cloudfront.Selection]:
    def selection(
        given: policy_keys.Selection | policy_keys.KeyHeaders | policy_keys.OriginHeaders,
    ) -> cloudfront.Selection:
        return cloudfront.Selection(given.behavior, tuple(given.items))

    return selection(policy.headers), selection(policy.cookies), selection(policy.query_strings)


def _note(document: Document, path: KeyPath, refused: list[RefusedPolicy]) -> None:
    for fault in refused:
        where = (*path, _KEYS.get(fault.field, fault.field))
        code = "policy-headers" if fault.field == "Headers" else "policy"
        document.error(where, f"cloudfront.{code}", fault.message)


def _check_aliases(
    document: Document, path: KeyPath, distribution: keys.Distribution, users: dict[str, str]
) -> None:
    """Aliases that CloudFront does not take; `users` are distributions by alias so far."""
    where = (*path, "aliases")
    if len(distribution.aliases) > quotas.MAX_ALIASES:
        count, most = len(distribution.aliases), quotas.MAX_ALIASES
        text = f"a distribution has at most {most} aliases, not {count}"
        document.error(where, "cloudfront.alias", text, key=True)
    for at, alias in enumerate(distribution.aliases):
        lower = alias.lower()
        fault = quotas.alias_fault(lower)
        if fault is not None:
            document.error((*where, at), "cloudfront.alias", f"{alias!r} {fault}")
        elif lower in users:
            text = f"{alias!r} is an alias of {users[lower]} already: a name has one distribution"
            document.error((*where, at), "cloudfront.alias", text)
        users.setdefault(lower, str(path[-1]))


def _check_port(document: Document, path: KeyPath, origin: keys.Origin) -> None:
    if origin.url is None:
        return
    try:
        port = origin_address(origin.url).port
    except ValueError:
        return  # noted elsewhere
    if not quotas.is_origin_port(port):
        text = f"an origin's port is 80, 443 or from 1024 to 65535, not {port}"
        document.error(path, "cloudfront.origin-port", text)


def _check_counts(document: Document, path: KeyPath, distribution: keys.Distribution) -> None:
    names = {
        association.function
        for _, behavior in keys.behaviors_of(distribution)
        for association in behavior.lambda_functions.values()
    }
    if len(names) > MAX_FUNCTIONS:
        text = f"{len(names)} functions at the triggers of a distribution, at most {MAX_FUNCTIONS}"
        document.error(path, FUNCTION_COUNT.code, text, key=True)
    if len(distribution.origins) > quotas.MAX_ORIGINS:
        text = f"a distribution has at most {quotas.MAX_ORIGINS} origins"
        document.error((*path, "origins"), "cloudfront.origins", text, key=True)


def _check_custom_headers(document: Document, path: KeyPath, origin: keys.Origin) -> None:
    headers = origin.custom_headers
    size = sum(len(key) + len(value) for key, value in headers.items())
    if len(headers) > quotas.MAX_CUSTOM_HEADERS or size > quotas.MAX_CUSTOM_HEADER_CHARACTERS:
        text = (
            f"an origin has at most {quotas.MAX_CUSTOM_HEADERS} custom headers with "
            f"{quotas.MAX_CUSTOM_HEADER_CHARACTERS} characters in all ({len(headers)}, {size})"
        )
        document.error(path, "cloudfront.origin-header", text, key=True)
