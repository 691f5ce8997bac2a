"""What must hold for target groups: AWS's rules beyond keys and types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from edgegw.alb import attributes, quotas
from edgegw.alb.stickiness import PREFIXES
from edgegw.config.addresses import host_and_port, port_of
from edgegw.config.balancers import keys
from edgegw.config.document import Document, KeyPath
from edgegw.config.functions.rules import check_reference
from edgegw.config.schema import Config
from edgegw.config.spelling import nearest
from edgegw.http.grammar import is_target


def check_target_group(
    document: Document, path: KeyPath, group: keys.TargetGroup, config: Config
) -> None:
    """Adds what is wrong with a target group to the findings."""
    check_attributes(document, path, group.attributes, attributes.TARGET_GROUP)
    _check_health(document, (*path, "health_check"), group)
    if group.target_type == "lambda":
        _check_lambda(document, path, group, config)
        return
    if group.function is not None:
        text = f"'function' belongs to target_type lambda, this is {group.target_type}"
        document.error((*path, "function"), "alb.function", text, key=True)
    for at, target in enumerate(group.targets):
        try:
            host_and_port(target)
        except ValueError as error:
            text = f"{target!r} must be ADDRESS:PORT, such as localhost:3000: {error}"
            document.error((*path, "targets", at), "alb.targets", text)
    _check_stickiness(document, path, group)


def _check_lambda(
    document: Document, path: KeyPath, group: keys.TargetGroup, config: Config
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


def stickiness_of(group: keys.TargetGroup) -> tuple[bool, str]:
    """Whether the group is sticky, and of which type; the key comes before the attributes."""
    if group.stickiness is not None:
        return group.stickiness.enabled, group.stickiness.type
    found = attributes.with_defaults(attributes.TARGET_GROUP, group.attributes)
    return found["stickiness.enabled"] == "true", found["stickiness.type"]


def _check_stickiness(document: Document, path: KeyPath, group: keys.TargetGroup) -> None:
    found = attributes.with_defaults(attributes.TARGET_GROUP, group.attributes)
    algorithm = found["load_balancing.algorithm.type"]
    sticky = group.stickiness
    is_sticky, kind = stickiness_of(group)
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
    fault = attributes.TARGET_GROUP["stickiness.app_cookie.cookie_name"].fault(cookie)
    if cookie and fault is not None:
        document.error(where, "alb.stickiness", f"the cookie name {cookie!r} {fault}", key=True)
    if cookie.startswith(PREFIXES):
        text = f"the cookie name {cookie!r} begins with AWSALB, which is the load balancer's own"
        document.error(where, "alb.stickiness", text, key=True)
    if found["slow_start.duration_seconds"] != "0" and algorithm != "round_robin":
        text = f"slow start does not go with the algorithm {algorithm}"
        document.error((*path, "attributes"), "alb.slow-start", text, key=True)


_CODES: Final = re.compile("[0-9]{1,3}(-[0-9]{1,3})?(,[0-9]{1,3}(-[0-9]{1,3})?)*")


def _check_health(document: Document, path: KeyPath, group: keys.TargetGroup) -> None:
    check = group.health_check
    for key, (low, high) in quotas.HEALTH_CHECK_RANGES.items():
        value = getattr(check, key)
        if value is not None and not low <= value <= high:
            text = f"AWS takes {low} to {high}; {value:g} is fine here only"
            document.warning((*path, key), "alb.health-check", text)
    default = 35.0 if group.target_type == "lambda" else 30.0
    timeout = 30.0 if group.target_type == "lambda" else 5.0
    timeout, interval = check.timeout or timeout, check.interval or default
    if timeout >= interval:
        longest = quotas.HEALTH_CHECK_RANGES["interval"][1]
        text = (
            f"the interval of a health check must be longer than its timeout: above {timeout:g} s, "
            f"at most {longest} s, not {interval:g} s"
        )
        document.error(path, "alb.health-check", text, key=True)
    for key in ("protocol", "port") if group.target_type == "lambda" else ():
        if key in check.model_fields_set:
            text = f"{key!r} does not apply to target_type lambda"
            document.error((*path, key), "alb.health-check", text, key=True)
    if check.enabled is False and group.target_type != "lambda":
        text = "AWS checks ip and instance targets always; here they count as healthy"
        document.warning((*path, "enabled"), "alb.health-check", text)
    if check.path is not None and not is_target(check.path):
        text = "the path must start with / and hold no blanks"
        document.error((*path, "path"), "alb.health-check", text)
    if check.port not in (None, "traffic-port") and port_of(str(check.port)) is None:
        text = "the port must be traffic-port or a number from 1 to 65535"
        document.error((*path, "port"), "alb.health-check", text)
    if check.matcher is not None:
        is_grpc = group.protocol_version == "GRPC"
        low, high = quotas.GRPC_CODES if is_grpc else quotas.HTTP_CODES
        is_list = _CODES.fullmatch(check.matcher) is not None
        numbers = [int(each) for each in re.findall("[0-9]+", check.matcher)] if is_list else []
        if not is_list or any(not low <= n <= high for n in numbers):
            text = f"{check.matcher!r} must be codes from {low} to {high}: 200, 200,202 or 200-299"
            document.error((*path, "matcher"), "alb.health-check", text)


def check_attributes(
    document: Document,
    path: KeyPath,
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
        elif not attribute.has_effect and value != attribute.default:
            text = f"{key!r} has no effect here"
            document.warning(where, "config.no-effect-yet", text, key=True)
