"""Subscriptions to telemetry, and when batches go out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgegw.awslambda.telemetry import (
    Gathering,
    InvalidSubscriptionError,
    Subscription,
    decode_subscription,
)

GOOD: dict[str, Any] = {
    "schemaVersion": "2022-12-13",
    "types": ["platform", "function"],
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/logs"},
}


def decode(**changed: Any) -> Subscription:
    return decode_subscription("watch", json.dumps({**GOOD, **changed}).encode())


def test_the_defaults() -> None:
    assert decode() == Subscription(
        "watch", ("platform", "function"), "HTTP", 8080, "/logs", 10_000, 262_144, 1000
    )


@pytest.mark.parametrize(
    ("key", "least", "most"),
    [("maxItems", 1000, 10_000), ("maxBytes", 262_144, 1_048_576), ("timeoutMs", 25, 30_000)],
)
def test_bounds_of_buffering(key: str, least: int, most: int) -> None:
    """Lambda Developer Guide, "Telemetry API reference", buffering."""
    for good in (least, most):
        decode(buffering={key: good})
    for bad in (least - 1, most + 1):
        with pytest.raises(InvalidSubscriptionError, match=f"from {least} to {most}"):
            decode(buffering={key: bad})


@pytest.mark.parametrize("host", ["sandbox.localdomain", "sandbox", "localhost", "127.0.0.1"])
def test_hosts_that_mean_the_environment(host: str) -> None:
    """Lambda Developer Guide, "Telemetry API reference", destination; those but the first are ours."""
    assert decode(destination={"protocol": "HTTP", "URI": f"http://{host}:8080/x"}).port == 8080


def test_tcp_and_buffering() -> None:
    found = decode(
        destination={"protocol": "TCP", "port": 9999},
        buffering={"maxItems": 1000, "maxBytes": 1_048_576, "timeoutMs": 25},
    )
    assert found[2:] == ("TCP", 9999, "", 1000, 1_048_576, 25)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"schemaVersion": "2020"}, "schemaVersion"),
        ({"types": []}, "types"),
        ({"types": ["other"]}, "types"),
        ({"buffering": {"maxItems": 999}}, "buffering.maxItems must be from 1000 to 10000"),
        ({"buffering": {"timeoutMs": 24}}, "buffering.timeoutMs"),
        ({"buffering": {"maxBytes": True}}, "buffering.maxBytes"),
        ({"destination": {"protocol": "UDP"}}, "destination.protocol"),
        ({"destination": {"protocol": "HTTP", "URI": "http://example.com:1"}}, "destination.URI"),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:9001"}},
            "destination.URI",
        ),
        ({"destination": {"protocol": "TCP", "port": 0}}, "destination.port"),
    ],
)
def test_refusals(changed: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidSubscriptionError, match=text):
        decode(**changed)


def test_no_json_is_refused() -> None:
    with pytest.raises(InvalidSubscriptionError):
        decode_subscription("watch", b"{")


def test_a_batch_goes_out_when_it_is_full() -> None:
    gathering = Gathering(decode(buffering={"maxItems": 1000}))
    assert gathering.takes("platform.start")
    assert not gathering.takes("extension")
    assert not any(gathering.add(b"{}") for _ in range(999))
    assert gathering.add(b"{}")
    assert len(json.loads(gathering.batch())) == 1000
    assert gathering.batch() == b""
    assert gathering.add(b"x" * 262_144)


def test_tcp_is_one_event_a_line() -> None:
    gathering = Gathering(decode(destination={"protocol": "TCP", "port": 9999}))
    gathering.add(b"1")
    gathering.add(b"2")
    assert gathering.batch() == b"1\n2\n"
