"""What goes out of the cache of what an origin sent: parts, cookies, Vary, Age; what is not kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.cached_site import Answer, Site, path_of, verdict

OPEN = {"min_ttl": 0, "default_ttl": 100, "max_ttl": 1000}
ALL = {"behavior": "all"}
TEXT = b"0123456789"

# Parts


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({"range": "bytes=2-3"}, 206, "23"),
        ({"range": "bytes=-1"}, 206, "9"),
        ({"range": "bytes=8-99"}, 206, "89"),
        ({"range": "bytes=2-3", "if-range": '"1"'}, 206, "23"),
        ({"range": "bytes=2-3", "if-range": '"2"'}, 200, "0123456789"),
        ({"range": "bytes=4-5,0-1"}, 200, "0123456789"),
        ({"range": "bytes=0-4,4-5"}, 200, "0123456789"),
        ({"range": "bytes=10-"}, 416, ""),
        ({"range": "bytes=2-3", "if-none-match": '"1"'}, 304, ""),
    ],
    ids=str,
)
async def test_an_origin_that_knows_no_ranges_gives_all_from_which_parts_are_cut(
    headers: dict[str, str], status: int, text: str
) -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(TEXT, headers={"etag": '"1"'})
    async with site.client() as client:
        first = await client.get("/a", headers={"range": "bytes=0-1"})
        second = await client.get("/a", headers=headers)
    assert (first.status_code, first.content, verdict(first)) == (200, TEXT, "Miss")
    assert (second.status_code, second.text) == (status, text)
    assert verdict(second) == ("Error" if status == 416 else "Hit")
    assert site.origin.count == 1


async def test_several_parts_out_of_the_cache_are_one_body() -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(TEXT, headers={"content-type": "text/plain"})
    async with site.client() as client:
        await client.get("/a")
        answer = await client.get("/a", headers={"range": "bytes=0-1,8-"})
    assert (answer.status_code, verdict(answer)) == (206, "Hit")
    kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/byteranges"
    assert [part.strip() for part in answer.text.split(f"--{boundary}")] == [
        "",
        "Content-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01",
        "Content-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89",
        "--",
    ]


async def test_what_came_chunked_is_never_cut() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield TEXT

    site = Site(OPEN)
    site.origin.answer = Answer(parts(), headers={"transfer-encoding": "chunked"})
    async with site.client() as client:
        await client.get("/a")
        answer = await client.get("/a", headers={"range": "bytes=0-1"})
    assert (answer.status_code, answer.content, verdict(answer)) == (200, TEXT, "Hit")


@pytest.mark.parametrize(
    ("answer", "range_", "why"),
    [
        (Answer(b"", 416, {"content-range": "bytes */10"}), "bytes=20-", "an unsatisfiable range"),
        (Answer(b"x", 206, {"content-type": "multipart/byteranges"}), "bytes=0-0,2-2", "several"),
        (Answer(b"0", 206, {"content-range": "bytes 0-0/10"}), "", "a part nobody asked for"),
        (Answer(b"0", 206, {"content-range": "bytes 0-0/10"}), "bytes=5-6", "another part"),
    ],
    ids=lambda each: each if isinstance(each, str) and each[:1] == "a" else "",
)
async def test_parts_that_are_passed_on_and_not_kept(answer: Answer, range_: str, why: str) -> None:
    site = Site(OPEN)
    site.origin.answer = answer
    async with site.client() as client:
        headers = {"range": range_} if range_ else {}
        answers = [await client.get("/a", headers=headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [answer.status] * 2
    assert site.origin.count == 2


# Errors


@pytest.mark.parametrize(
    ("status", "cache_control", "asked"),
    [
        (403, "", 3),
        (403, "max-age=5", 1),
        (403, "no-store, s-maxage=5", 1),
        (404, "", 1),
        (404, "max-age=5", 1),
        (404, "no-store", 3),
        (404, "private, max-age=5", 3),
        (503, "no-store", 1),
    ],
)
@pytest.mark.parametrize("has_page", [False, True], ids=["no page", "page"])
async def test_an_error_and_its_page_are_kept_by_the_status_and_what_it_says(
    status: int, cache_control: str, asked: int, has_page: bool
) -> None:
    page = {"response_page_path": "/page", "response_code": 200} if has_page else {}
    error = {"error_code": status, "error_caching_min_ttl": 30, **page}
    site = Site(OPEN, distribution={"custom_error_responses": [error]})
    site.origin.answering = lambda request: (
        Answer(b"page")
        if path_of(request) == "/page"
        else Answer(b"error", status, {"cache-control": cache_control})
    )
    async with site.client() as client:
        answers = []
        for _ in range(3):
            answers.append(await client.get("/a"))
            site.now += 14
    expected = (200, "page") if has_page else (status, "error")
    assert [(each.status_code, each.text) for each in answers] == [expected] * 3
    assert [verdict(each) for each in answers] == ["Error"] * 3
    assert [path_of(request) for request in site.origin.asked].count("/a") == asked


async def test_an_error_of_a_bucket_is_kept_for_a_second_at_least(tmp_path: Path) -> None:
    error = {"error_code": 404, "error_caching_min_ttl": 0}
    bucket = {"s3": str(tmp_path), "list_bucket": True}
    site = Site(OPEN, distribution={"custom_error_responses": [error], "origins": {"app": bucket}})
    async with site.client() as client:
        first = await client.get("/a.txt")
        (tmp_path / "a.txt").write_text("there")
        site.now += 0.9
        second = await client.get("/a.txt")
        site.now += 0.2
        third = await client.get("/a.txt")
    assert [each.status_code for each in (first, second, third)] == [404, 404, 200]


# Headers


@pytest.mark.parametrize(
    ("cookies", "cache_control", "miss", "hit"),
    [
        ({}, "", [], []),
        ({"cookies": ALL}, "", ["id=1"], ["id=1"]),
        ({"cookies": ALL}, 'no-cache="Set-Cookie"', ["id=1"], []),
        ({"cookies": {"behavior": "whitelist", "items": ["other"]}}, "", ["id=1"], ["id=1"]),
    ],
    ids=["not forwarded", "forwarded", "forwarded and kept out", "another one forwarded"],
)
async def test_set_cookie_goes_to_everybody_where_cookies_are_forwarded(
    cookies: dict[str, Any], cache_control: str, miss: list[str], hit: list[str]
) -> None:
    site = Site({**OPEN, **cookies})
    site.origin.answer = Answer(headers={"set-cookie": "id=1", "cache-control": cache_control})
    async with site.client() as client:
        first = await client.get("/a", headers={"cookie": "other=1"})
        client.cookies.clear()
        second = await client.get("/a", headers={"cookie": "other=1"})
    assert [verdict(each) for each in (first, second)] == ["Miss", "Hit"]
    assert first.headers.get_list("set-cookie") == miss
    assert second.headers.get_list("set-cookie") == hit


async def test_where_cookies_are_forwarded_nothing_is_asked_about() -> None:
    site = Site({**OPEN, "cookies": ALL})
    site.origin.answer = Answer(headers={"etag": '"1"', "cache-control": "max-age=10"})
    async with site.client() as client:
        await client.get("/a")
        site.now += 20
        assert verdict(await client.get("/a")) == "Miss"
    assert "if-none-match" not in site.origin.asked[1].headers


@pytest.mark.parametrize(
    ("policy", "vary", "shown"),
    [
        ({}, "Accept-Language", None),
        ({}, "Accept-Language, Accept-Encoding", "Accept-Encoding"),
        ({}, "Cookie", "Cookie"),
        ({"headers": {"behavior": "whitelist", "items": ["X-A"]}}, "X-A, X-B", "X-A"),
    ],
)
async def test_vary_is_cut_down_and_changes_no_key(
    policy: dict[str, Any], vary: str, shown: str | None
) -> None:
    site = Site({**OPEN, **policy})
    site.origin.answer = Answer(headers={"vary": vary})
    async with site.client() as client:
        answers = [
            await client.get("/a", headers={"accept-language": language, "x-b": language})
            for language in ("de", "fr")
        ]
    assert [verdict(each) for each in answers] == ["Miss", "Hit"]
    assert [each.headers.get("vary") for each in answers] == [shown] * 2


@pytest.mark.parametrize(("least", "expected"), [(0, ["Miss", "Miss"]), (5, ["Miss", "Hit"])])
async def test_vary_by_everything_is_fetched_each_time_unless_there_is_a_minimum(
    least: int, expected: list[str]
) -> None:
    site = Site({**OPEN, "min_ttl": least})
    site.origin.answer = Answer(headers={"vary": "*", "etag": '"1"'})
    async with site.client() as client:
        verdicts = [verdict(await client.get("/a")) for _ in range(2)]
    assert verdicts == expected
    assert all("if-none-match" not in request.headers for request in site.origin.asked)


async def test_an_origins_age_goes_on_with_a_miss_and_counts_for_nothing() -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(headers={"age": "50", "cache-control": "max-age=60"})
    async with site.client() as client:
        first = await client.get("/a")
        site.now += 59
        second = await client.get("/a")
    assert first.headers.get_list("age") == ["50"]
    assert (verdict(second), second.headers.get_list("age")) == ("Hit", ["59"])


# What functions do


@pytest.mark.parametrize("trigger", ["origin-request", "origin-response"])
async def test_what_a_function_at_the_origins_side_failed_at_is_not_kept(trigger: str) -> None:
    fails = [True, False]

    def hook(event: Any, context: Any) -> Any:
        if fails.pop(0):
            raise ValueError("a fault")
        part = event["Records"][0]["cf"]
        return part.get("response") or part["request"]

    site = Site(OPEN, hooks={trigger: hook})
    async with site.client() as client:
        answers = [await client.get("/a") for _ in range(3)]
    assert [verdict(each) for each in answers] == ["LambdaExecutionError", "Miss", "Hit"]
    assert [each.status_code for each in answers] == [503, 200, 200]
