"""What a configuration says about caching: policies, methods, errors, room."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from edgegw.cloudfront.cache.settings import CacheSettings
from edgegw.cloudfront.model import Behavior
from edgegw.config.model import CacheLimits
from edgegw.config.resolve import load_dict, load_file
from edgegw.errors import ConfigError


def site(behavior: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": "http://origin.test"}},
                "default_behavior": {"origin": "app", **behavior},
                **more.pop("distribution", {}),
            }
        },
        **more,
    }


def loaded(config: dict[str, Any]) -> Behavior:
    return load_dict(config).distributions[0].distribution.default_behavior


def kept(config: dict[str, Any]) -> CacheSettings:
    cache = loaded(config).cache
    assert cache is not None
    return cache


def findings(config: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load_dict(config)
    return [f"{each.code} {each.text}" for each in error.value.findings]


def test_a_behavior_that_names_no_policy_caches_as_on_aws() -> None:
    cache = kept(site({}))
    assert (cache.min_ttl, cache.default_ttl, cache.max_ttl) == (1, 86400, 31536000)
    key = loaded(site({})).key
    assert key is not None
    assert key.gzip
    assert key.brotli


def test_caching_disabled_keeps_nothing() -> None:
    assert loaded(site({"cache_policy": "CachingDisabled"})).cache is None


def test_ttls_that_an_own_policy_leaves_out_are_completed() -> None:
    config = site({"cache_policy": "own"}, cache_policies={"own": {"min_ttl": 100000}})
    cache = kept(config)
    assert (cache.min_ttl, cache.default_ttl, cache.max_ttl) == (100000, 100000, 31536000)


def test_methods_and_errors_that_are_cached() -> None:
    behavior = {
        "allowed_methods": ["GET", "HEAD", "OPTIONS"],
        "cached_methods": ["GET", "HEAD", "OPTIONS"],
    }
    errors = [{"error_code": 404, "error_caching_min_ttl": 5}]
    cache = kept(site(behavior, distribution={"custom_error_responses": errors}))
    assert cache.methods == {"GET", "HEAD", "OPTIONS"}
    assert (cache.error_ttl(404), cache.error_ttl(500)) == (5, 10)


def test_cookies_that_reach_the_origin_count_whoever_forwards_them() -> None:
    assert not kept(site({})).forwards_cookies
    assert kept(site({"origin_request_policy": "AllViewer"})).forwards_cookies


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        ({"headers": {"behavior": "whitelist", "items": ["Cookie"]}}, "cannot be in a cache key"),
        ({"min_ttl": 10, "default_ttl": 5, "max_ttl": 20}, "ascend"),
        ({"min_ttl": 0, "default_ttl": 0, "max_ttl": 0, "gzip": True}, "caching disabled"),
    ],
)
def test_policies_that_aws_refuses(policy: dict[str, Any], text: str) -> None:
    (finding,) = findings(site({"cache_policy": "own"}, cache_policies={"own": policy}))
    assert finding.startswith("cloudfront.cache-policy")
    assert text in finding


@pytest.mark.parametrize("methods", [["POST"], ["GET"], ["GET", "HEAD", "OPTIONS"]])
def test_methods_that_cannot_be_cached(methods: list[str]) -> None:
    (finding,) = findings(site({"cached_methods": methods}))
    assert finding.startswith("cloudfront.cached-methods")


@pytest.mark.parametrize(
    ("written", "size"), [("256MB", 256_000_000), ("1.5 GiB", 1610612736), (1000, 1000), ("5", 5)]
)
def test_room_for_the_cache(written: object, size: int) -> None:
    config = load_dict({**site({}), "gateway": {"cache": {"memory": written, "disk": written}}})
    assert config.cache == CacheLimits(size, size)


def test_a_size_that_is_none() -> None:
    (finding,) = findings({**site({}), "gateway": {"cache": {"memory": "much"}}})
    assert "such as 256MB or 2GiB" in finding


def test_the_header_of_cache_tags_counts_in_any_case() -> None:
    tags = {"cache_tag_config": {"header_name": "Cache-Tag"}}
    assert kept(site({}, distribution=tags)).tag_header == b"cache-tag"
    assert kept(site({})).tag_header == b""


@pytest.mark.parametrize("name", ["", "Cache Tag", "a:b"])
def test_a_header_of_cache_tags_that_cannot_be(name: str) -> None:
    config = site({}, distribution={"cache_tag_config": {"header_name": name}})
    (finding,) = findings(config)
    assert finding.startswith("cloudfront.cache-tag-config")
    assert finding.endswith(f"header_name: {name!r} is no header name")


# A store that several gateways share


def stored_at(url: object) -> dict[str, Any]:
    return site({}, gateway={"cache": {"store": url}})


def test_a_cache_is_shared_where_a_store_is_named() -> None:
    config = load_dict(stored_at("redis://cache.test:6379/1"))
    assert config.cache == CacheLimits(store="redis://cache.test:6379/1")
    assert load_dict(site({})).cache.store is None


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://:secret@[::1]:6379/15?socket_timeout=3",
        "rediss://ada:secret@cache.test",
        "unix:///run/redis.sock?db=2",
    ],
)
def test_stores_that_are_taken(url: str) -> None:
    assert load_dict(stored_at(url)).cache.store == url


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "redis://localhost:6379/0"),
        ("localhost:6379", "redis://localhost:6379/0"),
        ("http://localhost:6379", "redis://localhost:6379/0"),
        ("redis://", "redis://localhost:6379/0"),
        ("redis://:secret@", "redis://localhost:6379/0"),
        ("redis://localhost:0", "redis://localhost:6379/0"),
        ("redis://localhost:port", "Port"),
        ("redis://localhost:99999", "ort"),
        ("redis://localhost/cache", "number of a database"),
        ("redis://localhost/-1", "number of a database"),
        ("redis://localhost/0#x", "redis://localhost:6379/0"),
        ("redis://[::1", "Invalid IPv6"),
        ("redis://localhost/0?socket_timeout=soon", "option"),
        ("redis://localhost/0?colour=red", "option"),
        ("unix://", "unix:///run/redis.sock"),
    ],
)
def test_stores_that_are_none(url: str, says: str) -> None:
    (line,) = findings(stored_at(url))
    assert line.startswith("config.cache-store ")
    assert says in line
    assert "secret" not in line


def test_the_finding_has_a_place(tmp_path: Path) -> None:
    file = tmp_path / "edgegw.yaml"
    file.write_text("gateway:\n  cache:\n    store: https://localhost\n")
    with pytest.raises(ConfigError) as error:
        load_file(file)
    finding = next(each for each in error.value.findings if each.code == "config.cache-store")
    assert (finding.line, finding.column) == (3, 12)


def test_a_missing_package_is_a_finding_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    (line,) = findings(stored_at("redis://localhost"))
    assert "pip install 'edgegw[redis]'" in line
