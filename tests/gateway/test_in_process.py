"""The gateway in process: clients, replaced functions, respx, exchanges, streams."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
import respx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import edgegw
from edgegw import Gateway, UsageError
from tests.conftest import FUNCTIONS, PYTHON

ORIGIN = "http://origin.test"


def config(*triggers: str, include_body: bool = False, origin: str = ORIGIN) -> dict[str, Any]:
    def association(trigger: str) -> Any:
        if include_body and trigger.endswith("request"):
            return {"function": trigger, "include_body": True}
        return trigger

    return {
        "functions": {
            **{
                trigger: {
                    "runtime": PYTHON,
                    "code": ".",
                    "handler": "hooks.pass_request"
                    if trigger.endswith("request")
                    else "hooks.pass_response",
                }
                for trigger in triggers
            },
            "target": {"runtime": PYTHON, "code": ".", "handler": "hooks.target"},
        },
        "distributions": {
            "site": {
                "listen": 0,
                "origins": {"app": {"url": origin}, "lb": {"load_balancer": "web"}},
                "default_behavior": {
                    "origin": "app",
                    "cache_policy": "CachingDisabled",
                    "origin_request_policy": "AllViewer",
                    "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                    "lambda_functions": {each: association(each) for each in triggers},
                },
                "behaviors": [
                    {
                        "path_pattern": "/lb/*",
                        "origin": "lb",
                        "cache_policy": "CachingDisabled",
                        "origin_request_policy": "AllViewer",
                    }
                ],
            }
        },
        "target_groups": {"t": {"target_type": "lambda", "function": "target"}},
        "load_balancers": {
            "web": {
                "listeners": [
                    {"listen": 0, "public_port": 80, "default_actions": [{"forward": "t"}]}
                ]
            }
        },
    }


def gateway(*triggers: str, functions: dict[str, Any] | None = None, **options: Any) -> Gateway:
    return Gateway.from_dict(config(*triggers, **options), base=FUNCTIONS, functions=functions)


def test_the_public_names() -> None:
    assert set(edgegw.__all__) == {
        "ConfigError",
        "EdgegwError",
        "EnvironmentProblem",
        "Exchange",
        "Gateway",
        "UsageError",
        "__version__",
    }
    for name in edgegw.__all__:
        assert getattr(edgegw, name) is not None


@respx.mock
async def test_respx_mocks_origins_with_no_set_up() -> None:
    route = respx.get(f"{ORIGIN}/a//b?x=1").respond(201, text="mocked", headers={"X-From": "mock"})
    async with gateway().client("site") as client:
        response = await client.get("/a//b?x=1", headers={"X-Own": "1"})
    assert (response.status_code, response.text) == (201, "mocked")
    assert response.headers["x-from"] == "mock"
    assert route.calls[0].request.headers["x-own"] == "1"


@respx.mock
async def test_failures_of_a_mocked_origin_become_awss_pages() -> None:
    respx.get(f"{ORIGIN}/down").mock(side_effect=httpx.ConnectError("down"))
    respx.get(f"{ORIGIN}/slow").mock(side_effect=httpx.ReadTimeout("slow"))
    running = gateway()
    async with running.client("site") as client:
        down, slow = await client.get("/down"), await client.get("/slow")
    assert (down.status_code, slow.status_code) == (502, 504)
    assert "refused the connection: down" in str(running.exchange(down).reason)


@respx.mock
async def test_functions_replaced_by_callables() -> None:
    respx.get(f"{ORIGIN}/changed").respond(text="ok")

    def viewer_request(event: Any, context: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        request["uri"] = "/changed"
        return request

    running = gateway("viewer-request", functions={"viewer-request": viewer_request})
    async with running.client("site") as client:
        response = await client.get("/asked")
    assert response.text == "ok"
    run = running.exchange(response).run("viewer-request")
    assert run.event["Records"][0]["cf"]["request"]["uri"] == "/asked"
    assert run.result["uri"] == "/changed"
    with pytest.raises(KeyError, match="no function ran at origin-request"):
        running.exchange(response).run("origin-request")


def test_replacing_an_unknown_function_is_an_error() -> None:
    with pytest.raises(UsageError, match="there is no function 'nobody' to replace"):
        gateway(functions={"nobody": lambda event, context: event})


def test_an_unknown_front_door_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"there is no front door 'sight' \(known: site, web\)"):
        gateway().app("sight")


@respx.mock
async def test_the_exchange_tells_what_happened() -> None:
    respx.post(f"{ORIGIN}/x").respond(500, text="broken")
    running = gateway("viewer-request", "origin-response")
    async with running.client("site") as client:
        response = await client.post("/x", content=b"body")
        exchange = running.exchange(response)
        await response.aclose()
    assert exchange.front_door == "site"
    assert exchange.behavior is not None
    assert exchange.behavior.path_pattern == "*"
    assert [run.trigger for run in exchange.runs] == ["viewer-request", "origin-response"]
    assert exchange.run("viewer-request").is_cold
    assert exchange.run("viewer-request").duration > 0
    assert exchange.origin_request is not None
    assert exchange.origin_request.target.raw == b"/x"
    assert exchange.origin_response is not None
    assert exchange.origin_response.status == 500
    assert exchange.verdict == "Error"
    assert exchange.response_body == b"broken"
    shown = json.loads(json.dumps(exchange.to_dict()))
    assert shown["functions"][0]["event"]["Records"][0]["cf"]["config"]["requestId"] == exchange.id
    assert response.headers["x-amz-cf-id"] == exchange.id
    assert running.exchanges.get(exchange.id) is exchange
    assert "site POST /x 500 Error" in str(exchange)


@respx.mock
async def test_the_record_of_exchanges_is_bounded() -> None:
    respx.get(ORIGIN).respond(content=b"x" * 500_000)
    running = gateway()
    running.exchanges._size = 400_000
    async with running.client("site") as client:
        for _ in range(20):
            response = await client.get("/")
            assert len(response.content) == 500_000
    assert 1 <= len(running.exchanges) < 8
    kept = list(running.exchanges)[-1]
    assert len(kept.response_body) == 65536
    assert kept.response_bytes == 500_000


async def test_a_load_balancer_as_origin_is_one_way_through_both() -> None:
    running = gateway()
    async with running.client("site") as client:
        response = await client.get("/lb/x?y", headers={"X-Own": "1"})
    event = response.json()
    assert event["path"] == "/lb/x"
    assert event["headers"]["x-own"] == "1"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1, 127.0.0.1"
    assert event["headers"]["via"].endswith(".cloudfront.net (CloudFront)")
    assert response.headers["server"] == "awselb/2.0"
    assert response.headers["x-cache"] == "Miss from cloudfront"
    exchange = running.exchange(response)
    assert [inner.front_door for inner in exchange.inner] == ["web"]
    assert exchange.inner[0].target_group == "t"
    assert exchange.inner[0].rule is not None


async def test_origin_request_may_choose_a_load_balancer_of_this_gateway() -> None:
    running = gateway("origin-request")
    name = next(
        door.listener.load_balancer.dns_name for door in running.config.doors if door.name == "web"
    )

    def choose(event: Any, context: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        request["origin"]["custom"] |= {"domainName": name, "port": 80, "protocol": "http"}
        return request

    running = gateway("origin-request", functions={"origin-request": choose})
    async with running.client("site") as client:
        assert (await client.get("/chosen")).json()["path"] == "/chosen"


async def test_responses_stream_in_process(raw_origin) -> None:
    gate = asyncio.Event()

    async def script(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await writer.drain()
        await gate.wait()
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")

    async with raw_origin(script) as origin:
        async with gateway(origin=origin.url).client("site") as client:
            async with client.stream("GET", "/") as response:
                chunks = response.aiter_raw()
                assert await anext(chunks) == b"one"
                gate.set()
                assert await anext(chunks) == b"two"


async def test_closing_a_stream_early_ends_the_reading_of_the_origin(raw_origin) -> None:
    gone = asyncio.Event()

    async def script(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await reader.read(-1)
        gone.set()

    async with raw_origin(script) as origin:
        async with gateway(origin=origin.url).client("site") as client:
            async with client.stream("GET", "/") as response:
                assert await anext(response.aiter_raw()) == b"one"
            async with asyncio.timeout(30):
                await gone.wait()


def test_the_blocking_client() -> None:
    running = gateway()
    with running.sync_client("web") as client:
        first, second = client.get("/a"), client.post("/b", content=b"\xff")
        assert first.json()["path"] == "/a"
        assert second.json()["body"] == "/w=="
        assert running.exchange(second).verdict == "forwarded"


async def test_include_body_with_replacement() -> None:
    def replace(event: Any, context: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        request["body"] |= {"action": "replace", "encoding": "text", "data": "new"}
        return request

    with respx.mock:
        route = respx.post(f"{ORIGIN}/").respond(200)
        running = gateway(
            "viewer-request",
            "origin-request",
            include_body=True,
            functions={"origin-request": replace},
        )
        async with running.client("site") as client:
            await client.post("/", content=b"x" * 60_000)
        assert route.calls[0].request.content == b"new"
        shown = running.exchanges
        event = next(iter(shown)).run("viewer-request").event
        assert event["Records"][0]["cf"]["request"]["body"]["inputTruncated"] is True


async def test_truncated_bodies_reach_the_origin_whole() -> None:
    content = bytes(range(256)) * 500
    with respx.mock:
        route = respx.post(f"{ORIGIN}/").respond(200)
        running = gateway("viewer-request", include_body=True)
        async with running.client("site") as client:
            await client.post("/", content=content)
        assert route.calls[0].request.content == content


@pytest.mark.parametrize(
    "result", [None, 7, "text", [], {}, {"status": "999"}, {"statusCode": 200}]
)
@pytest.mark.parametrize(
    "trigger", ["viewer-request", "origin-request", "origin-response", "viewer-response"]
)
@respx.mock
async def test_wrong_results_get_a_502_that_explains_itself(trigger: str, result: Any) -> None:
    respx.get(ORIGIN).respond(200, text="ok")
    running = gateway(trigger, functions={trigger: lambda event, context: result})
    async with running.client("site") as client:
        response = await client.get("/")
    assert response.status_code == 502
    assert response.headers["x-cache"] == "LambdaValidationError from cloudfront"
    exchange = running.exchange(response)
    assert str(exchange.reason).startswith(f"{trigger}: lambda-edge.")


async def test_app_runs_under_any_asgi_server() -> None:
    running = gateway()
    transport = httpx.ASGITransport(app=running.app("web"))
    async with running, httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        response = await client.get("/x%2Fy?z=1")
    assert response.json()["path"] == "/x%2Fy"


async def test_a_fault_of_our_own_is_a_500_page_and_the_gateway_lives(monkeypatch) -> None:
    running = gateway()

    async def breaks(*_: Any) -> Any:
        raise ZeroDivisionError

    async with running.client("site") as client:
        with monkeypatch.context() as patch:
            patch.setattr("edgegw.gateway.origins.OriginRouter.fetch", breaks)
            response = await client.get("/")
        assert response.status_code == 500
        assert "<H1>500 ERROR</H1>" in response.text
        assert (await client.get("/lb/x")).status_code == 200


HEADERS = st.lists(
    st.tuples(
        st.text("abcXYZ-_0", min_size=1, max_size=6).map(lambda name: f"X-{name}".encode()),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=10).map(str.encode),
    ),
    max_size=6,
)
SAFE = bytes(set(range(33, 127)) - set(b'#?"<>\\^`{|}'))
PATH = st.lists(
    st.sampled_from([b"/", b"a", b"%2F", b"%zz", b"..", b".", b"~", b"+", b";", b"%"])
).map(lambda parts: b"/" + b"".join(parts))
QUERY = st.none() | st.lists(st.sampled_from(list(SAFE))).map(bytes)


@given(
    HEADERS, PATH, QUERY, st.binary(max_size=5000), st.sampled_from(["GET", "POST"]), st.booleans()
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_request_survives_pass_through_hooks_to_the_origin(
    lines: list[tuple[bytes, bytes]],
    path: bytes,
    query: bytes | None,
    body: bytes,
    method: str,
    hooked: bool,
) -> None:
    """Both hooks run, in process; what leaves is what came, headers in order."""
    target = path if query is None else path + b"?" + query
    body = body if method == "POST" else b""
    sent: list[httpx.Request] = []

    class Origin(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            content = b"".join([chunk async for chunk in request.stream])
            sent.append(
                httpx.Request(
                    request.method,
                    ORIGIN,
                    headers=request.headers.raw,
                    content=content,
                    extensions=request.extensions,
                )
            )
            return httpx.Response(200, headers=lines, stream=httpx.ByteStream(body))

    def pass_request(event: Any, context: Any) -> Any:
        return event["Records"][0]["cf"]["request"]

    def pass_response(event: Any, context: Any) -> Any:
        return event["Records"][0]["cf"]["response"]

    triggers = (
        ("viewer-request", "origin-request", "origin-response", "viewer-response") if hooked else ()
    )
    replaced = {
        each: pass_request if each.endswith("request") else pass_response for each in triggers
    }
    from edgegw.config.resolve import load_dict

    running = Gateway(
        load_dict(config(*triggers), FUNCTIONS), functions=replaced, transport=lambda _: Origin()
    )

    async def ask() -> httpx.Response:
        async with running.client("site") as client:
            request = httpx.Request(
                method,
                "http://x/",
                headers=[(b"Host", b"h"), *lines],
                content=body or None,
                extensions={"target": target},
            )
            response = await client.send(request)
            await response.aread()
            return response

    response = asyncio.run(ask())
    assert sent[0].extensions["target"] == target
    assert sent[0].content == body
    own = [
        line
        for line in sent[0].headers.raw
        if line[0].startswith(b"X-") and line[0] not in (b"X-Forwarded-For", b"X-Amz-Cf-Id")
    ]
    assert own == lines
    got = [line for line in response.headers.raw if line in lines]
    assert got == lines
    assert response.content == body


@given(HEADERS, PATH, QUERY, st.binary(max_size=5000))
@settings(max_examples=60, deadline=None)
def test_any_request_survives_an_echoing_target(
    lines: list[tuple[bytes, bytes]], path: bytes, query: bytes | None, body: bytes
) -> None:
    """Through a load balancer to a function and back; the body is the same byte for byte."""
    target = path if query is None else path + b"?" + query
    events: list[Any] = []

    def echo(event: Any, context: Any) -> Any:
        events.append(event)
        headers = {
            name: values
            for name, values in event["multiValueHeaders"].items()
            if name.startswith("x-")
        }
        return {
            "statusCode": 200,
            "multiValueHeaders": headers,
            "body": event["body"],
            "isBase64Encoded": event["isBase64Encoded"],
        }

    made = config()
    made["target_groups"]["t"]["multi_value_headers"] = True
    running = Gateway.from_dict(made, base=FUNCTIONS, functions={"target": echo})

    async def ask() -> httpx.Response:
        async with running.client("web") as client:
            request = httpx.Request(
                "POST",
                "http://x/",
                headers=[(b"Host", b"h"), *lines],
                content=body,
                extensions={"target": target},
            )
            return await client.send(request)

    response = asyncio.run(ask())
    from edgegw.http.target import normalized_path

    if normalized_path(path) is None:
        assert response.status_code == 400
        return
    assert response.content == body
    event = events[0]
    assert event["path"] == path.decode()
    expected: dict[str, list[str]] = {}
    for name, value in lines:
        expected.setdefault(name.decode().lower(), []).append(value.decode())
    shown = {
        name: values for name, values in event["multiValueHeaders"].items() if name in expected
    }
    assert shown == expected
    for name, values in expected.items():
        assert response.headers.get_list(name) == values


async def test_what_is_derived_from_headers_is_remembered_with_their_lines() -> None:
    """A client that sends many different heads keeps the latest few; answers are the same."""
    actions = [{"fixed_response": {"status_code": "200", "message_body": "hello"}}]
    config = {"load_balancers": {"web": {"listeners": [{"listen": 1, "default_actions": actions}]}}}
    gateway = Gateway.from_dict(config)
    async with gateway.client("web") as client:
        first = gateway.exchange(await client.get("/", headers={"X-A": "1"})).request.headers
        again = gateway.exchange(await client.get("/", headers={"X-A": "1"})).request.headers
        other = gateway.exchange(await client.get("/", headers={"X-A": "2"})).request.headers
        assert first is again
        assert other.get(b"x-a") == b"2"
        for number in range(100):
            response = await client.get("/", headers={"X-A": str(number)})
            assert gateway.exchange(response).request.headers.get(b"x-a") == str(number).encode()
        anew = gateway.exchange(await client.get("/", headers={"X-A": "1"})).request.headers
        assert anew == first
        assert anew is not first  # it made room
