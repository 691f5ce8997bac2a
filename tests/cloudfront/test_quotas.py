"""The numbers and lists of what a distribution may have, and of what functions may do."""

from __future__ import annotations

import pytest

from edgegw.awslambda import edge
from edgegw.cloudfront import deployment_rules, quotas
from edgegw.cloudfront.header_rules import DISALLOWED, READ_ONLY, is_disallowed
from edgegw.cloudfront.origin_rules import is_unsettable
from edgegw.cloudfront.trigger_rules import BODY_LIMIT, REQUEST_FIELDS, RESPONSE_FIELDS
from edgegw.cloudfront.triggers import REQUEST_TRIGGERS, TRIGGERS

K, M = 1024, 1024 * 1024


def test_quotas_of_distributions() -> None:
    """CloudFront Developer Guide, "Quotas"."""
    found = {
        name: value
        for name, value in vars(quotas).items()
        if name.isupper() and isinstance(value, (int, tuple))
    }
    assert found == {
        "MAX_PATH_PATTERN": 255,
        "TIMEOUT_RANGE": (1, 120),
        "ATTEMPTS_RANGE": (1, 3),
        "CONNECT_RANGE": (1, 10),
        "MAX_BEHAVIORS": 75,
        "MAX_ORIGINS": 100,
        "MAX_CUSTOM_HEADERS": 30,
        "MAX_CUSTOM_HEADER_NAME": 256,
        "MAX_CUSTOM_HEADER_VALUE": 1783,
        "MAX_CUSTOM_HEADER_CHARACTERS": 10_240,
        "MAX_POLICY_HEADERS": 10,
        "MAX_ALIASES": 100,
    }


def test_quotas_of_functions_at_the_edge() -> None:
    """CloudFront Developer Guide, "Quotas", quotas on Lambda@Edge."""
    assert BODY_LIMIT == {
        "viewer-request": 40 * K,
        "origin-request": M,
        "origin-response": M,
        "viewer-response": 40 * K,
    }
    assert deployment_rules.MAX_FUNCTIONS == 100
    assert (edge.MAX_TIMEOUT, edge.MAX_STORAGE_MB, edge.MAX_PACKAGE) == (30.0, 512, 50 * M)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"timeout": 30}, None),
        ({"timeout": 31}, "timeout-quota"),
        ({"memory_mb": 128}, None),
        ({"memory_mb": 129}, "memory-quota"),
        ({"storage_mb": 512}, None),
        ({"storage_mb": 513}, "storage-quota"),
        ({"package_bytes": 50 * M}, None),
        ({"package_bytes": 50 * M + 1}, "package-size"),
    ],
)
def test_where_quotas_begin(changed: dict[str, int], code: str | None) -> None:
    """CloudFront Developer Guide, "Quotas", quotas on Lambda@Edge."""
    candidate = deployment_rules.Candidate("python3.13", **changed)
    found = deployment_rules.deployment_findings(candidate, frozenset({"viewer-request"}))
    codes = [each.rule.code.removeprefix("lambda-edge.") for each in found]
    assert codes == ([] if code is None else [code])


RUNTIMES = ["nodejs22.x", "nodejs24.x", "python3.11", "python3.12", "python3.13", "python3.14"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_runtime_that_the_edge_takes(runtime: str) -> None:
    """CloudFront Developer Guide, "Restrictions on Lambda@Edge", supported runtimes."""
    candidate = deployment_rules.Candidate(runtime)
    assert (
        list(deployment_rules.deployment_findings(candidate, frozenset({"viewer-request"}))) == []
    )


@pytest.mark.parametrize(
    ("runtime", "code", "is_refused"),
    [
        ("nodejs26.x", "ended-runtime", False),  # announced: nobody knows yet
        ("python3.15", "ended-runtime", False),
        ("nodejs20.x", "ended-runtime", False),
        ("nodejs28.x", "runtime", True),
        ("python3.16", "runtime", True),
        ("provided.al2023", "runtime", True),
    ],
)
def test_runtime_that_the_edge_may_not_take(runtime: str, code: str, is_refused: bool) -> None:
    candidate = deployment_rules.Candidate(runtime)
    [found] = deployment_rules.deployment_findings(candidate, frozenset({"viewer-request"}))
    assert (found.rule.code, found.is_refused) == (f"lambda-edge.{code}", is_refused)


@pytest.mark.parametrize(
    ("runtime", "words"), [("nodejs26.x", "announced"), ("nodejs20.x", "ended")]
)
def test_old_and_coming_runtimes_are_told_apart(runtime: str, words: str) -> None:
    candidate = deployment_rules.Candidate(runtime)
    [found] = deployment_rules.deployment_findings(candidate, frozenset({"viewer-request"}))
    assert words in found.text


def test_triggers_in_the_order_of_a_request() -> None:
    """CloudFront Developer Guide, "Events that can trigger a Lambda@Edge function"."""
    assert TRIGGERS == ("viewer-request", "origin-request", "origin-response", "viewer-response")
    assert REQUEST_TRIGGERS == ("viewer-request", "origin-request")


def test_fields_that_cloudfront_knows() -> None:
    """CloudFront Developer Guide, "Lambda@Edge event structure"."""
    assert {
        "clientIp",
        "method",
        "uri",
        "querystring",
        "headers",
        "body",
        "origin",
    } == REQUEST_FIELDS
    assert {"status", "statusDescription", "headers", "body", "bodyEncoding"} == RESPONSE_FIELDS


EDGE_DISALLOWED = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "trailer",
    "upgrade",
    "x-accel-buffering",
    "x-accel-charset",
    "x-accel-limit-rate",
    "x-accel-redirect",
    "x-amzn-auth",
    "x-amzn-cf-billing",
    "x-amzn-cf-id",
    "x-amzn-cf-xff",
    "x-amzn-errortype",
    "x-amzn-fle-profile",
    "x-amzn-header-count",
    "x-amzn-header-order",
    "x-amzn-lambda-integration-tag",
    "x-amzn-requestid",
    "x-cache",
    "x-forwarded-proto",
    "x-real-ip",
    "cloudfront-viewer-cert-pem",
    "client-cert",
    "client-cert-chain",
]


def test_headers_that_functions_must_not_touch() -> None:
    """CloudFront Developer Guide, "Restrictions on all edge functions"."""
    assert set(EDGE_DISALLOWED) == DISALLOWED
    assert is_disallowed("x-amz-cf-anything")
    assert is_disallowed("x-edge-anything")
    assert not is_disallowed("x-amz-anything")
    assert {trigger: set(names) for trigger, names in READ_ONLY.items()} == {
        "viewer-request": {"content-length", "host", "transfer-encoding", "via", "cdn-loop"},
        "origin-request": {
            "accept-encoding",
            "cdn-loop",
            "content-length",
            "if-modified-since",
            "if-none-match",
            "if-range",
            "if-unmodified-since",
            "transfer-encoding",
            "via",
        },
        "origin-response": {"transfer-encoding", "via"},
        "viewer-response": {
            "content-encoding",
            "content-length",
            "transfer-encoding",
            "via",
            "warning",
        },
    }


NO_CUSTOM_HEADER = [
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "pragma",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "request-range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-real-ip",
    "x-amz-anything",
    "x-edge-anything",
]


@pytest.mark.parametrize("name", NO_CUSTOM_HEADER)
def test_header_that_can_be_no_origin_custom_header(name: str) -> None:
    """CloudFront Developer Guide, "Add custom headers to origin requests"."""
    assert is_unsettable(name)


@pytest.mark.parametrize("name", ["authorization", "origin", "user-agent", "x-own", "x-amzn-own"])
def test_header_that_can_be_an_origin_custom_header(name: str) -> None:
    assert not is_unsettable(name)
