"""What a distribution asks of connections, and its pages for what is no request."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.answers import DistributionFacts
from edgegw.cloudfront.front_rules import LIMITS, refusal_page
from edgegw.http.limits import Limits, Trouble

FACTS = DistributionFacts("r" * 54 + "==", "0" * 32, b"Sat, 21 Nov 2026 00:00:00 GMT")


def test_limits_of_a_distribution() -> None:
    """AWS documents none; docs/fidelity.md has these."""
    assert (
        Limits(
            keep_alive=65.0,
            head=60.0,
            idle=60.0,
            age=None,
            requests=None,
            streams=128,
            is_lenient=False,
            takes_plain=True,
        )
        == LIMITS
    )


@pytest.mark.parametrize(
    ("count", "version", "takes"),
    [(0, "1.0", True), (0, "1.1", False), (1, "1.1", True), (2, "1.1", False)],
)
def test_host_headers(count: int, version: str, takes: bool) -> None:
    assert LIMITS.takes_hosts(count, version) is takes


@pytest.mark.parametrize(
    ("why", "status", "text"),
    [
        ("malformed", 400, b"\nBad request.\n"),
        ("too-large", 494, b'size="1px">\n\nWe can'),
        ("idle", 408, b'size="1px">\n\nWe can'),
        ("plain-http", 400, b"\nThe plain HTTP request was sent to HTTPS port\n"),
    ],
)
def test_page_of_a_refusal_closes_the_connection(why: Trouble, status: int, text: bytes) -> None:
    page = refusal_page(why, FACTS)
    assert page.status == status
    assert text in (page.body.content or b"")
    assert page.headers.get(b"connection") == b"close"
    assert page.headers.get(b"x-cache") == b"Error from cloudfront"
    assert page.headers.get(b"x-amz-cf-id") == FACTS.request_id.encode()
