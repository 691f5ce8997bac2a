"""What is stored is compressed already; the response headers policy works on top of the cache."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.gateway.cached_site import Answer, Site, verdict

PAGE = b"<p>hello</p>" * 500
HTML = {"content-type": "text/html", "etag": '"1"', "vary": "Accept", "accept-ranges": "bytes"}
BRIEF = {"min_ttl": 0, "default_ttl": 10, "max_ttl": 1000, "gzip": True, "brotli": False}
PLAIN = {**BRIEF, "gzip": False}


def site_of(policy: dict[str, Any] = BRIEF, **more: Any) -> Site:
    behavior = {"compress": True, **more.pop("behavior", {})}
    site = Site(policy, behavior=behavior, **more)
    site.origin.answer = Answer(PAGE, headers=HTML)
    return site


async def get(
    client: httpx.AsyncClient, path: str = "/a", coding: str = "gzip", **headers: str
) -> tuple[httpx.Response, bytes]:
    """The answer and its body as it came over the wire."""
    lines = {"accept-encoding": coding, **{key.replace("_", "-"): headers[key] for key in headers}}
    async with client.stream("GET", path, headers=lines) as answer:
        return answer, b"".join([part async for part in answer.aiter_raw()])


# Compression


async def test_a_hit_of_what_was_compressed_is_the_same_bytes() -> None:
    site = site_of()
    async with site.client() as client:
        first, content = await get(client)
        second, again = await get(client)
    assert [verdict(first), verdict(second)] == ["Miss", "Hit"]
    assert again == content
    assert gzip.decompress(again) == PAGE
    for answer in (first, second):
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["etag"] == 'W/"1"'
        assert answer.headers["vary"] == "Accept-Encoding"
        assert "content-length" not in answer.headers
        assert "accept-ranges" not in answer.headers
    assert site.origin.count == 1


async def test_viewers_of_each_coding_have_an_entry_of_their_own() -> None:
    site = site_of()
    async with site.client() as client:
        answers = [await get(client, coding=coding) for coding in ("gzip", "identity") * 2]
    assert [verdict(answer) for answer, _ in answers] == ["Miss", "Miss", "Hit", "Hit"]
    assert [gzip.decompress(answers[2][1]), answers[3][1]] == [PAGE, PAGE]
    assert answers[3][0].headers["content-length"] == str(len(PAGE))
    assert answers[3][0].headers["etag"] == '"1"'


async def test_parts_and_heads_of_what_was_compressed_are_those_of_the_compressed_bytes() -> None:
    site = site_of()
    async with site.client() as client:
        _, whole = await get(client)
        part, content = await get(client, range="bytes=2-9")
        beyond, _ = await get(client, range=f"bytes={len(whole)}-")
        strongly, all_of_it = await get(client, range="bytes=2-9", if_range='W/"1"')
        known, nothing = await get(client, if_none_match='"1"')
        head = await client.head("/a", headers={"accept-encoding": "gzip"})
    assert (part.status_code, content) == (206, whole[2:10])
    assert part.headers["content-range"] == f"bytes 2-9/{len(whole)}"
    assert part.headers["content-length"] == "8"
    assert part.headers["content-encoding"] == "gzip"
    assert beyond.status_code == 416
    assert (strongly.status_code, all_of_it) == (200, whole)
    assert (known.status_code, nothing, known.headers["etag"]) == (304, b"", 'W/"1"')
    assert (head.status_code, head.headers["content-encoding"]) == (200, "gzip")
    assert site.origin.count == 1


async def test_a_head_is_the_origins_until_a_get_was_compressed() -> None:
    """An answer without a body is not compressed; out of the cache it is that of the whole."""
    site = site_of()
    async with site.client() as client:

        async def head(coding: str) -> httpx.Response:
            return await client.head("/a", headers={"accept-encoding": coding})

        heads = [await head("gzip"), await head("gzip")]
        await get(client)
        heads += [await head("gzip"), await head("identity")]
    assert [verdict(answer) for answer in heads] == ["Miss", "Hit", "Hit", "Miss"]
    shown = [
        tuple(answer.headers.get(name) for name in ("content-length", "content-encoding", "etag"))
        for answer in heads
    ]
    of_the_origin = (str(len(PAGE)), None, '"1"')
    assert shown == [of_the_origin, of_the_origin, (None, "gzip", 'W/"1"'), of_the_origin]
    assert [request.method for request in site.origin.asked] == ["HEAD", "GET", "HEAD"]


async def test_an_origin_that_confirms_what_was_compressed_changes_nothing_of_that() -> None:
    site = site_of()
    async with site.client() as client:
        _, content = await get(client)
        site.now += 11
        site.origin.answer = Answer(b"", 304, {**HTML, "x-more": "1"})
        renewed, again = await get(client)
        hit, _ = await get(client)
    assert site.origin.asked[1].headers["if-none-match"] == 'W/"1"'
    assert [verdict(renewed), verdict(hit)] == ["RefreshHit", "Hit"]
    assert again == content
    for answer in (renewed, hit):
        assert answer.headers["x-more"] == "1"
        assert answer.headers["etag"] == 'W/"1"'
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert "accept-ranges" not in answer.headers


async def test_a_304_without_vary_leaves_the_stored_one() -> None:
    own = {"behavior": "whitelist", "items": ["Accept"]}
    site = site_of({**BRIEF, "headers": own})
    async with site.client() as client:
        first, _ = await get(client)
        site.now += 11
        site.origin.answer = Answer(b"", 304)
        renewed, _ = await get(client)
    assert first.headers.get_list("vary") == ["Accept", "Accept-Encoding"]
    assert renewed.headers.get_list("vary") == ["Accept", "Accept-Encoding"]


async def test_what_is_stored_uncompressed_stays_so_when_it_is_confirmed() -> None:
    site = site_of()
    site.origin.answer = Answer(PAGE, headers={**HTML, "content-encoding": "identity"})
    async with site.client() as client:
        await get(client)
        site.now += 11
        site.origin.answer = Answer(b"", 304, HTML)
        renewed, content = await get(client)
    assert (verdict(renewed), content) == ("RefreshHit", PAGE)
    assert renewed.headers["etag"] == '"1"'


async def test_viewers_who_wait_share_the_compressed_body() -> None:
    site = site_of()
    site.origin.may_answer.clear()
    async with site.client() as client:
        waiting = [asyncio.ensure_future(get(client)) for _ in range(3)]
        while not site.origin.count:
            await asyncio.sleep(0)
        site.origin.may_answer.set()
        answers = await asyncio.gather(*waiting)
    assert [verdict(answer) for answer, _ in answers] == ["Miss", "Hit", "Hit"]
    assert {gzip.decompress(content) for _, content in answers} == {PAGE}
    assert site.origin.count == 1


async def test_a_body_that_is_shorter_than_announced_is_not_stored_compressed() -> None:
    async def short() -> AsyncIterator[bytes]:
        yield PAGE

    site = site_of()
    announced = {**HTML, "content-length": str(len(PAGE) + 1)}
    site.origin.answer = Answer(short(), headers=announced)
    async with site.client() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await get(client)
        site.origin.answer = Answer(PAGE, headers=HTML)
        again, content = await get(client)
    assert (verdict(again), gzip.decompress(content)) == ("Miss", PAGE)


# Response headers policies

POLICY: dict[str, Any] = {
    "cors": {
        "access_control_allow_origins": ["https://a.test", "https://b.test"],
        "origin_override": True,
    },
    "custom_headers": [{"header": "x-own", "value": "1", "override": True}],
    "remove_headers": ["x-powered-by"],
}


def decorated_site(**more: Any) -> Site:
    site = site_of(
        behavior={"response_headers_policy": "own", **more.pop("behavior", {})},
        policies={"own": POLICY},
        **more,
    )
    site.origin.answer = Answer(PAGE, headers={**HTML, "x-powered-by": "origin"})
    return site


async def test_the_policy_decorates_hits_for_their_own_viewer_and_is_not_stored() -> None:
    site = decorated_site()
    async with site.client() as client:
        answers = [(await get(client, origin=f"https://{name}.test"))[0] for name in "ab"]
        (stored,) = [entry.entry for entry in site.gateway.caching.store.entries()]
    assert [verdict(answer) for answer in answers] == ["Miss", "Hit"]
    for name, answer in zip("ab", answers, strict=True):
        assert answer.headers.get_list("access-control-allow-origin") == [f"https://{name}.test"]
        assert answer.headers.get_list("x-own") == ["1"]
        assert "x-powered-by" not in answer.headers
    kept = {name.lower() for name, _ in stored.headers}
    assert b"x-powered-by" in kept
    assert not {b"x-own", b"access-control-allow-origin"} & kept


async def test_viewer_response_sees_what_the_policy_made_of_a_hit() -> None:
    seen: list[str] = []

    def look(event: Any, _: Any) -> Any:
        response = event["Records"][0]["cf"]["response"]
        seen.append(response["headers"]["x-own"][0]["value"])
        return response

    site = decorated_site(hooks={"viewer-response": look})
    async with site.client() as client:
        for _ in range(2):
            await get(client)
    assert seen == ["1", "1"]


async def test_kept_failures_of_an_origin_are_decorated_once() -> None:
    site = decorated_site()
    site.origin.fails = True
    async with site.client() as client:
        answers = [(await get(client))[0] for _ in range(2)]
    assert [answer.status_code for answer in answers] == [502, 502]
    assert [answer.headers.get_list("x-own") for answer in answers] == [["1"]] * 2
    assert site.origin.count == 1


# Custom error pages


def site_with_page(status: int, **more: Any) -> Site:
    """`/index.html` compresses and has no policy; the rest is as the site says."""
    page = {
        "error_code": status,
        "response_page_path": "/index.html",
        "response_code": 200,
        "error_caching_min_ttl": 30,
    }
    behavior = {
        "path_pattern": "/index.html",
        "origin": "app",
        "compress": True,
        "cache_policy": "CachingOptimized",
    }
    site = decorated_site(
        distribution={"custom_error_responses": [page], "behaviors": [behavior]}, **more
    )

    def answering(request: httpx.Request) -> Answer:
        is_page = request.extensions["target"].startswith(b"/index.html")
        return Answer(PAGE, headers=HTML) if is_page else Answer(b"none", status)

    site.origin.answering = answering
    return site


async def test_a_page_that_is_kept_has_the_policy_of_the_url_that_failed() -> None:
    site = site_with_page(404)
    async with site.client() as client:
        answers = [(await get(client))[0] for _ in range(2)]
    assert [answer.headers.get_list("x-own") for answer in answers] == [["1"]] * 2
    assert [answer.headers["content-encoding"] for answer in answers] == ["gzip"] * 2
    assert site.origin.count == 2


@pytest.mark.parametrize(("status", "connection"), [(404, "keep-alive"), (500, "close")])
async def test_the_connection_closes_behind_a_kept_page_as_behind_a_fresh_one(
    status: int, connection: str
) -> None:
    site = site_with_page(status)
    async with site.client() as client:
        answers = [(await get(client))[0] for _ in range(2)]
    assert [answer.headers["connection"] for answer in answers] == [connection] * 2
    assert site.origin.count == 2


async def test_a_page_in_a_coding_that_the_key_does_not_have_is_not_kept() -> None:
    site = site_with_page(404, policy=PLAIN)
    async with site.client() as client:
        compressed, _ = await get(client)
        plain, content = await get(client, coding="identity")
    assert compressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert content == PAGE


# The access log


async def test_the_access_log_has_the_results_of_the_cache(tmp_path: Path) -> None:
    fields = [
        "x-edge-result-type",
        "x-edge-response-result-type",
        "x-edge-detailed-result-type",
        "sc-range-start",
    ]
    log = tmp_path / "a.log"
    site = site_of(
        distribution={"access_log": {"file": str(log), "format": "json", "fields": fields}}
    )
    async with site.client() as client:
        await get(client)
        await get(client, range="bytes=1-2")
        site.now += 11
        site.origin.answer = Answer(b"", 304)
        await get(client)
    await site.gateway.stop()
    lines = [list(json.loads(line).values()) for line in log.read_text().splitlines()]
    assert lines == [
        ["Miss", "Miss", "Miss", "-"],
        ["Hit", "Hit", "Hit", "1"],
        ["RefreshHit", "RefreshHit", "RefreshHit", "-"],
    ]


async def test_an_error_out_of_the_cache_is_logged_as_the_error_that_it_was(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    fields = ["x-edge-result-type", "x-edge-detailed-result-type"]
    site = site_of(distribution={"access_log": {"file": str(log), "fields": fields}})
    site.origin.answer = Answer(b"none", 404)
    async with site.client() as client:
        for _ in range(2):
            await get(client)
    await site.gateway.stop()
    assert log.read_text().splitlines()[2:] == ["Error\tError"] * 2
