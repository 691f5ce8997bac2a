"""Caching traps are told of while requests run: once, in the log and in the exchange."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from edgegw import Exchange, Gateway
from edgegw.cloudfront.cache.traps import MANY_VARIANTS
from edgegw.config.resolve import load_file
from edgegw.gateway.explaining import explained
from edgegw.gateway.reached_door import DescribedRequest
from tests.gateway.cached_site import Answer, Site, verdict

ROOT = Path(__file__).parents[2]
OPEN = {"min_ttl": 0, "default_ttl": 100, "max_ttl": 1000}
BY_BUCKET = {**OPEN, "cookies": {"behavior": "whitelist", "items": ["bucket"]}}
ALL = {"origin_request_policy": "AllViewer"}


def request_of(event: Any) -> Any:
    return event["Records"][0]["cf"]["request"]


def cookie_of(request: Any) -> str:
    return "; ".join(line["value"] for line in request["headers"].get("cookie", []))


def page_by_bucket(event: Any, context: Any) -> Any:
    request = request_of(event)
    request["uri"] = "/b.html" if "bucket=b" in cookie_of(request) else "/a.html"
    return request


def header_by_bucket(event: Any, context: Any) -> Any:
    request = request_of(event)
    value = "b" if "bucket=b" in cookie_of(request) else "a"
    request["headers"]["x-variant"] = [{"key": "X-Variant", "value": value}]
    return request


def passing(event: Any, context: Any) -> Any:
    return request_of(event)


@contextmanager
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    lines: list[str] = []
    with caplog.at_level(logging.WARNING, "edgegw.gateway.trap_watch"):
        yield lines
    lines += [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]


def kinds(*exchanges: Exchange) -> list[list[str]]:
    return [[trap.kind for trap in exchange.findings] for exchange in exchanges]


async def asked(site: Site, *headers: dict[str, str], path: str = "/", pause: float = 0) -> Any:
    """The exchanges of requests with these headers, `pause` seconds of the site's time apart."""
    exchanges: list[Exchange] = []
    async with site.client() as client:
        for each in headers:
            exchanges.append(site.exchange(await client.get(path, headers=each)))
            site.now += pause
    return exchanges


def buckets(*letters: str) -> list[dict[str, str]]:
    return [{"cookie": f"bucket={letter}; sid=secret{at % 2}"} for at, letter in enumerate(letters)]


# A function does differently by what the key lacks


async def test_origin_request_that_does_differently_for_one_key_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site(OPEN, behavior=ALL, hooks={"origin-request": page_by_bucket})
    with logged(caplog) as lines:
        exchanges = await asked(site, *buckets("a", "a", "b", "a", "b"), pause=200)
    assert kinds(*exchanges) == [[], [], ["varies-beyond-key"], [], []]
    (trap,) = exchanges[2].findings
    assert trap.names == ("cookie bucket",)
    (line,) = lines
    assert line == f"site: {trap.text}"
    assert "secret" not in line
    (finding,) = exchanges[2].to_dict()["findings"]
    assert (finding["code"], finding["names"]) == (
        "cloudfront.varies-beyond-key",
        ["cookie bucket"],
    )


async def test_origin_request_whose_key_has_the_cookie_is_quiet() -> None:
    site = Site(BY_BUCKET, behavior=ALL, hooks={"origin-request": page_by_bucket})
    assert kinds(*await asked(site, *buckets("a", "b", "a", "b"), pause=200)) == [[]] * 4


async def test_viewer_request_is_seen_on_hits_too() -> None:
    site = Site(OPEN, behavior=ALL, hooks={"viewer-request": header_by_bucket})
    exchanges = await asked(site, *buckets("a", "b", "a"))
    assert [exchange.verdict for exchange in exchanges] == ["Miss", "Hit", "Hit"]
    assert kinds(*exchanges) == [[], ["varies-beyond-key"], []]
    assert "viewer-request at viewer-request does differently" in exchanges[1].findings[0].text


@pytest.mark.parametrize(
    ("policy", "behavior", "function"),
    [
        ({**OPEN, "headers": {"behavior": "whitelist", "items": ["X-Variant"]}}, ALL, None),
        (OPEN, {}, None),
        ("CachingDisabled", ALL, None),
        (OPEN, ALL, page_by_bucket),
        (OPEN, ALL, passing),
    ],
    ids=["in the key", "the origin does not see it", "no cache", "another path", "it does nothing"],
)
async def test_viewer_request_that_makes_no_trap_is_quiet(
    policy: Any, behavior: Any, function: Any
) -> None:
    site = Site(policy, behavior=behavior, hooks={"viewer-request": function or header_by_bucket})
    assert kinds(*await asked(site, *buckets("a", "b", "a", "b"))) == [[]] * 4


async def test_two_ways_to_one_request_are_no_trap() -> None:
    """`/` becomes `/b.html` for one viewer; another asked for that."""

    def front_page_by_bucket(event: Any, context: Any) -> Any:
        is_front_page = request_of(event)["uri"] == "/"
        return page_by_bucket(event, context) if is_front_page else request_of(event)

    site = Site(OPEN, behavior=ALL, hooks={"viewer-request": front_page_by_bucket})
    async with site.client() as client:
        answers = [await client.get("/", headers={"cookie": "bucket=b"})]
        answers.append(await client.get("/b.html", headers={"cookie": "bucket=a"}))
        exchanges = [site.exchange(answer) for answer in answers]
    assert [exchange.verdict for exchange in exchanges] == ["Miss", "Hit"]
    assert kinds(*exchanges) == [[], []]


@pytest.mark.parametrize("trigger", ["viewer-request", "origin-request"])
async def test_a_fault_while_looking_breaks_no_request_and_is_logged_once(
    trigger: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr("edgegw.gateway.trap_watch.beyond_key", broken)
    monkeypatch.setattr("edgegw.cloudfront.cache.traps.BehaviorTraps.forgets", broken)
    site = Site(OPEN, behavior=ALL, hooks={trigger: header_by_bucket})
    async with site.gateway:
        stored_and_hit = await asked(site, *buckets("a", "b"))
        site.origin.answer = Answer(headers={"cache-control": "no-store"})
        forgotten = await asked(site, {"authorization": "x"}, path="/private")
    exchanges = [*stored_and_hit, *forgotten]
    assert [exchange.response.status for exchange in exchanges] == [200, 200, 200]
    assert [exchange.verdict for exchange in exchanges] == ["Miss", "Hit", "Miss"]
    assert kinds(*exchanges) == [[], [], []]
    (line,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "please report it" in line.getMessage()
    assert line.exc_info is not None


async def test_what_is_not_stored_is_no_trap() -> None:
    site = Site(OPEN, behavior=ALL, hooks={"origin-request": page_by_bucket})
    site.origin.answer = Answer(headers={"cache-control": "no-store", "set-cookie": "a=1"})
    exchanges = await asked(site, *[{**each, "authorization": "x"} for each in buckets("a", "b")])
    assert kinds(*exchanges) == [[], []]


async def test_a_generated_response_that_differs_is_told_of() -> None:
    def page(event: Any, context: Any) -> Any:
        body = "b" if "bucket=b" in cookie_of(request_of(event)) else "a"
        return {"status": "200", "headers": {}, "body": body}

    site = Site(OPEN, behavior=ALL, hooks={"origin-request": page})
    exchanges = await asked(site, *buckets("a", "b"), pause=200)
    assert kinds(*exchanges) == [[], ["varies-beyond-key"]]


async def test_a_query_and_a_country_that_the_key_lacks() -> None:
    def by_country(event: Any, context: Any) -> Any:
        request = request_of(event)
        request["uri"] = "/" + request["headers"]["cloudfront-viewer-country"][0]["value"]
        return request

    policy = "AllViewerAndCloudFrontHeaders-2022-06"
    site = Site(
        OPEN, behavior={"origin_request_policy": policy}, hooks={"origin-request": by_country}
    )
    viewers = [{"x-edgegw-viewer": f"country={country}"} for country in ("DE", "FR")]
    *_, last = await asked(site, *viewers, pause=200)
    assert "header cloudfront-viewer-country" in last.findings[0].names


# What gets stored


async def test_a_set_cookie_that_is_stored_is_told_of_once() -> None:
    site = Site(OPEN, behavior=ALL)
    site.origin.answer = Answer(headers={"set-cookie": "sid=secret; Path=/"})
    exchanges = await asked(site, {}, {}, pause=200)
    assert kinds(*exchanges) == [["stored-set-cookie"], []]
    assert exchanges[0].findings[0].names == ("sid",)


@pytest.mark.parametrize("policy", ["CachingOptimized", "CachingDisabled"])
async def test_a_set_cookie_that_is_not_stored_is_quiet(policy: str) -> None:
    site = Site(policy, behavior=ALL if policy == "CachingDisabled" else {})
    site.origin.answer = Answer(headers={"set-cookie": "sid=secret; Path=/"})
    assert kinds(*await asked(site, {"authorization": "x"} if policy[7] == "D" else {})) == [[]]


async def test_an_authorization_that_the_origin_sees_and_the_key_lacks() -> None:
    site = Site(OPEN, behavior=ALL)
    exchanges = await asked(site, {}, {"authorization": "Bearer secret"}, {}, pause=200)
    assert kinds(*exchanges) == [[], ["authorization-not-in-key"], []]


@pytest.mark.parametrize("status", [200, 401])
async def test_an_authorization_that_nobody_looks_at(status: int) -> None:
    site = Site(OPEN)
    site.origin.answer = Answer(status=status)
    exchanges = await asked(site, {"authorization": "Bearer secret"})
    assert kinds(*exchanges) == [["authorization-not-in-key"]]
    assert "the origin answers as to a stranger" in exchanges[0].findings[0].text
    assert "secret" not in exchanges[0].findings[0].text
    assert "authorization" not in site.origin.asked[0].headers


async def test_an_authorization_that_viewer_request_may_check_is_quiet() -> None:
    site = Site(OPEN, behavior=ALL, hooks={"viewer-request": passing})
    assert kinds(*await asked(site, {"authorization": "Basic x"})) == [[]]


def test_an_authorization_that_an_edge_function_may_check_is_quiet(tmp_path: Path) -> None:
    code = tmp_path / "check.js"
    code.write_text("function handler(event) { return event.request; }")
    behavior = {"origin": "app", "cache_policy": "CachingOptimized", **ALL}
    site = {"listen": 0, "origins": {"app": {"url": "http://app.test"}}}
    config = {
        "edge_functions": {"check": {"code": str(code)}},
        "distributions": {
            "open": {**site, "default_behavior": behavior},
            "checked": {
                **site,
                "default_behavior": {**behavior, "edge_functions": {"viewer-request": "check"}},
            },
        },
    }
    gateway, found = Gateway.from_dict(config), {}
    with respx.mock:
        respx.get("http://app.test/").respond(200, headers={"cache-control": "max-age=9"})
        for name in ("open", "checked"):
            with gateway.sync_client(name) as client:
                answer = client.get("/", headers={"authorization": "Basic x"})
                found[name] = kinds(gateway.exchange(answer))
    assert found == {"open": [["authorization-not-in-key"]], "checked": [[]]}


async def test_a_cookie_with_a_value_for_each_viewer() -> None:
    site = Site(BY_BUCKET)
    viewers = [{"cookie": f"bucket={at}"} for at in range(MANY_VARIANTS + 3)]
    exchanges = await asked(site, *viewers)
    assert kinds(*exchanges) == [[]] * MANY_VARIANTS + [["many-variants"], [], []]


async def test_who_waited_for_an_answer_that_was_made_for_another(tmp_path: Path) -> None:
    gateway = Gateway(load_file(example("trap")))
    async with gateway.client("site") as client:
        answers = await asyncio.gather(
            *[client.get("/", headers={"cookie": f"bucket={letter}"}) for letter in "ab"]
        )
        exchanges = [gateway.exchange(answer) for answer in answers]
    assert "varies-beyond-key" in [kind for found in kinds(*exchanges) for kind in found]


# The A/B test of config/


def example(name: str) -> Path:
    return ROOT / "config" / f"ab_test_{name}.yaml"


def key_of(gateway: Gateway, bucket: str) -> Any:
    request = DescribedRequest(
        "http://localhost:8081/", headers=[("Cookie", f"bucket={bucket}; theme=dark")]
    )
    store = gateway.caching.store
    return explained(gateway.config, request, store=store, world=gateway.world)["cache"]


async def pages(client: httpx.AsyncClient, *letters: str) -> list[httpx.Response]:
    return [
        await client.get("/", headers={"cookie": f"bucket={letter}; theme=dark"})
        for letter in letters
    ]


async def test_an_ab_test_whose_key_lacks_the_bucket_is_told_of_at_the_first_wrong_page(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gateway = Gateway(load_file(example("trap")))
    with logged(caplog) as lines:
        async with gateway.client("site") as client:
            answers = await pages(client, "a", "b", "b")
            explanation = key_of(gateway, "b")
            exchanges = [gateway.exchange(answer) for answer in answers]
    assert [answer.text for answer in answers] == ["page A\n"] * 3
    assert [verdict(answer) for answer in answers] == ["Miss", "Hit", "Hit"]
    assert kinds(*exchanges) == [["stored-set-cookie"], ["varies-beyond-key"], []]
    assert len(lines) == 2
    assert exchanges[1].findings[0].names == ("cookie bucket",)
    assert "Write cookies: {behavior: whitelist, items: [bucket]} in cache_policies.pages" in str(
        exchanges[1].findings[0].text
    )
    assert explanation["key"]["cookies"] == []
    assert {"kind": "cookie", "name": "bucket", "reaches_origin": True} in explanation["not_in_key"]
    assert explanation["stored"]["status"] == 200


async def test_the_mended_ab_test_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    now = 1_000_000_000.0
    gateway = Gateway(load_file(example("cached")), clock=lambda: now)
    with logged(caplog) as lines:
        async with gateway.client("site") as client:
            answers = await pages(client, "a", "b", "a", "b")
            explanation = key_of(gateway, "b")
            exchanges = [gateway.exchange(answer) for answer in answers]
            now += 100
            again = [*await pages(client, "a", "b"), await client.get("/"), await client.get("/")]
            exchanges += [gateway.exchange(answer) for answer in again]
    assert [answer.text for answer in answers] == ["page A\n", "page B\n"] * 2
    assert [verdict(answer) for answer in answers] == ["Miss", "Miss", "Hit", "Hit"]
    assert [answer.headers["set-cookie"][:8] for answer in answers] == ["bucket=a", "bucket=b"] * 2
    assert kinds(*exchanges) == [[]] * 8
    assert lines == []
    assert explanation["key"]["cookies"] == [["bucket", "b"]]
    assert explanation["stored"]["status"] == 200


@pytest.mark.parametrize("name", ["trap", "cached"])
def test_the_examples_load_without_findings(name: str) -> None:
    assert load_file(example(name)).warnings == ()


async def test_a_changed_configuration_begins_anew(tmp_path: Path) -> None:
    text = example("trap").read_text().replace("../sample", f"{ROOT}/sample")
    file = tmp_path / "edgegw.yaml"
    file.write_text(text)
    gateway = Gateway(load_file(file))
    async with gateway.client("site") as client:
        first = [gateway.exchange(answer) for answer in await pages(client, "a", "b")]
        await gateway.reload_code({"ab-assign"})
        saved = [gateway.exchange(answer) for answer in await pages(client, "a", "b")]
        assert kinds(*first) == kinds(*saved) == [["stored-set-cookie"], ["varies-beyond-key"]]
        file.write_text(
            text.replace(
                "{default_ttl: 60}",
                "{default_ttl: 60, cookies: {behavior: whitelist, items: [bucket]}}",
            )
        )
        await gateway.reload(load_file(file))
        answers = await pages(client, "b", "a", "b")
        exchanges = [gateway.exchange(answer) for answer in answers]
    assert [answer.text for answer in answers] == ["page B\n", "page A\n", "page B\n"]
    assert kinds(*exchanges) == [["stored-set-cookie"], [], []]
