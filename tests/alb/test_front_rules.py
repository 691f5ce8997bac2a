"""What a load balancer asks of connections, and its pages for what is no request."""

from __future__ import annotations

import pytest

from edgegw.alb.front_rules import UNMAPPED, handshake_failure, limits, refusal_page
from edgegw.alb.model import Attributes
from edgegw.http.limits import Limits, Trouble

DATE = b"Sat, 21 Nov 2026 00:00:00 GMT"


def test_limits_of_a_load_balancer_with_default_attributes() -> None:
    """ELB User Guide for ALB, "Listeners" (HTTP/2) and "Load balancer attributes"."""
    assert limits(Attributes()) == Limits(
        keep_alive=60.0,
        head=60.0,
        idle=60.0,
        age=3600.0,
        requests=10_000,
        streams=128,
        is_lenient=True,
    )


def test_the_attributes_move_the_times() -> None:
    asked = limits(Attributes(idle_timeout=4000.0, client_keep_alive=604800.0))
    assert (asked.keep_alive, asked.head, asked.idle, asked.age) == (4000, 4000, 4000, 604800)


@pytest.mark.parametrize(
    ("count", "version", "takes"),
    [
        (0, "1.0", True),
        (0, "1.1", False),
        (1, "1.1", True),
        (2, "1.1", True),  # the first counts
    ],
)
def test_host_headers(count: int, version: str, takes: bool) -> None:
    """ELB User Guide for ALB, "Host header preservation"."""
    assert limits(Attributes()).takes_hosts(count, version) is takes


@pytest.mark.parametrize(
    ("why", "status", "reason"),
    [
        ("malformed", 400, b"Bad Request"),
        ("too-large", 400, b"Bad Request"),
        ("plain-http", 400, b"Bad Request"),
        ("idle", 408, b"Request Time-out"),
    ],
)
def test_page_of_a_refusal_closes_the_connection(why: Trouble, status: int, reason: bytes) -> None:
    """ELB User Guide for ALB, "Troubleshoot"."""
    page = refusal_page(why, DATE)
    assert (page.status, page.reason) == (status, reason)
    assert page.headers.get(b"date") == DATE
    assert page.headers.get(b"connection") == b"close"


def test_plain_http_on_an_https_listener_is_told_so() -> None:
    body = refusal_page("plain-http", DATE).body.content or b""
    assert b"<center>The plain HTTP request was sent to HTTPS port</center>" in body


@pytest.mark.parametrize(
    ("verify_code", "reason", "word"),
    [
        (2, "", "ClientCertUntrusted"),  # no issuer certificate
        (9, "", "ClientCertNotYetValid"),
        (10, "", "ClientCertExpired"),
        (18, "", "ClientCertUntrusted"),  # self-signed
        (19, "", "ClientCertUntrusted"),  # self-signed in the chain
        (20, "", "ClientCertUntrusted"),  # no issuer here
        (21, "", "ClientCertUntrusted"),  # a leaf alone
        (22, "", "ClientCertMaxChainDepthExceeded"),
        (26, "", "ClientCertPurposeInvalid"),
        (7, "", "ClientCertInvalid"),  # any other fault of a certificate
        (None, "PEER_DID_NOT_RETURN_A_CERTIFICATE", "ClientCertRejected"),
        (None, "NO_SHARED_CIPHER", UNMAPPED),
        (None, "", "UnmappedConnectionError"),
    ],
)
def test_words_of_the_connection_log(verify_code: int | None, reason: str, word: str) -> None:
    """ELB User Guide for ALB, "Connection logs", error reason codes."""
    assert handshake_failure(verify_code, reason) == word
