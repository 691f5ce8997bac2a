"""References within a distribution, and AWS's rules for its behaviors, aliases, pages and logs."""

from __future__ import annotations

import re

from edgegw.cloudfront import quotas
from edgegw.cloudfront.access_log import FIELDS
from edgegw.cloudfront.behaviors import ALL_METHODS, GET_HEAD, GET_HEAD_OPTIONS
from edgegw.cloudfront.managed import CACHE_POLICIES, ORIGIN_REQUEST_POLICIES, find_policy
from edgegw.cloudfront.managed_response_headers import RESPONSE_HEADERS_POLICIES
from edgegw.config.addresses import host_fault
from edgegw.config.distributions import keys
from edgegw.config.distributions.bucket_rules import check_bucket_names
from edgegw.config.distributions.cache_rules import (
    check_cache_policies,
    check_cache_tags,
    check_cached_methods,
)
from edgegw.config.distributions.legacy_rules import check_legacy_settings, check_policy_wildcards
from edgegw.config.distributions.names import check_names
from edgegw.config.distributions.origin_rules import check_origin, refer
from edgegw.config.distributions.response_headers_rules import check_response_headers_policy
from edgegw.config.distributions.without_effect import check_without_effect
from edgegw.config.document import Document, KeyPath
from edgegw.config.functions.rules import check_edge_reference
from edgegw.config.schema import Config
from edgegw.http.grammar import is_target


def check_distributions(document: Document, config: Config) -> None:
    """Adds what is wrong with distributions and their policies to the findings of `document`."""
    for name, policy in config.response_headers_policies.items():
        check_response_headers_policy(document, ("response_headers_policies", name), policy)
    check_cache_policies(document, config)
    check_policy_wildcards(document, config)
    for name, distribution in config.distributions.items():
        _check_distribution(document, ("distributions", name), distribution, config)
    check_bucket_names(document, config)
    check_names(document, config)
    check_without_effect(document, config)


def _check_distribution(
    document: Document, path: KeyPath, distribution: keys.Distribution, config: Config
) -> None:
    for name, origin in distribution.origins.items():
        check_origin(document, (*path, "origins", name), origin, config)
    for name, group in distribution.origin_groups.items():
        for at, member in enumerate(group.members):
            where = (*path, "origin_groups", name, "members", at)
            refer(document, where, member, distribution.origins, "origin")
    _check_error_responses(document, path, distribution.custom_error_responses)
    if len(distribution.behaviors) > quotas.MAX_BEHAVIORS:
        text = f"a distribution has at most {quotas.MAX_BEHAVIORS} cache behaviors"
        document.error((*path, "behaviors"), "cloudfront.behaviors", text, key=True)
    _check_root_object(document, (*path, "default_root_object"), distribution.default_root_object)
    for at, alias in enumerate(distribution.aliases):
        fault = _alias_fault(alias)
        if fault is not None:
            document.error((*path, "aliases", at), "cloudfront.alias", fault)
    _check_behavior(
        document, (*path, "default_behavior"), distribution.default_behavior, distribution, config
    )
    _check_https(document, path, distribution)
    _check_log(document, path, distribution.access_log)
    check_cache_tags(document, path, distribution.cache_tag_config)
    seen: dict[str, int] = {}
    for at, behavior in enumerate(distribution.behaviors):
        where = (*path, "behaviors", at)
        _check_behavior(document, where, behavior, distribution, config)
        if not quotas.PATH_PATTERN.fullmatch(behavior.path_pattern):
            text = f"{behavior.path_pattern!r} holds characters that a path pattern does not allow"
            document.error((*where, "path_pattern"), "cloudfront.path-pattern", text)
        if behavior.path_pattern in seen:
            text = f"the path pattern {behavior.path_pattern!r} stands here twice"
            document.error((*where, "path_pattern"), "cloudfront.path-pattern", text)
        seen[behavior.path_pattern] = at


def _alias_fault(alias: str) -> str | None:
    """What is wrong with an alias, or None. An alias is a name alone."""
    if "/" in alias or re.fullmatch(r"[^:]+:[0-9]*", alias):
        return f"{alias!r} is no host name: an alias has no scheme, port or path; www.example.com"
    return host_fault(alias.removeprefix("*."))


def _check_log(document: Document, path: KeyPath, log: keys.DistributionLog | None) -> None:
    if log is None:
        return
    for at, name in enumerate(log.fields):
        where, known = (*path, "access_log", "fields", at), FIELDS[log.format]
        refer(document, where, name, known, f"field of a {log.format} log")


def _check_root_object(document: Document, path: KeyPath, name: str) -> None:
    if name.startswith("/"):
        text = "the default root object has no leading slash: CloudFront answers errors with one"
        document.error(path, "cloudfront.default-root-object", text)
    elif not is_target(f"/{name}"):
        text = "the default root object holds no blanks: it becomes the path of a request"
        document.error(path, "cloudfront.default-root-object", text)


def _check_error_responses(
    document: Document, path: KeyPath, responses: list[keys.ErrorResponse]
) -> None:
    seen: set[int] = set()
    for at, response in enumerate(responses):
        where = (*path, "custom_error_responses", at)
        if (response.response_page_path is None) != (response.response_code is None):
            text = "response_page_path and response_code belong together"
            document.error(where, "cloudfront.error-response", text)
        if response.response_page_path is not None and not is_target(response.response_page_path):
            text = "the path of the page starts with / and holds no blanks"
            document.error((*where, "response_page_path"), "cloudfront.error-response", text)
        if response.error_code in seen:
            text = f"error_code {response.error_code} stands here twice"
            document.error((*where, "error_code"), "cloudfront.error-response", text)
        seen.add(response.error_code)


def _check_behavior(
    document: Document,
    path: KeyPath,
    behavior: keys.DefaultBehavior,
    distribution: keys.Distribution,
    config: Config,
) -> None:
    origins = [*distribution.origins, *distribution.origin_groups]
    refer(document, (*path, "origin"), behavior.origin, origins, "origin")
    methods = frozenset(behavior.allowed_methods)
    if methods not in (GET_HEAD, GET_HEAD_OPTIONS, ALL_METHODS):
        text = "allowed_methods is [GET, HEAD], [GET, HEAD, OPTIONS] or all seven methods"
        document.error((*path, "allowed_methods"), "cloudfront.allowed-methods", text)
    check_cached_methods(document, path, behavior)
    check_legacy_settings(document, path, behavior, distribution)
    if find_policy(CACHE_POLICIES, behavior.cache_policy) is None:
        names = [*config.cache_policies, *(each.name for each in CACHE_POLICIES)]
        where = (*path, "cache_policy")
        refer(document, where, behavior.cache_policy, names, "cache policy")
    policy = behavior.origin_request_policy
    if policy is not None and find_policy(ORIGIN_REQUEST_POLICIES, policy) is None:
        names = [*config.origin_request_policies, *(each.name for each in ORIGIN_REQUEST_POLICIES)]
        where = (*path, "origin_request_policy")
        refer(document, where, policy, names, "origin request policy")
    policy = behavior.response_headers_policy
    if policy is not None and find_policy(RESPONSE_HEADERS_POLICIES, policy) is None:
        managed = [each.name for each in RESPONSE_HEADERS_POLICIES]
        names = [*config.response_headers_policies, *managed]
        where = (*path, "response_headers_policy")
        refer(document, where, policy, names, "response headers policy")
    for at, group in enumerate(behavior.trusted_key_groups):
        refer(document, (*path, "trusted_key_groups", at), group, config.key_groups, "key group")
    for trigger, association in behavior.lambda_functions.items():
        where = (*path, "lambda_functions", trigger)
        check_edge_reference(document, where, association.function, config)
        if association.include_body and trigger.endswith("response"):
            text = "include_body can only be used with viewer-request or origin-request"
            document.error((*where, "include_body"), "lambda-edge.include-body", text)


def _check_https(document: Document, path: KeyPath, distribution: keys.Distribution) -> None:
    """A policy that sends viewers to HTTPS, where nothing takes it."""
    if any(listen.tls for listen in distribution.listen):
        return
    for below, behavior in keys.behaviors_of(distribution):
        policy = behavior.viewer_protocol_policy
        if policy != "allow-all":
            text = (
                f"{policy} needs HTTPS, and no listen of this distribution has it: "
                "write listen: [8081, {port: 8443, tls: true}]"
            )
            where = (*path, *below, "viewer_protocol_policy")
            document.warning(where, "cloudfront.no-https", text)
