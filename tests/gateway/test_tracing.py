"""Trace headers from front door to function to target, and the segments that a daemon gets."""

from __future__ import annotations

import asyncio
import http.server
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import httpx
import pytest

from edgegw.awslambda.xray import parse_trace_header
from tests.conftest import PYTHON, Serving, read_head

pytestmark = pytest.mark.anyio

Served = Callable[..., AbstractAsyncContextManager[Serving]]
ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"


class DaemonSink:
    """What an X-Ray daemon would get, on a port of its own."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.address = f"127.0.0.1:{sock.getsockname()[1]}"

    def segments(self, count: int) -> list[dict[str, Any]]:
        """The next `count` segments; that there are no more is for `is_silent`."""
        return [self._segment() for _ in range(count)]

    def _segment(self) -> dict[str, Any]:
        header, _, body = self._socket.recv(65536).partition(b"\n")
        assert json.loads(header) == {"format": "json", "version": 1}
        return json.loads(body)

    @property
    def is_silent(self) -> bool:
        self._socket.setblocking(False)
        try:
            return not self._socket.recv(65536)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(10)


@pytest.fixture
def daemon() -> Iterator[DaemonSink]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        yield DaemonSink(sock)


def site(mode: str, tracing: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    function = {"code": ".", "handler": "figured.handler", "runtime": PYTHON, "tracing": mode}
    return {
        "functions": {"api": function},
        "target_groups": {"api": {"target_type": "lambda", "function": "api"}, **more},
        "load_balancers": {
            "web": {
                "listeners": [
                    {
                        "listen": "127.0.0.1:0",
                        "default_actions": [{"forward": "api"}],
                        "rules": [
                            {
                                "priority": 1,
                                "conditions": [{"path_pattern": ["/ip/*"]}],
                                "actions": [{"forward": name}],
                            }
                            for name in more
                        ],
                    }
                ]
            }
        },
        "gateway": {"lambda_api": "127.0.0.1:0", "tracing": tracing or {}},
    }


async def seen(serving: Serving, path: str = "/", **headers: str) -> Any:
    """What the function saw of its trace."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=serving.urls["web"]) as client:
        answer = await client.get(path, headers=names)
    return answer.json() if answer.status_code == 200 else answer


async def test_an_active_function_sends_two_segments_below_that_of_its_front_door(
    serving: Served, daemon: DaemonSink
) -> None:
    async with serving(site("Active", {"xray": daemon.address})) as served:
        answer = await seen(served)
        service, function, front = daemon.segments(3)
    assert answer["daemon"] == daemon.address
    header = parse_trace_header(answer["trace"])
    assert (header.parent, header.sampled) == (function["id"], "1")
    assert {segment["trace_id"] for segment in (service, function, front)} == {header.root}
    assert service["origin"] == "AWS::Lambda"
    assert function["origin"] == "AWS::Lambda::Function"
    assert (front["name"], service["name"], function["name"]) == ("web", "api", "api")
    assert service["parent_id"] == front["id"]
    assert function["parent_id"] == service["id"]
    assert "parent_id" not in front
    [init] = function["subsegments"]
    assert init["name"] == "Init"
    assert function["start_time"] == init["start_time"] <= init["end_time"] <= function["end_time"]
    assert front["http"]["response"]["status"] == 200
    assert front["http"]["request"]["method"] == "GET"
    assert service["aws"]["request_id"]
    assert not any(segment.get("fault") for segment in (service, function, front))


@pytest.mark.parametrize("door", ["api", "http"])
async def test_urls_and_http_apis_are_above_their_functions_too(
    serving: Served, daemon: DaemonSink, door: str
) -> None:
    config = site("Active", {"xray": daemon.address})
    config["functions"]["api"]["url"] = {"listen": "127.0.0.1:0"}
    config["http_apis"] = {"http": {"listen": "127.0.0.1:0", "routes": {"$default": "api"}}}
    async with serving(config) as served, httpx.AsyncClient() as client:
        await client.get(served.urls[door])
        service, function, front = daemon.segments(3)
        assert (front["name"], service["name"]) == (door, "api")
        assert service["parent_id"] == front["id"]
        assert "parent_id" not in front
        given = "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1"
        await client.get(served.urls[door], headers={"X-Amzn-Trace-Id": given})
        service, function, front = daemon.segments(3)
        assert service["parent_id"] == front["parent_id"] == "463ac35c9f6413ad"
        assert len({service["id"], function["id"], front["id"], "2345678912345678"}) == 4


async def test_a_function_url_and_an_http_api_stand_above_their_function(
    serving: Served, daemon: DaemonSink
) -> None:
    given = site("Active", {"xray": daemon.address})
    given["functions"]["api"]["url"] = {"listen": "127.0.0.1:0"}
    routes = {"$default": "api"}
    given["http_apis"] = {"rest": {"listen": "127.0.0.1:0", "routes": routes}}
    wanted = {"x-amzn-trace-id": f"Root={ROOT};Sampled=1"}
    traced = {"x-amzn-trace-id": f"Root={ROOT};Parent={PARENT};Sampled=1"}
    async with serving(given) as served, httpx.AsyncClient() as client:
        for name in ("api", "rest"):
            await client.get(served.urls[name], headers=wanted)
            service, function, front = daemon.segments(3)
            assert {segment["trace_id"] for segment in (service, function)} == {front["trace_id"]}
            assert (service["parent_id"], front["name"]) == (front["id"], name)
            await client.get(served.urls[name], headers=traced)
            service, function, front = daemon.segments(3)
            assert {front["parent_id"], service["parent_id"]} == {PARENT}
            assert len({front["id"], service["id"], function["id"], PARENT}) == 4


async def test_a_function_that_fails_is_a_fault_with_its_cause(
    serving: Served, daemon: DaemonSink
) -> None:
    async with serving(site("Active", {"xray": daemon.address})) as served:
        await seen(served, "/boom")
        service, function, front = daemon.segments(3)
    assert service["fault"] is function["fault"] is front["fault"] is True
    [exception] = function["cause"]["exceptions"]
    assert (exception["type"], exception["message"]) == ("ValueError", "no such order")


async def test_who_calls_decides_and_the_load_balancer_puts_itself_between(
    serving: Served, daemon: DaemonSink
) -> None:
    async with serving(site("PassThrough", {"xray": daemon.address})) as served:
        sampled = f"Root={ROOT};Parent={PARENT};Sampled=1;Lineage=1:fc3b4ff1:0"
        answer = await seen(served, x_amzn_trace_id=sampled)
        service, function, front = daemon.segments(3)
        assert (front["trace_id"], front["parent_id"]) == (ROOT, PARENT)
        assert service["parent_id"] == front["id"]
        assert (
            answer["trace"] == f"Root={ROOT};Parent={function['id']};Sampled=1;Lineage=1:fc3b4ff1:0"
        )
        unsampled = f"Root={ROOT};Parent={PARENT};Sampled=0"
        assert (await seen(served, x_amzn_trace_id=unsampled))["trace"] == unsampled
        undecided = parse_trace_header((await seen(served))["trace"])
        assert (len(undecided.parent), undecided.sampled, undecided.own) == (16, "0", "")
        assert daemon.is_silent


async def test_an_active_function_respects_that_nobody_wants_to_see_it(
    serving: Served, daemon: DaemonSink
) -> None:
    async with serving(site("Active", {"xray": daemon.address})) as served:
        unsampled = f"Root={ROOT};Parent={PARENT};Sampled=0"
        assert (await seen(served, x_amzn_trace_id=unsampled))["trace"] == unsampled
        assert daemon.is_silent


async def test_the_log_names_the_segment_and_the_configuration_the_mode(
    serving: Served, daemon: DaemonSink
) -> None:
    async with serving(site("Active", {"xray": daemon.address})) as served:
        await seen(served)
        _, function, _ = daemon.segments(3)
        lines = [
            line
            for entry in served.gateway.service.logs.group("api").after(0)
            for line in entry.lines()
        ]
        async with httpx.AsyncClient(base_url=served.urls["lambda"]) as client:
            path = "/2015-03-31/functions/api/configuration"
            configuration = (await client.get(path)).json()
    expected = f"XRAY TraceId: {function['trace_id']}\tSegmentId: {function['id']}\tSampled: true\t"
    assert lines[-1] == expected
    assert lines[-2].startswith("REPORT ")
    assert configuration["TracingConfig"] == {"Mode": "Active"}


async def test_the_daemon_of_the_environment_is_used(
    serving: Served, daemon: DaemonSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"tcp:127.0.0.1:9 udp:{daemon.address}")
    async with serving(site("Active")) as served:
        assert (await seen(served))["daemon"] == daemon.address
        assert len(daemon.segments(3)) == 3


async def test_without_a_daemon_functions_are_sampled_all_the_same(serving: Served) -> None:
    async with serving(site("Active")) as served:
        answer = await seen(served)
    assert parse_trace_header(answer["trace"]).sampled == "1"
    assert answer["daemon"] == "127.0.0.1:2000"


async def test_a_reload_leads_elsewhere(serving: Served, daemon: DaemonSink) -> None:
    from edgegw.config.resolve import load_dict
    from tests.conftest import FUNCTIONS

    async with serving(site("Active")) as served:
        await seen(served)
        changed = site("Active", {"xray": daemon.address})
        changed["gateway"] |= {"state": served.gateway.config.state, "accept_any_host": True}
        await served.gateway.reload(load_dict(changed, FUNCTIONS))
        answer = await seen(served, x_amzn_trace_id="Sampled=1")
        assert answer["daemon"] == daemon.address
        assert {segment["name"] for segment in daemon.segments(3)} == {"web", "api"}


async def test_the_header_goes_on_to_ip_targets(
    serving: Served, raw_origin: Any, daemon: DaemonSink
) -> None:
    heads: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await read_head(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with raw_origin(script) as origin:
        group = {"target_type": "ip", "targets": [f"127.0.0.1:{origin.port}"]}
        async with serving(site("PassThrough", {"xray": daemon.address}, ip=group)) as served:
            await seen(served, "/ip/x", x_amzn_trace_id=f"Root={ROOT};Parent={PARENT};Sampled=1")
            [front] = daemon.segments(1)
    [head] = [head for head in heads if b"/ip/x" in head]  # the others are health checks
    [line] = re.findall(rb"(?i)x-amzn-trace-id: (.*)\r\n", head)
    header = parse_trace_header(line.decode())
    assert (header.root, header.parent, header.sampled) == (ROOT, PARENT, "1")
    assert front["id"] == header.front_door_segment


@contextmanager
def collector() -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """An OTLP collector: its URL, and what waits for the next request to it."""
    bodies: list[dict[str, Any]] = []
    came = threading.Semaphore(0)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            assert self.headers["content-type"] == "application/json"
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            came.release()

        def log_message(self, *_: object) -> None:
            pass

    def next_request() -> dict[str, Any]:
        assert came.acquire(timeout=20)
        return bodies.pop(0)

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", next_request
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_a_collector_gets_spans(serving: Served) -> None:
    with collector() as (url, next_request):
        async with serving(site("Active", {"otlp": url})) as served:
            answer = await seen(served, "/boom")
            assert answer.status_code == 502
            request = await asyncio.to_thread(next_request)
    spans = {
        (
            resource["resource"]["attributes"][0]["value"]["stringValue"],
            span["name"],
            span["kind"],
        ): span
        for resource in request["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    }
    front, init = spans["web", "web", 2], spans["api", "Init", 1]
    assert len({span["traceId"] for span in spans.values()}) == 1
    assert re.fullmatch("[0-9a-f]{32}", front["traceId"])
    assert re.fullmatch("[0-9a-f]{16}", front["spanId"])
    assert int(init["startTimeUnixNano"]) < int(init["endTimeUnixNano"])
    statuses = [span["status"]["message"] for span in spans.values() if span.get("status")]
    assert "ValueError: no such order" in statuses


async def test_a_collector_that_is_not_there_costs_nobody_an_answer(serving: Served) -> None:
    async with serving(site("Active", {"otlp": "http://127.0.0.1:9"})) as served:
        assert parse_trace_header((await seen(served))["trace"]).sampled == "1"
