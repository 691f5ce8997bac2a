"""Function URLs and HTTP APIs in the configuration: values, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.http_events.model import CorsRules
from edgegw.awslambda.model import FunctionRef
from edgegw.config.model import Listen
from edgegw.config.resolve import load_dict
from edgegw.errors import ConfigError

FUNCTIONS = Path(__file__).parents[1] / "functions"
APP = {"runtime": "python3.13", "code": ".", "handler": "http_handlers.echo"}


def config(
    url: Any = None, api: Any = None, *, origin: str = "", policy: str = ""
) -> dict[str, Any]:
    given: dict[str, Any] = {
        "functions": {"app": {**APP, "aliases": {"live": {"version": "1"}}}, "other": dict(APP)}
    }
    if url is not None:
        given["functions"]["app"]["url"] = url
    if api is not None:
        given["http_apis"] = {"api": {"routes": {"$default": "app"}, **api}}
    if origin:
        behavior = {"origin": "fn", "cache_policy": "CachingDisabled"}
        if policy:
            behavior["origin_request_policy"] = policy
        given["distributions"] = {
            "site": {
                "listen": 0,
                "origins": {"fn": {"function_url": origin}},
                "default_behavior": behavior,
            }
        }
    return given


def said(given: dict[str, Any]) -> list[str]:
    """`SEVERITY CODE text` of each finding."""
    try:
        findings = load_dict(given, FUNCTIONS).warnings
    except ConfigError as error:
        findings = tuple(error.findings)
    return [f"{each.severity} {each.code} {each.text}" for each in findings]


def test_a_function_url_with_all_its_keys() -> None:
    url = {
        "listen": "127.0.0.1:8090",
        "auth_type": "AWS_IAM",
        "invoke_mode": "RESPONSE_STREAM",
        "domain": "Mine.lambda-url.eu-west-1.on.aws",
        "qualifier": "live",
        "cors": {
            "allow_origins": "*",
            "allow_methods": ["GET", "PUT"],
            "allow_headers": ["x-a"],
            "expose_headers": ["x-b"],
            "allow_credentials": True,
            "max_age": 86400,
        },
    }
    [door] = load_dict(config(url), FUNCTIONS).function_urls
    assert (door.name, door.listen) == ("app:live", Listen("127.0.0.1", 8090))
    assert door.url.function == FunctionRef("app", qualifier="live")
    assert (door.url.auth_type, door.url.invoke_mode) == ("AWS_IAM", "RESPONSE_STREAM")
    assert door.url.domain == "mine.lambda-url.eu-west-1.on.aws"
    assert door.url.cors == CorsRules(("*",), ("GET", "PUT"), ("x-a",), ("x-b",), True, 86400)


def test_what_is_left_out_has_defaults() -> None:
    loaded = load_dict(config({}, {}), FUNCTIONS)
    [door], [api] = loaded.function_urls, loaded.http_apis
    assert (door.listen, door.url.auth_type, door.url.invoke_mode) == (
        Listen("127.0.0.1", 0),
        "NONE",
        "BUFFERED",
    )
    identity, _, rest = door.url.domain.partition(".")
    assert (len(identity), rest) == (32, "lambda-url.us-east-1.on.aws")
    assert door.url.cors is None
    identity, _, rest = api.api.domain.partition(".")
    assert (len(identity), rest) == (10, "execute-api.us-east-1.amazonaws.com")
    assert api.api.stages == {"$default": {}}
    [route] = api.api.routes
    assert (route.payload, route.timeout) == ("2.0", 30.0)


def test_an_http_api_with_all_its_keys() -> None:
    api = {
        "listen": 8091,
        "payload": 1.0,
        "domain": "api.example.com",
        "routes": {
            "GET /a/{b}": "app:live",
            "ANY /{c+}": {"function": "other", "payload": "2.0", "timeout": 5},
        },
        "stages": {"dev": {"variables": {"table": "t"}}, "$default": {}},
    }
    [door] = load_dict(config(api=api), FUNCTIONS).http_apis
    first, second = door.api.routes
    assert (first.method, first.segments, first.payload) == ("GET", ("a", "{b}"), "1.0")
    assert first.function == FunctionRef("app", qualifier="live")
    assert (second.method, second.payload, second.timeout) == (None, "2.0", 5)
    assert door.api.stages == {"dev": {"table": "t"}, "$default": {}}
    assert [ref.name for ref in door.functions] == ["app", "other"]
    [single] = load_dict(config(api={"stage": "dev"}), FUNCTIONS).http_apis
    assert single.api.stages == {"dev": {}}


MISTAKES = [
    (
        {"url": {"auth_type": "IAM"}},
        ["error config.value", "'IAM' is not one of 'NONE' or 'AWS_IAM'"],
    ),
    ({"url": {"invoke_mode": "STREAM"}}, ["is not one of 'BUFFERED' or 'RESPONSE_STREAM'"]),
    ({"url": {"qualifer": "live"}}, ["unknown key 'qualifer'; did you mean 'qualifier'?"]),
    ({"url": {"qualifier": "life"}}, ["there is no alias 'life'; did you mean 'live'?"]),
    (
        {"url": {"qualifier": "1"}},
        ["a function URL is of $LATEST or an alias; there is no alias '1'; there are: live"],
    ),
    ({"url": {"domain": "a b"}}, ["error config.address"]),
    ({"url": {"listen": "nonsense"}}, ["listen is PORT or ADDRESS:PORT"]),
    ({"url": {"cors": {"allow_origins": ["a.example"]}}}, ["'a.example' is no origin"]),
    (
        {"url": {"cors": {"allow_origins": ["*"], "allow_methods": ["GTE"]}}},
        ["'GTE' is not one of", "did you mean 'GET'?"],
    ),
    (
        {"url": {"cors": {"allow_origins": ["*"], "allow_methods": ["OPTIONS"]}}},
        ["'OPTIONS' is not one of"],
    ),
    (
        {"url": {"cors": {"allow_origins": ["*"], "allow_methods": ["GET"] * 7}}},
        ["at most 6 methods"],
    ),
    (
        {"url": {"cors": {"allow_origins": ["*"], "allow_headers": ["a b"]}}},
        ["'a b' is no header name"],
    ),
    ({"url": {"cors": {"allow_origins": ["*"], "max_age": 86401}}}, ["86400"]),
    ({"url": {"cors": {}}}, ["warning function-url.cors", "without allow_origins"]),
    ({"api": {"routes": {}}}, ["routes"]),
    ({"api": {"routes": {"GET /a": "ap"}}}, ["there is no function 'ap'; did you mean 'app'?"]),
    ({"api": {"routes": {"GET /a": "app:old"}}}, ["no version or alias 'old'"]),
    (
        {"api": {"routes": {"GTE /a": "app"}}},
        ["'GTE' is no method of a route; did you mean 'GET'?"],
    ),
    ({"api": {"routes": {"/a": "app"}}}, ["a route is METHOD /PATH"]),
    ({"api": {"routes": {"GET /{a+}/b": "app"}}}, ["a greedy variable is the last segment"]),
    (
        {"api": {"routes": {"GET /{a}": "app", "GET /{b}": "app"}}},
        ["'GET /{b}' takes the same requests as 'GET /{a}'"],
    ),
    ({"api": {"routes": {"GET /a": {"function": "app", "timeout": 31}}}}, ["30"]),
    ({"api": {"payload": "3.0"}}, ["is not one of '1.0' or '2.0'"]),
    ({"api": {"stage": "a b"}}, ["'a b' is no stage"]),
    (
        {"api": {"stage": "dev", "stages": {"dev": {}}}},
        ["write stage for one stage, or stages for several"],
    ),
    ({"api": {"stages": {"dev": {"variables": {"a-b": "1"}}}}}, ["'a-b' is no stage variable"]),
    (
        {"api": {"cors": {"allow_origins": ["*"], "allow_credentials": True}}},
        ["allow_credentials only with origins"],
    ),
    ({"origin": "app"}, ["there is no url at the function 'app'"]),
    ({"origin": "ap", "url": {}}, ["there is no function 'ap'; did you mean 'app'?"]),
    (
        {"origin": "app", "url": {"auth_type": "AWS_IAM"}},
        ["warning cloudfront.function-url ", "the function URL of 'app' takes signed"],
    ),
    ({"origin": "app", "url": {}, "policy": "AllViewer"}, ["warning cloudfront.function-url-host"]),
    ({"url": {"listen": 8090}, "api": {"listen": 8090}}, ["is taken by functions.app.url.listen"]),
    ({"url": {"listen": "0.0.0.0:8090"}}, ["warning config.not-loopback"]),
    (
        {"url": {"listen": {"port": 1, "tls": {"certificate": "no.pem", "key": "no.key"}}}},
        ["no.pem", "no.key"],
    ),
]


@pytest.mark.parametrize(("given", "texts"), MISTAKES, ids=[str(row[0])[:60] for row in MISTAKES])
def test_mistakes_are_told_with_the_nearest_name(given: dict[str, Any], texts: list[str]) -> None:
    findings = said(config(**given))
    assert findings
    for text in texts:
        assert any(text in finding for finding in findings), findings


@pytest.mark.parametrize(
    "given",
    [
        {"url": {}, "origin": "app"},
        {"url": {}, "origin": "app", "policy": "AllViewerExceptHostHeader"},
        {
            "url": {
                "cors": {
                    "allow_origins": ["http://localhost:60905", "https://*"],
                    "allow_methods": "*",
                }
            }
        },
        {"api": {"cors": {"allow_origins": ["*"], "allow_methods": ["OPTIONS", "GET"]}}},
        {"api": {"stage": "$default"}},
    ],
    ids=str,
)
def test_what_is_right_has_no_findings(given: dict[str, Any]) -> None:
    assert said(config(**given)) == []
