"""The local API as a front door: who gets in, what it answers, how streams end."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgegw import __version__
from edgegw.awslambda.versions import delete_alias
from edgegw.config.model import DistributionDoor
from edgegw.config.resolve import load_dict
from edgegw.gateway.announcement import announcements
from edgegw.gateway.fronts.local_api import LARGEST_BODY, LocalApi
from edgegw.gateway.gateway import Gateway
from edgegw.http.message import EMPTY, LOCAL, Body, Headers, Request, Response
from edgegw.http.target import RequestTarget
from edgegw.wire.front import ViewerGoneError
from edgegw.wire.listeners import TcpListener
from tests.conftest import FUNCTIONS, PYTHON

FUNCTION = {"runtime": PYTHON, "code": str(FUNCTIONS), "handler": "hooks.target"}
CONFIG: dict[str, Any] = {
    "functions": {
        "api": {**FUNCTION, "versions": {"1": {}, "2": {}}, "aliases": {"live": {"version": 1}}},
        "hook": FUNCTION,
    },
    "target_groups": {
        "blue": {"targets": ["127.0.0.1:3000"]},
        "green": {"targets": ["127.0.0.1:3001"]},
        "api": {"target_type": "lambda", "function": "api"},
    },
    "load_balancers": {
        "web": {
            "listeners": [
                {
                    "listen": 8080,
                    "rules": [
                        {
                            "priority": 5,
                            "conditions": [{"path_pattern": "/api/*"}],
                            "actions": [{"forward": "api"}],
                        }
                    ],
                    "default_actions": [
                        {
                            "forward": [
                                {"target_group": "blue", "weight": 1},
                                {"target_group": "green", "weight": 0},
                            ]
                        }
                    ],
                }
            ]
        }
    },
    "distributions": {
        "site": {
            "listen": 8081,
            "origins": {"app": {"url": "http://127.0.0.1:9"}},
            "default_behavior": {"origin": "app"},
        }
    },
}


class Caller:
    """Speaks to a local API as the commands do, with `Request` values."""

    def __init__(self, gateway: Gateway, state: Path, sock: socket.socket) -> None:
        self.gateway = gateway
        self.api = LocalApi(gateway, lambda: {"load-balancer web": "http://127.0.0.1:41000"})
        self.api.announce(sock)
        [self.announced] = announcements(state)
        self.headers = {
            "host": self.announced.url.removeprefix("http://"),
            "authorization": f"Bearer {self.announced.token}",
            "content-type": "application/json",
        }

    def request(self, method: str, target: str, body: Body = EMPTY, **changed: Any) -> Request:
        headers = {**self.headers, **{k.replace("_", "-"): v for k, v in changed.items()}}
        lines = [(k.encode(), v.encode()) for k, v in headers.items() if v is not None]
        return Request(method, RequestTarget.parse(target.encode()), Headers(lines), body)

    async def answer(self, request: Request) -> Response:
        accepted = self.api.accept(request)
        return accepted if isinstance(accepted, Response) else await accepted

    async def call(self, method: str, target: str, body: Any = None, **changed: Any) -> Any:
        """The status and the JSON of the answer to a call with this JSON."""
        content = EMPTY if body is None else Body.of(json.dumps(body).encode())
        response = await self.answer(self.request(method, target, content, **changed))
        assert response.body.content is not None
        return response.status, json.loads(response.body.content)


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock


@pytest.fixture
async def local(tmp_path: Path, sock: socket.socket) -> AsyncIterator[Caller]:
    config = load_dict({**CONFIG, "gateway": {"state": str(tmp_path)}}, tmp_path)
    functions: dict[str, Any] = {"api": lambda event, _: event, "hook": lambda *_: None}
    async with Gateway(config, functions=functions) as gateway:
        yield Caller(gateway, tmp_path, sock)


async def test_the_announcement_is_its_owners_alone(local: Caller, tmp_path: Path) -> None:
    assert stat.S_IMODE(local.announced.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(local.announced.file.parent.stat().st_mode) == 0o700
    assert len(local.announced.token) >= 43
    assert local.announced.pid == os.getpid()
    local.api.retire()
    assert announcements(tmp_path) == []


class TestGuard:
    """Rows: what a request has that a command's has not, and what it gets."""

    @pytest.mark.parametrize(
        ("changed", "status", "error"),
        [
            pytest.param({"host": None}, 403, "Host", id="no host"),
            pytest.param({"host": "evil.test"}, 403, "Host", id="a name of the attacker's"),
            pytest.param({"host": "127.0.0.1"}, 403, "Host", id="another port"),
            pytest.param({"host": "127.0.0.1.evil.test:PORT"}, 403, "Host", id="a longer name"),
            pytest.param({"host": "[::1]:PORT"}, 403, "Host", id="another address"),
            pytest.param({"origin": "http://evil.test"}, 403, "browser", id="a page"),
            pytest.param({"origin": "http://127.0.0.1:PORT"}, 403, "browser", id="its own origin"),
            pytest.param({"origin": "null"}, 403, "browser", id="a sandboxed page"),
            pytest.param({"sec_fetch_site": "cross-site"}, 403, "browser", id="an image"),
            pytest.param({"sec_fetch_site": "none"}, 403, "browser", id="a typed address"),
            pytest.param({"authorization": None}, 401, "token", id="no token"),
            pytest.param({"authorization": ""}, 401, "token", id="an empty token"),
            pytest.param({"authorization": "Bearer "}, 401, "token", id="no token behind Bearer"),
            pytest.param({"authorization": "Bearer wrong"}, 401, "token", id="a wrong token"),
            pytest.param({"authorization": "Bearer ü"}, 401, "token", id="no ASCII"),
            pytest.param({"authorization": "TOKEN"}, 401, "token", id="no Bearer"),
            pytest.param({"content_type": None}, 415, "application/json", id="no content type"),
            pytest.param({"content_type": "text/plain"}, 415, "application/json", id="a form"),
        ],
    )
    async def test_strangers_are_refused(
        self, local: Caller, changed: dict[str, str | None], status: int, error: str
    ) -> None:
        port = local.announced.url.rpartition(":")[2]
        filled = {
            name: value and value.replace("PORT", port).replace("TOKEN", local.announced.token)
            for name, value in changed.items()
        }
        found, answer = await local.call("PATCH", "/faults", {"set": ["api.error"]}, **filled)
        assert (found, error in answer["error"]) == (status, True), answer
        assert local.gateway.faults.plans == {}

    @pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "LocalHost:PORT"])
    async def test_its_own_names_are_let_in(self, local: Caller, host: str) -> None:
        port = local.announced.url.rpartition(":")[2]
        status, _ = await local.call("GET", "/faults", host=host.replace("PORT", port))
        assert status == 200

    async def test_what_stands_twice_is_refused(self, local: Caller) -> None:
        for name, status in (("host", 403), ("authorization", 401)):
            request = local.request("GET", "/faults")
            twice = request.headers.added((name.encode(), local.headers[name].encode()))
            assert (await local.answer(replace(request, headers=twice))).status == status

    async def test_an_absolute_target_does_not_get_around_the_host(self, local: Caller) -> None:
        status, _ = await local.call("GET", "http://evil.test/faults")
        assert status == 403
        status, _ = await local.call("GET", f"{local.announced.url}/faults")
        assert status == 200

    async def test_a_preflight_is_refused(self, local: Caller) -> None:
        request = local.request(
            "OPTIONS",
            "/faults",
            origin="http://evil.test",
            authorization=None,
            access_control_request_method="PATCH",
            access_control_request_headers="authorization",
        )
        response = await local.answer(request)
        assert response.status == 403
        assert not [n for n, _ in response.headers if n.lower().startswith(b"access-control")]

    async def test_no_answer_is_kept_or_sniffed(self, local: Caller) -> None:
        for target in ("/faults", "/nowhere", "/logs/api"):
            headers = (await local.answer(local.request("GET", target))).headers
            assert headers.get(b"cache-control") == b"no-store"
            assert headers.get(b"x-content-type-options") == b"nosniff"

    async def test_refused_without_a_task_or_a_look_at_the_body(self, local: Caller) -> None:
        async def never() -> AsyncIterator[bytes]:
            raise AssertionError("the body was read")
            yield b""

        body = Body.streaming(never())
        for changed in ({"authorization": None}, {"content_type": "text/plain"}):
            response = local.api.accept(local.request("PATCH", "/faults", body, **changed))
            assert isinstance(response, Response)


class TestRouter:
    async def test_an_unknown_path_is_404(self, local: Caller) -> None:
        for path in ("/", "/fault", "/faults/", "/faults/api", "/logs", "/logs/", "/logs/a/b", "*"):
            status, answer = await local.call("GET", path)
            assert (status, answer) == (404, {"error": f"no GET {path} here"})

    async def test_another_method_is_405_with_allow(self, local: Caller) -> None:
        for method, path, allowed in (
            ("PUT", "/faults", b"GET, PATCH, DELETE"),
            ("HEAD", "/status", b"GET"),
            ("get", "/status", b"GET"),
            ("OPTIONS", "/shift", b"POST"),
            ("DELETE", "/logs/api", b"GET"),
        ):
            response = await local.answer(local.request(method, path))
            assert (response.status, response.headers.get(b"allow")) == (405, allowed)


class TestBodies:
    @pytest.mark.parametrize(
        ("content", "error"),
        [
            (b"{", "no JSON"),
            (b"\xff", "no JSON"),
            (b"[" * 100_000, "no JSON"),
            (b"[]", "a JSON object"),
            (b"null", "a JSON object"),
            (b'{"set": "x"}', "'set'"),
            (b'{"set": [1]}', "'set'"),
            (b'{"set": ["x"]}', "x"),
            (b'{"seed": "x"}', "'seed'"),
            (b'{"seed": true}', "'seed'"),
            (b'{"seed": NaN}', "'seed'"),
        ],
    )
    async def test_what_is_wrong_is_said(self, local: Caller, content: bytes, error: str) -> None:
        response = await local.answer(local.request("PATCH", "/faults", Body.of(content)))
        assert response.status == 400
        assert error in json.loads(response.body.content or b"")["error"]

    async def test_a_body_in_parts(self, local: Caller) -> None:
        async def parts() -> AsyncIterator[bytes]:
            for part in (b'{"set": ', b'["api.error"]', b"}"):
                yield part

        body = Body.streaming(parts())
        assert (await local.answer(local.request("PATCH", "/faults", body))).status == 200
        assert list(local.gateway.faults.plans) == ["function:api"]

    async def test_a_body_may_have_eight_mebibytes(self, local: Caller) -> None:
        taken = 0

        async def parts(count: int) -> AsyncIterator[bytes]:
            nonlocal taken
            for _ in range(count):
                taken += 1
                yield b" " * 1024

        async def status(body: Body) -> int:
            return (await local.answer(local.request("PATCH", "/faults", body))).status

        whole = b"{}".ljust(LARGEST_BODY)
        assert await status(Body.of(whole)) == 200
        assert await status(Body.of(whole + b" ")) == 413
        assert await status(Body.streaming(parts(1), LARGEST_BODY + 1)) == 413
        assert taken == 0
        assert await status(Body.streaming(parts(10_000))) == 413
        assert taken == LARGEST_BODY // 1024 + 1 == 8193

    async def test_a_caller_who_leaves_gets_nothing(self, local: Caller) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b"{"
            raise ViewerGoneError

        with pytest.raises(ViewerGoneError):
            await local.answer(local.request("PATCH", "/faults", Body.streaming(parts())))

    async def test_a_fault_of_ours_is_500_and_logged(
        self, local: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.delattr(local.gateway, "stale")
        assert (await local.call("GET", "/status"))[0] == 500
        assert "please report it" in caplog.text


class TestGateway:
    async def test_status(self, local: Caller) -> None:
        status, answer = await local.call("GET", "/status")
        assert status == 200
        assert answer == {
            "version": __version__,
            "pid": os.getpid(),
            "configuration": None,
            "front_doors": {"load-balancer web": "http://127.0.0.1:41000"},
            "functions": ["api", "hook"],
            "stale": {},
            "faults": {},
            "seed": None,
        }

    async def test_faults(self, local: Caller) -> None:
        none = {"faults": {}, "seed": None}
        some = {"faults": {"function:api": {"error": 0.5}}, "seed": 7}
        asked = {"set": ["api.error=50%"], "seed": 7}
        assert await local.call("GET", "/faults") == (200, none)
        assert await local.call("PATCH", "/faults", asked) == (200, some)
        assert await local.call("GET", "/faults") == (200, some)
        assert await local.call("DELETE", "/faults") == (200, {**none, "seed": 7})


class TestBalancers:
    async def test_explain(self, local: Caller) -> None:
        asked = {"url": "http://localhost:41000/x", "headers": [["Host", "a.example"]]}
        status, answer = await local.call("POST", "/explain", asked)
        assert (status, answer["rule"]) == (200, "default")
        for wrong, error in (
            ({}, "'url' is missing"),
            ({"url": 1}, "'url' is missing"),
            ({"url": "localhost"}, "must be http://HOST[:PORT]/PATH"),
            ({**asked, "headers": [1]}, "'headers' must be a list of [NAME, VALUE]"),
            ({**asked, "headers": [["A", 1]]}, "'headers' must be a list of [NAME, VALUE]"),
            ({**asked, "load_balancer": "wep"}, "no load balancer 'wep'"),
        ):
            status, answer = await local.call("POST", "/explain", wrong)
            assert (status, error in answer["error"]) == (400, True), answer

    async def test_targets(self, local: Caller) -> None:
        status, answer = await local.call("POST", "/targets", {})
        assert (status, list(answer["targets"])) == (200, ["blue", "green", "api"])
        asked = {"group": "blue", "action": "register", "targets": ["127.0.0.1:3002"]}
        _, answer = await local.call("POST", "/targets", asked)
        targets = [row["target"] for row in answer["targets"]["blue"]]
        assert targets == ["127.0.0.1:3000", "127.0.0.1:3002"]
        asked = {"group": "api", "action": "deregister", "targets": ["api"]}
        assert await local.call("POST", "/targets", asked) == (200, {"targets": {"api": []}})
        for wrong, error in (
            ({"group": "red"}, "no target group 'red'"),
            ({"action": "move"}, "register, deregister or health"),
            ({"targets": "x"}, "'targets'"),
        ):
            status, answer = await local.call("POST", "/targets", wrong)
            assert (status, error in answer["error"]) == (400, True), answer

    async def test_weights(self, local: Caller) -> None:
        standing = {"rule": "default", "weights": {"blue": 1, "green": 0}}
        assert await local.call("POST", "/weights", {"rule": "default"}) == (200, standing)
        asked = {"rule": "default", "weights": {"green": 3}}
        changed = {"rule": "default", "weights": {"blue": 1, "green": 3}}
        assert await local.call("POST", "/weights", asked) == (200, changed)
        assert await local.call("POST", "/weights", {"rule": "default"}) == (200, changed)
        for weight in (-1, 1000, True, "1", 1.5, None):
            wrong = {"rule": "default", "weights": {"blue": weight}}
            status, answer = await local.call("POST", "/weights", wrong)
            assert (status, answer["error"]) == (
                400,
                "the weight of blue is a number from 0 to 999",
            )


async def text_of(response: Response) -> list[str]:
    assert response.body.chunks is not None
    content = b"".join([chunk async for chunk in response.body.chunks])
    return content.decode().splitlines()


def log(local: Caller, group: str, line: str) -> None:
    settings = local.gateway.config.functions["api"].latest.logs
    local.gateway.service.logs.group(group).append(settings, "stream", line)


class TestFunctions:
    """The configuration has no `lambda_api`."""

    async def test_table(self, local: Caller) -> None:
        status, answer = await local.call("GET", "/functions")
        assert status == 200
        assert [row["name"] for row in answer["functions"]] == ["api", "hook"]
        assert answer["functions"][0]["aliases"] == ["live=1"]

    async def test_logs(self, local: Caller) -> None:
        log(local, "api", "one")
        log(local, "api", "two")
        for path in ("api", "%2Faws%2Flambda%2Fapi", "api?follow=0"):
            response = await local.answer(local.request("GET", f"/logs/{path}"))
            assert response.headers.get(b"content-type") == b"application/x-ndjson"
            first, second = [json.loads(line) for line in await text_of(response)]
            assert first == {"time": first["time"], "stream": "stream", "lines": ["one"]}
            assert second["lines"] == ["two"]

    async def test_a_long_log_comes_in_parts(self, local: Caller) -> None:
        for _ in range(40):
            log(local, "api", "x" * 10_000)
        response = await local.answer(local.request("GET", "/logs/api"))
        assert response.body.chunks is not None
        sizes = [len(chunk) async for chunk in response.body.chunks]
        assert sum(sizes) > 400_000
        assert max(sizes) < 100_000

    async def test_logs_of_the_edge(self, local: Caller) -> None:
        [site] = [door for door in local.gateway.config.doors if isinstance(door, DistributionDoor)]
        group = f"/aws/cloudfront/LambdaEdge/{site.distribution.id}"
        log(local, group, "refused")
        log(local, "us-east-1.hook", "at the edge")
        for path, line in (
            ("LambdaEdge%2Fsite", "refused"),
            (group.replace("/", "%2F"), "refused"),
            ("us-east-1.hook", "at the edge"),
            ("hook", "at the edge"),
        ):
            [entry] = await text_of(await local.answer(local.request("GET", f"/logs/{path}")))
            assert json.loads(entry)["lines"] == [line]

    async def test_logs_of_what_is_not_there(self, local: Caller) -> None:
        for log, error in (
            ("apy", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:apy"),
            ("LambdaEdge%2Fsita", "there is no distribution 'sita' (known: site)"),
        ):
            assert await local.call("GET", f"/logs/{log}") == (400, {"error": error})

    async def test_following_a_log_until_the_gateway_ends(self, local: Caller) -> None:
        response = await local.answer(local.request("GET", "/logs/api?follow=1"))
        following = asyncio.ensure_future(text_of(response))
        for line in ("one", "two"):
            await asyncio.sleep(0.05)
            log(local, "api", line)
        await asyncio.sleep(0.05)
        assert not following.done()
        local.api.retire()
        async with asyncio.timeout(30):
            entries = [json.loads(line) for line in await following]
        assert [entry["lines"] for entry in entries] == [["one"], ["two"]]

    async def test_following_a_function_whose_first_line_is_printed_at_the_edge(
        self, local: Caller
    ) -> None:
        response = await local.answer(local.request("GET", "/logs/hook?follow=1"))
        following = asyncio.ensure_future(text_of(response))
        for function, line in (("us-east-1.hook", "one"), ("hook", "two"), ("us-east-1.hook", "3")):
            await asyncio.sleep(0.05)
            log(local, function, line)
        await asyncio.sleep(0.05)
        local.api.retire()
        async with asyncio.timeout(30):
            entries = [json.loads(line) for line in await following]
        assert [entry["lines"] for entry in entries] == [["one"], ["3"]]

    async def test_a_log_that_is_followed_after_the_end_ends(self, local: Caller) -> None:
        local.api.retire()
        response = await local.answer(local.request("GET", "/logs/api?follow=1"))
        async with asyncio.timeout(30):
            assert await text_of(response) == []

    async def test_shift(self, local: Caller) -> None:
        asked = {"function": "api", "alias": "live", "version": "2"}
        body = Body.of(json.dumps(asked).encode())
        response = await local.answer(local.request("POST", "/shift", body))
        lines = [line.partition(" ")[2] for line in await text_of(response)]
        assert lines == ["api:live 1 -> 2 by AllAtOnce", "api:live 100 % on version 2", "succeeded"]
        assert local.gateway.service.functions["api"].aliases["live"].version == "2"

    @pytest.mark.parametrize("leaving", ["while it waits", "while a line is sent"])
    async def test_a_shift_whose_caller_leaves_goes_back(self, local: Caller, leaving: str) -> None:
        preset = "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        asked = {"function": "api", "alias": "live", "version": "2", "preset": preset}
        body = Body.of(json.dumps(asked).encode())
        response = await local.answer(local.request("POST", "/shift", body))
        assert response.body.chunks is not None
        lines = aiter(response.body.chunks)
        await anext(lines)
        assert b"10 % on version 2" in await anext(lines)
        functions = local.gateway.service.functions
        assert functions["api"].aliases["live"].routing == ("2", 0.1)
        if leaving == "while it waits":
            task = asyncio.ensure_future(anext(lines))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            del lines, response
            async with asyncio.timeout(30):
                while functions["api"].aliases["live"].routing is not None:
                    await asyncio.sleep(0)
                    functions = local.gateway.service.functions
        alias = local.gateway.service.functions["api"].aliases["live"]
        assert (alias.version, alias.routing) == ("1", None)

    async def test_a_shift_whose_alias_goes_says_so(self, local: Caller) -> None:
        asked = {"function": "api", "alias": "live", "version": "2"}
        body = Body.of(json.dumps(asked).encode())
        response = await local.answer(local.request("POST", "/shift", body))
        service = local.gateway.service
        service.change(delete_alias(service.functions["api"], "live"))
        last = (await text_of(response))[-1]
        assert "failed: Alias not found" in last

    @pytest.mark.parametrize(
        ("changed", "error"),
        [
            ({"alias": "gone"}, "Cannot find alias arn"),
            ({"version": "9"}, "9"),
            ({"version": 2}, "'version' is missing or has the wrong type"),
            ({"preset": "Fast"}, "there is no preset 'Fast'"),
            ({"time_scale": 0}, "time_scale"),
            ({"time_scale": 1.1}, "time_scale"),
            ({"time_scale": True}, "time_scale"),
            ({"before": 1}, "'before'"),
        ],
    )
    async def test_a_wrong_shift(self, local: Caller, changed: dict[str, Any], error: str) -> None:
        asked = {"function": "api", "alias": "live", "version": "2", **changed}
        status, answer = await local.call("POST", "/shift", asked)
        assert (status, error in answer["error"]) == (400, True), answer


def test_what_is_no_request_gets_a_page(tmp_path: Path) -> None:
    api = LocalApi(Gateway(load_dict({}, tmp_path)), dict)
    for why, status in (("malformed", 400), ("too-large", 431), ("idle", 408)):
        page = api.page(why, "no HTTP", LOCAL)  # type: ignore[arg-type]
        assert page.status == status
        assert json.loads(page.body.content or b"") == {"error": "no HTTP"}


# Over a socket


@pytest.fixture
async def client(local: Caller, sock: socket.socket) -> AsyncIterator[httpx.AsyncClient]:
    sock.listen()
    listener = TcpListener(local.api, sock.dup())
    await listener.start()
    headers = {name: local.headers[name] for name in ("authorization", "content-type")}
    async with httpx.AsyncClient(
        base_url=local.announced.url, headers=headers, trust_env=False
    ) as client:
        yield client
    await listener.stop(1)


async def test_calls_over_a_socket(client: httpx.AsyncClient) -> None:
    answer = await client.get("/status")
    assert (answer.status_code, answer.json()["functions"]) == (200, ["api", "hook"])
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-edgegw-pid"] == str(os.getpid())
    assert answer.headers["content-length"] == str(len(answer.content))

    async def parts() -> AsyncIterator[bytes]:
        yield b'{"set": '
        yield b'["api.error"]}'

    assert (await client.patch("/faults", content=parts())).status_code == 200
    large = await client.patch("/faults", content=b" " * (LARGEST_BODY + 1))
    assert large.status_code == 413
    assert f"{LARGEST_BODY} bytes" in large.json()["error"]
    for headers, status in (({"Host": "evil.test"}, 403), ({"Authorization": "Bearer x"}, 401)):
        answer = await client.request("PATCH", "/faults", headers=headers, content=b" " * 3_000_000)
        assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert (await client.get("/faults")).json()["faults"] == {"function:api": {"error": 1.0}}


async def test_no_http_over_a_socket(client: httpx.AsyncClient, local: Caller) -> None:
    port = int(local.announced.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"nonsense\r\n\r\n")
    async with asyncio.timeout(30):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert list(json.loads(body)) == ["error"]
    writer.close()


async def test_following_a_log_over_a_socket(client: httpx.AsyncClient, local: Caller) -> None:
    log(local, "api", "before")
    async with client.stream("GET", "/logs/api?follow=1") as answer:
        lines = answer.aiter_lines()
        assert json.loads(await anext(lines))["lines"] == ["before"]
        log(local, "api", "after")
        assert json.loads(await anext(lines))["lines"] == ["after"]
        local.api.retire()
        assert [line async for line in lines] == []


async def test_a_shift_goes_back_when_its_connection_closes(
    client: httpx.AsyncClient, local: Caller
) -> None:
    asked = {"function": "api", "alias": "live", "version": "2"}
    asked["preset"] = "Canary10Percent5Minutes"
    async with client.stream("POST", "/shift", json=asked) as answer:
        lines = answer.aiter_lines()
        await anext(lines)
        assert "10 % on version 2" in await anext(lines)
        assert local.gateway.service.functions["api"].aliases["live"].routing == ("2", 0.1)
    async with asyncio.timeout(30):
        while local.gateway.service.functions["api"].aliases["live"].routing is not None:
            await asyncio.sleep(0.01)
