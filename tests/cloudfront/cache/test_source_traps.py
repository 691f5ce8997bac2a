"""Caching traps that a source and its policies give away; and what must stay quiet."""

from __future__ import annotations

from typing import Any

import pytest

from edgegw.cloudfront.cache.source_traps import SourceTrap, source_traps
from edgegw.cloudfront.handler_reads import handler_uses
from edgegw.cloudfront.model import Behavior
from edgegw.cloudfront.triggers import Trigger
from edgegw.config.resolve import load_dict

PYTHON = """\
import re
from http.cookies import SimpleCookie

def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    headers = request["headers"]
    cookies = SimpleCookie(headers.get("cookie", [])[0]["value"])
    line = headers["cookie"][0]["value"]
    {line}
    return request
"""
NODE = """\
exports.handler = async (event) => {{
  const request = event.Records[0].cf.request;
  const headers = request.headers;
  const cookies = parse(headers.cookie);
  const line = headers.cookie[0].value;
  {line}
  return request;
}};
"""
SOURCES = {"python": PYTHON, "nodejs": NODE}


def behavior(
    policy: dict[str, Any] | str = "CachingOptimized", orp: str | None = "AllViewer"
) -> Behavior:
    own = {} if isinstance(policy, str) else {"own": policy}
    site = {
        "listen": 0,
        "origins": {"app": {"url": "http://127.0.0.1:9"}},
        "default_behavior": {
            "origin": "app",
            "cache_policy": "own" if own else policy,
            "origin_request_policy": orp,
        },
    }
    config = {"cache_policies": own, "distributions": {"site": site}}
    return load_dict(config).distributions[0].distribution.default_behavior


def traps(
    line: str,
    trigger: Trigger = "origin-request",
    language: str = "python",
    policy: dict[str, Any] | str = "CachingOptimized",
    orp: str | None = "AllViewer",
) -> list[SourceTrap]:
    source = SOURCES[language].format(line=line)
    return source_traps(behavior(policy, orp), trigger, source, language, "handler")


def codes(*arguments: Any, **named: Any) -> list[str]:
    return [trap.code.removeprefix("cloudfront.") for trap in traps(*arguments, **named)]


KEYED = {"cookies": {"behavior": "whitelist", "items": ["bucket"]}}

READS = [
    ("python", "bucket = cookies['bucket'].value"),
    ("python", "bucket = cookies.get('bucket')"),
    ("python", "bucket = 'b' if 'bucket' in cookies else 'a'"),
    ("python", "bucket = 'b' if 'bucket=b' in line else 'a'"),
    ("python", r"match = re.search(r'(?:^|; )bucket=(\w)', line)"),
    ("python", "cookie_b = 'bucket=b'"),
    ("nodejs", "const cookieB = 'bucket=b';"),
    ("nodejs", "const bucket = cookies.bucket;"),
    ("nodejs", "const bucket = cookies['bucket'];"),
    ("nodejs", "const bucket = cookies.get('bucket');"),
    ("nodejs", "const isB = line.includes('bucket=b');"),
    ("nodejs", "const isB = line.indexOf('bucket=b') >= 0;"),
    ("nodejs", r"const match = /bucket=(\w)/.exec(line);"),
    ("nodejs", r"const match = line.match(/bucket=(\w)/);"),
]


@pytest.mark.parametrize(("language", "line"), READS)
def test_a_cookie_that_origin_request_reads_and_the_key_lacks(language: str, line: str) -> None:
    (trap,) = traps(line, "origin-request", language)
    assert trap.code == "cloudfront.varies-beyond-key"
    assert "reads the cookie bucket at origin-request" in trap.text
    assert "items: [bucket]" in trap.text
    assert SOURCES[language].format(line=line).splitlines()[trap.line - 1].strip() == line


@pytest.mark.parametrize(("language", "line"), READS)
def test_it_is_quiet_where_the_key_has_it_or_the_key_is_made_later_or_nothing_is_cached(
    language: str, line: str
) -> None:
    assert codes(line, "origin-request", language, KEYED) == []
    assert codes(line, "viewer-request", language) == []
    assert codes(line, "viewer-response", language) == []
    assert codes(line, "origin-request", language, "CachingDisabled") == []


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("python", "cookies['bucket'] = 'a'"),
        ("python", "cookies['bucket']['path'] = '/'"),
        ("python", "tag = request['tags'].get('bucket')"),
        ("python", "isB = 'bucket=b' in request['querystring']"),
        ("python", "'''cookies['bucket'] is not read'''"),
        ("python", "found = line.startswith('Path=/')"),
        ("python", "cookie = 'bucket=b; Path=/'"),
        ("nodejs", "const cookie = 'bucket=b; Path=/';"),
        ("nodejs", "cookies.bucket = 'a';"),
        ("nodejs", "// cookies.bucket is not read"),
        ("nodejs", "const names = cookies.map((each) => each.name);"),
        ("nodejs", "const isB = request.querystring.includes('bucket=b');"),
        ("nodejs", "delete headers.cookie;"),
    ],
)
def test_what_is_no_reading_of_a_cookie(language: str, line: str) -> None:
    assert codes(line, "origin-request", language) == []


def test_a_cookie_that_no_policy_lets_through_is_never_seen() -> None:
    (trap,) = traps("bucket = cookies.get('bucket')", orp=None)
    assert trap.code == "cloudfront.never-seen"
    assert "no policy lets it through" in trap.text


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("python", "who = headers['authorization'][0]['value']"),
        ("python", "who = headers.get('authorization')"),
        ("nodejs", "const who = headers.authorization;"),
        ("nodejs", "const who = headers['authorization'][0].value;"),
    ],
)
def test_an_authorization_that_origin_request_checks(language: str, line: str) -> None:
    (trap,) = traps(line, "origin-request", language)
    assert trap.code == "cloudfront.authorization-not-in-key"
    assert "a hit goes to anybody" in trap.text
    assert codes(line, "origin-request", language, orp=None) == ["never-seen"]
    assert codes(line, "viewer-request", language) == []
    keyed = {"headers": {"behavior": "whitelist", "items": ["Authorization"]}}
    assert codes(line, "origin-request", language, keyed) == []


def test_a_header_that_the_function_sets_itself_is_its_own() -> None:
    line = "headers['x-a'] = [{'key': 'X-A', 'value': 'b'}]; a = headers['x-a']"
    assert codes(line) == []
    assert codes("a = headers['x-a']") == ["varies-beyond-key"]
    assert codes("a = headers['user-agent']") == []
    assert codes("a = headers['x-forwarded-for']") == []


def test_a_header_that_viewer_request_makes_of_a_cookie() -> None:
    line = "headers['x-b'] = [{'key': 'X-B', 'value': cookies['bucket'].value}]"
    (trap,) = traps(line, "viewer-request")
    assert trap.code == "cloudfront.varies-beyond-key"
    assert "reads the cookie bucket and sets the header x-b" in trap.text
    assert "headers: {behavior: whitelist, items: [x-b]}" in trap.text
    keyed = {"headers": {"behavior": "whitelist", "items": ["X-B"]}}
    assert codes(line, "viewer-request", policy=keyed) == []
    assert codes(line, "viewer-request", policy=KEYED) == []
    assert codes(line, "viewer-request", orp=None) == []
    assert codes(line + "; request['uri'] = '/b'", "viewer-request") == []
    assert codes("headers['x-b'] = [{'key': 'X-B', 'value': '1'}]", "viewer-request") == []


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("python", "headers['set-cookie'] = [{'key': 'Set-Cookie', 'value': 'a=1'}]"),
        ("python", "headers.setdefault('set-cookie', []).append({'value': 'a=1'})"),
        ("python", "headers['set-cookie'].append({'value': 'a=1'})"),
        ("nodejs", "headers['set-cookie'] = [{ key: 'Set-Cookie', value: 'a=1' }];"),
        ("nodejs", "headers['set-cookie'].push({ key: 'Set-Cookie', value: 'a=1' });"),
    ],
)
def test_a_set_cookie_of_origin_response_is_stored_or_removed(language: str, line: str) -> None:
    assert codes(line, "origin-response", language) == ["stored-set-cookie"]
    assert codes(line, "origin-response", language, orp=None) == ["set-cookie-removed"]
    assert codes(line, "origin-response", language, "CachingDisabled") == []
    assert codes(line, "viewer-response", language) == []


@pytest.mark.parametrize(
    "line",
    [
        "headers.pop('set-cookie', None)",
        "del headers['set-cookie']",
        "headers['set-cookie'] = [{'value': 'a=1'}]; headers['cache-control'] = [{'value': "
        "'no-store'}]",
    ],
)
def test_a_set_cookie_that_goes_or_is_not_to_be_stored_is_quiet(line: str) -> None:
    assert codes(line, "origin-response") == []


@pytest.mark.parametrize("language", ["python", "nodejs"])
def test_a_source_that_is_none_does_nothing(language: str) -> None:
    assert handler_uses("def ((( {{{ cookie", language, "handler") == []
