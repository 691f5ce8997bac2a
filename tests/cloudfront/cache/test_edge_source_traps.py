"""Caching traps that the source of a CloudFront Function gives away; and what must stay quiet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgegw.cloudfront.cache.source_traps import SourceTrap, edge_source_traps
from edgegw.cloudfront.triggers import Trigger
from edgegw.config.distributions.caching_traps import caching_trap_findings
from edgegw.config.resolve import load_dict
from tests.cloudfront.cache.test_source_traps import KEYED, behavior

FUNCTION = """\
function handler(event) {{
  const request = event.request;
  const headers = request.headers;
  {line}
  return request;
}}
"""
READ = "const bucket = request.cookies.bucket ? request.cookies.bucket.value : 'a';"
SET = "headers['x-bucket'] = { value: bucket };"


def traps(
    line: str,
    policy: dict[str, Any] | str = "CachingOptimized",
    orp: str | None = "AllViewer",
    trigger: Trigger = "viewer-request",
) -> list[SourceTrap]:
    return edge_source_traps(behavior(policy, orp), trigger, FUNCTION.format(line=line))


@pytest.mark.parametrize(
    ("read", "write"),
    [
        (READ, SET),
        ("const bucket = request.cookies['bucket'].value;", "headers['x-bucket'].value = bucket;"),
        ("const bucket = event.request.cookies.bucket;", "request.headers['x-bucket'] = bucket;"),
    ],
)
def test_a_header_made_of_a_cookie_that_the_key_lacks(read: str, write: str) -> None:
    (trap,) = traps(f"{read} {write}")
    assert trap.code == "cloudfront.varies-beyond-key"
    assert "reads the cookie bucket and sets the header x-bucket" in trap.text
    assert (trap.line, trap.column > 20) == (4, True)


@pytest.mark.parametrize(
    ("line", "more"),
    [
        (READ, {}),
        (SET, {}),
        (f"{READ} {SET}", {"policy": KEYED}),
        (f"{READ} {SET}", {"policy": {"headers": {"behavior": "whitelist", "items": ["x-bucket"]}}}),
        (f"{READ} {SET}", {"policy": "CachingDisabled"}),
        (f"{READ} {SET}", {"orp": None}),
        (f"{READ} {SET}", {"trigger": "viewer-response"}),
        (f"{READ} {SET} request.uri = '/' + bucket;", {}),
        (f"{READ} {SET} if (!bucket) return {{ statusCode: 403 }};", {}),
        (f"// {READ} {SET}", {}),
        ("request.cookies.bucket = { value: 'a' }; headers['x-bucket'] = { value: 'a' };", {}),
        (f"{READ} if (headers['x-bucket'] == bucket) delete headers['x-bucket'];", {}),
        (f"{READ} headers.accept = {{ value: bucket }};", {}),
    ],
    ids=["reads", "sets", "cookie in the key", "header in the key", "nothing cached", "not forwarded",
         "runs for each viewer", "another path", "answers itself", "comment", "no reading",
         "no setting", "of no interest"],
)  # fmt: skip
def test_what_is_no_trap_or_not_surely_one(line: str, more: Any) -> None:
    assert traps(line, **more) == []


def test_check_names_the_place_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "route.js").write_text(FUNCTION.format(line=f"{READ}\n  {SET}"))
    loaded = load_dict(
        {
            "edge_functions": {"route": {"code": "route.js"}},
            "distributions": {
                "site": {
                    "listen": 0,
                    "origins": {"app": {"url": "http://127.0.0.1:9"}},
                    "default_behavior": {
                        "origin": "app",
                        "cache_policy": "CachingOptimized",
                        "origin_request_policy": "AllViewer",
                        "edge_functions": {"viewer-request": "route", "viewer-response": "route"},
                    },
                }
            },
        },
        tmp_path,
    )
    (finding,) = caching_trap_findings(loaded)
    assert str(finding).startswith(
        "route.js:5:3: warning: cloudfront.varies-beyond-key route of site reads the cookie bucket"
    )
