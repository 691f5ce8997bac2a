"""What is saved between being read and being followed serves all the same."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest
import yaml

from edgegw import Gateway
from edgegw.config.resolve import load_file
from edgegw.gateway.server import Ready, serve

CODE = "function handler() { return { statusCode: 200, body: 'old' } }"


@pytest.mark.parametrize("saved", ["answer.js", "edgegw.yaml"])
async def test_an_edit_during_the_start_is_served(tmp_path: Path, saved: str) -> None:
    file = project(tmp_path)
    began = time.time()
    gateway = Gateway(load_file(file))
    await asyncio.sleep(0.02)  # the clock of a file system has steps
    text = (tmp_path / saved).read_text()
    edited = text.replace("viewer-request: old", "viewer-request: new").replace("'old'", "'new'")
    (tmp_path / saved).write_text(edited)
    urls: asyncio.Queue[Ready] = asyncio.Queue()
    stopping = asyncio.Event()
    serving = asyncio.ensure_future(
        serve(
            gateway,
            on_ready=urls.put_nowait,
            stopping=stopping,
            reload=True,
            load=lambda: load_file(file),
            loaded_at=began,
        )
    )
    try:
        async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as client:
            url = (await urls.get()).url
            while (await client.get(url)).text != "new":
                await asyncio.sleep(0.01)
    finally:
        stopping.set()
        await serving


def project(folder: Path) -> Path:
    """A configuration whose function `old` answers, and which may take `new` for it."""
    (folder / "answer.js").write_text(CODE)
    (folder / "another.js").write_text(CODE.replace("old", "new"))
    behavior = {"origin": "app", "edge_functions": {"viewer-request": "old"}}
    origins = {"app": {"url": "http://127.0.0.1:9"}}
    config = {
        "edge_functions": {"old": {"code": "answer.js"}, "new": {"code": "another.js"}},
        "distributions": {"site": {"listen": 0, "origins": origins, "default_behavior": behavior}},
    }
    (folder / "edgegw.yaml").write_text(yaml.safe_dump(config))
    return folder / "edgegw.yaml"
