"""A behavior with legacy cache settings: what its origin gets, what it keeps, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.conftest import read_head
from tests.gateway.cached_site import Answer, Site, verdict


def legacy(forwarded: Mapping[str, Any], **ttls: int) -> Site:
    return Site(behavior={"forwarded_values": dict(forwarded), **ttls})


Asked = tuple[str, dict[str, str]]
"""Target and headers of a request."""


ONE_OR_TWO: list[tuple[dict[str, Any], Asked, Asked, bool]] = [
    ({}, ("/?a=1", {}), ("/?a=2", {}), True),
    ({"query_string": True}, ("/?a=1", {}), ("/?a=2", {}), False),
    ({"query_string": True}, ("/?a=1&b=2", {}), ("/?b=2&a=1", {}), False),
    (
        {"query_string": True, "query_string_cache_keys": ["a"]},
        ("/?a=1&b=1", {}),
        ("/?a=1&b=2", {}),
        True,
    ),
    ({}, ("/", {"x-own": "1"}), ("/", {"x-own": "2"}), True),
    ({"headers": ["X-Own"]}, ("/", {"x-own": "1"}), ("/", {"x-own": "2"}), False),
    ({}, ("/", {"cookie": "a=1"}), ("/", {"cookie": "a=2"}), True),
    (
        {"cookies": {"forward": "whitelist", "whitelisted_names": ["a*"]}},
        ("/", {"cookie": "ab=1; b=1"}),
        ("/", {"cookie": "ab=1; b=2"}),
        True,
    ),
    (
        {"cookies": {"forward": "whitelist", "whitelisted_names": ["a*"]}},
        ("/", {"cookie": "ab=1"}),
        ("/", {"cookie": "ab=2"}),
        False,
    ),
    (
        {},
        ("/", {"accept-encoding": "gzip"}),
        ("/", {"accept-encoding": "gzip, br"}),
        True,
    ),
    ({}, ("/", {"accept-encoding": "gzip"}), ("/", {"accept-encoding": "br"}), False),
    (
        {"headers": ["CloudFront-Viewer-Country"]},
        ("/", {"x-edgegw-viewer": "country=DE"}),
        ("/", {"x-edgegw-viewer": "country=FR"}),
        False,
    ),
]


@pytest.mark.parametrize(("forwarded", "first", "second", "is_one"), ONE_OR_TWO)
async def test_what_is_one_answer(
    forwarded: Mapping[str, Any], first: Asked, second: Asked, *, is_one: bool
) -> None:
    site = legacy(forwarded)
    async with site.client() as client:
        await client.get(first[0], headers=first[1])
        again = await client.get(second[0], headers=second[1])
    assert verdict(again) == ("Hit" if is_one else "Miss")


async def test_what_the_key_lacks_reaches_the_origin_and_is_said_to() -> None:
    site = legacy({"query_string": True, "query_string_cache_keys": ["v"]})
    async with site.client() as client:
        await client.get("/a?v=1&w=2", headers={"x-own": "1"})
    (asked,) = site.origin.asked
    assert asked.extensions["target"] == b"/a?v=1&w=2"
    assert asked.headers["x-own"] == "1"


@pytest.mark.parametrize(
    ("ttls", "control", "kept_for"),
    [
        ({}, "", 86400),
        ({"default_ttl": 60}, "", 60),
        ({"max_ttl": 90, "default_ttl": 60}, "max-age=100", 90),
        ({"min_ttl": 50, "default_ttl": 60}, "no-store", 50),
        ({"min_ttl": 50, "default_ttl": 60}, "max-age=1", 50),
    ],
)
async def test_the_times_beside_them(ttls: dict[str, int], control: str, kept_for: int) -> None:
    site = legacy({}, **ttls)
    site.origin.answer = Answer(headers={"cache-control": control} if control else {})
    async with site.client() as client:
        await client.get("/a")
        site.now += kept_for - 1
        still = await client.get("/a")
        site.now += 2
        over = await client.get("/a")
    assert [verdict(still), verdict(over)] == ["Hit", "Miss"]


async def test_all_headers_keep_nothing_errors_included() -> None:
    site = legacy({"headers": ["*"]})
    async with site.client() as client:
        for status in (200, 200, 404, 404):
            site.origin.answer = Answer(status=status, headers={"cache-control": "max-age=60"})
            await client.get("/a", headers={"accept-language": "de"})
    assert site.origin.count == 4
    assert site.origin.asked[0].headers["host"] == "127.0.0.1"
    assert site.origin.asked[0].headers["accept-language"] == "de"


async def test_set_cookie_goes_on_where_cookies_are_forwarded() -> None:
    for forward in ("none", "all"):
        site = legacy({"cookies": {"forward": forward}})
        site.origin.answer = Answer(headers={"set-cookie": "a=1"})
        async with site.client() as client:
            answer = await client.get("/")
        assert ("set-cookie" in answer.headers) is (forward == "all")


async def test_the_edge_compresses_with_gzip_alone() -> None:
    site = Site(behavior={"forwarded_values": {}, "compress": True})
    site.origin.answer = Answer(b"a" * 2000, headers={"content-type": "text/plain"})
    async with site.client() as client:
        both = await client.get("/a", headers={"accept-encoding": "br, gzip"})
        brotli = await client.get("/b", headers={"accept-encoding": "br"})
    assert both.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in brotli.headers


async def test_over_sockets(serving: Any, raw_origin: Any) -> None:
    heads: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            heads.append(head)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVary: X-Own\r\n\r\nok")
            await writer.drain()

    async with raw_origin(script) as origin:
        behavior = {
            "origin": "app",
            "allowed_methods": ["GET", "HEAD", "OPTIONS"],
            "cached_methods": ["GET", "HEAD", "OPTIONS"],
            "forwarded_values": {
                "cookies": {"forward": "whitelist", "whitelisted_names": ["session-?"]},
            },
            "default_ttl": 60,
        }
        site = {
            "listen": 0,
            "origins": {"app": {"url": origin.url}},
            "default_behavior": behavior,
        }
        async with serving({"distributions": {"site": site}}) as front:
            async with httpx.AsyncClient(trust_env=False) as client:
                lines = {
                    "X-Own": "1",
                    "Authorization": "Basic x",
                    "Cookie": "session-a=1; session-ab=2",
                }
                answers = [
                    await client.request(method, f"{front.urls['site']}/a?b=1", headers=lines)
                    for method in ("GET", "GET", "OPTIONS", "OPTIONS")
                ]
    assert [verdict(answer) for answer in answers] == ["Miss", "Hit", "Miss", "Hit"]
    assert {answer.headers["vary"] for answer in answers} == {"X-Own"}
    assert [head.split(b" ", 2)[:2] for head in heads] == [[b"GET", b"/a"], [b"OPTIONS", b"/a"]]
    for head in heads:
        assert b"\r\nX-Own: 1\r\n" in head
        assert b"\r\nCookie: session-a=1\r\n" in head
        assert b"Authorization" not in head
