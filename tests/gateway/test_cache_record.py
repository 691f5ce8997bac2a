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


# Every exchange says why it went as it did


async def test_every_exchange_names_its_behavior() -> None:
    site = Site(distribution={"behaviors": [{"path_pattern": "/api/*", "origin": "app"}]})
    async with site.client() as client:
        patterns = [
            site.exchange(await client.get(path)).to_dict()["behavior"]
            for path in ("/api/x", "/x", "/x")
        ]
    assert patterns == ["/api/*", "*", "*"]


async def test_the_key_is_there_part_by_part() -> None:
    policy = {
        **OPEN,
        "headers": {"behavior": "whitelist", "items": ["X-Plan", "CloudFront-Viewer-Country"]},
        "cookies": {"behavior": "whitelist", "items": ["bucket"]},
        "query_strings": {"behavior": "whitelist", "items": ["lang"]},
        "gzip": True,
    }
    site = Site(policy)
    headers = {
        "cookie": "a=1; bucket=b",
        "accept-encoding": "gzip, br",
        "x-edgegw-viewer": "country=DE",
    }
    async with site.client() as client:
        answer = await client.get("/p?lang=de&utm=1", headers=headers)
    record = site.exchange(answer).to_dict()["cache"]
    assert record["key"] == {
        "distribution": site.gateway.config.distributions[0].distribution.id,
        "method": "GET",
        "path": "/p",
        "query": "lang=de",
        "headers": {"x-plan": None, "cloudfront-viewer-country": "DE"},
        "cookies": [["bucket", "b"]],
        "accept_encoding": "gzip",
    }


@pytest.mark.parametrize(
    ("headers", "rule", "ttl"),
    [
        ({"cache-control": "max-age=20"}, "max-age of the origin", 20),
        ({"cache-control": "s-maxage=30, max-age=20"}, "s-maxage of the origin", 30),
        (
            {"cache-control": "max-age=9999"},
            "max-age of the origin, lowered to the maximum TTL",
            1000,
        ),
        ({}, "default TTL, as the origin says nothing", 100),
    ],
)
async def test_the_rule_that_won_and_until_when(
    headers: dict[str, str], rule: str, ttl: int
) -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(headers=headers)
    async with site.client() as client:
        records = [site.exchange(await client.get("/a")).to_dict()["cache"] for _ in range(2)]
    assert [(record["rule"], record["expires_at"]) for record in records] == [(rule, NOW + ttl)] * 2


async def test_what_the_policies_took_out_is_there_with_the_reason() -> None:
    site = Site({**OPEN, "cookies": {"behavior": "whitelist", "items": ["bucket"]}})
    headers = {
        "cookie": "bucket=b; sid=1",
        "authorization": "Bearer secret",
        "accept-language": "de",
        "x-real-ip": "10.0.0.1",
    }
    async with site.client() as client:
        miss = site.exchange(await client.get("/a?utm=1", headers=headers))
        hit = site.exchange(await client.get("/a?utm=1", headers=headers))
    reasons = {(part["kind"], part["name"].lower()): part["why"] for part in _stripped(miss)}
    unnamed = "own does not name it, and there is no origin request policy"
    assert reasons["cookie", "sid"] == unnamed
    assert ("cookie", "bucket") not in reasons
    assert reasons["query", "utm"] == unnamed
    assert reasons["header", "accept-language"] == unnamed
    assert reasons["header", "authorization"] == f"taken out of GET and HEAD, as {unnamed}"
    assert reasons["header", "x-real-ip"] == "CloudFront never forwards it"
    assert reasons["header", "host"] == "replaced by the origin's domain name"
    assert "secret" not in str(reasons)
    assert _stripped(hit) == []


async def test_what_is_taken_out_before_an_origin_request_function_is_there_too() -> None:
    def adds(event: Any, context: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        request["querystring"] = "utm=own"
        return request

    site = Site(OPEN, hooks={"origin-request": adds})
    async with site.client() as client:
        exchange = site.exchange(await client.get("/a?utm=1"))
    assert ("query", "utm") in [(part["kind"], part["name"]) for part in _stripped(exchange)]


def _stripped(exchange: Any) -> Any:
    return exchange.to_dict()["stripped"]


async def test_why_functions_did_not_run() -> None:
    def answers(event: Any, context: Any) -> Any:
        return {"status": "200", "headers": {}, "body": "mine"}

    triggers = ["viewer-request", "origin-request", "origin-response", "viewer-response"]
    at_viewer = Site(hooks={**dict.fromkeys(triggers, passing), "viewer-request": answers})
    at_origin = Site(hooks={**dict.fromkeys(triggers, passing), "origin-request": answers})
    async with at_viewer.client() as client:
        idle = at_viewer.exchange(await client.get("/a")).to_dict()["idle"]
        assert idle == dict.fromkeys(triggers[1:], "viewer-request answered")
    async with at_origin.client() as client:
        idle = at_origin.exchange(await client.get("/a")).to_dict()["idle"]
        assert idle == {"origin-response": "origin-request answered in the origin's stead"}


async def test_why_functions_did_not_run_for_what_is_stale_or_waited_for() -> None:
    triggers = ["origin-request", "origin-response"]
    site = Site(OPEN, hooks=dict.fromkeys(triggers, passing))
    site.origin.answer = Answer(headers={"cache-control": "max-age=10, stale-while-revalidate=60"})
    async with site.client() as client:
        site.origin.may_answer.clear()
        requests = [asyncio.ensure_future(client.get("/a")) for _ in range(2)]
        while not site.origin.count:
            await asyncio.sleep(0)
        site.origin.may_answer.set()
        waited = [site.exchange(await request).idle for request in requests][1]
        site.now += 20
        stale = site.exchange(await client.get("/a")).idle
        while site.origin.count < 2:
            await asyncio.sleep(0)
    assert waited == dict.fromkeys(triggers, "another request asks the origin for the same")
    assert set(stale.values()) == {
        "the viewer gets what is stale; it runs behind the viewer's back"
    }


async def test_what_legacy_settings_keep_back_is_not_said_to_lack_a_policy() -> None:
    site = Site(behavior={"forwarded_values": {"query_string": False}})
    async with site.client() as client:
        stripped = site.exchange(await client.get("/a?x=1")).stripped
    (query,) = [part for part in stripped if part.kind == "query"]
    assert query.why == "forwarded_values does not name it"
