"""A digest of a behavior is the same in every process, and another one where its answers are."""

from __future__ import annotations

import re
import subprocess
import sys
from types import MappingProxyType
from typing import Any

import pytest

from edgegw.cloudfront.model import GeoRestriction
from edgegw.config.resolve import load_dict
from edgegw.gateway.behavior_digests import behavior_digests, stable_text


def site(behavior: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "distributions": {
            "site": {
                "listen": 8081,
                "origins": {"app": {"url": "http://origin.test"}, "two": {"url": "http://b.test"}},
                "default_behavior": {"origin": "app", **behavior},
                **more,
            }
        }
    }


def digest(config: dict[str, Any]) -> str:
    (only,) = behavior_digests(load_dict(config)).values()
    return only


@pytest.mark.parametrize(
    ("change", "is_another"),
    [
        ({"origin": "two"}, True),
        ({"compress": True}, True),
        ({"cache_policy": "CachingDisabled"}, True),
        ({"origin_request_policy": "AllViewer"}, True),
        ({"viewer_protocol_policy": "https-only"}, False),
        ({"response_headers_policy": "SecurityHeadersPolicy"}, False),
        ({}, False),
    ],
)
def test_what_makes_another_digest(change: dict[str, Any], is_another: bool) -> None:
    assert (digest(site(change)) != digest(site({}))) is is_another


def test_it_is_the_same_in_every_process() -> None:
    code = (
        "from tests.gateway.test_behavior_digests import digest, site\n"
        "many = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE']\n"
        "print(digest(site({'allowed_methods': many, 'cache_policy': 'Amplify'})))"
    )
    shown = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(shown) == 1


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (frozenset({"b", "a"}), "{'a','b'}"),
        (MappingProxyType({"b": 1, "a": (None, b"x")}), "{'a':(None,b'x'),'b':1}"),
        (re.compile(b"a+"), "b'a+'"),
        (GeoRestriction("whitelist", frozenset()), "GeoRestriction('whitelist',{})"),
        (len, "len"),
        (digest, "digest"),
    ],
)
def test_texts(content: object, text: str) -> None:
    assert stable_text(content) == text
