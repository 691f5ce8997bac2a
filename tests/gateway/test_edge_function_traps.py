"""Caching traps of CloudFront Functions: what they do for one key, by what the key lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgegw import Gateway
from edgegw.cloudfront.cache.edge_looks import ComparedRun, EdgeLooks
from edgegw.cloudfront.edge_functions.event import ShownEdgeEvent
from edgegw.cloudfront.edge_functions.model import EdgeReport, EdgeReturned
from edgegw.config.resolve import load_dict
from edgegw.http.message import Body, Headers, Request
from edgegw.http.target import RequestTarget
from tests.gateway.cached_site import Answer, Site
from tests.gateway.test_caching_traps import ALL, BY_BUCKET, OPEN, asked, buckets, kinds

BUCKET = "const bucket = event.request.cookies.bucket ? event.request.cookies.bucket.value : 'a';"
HEADER = f"{BUCKET} event.request.headers['x-variant'] = {{ value: bucket }};"
QUERY = f"{BUCKET} event.request.querystring.variant = {{ value: bucket }};"
COOKIE = f"{BUCKET} event.request.cookies.variant = {{ value: bucket }};"
PAGE = f"{BUCKET} event.request.uri = '/' + bucket + '.html';"
ORIGIN = f"""{BUCKET}
  if (bucket === 'b') require('cloudfront').updateRequestOrigin({{ domainName: 'b.test' }});"""
SELECT = f"{BUCKET} if (bucket === 'b') require('cloudfront').selectRequestOriginById('other');"
SAME_ORIGIN = "require('cloudfront').updateRequestOrigin({ domainName: 'b.test' });"
DICE = "event.request.headers['x-dice'] = { value: String(Math.random()) };"
COUNTRY = """const country = event.request.headers['cloudfront-viewer-country'];
  event.request.headers['x-country'] = { value: country ? country.value : '-' };"""
MASKED = (
    "event.request.headers['x-variant'] = { value: String('bucket' in event.request.cookies) };"
)
GENERATED = f"{BUCKET} if (bucket === 'b') return {{ statusCode: 200 }};"


def site_of(folder: Path, body: str, policy: Any = OPEN, behavior: Any = ALL, **more: Any) -> Site:
    code = folder / "route.js"
    code.write_text(f"function handler(event) {{\n  {body}\n  return event.request;\n}}\n")
    return Site(
        policy,
        behavior={**behavior, "edge_functions": {"viewer-request": "route"}},
        distribution={"origins": {"app": {"url": "http://origin.test"}, "other": {"url": "http://other.test"}}},
        edge_functions={"route": {"code": str(code)}},
        **more,
    )  # fmt: skip


@pytest.mark.parametrize("body", [HEADER, QUERY, COOKIE, ORIGIN, SELECT])
async def test_what_a_function_does_by_a_cookie_that_the_key_lacks(
    tmp_path: Path, body: str
) -> None:
    exchanges = await asked(site_of(tmp_path, body), *buckets("a", "b", "a", "b"))
    assert [exchange.verdict for exchange in exchanges] == ["Miss", "Hit", "Hit", "Hit"]
    assert kinds(*exchanges) == [[], ["varies-beyond-key"], [], []]
    (trap,) = exchanges[1].findings
    assert trap.names == ("cookie bucket",)
    assert "route at viewer-request does differently by cookie bucket" in trap.text
    assert "secret" not in trap.text


async def test_a_header_of_the_viewers_place_that_the_key_lacks(tmp_path: Path) -> None:
    behavior = {"origin_request_policy": "AllViewerAndCloudFrontHeaders-2022-06"}
    viewers = [{"x-edgegw-viewer": f"country={country}"} for country in ("DE", "FR")]
    *_, last = await asked(site_of(tmp_path, COUNTRY, behavior=behavior), *viewers)
    assert last.findings[0].names == ("header cloudfront-viewer-country",)


async def test_misses_of_one_key_are_compared_too(tmp_path: Path) -> None:
    exchanges = await asked(site_of(tmp_path, HEADER), *buckets("a", "b"), pause=200)
    assert [exchange.verdict for exchange in exchanges] == ["Miss", "Miss"]
    assert kinds(*exchanges) == [[], ["varies-beyond-key"]]


@pytest.mark.parametrize(
    ("body", "policy", "behavior"),
    [
        (HEADER, {**OPEN, "headers": {"behavior": "whitelist", "items": ["X-Variant"]}}, ALL),
        (HEADER, BY_BUCKET, ALL),
        (HEADER, OPEN, {}),
        (HEADER, "CachingDisabled", ALL),
        (PAGE, OPEN, ALL),
        (SAME_ORIGIN, OPEN, ALL),
        (GENERATED, OPEN, ALL),
        (DICE, OPEN, ALL),
        (MASKED, OPEN, ALL),
        ("", OPEN, ALL),
    ],
    ids=["header in the key", "cookie in the key", "the origin does not see it", "no cache", "another path",
         "one origin for all", "its own answer", "dice", "no difference", "nothing"],
)  # fmt: skip
async def test_what_makes_no_trap_is_quiet(
    tmp_path: Path, body: str, policy: Any, behavior: Any
) -> None:
    site = site_of(tmp_path, body, policy, behavior)
    assert kinds(*await asked(site, *buckets("a", "b", "a", "b"))) == [[]] * 4


@pytest.mark.parametrize(
    ("body", "policy"),
    [
        (f"if (event.request.uri === '/') {{ {PAGE} }}", OPEN),
        (f"if (event.request.uri === '/') {{ {BUCKET} event.request.uri = '/b.html';"
         "event.request.headers['x-variant'] = { value: bucket } }",
         {**OPEN, "headers": {"behavior": "whitelist", "items": ["X-Variant"]}}),
    ],
    ids=["path", "header in the key"],
)  # fmt: skip
async def test_two_ways_to_one_request_are_none(tmp_path: Path, body: str, policy: Any) -> None:
    """`/` becomes `/b.html` for one viewer; another asked for that."""
    site = site_of(tmp_path, body, policy)
    async with site.client() as client:
        rewritten = await client.get("/", headers={"cookie": "bucket=b"})
        asked_for = {"cookie": "bucket=a", "x-variant": "b"}
        same = await client.get("/b.html", headers=asked_for)
        exchanges = [site.exchange(response) for response in (rewritten, same)]
    assert [exchange.verdict for exchange in exchanges] == ["Miss", "Hit"]
    assert kinds(*exchanges) == [[], []]


async def test_an_answer_to_the_viewer_by_a_header_is_none(tmp_path: Path) -> None:
    """It runs for hits as well, so each viewer gets their own."""
    code = tmp_path / "stamp.js"
    code.write_text(
        "function handler(event) { const c = event.request.cookies.bucket;"
        " event.response.headers['x-seen'] = { value: c.value }; return event.response; }"
    )
    behavior = {**ALL, "edge_functions": {"viewer-response": "stamp"}}
    site = Site(OPEN, behavior=behavior, edge_functions={"stamp": {"code": str(code)}})
    exchanges = await asked(site, *buckets("a", "b"))
    assert kinds(*exchanges) == [[], []]
    seen = [exchange.response.headers.get(b"x-seen") for exchange in exchanges]
    assert seen == [b"a", b"b"]


async def test_a_cookie_that_its_source_does_not_name_is_not_blamed(tmp_path: Path) -> None:
    requests = [{"cookie": f"bucket={letter}; other={letter}"} for letter in "ab"]
    *_, last = await asked(site_of(tmp_path, HEADER), *requests)
    assert last.findings[0].names == ("cookie bucket",)


async def test_a_function_in_process_has_no_source(tmp_path: Path) -> None:
    def route(event: Any) -> Any:
        request = event["request"]
        request["headers"]["x-variant"] = {"value": request["cookies"]["bucket"]["value"]}
        return request

    site = site_of(tmp_path, HEADER)
    site.gateway = Gateway(
        load_dict(site.config), functions={"route": route}, transport=lambda _: site.origin
    )
    requests = [{"cookie": f"bucket={letter}; other={letter}"} for letter in "ab"]
    *_, last = await asked(site, *requests)
    assert last.findings[0].names == ("cookie bucket", "cookie other")


async def test_a_changed_function_begins_anew(tmp_path: Path) -> None:
    site = site_of(tmp_path, HEADER)
    async with site.gateway:
        first = await asked(site, *buckets("a", "b", "a"))
        code = tmp_path / "route.js"
        code.write_text(code.read_text().replace("x-variant", "x-other"))
        await site.gateway.reload_code({"edge function route"})
        again = await asked(site, *buckets("a", "b", "a"))
    assert kinds(*first) == [[], ["varies-beyond-key"], []]
    assert kinds(*again) == [[], ["varies-beyond-key"], []]


async def test_what_is_stored_is_watched_as_without_functions(tmp_path: Path) -> None:
    site = site_of(tmp_path, "")
    site.origin.answer = Answer(headers={"set-cookie": "sid=secret; Path=/"})
    assert kinds(*await asked(site, {})) == [["stored-set-cookie"]]


# Which runs are looked into


def run(digest: int) -> ComparedRun:
    request = Request("GET", RequestTarget(b"/"), Headers(), Body.of(b""))
    sent = ShownEdgeEvent("viewer-request", request, {}, {})
    return ComparedRun(digest, sent, EdgeReturned({}, EdgeReport()), request)


def test_the_first_run_is_looked_into_once_another_comes() -> None:
    looks, first, second, third = EdgeLooks(), run(1), run(2), run(3)
    assert looks.picked(b"k", first) == []
    assert not looks.is_over(b"k")
    assert looks.picked(b"k", first) == []
    assert looks.picked(b"k", second) == [first, second]
    assert looks.picked(b"k", second) == []
    assert looks.picked(b"k", third) == [third]
    assert looks.picked(b"other", second) == []


def test_a_key_is_looked_at_for_a_while() -> None:
    looks = EdgeLooks()
    picked = sum(len(looks.picked(b"k", run(at))) for at in range(100))
    assert picked == 64, "requests that differ"
    for _ in range(200):
        looks.picked(b"k", run(1))
    assert looks.is_over(b"k")
    assert not looks.is_over(b"other")


def test_few_keys_are_remembered() -> None:
    looks = EdgeLooks()
    for at in range(300):
        looks.picked(str(at).encode(), run(1))
    assert looks.picked(b"99", run(2)) == []
    assert len(looks.picked(b"299", run(2))) == 2


def test_a_behavior_is_looked_at_for_a_while() -> None:
    looks = EdgeLooks()
    for at in range(100_000):
        looks.picked(str(at // 20).encode(), run(at % 20))
        if looks.is_over(b"new"):
            break
    assert 19 * (at // 20) < 4000 <= 19 * (at // 20 + 1)
