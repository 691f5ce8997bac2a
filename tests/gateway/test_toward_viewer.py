"""What viewers get over real sockets: policies, compression, and the log of it."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from edgegw import Gateway
from edgegw.gateway.server import Ready, serve

FUNCTIONS = Path(__file__).parents[1] / "functions"
PAGE = b"<p>hello</p>" * 500


class Origin(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("ETag", '"tag"')
        self.send_header("X-Powered-By", "origin")
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(PAGE), PAGE))
            return
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    do_OPTIONS = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def origin() -> Any:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def gateway(origin: str, base: Path, **site: Any) -> Gateway:
    behavior: dict[str, Any] = {
        "origin": "app",
        "compress": True,
        "response_headers_policy": "own",
        "allowed_methods": ["GET", "HEAD", "OPTIONS"],
    }
    functions = site.pop("functions", {})
    behavior["lambda_functions"] = {trigger: trigger for trigger in functions}
    return Gateway.from_dict(
        {
            "functions": {
                name: {"runtime": "python3.13", "code": ".", "handler": "hooks.target"}
                for name in functions
            },
            "response_headers_policies": {
                "own": {
                    "cors": {
                        "access_control_allow_origins": ["https://app.test"],
                        "access_control_allow_methods": ["ALL"],
                        "origin_override": True,
                    },
                    "security_headers": {"content_type_options": {"override": True}},
                    "remove_headers": ["X-Powered-By", "Server"],
                    "server_timing": {"enabled": True, "sampling_rate": 0},
                }
            },
            "distributions": {
                "site": {
                    "listen": 0,
                    "origins": {
                        "app": {"url": origin},
                        "gone": {"url": "http://127.0.0.1:1"},
                    },
                    "default_behavior": behavior,
                    "behaviors": [
                        {**behavior, "path_pattern": "/gone", "origin": "gone"},
                        {
                            **behavior,
                            "path_pattern": "/secure",
                            "viewer_protocol_policy": "redirect-to-https",
                        },
                    ],
                    **site,
                }
            },
        },
        base=base,
        functions=functions,
    )


def get(client: Any, path: str, method: str = "GET", **headers: str) -> Any:
    lines = {"accept-encoding": "identity", **headers}
    return client.request(method, path, headers=lines)


def test_a_policy_decorates_what_the_origin_sent(origin: str, tmp_path: Path) -> None:
    with gateway(origin, tmp_path).sync_client("site") as client:
        answer = get(client, "/", origin="https://app.test")
        assert answer.headers["access-control-allow-origin"] == "https://app.test"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["server"] == "CloudFront"
        assert "x-powered-by" not in answer.headers
        assert "server-timing" not in answer.headers


def test_a_preflight_goes_to_the_origin(origin: str, tmp_path: Path) -> None:
    with gateway(origin, tmp_path).sync_client("site") as client:
        asked = {"origin": "https://app.test", "access-control-request-method": "PUT"}
        answer = get(client, "/", "OPTIONS", **asked)
        assert answer.content == PAGE
        assert answer.headers["access-control-allow-methods"].startswith("DELETE, GET")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/secure", "GET", 301), ("/gone", "GET", 502), ("/", "DELETE", 403)],
)
def test_a_policy_decorates_pages_of_cloudfront(
    path: str, method: str, status: int, origin: str, tmp_path: Path
) -> None:
    with gateway(origin, tmp_path).sync_client("site") as client:
        answer = get(client, path, method)
        names = [name.lower() for name, _ in answer.headers.raw]
        assert answer.status_code == status
        assert names.index(b"x-content-type-options") + 2 == names.index(b"x-cache")  # Vary between


def test_viewer_response_sees_what_the_policy_and_compression_made(origin: str) -> None:
    seen: list[dict[str, Any]] = []

    def look(event: Any, _: Any) -> Any:
        response = event["Records"][0]["cf"]["response"]
        seen.append(response["headers"])
        return response

    functions: dict[str, Callable[..., Any]] = {"viewer-response": look}
    with gateway(origin, FUNCTIONS, functions=functions).sync_client("site") as client:
        answer = get(client, "/", **{"accept-encoding": "gzip"})
    assert seen[0]["x-content-type-options"][0]["value"] == "nosniff"
    assert seen[0]["content-encoding"][0]["value"] == "gzip"
    assert answer.text == PAGE.decode()


def test_server_timing_comes_on_demand(origin: str, tmp_path: Path) -> None:
    with gateway(origin, tmp_path).sync_client("site") as client:
        timing = get(client, "/", pragma="server-timing").headers["server-timing"]
    assert timing.startswith('cdn-upstream-layer;desc="EDGE",cdn-upstream-dns;dur=0,')
    assert "cdn-cache-miss" in timing


def compressed_page(port: int) -> tuple[http.client.HTTPMessage, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/", headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        return answer.headers, answer.read()


@pytest.mark.anyio
async def test_compressed_answers_are_chunked_over_sockets(origin: str, tmp_path: Path) -> None:
    opened: asyncio.Queue[Ready] = asyncio.Queue()
    stopping = asyncio.Event()
    served = serve(gateway(origin, tmp_path), on_ready=opened.put_nowait, stopping=stopping)
    task = asyncio.ensure_future(served)
    try:
        async with asyncio.timeout(30):
            ready = await opened.get()
            port = int(ready.url.rpartition(":")[2])
            headers, content = await asyncio.to_thread(compressed_page, port)
    finally:
        stopping.set()
        await task
    assert headers["transfer-encoding"] == "chunked"
    assert headers["content-length"] is None
    assert headers["etag"] == 'W/"tag"'
    assert headers.get_all("vary") == ["Origin", "Accept-Encoding"]
    assert gzip.decompress(content) == PAGE


def test_chunked_answers_of_an_origin_are_not_compressed(origin: str, tmp_path: Path) -> None:
    with gateway(origin, tmp_path).sync_client("site") as client:
        answer = get(client, "/chunked", **{"accept-encoding": "gzip"})
        assert "content-encoding" not in answer.headers
        assert answer.content == PAGE


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        ("a.log", 3),
        ({"file": "a.log", "fields": ["sc-status", "cs-uri-stem"]}, 3),
        ({"file": "a.log", "format": "json"}, 1),
        ({"file": "a.log", "format": "real-time"}, 1),
    ],
)
def test_the_access_log(log: Any, lines: int, origin: str, tmp_path: Path) -> None:
    with gateway(origin, tmp_path, access_log=log).sync_client("site") as client:
        assert get(client, "/a").status_code == 200
    written = (tmp_path / "a.log").read_text().splitlines()
    assert len(written) == lines
    last = written[-1]
    if isinstance(log, dict) and log.get("fields"):
        assert written == ["#Version: 1.0", "#Fields: sc-status cs-uri-stem", "200\t/a"]
    elif lines == 1 and last.startswith("{"):
        assert json.loads(last)["x-edge-result-type"] == "Miss"
    elif lines == 3:
        assert written[0] == "#Version: 1.0"
        assert len(last.split("\t")) == 33
    else:
        assert len(last.split("\t")) == 69
