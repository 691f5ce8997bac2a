"""What an exchange shows of the cache."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.gateway.cached_site import NOW, Answer, Site

OPEN = {"min_ttl": 0, "default_ttl": 100, "max_ttl": 1000}


def passing(event: Any, context: Any) -> Any:
    record = event["Records"][0]["cf"]
    return record.get("response") or record["request"]


async def test_a_miss_and_a_hit_show_key_rule_and_time() -> None:
    site = Site({**OPEN, "cookies": {"behavior": "whitelist", "items": ["bucket"]}})
    async with site.client() as client:
        headers = {"cookie": "bucket=b; other=1"}
        exchanges = [site.exchange(await client.get("/a?x=1", headers=headers)) for _ in range(2)]
    miss, hit = (exchange.cache for exchange in exchanges)
    assert miss is not None
    assert hit is not None
    assert (miss["decision"], miss["stored"]) == ("miss", True)
    assert (hit["decision"], hit["rule"]) == ("hit", "default TTL, as the origin says nothing")
    assert hit["expires_at"] == miss["expires_at"] == NOW + 100
    assert hit["key"]["cookies"] == [["bucket", "b"]]
    assert (hit["key"]["path"], hit["key"]["query"]) == ("/a", None)
    assert exchanges[1].to_dict()["cache"] == hit


@pytest.mark.parametrize(
    ("headers", "why", "rule"),
    [
        ({"cache-control": "no-store"}, "not-kept", "no-store of the origin"),
        ({"cache-control": "private"}, "not-kept", "private of the origin"),
    ],
)
async def test_what_is_not_stored_says_why(headers: dict[str, str], why: str, rule: str) -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(headers=headers)
    async with site.client() as client:
        record = site.exchange(await client.get("/a")).cache
    assert record is not None
    assert (record["stored"], record["not_stored"], record["rule"]) == (False, why, rule)


@pytest.mark.parametrize(
    ("policy", "headers", "why"),
    [
        ("CachingDisabled", {}, "caching-disabled"),
        (OPEN, {"x-edgegw-cache": "bypass"}, "asked-to"),
    ],
)
async def test_a_bypass_says_why(policy: Any, headers: dict[str, str], why: str) -> None:
    site = Site(policy)
    async with site.client() as client:
        record = site.exchange(await client.get("/a", headers=headers)).cache
    assert record == {"decision": "bypass", "why": why}


async def test_functions_that_did_not_run_are_there_with_the_reason() -> None:
    triggers = ["origin-request", "origin-response", "viewer-response"]
    site = Site(hooks=dict.fromkeys(triggers, passing))
    async with site.client() as client:
        first = site.exchange(await client.get("/a"))
        second = site.exchange(await client.get("/a"))
        site.origin.answer = Answer(status=404)
        third = site.exchange(await client.get("/b"))
    assert first.idle == {}
    assert second.idle == dict.fromkeys(triggers[:2], "answered from the cache")
    assert third.idle == {"viewer-response": "not for an error"}


async def test_who_waited_for_another_shows_that() -> None:
    site = Site()
    site.origin.may_answer.clear()
    async with site.client() as client:
        requests = [asyncio.ensure_future(client.get("/a")) for _ in range(2)]
        while not site.origin.count:
            await asyncio.sleep(0)
        site.origin.may_answer.set()
        records = [site.exchange(await request).cache for request in requests]
    assert [record and record["decision"] for record in records] == ["miss", "collapse"]
