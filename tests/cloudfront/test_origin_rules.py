"""The edges of what CloudFront accepts of an `origin` that a function changed.

CloudFront Developer Guide, "Lambda@Edge event structure", origin fields.
"""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.cloudfront.origin_rules import check_origin
from edgegw.cloudfront.strictness import Strictness
from edgegw.cloudfront.validator import Validator

CUSTOM: dict[str, Any] = {
    "customHeaders": {},
    "domainName": "app.test",
    "keepaliveTimeout": 5,
    "path": "",
    "port": 80,
    "protocol": "http",
    "readTimeout": 30,
    "sslProtocols": ["TLSv1.2"],
}
BUCKET: dict[str, Any] = {
    "authMethod": "none",
    "customHeaders": {},
    "domainName": "b.s3.amazonaws.com",
    "path": "",
    "readTimeout": 30,
    "region": "",
}


def violations(kind: str, **changed: Any) -> list[str]:
    """The codes of what is wrong with an origin of that kind, short."""
    validator = Validator("origin-request", Strictness())
    check_origin(validator, {kind: {**(CUSTOM if kind == "custom" else BUCKET), **changed}})
    return [
        violation.code.removeprefix("lambda-edge.origin-") for violation in validator.violations
    ]


def domain(length: int) -> str:
    """A host name of that many characters, in labels of 50."""
    return (("x" * 50 + ".") * 6)[:length]


@pytest.mark.parametrize(
    ("kind", "field", "last", "beyond", "code"),
    [
        ("custom", "domainName", domain(253), domain(254), "domain"),
        ("s3", "domainName", domain(128), domain(129), "domain"),
        ("custom", "domainName", "x" * 63 + ".test", "x" * 64 + ".test", "domain"),
        ("custom", "path", "/" + "p" * 254, "/" + "p" * 255, "path"),
        ("custom", "port", 65_535, 65_536, "port"),
        ("custom", "port", 1024, 1023, "port"),
        ("custom", "port", 443, 442, "port"),
        ("custom", "port", 80, 81, "port"),
        ("custom", "readTimeout", 120, 121, "read-timeout"),
        ("custom", "readTimeout", 1, 0, "read-timeout"),
        ("s3", "readTimeout", 120, 121, "read-timeout"),
        ("custom", "keepaliveTimeout", 120, 121, "keepalive-timeout"),
        ("custom", "keepaliveTimeout", 1, 0, "keepalive-timeout"),
        (
            "custom",
            "sslProtocols",
            ["TLSv1.2", "TLSv1.1", "TLSv1", "SSLv3"],
            ["TLSv1.3"],
            "ssl-protocols",
        ),
        ("custom", "protocol", "https", "match-viewer", "protocol"),
        ("s3", "authMethod", "none", "origin-access-control", "auth-method"),
    ],
)
def test_last_value_that_is_taken(
    kind: str, field: str, last: object, beyond: object, code: str
) -> None:
    assert (violations(kind, **{field: last}), violations(kind, **{field: beyond})) == ([], [code])


@pytest.mark.parametrize("field", [*CUSTOM])
def test_fields_of_a_custom_origin(field: str) -> None:
    """All of them are there; only customHeaders may be left out."""
    validator = Validator("origin-request", Strictness())
    check_origin(validator, {"custom": {name: CUSTOM[name] for name in CUSTOM if name != field}})
    assert len(validator.violations) == (0 if field == "customHeaders" else 1)
