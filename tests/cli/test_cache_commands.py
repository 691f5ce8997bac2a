"""`edgegw cache`, `edgegw invalidate` and `edgegw explain` of a distribution, as typed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.cli.test_balancer_commands import edgegw, site
from tests.cli.test_commands import running, wait_for_announcements
from tests.conftest import free_port
from tests.gateway.redis_server import redis_server


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
        assert "1 hits" in edgegw(tmp_path, "cache", "site").stdout

        asked = ["explain", f"{url}/a", "-H", "Cookie: bucket=b; visits=8"]
        told = edgegw(tmp_path, *asked).stdout
        assert "✓ behavior *" in told
        assert "cookie bucket=b" in told
        assert "the origin sees, and the key lacks: cookie visits" in told.replace(
            "header host, ", ""
        )
        assert "stored  200" in told

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
        more: Any = {"store": redis.url, "origin": origin}
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


def test_serve_without_caches_leaves_a_shared_one_alone(tmp_path: Path) -> None:
    with redis_server() as redis, served(tmp_path, "--no-cache", store=redis.url) as url:
        assert [verdict_of(f"{url}/a") for _ in range(2)] == ["Miss", "Miss"]
        assert redis.client.keys("*") == []
