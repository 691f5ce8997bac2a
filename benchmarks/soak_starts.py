"""Gateways that are started again and again beside a soak, and asked at once or a moment later."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import urllib.request
from pathlib import Path
from typing import Final

from soak_site import PYTHON
from soak_traffic import PATIENCE, Ledger

CALLS: Final = 10
_EARLY: Final = 10
"""One start in so many is asked in its first moments, the first one among them."""
_CODE: Final = """
import os
import time


def handler(event, context):
    time.sleep(0.3)
    return {"statusCode": 200, "body": str(os.getpid())}
"""
_CONFIG: Final = f"""
functions:
  f: {{runtime: {PYTHON}, code: code, handler: hook.handler, provisioned_concurrency: 1}}
target_groups:
  f: {{target_type: lambda, function: f}}
load_balancers:
  web:
    listeners: [{{listen: 0, default_actions: [{{forward: f}}]}}]
gateway: {{lambda_api: null}}
"""


async def start_often(folder: Path, ledger: Ledger, until: float) -> None:
    """Starts a gateway, asks it, ends it, and begins again."""
    (folder / "code").mkdir(parents=True)
    (folder / "code/hook.py").write_text(_CODE)
    (folder / "edgegw.yaml").write_text(_CONFIG)
    number = 0
    while ledger.now() < until:
        is_early = number % _EARLY == 0
        kind = "start, asked at once" if is_early else "start"
        began = ledger.now()
        try:
            async with asyncio.timeout(2 * PATIENCE):
                await _start(folder, 0.0 if is_early else 1.0)
            ledger.served[kind] += 1
        except (OSError, RuntimeError, TimeoutError) as error:
            ledger.failed(kind, f"{type(error).__name__}: {error}", began, by_function=False)
        number += 1
        await asyncio.sleep(2)


async def _start(folder: Path, pause: float) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edgegw", "serve", "edgegw.yaml", "--quiet",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        url = await _ready(process)
        await asyncio.sleep(pause)
        pids = await asyncio.gather(*[asyncio.to_thread(_ask, url) for _ in range(CALLS)])
        if len(set(pids)) < 2:
            raise RuntimeError(f"{CALLS} simultaneous calls had one environment")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        _, printed = await process.communicate()
        if b"Traceback" in printed:
            raise RuntimeError(printed.decode(errors="replace")[-300:])


async def _ready(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        match = re.search(rb"ready +load-balancer +web +(http://\S+)", line)
        if match is not None:
            return match[1].decode()
    raise RuntimeError("it ended before it was ready")


def _ask(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return answer.read().decode()
