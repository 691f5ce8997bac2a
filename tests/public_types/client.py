"""Type-checked by pyright: how users call the public API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from edgegw import ConfigError, Exchange, Gateway


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return event


async def in_process() -> int:
    gateway = Gateway.from_file(Path("config/demo.yaml"), functions={"viewer-auth": handler})
    async with gateway.client("site", timeout=5) as client:
        response: httpx.Response = await client.get("/")
        exchange: Exchange = gateway.exchange(response)
        durations: list[float] = [run.duration for run in exchange.runs]
    with gateway.sync_client("web") as blocking:
        blocking.get("/")
    app = gateway.app("site")
    await app({"type": "lifespan"}, receive, send)
    return response.status_code + len(durations)


async def receive() -> dict[str, Any]:
    return {"type": "lifespan.startup"}


async def send(message: Any) -> None:
    print(message)


def mistakes() -> list[str]:
    try:
        Gateway.from_dict({"distribution": {}})
    except ConfigError as error:
        return [f"{each.file}:{each.line} {each.code}" for each in error.findings]
    return []
