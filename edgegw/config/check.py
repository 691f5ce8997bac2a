"""References between the parts of a configuration, and AWS's rules for them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from pathlib import Path as FilePath
from typing import Final
from urllib.parse import urlsplit

from edgegw.cloudfront.behaviors import ALL_METHODS, GET_HEAD, GET_HEAD_OPTIONS
from edgegw.cloudfront.managed import (
    CACHE_POLICIES,
    ORIGIN_REQUEST_POLICIES,
    RESPONSE_HEADERS_POLICIES,
    find_policy,
)
from edgegw.cloudfront.origin_rules import is_unsettable
from edgegw.config import schema
from edgegw.config.document import Document, Path
from edgegw.config.fields import Listen
from edgegw.config.function_check import (
    check_edge_reference,
    check_functions,
    check_reference,
)
from edgegw.config.schema import Config, later_keys
from edgegw.config.spelling import nearest

_HOST_PATTERN: Final = re.compile(r"[A-Za-z0-9\-.*?]+")
_PATH_PATTERN: Final = re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&*?]+")
_BEHAVIOR_PATTERN: Final = re.compile(r"[A-Za-z0-9_\-.*$/~\"'@:+&?]+")
_MAX_PATTERN: Final = 128
_MAX_RULE_VALUES: Final = 5
_MAX_CONDITION_VALUES: Final = 3
_MAX_BEHAVIORS: Final = 75
_MAX_HEADER_NAME: Final = 256
_MAX_HEADER_VALUE: Final = 1783


def check(document: Document, config: Config, base: FilePath) -> None:
    """Adds what is wrong with `config` to the findings of `document`.

    Relative paths are relative to the folder `base`.
    """
    for path in later_keys(config):
        text = f"{str(path[-1])!r} has no effect yet{_consequence(path)}"
        document.warning(path, "config.no-effect-yet", text, key=True)
    check_functions(document, config, base)
    for name, group in config.target_groups.items():
        _check_target_group(document, ("target_groups", name), group, config)
    for name, distribution in config.distributions.items():
        _check_distribution(document, ("distributions", name), distribution, config)
    for name, balancer in config.load_balancers.items():
        for at, listener in enumerate(balancer.listeners):
            path = ("load_balancers", name, "listeners", at)
            _check_listener(document, path, listener, config)
    _check_listen_addresses(document, config)


_CONSEQUENCES: Final = {
    "redirect": ": the rule answers 501",
    "authenticate_oidc": ": nobody is asked to sign in",
    "authenticate_cognito": ": nobody is asked to sign in",
    "jwt_validation": ": no token is checked",
    "trusted_key_groups": ": no signature is checked",
    "s3": ": requests to this origin answer 502",
    "function_url": ": requests to this origin answer 502",
    "endpoint": ": the function cannot be invoked",
}


def _consequence(path: Path) -> str:
    if "conditions" in path:
        return ": the rule is skipped"
    return _CONSEQUENCES.get(str(path[-1]), "")


def _check_target_group(
    document: Document, path: Path, group: schema.TargetGroup, config: Config
) -> None:
    if group.target_type == "lambda":
        if group.function is None:
            text = "a target group of type lambda needs the key 'function'"
            document.error(path, "alb.function", text, key=True)
        else:
            check_reference(document, (*path, "function"), group.function, config)
        if group.targets:
            text = "a target group of type lambda has no 'targets'"
            document.error((*path, "targets"), "alb.targets", text, key=True)
        return
    if group.function is not None:
        text = f"'function' belongs to target_type lambda, this is {group.target_type}"
        document.error((*path, "function"), "alb.function", text, key=True)
    for at, target in enumerate(group.targets):
        host, mark, port = target.rpartition(":")
        if not (mark and host and port.isdigit() and 0 < int(port) <= 65535):
            text = f"{target!r} must be ADDRESS:PORT, such as 127.0.0.1:3000"
            document.error((*path, "targets", at), "alb.targets", text)


def _check_distribution(
    document: Document, path: Path, distribution: schema.Distribution, config: Config
) -> None:
    for name, origin in distribution.origins.items():
        _check_origin(document, (*path, "origins", name), origin, config)
    for name, group in distribution.origin_groups.items():
        for at, member in enumerate(group.members):
            where = (*path, "origin_groups", name, "members", at)
            _refer(document, where, member, distribution.origins, "origin")
    _check_error_responses(document, path, distribution.custom_error_responses)
    if len(distribution.behaviors) > _MAX_BEHAVIORS:
        text = f"a distribution has at most {_MAX_BEHAVIORS} cache behaviors"
        document.error((*path, "behaviors"), "cloudfront.behaviors", text, key=True)
    if distribution.default_root_object.startswith("/"):
        text = "the default root object has no leading slash: CloudFront answers errors with one"
        where = (*path, "default_root_object")
        document.error(where, "cloudfront.default-root-object", text)
    _check_behavior(
        document, (*path, "default_behavior"), distribution.default_behavior, distribution, config
    )
    seen: dict[str, int] = {}
    for at, behavior in enumerate(distribution.behaviors):
        where = (*path, "behaviors", at)
        _check_behavior(document, where, behavior, distribution, config)
        if not _BEHAVIOR_PATTERN.fullmatch(behavior.path_pattern):
            text = f"{behavior.path_pattern!r} holds characters that a path pattern does not allow"
            document.error((*where, "path_pattern"), "cloudfront.path-pattern", text)
        if behavior.path_pattern in seen:
            text = f"the path pattern {behavior.path_pattern!r} stands here twice"
            document.error((*where, "path_pattern"), "cloudfront.path-pattern", text)
        seen[behavior.path_pattern] = at


def _check_error_responses(
    document: Document, path: Path, responses: list[schema.ErrorResponse]
) -> None:
    seen: set[int] = set()
    for at, response in enumerate(responses):
        where = (*path, "custom_error_responses", at)
        if (response.response_page_path is None) != (response.response_code is None):
            text = "response_page_path and response_code belong together"
            document.error(where, "cloudfront.error-response", text)
        if not (response.response_page_path or "/").startswith("/"):
            text = "the path of the page starts with /"
            document.error((*where, "response_page_path"), "cloudfront.error-response", text)
        if response.error_code in seen:
            text = f"error_code {response.error_code} stands here twice"
            document.error((*where, "error_code"), "cloudfront.error-response", text)
        seen.add(response.error_code)


def _check_origin(document: Document, path: Path, origin: schema.Origin, config: Config) -> None:
    kinds = ("url", "load_balancer", "s3", "function_url")
    given = [kind for kind in kinds if getattr(origin, kind) is not None]
    if len(given) != 1:
        text = (
            f"an origin has exactly one of {', '.join(kinds)}; found {', '.join(given) or 'none'}"
        )
        document.error(path, "cloudfront.origin", text, key=True)
        return
    if origin.load_balancer is not None:
        where = (*path, "load_balancer")
        _refer(document, where, origin.load_balancer, config.load_balancers, "load balancer")
    if origin.url is not None:
        parts = urlsplit(origin.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            text = f"{origin.url!r} must be http://HOST[:PORT] or https://HOST[:PORT]"
            document.error((*path, "url"), "cloudfront.origin", text)
        elif parts.path not in ("", "/") or parts.query:
            text = "the url of an origin has no path; put it into 'path'"
            document.error((*path, "url"), "cloudfront.origin", text)
    for name, value in origin.custom_headers.items():
        if is_unsettable(name.lower()):
            text = f"CloudFront refuses {name!r} as an origin custom header"
            document.error(
                (*path, "custom_headers", name), "cloudfront.origin-header", text, key=True
            )
        elif len(name) > _MAX_HEADER_NAME or len(value) > _MAX_HEADER_VALUE:
            text = f"{name!r} or its value is too long ({_MAX_HEADER_NAME} and {_MAX_HEADER_VALUE})"
            document.error(
                (*path, "custom_headers", name), "cloudfront.origin-header", text, key=True
            )
    if origin.path and (not origin.path.startswith("/") or origin.path.endswith("/")):
        text = "the origin path starts with / and does not end with /"
        document.error((*path, "path"), "cloudfront.origin-path", text)


def _check_behavior(
    document: Document,
    path: Path,
    behavior: schema.DefaultBehavior,
    distribution: schema.Distribution,
    config: Config,
) -> None:
    origins = [*distribution.origins, *distribution.origin_groups]
    _refer(document, (*path, "origin"), behavior.origin, origins, "origin")
    methods = frozenset(behavior.allowed_methods)
    if methods not in (GET_HEAD, GET_HEAD_OPTIONS, ALL_METHODS):
        text = "allowed_methods is [GET, HEAD], [GET, HEAD, OPTIONS] or all seven methods"
        document.error((*path, "allowed_methods"), "cloudfront.allowed-methods", text)
    if find_policy(CACHE_POLICIES, behavior.cache_policy) is None:
        names = [*config.cache_policies, *(each.name for each in CACHE_POLICIES)]
        where = (*path, "cache_policy")
        _refer(document, where, behavior.cache_policy, names, "cache policy")
    policy = behavior.origin_request_policy
    if policy is not None and find_policy(ORIGIN_REQUEST_POLICIES, policy) is None:
        names = [*config.origin_request_policies, *(each.name for each in ORIGIN_REQUEST_POLICIES)]
        where = (*path, "origin_request_policy")
        _refer(document, where, policy, names, "origin request policy")
    policy = behavior.response_headers_policy
    if policy is not None:
        managed = RESPONSE_HEADERS_POLICIES
        names = [*config.response_headers_policies, *managed, *managed.values()]
        where = (*path, "response_headers_policy")
        _refer(document, where, policy.removeprefix("Managed-"), names, "response headers policy")
    for trigger, association in behavior.lambda_functions.items():
        where = (*path, "lambda_functions", trigger)
        check_edge_reference(document, where, association.function, config)
        if association.include_body and trigger.endswith("response"):
            text = "include_body can only be used with viewer-request or origin-request"
            document.error((*where, "include_body"), "lambda-edge.include-body", text)


def _check_listener(
    document: Document, path: Path, listener: schema.Listener, config: Config
) -> None:
    if (listener.certificate is None) != (listener.key is None):
        text = "'certificate' and 'key' belong together"
        document.error(path, "alb.certificate", text)
    priorities: dict[int, int] = {}
    for at, rule in enumerate(listener.rules):
        where = (*path, "rules", at)
        if rule.priority in priorities:
            text = f"priority {rule.priority} stands here twice"
            document.error((*where, "priority"), "alb.priority", text)
        priorities[rule.priority] = at
        _check_conditions(document, where, rule)
        _check_actions(document, (*where, "actions"), rule.actions, config)
    _check_actions(document, (*path, "default_actions"), listener.default_actions, config)


def _check_conditions(document: Document, path: Path, rule: schema.Rule) -> None:
    total = 0
    for at, condition in enumerate(rule.conditions):
        where = (*path, "conditions", at)
        given = condition.model_fields_set
        if len(given) != 1:
            text = (
                f"a condition is a mapping of one key; found {', '.join(sorted(given)) or 'none'}"
            )
            document.error(where, "alb.condition", text)
        for kind, pattern in (("path_pattern", _PATH_PATTERN), ("host_header", _HOST_PATTERN)):
            values: list[str] = getattr(condition, kind) or []
            total += len(values)
            for value_at, value in enumerate(values):
                if len(value) > _MAX_PATTERN or not pattern.fullmatch(value):
                    text = f"{value!r} holds characters that {kind} does not allow, or is too long"
                    document.error((*where, kind, value_at), "alb.condition-value", text)
            if len(values) > _MAX_CONDITION_VALUES:
                text = f"a condition has at most {_MAX_CONDITION_VALUES} values"
                document.error((*where, kind), "alb.condition-values", text)
    if total > _MAX_RULE_VALUES:
        text = f"the conditions of a rule have at most {_MAX_RULE_VALUES} values in all"
        document.error((*path, "conditions"), "alb.condition-values", text, key=True)


_FINAL_ACTIONS: Final = ("forward", "fixed_response", "redirect")


def _check_actions(
    document: Document, path: Path, actions: list[schema.Action], config: Config
) -> None:
    final = 0
    for at, action in enumerate(actions):
        given = action.model_fields_set - {"order"}
        if len(given) != 1:
            text = f"an action is a mapping of one key; found {', '.join(sorted(given)) or 'none'}"
            document.error((*path, at), "alb.action", text)
        final += sum(kind in given for kind in _FINAL_ACTIONS)
        if action.forward is None:
            continue
        for each in action.forward.target_groups:
            where = (*path, at, "forward")
            _refer(document, where, each.target_group, config.target_groups, "target group")
    if final != 1:
        text = "a rule has exactly one of forward, redirect and fixed_response"
        document.error(path, "alb.actions", text, key=True)


def _check_listen_addresses(document: Document, config: Config) -> None:
    """No two front doors may listen on the same port of the same address."""
    taken: dict[tuple[str, int], Path] = {}
    doors: list[tuple[Path, Listen]] = [
        (("distributions", name, "listen"), distribution.listen)
        for name, distribution in config.distributions.items()
    ]
    for name, balancer in config.load_balancers.items():
        for at, listener in enumerate(balancer.listeners):
            doors.append((("load_balancers", name, "listeners", at, "listen"), listener.listen))
    if config.gateway.lambda_api is not None:
        doors.append((("gateway", "lambda_api"), config.gateway.lambda_api))
    for path, listen in doors:
        if listen.port == 0:
            continue
        address = (listen.address, listen.port)
        if address in taken:
            line, _ = document.place(taken[address])
            where = f"{listen.address}:{listen.port}"
            text = f"{where} is taken by {'.'.join(map(str, taken[address]))} (line {line})"
            document.error(path, "config.duplicate-listener", text)
        taken.setdefault(address, path)
        if not _is_loopback(listen.address):
            text = f"{listen.address} is reachable from other machines; 127.0.0.1 is not"
            document.warning(path, "config.not-loopback", text)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _refer(document: Document, path: Path, name: str, known: Collection[str], kind: str) -> None:
    """A dangling reference is an error that names the nearest thing there is."""
    if name not in known:
        text = f"there is no {kind} {name!r}{nearest(name, list(known))}"
        document.error(path, "config.reference", text)
