"""A function URL, or an HTTP API, as the origin of a distribution, end to end."""

from __future__ import annotations

import json
from typing import Any

import httpx

from edgegw.config.resolve import load_dict
from edgegw.gateway.gateway import Gateway
from tests.conftest import FUNCTIONS, PYTHON


def config(
    handler: str = "echo",
    policy: str = "AllViewerExceptHostHeader",
    *,
    origin: Any = None,
    **url: Any,
) -> dict[str, Any]:
    return {
        "functions": {
            "app": {
                "runtime": PYTHON,
                "code": ".",
                "handler": f"http_handlers.{handler}",
                "timeout": 5,
                "url": {"listen": 0, **url},
            }
        },
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"fn": {"function_url": "app", **(origin or {})}},
                "default_behavior": {
                    "origin": "fn",
                    "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                    "cache_policy": "CachingDisabled",
                    "origin_request_policy": policy,
                },
            }
        },
    }


async def test_a_distribution_asks_by_the_host_of_the_url(serving: Any) -> None:
    async with serving(
        config(origin={"path": "/base", "custom_headers": {"X-From": "edge"}})
    ) as served:
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{served.urls['site']}/a?b=c", json={"x": 1})
        assert answer.status_code == 200
        assert answer.headers["x-cache"] == "Miss from cloudfront"
        event = answer.json()["event"]
        domain = event["requestContext"]["domainName"]
        assert domain.endswith(".lambda-url.us-east-1.on.aws")
        assert (event["rawPath"], event["rawQueryString"]) == ("/base/a", "b=c")
        headers = event["headers"]
        assert headers["host"] == domain
        assert headers["x-from"] == "edge"
        assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("https", "443")
        assert "cloudfront" in headers["via"].lower()
        assert json.loads(event["body"]) == {"x": 1}
        outer = next(each for each in served.gateway.exchanges if each.kind == "distribution")
        [inner] = outer.inner
        assert (inner.kind, inner.runs[0].function) == ("function-url", "app")


async def test_a_host_that_is_forwarded_is_awss_403_with_the_reason(serving: Any) -> None:
    async with serving(config(policy="AllViewer")) as served:
        async with httpx.AsyncClient() as client:
            answer = await client.get(served.urls["site"])
        assert (answer.status_code, answer.json()) == (403, {"Message": None})
        assert "AllViewerExceptHostHeader" in answer.headers["x-edgegw-reason"]
        [finding] = load_dict(config(policy="AllViewer"), FUNCTIONS).warnings
        assert finding.code == "cloudfront.function-url-host"


async def test_a_function_that_is_slower_than_the_origin_timeout_is_a_504(serving: Any) -> None:
    given = config("slow", origin={"read_timeout": 1, "connection_attempts": 1})
    given["functions"]["app"]["environment"] = {"SECONDS_TO_WAIT": "3"}
    async with serving(given) as served:
        async with httpx.AsyncClient(timeout=20) as client:
            answer = await client.get(served.urls["site"])
        assert answer.status_code == 504
        outer = next(each for each in served.gateway.exchanges if each.kind == "distribution")
        assert "did not answer within 1 s" in (outer.reason or "")


async def test_a_url_that_takes_signed_requests_alone_refuses_the_distribution(
    serving: Any,
) -> None:
    given = config(auth_type="AWS_IAM")
    [finding] = load_dict(given, FUNCTIONS).warnings
    assert finding.code == "cloudfront.function-url"
    async with serving(given) as served:
        async with httpx.AsyncClient() as client:
            answer = await client.get(served.urls["site"])
        assert answer.status_code == 403


async def test_what_the_cache_has_goes_with_the_function() -> None:
    given = config()
    given["distributions"]["site"]["default_behavior"]["cache_policy"] = "CachingOptimized"
    calls: list[str] = []

    def app(event: Any, context: Any) -> dict[str, Any]:
        calls.append(event["rawPath"])
        return {
            "statusCode": 200,
            "headers": {"Cache-Control": "max-age=60"},
            "body": str(len(calls)),
        }

    gateway = Gateway.from_dict(given, base=FUNCTIONS, functions={"app": app})
    async with gateway.client("site") as client:
        assert [(await client.get("/a")).text for _ in range(3)] == ["1", "1", "1"]
        changed = config(cors={"allow_origins": ["*"]})
        changed["distributions"] = given["distributions"]
        await gateway.reload(load_dict(changed, FUNCTIONS))
        assert (await client.get("/a")).text == "2"


async def test_the_summary_names_the_function() -> None:
    from edgegw.cli.render import Style, summary

    gateway = Gateway.from_dict(config(), base=FUNCTIONS)
    assert "*  → function url app" in summary(gateway.config, {}, {}, Style())


async def test_streams_pass_a_distribution(node: str) -> None:
    given = config(invoke_mode="RESPONSE_STREAM")
    given["functions"]["app"] |= {"runtime": "nodejs22.x", "handler": "streams.page"}
    gateway = Gateway.from_dict(given, base=FUNCTIONS)
    async with gateway.client("site") as client:
        async with client.stream("GET", "/") as answer:
            assert (answer.status_code, answer.headers["content-type"]) == (201, "text/html")
            assert [chunk async for chunk in answer.aiter_raw()] == [b"<p>one</p>", b"<p>two</p>"]
