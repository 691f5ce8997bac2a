"""Response headers policies in a configuration: what they become, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgegw.cloudfront.response_headers_policy import ResponseHeadersPolicy
from edgegw.config.document import read_document
from edgegw.config.resolve import load_dict, load_document
from edgegw.errors import ConfigError

BASE = """\
distributions:
  site:
    listen: 8081
    origins: {app: {url: "http://localhost:5173"}}
    default_behavior: {origin: app, response_headers_policy: own}
response_headers_policies:
  own:
"""
CODE = "cloudfront.response-headers-policy"


def findings(policy: str) -> list[str]:
    """What is said of a policy, without places."""
    text = BASE + "\n".join(f"    {line}" for line in policy.splitlines())
    try:
        config = load_document(read_document(text, "c.yaml", {}), Path())
    except ConfigError as error:
        return [f"{each.code} {each.text}" for each in error.findings]
    return [f"{each.code} {each.text}" for each in config.warnings]


def policy_of(**given: Any) -> ResponseHeadersPolicy | None:
    config = load_dict(
        {
            "distributions": {
                "site": {
                    "listen": 8081,
                    "origins": {"app": {"url": "http://localhost:5173"}},
                    "default_behavior": {"origin": "app", **given.pop("behavior")},
                }
            },
            "response_headers_policies": given,
        }
    )
    return config.distributions[0].distribution.default_behavior.response_headers_policy


def lines_of(policy: ResponseHeadersPolicy | None) -> list[str]:
    assert policy is not None
    headers = (*policy.security, *policy.custom)
    return [
        f"{header.name.decode()}: {header.value.decode()}{'!' if header.override else ''}"
        for header in headers
    ]


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (
            "cors: {access_control_allow_origins: ['a.*'], origin_override: true}",
            "'a.*' is no allowed origin",
        ),
        (
            "cors: {access_control_allow_origins: [], origin_override: true}",
            "takes a list of 1 or more entries",
        ),
        ("cors: {access_control_allow_origins: ['*']}", "the key 'origin_override' is missing"),
        (
            "cors: {access_control_allow_origins: ['*'], origin_override: true, "
            "access_control_allow_credentials: true}",
            "browsers refuse credentials",
        ),
        (
            "cors: {access_control_allow_origins: ['*'], origin_override: true, "
            "access_control_allow_headers: ['a b']}",
            "'a b' is no header name",
        ),
        (
            "security_headers: {xss_protection: {protection: true, mode_block: true, "
            "report_uri: /r, override: true}}",
            "exclude each other",
        ),
        (
            "security_headers: {content_security_policy: {override: true, "
            f"content_security_policy: {'a' * 1784}}}}}",
            "at most 1783 characters",
        ),
        (
            "security_headers: {frame_options: {frame_option: DENIED, override: true}}",
            "did you mean 'DENY'",
        ),
        (
            "custom_headers: [{header: X-Frame-Options, override: true}]",
            "X-Frame-Options has a section of its own",
        ),
        ("custom_headers: [{header: 'X A', override: true}]", "'X A' is no header name"),
        (
            "custom_headers: [{header: X-A, override: true}, {header: x-a, override: true}]",
            "x-a stands here twice",
        ),
        (
            "custom_headers: ["
            + ", ".join(f"{{header: X-{at}, override: true}}" for at in range(11))
            + "]",
            "at most 10 custom headers",
        ),
        (
            "remove_headers: [" + ", ".join(f"X-{at}" for at in range(11)) + "]",
            "removes at most 10 headers",
        ),
        ("remove_headers: [X-Cache]", "X-Cache is a header that no policy can remove"),
        ("server_timing: {enabled: true, sampling_rate: 101}", "percentage from 0 to 100"),
        ("server_timing: {enabled: true, sampling_rate: 0.00001}", "at most 4 decimal places"),
    ],
)
def test_what_aws_refuses_is_a_finding(policy: str, text: str) -> None:
    said = findings(policy)
    assert len(said) == 1
    assert text in said[0]


def test_a_policy_in_full() -> None:
    policy = policy_of(
        behavior={"response_headers_policy": "own"},
        own={
            "cors": {
                "access_control_allow_origins": ["https://app.test"],
                "access_control_allow_methods": ["GET"],
                "access_control_max_age_sec": 600,
                "origin_override": True,
            },
            "security_headers": {
                "xss_protection": {"protection": True, "report_uri": "/r", "override": False},
                "frame_options": {"frame_option": "DENY", "override": True},
                "referrer_policy": {"referrer_policy": "origin", "override": True},
                "content_security_policy": {"content_security_policy": "a", "override": True},
                "content_type_options": {"override": True},
                "strict_transport_security": {
                    "access_control_max_age_sec": 60,
                    "preload": True,
                    "override": True,
                },
            },
            "custom_headers": [{"header": "X-A", "value": 1, "override": False}],
            "remove_headers": ["X-Powered-By"],
            "server_timing": {"enabled": True, "sampling_rate": 50},
        },
    )
    assert policy is not None
    assert lines_of(policy) == [
        "X-XSS-Protection: 1; report=/r",
        "X-Frame-Options: DENY!",
        "Referrer-Policy: origin!",
        "Content-Security-Policy: a!",
        "X-Content-Type-Options: nosniff!",
        "Strict-Transport-Security: max-age=60; preload!",
        "X-A: 1",
    ]
    assert policy.cors is not None
    assert (policy.cors.methods, policy.cors.max_age) == (("GET",), 600)
    assert (policy.removed, policy.sampling_rate) == (frozenset({b"x-powered-by"}), 50)


def test_server_timing_that_is_not_enabled_is_none() -> None:
    policy = policy_of(
        behavior={"response_headers_policy": "own"},
        own={"server_timing": {"enabled": False, "sampling_rate": 50}},
    )
    assert policy is not None
    assert policy.sampling_rate is None


@pytest.mark.parametrize(
    "name",
    ["SimpleCORS", "Managed-SimpleCORS", "60669652-455b-4ae9-85a4-c4c02393f86c"],
)
def test_managed_policies_by_name_and_id(name: str) -> None:
    policy = policy_of(behavior={"response_headers_policy": name})
    assert policy is not None
    assert policy.name == "SimpleCORS"


def test_an_unknown_policy_is_a_finding_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'SimpleCORS'"):
        policy_of(behavior={"response_headers_policy": "SimpleCOR"})
