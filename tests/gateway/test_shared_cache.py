"""Gateways that share a cache in a real Redis: entries, invalidations, and Redis gone and back."""

from __future__ import annotations

import asyncio
import logging
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw import Gateway, UsageError
from edgegw.config.resolve import load_dict
from edgegw.errors import EnvironmentProblem
from edgegw.gateway.shared_cache import connection
from edgegw.gateway.shared_cache.connection import shown_url
from tests.conftest import FUNCTIONS, PYTHON, read_head
from tests.gateway.cached_site import NOW, Answer, Origin, Site, verdict
from tests.gateway.redis_server import RedisServer, redis_server

OPEN = {"min_ttl": 0, "default_ttl": 100, "max_ttl": 1000}
LONG = bytes(range(256)) * 4096
"""A mebibyte: four parts."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine half a second may pass over nothing, and Redis would count as gone."""
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 30.0)
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT", 30.0)


@pytest.fixture
def short_answer_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT", 3.0)


@pytest.fixture(scope="module")
def a_server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def redis(a_server: RedisServer) -> RedisServer:
    a_server.client.flushall()
    return a_server


def sharing(redis: RedisServer, policy: Any = OPEN, **more: Any) -> Site:
    """A gateway of its own, with an origin of its own, whose cache is in `redis`."""
    return Site(policy, settings={"cache": {"store": redis.url}}, **more)


async def got(site: Site, client: httpx.AsyncClient, url: str = "/a", **more: Any) -> str:
    """The verdict, once what the request brought is in the store."""
    word = verdict(await client.get(url, **more))
    await site.gateway.caching.settled()
    return word


async def until_back(site: Site) -> None:
    """Until the gateway has noticed that Redis is there."""
    connection = site.gateway.caching.shared._redis  # type: ignore[union-attr]
    while connection.is_gone:
        await asyncio.sleep(0.02)


# Entries


async def test_what_one_gateway_fetched_the_other_has(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    async with one.client() as client, other.client() as another:
        assert await got(one, client) == "Miss"
        other.now += 7
        answer = await another.get("/a")
    assert (verdict(answer), answer.text, answer.headers["age"]) == ("Hit", "one", "7")
    assert (one.origin.count, other.origin.count) == (1, 0)
    assert other.exchange(answer).cache is not None
    assert other.exchange(answer).cache["decision"] == "hit"


async def test_the_next_request_finds_what_the_one_before_brought(redis: RedisServer) -> None:
    site = sharing(redis)
    async with site.client() as client:
        words = [verdict(await client.get("/a")) for _ in range(3)]
    assert words == ["Miss", "Hit", "Hit"]
    assert site.origin.count == 1


async def test_it_is_there_when_the_gateway_that_fetched_it_is_gone(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    async with one.client() as client:
        await client.get("/a")
    async with other.client() as client:
        assert await got(other, client) == "Hit"


async def test_keys_and_methods_are_told_apart_as_ever(redis: RedisServer) -> None:
    policy = {**OPEN, "cookies": {"behavior": "whitelist", "items": ["bucket"]}}
    one, other = sharing(redis, policy), sharing(redis, policy)
    one.origin.answering = lambda request: Answer(request.headers.get("cookie", "-").encode())
    async with one.client() as client, other.client() as another:
        for bucket in "xy":
            await got(one, client, headers={"cookie": f"bucket={bucket}"})
        texts = [
            (await another.get("/a", headers={"cookie": f"bucket={bucket}; other=1"})).text
            for bucket in "xy"
        ]
        head = await another.head("/a", headers={"cookie": "bucket=x"})
    assert texts == ["bucket=x", "bucket=y"]
    assert (head.content, head.headers["content-length"]) == (b"", "8")
    assert other.origin.count == 0


async def test_who_comes_at_once_asks_the_origin_once(redis: RedisServer) -> None:
    site = sharing(redis)
    async with site.client() as client:
        answers = await asyncio.gather(*(client.get("/a") for _ in range(64)))
    assert {answer.text for answer in answers} == {"one"}
    assert site.origin.count == 1


async def test_an_answer_of_redis_that_was_overtaken_is_asked_for_again(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = sharing(redis)
    async with site.client() as client:
        shared = site.gateway.caching.shared
        assert shared is not None
        get, may_come, count = shared.get, asyncio.Event(), 0

        async def slowly(keys: tuple[bytes, ...]) -> Any:
            nonlocal count
            count += 1
            is_slow = count == 1
            stored = await get(keys)
            if is_slow:
                await may_come.wait()
            return stored

        monkeypatch.setattr(shared, "get", slowly)
        slow = asyncio.ensure_future(client.get("/a"))
        while not count:
            await asyncio.sleep(0)
        assert await got(site, client) == "Miss"
        may_come.set()
        assert verdict(await slow) == "Hit"
    assert site.origin.count == 1


async def test_errors_are_shared_too(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    one.origin.answer = Answer(b"no", 404)
    async with one.client() as client, other.client() as another:
        await got(one, client)
        answer = await another.get("/a")
    assert (answer.status_code, answer.text, other.origin.count) == (404, "no", 0)


async def test_what_a_304_renews_is_fresh_for_all(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    one.origin.answer = Answer(headers={"cache-control": "max-age=10", "etag": '"1"'})
    async with one.client() as client, other.client() as another:
        await got(one, client)
        one.now = other.now = NOW + 20
        one.origin.answer = Answer(status=304, body=b"", headers={"cache-control": "max-age=60"})
        assert await got(one, client) == "RefreshHit"
        answer = await another.get("/a")
    assert (verdict(answer), answer.text, other.origin.count) == ("Hit", "one", 0)


async def test_new_terms_are_not_those_of_another_answer(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    one.origin.answer = Answer(headers={"cache-control": "max-age=10", "etag": '"1"'})
    async with one.client() as client, other.client() as another:
        await got(one, client)
        one.now = other.now = NOW + 20
        one.origin.may_answer.clear()
        asking = asyncio.ensure_future(client.get("/a"))
        while one.origin.count < 2:
            await asyncio.sleep(0)
        other.origin.answer = Answer(b"two", headers={"cache-control": "max-age=1000"})
        assert await got(other, another) == "Miss"
        one.origin.answer = Answer(status=304, body=b"", headers={"cache-control": "max-age=60"})
        one.origin.may_answer.set()
        assert (await asking).text == "one"
        await one.gateway.caching.settled()
        answer = await another.get("/a")
    assert (answer.text, answer.headers.get("etag")) == ("two", None)


async def test_what_a_failing_origin_leaves_stands_in_for_all(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    one.origin.answer = Answer(headers={"cache-control": "max-age=10"})
    async with one.client() as client, other.client() as another:
        await got(one, client)
        one.now = other.now = NOW + 20
        one.origin.fails = other.origin.fails = True
        assert await got(one, client) == "Hit"
        assert await got(other, another) == "Hit"
    assert (one.origin.count, other.origin.count) == (2, 0)


@pytest.mark.parametrize(
    ("directives", "lives"),
    [
        ("max-age=10, stale-if-error=0", 10),
        ("max-age=10, stale-if-error=50", 60),
        ("max-age=10, stale-if-error=5, stale-while-revalidate=70", 80),
        ("max-age=10", 1010),
    ],
)
async def test_a_key_lives_for_as_long_as_it_may_be_served(
    redis: RedisServer, directives: str, lives: int
) -> None:
    site = sharing(redis)
    site.origin.answer = Answer(headers={"cache-control": directives})
    async with site.client() as client:
        await got(site, client)
        (key,) = redis.keys("entry")
        left = redis.client.pttl(key)
    assert lives * 1000 - 30_000 < left <= lives * 1000


async def test_what_has_a_name_can_be_asked_about_for_a_day_more(redis: RedisServer) -> None:
    site = sharing(redis)
    site.origin.answer = Answer(
        headers={"cache-control": "max-age=0, stale-if-error=0", "etag": '"1"'}
    )
    async with site.client() as client:
        await got(site, client)
        site.origin.answer = Answer(status=304, body=b"")
        assert await got(site, client) == "RefreshHit"


# Long bodies


async def long_parts() -> AsyncIterator[bytes]:
    for at in range(0, len(LONG), 100_000):
        yield LONG[at : at + 100_000]


async def test_a_long_body_is_kept_and_read_in_parts(redis: RedisServer, tmp_path: Path) -> None:
    one, other = sharing(redis, state=tmp_path), sharing(redis)
    one.origin.answer = Answer(long_parts(), headers={"content-length": str(len(LONG))})
    async with one.client() as client, other.client() as another:
        assert (await client.get("/a")).content == LONG
        await one.gateway.caching.settled()
        whole = await another.get("/a")
        part = await another.get("/a", headers={"range": "bytes=262100-786500"})
        assert not list(tmp_path.rglob("*.body"))
        (body,) = redis.keys("body")
        assert redis.client.hlen(body) == 4
        assert max(redis.client.hstrlen(body, number) for number in range(4)) <= 256 * 1024
    assert (verdict(whole), whole.content) == ("Hit", LONG)
    assert (part.status_code, part.content) == (206, LONG[262100:786501])
    assert other.origin.count == 0


async def test_who_comes_while_a_long_body_is_written_reads_it_too(redis: RedisServer) -> None:
    site = sharing(redis)
    site.origin.answer = Answer(long_parts(), headers={"content-length": str(len(LONG))})
    async with site.client() as client:
        answers = [await client.get("/a") for _ in range(3)]
    assert all(answer.content == LONG for answer in answers)
    assert site.origin.count == 1


async def test_a_long_body_whose_entry_goes_is_there_for_its_readers(redis: RedisServer) -> None:
    site = sharing(redis)
    site.origin.answer = Answer(long_parts(), headers={"content-length": str(len(LONG))})
    async with site.client() as client:
        await client.get("/a")
        await site.gateway.caching.settled()
        async with client.stream("GET", "/a") as answer:
            chunks = answer.aiter_raw()
            received = await anext(chunks)
            assert site.gateway.invalidate("site", "/*") == 1
            async for chunk in chunks:
                received += chunk
        (body,) = redis.keys("body")
        assert 0 < redis.client.pttl(body) <= 60_000
    assert received == LONG


async def test_a_body_that_redis_loses_breaks_off_and_is_not_taken_for_whole(
    redis: RedisServer,
) -> None:
    site = sharing(redis)
    site.origin.answer = Answer(long_parts(), headers={"content-length": str(len(LONG))})
    async with site.client() as client:
        await client.get("/a")
        await site.gateway.caching.settled()
        redis.client.delete(*redis.keys("body"))
        with pytest.raises(httpx.HTTPError):
            await client.get("/a")


async def test_what_is_longer_than_the_limit_is_passed_on_alone(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = sharing(redis)
    async with site.client() as client:
        monkeypatch.setattr(type(site.gateway.caching.shared), "longest", 500_000)
        for headers in ({"content-length": str(len(LONG))}, {}):
            site.origin.answer = Answer(long_parts(), headers=headers)
            assert (await client.get("/a")).content == LONG
            await site.gateway.caching.settled()
            assert redis.keys("entry") == redis.keys("body") == []


# Invalidations and reloads


async def test_an_invalidation_at_one_gateway_goes_for_all(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    async with one.client() as client, other.client() as another:
        for url in ("/a", "/b"):
            await got(one, client, url)
            assert await got(other, another, url) == "Hit"
        assert other.gateway.invalidate("site", "/a") == 1
        assert await got(one, client, "/a") == "Miss"
        assert await got(one, client, "/b") == "Hit"
        assert await got(other, another, "/a") == "Hit"
        assert one.gateway.invalidate("site", "/*") == 2
        assert one.gateway.invalidate("site", "/*") == 0
    with pytest.raises(UsageError):
        one.gateway.invalidate("other", "/*")


async def test_what_is_on_its_way_to_another_gateway_is_not_kept(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    other.origin.may_answer.clear()
    async with one.client() as client, other.client() as another:
        asking = asyncio.ensure_future(another.get("/a"))
        while not other.origin.count:
            await asyncio.sleep(0.01)
        one.gateway.invalidate("site", "/*")
        other.origin.may_answer.set()
        assert (await asking).text == "one"
        await other.gateway.caching.settled()
        other.origin.answer = one.origin.answer = Answer(b"two")
        answer = await client.get("/a")
        assert (verdict(answer), answer.text) == ("Miss", "two")


async def test_nobody_joins_what_another_gateway_has_invalidated(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    async with one.client() as client, other.client() as another:
        await got(one, client, "/first")
        await got(other, another, "/first")
        other.origin.may_answer.clear()
        asking = asyncio.ensure_future(another.get("/a"))
        while not other.origin.count:
            await asyncio.sleep(0.01)
        one.gateway.invalidate("site", "/a")
        later = asyncio.ensure_future(another.get("/a"))
        while other.origin.count < 2:
            await asyncio.sleep(0.01)
        other.origin.may_answer.set()
        assert [verdict(await asking), verdict(await later)] == ["Miss", "Miss"]


async def test_a_reload_clears_for_all_what_would_be_another_answer(redis: RedisServer) -> None:
    more = {"behaviors": [{"path_pattern": "/b*", "origin": "app", "cache_policy": "own"}]}
    one, other = sharing(redis, distribution=more), sharing(redis, distribution=more)
    async with one.client() as client, other.client() as another:
        await got(one, client, "/a")
        await got(one, client, "/b")
        changed = {**one.config}
        changed["distributions"]["site"]["behaviors"][0]["compress"] = True
        await one.gateway.reload(load_dict(changed, FUNCTIONS))
        assert await got(other, another, "/a") == "Hit"
        assert await got(other, another, "/b") == "Miss"


async def test_a_reload_that_changes_nothing_clears_nothing(redis: RedisServer) -> None:
    site = sharing(redis)
    async with site.client() as client:
        await got(site, client)
        await site.gateway.reload(load_dict(site.config, FUNCTIONS))
        assert await got(site, client) == "Hit"
        assert redis.client.hget("edgegw:cache:clearings", "number") == b"0"


async def test_a_reload_brings_another_store_or_none(redis: RedisServer) -> None:
    site = sharing(redis)
    async with site.client() as client:
        assert await got(site, client) == "Miss"
        for store, words in (
            (redis.url[:-1] + "1", "MissHit"),
            (None, "MissHit"),
            (redis.url, "HitHit"),
        ):
            site.config["gateway"]["cache"] = {"store": store}
            await site.gateway.reload(load_dict(site.config, FUNCTIONS))
            assert await got(site, client) + await got(site, client) == words


@pytest.mark.parametrize("change", ["policy", "code", "imported", "environment", "balancer"])
async def test_a_start_with_other_code_or_configuration_clears_what_came_from_the_old_one(
    redis: RedisServer, tmp_path: Path, change: str
) -> None:
    (tmp_path / "hooks").mkdir()
    code = tmp_path / "hooks" / "hook.py"
    code.write_text("import beside\n\ndef handler(event, context): ...")
    beside = tmp_path / "hooks" / "beside.py"
    beside.write_text("SIDE = 'a'")
    policy = {"default_ttl": 100}
    page = {"status_code": "200", "message_body": "page"}
    hook: dict[str, Any] = {
        "runtime": PYTHON,
        "code": "hooks/hook.py" if change == "imported" else "hooks",
        "handler": "hook.handler",
        "environment": {},
    }
    origins = {"app": {"url": "http://origin.test"}, "web": {"load_balancer": "web"}}
    site = {
        "listen": 0,
        "origins": origins,
        "default_behavior": {
            "origin": "app",
            "cache_policy": "own",
            "lambda_functions": {"origin-request": "hook"},
        },
        "behaviors": [{"path_pattern": "/b*", "origin": "web", "cache_policy": "CachingOptimized"}],
    }
    config: dict[str, Any] = {
        "functions": {"hook": hook},
        "cache_policies": {"own": policy},
        "distributions": {"site": site},
        "load_balancers": {
            "web": {"listeners": [{"listen": 8099, "default_actions": [{"fixed_response": page}]}]}
        },
        "gateway": {"cache": {"store": redis.url}},
    }
    origin = Origin()

    async def words() -> str:
        gateway = Gateway(
            load_dict(config, tmp_path),
            functions={"hook": lambda event, context: event["Records"][0]["cf"]["request"]},
            transport=lambda _: origin,
        )
        async with gateway.client("site") as client:
            return "".join([verdict(await client.get(url))[0] for url in ("/a", "/b")])

    assert [await words() for _ in range(3)] == ["MM", "HH", "HH"]
    match change:
        case "policy":
            policy["default_ttl"] = 101
        case "code":
            code.write_text("def handler(event, context): return None")
        case "imported":
            beside.write_text("SIDE = 'b'")
        case "environment":
            hook["environment"] = {"SIDE": "b"}
        case _:
            page["message_body"] = "other page"
    assert [await words() for _ in range(2)] == ["HM" if change == "balancer" else "MH", "HH"]


async def test_the_same_functions_in_another_folder_are_the_same(
    redis: RedisServer, tmp_path: Path
) -> None:
    words: list[str] = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "hooks.py").write_text("def pass_request(event, context): ...")
        site = sharing(redis, hooks={"origin-request": _as_it_came})
        site.config["functions"]["origin-request"]["code"] = "."
        gateway = Gateway(
            load_dict(site.config, tmp_path / name),
            functions={"origin-request": _as_it_came},
            transport=lambda _: Origin(),
        )
        async with gateway.client("site") as client:
            words.append(verdict(await client.get("/a")))
    assert words == ["Miss", "Hit"]


def _as_it_came(event: Any, context: Any) -> Any:
    return event["Records"][0]["cf"]["request"]


async def test_a_reload_is_remembered_for_the_next_start(redis: RedisServer) -> None:
    def sharing_with(ttl: int) -> Site:
        return sharing(redis, {**OPEN, "default_ttl": ttl})

    one = sharing_with(100)
    async with one.client() as client:
        assert await got(one, client) == "Miss"
        await one.gateway.reload(load_dict(sharing_with(200).config, FUNCTIONS))
        assert [await got(one, client) for _ in range(2)] == ["Miss", "Hit"]
    for ttl, words in ((200, ["Hit", "Hit"]), (100, ["Miss", "Hit"])):
        other = sharing_with(ttl)
        async with other.client() as client:
            assert [await got(other, client) for _ in range(2)] == words


async def test_a_gateway_that_begins_knows_what_was_cleared_before(redis: RedisServer) -> None:
    one = sharing(redis)
    async with one.client() as client:
        one.origin.may_answer.clear()
        asking = asyncio.ensure_future(client.get("/a"))
        while not one.origin.count:
            await asyncio.sleep(0.01)
        one.gateway.invalidate("site", "/nothing")
        one.gateway.invalidate("site", "/a")
        # Had another process cleared, this one would not have heard of it when it writes.
        for flight in one.gateway.caching.flights.under_way.values():
            flight.is_void = False
        one.origin.may_answer.set()
        await asking
        await one.gateway.caching.settled()
        assert len(redis.keys("entry")) == 1
    other = sharing(redis)
    async with other.client() as client:
        assert await got(other, client) == "Miss"


async def test_numbers_that_redis_lost_make_entries_worthless(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    async with one.client() as client, other.client() as another:
        one.gateway.invalidate("site", "/b")
        await got(one, client)
        redis.client.delete("edgegw:cache:clearings")
        assert await got(other, another) == "Miss"
        assert await got(one, client) == "Hit"


# What Redis may hold


def poisoned(redis: RedisServer, key: bytes, **fields: Any) -> None:
    redis.client.hset(key, mapping=fields)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda redis, key: (redis.client.delete(key), redis.client.set(key, b"text")),
        lambda redis, key: poisoned(redis, key, entry=b"{}"),
        lambda redis, key: poisoned(redis, key, entry=pickle.dumps(print)),
        lambda redis, key: poisoned(redis, key, entry=b"x" * (1 << 21)),
        lambda redis, key: poisoned(redis, key, entry=b"[" * 200_000),
        lambda redis, key: poisoned(redis, key, body=b"x" * (1 << 20)),
        lambda redis, key: poisoned(redis, key, body=b"longer than the entry says"),
        lambda redis, key: poisoned(redis, key, mark=b"nonsense"),
        lambda redis, key: redis.client.hdel(key, "mark"),
        lambda redis, key: poisoned(
            redis, key, entry=redis.client.hget(key, "entry").replace(b"/a", b"/b")
        ),
        lambda redis, key: redis.client.hset("edgegw:cache:clearings", "number", "many"),
        lambda redis, key: redis.client.hset("edgegw:cache:clearings", "epoch", "x:y"),
        lambda redis, key: redis.client.set("edgegw:cache:clearings", "text"),
        lambda redis, key: redis.client.hset("edgegw:cache:clearings", "number", "99999999999"),
    ],
    ids=[
        "another-kind",
        "no-entry",
        "pickle",
        "too-large",
        "deep",
        "body-too-large",
        "another-body",
        "no-mark",
        "mark-gone",
        "another-key",
        "no-number",
        "another-epoch",
        "clearings-of-another-kind",
        "number-of-the-far-future",
    ],
)
async def test_what_is_no_entry_of_ours_is_not_there(redis: RedisServer, spoil: Any) -> None:
    one, other = sharing(redis), sharing(redis)
    async with one.client() as client, other.client() as another:
        await got(one, client)
        (key,) = redis.keys("entry")
        spoil(redis, key)
        answer = await another.get("/a")
        await other.gateway.caching.settled()
        one.gateway.caching.kept.peek((b"G",))
        assert (answer.status_code, answer.text, verdict(answer)) == (200, "one", "Miss")


async def test_a_use_count_that_is_none_harms_nobody(redis: RedisServer) -> None:
    site = sharing(redis)
    async with site.client() as client:
        await got(site, client)
        (key,) = redis.keys("entry")
        poisoned(redis, key, hits=b"many")
        assert await got(site, client) == "Hit"
        (listed,) = await site.gateway.caching.listed()
        assert listed.hits == 0


async def test_other_keys_are_left_alone(redis: RedisServer) -> None:
    redis.client.set("mine", "1")
    redis.client.set("edgegw:other", "2")
    site = sharing(redis)
    async with site.client() as client:
        await got(site, client)
        site.gateway.invalidate("site", "/*")
    assert (redis.client.get("mine"), redis.client.get("edgegw:other")) == (b"1", b"2")


async def test_a_full_redis_makes_misses_and_says_so_once(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    site = sharing(redis)
    async with site.client() as client:
        await got(site, client, "/kept")
        redis.client.config_set("maxmemory", 1)
        try:
            words = [await got(site, client, url) for url in ("/a", "/a", "/b", "/kept")]
        finally:
            redis.client.config_set("maxmemory", 0)
        assert words == ["Miss", "Miss", "Miss", "Hit"]
        assert await got(site, client, "/a") == "Miss"
        assert await got(site, client, "/a") == "Hit"
    lines = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(lines) == 1
    assert "refuses" in lines[0]


# Redis gone and back


async def test_while_redis_is_gone_requests_go_on_as_misses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with redis_server() as server:
        one, other = sharing(server), sharing(server)
        async with one.client() as client, other.client() as another:
            assert await got(one, client) == "Miss"
            assert await got(other, another) == "Hit"
            server.stop()
            words = [await got(one, client) for _ in range(5)]
            assert words == ["Miss"] * 5
            assert [record.getMessage().count("is gone") for record in caplog.records] == [1]
            server.start()
            await until_back(one)
            assert await got(one, client) == "Miss"  # this Redis keeps nothing when it stops
            assert await got(one, client) == "Hit"
            await got(other, another)
            await until_back(other)
            assert await got(other, another) == "Hit"
        lines = [record.getMessage() for record in caplog.records]
        assert sum("is back" in line for line in lines) == sum("is gone" in line for line in lines)
        assert all("is back" in line or "is gone" in line for line in lines)


@pytest.mark.usefixtures("short_answer_timeout")
async def test_a_redis_that_does_not_answer_is_gone_as_well(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with redis_server() as server:
        site = sharing(server)
        async with site.client() as client:
            await got(site, client)
            server.freeze()
            words = await asyncio.gather(
                *(got(site, client, f"/{number}") for number in range(100))
            )
            assert words == ["Miss"] * 100
            assert sum("is gone" in record.getMessage() for record in caplog.records) == 1
            async with asyncio.timeout(25):  # a time-out each would take longer
                assert {await got(site, client) for _ in range(50)} == {"Miss"}
            server.thaw()
            await until_back(site)
            assert await got(site, client) == "Hit"


async def test_a_redis_that_never_was_there_is_told_at_the_start(
    caplog: pytest.LogCaptureFixture, free_port: Any
) -> None:
    url = f"redis://ada:secret@127.0.0.1:{free_port()}/0"
    site = Site(OPEN, settings={"cache": {"store": url}})
    async with site.gateway:
        while not caplog.records:
            await asyncio.sleep(0.01)
        async with site.client() as client:
            assert [await got(site, client) for _ in range(2)] == ["Miss", "Miss"]
    (line,) = [record.getMessage() for record in caplog.records]
    assert "is gone" in line
    assert "secret" not in line


@pytest.mark.usefixtures("short_answer_timeout")
async def test_an_invalidation_that_finds_redis_gone_says_so_and_is_made_once_it_is_back() -> None:
    with redis_server() as server:
        site = sharing(server)
        async with site.client() as client:
            await got(site, client)
            server.freeze()
            with pytest.raises(EnvironmentProblem, match="once it is back"):
                site.gateway.invalidate("site", "/*")
            server.thaw()
            await got(site, client)
            await until_back(site)
            assert server.client.hget("edgegw:cache:clearings", "number") in (b"1", b"2")


BATCH = b"""<InvalidationBatch><Paths><Quantity>1</Quantity><Items><Path>/*</Path></Items></Paths>
<CallerReference>r</CallerReference></InvalidationBatch>"""


async def created(site: Site) -> httpx.Response:
    """What CreateInvalidation of everything answers."""
    transport = httpx.ASGITransport(app=site.gateway.aws_apis)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.post("/2020-05-31/distribution/site/invalidation", content=BATCH)


async def test_an_invalidation_by_the_api_goes_for_all(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    async with one.client() as client, other.client() as another:
        assert await got(one, client) == "Miss"
        assert (await created(other)).status_code == 201
        assert await got(one, client) == "Miss"
        assert await got(other, another) == "Hit"


async def test_the_api_is_unavailable_while_redis_is_gone_and_makes_it_later() -> None:
    with redis_server() as server:
        site = sharing(server)
        async with site.client() as client:
            assert await got(site, client) == "Miss"
            server.stop()
            answer = await created(site)
            assert (answer.status_code, "<Code>ServiceUnavailable</Code>" in answer.text) == (
                503,
                True,
            )
            assert (await created(site)).status_code == 201


async def test_a_long_body_breaks_off_when_redis_goes_and_is_fetched_again() -> None:
    with redis_server() as server:
        site = sharing(server)
        site.origin.answer = Answer(long_parts(), headers={"content-length": str(len(LONG))})
        async with site.client() as client:
            await client.get("/a")
            await site.gateway.caching.settled()
            with pytest.raises(httpx.HTTPError):
                async with client.stream("GET", "/a") as answer:
                    chunks = answer.aiter_raw()
                    await anext(chunks)
                    server.stop()
                    async for _ in chunks:
                        pass
            site.origin.answer = Answer(long_parts())
            assert (await client.get("/a")).content == LONG


# Around it


async def test_between_sockets(redis: RedisServer, serving: Any, raw_origin: Any) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await read_head(reader):
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nCache-Control: max-age=60\r\n\r\n"
            writer.write(head % len(LONG) + LONG)
            await writer.drain()

    async with raw_origin(script) as origin:
        config = {
            "distributions": {
                "site": {
                    "listen": 0,
                    "origins": {"app": {"url": origin.url}},
                    "default_behavior": {"origin": "app"},
                }
            },
            "gateway": {"cache": {"store": redis.url}},
        }
        async with serving(config) as one, serving(config) as other:
            async with httpx.AsyncClient(trust_env=False) as client:
                first = await client.get(one.urls["site"])
                await one.gateway.caching.settled()
                answers = [await client.get(front.urls["site"]) for front in (other, one, other)]
                one.gateway.invalidate("site", "/*")
                last = await client.get(other.urls["site"])
    assert [verdict(answer) for answer in (first, *answers, last)] == [
        "Miss",
        "Hit",
        "Hit",
        "Hit",
        "Miss",
    ]
    assert all(answer.content == LONG for answer in (first, *answers, last))
    assert len(origin.heads) == 0


async def test_uses_and_what_is_there_are_listed_and_explained(redis: RedisServer) -> None:
    one, other = sharing(redis), sharing(redis)
    async with one.client() as client, other.client() as another:
        for _ in range(3):
            await got(one, client)
        await got(other, another)
        (listed,) = await other.gateway.caching.listed()
        assert (listed.entry.place.path, listed.body, listed.hits) == (b"/a", 3, 3)
        stored = other.gateway.caching.kept.peek((listed.entry.key,))
        assert stored is not None
        assert stored.entry == listed.entry
        assert (await other.gateway.caching.listed()) == [listed]


async def test_without_caches_redis_is_left_alone(redis: RedisServer) -> None:
    site = sharing(redis, caches=False)
    async with site.client() as client:
        assert [await got(site, client) for _ in range(2)] == ["Miss", "Miss"]
        assert site.gateway.caching.shared is None
    assert redis.client.keys("*") == []


def test_a_url_is_shown_without_its_secrets() -> None:
    assert (
        shown_url("rediss://ada:pass@cache.test:6380/2?password=x") == "rediss://cache.test:6380/2"
    )
    assert shown_url("unix:///run/redis.sock?db=1") == "unix:///run/redis.sock"


def test_who_shares_nothing_does_not_import_what_it_takes() -> None:
    code = (
        "import sys, asyncio\n"
        "from edgegw import Gateway\n"
        "site = {'origins': {'o': {'url': 'http://127.0.0.1:9'}}, 'default_behavior': {'origin': 'o'}}\n"
        "async def ask():\n"
        "    gateway = Gateway.from_dict({'distributions': {'site': {'listen': 0, **site}}})\n"
        "    async with gateway.client('site') as client: await client.get('/')\n"
        "asyncio.run(ask())\n"
        "print([name for name in sys.modules if name == 'redis' or 'shared_cache.' in name])"
    )
    command = [sys.executable, "-c", code]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


async def test_without_its_package_it_says_what_to_install(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = sharing(redis)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(EnvironmentProblem, match=r"pip install 'edgegw\[redis\]'"):
        site.client()
