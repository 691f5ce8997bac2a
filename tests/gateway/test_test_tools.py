"""What a test's own tools raise reaches the test: nobody makes an answer of it, nothing hangs."""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import respx

from edgegw import Gateway
from edgegw.config.resolve import load_dict
from tests.conftest import FUNCTIONS, IN_CI, PYTHON

ORIGIN = "http://origin.test"
CONFIG = {
    "functions": {
        "hook": {"runtime": PYTHON, "code": ".", "handler": "hooks.pass_request"},
        "target": {"runtime": PYTHON, "code": ".", "handler": "hooks.target"},
    },
    "distributions": {
        "site": {
            "listen": 0,
            "origins": {"app": {"url": ORIGIN}, "lb": {"load_balancer": "web"}},
            "default_behavior": {
                "origin": "app",
                "cache_policy": "CachingDisabled",
                "origin_request_policy": "AllViewer",
                "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
            },
            "behaviors": [
                {
                    "path_pattern": "/hook/*",
                    "origin": "app",
                    "cache_policy": "CachingDisabled",
                    "lambda_functions": {"viewer-request": "hook"},
                },
                {"path_pattern": "/lb/*", "origin": "lb"},
            ],
        }
    },
    "target_groups": {"t": {"target_type": "lambda", "function": "target"}},
    "load_balancers": {
        "web": {
            "listeners": [{"listen": 0, "public_port": 80, "default_actions": [{"forward": "t"}]}]
        }
    },
}
Ask = Callable[..., None]
"""`ask(gateway, path, **options)` sends one request to the distribution and reads the answer."""


def by_client(gateway: Gateway, path: str, method: str = "GET", **options: Any) -> None:
    async def ask() -> None:
        async with gateway.client("site") as client:
            await client.request(method, path, **options)

    asyncio.run(ask())


def by_sync_client(gateway: Gateway, path: str, method: str = "GET", **options: Any) -> None:
    with gateway.sync_client("site") as client:
        client.request(method, path, **options)


def by_app(gateway: Gateway, path: str, method: str = "GET", **options: Any) -> None:
    async def ask() -> None:
        transport = httpx.ASGITransport(app=gateway.app("site"))
        async with gateway, httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            await client.request(method, path, **options)

    asyncio.run(ask())


@pytest.fixture(params=[by_client, by_sync_client, by_app], ids=["client", "sync_client", "app"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param


def gateway(changes: dict[str, Any] | None = None, **options: Any) -> Gateway:
    return Gateway(load_dict({**CONFIG, **(changes or {})}, FUNCTIONS), **options)


def tool(name: str) -> ModuleType:
    """A tool of tests that others wrote; without it the test is skipped, and fails under CI."""
    try:
        return importlib.import_module(name)
    except ImportError:
        (pytest.fail if IN_CI else pytest.skip)(f"{name} is not installed")


def fail() -> None:
    pytest.fail("not as I thought")


def skip() -> None:
    pytest.skip("not here")


def interrupt() -> None:
    raise KeyboardInterrupt


def leave() -> None:
    raise SystemExit(3)


ENDINGS = [
    pytest.param(fail, pytest.fail.Exception, id="fail"),
    pytest.param(skip, pytest.skip.Exception, id="skip"),
    pytest.param(interrupt, KeyboardInterrupt, id="KeyboardInterrupt"),
    pytest.param(leave, SystemExit, id="SystemExit"),
]


@pytest.mark.parametrize(("end", "kind"), ENDINGS)
class TestWhatEndsATest:
    def test_in_a_replaced_function(self, ask: Ask, end: Any, kind: type[BaseException]) -> None:
        running = gateway(functions={"hook": lambda event, context: end()})
        with pytest.raises(kind):
            ask(running, "/hook/x")
        (exchange,) = running.exchanges
        assert str(exchange.reason).startswith(f"broken off: {kind.__name__}")

    def test_in_one_that_is_asynchronous(
        self, ask: Ask, end: Any, kind: type[BaseException]
    ) -> None:
        async def hook(event: Any, context: Any) -> None:
            await asyncio.sleep(0)
            end()

        with pytest.raises(kind):
            ask(gateway(functions={"hook": hook}), "/hook/x")

    def test_behind_a_load_balancer_that_is_the_origin(
        self, ask: Ask, end: Any, kind: type[BaseException]
    ) -> None:
        with pytest.raises(kind):
            ask(gateway(functions={"target": lambda event, context: end()}), "/lb/x")

    def test_in_a_mock_of_an_origin(self, ask: Ask, end: Any, kind: type[BaseException]) -> None:
        with respx.mock, pytest.raises(kind):
            respx.get(f"{ORIGIN}/x").mock(side_effect=lambda request: end())
            ask(gateway(), "/x")

    def test_in_the_body_of_a_mock(self, ask: Ask, end: Any, kind: type[BaseException]) -> None:
        class Body(httpx.AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                yield b"first"
                end()

        answers = httpx.MockTransport(lambda request: httpx.Response(200, stream=Body()))
        with pytest.raises(kind):
            ask(gateway(transport=lambda _: answers), "/x")


def test_the_client_works_on_behind_it() -> None:
    ends = [True, False]

    def hook(event: Any, context: Any) -> Any:
        if ends.pop(0):
            pytest.fail("once")
        return {"status": "204"}

    with gateway(functions={"hook": hook}).sync_client("site") as client:
        with pytest.raises(pytest.fail.Exception, match="once"):
            client.get("/hook/x")
        assert client.get("/hook/x").status_code == 204


async def test_over_a_socket_the_connection_is_closed(serving) -> None:
    """There is no way from a server's connection to the test; the client must not wait."""

    def hook(event: Any, context: Any) -> None:
        pytest.fail("nobody hears it")

    async with serving(CONFIG, functions={"hook": hook}) as served:
        async with asyncio.timeout(30):
            assert await served.raw("site", b"GET /hook/x HTTP/1.1\r\nHost: x\r\n\r\n") == b""


def wrong_bytes(request: httpx.Request) -> Any:
    return b"\xff".decode()


def wrong_value(request: httpx.Request) -> Any:
    raise ValueError("a mistake of the mock")


class TestErrorsOfMocks:
    @respx.mock
    def test_a_request_that_respx_does_not_mock(self, ask: Ask) -> None:
        respx.get(f"{ORIGIN}/other").respond(200)
        running = gateway()
        with pytest.raises(AssertionError, match="not mocked"):
            ask(running, "/x")
        (exchange,) = running.exchanges
        assert "broken off: AllMockedAssertionError" in str(exchange.reason)

    @pytest.mark.parametrize(
        ("mistake", "kind"), [(wrong_value, ValueError), (wrong_bytes, UnicodeDecodeError)]
    )
    @respx.mock
    def test_a_mistake_in_a_mock(self, ask: Ask, mistake: Any, kind: type[Exception]) -> None:
        respx.get(f"{ORIGIN}/x").mock(side_effect=mistake)
        with pytest.raises(kind):
            ask(gateway(), "/x")

    def test_an_answer_that_is_none(self, ask: Ask) -> None:
        class Mute(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> Any:
                return None

        with pytest.raises(AttributeError):
            ask(gateway(transport=lambda _: Mute()), "/x")

    def test_a_body_that_breaks_off_by_a_mistake(self, ask: Ask) -> None:
        class Body(httpx.AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                yield b"first"
                raise ValueError("in the middle")

        answers = httpx.MockTransport(lambda request: httpx.Response(200, stream=Body()))
        with pytest.raises(ValueError, match="in the middle"):
            ask(gateway(transport=lambda _: answers), "/x")

    def test_through_a_load_balancer_that_is_the_origin(self, ask: Ask) -> None:
        group = {"target_groups": {"t": {"targets": ["127.0.0.1:9"]}}}
        running = gateway(group, transport=lambda _: httpx.MockTransport(wrong_value))
        with pytest.raises(ValueError, match="a mistake of the mock"):
            ask(running, "/lb/x")

    @respx.mock
    def test_a_failure_of_the_network_stays_one(self) -> None:
        respx.get(f"{ORIGIN}/x").mock(side_effect=httpx.ConnectError("down"))
        with gateway().sync_client("site") as client:
            assert client.get("/x").status_code == 502


@pytest.mark.parametrize("ask", [by_client, by_sync_client], ids=["client", "sync_client"])
@respx.mock
def test_a_request_body_that_raises(ask: Ask) -> None:
    """Not by `app`: there the body is the server's, and httpx raises before it is asked."""
    respx.post(f"{ORIGIN}/x").respond(200)

    def parts() -> Iterator[bytes]:
        yield b"first"
        raise ValueError("no more of it")

    async def parts_to_come() -> AsyncIterator[bytes]:
        for part in parts():
            yield part

    content = parts() if ask is by_sync_client else parts_to_come()
    with pytest.raises(ValueError, match="no more of it"):
        ask(gateway(), "/x", method="POST", content=content)


class TestToolsOfOthers:
    @pytest.mark.filterwarnings("ignore:A test tried to use socket:UserWarning")
    def test_a_socket_that_the_test_may_not_open(self, ask: Ask) -> None:
        guard = tool("pytest_socket")
        site = {
            "listen": 0,
            "origins": {"app": {"url": "http://[::1]:9"}},
            "default_behavior": {"origin": "app"},
        }
        running = Gateway.from_dict({"distributions": {"site": site}})
        guard.disable_socket(allow_unix_socket=True)
        try:
            with pytest.raises(guard.SocketBlockedError):
                ask(running, "/x")
        finally:
            guard.enable_socket()
        assert socket.socket.__module__ == "socket"

    def test_a_cassette_that_does_not_match(self, ask: Ask, tmp_path: Path) -> None:
        vcr = tool("vcr")
        cassette = tmp_path / "cassette.yaml"
        with vcr.use_cassette(str(cassette), record_mode="none"):
            with pytest.raises(vcr.errors.CannotOverwriteExistingCassetteException):
                ask(gateway(), "/x")

    def test_a_cassette_that_matches_by_path_and_query(self, tmp_path: Path) -> None:
        vcr = tool("vcr")
        cassette = tmp_path / "cassette.yaml"
        cassette.write_text(
            "version: 1\ninteractions:\n"
            + "".join(
                f"- request: {{body: '', headers: {{}}, method: GET, uri: '{ORIGIN}{target}'}}\n"
                f"  response: {{body: {{string: '{text}'}}, headers: {{}},"
                " status: {code: 200, message: OK}}\n"
                for target, text in (("/a?x=1", "one"), ("/a?x=2", "two"))
            )
        )
        with vcr.use_cassette(str(cassette), record_mode="none"):
            with gateway().sync_client("site") as client:
                assert client.get("/a?x=2").text == "two"
                assert client.get("/a?x=1").text == "one"

    def test_pytest_httpx_matches_the_url(self, pytester: pytest.Pytester) -> None:
        tool("pytest_httpx")
        pytester.makepyfile(
            f"""
            from edgegw import Gateway

            def test_it(httpx_mock):
                httpx_mock.add_response(url="{ORIGIN}/a%2Fb?x=1", text="matched")
                site = {{
                    "listen": 0,
                    "origins": {{"app": {{"url": "{ORIGIN}"}}}},
                    "default_behavior": {{
                        "origin": "app", "origin_request_policy": "AllViewer"
                    }},
                }}
                gateway = Gateway.from_dict({{"distributions": {{"site": site}}}})
                with gateway.sync_client("site") as client:
                    assert client.get("/a%2Fb?x=1").text == "matched"
            """
        )
        pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


TARGETS = [
    ("/a//b?x=1&x=%2F", "/a//b?x=1&x=%2F"),
    ("/", "/"),
    ("/a/../b", "/b"),
    ("/a|b?c^d", "/a|b?c^d"),
    ("/é".encode(), "/%C3%A9"),
    ("/x#y?q#z", "/x%23y?q%23z"),
]


@pytest.mark.parametrize(("target", "shown"), TARGETS)
def test_mocks_see_the_real_url_and_the_exact_bytes_beside_it(
    target: str | bytes, shown: str
) -> None:
    target = target if isinstance(target, bytes) else target.encode()
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    group = {"target_groups": {"t": {"targets": ["192.0.2.1:8000"]}}}
    running = gateway(group, transport=lambda _: httpx.MockTransport(answer))
    with running.sync_client("web") as client:
        client.get("http://x/", extensions={"target": target})
    assert [(str(each.url.copy_with(raw_path=b"/")), each.url.raw_path) for each in asked] == [
        ("http://192.0.2.1:8000/", shown.encode())
    ]
    assert asked[0].extensions["target"] == target
    if target.isascii():  # a distribution refuses others
        with running.sync_client("site") as client:
            client.get("http://x/", extensions={"target": target})
        assert asked[1].url == httpx.URL(ORIGIN).copy_with(raw_path=shown.encode())
        assert asked[1].extensions["target"] == target
