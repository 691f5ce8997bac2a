"""Functions of the kinds that people write: the samples do what their first lines say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest

from edgegw.cloudfront.edge_functions.key_values import MemoryKeyValues
from edgegw.cloudfront.edge_functions.limits import BASE
from edgegw.cloudfront.edge_functions.model import EdgeCall, EdgeFunction, EdgeReturned
from edgegw.cloudfront.edge_functions.static_check import size_fault, syntax_findings
from edgegw.execution.edge_context import EdgeContext

SAMPLES = Path(__file__).parents[2] / "sample_functions" / "edge_functions"
KEY = b"LzdWGpAToQ1DqYuzHxE6YOqi7G3X2yvNBot9mCXfx5k"


def event(uri: str = "/", *, ip: str = "192.0.2.1", **request: Any) -> dict[str, Any]:
    return {
        "version": "1.0",
        "context": {"eventType": "viewer-response" if "response" in request else "viewer-request"},
        "viewer": {"ip": ip},
        "request": {
            "method": "GET",
            "uri": uri,
            "querystring": {},
            "headers": {},
            "cookies": {},
            **{name: value for name, value in request.items() if name != "response"},
        },
        **({"response": request["response"]} if "response" in request else {}),
    }


def run(name: str, given: dict[str, Any], pairs: dict[str, str] | None = None) -> EdgeReturned:
    code = (SAMPLES / f"{name}.js").read_text()
    assert syntax_findings(code, "cloudfront-js-2.0") == []
    assert size_fault(code) is None
    store = MemoryKeyValues(pairs or {})
    context = EdgeContext(EdgeFunction(name, code=code, key_value_store="s"), lambda: store)
    came = context.run(EdgeCall(name, json.dumps(given)), tentative=False)
    assert isinstance(came, EdgeReturned), came
    assert BASE <= came.report.utilization < 50
    return came


def result(name: str, given: dict[str, Any], pairs: dict[str, str] | None = None) -> Any:
    return run(name, given, pairs).result


def value(text: str) -> dict[str, str]:
    return {"value": text}


def base64url(given: object) -> str:
    raw = given if isinstance(given, bytes) else json.dumps(given).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(expires_in: float, key: bytes = KEY) -> str:
    head = f"{base64url({'alg': 'HS256'})}.{base64url({'exp': time.time() + expires_in})}"
    return f"{head}.{base64url(hmac.new(key, head.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("/", "/index.html"), ("/docs/", "/docs/index.html"), ("/docs", "/docs/index.html"), ("/a.css", "/a.css")],
)  # fmt: skip
def test_index_document(uri: str, expected: str) -> None:
    assert result("index_document", event(uri))["uri"] == expected


def test_redirect_by_country() -> None:
    moved = result(
        "redirect_by_country", event("/a", headers={"cloudfront-viewer-country": value("AT")})
    )
    assert (moved["statusCode"], moved["headers"]["location"]) == (302, value("/de/a"))
    stays = event("/a", headers={"cloudfront-viewer-country": value("FR")})
    assert result("redirect_by_country", stays) == stays["request"]


@pytest.mark.parametrize(
    ("jwt", "gets_in"),
    [
        (token(86_400), True),
        (token(-60), False),
        (token(86_400, b"other"), False),
        *((text, False) for text in ("", "a.b.c", "x")),
    ],
    ids=["good", "expired", "another key", "empty", "none", "one part"],
)
def test_check_jwt(jwt: str, *, gets_in: bool) -> None:
    answer = result("check_jwt", event(querystring={"jwt": value(jwt), "a": value("1")}))
    if gets_in:
        assert answer["querystring"] == {"a": value("1")}
    else:
        assert answer["statusCode"] == 401


def test_cors_headers() -> None:
    given = event(headers={"origin": value("https://a.example")}, response={"headers": {}})
    assert result("cors_headers", given)["headers"] == {
        "access-control-allow-origin": value("https://a.example")
    }


def test_normalize_query() -> None:
    query = {"b": value("2"), "utm_source": value("x"), "a": value("1")}
    assert list(result("normalize_query", event(querystring=query))["querystring"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("share", "cookie", "bucket"),
    [("1", "", "new"), ("0", "", "old"), ("0", "new", "new"), ("1", "old", "old"), ("", "", "old")],
)
def test_ab_by_store(share: str, cookie: str, bucket: str) -> None:
    cookies = {"bucket": value(cookie)} if cookie else {}
    request = result("ab_by_store", event("/a", cookies=cookies), {"share": share} if share else {})
    assert request["headers"]["x-bucket"] == value(bucket)
    assert request["uri"] == ("/new/a" if bucket == "new" else "/a")


def test_security_headers() -> None:
    assert len(result("security_headers", event(response={"headers": {}}))["headers"]) == 4


def test_signed_cookie() -> None:
    key = b"a key of at least 32 characters, kept elsewhere"
    signed = f"ada.{hmac.new(key, b'ada', hashlib.sha1).hexdigest()}"
    request = result("signed_cookie", event(cookies={"visit": value(signed)}))
    assert request["headers"]["x-visitor"] == value("ada")
    for wrong in (signed[:-1], "ada", ""):
        assert result("signed_cookie", event(cookies={"visit": value(wrong)}))["statusCode"] == 403
    assert result("signed_cookie", event())["statusCode"] == 403


def test_route_by_header() -> None:
    assert run("route_by_header", event()).origin is None
    assert run("route_by_header", event(headers={"x-beta": value("1")})).origin == {
        "select": "beta"
    }


def test_maintenance_page() -> None:
    assert result("maintenance_page", event())["statusCode"] == 503
    assert result("maintenance_page", event("/a", ip="192.0.2.10"))["uri"] == "/a"


def test_every_sample_has_a_test() -> None:
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in SAMPLES.glob("*.js")} <= tests
