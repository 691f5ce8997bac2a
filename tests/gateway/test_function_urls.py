"""Function URLs on real sockets: events, answers, streams, signatures, their records."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import httpx
import pytest

from edgegw.execution.environment_maker import CREDENTIALS
from edgegw.gateway.explaining import explained
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.reached_door import DescribedRequest
from tests.conftest import AUTHORITY, FUNCTIONS, PYTHON, Serving

CORS = {"allow_origins": ["https://a.example"], "allow_methods": ["GET"], "max_age": 60}


def function(handler: str, **url: Any) -> dict[str, Any]:
    """A function with a URL."""
    return {
        "runtime": PYTHON,
        "code": ".",
        "handler": f"http_handlers.{handler}",
        "url": {"listen": 0, **url},
    }


def streaming(handler: str, **url: Any) -> dict[str, Any]:
    return {
        "runtime": "nodejs22.x",
        "code": ".",
        "handler": f"streams.{handler}",
        "url": {"listen": 0, "invoke_mode": "RESPONSE_STREAM", **url},
    }


async def got(
    served: Serving, name: str, path: str = "/", method: str = "GET", **given: Any
) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.request(method, served.urls[name] + path, **given)


async def test_a_request_becomes_an_event_and_its_ids_are_one(serving: Any) -> None:
    async with serving({"functions": {"app": function("echo")}}) as served:
        answer = await got(
            served, "app", "/a%20b?x=1&x=2", "POST", json={"a": 1}, headers={"Cookie": "k=v; l=w"}
        )
        assert answer.status_code == 200
        body = answer.json()
        event = body["event"]
        assert event["version"] == "2.0"
        assert event["rawPath"] == "/a%20b"
        assert event["queryStringParameters"] == {"x": "1,2"}
        assert event["cookies"] == ["k=v", "l=w"]
        assert json.loads(event["body"]) == {"a": 1}
        port = served.address("app")[1]
        assert event["headers"]["x-forwarded-port"] == str(port)
        assert event["headers"]["host"] == f"127.0.0.1:{port}"
        request_id = event["requestContext"]["requestId"]
        assert request_id == body["request_id"] == answer.headers["x-amzn-requestid"]
        exchange = served.gateway.exchange(answer)
        assert exchange is served.gateway.exchanges.get(request_id)
        assert (exchange.kind, exchange.verdict, exchange.runs[0].function) == (
            "function-url",
            "forwarded",
            "app",
        )
        assert exchange.to_dict()["functions"][0]["event"] == event


RESULTS = [
    # what the function returns, status, content type, body
    ({"a": 1}, 200, "application/json", '{"a":1}'),
    ("hello", 200, "application/json", "hello"),
    (None, 200, "application/json", "null"),
    (
        {"statusCode": 418, "headers": {"content-type": "text/plain"}, "body": "tea"},
        418,
        "text/plain",
        "tea",
    ),
    (
        {"statusCode": 200, "body": base64.b64encode(b"\xff").decode(), "isBase64Encoded": True},
        200,
        "application/json",
        "\xff",
    ),
    ({"statusCode": 204, "body": "x"}, 204, "application/json", ""),
    ({"statusCode": 1}, 502, "text/plain", "Internal Server Error"),
]


async def test_results_become_answers(serving: Any) -> None:
    async with serving({"functions": {"app": function("answers")}}) as served:
        for result, status, kind, body in RESULTS:
            answer = await got(served, "app", params={"result": json.dumps(result)})
            assert (answer.status_code, answer.headers["content-type"]) == (status, kind), result
            assert answer.content == body.encode("latin-1")
        cookies = {"statusCode": 200, "cookies": ["a=b; Path=/", "c=d"]}
        answer = await got(served, "app", params={"result": json.dumps(cookies)})
        assert answer.headers.get_list("set-cookie") == ["a=b; Path=/", "c=d"]
        head = await got(served, "app", "/", "HEAD", params={"result": '"x"'})
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "1")


async def test_failures_have_awss_pages_and_a_reason_here(serving: Any) -> None:
    functions = {
        "raises": function("raises"),
        "large": function("large"),
        "none": {**function("echo"), "reserved_concurrency": 0},
        "private": {
            **function("echo"),
            "permissions": [{"principal": "elasticloadbalancing.amazonaws.com"}],
        },
        "public": {**function("echo"), "permissions": [{"principal": "*"}]},
    }
    async with serving({"functions": functions}) as served:
        raised = await got(served, "raises")
        assert (raised.status_code, raised.text) == (502, "Internal Server Error")
        reason = raised.headers["x-edgegw-reason"]
        assert reason.startswith("function-url raises: FunctionError: LookupError at ")
        assert "http_handlers.py:" in reason
        assert (await got(served, "large")).status_code == 502
        throttled = await got(served, "none")
        assert throttled.status_code == 429
        assert throttled.headers["x-amzn-errortype"] == "TooManyRequestsException"
        assert throttled.json()["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        refused = await got(served, "private")
        assert refused.status_code == 403
        assert refused.json()["Message"].startswith("Forbidden. For troubleshooting")
        assert (await got(served, "public")).status_code == 200
        large = await got(served, "public", "/", "POST", content=b"x" * (6 * 1024 * 1024 + 1))
        assert large.status_code == 413


async def test_bytes_that_are_no_request_get_a_page(serving: Any) -> None:
    async with serving({"functions": {"app": function("echo")}}) as served:
        answer = await served.raw("app", b"GET / HTTP/1.1\r\nHost: a b\r\nX y\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request")
        assert json.loads(body) == {"Message": "Bad Request"}


@pytest.mark.parametrize(("any_host", "status"), [(False, 403), (True, 200)])
async def test_a_host_of_somebody_else_is_awss_403(
    serving: Any, *, any_host: bool, status: int
) -> None:
    config = {
        "functions": {"app": function("echo")},
        "http_apis": {"api": {"listen": 0, "routes": {"$default": "app"}}},
        "gateway": {"accept_any_host": any_host},
    }
    async with serving(config) as served:
        for name in ("app", "api"):
            answer = await got(served, name, headers={"Host": "evil.example"})
            assert answer.status_code == status
            assert (await got(served, name)).status_code == 200


async def test_cors(serving: Any) -> None:
    async with serving({"functions": {"app": function("echo", cors=CORS)}}) as served:
        asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
        preflight = await got(served, "app", "/", "OPTIONS", headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-methods"] == "GET"
        [exchange] = served.gateway.exchanges
        assert (exchange.verdict, exchange.runs) == ("preflight", [])
        answer = await got(served, "app", headers={"Origin": "https://a.example"})
        assert answer.headers["access-control-allow-origin"] == "https://a.example"


# Streams


async def test_a_stream_arrives_while_the_function_runs(serving: Any, node: str) -> None:
    async with serving({"functions": {"s": streaming("page")}}) as served:
        async with httpx.AsyncClient() as client:
            async with client.stream("GET", served.urls["s"]) as answer:
                assert (answer.status_code, answer.headers["content-type"]) == (201, "text/html")
                assert answer.headers["transfer-encoding"] == "chunked"
                assert answer.headers.get_list("set-cookie") == ["a=b", "c=d"]
                chunks = [chunk async for chunk in answer.aiter_raw()]
        assert chunks == [b"<p>one</p>", b"<p>two</p>"]
        [exchange] = served.gateway.exchanges
        assert [run.function for run in exchange.runs] == ["s"]


async def test_streams_without_metadata_and_failing_ones(serving: Any, node: str) -> None:
    functions = {name: streaming(name) for name in ("handler", "early", "bad", "whole")}
    async with serving({"functions": functions}) as served:
        plain = await got(served, "handler")
        assert (plain.status_code, plain.headers["content-type"], plain.text) == (
            200,
            "text/plain",
            "one\ntwo\n",
        )
        early = await got(served, "early")
        assert (early.status_code, early.text) == (502, "Internal Server Error")
        bad = await got(served, "bad")
        assert (bad.status_code, bad.text) == (502, "Internal Server Error")
        assert "metadata" in bad.headers["x-edgegw-reason"]
        whole = await got(served, "whole")
        assert whole.json() == {"statusCode": 200, "body": "whole"}
        exchange = list(served.gateway.exchanges)[-1]
        assert "did not stream" in exchange.warnings[0]


async def test_an_error_in_the_middle_of_a_stream(serving: Any, node: str) -> None:
    async with serving({"functions": {"s": streaming("page")}}) as served:
        failed = await got(served, "s", "/?fail=1")
        assert (failed.status_code, failed.text) == (201, "<p>one</p>")
        with pytest.raises(httpx.RemoteProtocolError):
            await got(served, "s", "/?crash=1")
        first, second = served.gateway.exchanges
        assert first.reason == "RangeError: in the middle"
        assert second.reason is not None
        assert "Runtime.ExitError" in second.reason


async def test_a_client_that_leaves_does_not_stop_the_function(serving: Any, node: str) -> None:
    async with serving({"functions": {"s": streaming("page")}}) as served:
        async with httpx.AsyncClient() as client:
            async with client.stream("GET", served.urls["s"]) as answer:
                assert answer.status_code == 201
        for _ in range(1500):
            if not served.gateway.service.pools("s")["$LATEST"].in_flight:
                break
            await asyncio.sleep(0.02)
        assert (await got(served, "s")).text == "<p>one</p><p>two</p>"
        group = served.gateway.service.logs.group("s")
        lines = [line for entry in group.after(0) for line in entry.lines()]
        assert sum(line.startswith("REPORT") for line in lines) == 2
        assert sum(line.startswith("INIT_START") for line in lines) <= 1


async def test_streams_in_process(node: str) -> None:
    gateway = Gateway.from_dict({"functions": {"s": streaming("page")}}, base=FUNCTIONS)
    async with gateway.client("s") as client:
        answer = await client.get("/")
        assert (answer.status_code, answer.text) == (201, "<p>one</p><p>two</p>")
        assert gateway.exchange(answer).runs[0].function == "s"


# Signatures


def signed(url: str, method: str = "GET", body: bytes = b"", *, secret: str = "") -> dict[str, str]:
    """The headers of a request that botocore signs with what functions here get."""
    credentials = botocore.credentials.Credentials(
        CREDENTIALS["AWS_ACCESS_KEY_ID"],
        secret or CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        CREDENTIALS["AWS_SESSION_TOKEN"],
    )
    asked = botocore.awsrequest.AWSRequest(method, url, {"Content-Type": "text/plain"}, body)
    botocore.auth.SigV4Auth(credentials, "lambda", "us-east-1").add_auth(asked)
    headers = dict(asked.prepare().headers.items())
    headers.pop("Content-Length", None)
    return headers


async def test_aws_iam_takes_what_is_signed_with_the_credentials_of_functions(serving: Any) -> None:
    async with serving({"functions": {"app": function("echo", auth_type="AWS_IAM")}}) as served:
        url = f"{served.urls['app']}/a/b?c=d&e=%2B"
        async with httpx.AsyncClient() as client:
            answer = await client.post(url, content=b"body", headers=signed(url, "POST", b"body"))
            assert answer.status_code == 200, answer.headers
            context = answer.json()["event"]["requestContext"]
            assert context["authorizer"]["iam"]["accessKey"] == CREDENTIALS["AWS_ACCESS_KEY_ID"]
            assert context["accountId"] == "123456789012"
            refusals = [
                ({}, "not signed"),
                (signed(url, secret="another"), "does not match"),
                (signed(url, "POST", b"body"), "does not match"),
            ]
            for headers, why in refusals:
                refused = await client.get(url, headers=headers)
                assert refused.status_code == 403
                assert refused.headers["x-amzn-errortype"] == "AccessDeniedException"
                assert refused.json()["Message"].startswith("Forbidden. For troubleshooting")
                assert why in refused.headers["x-edgegw-reason"]


async def test_own_credentials_sign_where_functions_get_them(
    serving: Any, monkeypatch: Any
) -> None:
    for name, text in {"AWS_ACCESS_KEY_ID": "AKIAMINE", "AWS_SECRET_ACCESS_KEY": "mine"}.items():
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    credentials = botocore.credentials.Credentials("AKIAMINE", "mine")
    for passes, status in ((True, 200), (False, 403)):
        config = {
            "functions": {"app": function("echo", auth_type="AWS_IAM")},
            "gateway": {"pass_aws_credentials": passes},
        }
        async with serving(config) as served:
            asked = botocore.awsrequest.AWSRequest("GET", served.urls["app"] + "/")
            botocore.auth.SigV4Auth(credentials, "lambda", "us-east-1").add_auth(asked)
            answer = await got(served, "app", headers=dict(asked.prepare().headers.items()))
            assert answer.status_code == status


# Wire and tools


async def test_over_tls_and_http_2(serving: Any) -> None:
    config = {"functions": {"app": function("echo", listen={"port": 0, "tls": True})}}
    async with serving(config) as served:
        trust = ssl.create_default_context(cafile=str(AUTHORITY))
        url = served.urls["app"].replace("127.0.0.1", "localhost")
        async with httpx.AsyncClient(verify=trust) as client:
            answer = await client.get(url)
            headers = answer.json()["event"]["headers"]
            assert headers["x-forwarded-proto"] == "https"
            assert headers["x-amzn-tls-version"].startswith("TLSv1.")
        host, port = served.address("app")
        trust.set_alpn_protocols(["h2"])
        reader, writer = await asyncio.open_connection(
            host, port, ssl=trust, server_hostname="localhost"
        )
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        writer.close()


async def test_explain_says_whether_a_request_is_let_in() -> None:
    gateway = Gateway.from_dict(
        {"functions": {"app": function("echo", listen=8090, auth_type="AWS_IAM", cors=CORS)}},
        base=FUNCTIONS,
    )
    answer = explained(gateway.config, DescribedRequest("http://localhost:8090/x"))
    assert answer["kind"] == "function-url"
    assert answer["notes"] == ["answers 403 itself: the request is not signed (auth_type AWS_IAM)"]
    asked = [("Authorization", "AWS4-HMAC-SHA256 …")]
    answer = explained(gateway.config, DescribedRequest("http://localhost:8090/x", headers=asked))
    assert answer["notes"][0] == "the signature is checked once the body is there"
    preflight = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET")]
    answer = explained(
        gateway.config, DescribedRequest("http://localhost:8090/", "OPTIONS", preflight)
    )
    assert "preflight" in answer["notes"][0]


async def test_an_alias_has_a_url_and_front_doors_of_one_name_are_told_apart() -> None:
    app = {**function("echo", qualifier="live"), "aliases": {"live": {"version": "1"}}}
    config = {
        "functions": {"app": app, "site": function("echo")},
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"fn": {"function_url": "app"}},
                "default_behavior": {"origin": "fn", "cache_policy": "CachingDisabled"},
            }
        },
    }
    gateway = Gateway.from_dict(config, base=FUNCTIONS)
    async with gateway.client("app:live") as client, gateway.client("function-url site") as other:
        answer = await client.get("/")
        assert answer.json()["arn"].endswith(":function:app:live")
        assert gateway.exchange(await other.get("/")).kind == "function-url"


def test_blocking_clients() -> None:
    gateway = Gateway.from_dict({"functions": {"app": function("echo")}}, base=FUNCTIONS)
    with gateway.sync_client("app") as client:
        assert client.get("/x").json()["event"]["rawPath"] == "/x"


async def test_a_clock_of_the_tests_own() -> None:
    gateway = Gateway.from_dict(
        {"functions": {"app": function("echo")}}, base=FUNCTIONS, clock=lambda: 0.25, seed=1
    )
    assert time.time() > 1
    async with gateway.client("app") as client:
        context = (await client.get("/")).json()["event"]["requestContext"]
        assert (context["time"], context["timeEpoch"]) == ("01/Jan/1970:00:00:00 +0000", 250)
