"""A reference: what a gateway of our parts costs when it judges, records and logs nothing.

    python benchmarks/thin_gateway.py PORT ORIGIN_PORT [--hooks python|node] [--children 8]

It reads requests with httptools, passes them on over connections of its own and answers with what
the origin says. With hooks, each request goes through a `viewer-request` and each response through
a `viewer-response` function in child processes: events as Lambda@Edge has them, as JSON in frames
(4 bytes length, data) over socket pairs, one invocation at a time per process, as the product has
it. The headers of the results are what is sent on.

It is the limit that the product's speed is measured against, so it is written to be fast: no tasks,
no futures, one write per message. And it is no gateway to use: no time-outs, no limits, no pipelining,
no HEAD, no errors beyond "the connection ends", a request's body is gathered before it goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import httptools

try:
    from orjson import dumps, loads
except ImportError:
    loads = json.loads

    def dumps(value: object) -> bytes:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


HERE = Path(__file__).resolve().parent
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade".split()
)
Lines = list[tuple[bytes, bytes]]


class Hook:
    """The child processes of one function; an invocation that finds all busy waits for its turn."""

    def __init__(self) -> None:
        self.idle: list[Child] = []
        self.waiting: deque[tuple[bytes, Callable[[Any], None]]] = deque()

    async def start(self, command: list[str], children: int) -> None:
        for _ in range(children):
            ours, theirs = socket.socketpair()
            os.set_inheritable(theirs.fileno(), True)
            command_line = [*command, str(theirs.fileno())]
            subprocess.Popen(command_line, pass_fds=[theirs.fileno()])  # ends with its socket
            theirs.close()
            ours.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: Child(self), sock=ours)

    def invoke(self, event: dict[str, Any], then: Callable[[Any], None]) -> None:
        """Hands `event` out; `then` gets the result."""
        payload = dumps(event)
        if self.idle:
            self.idle.pop().invoke(payload, then)
        else:
            self.waiting.append((payload, then))


class Child(asyncio.Protocol):
    """Our end of the socket pair to one process."""

    def __init__(self, hook: Hook) -> None:
        self.hook, self.pending = hook, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.hook.idle.append(self)

    def invoke(self, payload: bytes, then: Callable[[Any], None]) -> None:
        self.then = then
        self.transport.write(len(payload).to_bytes(4, "big") + payload)

    def data_received(self, data: bytes) -> None:
        if self.pending:
            data = self.pending + data
        if len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
            self.pending = data
            return
        self.pending, then = b"", self.then
        if self.hook.waiting:
            self.invoke(*self.hook.waiting.popleft())
        else:
            self.hook.idle.append(self)
        then(loads(memoryview(data)[4:]))


class Origin(asyncio.Protocol):
    """A connection to the origin: one request at a time, kept alive in `idle`."""

    port: ClassVar[int]
    idle: ClassVar[list[Origin]] = []
    viewer: Viewer | None = None

    @classmethod
    def fetch(cls, viewer: Viewer, request: bytes) -> None:
        if cls.idle:
            cls.idle.pop().send(viewer, request)
        else:
            task = asyncio.ensure_future(cls.connect(viewer, request))
            task.add_done_callback(lambda _: task.cancelled() or task.exception())

    @classmethod
    async def connect(cls, viewer: Viewer, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, origin = await loop.create_connection(cls, "127.0.0.1", cls.port)
            origin.send(viewer, request)
        except OSError:
            viewer.transport.close()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def send(self, viewer: Viewer, request: bytes) -> None:
        self.viewer, viewer.origin = viewer, self
        self.parser = httptools.HttpResponseParser(self)
        self.reason, self.lines = b"", []
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        viewer = self.viewer
        if viewer is None:
            self.transport.close()  # nobody asked
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()
        viewer.flush()

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.append((name, value))

    def on_headers_complete(self) -> None:
        self.viewer.take_head(self.parser.get_status_code(), self.reason, self.lines)

    def on_body(self, chunk: bytes) -> None:
        self.viewer.take_body(chunk)

    def on_message_complete(self) -> None:
        viewer, self.viewer = self.viewer, None
        viewer.is_complete, viewer.origin = True, None
        if self.parser.should_keep_alive():
            self.idle.append(self)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.idle:
            self.idle.remove(self)
        if self.viewer is not None:
            self.viewer.transport.close()


class Viewer(asyncio.Protocol):
    """A viewer's connection and the one request under way on it."""

    hooks: ClassVar[tuple[Hook, Hook] | None] = None
    config: ClassVar[dict[str, str]] = {
        "distributionDomainName": "d50d858e0985ec.cloudfront.net",
        "distributionId": "E50D858E0985EC",
    }
    origin: Origin | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.address = transport.get_extra_info("peername")[0]
        self.parser = httptools.HttpRequestParser(self)
        self.is_complete = self.is_head_sent = False
        self.out: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def on_message_begin(self) -> None:
        self.target, self.lines, self.body = b"", [], b""

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.append((name, value))

    def on_body(self, chunk: bytes) -> None:
        self.body += chunk

    def on_message_complete(self) -> None:
        """The request goes through the first hook where there are hooks."""
        method, self.keeps_alive = self.parser.get_method(), self.parser.should_keep_alive()
        self.is_complete = self.is_head_sent = False
        if self.hooks is None:
            self.forward(method, self.target, self.lines)
            return
        path, _, query = self.target.partition(b"?")
        request = {
            "clientIp": self.address,
            "headers": event_headers(self.lines),
            "method": method.decode(),
            "querystring": query.decode("latin-1"),
            "uri": path.decode("latin-1"),
        }
        self.hooks[0].invoke(self.event("viewer-request", {"request": request}), self.requested)

    def event(self, trigger: str, parts: dict[str, Any]) -> dict[str, Any]:
        self.request_id = request_id = os.urandom(27).hex() + "=="
        config = {**self.config, "eventType": trigger, "requestId": request_id}
        return {"Records": [{"cf": {"config": config, **parts}}]}

    def requested(self, request: dict[str, Any]) -> None:
        """What the first hook made of the request."""
        self.request = request
        query = request["querystring"]
        target = request["uri"] + ("?" + query if query else "")
        lines = raw_headers(request["headers"])
        self.forward(request["method"].encode(), target.encode("latin-1"), lines)

    def forward(self, method: bytes, target: bytes, lines: Lines) -> None:
        head = [b"%b %b HTTP/1.1\r\n" % (method, target)]
        for name, value in lines:
            if (lower := name.lower()) not in HOP_BY_HOP and lower != b"content-length":
                head.append(b"%b: %b\r\n" % (name, value))
        head.append(b"X-Forwarded-For: %b\r\nVia: 1.1 thin\r\n" % self.address.encode())
        length = b"Content-Length: %d\r\n" % len(self.body) if self.body else b""
        head.append(b"%b\r\n%b" % (length, self.body))
        Origin.fetch(self, b"".join(head))

    def take_head(self, status: int, reason: bytes, lines: Lines) -> None:
        """The head of the origin's answer, through the second hook where there are hooks."""
        self.status, self.reason = status, reason
        self.is_chunked = not any(name.lower() == b"content-length" for name, _ in lines)
        if self.hooks is None:
            self.put_head(lines)
            return
        response = {
            "headers": event_headers(lines),
            "status": str(status),
            "statusDescription": reason.decode("latin-1"),
        }
        parts = {"request": self.request, "response": response}
        self.hooks[1].invoke(self.event("viewer-response", parts), self.responded)

    def responded(self, response: dict[str, Any]) -> None:
        """What the second hook made of the response."""
        self.status = int(response["status"])
        body, self.out = self.out, []
        self.put_head(raw_headers(response["headers"]))
        self.out += body
        self.flush()

    def put_head(self, lines: Lines) -> None:
        head = [b"HTTP/1.1 %d %b\r\n" % (self.status, self.reason)]
        head += [b"%b: %b\r\n" % each for each in lines if each[0].lower() not in HOP_BY_HOP]
        if self.is_chunked:
            head.append(b"Transfer-Encoding: chunked\r\n")
        head.append(b"\r\n" if self.keeps_alive else b"Connection: close\r\n\r\n")
        self.is_head_sent = True
        self.out.append(b"".join(head))

    def take_body(self, chunk: bytes) -> None:
        self.out.append(b"%x\r\n%b\r\n" % (len(chunk), chunk) if self.is_chunked else chunk)

    def flush(self) -> None:
        """Writes what is there, once the head is known."""
        if not self.is_head_sent or self.transport.is_closing():
            return
        if self.is_complete and self.is_chunked:
            self.out.append(b"0\r\n\r\n")
        self.transport.write(b"".join(self.out))
        self.out.clear()
        if self.is_complete and not self.keeps_alive:
            self.transport.close()

    def pause_writing(self) -> None:
        if self.origin is not None:
            self.origin.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.origin is not None:
            self.origin.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.origin is not None:
            self.origin.transport.close()


def event_headers(lines: Lines) -> dict[str, list[dict[str, str]]]:
    headers: dict[str, list[dict[str, str]]] = {}
    for name, value in lines:
        key = name.decode("latin-1")
        headers.setdefault(key.lower(), []).append({"key": key, "value": value.decode("latin-1")})
    return headers


def raw_headers(headers: dict[str, list[dict[str, str]]]) -> Lines:
    return [
        (entry["key"].encode("latin-1"), entry["value"].encode("latin-1"))
        for entries in headers.values()
        for entry in entries
    ]


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port", type=int)
    parser.add_argument("origin", type=int)
    parser.add_argument("--hooks", choices=["python", "node"])
    parser.add_argument("--children", type=int, default=8, help="of each hook")
    options = parser.parse_args()
    Origin.port = options.origin
    if options.hooks:
        Viewer.hooks = (Hook(), Hook())
        python, node = [sys.executable, str(HERE / "thin_hook.py")], ["node", HERE / "thin_hook.js"]
        for hook, handler in zip(Viewer.hooks, ("request", "response"), strict=True):
            command = [*(python if options.hooks == "python" else node), handler]
            await hook.start(command, options.children)
    server = await asyncio.get_running_loop().create_server(Viewer, "127.0.0.1", options.port)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())
