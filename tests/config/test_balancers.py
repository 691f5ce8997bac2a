"""What AWS refuses in target groups and load balancers, one row a rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgegw.alb import model as alb
from edgegw.config.balancers import keys
from edgegw.config.balancers.actions import ACTIONS
from edgegw.config.balancers.conditions import CONDITIONS
from edgegw.config.document import read_document
from edgegw.config.model import Config
from edgegw.config.resolve import load_dict, load_document, load_file
from edgegw.errors import ConfigError


def config(
    *,
    rule: dict[str, Any] | None = None,
    group: dict[str, Any] | None = None,
    listener: dict[str, Any] | None = None,
    balancer: dict[str, Any] | None = None,
    groups: dict[str, Any] | None = None,
) -> dict[str, Any]:
    given = {"priority": 1, "conditions": [{"path_pattern": "/x"}], "actions": [{"forward": "web"}]}
    rules = [] if rule is None else [{**given, **rule}]
    return {
        "target_groups": {
            "web": {"targets": ["127.0.0.1:3000"], **(group or {})},
            **(groups or {}),
        },
        "load_balancers": {
            "lb": {
                "listeners": [
                    {
                        "listen": 0,
                        "rules": rules,
                        "default_actions": [{"forward": "web"}],
                        **(listener or {}),
                    }
                ],
                **(balancer or {}),
            }
        },
    }


def findings(given: dict[str, Any]) -> list[str]:
    try:
        found = load_document(read_document(json.dumps(given), "c.yaml", {}), Path()).warnings
    except ConfigError as error:
        found = error.findings
    return [f"{each.severity} {each.code} {each.text}" for each in found]


def conditions(*given: dict[str, Any]) -> dict[str, Any]:
    return {"rule": {"conditions": list(given)}}


def redirect(**given: Any) -> dict[str, Any]:
    return {"rule": {"actions": [{"redirect": {"status_code": "HTTP_301", **given}}]}}


def https(*actions: dict[str, Any]) -> dict[str, Any]:
    """A rule with `actions`, behind HTTPS."""
    rule = {"priority": 1, "conditions": [{"path_pattern": "/"}], "actions": list(actions)}
    return {"listener": {"public_protocol": "HTTPS", "rules": [rule]}}


STICKY = {"targets": [], "stickiness": {"type": "lb_cookie"}}
APP = {"targets": [], "stickiness": {"type": "app_cookie", "cookie_name": "S"}}
TWO = [{"target_group": "web"}, {"target_group": "other"}]

JWT = {"jwks_endpoint": "https://id.test/jwks", "issuer": "https://id.test"}
_KEYS = ("issuer", "authorization_endpoint", "token_endpoint", "user_info_endpoint")
OIDC = {**dict.fromkeys(_KEYS, "https://id.test"), "client_id": "c", "client_secret": "s"}

ROWS: list[tuple[str, dict[str, Any], str]] = [
    # conditions
    ("two path conditions", conditions({"path_pattern": "/a"}, {"path_pattern": "/b"}), "error alb.condition a rule has at most one"),
    ("a path and its regex", conditions({"path_pattern": "/a"}, {"path_pattern_regex": "b"}), "error alb.condition a rule has at most one"),
    ("two keys in one", conditions({"path_pattern": "/a", "host_header": "a.b"}), "error alb.condition a condition is a mapping of one key"),
    ("four values", conditions({"path_pattern": list("abcd")}), "error alb.condition-values a condition has 1 to 3"),
    ("six values in all", conditions({"path_pattern": ["/a", "/b"]}, {"host_header": ["a.b", "c.d"]}, {"http_request_method": ["GET", "PUT"]}), "error alb.condition-values the conditions of a rule"),
    ("six wildcards", conditions({"path_pattern": ["/*/*", "/?/?"]}, {"http_header": {"name": "X", "values": "**"}}), "warning alb.wildcards 6 wildcards"),
    ("an underscore in a host", conditions({"host_header": "a_b.test"}), "error alb.condition-value"),
    ("a host without a dot", conditions({"host_header": "localhost"}), "error alb.condition-value"),
    ("digits behind the last dot", conditions({"host_header": "127.0.0.1"}), "error alb.condition-value"),
    ("a port in a host", conditions({"host_header": "a.test:80"}), "error alb.condition-value"),
    ("a path of 129", conditions({"path_pattern": "/" + "x" * 128}), "error alb.condition-value"),
    ("a blank in a path", conditions({"path_pattern": "/a b"}), "error alb.condition-value"),
    ("the Host header", conditions({"http_header": {"name": "Host", "values": "a"}}), "error alb.condition-value the Host header"),
    ("a wildcard in a header's name", conditions({"http_header": {"name": "X-*", "values": "a"}}), "error alb.condition-value 'X-*' is no header name"),
    ("an empty header value", conditions({"http_header": {"name": "X", "values": [""]}}), "error alb.condition-value a value has 1 to 128"),
    ("a lower-case method", conditions({"http_request_method": "get"}), "error alb.condition-value"),
    ("a wildcard in a method", conditions({"http_request_method": "G*"}), "error alb.condition-value"),
    ("a query value of 129", conditions({"query_string": {"key": "a", "value": "x" * 129}}), "error alb.condition-value a value has 1 to 128"),
    ("an address without a prefix", conditions({"source_ip": "10.0.0.1"}), "error alb.condition-value '10.0.0.1' must be a CIDR"),
    ("the broadcast address", conditions({"source_ip": "255.255.255.255/32"}), "error alb.condition-value AWS refuses"),
    ("six blocks", conditions({"source_ip": [f"10.0.{at}.0/24" for at in range(6)]}), "error alb.condition-values a condition has 1 to 5"),
    ("look-around", conditions({"path_pattern_regex": "a(?=b)"}), "error alb.condition-value '(?=' is look-ahead"),
    ("a back-reference", conditions({"http_header_regex": {"name": "X", "values": r"(a)\1"}}), "error alb.condition-value"),
    ("a regex of 129", conditions({"host_header_regex": "x" * 129}), "error alb.condition-value a regex has 1 to 128"),
    # actions
    ("a redirect that changes nothing", redirect(query="x=1"), "error alb.redirect a redirect must change"),
    ("HTTPS to HTTP", redirect(protocol="HTTP", port="80") | {"listener": {"public_protocol": "HTTPS", "default_actions": [{"forward": "web"}], "rules": [{"priority": 1, "conditions": [{"path_pattern": "/"}], "actions": [{"redirect": {"status_code": "HTTP_301", "protocol": "HTTP"}}]}]}}, "error alb.redirect a listener with protocol HTTPS"),
    ("a keyword out of place", redirect(host="#{path}.test"), "error alb.redirect #{path} is not allowed in host"),
    ("a port too large", redirect(port="70000"), "error alb.redirect a port is a number from 1 to 65535"),
    ("a path without slash", redirect(path="x"), "error config.type"),
    ("another status", redirect(status_code="HTTP_307", port="1"), "error config.value"),
    ("no final action", {"rule": {"actions": [{"jwt_validation": JWT}]}}, "error alb.actions a rule has exactly one"),
    ("two actions without order", {"rule": {"actions": [{"jwt_validation": JWT}, {"forward": "web"}]}}, "error alb.actions several actions need an 'order'"),
    ("tokens on HTTP", {"rule": {"actions": [{"jwt_validation": JWT, "order": 1}, {"forward": "web", "order": 2}]}}, "error alb.action jwt_validation needs a listener with protocol HTTPS"),
    ("two that sign in", https({"jwt_validation": JWT, "order": 1}, {"authenticate_oidc": OIDC, "order": 2}, {"forward": "web", "order": 3}), "error alb.actions a rule has at most one of authenticate_oidc"),
    ("two that answer", https({"forward": "web", "order": 1}, {"fixed_response": {"status_code": "200"}, "order": 2}), "error alb.actions a rule has exactly one"),
    ("an answer before who asks", https({"forward": "web", "order": 1}, {"authenticate_oidc": OIDC, "order": 2}), "error alb.actions forward answers, so it comes last: its 'order' is higher than that of authenticate_oidc"),
    ("an order twice", https({"forward": "web", "order": 1}, {"authenticate_oidc": OIDC, "order": 1}), "error alb.actions several actions need an 'order' each, no two the same"),
    ("an order of 0", https({"forward": "web", "order": 0}), "error config.type this takes a whole number from 1 to 50000"),
    ("an order of 50001", https({"forward": "web", "order": 50_001}), "error config.type this takes a whole number from 1 to 50000"),
    ("tokens before gRPC targets", https({"jwt_validation": JWT, "order": 1}, {"forward": "web", "order": 2}) | {"group": {"protocol_version": "GRPC"}}, "error alb.protocol-version target group 'web' with protocol version GRPC goes with forward alone, not with jwt_validation"),
    ("an unknown group", {"rule": {"actions": [{"forward": "wep"}]}}, "error config.reference there is no target group 'wep'; did you mean 'web'?"),
    ("a sticky group among two", {"rule": {"actions": [{"forward": TWO}]}, "groups": {"other": STICKY}}, "error alb.stickiness target group 'other' is sticky"),
    ("an app cookie among two", {"rule": {"actions": [{"forward": {"target_groups": TWO, "stickiness": {"duration": 1}}}]}, "groups": {"other": APP}}, "error alb.stickiness stickiness of type app_cookie"),
    ("HTTP/2 targets behind HTTP", {"group": {"protocol_version": "HTTP2"}}, "error alb.protocol-version"),
    # transforms
    ("a transform on a redirect", {"rule": {"actions": [{"redirect": {"status_code": "HTTP_301", "port": "1"}}], "transforms": [{"url_rewrite": {"regex": "a", "replace": "b"}}]}}, "error alb.transform transforms go with"),
    ("two of one kind", {"rule": {"transforms": [{"url_rewrite": {"regex": "a", "replace": "b"}}] * 2}}, "error alb.transform a rule has one url_rewrite"),
    ("a bad regex", {"rule": {"transforms": [{"url_rewrite": {"regex": "(", "replace": "b"}}]}}, "error alb.transform '(' is no regular"),
    ("a group that is not there", {"rule": {"transforms": [{"url_rewrite": {"regex": "a", "replace": "$1"}}]}}, "error alb.transform '$1' refers"),
    # target groups
    ("an interval AWS does not take", {"group": {"health_check": {"interval": 1, "timeout": 0.5}}}, "warning alb.health-check AWS takes 5 to 300"),
    ("an interval shorter than its timeout", {"group": {"health_check": {"interval": 5, "timeout": 6}}}, "error alb.health-check the interval"),
    ("checks switched off", {"group": {"health_check": {"enabled": False}}}, "warning alb.health-check AWS checks ip"),
    ("a code that is none", {"group": {"health_check": {"matcher": "200-600"}}}, "error alb.health-check '200-600' must be codes"),
    ("a check's path without slash", {"group": {"health_check": {"path": "x"}}}, "error alb.health-check the path"),
    ("a check's port", {"group": {"health_check": {"port": 70000}}}, "error alb.health-check the port"),
    ("app_cookie without name", {"group": {"stickiness": {"type": "app_cookie"}}}, "error alb.stickiness stickiness of type app_cookie needs"),
    ("a cookie of the load balancer", {"group": {"stickiness": {"type": "app_cookie", "cookie_name": "AWSALBX"}}}, "error alb.stickiness the cookie name"),
    ("sticky without cross-zone", {"group": {"stickiness": {}, "attributes": {"load_balancing.cross_zone.enabled": False}}}, "error alb.stickiness stickiness needs cross-zone"),
    ("a group that is sticky by its attributes among two", {"rule": {"actions": [{"forward": TWO}]}, "groups": {"other": {"targets": [], "attributes": {"stickiness.enabled": True}}}}, "error alb.stickiness target group 'other' is sticky"),
    ("random and sticky", {"group": {"stickiness": {}, "attributes": {"load_balancing.algorithm.type": "weighted_random"}}}, "error alb.stickiness stickiness does not go with"),
    ("slow start and least outstanding", {"group": {"attributes": {"load_balancing.algorithm.type": "least_outstanding_requests", "slow_start.duration_seconds": 30}}}, "error alb.slow-start"),
    ("slow start of 10 s", {"group": {"attributes": {"slow_start.duration_seconds": 10}}}, "error alb.attribute"),
    ("a target without port", {"group": {"targets": ["localhost"]}}, "error alb.targets"),
    # attributes
    ("an unknown attribute", {"balancer": {"attributes": {"idle_timeout.timeout_second": 1}}}, "error alb.attribute there is no attribute 'idle_timeout.timeout_second'; did you mean 'idle_timeout.timeout_seconds'?"),
    ("a value out of range", {"balancer": {"attributes": {"idle_timeout.timeout_seconds": 5000}}}, "error alb.attribute '5000' must be a whole number from 1 to 4000"),
    ("a value that is none", {"balancer": {"attributes": {"routing.http.desync_mitigation_mode": "strict"}}}, "error alb.attribute 'strict' must be one of"),
    ("an attribute without effect", {"balancer": {"attributes": {"deletion_protection.enabled": True}}}, "warning config.no-effect-yet"),
    ("an unknown listener attribute", {"listener": {"attributes": {"routing.http.response.servers.enabled": True}}}, "error alb.attribute"),
    # mutual TLS
    ("mutual TLS on HTTP", {"listener": {"mutual_authentication": {"mode": "passthrough"}}}, "error alb.mutual-authentication mutual authentication needs"),
    ("verify without a trust store", {"listener": {"protocol": "HTTPS", "mutual_authentication": {"mode": "verify"}}}, "error alb.mutual-authentication a trust_store"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_what_aws_refuses(given: dict[str, Any], expected: str) -> None:
    found = findings(config(**given))
    assert any(each.startswith(expected) for each in found), found


def test_each_key_of_an_action_and_of_a_condition_is_a_kind() -> None:
    assert ACTIONS.keys() == keys.Action.model_fields.keys() - {"order"}
    assert CONDITIONS.keys() == keys.Condition.model_fields.keys()


def test_actions_may_be_written_in_any_order() -> None:
    given = config(**https({"forward": "web", "order": 2}, {"jwt_validation": JWT, "order": 1}))
    assert not [text for text in findings(given) if text.startswith("error")]
    (rule,) = load_dict(given).listeners[0].listener.rules
    assert isinstance(rule.action, alb.Forward)


@pytest.mark.parametrize(
    "condition", [{"path_patern": ["/x"]}, {"path_pattern": {"regex": "x"}}], ids=["name", "value"]
)
def test_one_mistake_in_a_condition_is_one_finding(condition: dict[str, Any]) -> None:
    found = findings(config(rule={"conditions": [condition]}))
    assert len([each for each in found if each.startswith("error")]) == 1, found


def test_a_lambda_group_takes_no_attributes_of_addresses() -> None:
    given = config(
        group={"target_type": "lambda", "function": "f", "targets": [], "stickiness": {}}
    )
    given["functions"] = {"f": {"runtime": "python3.11", "code": ".", "handler": "x.y"}}
    given["target_groups"]["web"]["attributes"] = {"slow_start.duration_seconds": 30}
    given["target_groups"]["web"]["health_check"] = {"port": 80}
    found = findings(given)
    assert any("'port' does not apply to target_type lambda" in each for each in found)
    assert any("'stickiness' does not apply to target_type lambda" in each for each in found)
    assert any("'slow_start.duration_seconds' does not apply" in each for each in found)


# At deployment


def deployed(tmp_path: Path, given: dict[str, Any]) -> list[str]:
    file = tmp_path / "edgegw.json"
    file.write_text(json.dumps(given))
    try:
        found = load_file(file, deploy=True).warnings
    except ConfigError as error:
        found = error.findings
    return [f"{each.severity} {each.code} {each.text}" for each in found]


def many_rules(count: int) -> list[dict[str, Any]]:
    return [
        {
            "priority": at + 1,
            "conditions": [{"path_pattern": f"/{at}"}],
            "actions": [{"forward": "web"}],
        }
        for at in range(count)
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            config(group={"health_check": {"interval": 1, "timeout": 0.5}}),
            "error alb.health-check AWS takes 5 to 300",
            id="an interval that is fine here only",
        ),
        pytest.param(
            config(groups={"my_group": {"targets": []}}),
            "error alb.name the name of a target group",
            id="an underscore in a name",
        ),
        pytest.param(
            config(groups={"x" * 33: {"targets": []}}), "error alb.name", id="a name of 33"
        ),
        pytest.param(
            config(listener={"rules": many_rules(101)}),
            "error alb.quota 101 rules; a load balancer has at most 100",
            id="101 rules",
        ),
        pytest.param(
            config(group={"targets": [f"127.0.0.1:{at}" for at in range(1, 1002)]}),
            "error alb.quota 1001 targets",
            id="1001 targets",
        ),
    ],
)
def test_deployment(tmp_path: Path, given: dict[str, Any], expected: str) -> None:
    assert any(each.startswith(expected) for each in deployed(tmp_path, given))


def test_two_listeners_of_a_load_balancer_verify_clients(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    given = config(
        listener={
            "protocol": "HTTPS",
            "mutual_authentication": {"mode": "verify", "trust_store": "ca.pem"},
        }
    )
    listeners = given["load_balancers"]["lb"]["listeners"]
    for count, expected in ((2, False), (3, True)):
        given["load_balancers"]["lb"]["listeners"] = [
            {**listeners[0], "listen": 8443 + at} for at in range(count)
        ]
        found = deployed(tmp_path, given)
        text = "error alb.quota a load balancer has at most 2 listeners that verify clients"
        assert (text in found) is expected, found


def test_a_target_group_belongs_to_one_load_balancer(tmp_path: Path) -> None:
    given = config()
    given["load_balancers"]["internal-lb"] = given["load_balancers"]["lb"]
    found = deployed(tmp_path, given)
    text = (
        "error alb.target-group a target group belongs to one load balancer, not to internal-lb, lb"
    )
    assert text in found
    assert any("must not begin with internal-" in each for each in found)
    assert deployed(tmp_path, config()) == []


# What becomes of what AWS takes


def resolved(given: dict[str, Any]) -> Config:
    return load_dict(json.loads(json.dumps(given)))


def listener(given: dict[str, Any]) -> alb.Listener:
    door = resolved(given).doors[0]
    return door.listener  # type: ignore[union-attr]


def group(given: dict[str, Any]) -> alb.IpTargetGroup:
    found = resolved(config(group=given)).target_groups["web"]
    assert isinstance(found, alb.IpTargetGroup)
    return found


def test_defaults_are_those_of_aws() -> None:
    found = group({})
    assert found.health_check == alb.HealthCheck(
        True, "HTTP", "/", None, 30.0, 5.0, 5, 2, ((200, 200),)
    )
    assert (found.algorithm, found.slow_start, found.deregistration_delay) == (
        "round_robin",
        0,
        300,
    )
    assert found.stickiness is None
    attributes = listener(config()).load_balancer.attributes
    assert attributes == alb.Attributes()
    assert attributes.desync_mode == "defensive"


def test_attributes_of_target_groups() -> None:
    found = group(
        {
            "attributes": {
                "load_balancing.algorithm.type": "least_outstanding_requests",
                "deregistration_delay.timeout_seconds": "10",
                "stickiness.enabled": True,
                "stickiness.type": "app_cookie",
                "stickiness.app_cookie.cookie_name": "SID",
                "stickiness.app_cookie.duration_seconds": 7,
                "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": 2,
                "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": 50,
            },
            "health_check": {"matcher": "200,300-302", "port": 81, "path": "/up"},
        }
    )
    assert found.algorithm == "least_outstanding_requests"
    assert found.deregistration_delay == 10
    assert found.stickiness == alb.Stickiness(7, "SID")
    assert (found.minimum_healthy_count, found.minimum_healthy_percentage) == (2, 50)
    assert found.health_check.matcher == ((200, 200), (300, 302))
    assert (found.health_check.port, found.health_check.path) == (81, "/up")


def test_attributes_of_load_balancers_and_listeners() -> None:
    given = config(
        balancer={
            "attributes": {
                "idle_timeout.timeout_seconds": 5,
                "client_keep_alive.seconds": 60,
                "routing.http.drop_invalid_header_fields.enabled": True,
                "routing.http.preserve_host_header.enabled": "true",
                "routing.http.xff_header_processing.mode": "remove",
                "routing.http.xff_client_port.enabled": True,
                "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": True,
                "routing.http.desync_mitigation_mode": "monitor",
                "routing.http2.enabled": False,
            },
            "access_log": "logs/access",
        },
        listener={
            "attributes": {
                "routing.http.response.strict_transport_security.header_value": "max-age=1",
                "routing.http.request.x_amzn_mtls_clientcert_leaf.header_name": "X-Leaf",
            }
        },
    )
    found = listener(given)
    assert found.load_balancer.attributes == alb.Attributes(
        5, 60, False, True, True, "remove", True, True, "monitor"
    )
    assert found.load_balancer.id.startswith("app/lb/")
    assert str(found.load_balancer.logs.access).endswith("/logs/access")
    assert found.response_headers.lines == ((b"Strict-Transport-Security", b"max-age=1"),)
    assert found.renamed == {"x-amzn-mtls-clientcert-leaf": "X-Leaf"}
