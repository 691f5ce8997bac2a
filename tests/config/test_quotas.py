"""Where quotas begin to hurt: the last number that AWS takes, and the one behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edgegw.config.document import document_of
from edgegw.config.resolve import load_document
from edgegw.errors import ConfigError
from tests.config.test_config import FUNCTIONS

Document = dict[str, Any]


def distribution(**more: Any) -> Document:
    site: Document = {
        "listen": 0,
        "origins": {"app": {"url": "http://127.0.0.1:3000"}},
        "default_behavior": {"origin": "app"},
        **more,
    }
    return {"distributions": {"site": site}}


def behaviors(count: int) -> Document:
    rows = [{"path_pattern": f"/{at}", "origin": "app"} for at in range(count)]
    return distribution(behaviors=rows)


def origins(count: int) -> Document:
    named = {f"o{at}": {"url": "http://127.0.0.1:3000"} for at in range(count)}
    return distribution(origins=named, default_behavior={"origin": "o0"})


def with_headers(headers: dict[str, str]) -> Document:
    return distribution(
        origins={"app": {"url": "http://127.0.0.1:3000", "custom_headers": headers}}
    )


def custom_headers(count: int) -> Document:
    return with_headers({f"x-{at}": "a" for at in range(count)})


def custom_header_name(length: int) -> Document:
    return with_headers({"x" * length: "a"})


def custom_header_value(length: int) -> Document:
    return with_headers({"x": "a" * length})


def custom_header_characters(size: int) -> Document:
    """Ten headers of a thousand characters, and one with the rest."""
    headers = {f"x-{at}": "a" * 997 for at in range(10)}
    return with_headers({**headers, "y": "a" * (size - 10_001)})


def policy_headers(count: int) -> Document:
    items = [f"x-{at}" for at in range(count)]
    policy = {"headers": {"behavior": "whitelist", "items": items}}
    return {**distribution(), "cache_policies": {"mine": policy}}


FIXED: Document = {"fixed_response": {"status_code": 200}}


def balancer(**more: Any) -> Document:
    listener: Document = {"listen": 0, "default_actions": [FIXED], **more}
    return {"load_balancers": {"web": {"listeners": [listener]}}}


def rule(priority: int, **condition: Any) -> Document:
    return {"priority": priority, "conditions": [condition], "actions": [FIXED]}


def rules(count: int) -> Document:
    return balancer(rules=[rule(at + 1, path_pattern=[f"/{at}"]) for at in range(count)])


def listeners(count: int) -> Document:
    row: Document = {"listen": 0, "default_actions": [FIXED]}
    return {"load_balancers": {"web": {"listeners": [row] * count}}}


def targets(count: int) -> Document:
    addresses = [f"10.0.{at // 250}.{at % 250 + 1}:80" for at in range(count)]
    found = balancer(default_actions=[{"forward": "app"}])
    return {**found, "target_groups": {"app": {"targets": addresses}}}


def target_groups(count: int) -> Document:
    names = [f"g{at}" for at in range(count)]
    rows = [
        {**rule(at + 1, path_pattern=[f"/{at}"]), "actions": [{"forward": name}]}
        for at, name in enumerate(names)
    ]
    groups = {name: {"targets": ["10.0.0.1:80"]} for name in names}
    return {**balancer(rules=rows[1:], default_actions=rows[0]["actions"]), "target_groups": groups}


def path_values(count: int) -> Document:
    return balancer(rules=[rule(1, path_pattern=[f"/{at}" for at in range(count)])])


def source_ips(count: int) -> Document:
    return balancer(rules=[rule(1, source_ip=[f"10.0.{at}.0/24" for at in range(count)])])


def rule_values(count: int) -> Document:
    """Three paths, and methods for the rest."""
    more = ["GET", "POST", "PUT"][: count - 3]
    conditions = [{"path_pattern": ["/1", "/2", "/3"]}, {"http_request_method": more}]
    return balancer(rules=[{"priority": 1, "conditions": conditions, "actions": [FIXED]}])


def pattern_length(length: int) -> Document:
    return balancer(rules=[rule(1, path_pattern=["/" + "a" * (length - 1)])])


def header_name_length(length: int) -> Document:
    return balancer(rules=[rule(1, http_header={"name": "x" * length, "values": ["a"]})])


def codes(document: Document) -> set[str]:
    """What keeps the configuration from being deployed."""
    try:
        load_document(document_of(document), FUNCTIONS, deploy=True)
    except ConfigError as error:
        return {each.code for each in error.findings if each.severity == "error"}
    return set()


QUOTAS: list[tuple[Callable[[int], Document], int, str]] = [
    # CloudFront Developer Guide, "Quotas"
    (behaviors, 75, "cloudfront.behaviors"),
    (origins, 100, "cloudfront.origins"),
    (custom_headers, 30, "cloudfront.origin-header"),
    (custom_header_name, 256, "cloudfront.origin-header"),
    (custom_header_value, 1783, "cloudfront.origin-header"),
    (custom_header_characters, 10_240, "cloudfront.origin-header"),
    (policy_headers, 10, "cloudfront.cache-policy"),
    # ELB User Guide for ALB, "Quotas for your Application Load Balancers"
    (listeners, 50, "alb.quota"),
    (rules, 100, "alb.quota"),
    (targets, 1000, "alb.quota"),
    (target_groups, 100, "alb.quota"),
    # "Condition types for listener rules"
    (path_values, 3, "alb.condition-values"),
    (source_ips, 5, "alb.condition-values"),
    (rule_values, 5, "alb.condition-values"),
    (pattern_length, 128, "alb.condition-value"),
    (header_name_length, 40, "config.type"),
]


@pytest.mark.parametrize(
    ("made", "most", "code"), QUOTAS, ids=lambda each: getattr(each, "__name__", None)
)
def test_quota(made: Callable[[int], Document], most: int, code: str) -> None:
    assert (codes(made(most)), codes(made(most + 1))) == (set(), {code})
