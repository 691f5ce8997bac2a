"""`serve --debug FUNCTION`: a real debugger stops a hook, and no time-out ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.cli.test_commands import run, running
from tests.conftest import PYTHON, free_port

HOOK = """\
import os
def handler(event, context):
    text = "stopped here"
    return {"status": "200", "body": f"{os.getpid()} {text}"}
"""
NODE_HOOK = """\
exports.handler = async () => {
  const text = "stopped here";
  return { status: "200", body: text };
};
"""


def project(folder: Path, runtime: str, file: str, source: str, port: int) -> Path:
    (folder / file).write_text(source)
    hook = {"runtime": runtime, "code": file, "handler": "hook.handler", "timeout": 1}
    behavior = {"origin": "app", "lambda_functions": {"viewer-request": "hook"}}
    site = {
        "listen": port,
        "origins": {"app": {"url": "http://127.0.0.1:9"}},
        "default_behavior": behavior,
    }
    config = {"functions": {"hook": hook}, "distributions": {"site": site}}
    (folder / "edgegw.yaml").write_text(json.dumps(config))
    return folder / file


class Adapter:
    """A client of the Debug Adapter Protocol, as an editor is one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._count = 0
        self.seen: list[dict[str, Any]] = []

    def send(self, command: str, **arguments: Any) -> None:
        self._count += 1
        message = {"seq": self._count, "type": "request", "command": command}
        body = json.dumps({**message, "arguments": arguments}).encode()
        self._writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    async def until(self, **wanted: str) -> dict[str, Any]:
        """The next message with these values."""
        async with asyncio.timeout(30):
            while True:
                head = await self._reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                message = json.loads(await self._reader.readexactly(length))
                self.seen.append(message)
                if all(message.get(key) == value for key, value in wanted.items()):
                    return message

    def close(self) -> None:
        self._writer.close()


async def attached(port: int) -> Adapter:
    async with asyncio.timeout(30):
        while True:
            try:
                adapter = Adapter(*await asyncio.open_connection("127.0.0.1", port))
                break
            except OSError:
                await asyncio.sleep(0.05)
    try:
        adapter.send("initialize", adapterID="test", clientID="test", pathFormat="path")
        await adapter.until(type="response", command="initialize")
        adapter.send("attach", justMyCode=True)
        await adapter.until(type="event", event="initialized")
    except BaseException:
        adapter.close()
        raise
    return adapter


async def test_a_python_hook_stops_at_a_breakpoint(tmp_path: Path) -> None:
    door, port = free_port(), free_port()
    file = project(tmp_path, PYTHON, "hook.py", HOOK, door)
    with running("serve", "--debug", f"hook={port}", cwd=tmp_path, doors=1):
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            # The request waits for the debugger, not the debugger for a request.
            first = asyncio.ensure_future(client.get(f"http://127.0.0.1:{door}/"))
            adapter = await attached(port)
            source = {"path": str(file)}
            adapter.send("setBreakpoints", source=source, breakpoints=[{"line": 4}])
            await adapter.until(type="response", command="setBreakpoints")
            adapter.send("configurationDone")
            stopped = await adapter.until(type="event", event="stopped")
            thread = stopped["body"]["threadId"]
            adapter.send("stackTrace", threadId=thread)
            frames = (await adapter.until(type="response", command="stackTrace"))["body"]
            assert (frames["stackFrames"][0]["name"], frames["stackFrames"][0]["line"]) == (
                "handler",
                4,
            )
            await asyncio.sleep(1.5)  # longer than the function's timeout
            assert not first.done()
            second = asyncio.ensure_future(client.get(f"http://127.0.0.1:{door}/"))
            adapter.send("continue", threadId=thread)
            answer = await first
            assert answer.status_code == 200
            assert answer.text.endswith("stopped here")
            # The next one waited: there is one environment, with the debugger attached.
            stopped = await adapter.until(type="event", event="stopped")
            adapter.send("continue", threadId=stopped["body"]["threadId"])
            assert (await second).text == answer.text
            adapter.close()


async def inspector(port: int) -> ClientConnection:
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(30):
        while True:
            try:
                found = (await client.get(f"http://127.0.0.1:{port}/json/list")).json()
                return await connect(found[0]["webSocketDebuggerUrl"], proxy=None)
            except (httpx.TransportError, OSError, IndexError):
                await asyncio.sleep(0.05)


async def until(connection: ClientConnection, method: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            message = json.loads(await connection.recv())
            if message.get("method") == method:
                return message["params"]


async def test_a_node_hook_stops_at_a_breakpoint(tmp_path: Path, node: str) -> None:
    door, port = free_port(), free_port()
    file = project(tmp_path, "nodejs22.x", "hook.js", NODE_HOOK, door)
    with running("serve", "--debug", f"hook={port}", cwd=tmp_path, doors=1):
        connection = await inspector(port)
        for number, (method, values) in enumerate(
            [
                ("Debugger.enable", {}),
                (
                    "Debugger.setBreakpointByUrl",
                    {"lineNumber": 2, "urlRegex": f".*{file.name}"},
                ),
            ]
        ):
            await connection.send(json.dumps({"id": number, "method": method, "params": values}))
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            request = asyncio.ensure_future(client.get(f"http://127.0.0.1:{door}/"))
            paused = await until(connection, "Debugger.paused")
            assert paused["callFrames"][0]["location"]["lineNumber"] == 2
            await asyncio.sleep(1.5)
            assert not request.done()
            await connection.send(json.dumps({"id": 9, "method": "Debugger.resume"}))
            assert (await request).text == "stopped here"
        await connection.close()


async def test_an_edit_of_a_debugged_hook_waits_for_the_debugger_again(tmp_path: Path) -> None:
    door, port = free_port(), free_port()
    file = project(tmp_path, PYTHON, "hook.py", HOOK, door)
    with running("serve", "--debug", f"hook={port}", cwd=tmp_path, doors=1):
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            adapter = await attached(port)
            adapter.send("configurationDone")
            assert (await client.get(f"http://127.0.0.1:{door}/")).text.endswith("here")
            file.write_text(HOOK.replace("here", "there"))
            adapter.close()
            async with asyncio.timeout(60):
                while True:  # at first the old environment may still listen
                    asked = asyncio.ensure_future(client.get(f"http://127.0.0.1:{door}/"))
                    while not asked.done():
                        with contextlib.suppress(EOFError, OSError):
                            adapter = await attached(port)
                            adapter.send("configurationDone")
                            await asyncio.wait([asked], timeout=2)
                            adapter.close()
                    if (await asked).text.endswith("there"):
                        break


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--debug", "hok"], "did you mean 'hook'?"),
        (["--debug", "hook=x"], "is no port"),
        (["--debug", "hook=99999"], "is no port"),
    ],
)
def test_wrong_use(tmp_path: Path, words: list[str], text: str) -> None:
    project(tmp_path, PYTHON, "hook.py", HOOK, 0)
    found = run("serve", *words, cwd=tmp_path)
    assert found.returncode == 2
    assert text in found.stderr
