"""`edgegw cache`, `edgegw invalidate` and `edgegw explain` of a distribution, as typed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw.cli.cache_commands import cache_lines
from edgegw.cli.render import Style
from tests.cli.test_balancer_commands import edgegw, site
from tests.cli.test_commands import running, wait_for_announcements
from tests.conftest import PYTHON, free_port
from tests.gateway.redis_server import redis_server

ROOT = Path(__file__).parents[2]


def project(folder: Path, port: int, origin: int, store: str | None = None) -> None:
    policy = {
        "min_ttl": 0,
        "default_ttl": 600,
        "cookies": {"behavior": "whitelist", "items": ["bucket"]},
    }
    config = {
        "cache_policies": {"by-bucket": policy},
        "distributions": {
            "site": {
                "listen": port,
                "origins": {"app": {"url": f"http://127.0.0.1:{origin}"}},
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "by-bucket",
                    "origin_request_policy": "AllViewer",
                },
            }
        },
        "gateway": {"cache": {} if store is None else {"store": store}},
    }
    (folder / "edgegw.yaml").write_text(json.dumps(config))


@contextmanager
def served(
    folder: Path, *options: str, store: str | None = None, origin: int | None = None
) -> Iterator[str]:
    with ExitStack() as stack:
        origin = origin or stack.enter_context(site("hello"))
        port = free_port()
        project(folder, port, origin, store)
        stack.enter_context(running("serve", *options, cwd=folder, doors=1))
        wait_for_announcements(folder)
        yield f"http://127.0.0.1:{port}"


def verdict_of(url: str) -> str:
    with httpx.Client(trust_env=False) as client:
        answer = client.get(url, headers={"cookie": "bucket=b; visits=7"})
    assert answer.text == "hello"
    return answer.headers["x-cache"].partition(" ")[0]


def test_what_is_cached_is_shown_explained_and_invalidated(tmp_path: Path) -> None:
    with served(tmp_path) as url:
        assert edgegw(tmp_path, "cache", "site").stdout == "nothing is stored\n"
        assert [verdict_of(f"{url}/a") for _ in range(2)] == ["Miss", "Hit"]

        [row] = json.loads(edgegw(tmp_path, "cache", "site", "--json").stdout)
        assert (row["url"], row["status"], row["size"], row["hits"]) == ("/a", 200, 5, 1)
        assert row["rule"] == "default TTL, as the origin says nothing"
        assert row["parts"]["cookies"] == [["bucket", "b"]]
        assert row["expires_at"] == pytest.approx(time.time() + row["expires_in"], abs=60)
        shown = edgegw(tmp_path, "cache", "site").stdout
        assert "1 hits" in shown
        assert time.strftime(", %Y-%m-%d ", time.localtime(row["expires_at"])) in shown
        assert "\n     cookie bucket=b\n" in shown

        asked = ["explain", f"{url}/a", "-H", "Cookie: bucket=b; visits=8"]
        told = edgegw(tmp_path, *asked).stdout
        assert "✓ behavior *" in told
        assert "cookie bucket=b" in told
        assert "the origin sees, and the key lacks: cookie visits" in told.replace(
            "header host, ", ""
        )
        assert "stored  200, 5 B, age" in told
        assert "is not asked; it would get" in told

        aside = edgegw(tmp_path, "invalidate", "site", "/b*c", f"{url}/a")
        assert aside.stdout == "0 removed\n"
        assert "/b*c: * is a wildcard at the end of a path alone" in aside.stderr
        assert f"{url}/a: an invalidation names a path, not a URL" in aside.stderr

        removed = edgegw(tmp_path, "invalidate", "site", "/a*", "/~x")
        assert removed.stdout == "1 removed\n"
        assert "/~x can match nothing" in removed.stderr
        assert verdict_of(f"{url}/a") == "Miss"
        tag = edgegw(tmp_path, "invalidate", "site", "#blog")
        assert (tag.returncode, "no CacheTagConfig" in tag.stderr) == (2, True)
        unknown = edgegw(tmp_path, "invalidate", "other", "/a")
        assert (unknown.returncode, "known: site" in unknown.stderr) == (2, True)


def test_a_key_is_explained_without_a_running_gateway(tmp_path: Path) -> None:
    project(tmp_path, 8081, 9)
    asked = ["explain", "http://localhost:8081/a?b=1", "-H", "Cookie: bucket=b", "--json"]
    explained = json.loads(edgegw(tmp_path, *asked).stdout)
    assert explained["cache"]["state"] == "miss"
    assert explained["cache"]["key"]["cookies"] == [["bucket", "b"]]
    gaps = [(gap["kind"], gap["name"]) for gap in explained["cache"]["not_in_key"]]
    assert ("query", "b") in gaps
    assert explained["sent"]["target"] == "/a?b=1"


def test_serve_can_do_without_caches(tmp_path: Path) -> None:
    with served(tmp_path, "--no-cache") as url:
        assert [verdict_of(f"{url}/a") for _ in range(2)] == ["Miss", "Miss"]
        assert "caching-disabled" in edgegw(tmp_path, "explain", f"{url}/a").stdout


def test_gateways_that_share_a_cache_list_explain_and_invalidate_the_same(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    one, other = folders
    with redis_server() as redis, site("hello") as origin:
        store = f"{redis.url}?socket_connect_timeout=30&socket_timeout=30"
        more: Any = {"store": store, "origin": origin}
        with served(one, **more) as url, served(other, **more) as other_url:
            assert verdict_of(f"{url}/a") == "Miss"
            while not redis.keys("entry"):
                time.sleep(0.02)
            assert verdict_of(f"{other_url}/a") == "Hit"
            for folder in folders:
                [row] = json.loads(edgegw(folder, "cache", "site", "--json").stdout)
                assert (row["url"], row["size"], row["hits"]) == ("/a", 5, 1)
            asked = ["explain", f"{other_url}/a", "-H", "Cookie: bucket=b"]
            assert "stored  200" in edgegw(other, *asked).stdout
            assert edgegw(other, "invalidate", "site", "/a").stdout == "1 removed\n"
            assert edgegw(one, "cache", "site").stdout == "nothing is stored\n"
            assert verdict_of(f"{url}/a") == "Miss"
            redis.stop()
            assert verdict_of(f"{url}/a") == "Miss"
            for command in (["cache", "site"], ["invalidate", "site", "/a"]):
                refused = edgegw(one, *command)
                assert refused.returncode != 0
                assert "is gone" in refused.stderr
            explained = edgegw(one, "explain", f"{url}/a", "-H", "Cookie: bucket=b").stdout
            assert "what is stored is not known: the shared cache at" in explained
            assert "nothing is stored" not in explained


def test_serve_without_caches_leaves_a_shared_one_alone(tmp_path: Path) -> None:
    with redis_server() as redis, served(tmp_path, "--no-cache", store=redis.url) as url:
        assert [verdict_of(f"{url}/a") for _ in range(2)] == ["Miss", "Miss"]
        assert redis.client.keys("*") == []


HOOKS = """\
def passing(event, context):
    record = event["Records"][0]["cf"]
    return record.get("response") or record["request"]
"""


def test_the_tree_says_which_functions_run_now_and_why_others_do_not(tmp_path: Path) -> None:
    (tmp_path / "hooks.py").write_text(HOOKS)
    triggers = ("viewer-request", "origin-request", "origin-response", "viewer-response")
    with ExitStack() as stack:
        origin, port = stack.enter_context(site("hello")), free_port()
        project(tmp_path, port, origin)
        config = json.loads((tmp_path / "edgegw.yaml").read_text())
        config["functions"] = {"hook": {"runtime": PYTHON, "code": ".", "handler": "hooks.passing"}}
        behavior = config["distributions"]["site"]["default_behavior"]
        behavior["lambda_functions"] = dict.fromkeys(triggers, "hook")
        (tmp_path / "edgegw.yaml").write_text(json.dumps(config))
        stack.enter_context(running("serve", cwd=tmp_path, doors=1))
        wait_for_announcements(tmp_path)
        url = f"http://127.0.0.1:{port}/a"
        cold = edgegw(tmp_path, "explain", url).stdout
        assert verdict_of(url) == "Miss"
        warm = edgegw(tmp_path, "explain", url, "-H", "Cookie: bucket=b").stdout
    for trigger in triggers:
        assert f"→ {trigger} runs hook\n" in cold
    assert "hook may change the request before the key is made" in cold
    assert "gets, unless viewer-request or origin-request changes it" in cold
    for trigger in triggers[1:3]:
        assert f"→ {trigger} does not run hook: answered from the cache\n" in warm
    for trigger in (triggers[0], triggers[3]):
        assert f"→ {trigger} runs hook\n" in warm


def test_check_warns_of_caching_traps_at_their_place() -> None:
    trap = edgegw(ROOT, "check", "config/ab_test_trap.yaml")
    assert trap.returncode == 0
    lines = trap.stdout.splitlines()
    assert [line.partition(": warning: ")[2].split()[0] for line in lines] == [
        "cloudfront.varies-beyond-key",
        "cloudfront.stored-set-cookie",
    ]
    assert lines[0].startswith("sample_functions/ab_test/handler.py:12:")
    assert edgegw(ROOT, "check", "config/ab_test_cached.yaml").stdout == ""


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (56.8, "expires in 56s, "),
        (185.0, "expires in 3m 5s, "),
        (86_397.7, "expires in 23h 59m, "),
        (31_535_999.0, "expires in 364d 23h, "),
        (-21.6, "stale for 21s, since "),
        (0.0, "stale for 0s, since "),
    ],
)
def test_what_is_left_of_a_time_is_told_as_people_count(left: float, shown: str) -> None:
    stored = {"status": 200, "size": 5, "age": 4, "rule": "max-age of the origin"}
    cache = {
        "ttls": [0, 60, 600],
        "state": "hit",
        "bypass": None,
        "key": {"method": "GET", "path": "/", "query": None, "headers": {}, "cookies": [],
                "accept_encoding": ""},
        "not_in_key": [],
        "problem": None,
        "stored": {**stored, "expires_at": 1_000_000_000, "expires_in": left},
    }  # fmt: skip
    line = list(cache_lines(cache, Style()))[-1]
    assert f"age 4s, {shown}" in line
