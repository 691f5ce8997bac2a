"""Checked target groups and load balancers → the immutable values that requests use."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

from edgegw.alb import attributes
from edgegw.alb import model as alb
from edgegw.alb.rules import compile_rewrite
from edgegw.awslambda.names import Account
from edgegw.config.addresses import host_and_port
from edgegw.config.balancers import keys
from edgegw.config.balancers.actions import Reach, made_actions
from edgegw.config.balancers.conditions import made_condition
from edgegw.config.functions.make import function_ref
from edgegw.config.gateway.hosts import Hosts


def load_balancer_dns_name(name: str, region: str) -> str:
    """The DNS name that a load balancer pretends to have."""
    number = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
    return f"{name}-{number}.{region}.elb.amazonaws.com".lower()


class BalancerResolver:
    """Makes the load balancers of one configuration; each target group is made once."""

    def __init__(
        self,
        groups: Mapping[str, keys.TargetGroup],
        account: Account,
        base: Path,
        hosts: Hosts = Hosts(),  # noqa: B008 - a value
    ) -> None:
        self._account = account
        self._base = base
        self._prefix = f"arn:aws:elasticloadbalancing:{account.region}:{account.account_id}:"
        self.target_groups = {name: self._target_group(name, each) for name, each in groups.items()}
        self._reach = Reach(self.target_groups, hosts)

    def load_balancer(self, name: str, given: keys.LoadBalancer) -> alb.LoadBalancer:
        return alb.LoadBalancer(
            name,
            f"{self._prefix}loadbalancer/app/{name}/{_hex(name)}",
            load_balancer_dns_name(name, self._account.region),
            _attributes(given.attributes),
            alb.Logs(
                self._file(given.access_log),
                self._file(given.connection_log),
                self._file(given.health_check_log),
            ),
        )

    def _file(self, path: str | None) -> str | None:
        return None if path is None else str(self._base / path)

    def listener(
        self, balancer: alb.LoadBalancer, given: keys.Listener, *, tls: bool
    ) -> alb.Listener:
        port = given.public_port or given.listen.port
        arn = balancer.arn.replace(":loadbalancer/", ":listener/")
        mutual = given.mutual_authentication
        return alb.Listener(
            balancer,
            port,
            given.public_protocol or ("HTTPS" if tls else "HTTP"),
            tuple(self._rule(rule) for rule in sorted(given.rules, key=lambda key: key.priority)),
            alb.Rule(None, (), made_actions(given.default_actions, self._reach)),
            f"{arn}/{_hex(f'{balancer.name} {given.listen.address} {given.listen.port}')}",
            _response_headers(given.attributes),
            _renamed(given.attributes),
            "off" if mutual is None else mutual.mode,
        )

    def _rule(self, given: keys.Rule) -> alb.Rule:
        host = url = None
        for each in given.transforms:
            if each.host_header_rewrite is not None:
                rewrite = each.host_header_rewrite
                host = compile_rewrite(rewrite.regex, rewrite.replace)
            elif each.url_rewrite is not None:
                url = compile_rewrite(each.url_rewrite.regex, each.url_rewrite.replace)
        return alb.Rule(
            given.priority,
            tuple(made_condition(condition) for condition in given.conditions),
            made_actions(given.actions, self._reach),
            host,
            url,
        )

    def _target_group(self, name: str, given: keys.TargetGroup) -> alb.TargetGroup:
        arn = f"{self._prefix}targetgroup/{name}/{_hex(name)}"
        found = attributes.with_defaults(attributes.TARGET_GROUP, given.attributes)
        if given.target_type == "lambda":
            multi = given.multi_value_headers
            multi = multi or found["lambda.multi_value_headers.enabled"] == "true"
            check = _health_check(given)
            return alb.LambdaTargetGroup(name, arn, function_ref(str(given.function)), multi, check)
        routing = "target_group_health.unhealthy_state_routing.minimum_healthy_targets."
        count, share = found[f"{routing}count"], found[f"{routing}percentage"]
        return alb.IpTargetGroup(
            name,
            arn,
            tuple(parse_target(each) for each in given.targets),
            given.protocol,
            given.protocol_version,
            _health_check(given),
            cast("alb.Algorithm", found["load_balancing.algorithm.type"]),
            _stickiness(given.stickiness, found),
            float(found["slow_start.duration_seconds"]),
            float(found["deregistration_delay.timeout_seconds"]),
            0 if count == "off" else int(count),
            0.0 if share == "off" else float(share),
        )


def parse_target(text: str) -> alb.Target:
    """The target `ADDRESS:PORT`."""
    return alb.Target(*host_and_port(text))


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _health_check(given: keys.TargetGroup) -> alb.HealthCheck:
    """The health check as configured; AWS's defaults for the type of target group."""
    check = given.health_check
    is_lambda, is_grpc = given.target_type == "lambda", given.protocol_version == "GRPC"
    port = check.port or "traffic-port"
    return alb.HealthCheck(
        (not is_lambda) if check.enabled is None else check.enabled,
        check.protocol or given.protocol,
        check.path or ("/AWS.ALB/healthcheck" if is_grpc else "/"),
        None if port == "traffic-port" else int(port),
        check.interval or (35.0 if is_lambda else 30.0),
        check.timeout or (30.0 if is_lambda else 5.0),
        check.healthy_threshold or 5,
        check.unhealthy_threshold or 2,
        _ranges(check.matcher or ("12" if is_grpc else "200")),
    )


def _ranges(matcher: str) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for low, high in re.findall(r"(\d+)(?:-(\d+))?", matcher):
        found.append((int(low), int(high or low)))
    return tuple(found)


def _stickiness(
    given: keys.TargetStickiness | None, attributes: Mapping[str, str]
) -> alb.Stickiness | None:
    """From the key `stickiness`, else from the attributes."""
    if given is not None:
        name = given.cookie_name or attributes["stickiness.app_cookie.cookie_name"]
        is_app = given.type == "app_cookie"
        return alb.Stickiness(given.duration, name if is_app else None) if given.enabled else None
    if attributes["stickiness.enabled"] != "true":
        return None
    kind = attributes["stickiness.type"]
    name = attributes["stickiness.app_cookie.cookie_name"]
    return alb.Stickiness(
        float(attributes[f"stickiness.{kind}.duration_seconds"]),
        name if kind == "app_cookie" else None,
    )


def _attributes(given: Mapping[str, str]) -> alb.Attributes:
    found = attributes.with_defaults(attributes.LOAD_BALANCER, given)

    def is_on(key: str) -> bool:
        return found[f"routing.{key}.enabled"] == "true"

    return alb.Attributes(
        float(found["idle_timeout.timeout_seconds"]),
        float(found["client_keep_alive.seconds"]),
        is_on("http2"),
        is_on("http.drop_invalid_header_fields"),
        is_on("http.preserve_host_header"),
        cast(
            "Literal['append', 'preserve', 'remove']",
            found["routing.http.xff_header_processing.mode"],
        ),
        is_on("http.xff_client_port"),
        is_on("http.x_amzn_tls_version_and_cipher_suite"),
        cast("alb.DesyncMode", found["routing.http.desync_mitigation_mode"]),
    )


def _named(key: str, prefix: str, suffix: str) -> str:
    """The header that an attribute's key names: `x_frame_options` is `X-Frame-Options`."""
    return key.removeprefix(prefix).removesuffix(suffix).replace("_", "-").title()


def _response_headers(given: Mapping[str, str]) -> alb.ResponseHeaders:
    prefix, suffix = "routing.http.response.", ".header_value"
    lines = tuple(
        (_named(key, prefix, suffix).encode(), value.encode())
        for key, value in given.items()
        if key.endswith(suffix) and value
    )
    return alb.ResponseHeaders(lines, given.get(f"{prefix}server.enabled") != "false")


def _renamed(given: Mapping[str, str]) -> Mapping[str, str]:
    prefix, suffix = "routing.http.request.", ".header_name"
    return {
        _named(key, prefix, suffix).lower(): value
        for key, value in given.items()
        if key.endswith(suffix) and value
    }
