"""What goes from a cache: by an invalidation, by a reload, by its bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from edgegw import UsageError
from edgegw.config.resolve import load_dict
from tests.conftest import FUNCTIONS
from tests.gateway.cached_site import Answer, Site, path_of, verdict

EVERY_QUERY = {
    "min_ttl": 0,
    "default_ttl": 1000,
    "query_strings": {"behavior": "all"},
}


async def verdicts(client: httpx.AsyncClient, *urls: str) -> str:
    """The first letters of what the requests come to: H for Hit, M for Miss."""
    return "".join([verdict(await client.get(url))[0] for url in urls])


# Invalidation


@pytest.mark.parametrize(
    ("paths", "after"),
    [
        (["/a"], "MHHH"),
        (["a"], "MHHH"),
        (["/a?x=1"], "HMHH"),
        (["/a*"], "MMMH"),
        (["/*"], "MMMM"),
        (["/ab", "/b"], "HHMM"),
        (["/nothing"], "HHHH"),
        (["/A"], "HHHH"),
    ],
)
async def test_an_invalidation_removes_what_its_paths_name(paths: list[str], after: str) -> None:
    urls = ["/a", "/a?x=1", "/ab", "/b"]
    site = Site(EVERY_QUERY)
    async with site.client() as client:
        assert await verdicts(client, *urls, *urls) == "MMMMHHHH"
        assert site.gateway.invalidate("site", *paths) == after.count("M")
        assert await verdicts(client, *urls) == after


async def test_what_is_on_its_way_during_an_invalidation_is_not_kept() -> None:
    site = Site()
    site.origin.may_answer.clear()
    async with site.client() as client:
        waiting = asyncio.ensure_future(client.get("/a"))
        while not site.origin.count:
            await asyncio.sleep(0)
        site.gateway.invalidate("site", "/*")
        site.origin.may_answer.set()
        assert (await waiting).text == "one"
        site.origin.answer = Answer(b"two")
        again = await client.get("/a")
    assert (verdict(again), again.text) == ("Miss", "two")


async def test_what_was_invalidated_does_not_stand_in_for_an_origin_that_fails() -> None:
    site = Site({"min_ttl": 0, "default_ttl": 10, "max_ttl": 1000})
    async with site.client() as client:
        await client.get("/a")
        site.now += 20
        site.origin.fails = True
        site.origin.may_answer.clear()
        waiting = asyncio.ensure_future(client.get("/a"))
        while site.origin.count < 2:
            await asyncio.sleep(0)
        site.gateway.invalidate("site", "/a")
        site.origin.may_answer.set()
        assert (await waiting).status_code == 502


@pytest.mark.parametrize(
    ("distribution", "paths", "text"),
    [
        ("other", ["/a"], "known: site"),
        ("site", [], "at least one path"),
        ("site", ["#tag"], "no CacheTagConfig"),
    ],
)
def test_what_is_no_invalidation(distribution: str, paths: list[str], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        Site().gateway.invalidate(distribution, *paths)


# Cache tags

TAGGED = {"cache_tag_config": {"header_name": "X-Tags"}}


async def test_a_tag_takes_along_every_variant_and_error_that_has_it() -> None:
    site = Site(EVERY_QUERY, distribution=TAGGED)
    site.origin.answering = lambda request: Answer(
        status=404 if path_of(request) == "/none" else 200,
        headers={"x-tags": "b" if path_of(request) == "/b" else " A , c"},
    )
    urls = ["/a", "/a?x=1", "/none", "/b"]
    async with site.client() as client:
        await verdicts(client, *urls)
        assert site.gateway.invalidate("site", "#a") == 3
        assert await verdicts(client, "/a", "/a?x=1", "/b") == "MMH"


async def test_a_function_at_origin_response_may_tag() -> None:
    def tagging(event: Any, context: Any) -> Any:
        response = event["Records"][0]["cf"]["response"]
        response["headers"]["x-tags"] = [{"key": "X-Tags", "value": "late"}]
        return response

    site = Site(distribution=TAGGED, hooks={"origin-response": tagging})
    async with site.client() as client:
        await client.get("/a")
        assert site.gateway.invalidate("site", "#late") == 1


async def test_what_is_on_its_way_may_have_the_tag_and_is_not_kept() -> None:
    site = Site(distribution=TAGGED)
    site.origin.answer = Answer(headers={"x-tags": "old"})
    site.origin.may_answer.clear()
    async with site.client() as client:
        waiting = asyncio.ensure_future(client.get("/a"))
        while not site.origin.count:
            await asyncio.sleep(0)
        site.gateway.invalidate("site", "#old")
        site.origin.may_answer.set()
        await waiting
        assert await verdicts(client, "/a") == "M"


async def test_a_tag_is_of_one_header_alone() -> None:
    site = Site(distribution=TAGGED)
    site.origin.answer = Answer(headers={"cache-tag": "a"})
    async with site.client() as client:
        await client.get("/a")
        assert site.gateway.invalidate("site", "#a") == 0
        await reloaded(site, {"cache_tag_config": {"header_name": "Cache-Tag"}})
        assert await verdicts(client, "/a") == "M"
        assert site.gateway.invalidate("site", "#a") == 1


# Reload


def two_behaviors() -> Site:
    behaviors = [{"path_pattern": "/b/*", "origin": "app"}]
    return Site(distribution={"behaviors": behaviors})


async def reloaded(site: Site, change: Mapping[str, Any], *where: Any) -> None:
    part: Any = site.config["distributions"]["site"]
    for key in where:
        part = part[key]
    part.update(change)
    config = load_dict(site.config, FUNCTIONS)
    await site.gateway.reload(replace(config))


@pytest.mark.parametrize(
    ("forwarded", "after"),
    [
        ({"cookies": {"forward": "whitelist", "whitelisted_names": ["a*"]}}, "H"),
        ({"cookies": {"forward": "whitelist", "whitelisted_names": ["b*"]}}, "M"),
        ({"cookies": {"forward": "whitelist", "whitelisted_names": ["a*"]}, "headers": ["X"]}, "M"),
        (
            {
                "cookies": {"forward": "whitelist", "whitelisted_names": ["a*"]},
                "query_string": True,
            },
            "M",
        ),
    ],
    ids=["the same", "other cookies", "a header", "query strings"],
)
async def test_other_legacy_settings_clear_what_they_kept(
    forwarded: dict[str, Any], after: str
) -> None:
    before = {"cookies": {"forward": "whitelist", "whitelisted_names": ["a*"]}}
    site = Site(behavior={"forwarded_values": before})
    async with site.client() as client:
        assert await verdicts(client, "/a", "/a") == "MH"
        await reloaded(site, {"forwarded_values": forwarded}, "default_behavior")
        assert await verdicts(client, "/a") == after


@pytest.mark.parametrize(
    ("change", "where", "after"),
    [
        ({}, ["default_behavior"], "HH"),
        ({"allowed_methods": ["GET", "HEAD", "OPTIONS"]}, ["default_behavior"], "HH"),
        ({"origin_request_policy": "AllViewer"}, ["default_behavior"], "MH"),
        ({"compress": True}, ["default_behavior"], "MH"),
        ({"response_headers_policy": "SimpleCORS"}, ["default_behavior"], "HH"),
        ({"cache_policy": "Amplify"}, ["behaviors", 0], "HM"),
        ({"url": "http://elsewhere.test"}, ["origins", "app"], "MM"),
        ({"behaviors": []}, [], "HM"),
    ],
)
async def test_a_reload_clears_what_would_be_another_answer(
    change: Mapping[str, Any], where: list[Any], after: str
) -> None:
    site = two_behaviors()
    async with site.client() as client:
        assert await verdicts(client, "/a", "/b/a") == "MM"
        await reloaded(site, change, *where)
        assert await verdicts(client, "/a", "/b/a") == after


async def test_other_error_pages_clear_errors_alone() -> None:
    site = Site()
    site.origin.answering = lambda request: (
        Answer(b"none", 404) if path_of(request) == "/none" else Answer()
    )
    async with site.client() as client:
        await client.get("/a")
        await client.get("/none")
        page = {"error_code": 404, "response_page_path": "/p", "response_code": 200}
        await reloaded(site, {"custom_error_responses": [page]})
        assert await verdicts(client, "/a") == "H"
        assert (await client.get("/none")).text == "one"


@pytest.mark.parametrize(("trigger", "after"), [("viewer-request", "H"), ("origin-request", "M")])
async def test_new_code_clears_what_the_old_one_produced(trigger: str, after: str) -> None:
    def passing(event: Any, context: Any) -> Any:
        return event["Records"][0]["cf"]["request"]

    site = Site(hooks={trigger: passing})
    async with site.client() as client:
        await client.get("/a")
        await site.gateway.reload_code({trigger})
        assert await verdicts(client, "/a") == after


# Bounds


async def test_what_was_not_used_for_longest_makes_room() -> None:
    site = Site(settings={"cache": {"memory": "10kB"}})
    site.origin.answer = Answer(bytes(3000))
    async with site.client() as client:
        assert await verdicts(client, "/a", "/b") == "MM"
        assert await verdicts(client, "/a", "/c") == "HM"
        assert await verdicts(client, "/a", "/b") == "HM"


async def test_a_reload_may_give_it_less_room() -> None:
    site = Site()
    site.origin.answer = Answer(bytes(3000))
    async with site.client() as client:
        assert await verdicts(client, "/a", "/b", "/c") == "MMM"
        site.config["gateway"]["cache"] = {"memory": "5kB"}
        await reloaded(site, {})
        assert await verdicts(client, "/c", "/a") == "HM"


async def test_what_is_larger_than_all_room_is_passed_on_and_not_kept() -> None:
    site = Site(settings={"cache": {"memory": "10kB", "disk": "10kB"}})
    site.origin.answer = Answer(bytes(300_000))
    async with site.client() as client:
        assert len((await client.get("/a")).content) == 300_000
        assert await verdicts(client, "/a") == "M"
