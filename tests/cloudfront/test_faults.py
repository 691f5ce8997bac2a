"""What a viewer sees of an origin that failed."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.cloudfront.error_causes import OriginFailure

CLOSED = (
    "CloudFront attempted to establish a connection with the origin, but either the attempt "
    "failed or the origin closed the connection."
)


@pytest.mark.parametrize(
    ("kind", "status", "text", "failover_code"),
    [
        ("refused", 502, "CloudFront wasn't able to connect to the origin.", 503),
        ("dns", 502, "CloudFront wasn't able to resolve the origin domain name.", 503),
        ("closed", 502, CLOSED, 502),
        ("invalid", 502, CLOSED, 502),
        ("timeout", 504, CLOSED, 504),
    ],
)
def test_page_and_failover_of_each_failure(
    kind: Any, status: int, text: str, failover_code: int
) -> None:
    """CloudFront Developer Guide, "HTTP 502 status code", "Optimize high availability"."""
    failure = OriginFailure(kind, "")
    assert (failure.status, failure.text, failure.failover_code) == (status, text, failover_code)
