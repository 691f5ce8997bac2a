"""What must hold for target groups and load balancers: AWS's rules beyond keys and types."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path as FilePath
from typing import Final

from edgegw.alb import attributes, quotas
from edgegw.alb.expressions import compile_expression
from edgegw.alb.rules import compile_rewrite, redirect_fault
from edgegw.config.balancers import keys
from edgegw.config.balancers.guard_rules import check_guard
from edgegw.config.balancers.target_group_rules import (
    check_attributes,
    check_target_group,
    stickiness_of,
)
from edgegw.config.document import Document, KeyPath
from edgegw.config.fields import Model
from edgegw.config.files import is_file
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest
from edgegw.http.grammar import TEXT_NOT_IN_TARGET, TEXT_TOKEN


def check_balancers(document: Document, config: Config, base: FilePath) -> None:
    """Adds what is wrong with target groups and load balancers to the findings."""
    for name, group in config.target_groups.items():
        check_target_group(document, ("target_groups", name), group, config)
    for name, balancer in config.load_balancers.items():
        path: KeyPath = ("load_balancers", name)
        check_attributes(document, path, balancer.attributes, attributes.LOAD_BALANCER)
        for at, listener in enumerate(balancer.listeners):
            _check_listener(document, (*path, "listeners", at), listener, config, base)


# Listeners


def _check_listener(
    document: Document, path: KeyPath, listener: keys.Listener, config: Config, base: FilePath
) -> None:
    if (listener.certificate is None) != (listener.key is None):
        document.error(path, "alb.certificate", "'certificate' and 'key' belong together")
    check_attributes(document, path, listener.attributes, attributes.LISTENER)
    mutual = listener.mutual_authentication
    if mutual is not None:
        _check_mutual(document, path, listener, mutual, base)
    priorities: dict[int, int] = {}
    for at, rule in enumerate(listener.rules):
        where = (*path, "rules", at)
        if rule.priority in priorities:
            text = f"priority {rule.priority} stands here twice"
            document.error((*where, "priority"), "alb.priority", text)
        priorities[rule.priority] = at
        _check_conditions(document, where, rule)
        _check_transforms(document, where, rule)
        _check_actions(document, (*where, "actions"), rule.actions, config, listener)
    actions: KeyPath = (*path, "default_actions")
    _check_actions(document, actions, listener.default_actions, config, listener)


def _check_mutual(
    document: Document,
    path: KeyPath,
    listener: keys.Listener,
    mutual: keys.MutualAuthentication,
    base: FilePath,
) -> None:
    where = (*path, "mutual_authentication")
    if mutual.mode != "off" and not (listener.listen.tls or listener.protocol == "HTTPS"):
        text = "mutual authentication needs a listener with protocol HTTPS"
        document.error(where, "alb.mutual-authentication", text, key=True)
    if (mutual.mode == "verify") != (mutual.trust_store is not None):
        text = "a trust_store belongs to mode verify, and mode verify needs one"
        document.error(where, "alb.mutual-authentication", text, key=True)
    elif mutual.trust_store is not None and not is_file(base / mutual.trust_store):
        text = f"there is no file {mutual.trust_store}"
        document.error((*where, "trust_store"), "config.file", text)


def _given(mapping: Model) -> set[str]:
    """The keys of a mapping of one key that hold something; `order` goes beside them."""
    held = mapping.model_fields_set - {"order"}
    return {key for key in held if getattr(mapping, key) is not None}


def _only_key(document: Document, path: KeyPath, mapping: Model, kind: str) -> str | None:
    """The key of a mapping that has exactly one; else that is noted."""
    given = _given(mapping)
    if len(given) == 1:
        return next(iter(given))
    is_null = bool(mapping.model_fields_set - {"order"})
    if not given and not is_null and any(each[:-1] == path for each in document.keys):
        return None  # there is one, and what is wrong with it is noted already
    article = "an" if kind[0] in "aeiou" else "a"
    found = ", ".join(sorted(given)) or "none"
    text = f"{article} {kind} is a mapping of one key; found {found}"
    document.error(path, f"alb.{kind}", text)
    return None


# Conditions

_ONCE: Final = ("path_pattern", "host_header", "http_request_method", "source_ip")


def _check_conditions(document: Document, path: KeyPath, rule: keys.Rule) -> None:
    kinds: Counter[str] = Counter()
    values = wildcards = 0
    for at, condition in enumerate(rule.conditions):
        where = (*path, "conditions", at)
        kind = _only_key(document, where, condition, "condition")
        if kind is None:
            continue
        plain = kind.removesuffix("_regex")
        kinds[plain] += 1
        if plain in _ONCE and kinds[plain] > 1:
            text = f"a rule has at most one condition on {plain}; put all values into one"
            document.error((*where, kind), "alb.condition", text, key=True)
        texts = _CHECKS[kind](document, (*where, kind), condition)
        values += len(texts)
        if kind != "source_ip" and not kind.endswith("_regex"):
            wildcards += sum(text.count("*") + text.count("?") for text in texts)
        most = quotas.MAX_SOURCE_IPS if kind == "source_ip" else quotas.MAX_CONDITION_VALUES
        if len(texts) > most:
            text = f"a condition has 1 to {most} values, not {len(texts)}"
            document.error((*where, kind), "alb.condition-values", text)
    if values > quotas.MAX_RULE_VALUES:
        most = quotas.MAX_RULE_VALUES
        text = f"the conditions of a rule have at most {most} values in all, not {values}"
        document.error((*path, "conditions"), "alb.condition-values", text, key=True)
    if wildcards > quotas.MAX_WILDCARDS:
        text = f"{wildcards} wildcards; AWS takes {quotas.MAX_WILDCARDS} in a rule, by one page 6"
        document.warning((*path, "conditions"), "alb.wildcards", text, key=True)


def _value_fault(document: Document, path: KeyPath, text: str) -> None:
    document.error(path, "alb.condition-value", text)


def _check_patterns(kind: str, pattern: re.Pattern[str], rule: str):
    def check(document: Document, path: KeyPath, condition: keys.Condition) -> list[str]:
        values: list[str] = getattr(condition, kind)
        for at, value in enumerate(values):
            if len(value) > quotas.MAX_PATTERN or not pattern.fullmatch(value):
                _value_fault(document, (*path, at), f"{value!r}: {rule}")
        return values

    return check


def _check_regexes(kind: str):
    def check(document: Document, path: KeyPath, condition: keys.Condition) -> list[str]:
        found = getattr(condition, kind)
        if isinstance(found, keys.HttpHeader):
            _check_header_name(document, path, found.name)
            values, where = found.values, (*path, "values")
        else:
            values, where = found, path
        for at, value in enumerate(values):
            if len(value) > quotas.MAX_PATTERN:
                _value_fault(
                    document,
                    (*where, at),
                    f"a regex has 1 to {quotas.MAX_PATTERN} characters, not {len(value)}",
                )
            try:
                compile_expression(value)
            except ValueError as error:
                _value_fault(document, (*where, at), str(error))
        return values

    return check


def _check_header_name(document: Document, path: KeyPath, name: str) -> None:
    if name.lower() == "host":
        text = "the Host header is judged by host_header"
        _value_fault(document, (*path, "name"), text)
    elif "*" in name or not TEXT_TOKEN.fullmatch(name):
        text = f"{name!r} is no header name; it takes no wildcards"
        _value_fault(document, (*path, "name"), text)


def _check_header(document: Document, path: KeyPath, condition: keys.Condition) -> list[str]:
    found = condition.http_header
    assert found is not None
    _check_header_name(document, path, found.name)
    for at, value in enumerate(found.values):
        if not 1 <= len(value) <= quotas.MAX_PATTERN:
            text = f"a value has 1 to {quotas.MAX_PATTERN} characters"
            _value_fault(document, (*path, "values", at), text)
    return found.values


def _check_query(document: Document, path: KeyPath, condition: keys.Condition) -> list[str]:
    for at, pair in enumerate(condition.query_string or []):
        for key in ("key", "value"):
            text = getattr(pair, key)
            if text is not None and not 1 <= len(text) <= quotas.MAX_PATTERN:
                fault = f"a {key} has 1 to {quotas.MAX_PATTERN} characters"
                _value_fault(document, (*path, at, key), fault)
    return [pair.value for pair in condition.query_string or []]


def _check_source_ip(document: Document, path: KeyPath, condition: keys.Condition) -> list[str]:
    values = condition.source_ip or []
    for at, value in enumerate(values):
        try:
            if "/" not in value:
                raise ValueError("a CIDR block has a slash")
            ip_network(value, strict=False)
        except ValueError:
            text = f"{value!r} must be a CIDR block such as 10.0.0.0/8 or 2001:db8::/32"
            _value_fault(document, (*path, at), text)
        if value == "255.255.255.255/32":
            _value_fault(document, (*path, at), "AWS refuses 255.255.255.255/32")
    return values


_CHECKS: Final[Mapping[str, Callable[[Document, KeyPath, keys.Condition], list[str]]]] = {
    "path_pattern": _check_patterns(
        "path_pattern",
        quotas.PATH_PATTERN,
        f"a path pattern has 1 to {quotas.MAX_PATTERN} of A-Z a-z 0-9 _-.$/~\"'@:+& and * ?",
    ),
    "host_header": _check_patterns(
        "host_header",
        quotas.HOST_PATTERN,
        f"a host has 1 to {quotas.MAX_PATTERN} of A-Z a-z 0-9 - . * ?, with only letters behind "
        "the last dot",
    ),
    "http_request_method": _check_patterns(
        "http_request_method",
        quotas.METHOD_PATTERN,
        "a method has 1 to 40 of A-Z - _, and no wildcards",
    ),
    "source_ip": _check_source_ip,
    "http_header": _check_header,
    "query_string": _check_query,
    "host_header_regex": _check_regexes("host_header_regex"),
    "path_pattern_regex": _check_regexes("path_pattern_regex"),
    "http_header_regex": _check_regexes("http_header_regex"),
}


def _check_transforms(document: Document, path: KeyPath, rule: keys.Rule) -> None:
    seen: set[str] = set()
    for at, each in enumerate(rule.transforms):
        where = (*path, "transforms", at)
        kind = _only_key(document, where, each, "transform")
        if kind is None:
            continue
        if kind in seen:
            document.error((*where, kind), "alb.transform", f"a rule has one {kind}", key=True)
        seen.add(kind)
        rewrite: keys.Rewrite = getattr(each, kind)
        try:
            compile_rewrite(rewrite.regex, rewrite.replace)
        except ValueError as error:
            document.error((*where, kind), "alb.transform", str(error), key=True)
    if rule.transforms and not any(action.forward for action in rule.actions):
        text = "transforms go with the action forward only"
        document.error((*path, "transforms"), "alb.transform", text, key=True)


# Actions

_FINAL_ACTIONS: Final = ("forward", "fixed_response", "redirect")
_SIGN_IN: Final = ("authenticate_oidc", "authenticate_cognito", "jwt_validation")


def _check_actions(
    document: Document,
    path: KeyPath,
    actions: list[keys.Action],
    config: Config,
    listener: keys.Listener,
) -> None:
    final = 0
    for at, action in enumerate(actions):
        given = _given(action)
        _only_key(document, (*path, at), action, "action")
        final += sum(kind in given for kind in _FINAL_ACTIONS)
        if given & set(_SIGN_IN) and not listener.is_https:
            text = f"{', '.join(given)} needs a listener with protocol HTTPS"
            document.error((*path, at), "alb.action", text)
        check_guard(document, (*path, at), action)
        if action.redirect is not None:
            where = (*path, at, "redirect")
            _check_redirect(document, where, action.redirect, listener)
        if action.forward is not None:
            _check_forward(document, (*path, at, "forward"), action.forward, config, listener)
    if final != 1 and not document.is_left_empty_below(path):
        text = "a rule has exactly one of forward, redirect and fixed_response"
        document.error(path, "alb.actions", text, key=True)
    orders = [action.order for action in actions]
    if len(actions) > 1 and (None in orders or len(set(orders)) < len(orders)):
        text = "several actions need an 'order' each, no two the same"
        document.error(path, "alb.actions", text, key=True)


def _check_redirect(
    document: Document, path: KeyPath, redirect: keys.Redirect, listener: keys.Listener
) -> None:
    for field in ("host", "port", "path", "query"):
        text = getattr(redirect, field)
        fault = redirect_fault(field, text)
        if fault is None and TEXT_NOT_IN_TARGET.search(text):
            fault = "a blank cannot stand in the Location of a redirect: write %20"
        if fault is not None:
            document.error((*path, field), "alb.redirect", fault)
    if listener.is_https and redirect.protocol == "HTTP":
        text = "a listener with protocol HTTPS does not redirect to HTTP"
        document.error((*path, "protocol"), "alb.redirect", text)
    fields = keys.Redirect.model_fields
    if all(
        getattr(redirect, each) == fields[each].default
        for each in ("protocol", "host", "port", "path")
    ):
        text = "a redirect must change protocol, host, port or path, or it never ends"
        document.error(path, "alb.redirect", text, key=True)
    if redirect.port.isdigit() and int(redirect.port) > 65535:
        document.error((*path, "port"), "alb.redirect", "a port is a number from 1 to 65535")


def _check_forward(
    document: Document,
    path: KeyPath,
    forward: keys.Forward,
    config: Config,
    listener: keys.Listener,
) -> None:
    several = len(forward.target_groups) > 1
    holds = forward.stickiness is not None and forward.stickiness.enabled
    for at, each in enumerate(forward.target_groups):
        group = config.target_groups.get(each.target_group)
        if group is None:
            known = list(config.target_groups)
            text = f"there is no target group {each.target_group!r}"
            where = (*path, "target_groups", at, "target_group")
            text += nearest(each.target_group, known)
            document.error(where, "config.reference", text)
            continue
        is_sticky, kind = stickiness_of(group)
        if several and is_sticky:
            if not holds:
                text = (
                    f"target group {each.target_group!r} is sticky: a forward to several groups "
                    "then needs stickiness of its own"
                )
                document.error(path, "alb.stickiness", text, key=True)
            if kind == "app_cookie":
                text = "stickiness of type app_cookie does not go with several target groups"
                document.error(path, "alb.stickiness", text, key=True)
        if group.protocol_version != "HTTP1" and not listener.is_https:
            text = (
                f"target group {each.target_group!r} with protocol version "
                f"{group.protocol_version} needs a listener with protocol HTTPS"
            )
            document.error(path, "alb.protocol-version", text, key=True)
