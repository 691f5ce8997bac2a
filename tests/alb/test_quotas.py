"""How much of everything a load balancer may have, and what its attributes may be."""

from __future__ import annotations

import pytest

from edgegw.alb import quotas
from edgegw.alb.attributes import LISTENER, LOAD_BALANCER, TARGET_GROUP, with_defaults
from edgegw.alb.model import LAMBDA_HEALTH_CHECK, Attributes, HealthCheck

LIMITS_PAGE = {
    # ELB User Guide for ALB, "Quotas for your Application Load Balancers"
    "MAX_LISTENERS": 50,
    "MAX_RULES": 100,
    "MAX_CERTIFICATES": 25,
    "MAX_VERIFYING": 2,
    "MAX_TARGET_GROUPS": 100,
    "MAX_TARGETS": 1000,
    "MAX_RULE_VALUES": 5,
    # "Condition types for listener rules", "Listener rules"
    "MAX_PATTERN": 128,
    "MAX_HEADER_NAME": 40,
    "MAX_CONDITION_VALUES": 3,
    "MAX_SOURCE_IPS": 5,
    "MAX_WILDCARDS": 5,
    "MAX_PRIORITY": 50_000,
    # "Rule action types", "Rule transforms"
    "MAX_WEIGHT": 999,
    "MAX_FORWARDS": 5,
    "STICKINESS_RANGE": (1, 604_800),
    "MAX_MESSAGE": 1024,
    "MAX_REDIRECT_PART": 128,
    "MAX_REWRITE": 1024,
    # "Health checks for target groups"
    "MAX_CHECK_PATH": 1024,
    "HEALTH_CHECK_RANGES": {
        "interval": (5, 300),
        "timeout": (2, 120),
        "healthy_threshold": (2, 10),
        "unhealthy_threshold": (2, 10),
    },
    "HTTP_CODES": (200, 499),
    "GRPC_CODES": (0, 99),
}


def test_quotas() -> None:
    found = {
        name: value
        for name, value in vars(quotas).items()
        if name.isupper() and name[0] != "_" and isinstance(value, (int, tuple, dict))
    }
    assert found == LIMITS_PAGE


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("web", True),
        ("a" * 32, True),
        ("a" * 33, False),
        ("-web", False),
        ("web-", False),
        ("w_b", False),
    ],
)
def test_names(name: str, fits: bool) -> None:
    """Elastic Load Balancing API reference, CreateLoadBalancer, Name."""
    assert bool(quotas.RESOURCE_NAME.fullmatch(name)) is fits


def test_default_health_checks() -> None:
    """ELB User Guide for ALB, "Health checks for target groups"."""
    assert HealthCheck() == HealthCheck(
        is_enabled=True,
        protocol="HTTP",
        path="/",
        port=None,
        interval=30.0,
        timeout=5.0,
        healthy_threshold=5,
        unhealthy_threshold=2,
        matcher=((200, 200),),
    )
    assert HealthCheck(is_enabled=False, interval=35.0, timeout=30.0) == LAMBDA_HEALTH_CHECK


def test_defaults_of_a_load_balancer() -> None:
    """ELB User Guide for ALB, "Load balancer attributes"."""
    assert Attributes() == Attributes(
        idle_timeout=60.0,
        client_keep_alive=3600.0,
        http2=True,
        drop_invalid_header_fields=False,
        preserve_host_header=False,
        xff_mode="append",
        xff_client_port=False,
        tls_version_and_cipher_suite=False,
        desync_mode="defensive",
    )


DEFAULTS = {
    # Elastic Load Balancing API reference, LoadBalancerAttribute
    "idle_timeout.timeout_seconds": "60",
    "client_keep_alive.seconds": "3600",
    "routing.http2.enabled": "true",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.desync_mitigation_mode": "defensive",
    "waf.fail_open.enabled": "false",
    "deletion_protection.enabled": "false",
    "load_balancing.cross_zone.enabled": "true",
    "ipv6.deny_all_igw_traffic": "false",
    "zonal_shift.config.enabled": "false",
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "health_check_logs.s3.enabled": "false",
    "health_check_logs.s3.bucket": "",
    "health_check_logs.s3.prefix": "",
}
GROUP_DEFAULTS = {
    # TargetGroupAttribute
    "lambda.multi_value_headers.enabled": "false",
    "deregistration_delay.timeout_seconds": "300",
    "slow_start.duration_seconds": "0",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "stickiness.enabled": "false",
    "stickiness.type": "lb_cookie",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.app_cookie.duration_seconds": "86400",
    "stickiness.app_cookie.cookie_name": "",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
    "waf.http2.traffic_inspection_behavior": "",
}
RESPONSE_HEADERS = {
    # ListenerAttribute
    f"routing.http.response.{name}.header_value"
    for name in (
        "strict_transport_security",
        "access_control_allow_origin",
        "access_control_allow_methods",
        "access_control_allow_headers",
        "access_control_allow_credentials",
        "access_control_expose_headers",
        "access_control_max_age",
        "content_security_policy",
        "x_content_type_options",
        "x_frame_options",
    )
}
REQUEST_HEADERS = {
    f"routing.http.request.{name}.header_name"
    for name in (
        "x_amzn_mtls_clientcert_serial_number",
        "x_amzn_mtls_clientcert_issuer",
        "x_amzn_mtls_clientcert_subject",
        "x_amzn_mtls_clientcert_validity",
        "x_amzn_mtls_clientcert_leaf",
        "x_amzn_mtls_clientcert",
        "x_amzn_tls_version",
        "x_amzn_tls_cipher_suite",
    )
}


def test_attributes_and_their_defaults() -> None:
    assert with_defaults(LOAD_BALANCER, {}) == DEFAULTS
    assert with_defaults(TARGET_GROUP, {}) == GROUP_DEFAULTS
    listener = {"routing.http.response.server.enabled"}
    assert set(LISTENER) == listener | RESPONSE_HEADERS | REQUEST_HEADERS


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("idle_timeout.timeout_seconds", ["1", "4000"], ["0", "4001", "x"]),
        ("client_keep_alive.seconds", ["60", "604800"], ["59", "604801"]),
        ("routing.http2.enabled", ["true", "false"], ["yes"]),
        (
            "routing.http.xff_header_processing.mode",
            ["append", "preserve", "remove"],
            ["replace"],
        ),
        (
            "routing.http.desync_mitigation_mode",
            ["monitor", "defensive", "strictest"],
            ["strict"],
        ),
        ("load_balancing.cross_zone.enabled", ["true"], ["false"]),
    ],
)
def test_values_of_load_balancer_attributes(key: str, good: list[str], bad: list[str]) -> None:
    assert [value for value in good if LOAD_BALANCER[key].fault(value)] == []
    assert [value for value in bad if not LOAD_BALANCER[key].fault(value)] == []


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("deregistration_delay.timeout_seconds", ["0", "3600"], ["3601"]),
        ("slow_start.duration_seconds", ["0", "30", "900"], ["29", "901", "1000"]),
        (
            "load_balancing.algorithm.type",
            ["round_robin", "least_outstanding_requests", "weighted_random"],
            ["random"],
        ),
        ("stickiness.type", ["lb_cookie", "app_cookie"], ["source_ip"]),
        ("stickiness.lb_cookie.duration_seconds", ["1", "604800"], ["0", "604801"]),
        ("stickiness.app_cookie.duration_seconds", ["1", "604800"], ["0", "604801"]),
        ("stickiness.app_cookie.cookie_name", ["SESSION"], ["a b", "a=b"]),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
            ["off", "1", "100"],
            ["0", "101"],
        ),
    ],
)
def test_values_of_target_group_attributes(key: str, good: list[str], bad: list[str]) -> None:
    assert [value for value in good if TARGET_GROUP[key].fault(value)] == []
    assert [value for value in bad if not TARGET_GROUP[key].fault(value)] == []


def test_values_of_listener_attributes() -> None:
    header = LISTENER["routing.http.response.x_frame_options.header_value"]
    assert header.fault("x" * 1024) is None
    assert header.fault("x" * 1025) is not None
    name = LISTENER["routing.http.request.x_amzn_tls_version.header_name"]
    assert name.fault("x" * 40) is None
    assert name.fault("x" * 41) is not None
    assert name.fault("x_y") is not None
