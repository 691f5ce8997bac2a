"""What a behavior drops without a word from CloudFront."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edgegw.cloudfront.model import Behavior
from edgegw.cloudfront.remarks import is_plain_disabled, lost_handshake, lost_without_policy
from edgegw.config.resolve import load_dict
from edgegw.http.message import Headers, Request
from edgegw.http.target import RequestTarget


def behavior(**keys: Any) -> Behavior:
    site = {
        "listen": 0,
        "origins": {"app": {"url": "http://127.0.0.1:9"}},
        "default_behavior": {"origin": "app", **keys},
    }
    return (
        load_dict({"distributions": {"site": site}}).distributions[0].distribution.default_behavior
    )


def request(path: str, *lines: tuple[bytes, bytes]) -> Request:
    return Request("GET", RequestTarget.parse(path.encode()), Headers(lines))


@pytest.mark.parametrize(
    ("keys", "is_plain"),
    [
        ({"cache_policy": "CachingDisabled"}, True),
        ({"cache_policy": "CachingDisabled", "origin_request_policy": "AllViewer"}, False),
        ({"cache_policy": "CachingOptimized"}, False),
        ({}, False),
    ],
    ids=["alone", "with a policy", "a cache", "default"],
)
def test_caching_disabled_alone_is_looked_at(keys: dict[str, Any], is_plain: bool) -> None:
    assert is_plain_disabled(behavior(**keys)) == is_plain


@pytest.mark.parametrize(
    ("path", "lines", "lost"),
    [
        ("/", [], None),
        ("/?", [], None),
        ("/?a=1&b", [], "query strings (a, b)"),
        ("/", [(b"Cookie", b"sid=1; t=2")], "cookies (sid, t)"),
        ("/?a=1", [(b"Cookie", b"sid=1")], "cookies (sid) and query strings (a)"),
        ("/?" + "&".join(f"q{n}" for n in range(9)), [], "(q0, q1, q2, q3, q4 …)"),
    ],
)
def test_what_it_keeps_from_the_origin_is_named(
    path: str, lines: list[tuple[bytes, bytes]], lost: str | None
) -> None:
    text = lost_without_policy(behavior(cache_policy="CachingDisabled"), request(path, *lines))
    assert text is None if lost is None else lost in str(text)
    assert text is None or "origin_request_policy: AllViewer" in text


def test_parameters_of_signing_are_not_missed_as_they_never_go_on() -> None:
    signs = replace(behavior(cache_policy="CachingDisabled"), trusted_keys={"K1": b""})
    signed = "/film?Expires=1&Signature=a&Key-Pair-Id=K1"
    assert lost_without_policy(signs, request(signed)) is None
    cookie = (b"Cookie", b"CloudFront-Policy=a; sid=1")
    assert "cookies (sid) from" in str(lost_without_policy(signs, request("/film", cookie)))
    assert "Signature" in str(lost_without_policy(behavior(), request(signed)))


def test_a_handshake_whose_headers_are_dropped() -> None:
    handshake = replace(request("/ws"), upgrade=b"websocket")
    assert "keep Sec-WebSocket-Key from it" in str(lost_handshake(behavior(), handshake))
    passes = behavior(cache_policy="CachingDisabled", origin_request_policy="AllViewer")
    assert lost_handshake(passes, handshake) is None
    assert lost_handshake(behavior(), request("/ws")) is None
