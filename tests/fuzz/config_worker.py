"""A process that judges configurations: what it says of one, within a time that another process keeps.

A configuration must never raise anything but what carries findings, at `check` as at `serve`. What
passes has to be fit to serve: every front door answers a request, whose function and origin are
stand-ins, and starts to listen, on a port that the system chooses.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import tempfile
import traceback
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import httpx

from edgegw.config.model import Config
from edgegw.config.resolve import load_file
from edgegw.errors import ConfigError, EdgegwError, UsageError
from edgegw.gateway.gateway import Gateway
from edgegw.gateway.server import serve
from tests.conftest import FUNCTIONS

MEMORY: Final = 4 << 30
"""Bytes of address space that judging may take."""
_WAITS: Final = 10.0
"""Seconds that a front door's answer may take; functions' latency on demand does not count."""


def work(pipe: Connection) -> None:
    """Judges every text that comes; answers with a word, or with what went wrong."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="edgegw-fuzz-") as name:
        folder = Path(name)
        for file in ("hooks.py", "behaves.py"):
            os.symlink(FUNCTIONS / file, folder / file)
        os.chdir(folder)
        while True:
            try:
                text = pipe.recv()
            except EOFError:
                return
            pipe.send(_judged(folder / "edgegw.yaml", text))


def _judged(file: Path, text: str) -> tuple[bool, str]:
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        config = load_file(file, {})
        load_file_for_deployment(file)
    except ConfigError as error:
        return _judged_findings(error)
    except UsageError:
        return True, "cannot be read"
    except BaseException:
        return False, f"check: {traceback.format_exc()[-1500:]}"
    try:
        return True, asyncio.run(_served(config))
    except BaseException:
        return False, f"passes check, cannot be served: {traceback.format_exc()[-1500:]}"


def load_file_for_deployment(file: Path) -> None:
    """As `check --deploy`; what it finds does not count here."""
    try:
        load_file(file, {}, deploy=True)
    except ConfigError as error:
        str(error)


def _judged_findings(error: ConfigError) -> tuple[bool, str]:
    if not error.findings:
        return False, "an error without a finding"
    for finding in error.findings:
        if "\n" in str(finding) or finding.line < 1 or finding.column < 1:
            return False, f"a finding without its place: {finding}"
    return True, "refused"


async def _served(config: Config) -> str:
    """A request to each front door in process, and all of them on sockets for a moment."""
    loop, trouble = asyncio.get_running_loop(), list[str]()
    loop.set_exception_handler(lambda _, context: trouble.append(str(context)))
    gateway = _gateway(_quiet(config))
    async with gateway:
        for front in gateway.fronts():
            name = f"{front.name}:{front.listen.port}"
            async with gateway.client(name, follow_redirects=False) as client:
                async with asyncio.timeout(_WAITS):
                    answer = await client.get("/api/x?v=1", headers={"Host": "localhost"})
            record = gateway.exchange(answer)
            if record.verdict == "edgegw-fault" or answer.status_code == 500:
                raise RuntimeError(f"{name}: {record.reason}")
    await _listened(_quiet(config))
    if trouble:
        raise RuntimeError(trouble[0])
    return "served" if config.doors else "passes, without front doors"


async def _listened(config: Config) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.call_later(0.05, stopping.set)
    distributions = tuple(map(_on_any_port, config.distributions))
    listeners = tuple(map(_on_any_port, config.listeners))
    gateway = _gateway(
        replace(config, distributions=distributions, listeners=listeners, lambda_api=None)
    )
    try:
        await serve(gateway, on_ready=lambda _: None, grace=0, stopping=stopping)
    except EdgegwError as error:  # a runtime, a file of a certificate that is not there
        str(error)


def _on_any_port(door: Any) -> Any:
    return replace(door, listen=replace(door.listen, address="127.0.0.1", port=0))


def _gateway(config: Config) -> Gateway:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"origin")

    return Gateway(
        config,
        functions=dict.fromkeys(config.functions, _returned),
        transport=lambda _unverified: httpx.MockTransport(answer),
    )


def _returned(event: Any, _context: Any) -> Any:
    """What every trigger and every target may return."""
    if "Records" in event:
        part = event["Records"][0]["cf"]
        return part.get("response", part["request"])
    return {"statusCode": 200, "body": "function"}


def _quiet(config: Config) -> Config:
    """Without what would take its time on purpose: faults on demand."""
    return replace(config, faults={}, shifts=())
