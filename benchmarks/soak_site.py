"""What a soak runs: a configuration with hooks in Python and Node.js, its code, and its origin."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from servers import free_port
from websockets.asyncio.server import serve as serve_websockets

PYTHON: Final = f"python{sys.version_info[0]}.{sys.version_info[1]}"
HOOK: Final = """
import os

VERSION = 0


def viewer_request(event, context):
    request = event["Records"][0]["cf"]["request"]
    request["headers"]["x-python"] = [{"key": "X-Python", "value": f"{VERSION} {os.getpid()}"}]
    return request


def target(event, context):
    body = "target " + event["path"] + " " + event["body"]
    headers = {"x-process": str(os.getpid()), "content-type": "text/plain"}
    return {"statusCode": 200, "headers": headers, "body": body}
"""
NODE_HOOK: Final = """
const VERSION = 0;

exports.viewerResponse = async (event) => {
  const response = event.Records[0].cf.response;
  response.headers["x-node"] = [{ key: "X-Node", value: `${VERSION} ${process.pid}` }];
  return response;
};

exports.target = async (event) => ({
  statusCode: 200,
  headers: { "x-process": String(process.pid), "content-type": "text/plain" },
  body: `target ${event.path} ${event.body}`,
});
"""
_CONFIG: Final = """
functions:
  python-hook: {{runtime: {python}, code: python_hook, handler: hook.viewer_request, timeout: 5}}
  node-hook: {{runtime: nodejs22.x, code: node_hook, handler: hook.viewerResponse, timeout: 5}}
  python-target: {{runtime: {python}, code: python_hook, handler: hook.target, timeout: 10}}
  node-target: {{runtime: nodejs22.x, code: node_hook, handler: hook.target, timeout: 10}}
distributions:
  site:
    listen: 127.0.0.1:{site}
    origins: &origins
      app: {{url: "http://127.0.0.1:{origin}"}}
      sockets: {{url: "http://127.0.0.1:{sockets}"}}
    default_behavior: &hooked
      origin: app
      cache_policy: CachingDisabled
      origin_request_policy: AllViewer
      allowed_methods: [GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE]
      lambda_functions: {{viewer-request: python-hook, viewer-response: node-hook}}
    behaviors: &behaviors
      - {{path_pattern: /ws*, origin: sockets, cache_policy: CachingDisabled, origin_request_policy: AllViewer}}
  secure:
    listen: {{address: 127.0.0.1, port: {secure}, tls: true}}
    origins: *origins
    default_behavior: *hooked
    behaviors: *behaviors
target_groups:
  app: {{targets: ["127.0.0.1:{origin}"], health_check: {{path: /health, interval: 5, timeout: 2}}}}
  sockets: {{targets: ["127.0.0.1:{sockets}"], health_check: {{enabled: false}}}}
  python: {{target_type: lambda, function: python-target}}
  node: {{target_type: lambda, function: node-target}}
load_balancers:
  web:
    listeners:
      - listen: 127.0.0.1:{web}
        rules: &rules
          - {{priority: 1, conditions: [{{path_pattern: /python/*}}], actions: [{{forward: python}}]}}
          - {{priority: 2, conditions: [{{path_pattern: /node/*}}], actions: [{{forward: node}}]}}
          - {{priority: 3, conditions: [{{path_pattern: /ws*}}], actions: [{{forward: sockets}}]}}
          - priority: 4
            conditions: [{{path_pattern: /version}}]
            actions: [{{fixed_response: {{status_code: 200, message_body: version 0}}}}]
        default_actions: [{{forward: app}}]
      - listen: 127.0.0.1:{web_tls}
        protocol: HTTPS
        rules: *rules
        default_actions: [{{forward: app}}]
gateway: {{lambda_api: null}}
"""
DOORS: Final = ("site", "secure", "web", "web_tls")


def write_site(folder: Path, origin: int, sockets: int) -> dict[str, int]:
    """Writes configuration and code; answers with the ports of the front doors."""
    ports = {door: free_port() for door in DOORS}
    text = _CONFIG.format(python=PYTHON, origin=origin, sockets=sockets, **ports)
    for name, content in (("python_hook/hook.py", HOOK), ("node_hook/hook.js", NODE_HOOK)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "edgegw.yaml").write_text(text)
    return ports


def save(file: Path, text: str) -> None:
    """As an editor saves: all or nothing."""
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_text(text)
    temporary.replace(file)


def edit(folder: Path, number: int) -> str:
    """Saves another version of a hook or the configuration; answers with its name."""
    names = ("python_hook/hook.py", "edgegw.yaml", "node_hook/hook.js")
    file = folder / names[number % len(names)]
    pattern = r"(VERSION = |message_body: version )\d+"
    save(file, re.sub(pattern, rf"\g<1>{number + 1}", file.read_text()))
    return file.name


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says what it was asked, and by whom it came."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await _body(reader, head)
            seen = re.search(rb"(?i)\r\nx-python: ([^\r]*)\r\n", head)
            content = b"%b\n%b\n%b" % (head.split(b" ")[1], seen[1] if seen else b"", body)
            writer.write(_framed(content, is_chunked=len(content) % 3 == 0))
            await writer.drain()
    writer.close()


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    if length is not None:
        return await reader.readexactly(int(length[1]))
    body = b""
    if re.search(rb"(?i)\r\ntransfer-encoding: chunked", head):
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    return body


def _framed(content: bytes, *, is_chunked: bool) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    if not is_chunked:
        return head + b"Content-Length: %d\r\n\r\n%b" % (len(content), content)
    return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (
        len(content),
        content,
    )


@asynccontextmanager
async def origins() -> AsyncIterator[tuple[int, int]]:
    """The ports of an origin that says what it was asked, and of one that echoes WebSockets."""

    async def echo(connection) -> None:
        async for message in connection:
            await connection.send(message)

    async with (
        await asyncio.start_server(_answer, "127.0.0.1", 0) as plain,
        serve_websockets(echo, "127.0.0.1", 0) as sockets,
    ):
        yield plain.sockets[0].getsockname()[1], next(iter(sockets.sockets)).getsockname()[1]
