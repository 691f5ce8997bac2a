"""What must hold for target groups and load balancers: AWS's rules beyond keys and types."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path as FilePath
from typing import Final

from edgegw.alb import attributes
from edgegw.alb.expressions import compile_expression
from edgegw.alb.rules import compile_rewrite, redirect_fault
from edgegw.alb.stickiness import PREFIXES
from edgegw.config import balancer_schema as schema
from edgegw.config.document import Document, Path
from edgegw.config.function_check import check_reference
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest

_MAX_PATTERN: Final = 128
_MAX_RULE_VALUES: Final = 5
_MAX_CONDITION_VALUES: Final = 3
_MAX_SOURCE_IPS: Final = 5
_MAX_WILDCARDS: Final = 5
_HOST_PATTERN: Final = re.compile(r"[A-Za-z0-9\-.*?]*\.[A-Za-z]+")
_PATH_PATTERN: Final = re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&*?]+")
_METHOD: Final = re.compile(r"[A-Z_\-]{1,40}")
_HEADER_NAME: Final = re.compile(r"[!#$%&'+\-.^_`|~0-9A-Za-z]{1,40}")


def check_balancers(document: Document, config: Config, base: FilePath) -> None:
    """Adds what is wrong with target groups and load balancers to the findings."""
    for name, group in config.target_groups.items():
        _check_target_group(document, ("target_groups", name), group, config)
    for name, balancer in config.load_balancers.items():
        path: Path = ("load_balancers", name)
        _check_attributes(document, path, balancer.attributes, attributes.LOAD_BALANCER)
        for at, listener in enumerate(balancer.listeners):
            _check_listener(document, (*path, "listeners", at), listener, config, base)


# Target groups


def _check_target_group(
    document: Document, path: Path, group: schema.TargetGroup, config: Config
) -> None:
    _check_attributes(document, path, group.attributes, attributes.TARGET_GROUP)
    _check_health(document, (*path, "health_check"), group)
    if group.target_type == "lambda":
        _check_lambda(document, path, group, config)
        return
    if group.function is not None:
        text = f"'function' belongs to target_type lambda, this is {group.target_type}"
        document.error((*path, "function"), "alb.function", text, key=True)
    for at, target in enumerate(group.targets):
        host, mark, port = target.rpartition(":")
        if not (mark and host and port.isdigit() and 0 < int(port) <= 65535):
            text = f"{target!r} must be ADDRESS:PORT, such as 127.0.0.1:3000"
            document.error((*path, "targets", at), "alb.targets", text)
    _check_stickiness(document, path, group)


def _check_lambda(
    document: Document, path: Path, group: schema.TargetGroup, config: Config
) -> None:
    if group.function is None:
        text = "a target group of type lambda needs the key 'function'"
        document.error(path, "alb.function", text, key=True)
    else:
        check_reference(document, (*path, "function"), group.function, config)
    if group.targets:
        text = "a target group of type lambda has no 'targets'"
        document.error((*path, "targets"), "alb.targets", text, key=True)
    for key in ("stickiness", "protocol", "protocol_version"):
        if key in group.model_fields_set:
            text = f"{key!r} does not apply to target_type lambda"
            document.error((*path, key), "alb.target-group", text, key=True)
    for key in group.attributes:
        if not key.startswith("lambda."):
            text = f"{key!r} does not apply to target_type lambda"
            document.error((*path, "attributes", key), "alb.attribute", text, key=True)


def _stickiness(group: schema.TargetGroup) -> tuple[bool, str]:
    """Whether the group is sticky, and of which type; the key comes before the attributes."""
    if group.stickiness is not None:
        return group.stickiness.enabled, group.stickiness.type
    found = attributes.with_defaults(attributes.TARGET_GROUP, group.attributes)
    return found["stickiness.enabled"] == "true", found["stickiness.type"]


def _check_stickiness(document: Document, path: Path, group: schema.TargetGroup) -> None:
    found = attributes.with_defaults(attributes.TARGET_GROUP, group.attributes)
    algorithm = found["load_balancing.algorithm.type"]
    sticky = group.stickiness
    is_sticky, kind = _stickiness(group)
    cookie = (sticky.cookie_name if sticky is not None else "") or found[
        "stickiness.app_cookie.cookie_name"
    ]
    where = (*path, "stickiness") if sticky is not None else (*path, "attributes")
    if is_sticky and algorithm == "weighted_random":
        text = "stickiness does not go with the algorithm weighted_random"
        document.error(where, "alb.stickiness", text, key=True)
    if is_sticky and found["load_balancing.cross_zone.enabled"] == "false":
        text = "stickiness needs cross-zone load balancing, which is switched off here"
        document.error(where, "alb.stickiness", text, key=True)
    if is_sticky and kind == "app_cookie" and not cookie:
        text = "stickiness of type app_cookie needs the name of the application's cookie"
        document.error(where, "alb.stickiness", text, key=True)
    if cookie.startswith(PREFIXES):
        text = f"the cookie name {cookie!r} begins with AWSALB, which is the load balancer's own"
        document.error(where, "alb.stickiness", text, key=True)
    if found["slow_start.duration_seconds"] != "0" and algorithm != "round_robin":
        text = f"slow start does not go with the algorithm {algorithm}"
        document.error((*path, "attributes"), "alb.slow-start", text, key=True)


_RANGES: Final = {
    "interval": (5, 300),
    "timeout": (2, 120),
    "healthy_threshold": (2, 10),
    "unhealthy_threshold": (2, 10),
}
_CODES: Final = re.compile(r"\d{1,3}(-\d{1,3})?(,\d{1,3}(-\d{1,3})?)*")


def _check_health(document: Document, path: Path, group: schema.TargetGroup) -> None:
    check = group.health_check
    for key, (low, high) in _RANGES.items():
        value = getattr(check, key)
        if value is not None and not low <= value <= high:
            text = f"AWS takes {low} to {high}; {value:g} is fine here only"
            document.warning((*path, key), "alb.health-check", text)
    default = 35.0 if group.target_type == "lambda" else 30.0
    timeout = 30.0 if group.target_type == "lambda" else 5.0
    if (check.timeout or timeout) >= (check.interval or default):
        text = "the interval of a health check must be longer than its timeout"
        document.error(path, "alb.health-check", text, key=True)
    for key in ("protocol", "port") if group.target_type == "lambda" else ():
        if key in check.model_fields_set:
            text = f"{key!r} does not apply to target_type lambda"
            document.error((*path, key), "alb.health-check", text, key=True)
    if check.enabled is False and group.target_type != "lambda":
        text = "AWS checks ip and instance targets always; here they count as healthy"
        document.warning((*path, "enabled"), "alb.health-check", text)
    if check.path is not None and not check.path.startswith("/"):
        document.error((*path, "path"), "alb.health-check", "the path must start with /")
    if check.port not in (None, "traffic-port") and not _is_port(str(check.port)):
        text = "the port must be traffic-port or a number from 1 to 65535"
        document.error((*path, "port"), "alb.health-check", text)
    if check.matcher is not None:
        low, high = (0, 99) if group.protocol_version == "GRPC" else (200, 499)
        numbers = [int(each) for each in re.findall(r"\d+", check.matcher)]
        if not _CODES.fullmatch(check.matcher) or any(not low <= n <= high for n in numbers):
            text = f"{check.matcher!r} must be codes from {low} to {high}: 200, 200,202 or 200-299"
            document.error((*path, "matcher"), "alb.health-check", text)


def _is_port(text: str) -> bool:
    return text.isdigit() and 1 <= int(text) <= 65535


def _check_attributes(
    document: Document,
    path: Path,
    given: Mapping[str, str],
    table: Mapping[str, attributes.Attribute],
) -> None:
    for key, value in given.items():
        where = (*path, "attributes", key)
        attribute = table.get(key)
        if attribute is None:
            text = f"there is no attribute {key!r}{nearest(key, list(table))}"
            document.error(where, "alb.attribute", text, key=True)
            continue
        fault = attribute.fault(value)
        if fault is not None:
            document.error(where, "alb.attribute", f"{value!r} {fault}")
        elif not attribute.is_felt and value != attribute.default:
            text = f"{key!r} has no effect here"
            document.warning(where, "config.no-effect-yet", text, key=True)


# Listeners


def _check_listener(
    document: Document, path: Path, listener: schema.Listener, config: Config, base: FilePath
) -> None:
    if (listener.certificate is None) != (listener.key is None):
        document.error(path, "alb.certificate", "'certificate' and 'key' belong together")
    _check_attributes(document, path, listener.attributes, attributes.LISTENER)
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
    actions: Path = (*path, "default_actions")
    _check_actions(document, actions, listener.default_actions, config, listener)


def _check_mutual(
    document: Document,
    path: Path,
    listener: schema.Listener,
    mutual: schema.MutualAuthentication,
    base: FilePath,
) -> None:
    where = (*path, "mutual_authentication")
    if mutual.mode != "off" and not (listener.listen.tls or listener.protocol == "HTTPS"):
        text = "mutual authentication needs a listener with protocol HTTPS"
        document.error(where, "alb.mutual-authentication", text, key=True)
    if (mutual.mode == "verify") != (mutual.trust_store is not None):
        text = "a trust_store belongs to mode verify, and mode verify needs one"
        document.error(where, "alb.mutual-authentication", text, key=True)
    elif mutual.trust_store is not None and not (base / mutual.trust_store).is_file():
        text = f"there is no file {mutual.trust_store}"
        document.error((*where, "trust_store"), "config.file", text)


def _only_key(document: Document, path: Path, given: set[str], kind: str) -> str | None:
    """The key of a mapping that has exactly one; else that is noted."""
    if len(given) == 1:
        return next(iter(given))
    if not given and any(each[:-1] == path for each in document.keys):
        return None  # there is one, and what is wrong with it is noted already
    article = "an" if kind[0] in "aeiou" else "a"
    found = ", ".join(sorted(given)) or "none"
    text = f"{article} {kind} is a mapping of one key; found {found}"
    document.error(path, f"alb.{kind}", text)
    return None


# Conditions

_ONCE: Final = ("path_pattern", "host_header", "http_request_method", "source_ip")


def _check_conditions(document: Document, path: Path, rule: schema.Rule) -> None:
    kinds: Counter[str] = Counter()
    values = wildcards = 0
    for at, condition in enumerate(rule.conditions):
        where = (*path, "conditions", at)
        kind = _only_key(document, where, condition.model_fields_set, "condition")
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
        most = _MAX_SOURCE_IPS if kind == "source_ip" else _MAX_CONDITION_VALUES
        if len(texts) > most:
            text = f"a condition has at most {most} values"
            document.error((*where, kind), "alb.condition-values", text)
    if values > _MAX_RULE_VALUES:
        text = f"the conditions of a rule have at most {_MAX_RULE_VALUES} values in all"
        document.error((*path, "conditions"), "alb.condition-values", text, key=True)
    if wildcards > _MAX_WILDCARDS:
        text = f"{wildcards} wildcards; AWS takes {_MAX_WILDCARDS} in a rule, by one page 6"
        document.warning((*path, "conditions"), "alb.wildcards", text, key=True)


def _value_fault(document: Document, path: Path, text: str) -> None:
    document.error(path, "alb.condition-value", text)


def _check_patterns(kind: str, pattern: re.Pattern[str], rule: str):
    def check(document: Document, path: Path, condition: schema.Condition) -> list[str]:
        values: list[str] = getattr(condition, kind)
        for at, value in enumerate(values):
            if len(value) > _MAX_PATTERN or not pattern.fullmatch(value):
                _value_fault(document, (*path, at), f"{value!r}: {rule}")
        return values

    return check


def _check_regexes(kind: str):
    def check(document: Document, path: Path, condition: schema.Condition) -> list[str]:
        found = getattr(condition, kind)
        if isinstance(found, schema.HttpHeader):
            _check_header_name(document, path, found.name)
            values, where = found.values, (*path, "values")
        else:
            values, where = found, path
        for at, value in enumerate(values):
            if len(value) > _MAX_PATTERN:
                _value_fault(
                    document, (*where, at), f"a regex has at most {_MAX_PATTERN} characters"
                )
            try:
                compile_expression(value)
            except ValueError as error:
                _value_fault(document, (*where, at), str(error))
        return values

    return check


def _check_header_name(document: Document, path: Path, name: str) -> None:
    if name.lower() == "host":
        text = "the Host header is judged by host_header"
        _value_fault(document, (*path, "name"), text)
    elif not _HEADER_NAME.fullmatch(name):
        text = f"{name!r} is no header name; it takes no wildcards"
        _value_fault(document, (*path, "name"), text)


def _check_header(document: Document, path: Path, condition: schema.Condition) -> list[str]:
    found = condition.http_header
    assert found is not None
    _check_header_name(document, path, found.name)
    for at, value in enumerate(found.values):
        if not 1 <= len(value) <= _MAX_PATTERN:
            text = f"a value has 1 to {_MAX_PATTERN} characters"
            _value_fault(document, (*path, "values", at), text)
    return found.values


def _check_query(document: Document, path: Path, condition: schema.Condition) -> list[str]:
    for at, pair in enumerate(condition.query_string or []):
        for key in ("key", "value"):
            text = getattr(pair, key)
            if text is not None and not 1 <= len(text) <= _MAX_PATTERN:
                fault = f"a {key} has 1 to {_MAX_PATTERN} characters"
                _value_fault(document, (*path, at, key), fault)
    return [pair.value for pair in condition.query_string or []]


def _check_source_ip(document: Document, path: Path, condition: schema.Condition) -> list[str]:
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


_CHECKS: Final[Mapping[str, Callable[[Document, Path, schema.Condition], list[str]]]] = {
    "path_pattern": _check_patterns(
        "path_pattern",
        _PATH_PATTERN,
        "a path pattern has at most 128 of A-Z a-z 0-9 _-.$/~\"'@:+& and * ?",
    ),
    "host_header": _check_patterns(
        "host_header",
        _HOST_PATTERN,
        "a host has at most 128 of A-Z a-z 0-9 - . * ?, with only letters behind the last dot",
    ),
    "http_request_method": _check_patterns(
        "http_request_method", _METHOD, "a method has at most 40 of A-Z - _, and no wildcards"
    ),
    "source_ip": _check_source_ip,
    "http_header": _check_header,
    "query_string": _check_query,
    "host_header_regex": _check_regexes("host_header_regex"),
    "path_pattern_regex": _check_regexes("path_pattern_regex"),
    "http_header_regex": _check_regexes("http_header_regex"),
}


def _check_transforms(document: Document, path: Path, rule: schema.Rule) -> None:
    seen: set[str] = set()
    for at, each in enumerate(rule.transforms):
        where = (*path, "transforms", at)
        kind = _only_key(document, where, each.model_fields_set, "transform")
        if kind is None:
            continue
        if kind in seen:
            document.error((*where, kind), "alb.transform", f"a rule has one {kind}", key=True)
        seen.add(kind)
        rewrite: schema.Rewrite = getattr(each, kind)
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
    path: Path,
    actions: list[schema.Action],
    config: Config,
    listener: schema.Listener,
) -> None:
    final = 0
    for at, action in enumerate(actions):
        given = action.model_fields_set - {"order"}
        _only_key(document, (*path, at), given, "action")
        final += sum(kind in given for kind in _FINAL_ACTIONS)
        if given & set(_SIGN_IN) and not listener.is_https:
            text = f"{', '.join(given)} needs a listener with protocol HTTPS"
            document.error((*path, at), "alb.action", text)
        if action.redirect is not None:
            where = (*path, at, "redirect")
            _check_redirect(document, where, action.redirect, listener)
        if action.forward is not None:
            _check_forward(document, (*path, at, "forward"), action.forward, config, listener)
    if final != 1:
        text = "a rule has exactly one of forward, redirect and fixed_response"
        document.error(path, "alb.actions", text, key=True)
    orders = [action.order for action in actions]
    if len(actions) > 1 and (None in orders or len(set(orders)) < len(orders)):
        text = "several actions need an 'order' each, no two the same"
        document.error(path, "alb.actions", text, key=True)


def _check_redirect(
    document: Document, path: Path, redirect: schema.Redirect, listener: schema.Listener
) -> None:
    for field in ("host", "port", "path", "query"):
        fault = redirect_fault(field, getattr(redirect, field))
        if fault is not None:
            document.error((*path, field), "alb.redirect", fault)
    if listener.is_https and redirect.protocol == "HTTP":
        text = "a listener with protocol HTTPS does not redirect to HTTP"
        document.error((*path, "protocol"), "alb.redirect", text)
    fields = schema.Redirect.model_fields
    if all(
        getattr(redirect, each) == fields[each].default
        for each in ("protocol", "host", "port", "path")
    ):
        text = "a redirect must change protocol, host, port or path, or it never ends"
        document.error(path, "alb.redirect", text, key=True)
    if redirect.port.isdigit() and int(redirect.port) > 65535:
        document.error((*path, "port"), "alb.redirect", "a port is at most 65535")


def _check_forward(
    document: Document,
    path: Path,
    forward: schema.Forward,
    config: Config,
    listener: schema.Listener,
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
        is_sticky, kind = _stickiness(group)
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
