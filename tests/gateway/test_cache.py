"""A distribution caches: hits, misses, revalidation, errors, parts, who waits for whom."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.gateway.cached_site import Answer, Site, path_of, verdict

OPEN = {"min_ttl": 0, "default_ttl": 100, "max_ttl": 1000}


async def test_the_second_request_is_a_hit_with_its_age() -> None:
    site = Site()
    async with site.client() as client:
        first = await client.get("/a")
        site.now += 7.5
        second = await client.get("/a")
    assert [verdict(first), verdict(second)] == ["Miss", "Hit"]
    assert second.text == first.text == "one"
    assert "age" not in first.headers
    assert second.headers["age"] == "7"
    assert list(second.headers)[-1] == "age"
    assert second.headers["date"] == first.headers["date"]
    assert second.headers["x-amz-cf-id"] != first.headers["x-amz-cf-id"]
    assert site.origin.count == 1


async def test_what_expired_is_fetched_again() -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(headers={"cache-control": "max-age=10"})
    async with site.client() as client:
        await client.get("/a")
        site.now += 11
        site.origin.answer = Answer(b"two")
        again = await client.get("/a")
    assert (verdict(again), again.text) == ("Miss", "two")


async def test_caching_disabled_and_methods_that_are_not_cached_ask_each_time() -> None:
    site = Site("CachingDisabled")
    everything = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached = Site(behavior={"allowed_methods": everything})
    async with site.client() as client, cached.client() as other:
        for _ in range(2):
            assert verdict(await client.get("/a")) == "Miss"
            assert verdict(await other.post("/a")) == "Miss"
    assert (site.origin.count, cached.origin.count) == (2, 2)


async def test_requests_that_differ_in_the_key_have_answers_of_their_own() -> None:
    site = Site({**OPEN, "cookies": {"behavior": "whitelist", "items": ["bucket"]}})
    site.origin.answering = lambda request: Answer(request.headers.get("cookie", "-").encode())
    async with site.client() as client:
        texts = [
            (await client.get("/a", headers={"cookie": cookie})).text
            for cookie in ("bucket=x; other=1", "bucket=y", "bucket=x; other=2")
        ]
    assert texts == ["bucket=x", "bucket=y", "bucket=x"]
    assert site.origin.count == 2


async def test_a_viewers_country_in_the_key_is_the_one_that_the_request_says() -> None:
    named = {"behavior": "whitelist", "items": ["CloudFront-Viewer-Country"]}
    site = Site({**OPEN, "headers": named})
    site.origin.answering = lambda request: Answer(
        request.headers["cloudfront-viewer-country"].encode()
    )
    async with site.client() as client:
        texts = [
            (await client.get("/a", headers={"x-edgegw-viewer": f"country={country}"})).text
            for country in ("DE", "FR", "DE")
        ]
    assert texts == ["DE", "FR", "DE"]
    assert site.origin.count == 2


# Functions


async def test_origin_triggers_run_on_a_miss_alone_and_viewer_triggers_always() -> None:
    ran: list[str] = []

    def hook(event: Any, context: Any) -> Any:
        record = event["Records"][0]["cf"]
        ran.append(record["config"]["eventType"])
        return record.get("response") or record["request"]

    names = ["viewer-request", "origin-request", "origin-response", "viewer-response"]
    site = Site(hooks=dict.fromkeys(names, hook))
    async with site.client() as client:
        await client.get("/a")
        second = await client.get("/a")
    assert ran == [*names, "viewer-request", "viewer-response"]
    assert verdict(second) == "Hit"
    assert [run.trigger for run in site.exchange(second).runs] == [
        "viewer-request",
        "viewer-response",
    ]


async def test_the_key_is_that_of_the_request_that_viewer_request_left() -> None:
    def one_path(event: Any, context: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        request["uri"] = "/same"
        return request

    site = Site(hooks={"viewer-request": one_path})
    async with site.client() as client:
        await client.get("/a")
        assert verdict(await client.get("/b")) == "Hit"


async def test_what_an_origin_request_function_generates_is_kept() -> None:
    def generated(event: Any, context: Any) -> Any:
        return {"status": "200", "body": "made", "headers": {}}

    site = Site(hooks={"origin-request": generated})
    async with site.client() as client:
        answers = [await client.get("/a") for _ in range(2)]
    assert [verdict(answer) for answer in answers] == ["Miss", "Hit"]
    assert answers[1].text == "made"
    assert site.origin.count == 0


# Asking again


async def test_an_origin_that_confirms_what_is_stored_makes_a_refresh_hit() -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(headers={"etag": '"1"', "cache-control": "max-age=10"})
    async with site.client() as client:
        await client.get("/a")
        site.now += 20
        site.origin.answer = Answer(b"", 304, {"etag": '"1"', "cache-control": "max-age=10"})
        renewed = await client.get("/a")
        site.now += 5
        hit = await client.get("/a")
    assert site.origin.asked[1].headers["if-none-match"] == '"1"'
    assert [verdict(renewed), verdict(hit)] == ["RefreshHit", "Hit"]
    assert renewed.text == hit.text == "one"
    assert (renewed.status_code, hit.headers["age"]) == (200, "5")


async def test_a_viewer_that_has_it_is_told_so_without_asking_the_origin() -> None:
    site = Site()
    site.origin.answer = Answer(headers={"etag": '"1"'})
    async with site.client() as client:
        await client.get("/a")
        answer = await client.get("/a", headers={"if-none-match": '"1"'})
    assert (answer.status_code, answer.content, verdict(answer)) == (304, b"", "Hit")
    assert site.origin.count == 1


async def test_stale_while_revalidate_answers_at_once_and_renews_behind_the_back() -> None:
    site = Site(OPEN)
    directives = {"cache-control": "max-age=10, stale-while-revalidate=60"}
    site.origin.answer = Answer(headers=directives)
    async with site.client() as client:
        await client.get("/a")
        site.now += 20
        site.origin.answer = Answer(b"two", headers=directives)
        site.origin.may_answer.clear()
        stale = [await client.get("/a") for _ in range(3)]
        refetch = site.exchange(stale[0]).refetch
        assert refetch is not None
        site.origin.may_answer.set()
        while refetch.duration is None:
            await asyncio.sleep(0)
        fresh = await client.get("/a")
    assert [(verdict(answer), answer.text) for answer in stale] == [("Hit", "one")] * 3
    assert (verdict(fresh), fresh.text) == ("Hit", "two")
    assert site.origin.count == 2


async def test_a_gateway_that_ends_at_once_has_not_begun_to_renew() -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(headers={"cache-control": "max-age=10, stale-while-revalidate=60"})
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with site.client() as client:
            await client.get("/a")
            site.now += 20
            assert verdict(await client.get("/a")) == "Hit"
        gc.collect()
    assert [str(each.message) for each in warned] == []
    assert site.origin.count == 1


async def test_what_is_stale_stands_in_for_an_origin_that_fails() -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(headers={"cache-control": "max-age=10"})
    async with site.client() as client:
        await client.get("/a")
        site.now += 20
        site.origin.fails = True
        stale = await client.get("/a")
        site.origin.fails, site.origin.answer = False, Answer(b"oops", 500)
        site.now += 20
        also = await client.get("/a")
        fresh = await client.get("/a")
    assert [(each.status_code, each.text) for each in (stale, also)] == [(200, "one")] * 2
    assert verdict(stale) == "Hit"
    told = [site.exchange(each).reason for each in (stale, also, fresh)]
    stands_in = "a stale answer of the cache stands in, as the origin failed: "
    assert str(told[0]).startswith(f"{stands_in}http://origin.test")
    assert told[1:] == [f"{stands_in}answered 500", None]


async def test_an_error_out_of_the_cache_says_so_and_for_how_long() -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(b"oops", 503)
    async with site.client() as client:
        first = site.exchange(await client.get("/a"))
        site.now += 3
        site.origin.answer = Answer(b"here")
        again = site.exchange(await client.get("/a"))
        fresh = site.exchange(await client.get("/a", headers={"x-edgegw-cache": "refresh"}))
    assert (first.reason, fresh.reason) == (None, None)
    assert str(again.reason).startswith("an error out of the cache, for 7s more")
    assert "\n    an error out of the cache" in str(again)


async def test_an_origin_that_fails_behind_the_back_is_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site(OPEN)
    directives = {"cache-control": "max-age=10, stale-while-revalidate=60"}
    site.origin.answer = Answer(headers=directives)
    async with site.client() as client:
        await client.get("/a")
        site.now += 20
        site.origin.answer = Answer(b"oops", 503)
        refetch = site.exchange(await client.get("/a")).refetch
        assert refetch is not None
        while refetch.duration is None:
            await asyncio.sleep(0)
    (warning,) = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert warning.startswith("site: /a, fetched anew: a stale answer of the cache stands in")
    assert warning.endswith("answered 503")


# Errors


async def test_errors_are_kept_for_a_while_and_are_errors_again() -> None:
    site = Site()
    site.origin.answer = Answer(b"none", 404)
    async with site.client() as client:
        first = await client.get("/a")
        site.origin.answer = Answer(b"there")
        site.now += 9
        second = await client.get("/a")
        site.now += 2
        third = await client.get("/a")
    assert [verdict(each) for each in (first, second, third)] == ["Error", "Error", "Miss"]
    assert (second.status_code, second.text) == (404, "none")


async def test_an_origin_that_is_down_is_not_asked_for_a_while() -> None:
    site = Site()
    site.origin.fails = True
    async with site.client() as client:
        first = await client.get("/a")
        second = await client.get("/a")
        site.origin.fails = False
        site.now += 11
        third = await client.get("/a")
    assert [each.status_code for each in (first, second, third)] == [502, 502, 200]
    assert second.headers.get_list("x-amz-cf-pop") == ["FRA56-P1"]
    assert len(second.headers.get_list("via")) == 1
    assert site.origin.count == 2


async def test_a_custom_error_page_is_kept_under_the_url_that_failed() -> None:
    site = Site(
        distribution={
            "custom_error_responses": [
                {
                    "error_code": 404,
                    "response_page_path": "/index.html",
                    "response_code": 200,
                    "error_caching_min_ttl": 30,
                }
            ]
        }
    )
    site.origin.answering = lambda request: (
        Answer(b"page") if path_of(request) == "/index.html" else Answer(b"none", 404)
    )
    async with site.client() as client:
        answers = [await client.get("/app/x") for _ in range(2)]
        other = await client.get("/app/y")
        page = await client.get("/index.html")
        site.now += 31
        later = await client.get("/app/x")
    assert [(each.status_code, each.text, verdict(each)) for each in (*answers, other, later)] == [
        (200, "page", "Error")
    ] * 4
    assert verdict(page) == "Hit"
    paths = [path_of(request) for request in site.origin.asked]
    assert paths == ["/app/x", "/index.html", "/app/y", "/app/x"]


PAGE = {"response_page_path": "/sorry.html", "response_code": 200}


async def test_no_page_stands_where_a_stale_answer_can() -> None:
    site = Site(OPEN, distribution={"custom_error_responses": [{"error_code": 500, **PAGE}]})
    site.origin.answer = Answer(headers={"cache-control": "max-age=10"})
    async with site.client() as client:
        await client.get("/a")
        site.now += 20
        site.origin.answering = lambda request: Answer(
            b"page" if path_of(request) == "/sorry.html" else b"oops",
            200 if path_of(request) == "/sorry.html" else 500,
        )
        stale = await client.get("/a")
        cold = await client.get("/b")
    assert (stale.text, verdict(stale)) == ("one", "Hit")
    assert (cold.text, verdict(cold)) == ("page", "Error")


@pytest.mark.parametrize(("ttl", "asked"), [(0, 2), (60, 1)])
async def test_without_a_page_the_error_passes_and_its_time_changes(ttl: int, asked: int) -> None:
    error = {"error_code": 404, "error_caching_min_ttl": ttl}
    site = Site(distribution={"custom_error_responses": [error]})
    site.origin.answer = Answer(b"none", 404)
    async with site.client() as client:
        answers = [await client.get("/a")]
        site.now += 30
        answers.append(await client.get("/a"))
    assert [(each.status_code, each.text) for each in answers] == [(404, "none")] * 2
    assert site.origin.count == asked


async def test_a_page_that_fails_is_not_kept_under_the_url_that_failed() -> None:
    site = Site(distribution={"custom_error_responses": [{"error_code": 404, **PAGE}]})
    site.origin.answering = lambda request: Answer(
        b"", 503 if path_of(request) == "/sorry.html" else 404
    )
    async with site.client() as client:
        first = await client.get("/a")
        site.now += 11  # what is kept of errors themselves
        site.origin.answering = lambda request: Answer(b"there")
        second = await client.get("/a")
    assert (first.status_code, verdict(first)) == (503, "Error")
    assert (second.status_code, second.text) == (200, "there")


# Parts and heads


async def test_parts_are_cut_from_what_is_stored_and_heads_answered_by_it() -> None:
    site = Site()
    site.origin.answer = Answer(b"0123456789", headers={"etag": '"1"'})
    async with site.client() as client:
        await client.get("/a")
        part = await client.get("/a", headers={"range": "bytes=2-4"})
        head = await client.head("/a")
    assert (part.status_code, part.text) == (206, "234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    assert (head.status_code, head.headers["content-length"]) == (200, "10")
    assert (verdict(part), verdict(head)) == ("Hit", "Hit")
    assert site.origin.count == 1


async def test_a_part_that_the_origin_gave_serves_who_asks_for_just_it() -> None:
    site = Site()
    headers = {"content-range": "bytes 2-4/10", "etag": '"1"'}
    site.origin.answer = Answer(b"234", 206, headers)
    async with site.client() as client:
        parts = [await client.get("/a", headers={"range": "bytes=2-4"}) for _ in range(2)]
        await client.get("/a", headers={"range": "bytes=0-4"})
    assert [(part.status_code, part.text) for part in parts] == [(206, "234")] * 2
    assert [verdict(part) for part in parts] == ["Miss", "Hit"]
    assert [request.headers["range"] for request in site.origin.asked] == [
        "bytes=2-4",
        "bytes=0-4",
    ]


async def test_the_head_of_an_answer_serves_heads_alone() -> None:
    site = Site()
    async with site.client() as client:
        answers = [await client.head("/a") for _ in range(2)]
        whole = await client.get("/a")
    assert [verdict(answer) for answer in (*answers, whole)] == ["Miss", "Hit", "Miss"]
    assert [request.method for request in site.origin.asked] == ["HEAD", "GET"]


# Who waits for whom


async def test_concurrent_requests_for_a_cold_object_are_one_at_the_origin() -> None:
    site = Site()
    site.origin.may_answer.clear()
    async with site.client() as client:
        requests = [asyncio.ensure_future(client.get("/a")) for _ in range(64)]
        while not site.origin.count:
            await asyncio.sleep(0)
        site.origin.may_answer.set()
        answers = await asyncio.gather(*requests)
    verdicts = sorted(verdict(answer) for answer in answers)
    assert verdicts == ["Hit"] * 63 + ["Miss"]
    assert {answer.text for answer in answers} == {"one"}
    assert site.origin.count == 1


async def test_who_waited_for_what_cannot_be_shared_asks_alone() -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(headers={"cache-control": "no-store"})
    site.origin.may_answer.clear()
    async with site.client() as client:
        requests = [asyncio.ensure_future(client.get("/a")) for _ in range(3)]
        while not site.origin.count:
            await asyncio.sleep(0)
        site.origin.may_answer.set()
        answers = await asyncio.gather(*requests)
    assert [verdict(answer) for answer in answers] == ["Miss"] * 3
    assert site.origin.count == 3


class Slow:
    """A body in two parts; the second comes when it may, or never, as it breaks off."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.may_go_on = asyncio.Event()
        self.is_closed = False
        self._breaks = breaks

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            yield b"first "
            await self.may_go_on.wait()
            if self._breaks:
                raise httpx.ReadError("reset")
            yield b"second"
        finally:
            self.is_closed = True


async def test_a_viewer_that_leaves_does_not_spoil_what_others_get() -> None:
    site, slow = Site(), Slow()
    site.origin.answer = Answer(slow.parts())
    async with site.client() as client:
        async with client.stream("GET", "/a") as leaving, client.stream("GET", "/a") as staying:
            assert await anext(leaving.aiter_raw()) == b"first "
            await leaving.aclose()
            slow.may_go_on.set()
            assert await staying.aread() == b"first second"
        third = await client.get("/a")
    assert (verdict(third), third.text) == ("Hit", "first second")
    assert site.origin.count == 1


async def test_the_last_viewer_that_leaves_ends_the_flight_and_nothing_is_stored() -> None:
    site, slow = Site(), Slow()
    site.origin.answer = Answer(slow.parts())
    async with site.client() as client:
        async with client.stream("GET", "/a") as leaving:
            assert await anext(leaving.aiter_raw()) == b"first "
        while not slow.is_closed:
            await asyncio.sleep(0)
        site.origin.answer = Answer(b"whole")
        again = await client.get("/a")
    assert (verdict(again), again.text) == ("Miss", "whole")


async def test_an_origin_that_breaks_off_stores_nothing() -> None:
    site, slow = Site(), Slow(breaks=True)
    site.origin.answer = Answer(slow.parts())
    slow.may_go_on.set()
    async with site.client() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/a")
        site.origin.answer = Answer(b"whole")
        again = await client.get("/a")
    assert (verdict(again), again.text) == ("Miss", "whole")


async def test_a_long_body_stands_in_a_file_that_goes_at_the_end(tmp_path: Any) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(40):
            yield bytes([number]) * 25_000

    site = Site(state=tmp_path)
    site.origin.answer = Answer(parts())
    whole = b"".join(bytes([number]) * 25_000 for number in range(40))
    async with site.client() as client:
        first = await client.get("/a")
        second = await client.get("/a")
        part = await client.get("/a", headers={"range": "bytes=999999-"})
        files = list((tmp_path / "cache").glob("*/*.body"))
        assert [file.stat().st_size for file in files] == [1_000_000]
    assert first.content == second.content == whole
    assert (verdict(second), part.content) == ("Hit", b"\x27")
    assert not (tmp_path / "cache").exists()


async def test_who_waits_for_a_viewer_that_leaves_sends_one_in_its_stead() -> None:
    site = Site()
    site.origin.may_answer.clear()
    async with site.client() as client:
        requests = [asyncio.ensure_future(client.get("/a")) for _ in range(10)]
        while not site.origin.count:
            await asyncio.sleep(0)
        requests[0].cancel()
        while site.origin.count < 2:
            await asyncio.sleep(0)
        site.origin.may_answer.set()
        answers = await asyncio.gather(*requests[1:])
    assert sorted(verdict(answer) for answer in answers) == ["Hit"] * 8 + ["Miss"]
    assert site.origin.count == 2


async def test_a_stream_without_an_end_takes_no_more_than_its_room(tmp_path: Any) -> None:
    part = bytes(100_000)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield part

    site = Site(state=tmp_path, settings={"cache": {"memory": "1MB", "disk": "1MB"}})
    site.origin.answer = Answer(endless())
    async with site.client() as client, client.stream("GET", "/a") as answer:
        received = 0
        async for chunk in answer.aiter_raw():
            received += len(chunk)
            sizes = [file.stat().st_size for file in (tmp_path / "cache").glob("*/*.body")]
            assert sum(sizes) <= 1_100_000
            if received > 20_000_000:
                break


# What whoever sits at this machine asks


async def test_one_request_may_go_past_the_cache_or_renew_it() -> None:
    site = Site()
    async with site.client() as client:
        await client.get("/a")
        site.origin.answer = Answer(b"two")
        past = await client.get("/a", headers={"x-edgegw-cache": "bypass"})
        kept = await client.get("/a")
        renewed = await client.get("/a", headers={"x-edgegw-cache": "refresh"})
        after = await client.get("/a")
        wrong = await client.get("/a", headers={"x-edgegw-cache": "purge"})
    assert [each.text for each in (past, kept, renewed, after)] == ["two", "one", "two", "two"]
    assert [verdict(each) for each in (past, kept, renewed, after)] == [
        "Miss",
        "Hit",
        "Miss",
        "Hit",
    ]
    assert wrong.status_code == 400
    assert all("x-edgegw-cache" not in request.headers for request in site.origin.asked)


async def test_a_gateway_without_caches_asks_each_time() -> None:
    site = Site(caches=False)
    async with site.client() as client:
        answers = [await client.get("/a") for _ in range(2)]
    assert [verdict(answer) for answer in answers] == ["Miss", "Miss"]


async def test_the_authorization_of_options_goes_on_unless_it_is_cached() -> None:
    allowed = ["GET", "HEAD", "OPTIONS"]
    for cached in (["GET", "HEAD"], allowed):
        site = Site(behavior={"allowed_methods": allowed, "cached_methods": cached})
        async with site.client() as client:
            await client.options("/a", headers={"authorization": "Basic x"})
        assert ("authorization" in site.origin.asked[0].headers) is (cached != allowed)
