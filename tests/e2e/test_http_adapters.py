"""Frameworks behind function URLs and HTTP APIs, by adapters that other people published."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import PYTHON
from tests.e2e.test_third_party import HERE, node_code, npm_packages, pypi_packages

pytestmark = pytest.mark.timeout(600)
"""Whoever comes first installs packages, and the others wait for that."""

__all__ = ["node_code", "npm_packages", "pypi_packages"]


def behind(function: dict[str, Any], **url: Any) -> dict[str, Any]:
    """A function at a URL, and at HTTP APIs of both payloads."""
    return {
        "functions": {"app": {"timeout": 30, **function, "url": {"listen": 0, **url}}},
        "http_apis": {
            f"api{payload[0]}": {"listen": 0, "payload": payload, "routes": {"$default": "app"}}
            for payload in ("1.0", "2.0")
        },
    }


DOORS = ("app", "api1", "api2")


@pytest.fixture
def python_code(pypi_packages: Path, tmp_path: Path) -> Path:
    code = tmp_path / "python"
    shutil.copytree(pypi_packages, code)
    shutil.copy(HERE / "fast.py", code)
    return code


async def test_fastapi_through_mangum(python_code: Path, serving: Any) -> None:
    config = behind({"runtime": PYTHON, "code": str(python_code), "handler": "fast.handler"})
    async with serving(config) as served:
        for door in DOORS:
            async with httpx.AsyncClient(base_url=served.urls[door], trust_env=False) as client:
                answer = await client.get(
                    "/items/a%20b?tag=x&tag=y&limit=3", headers={"cookie": "k=v; l=w"}
                )
                assert answer.status_code == 200, (door, answer.text)
                assert answer.json() == {
                    "name": "a b",
                    "limit": 3,
                    "all": ["x", "y"],
                    "host": served.urls[door].removeprefix("http://"),
                    "scheme": "http",
                    "cookies": {"k": "v", "l": "w"},
                }
                made = await client.post("/items", json={"a": [1]})
                assert made.json() == {"got": {"a": [1]}}
                cookies = await client.get("/cookies")
                assert len(cookies.headers.get_list("set-cookie")) == 2, door
                assert (await client.get("/bytes")).content == bytes([0, 255, 1, 254])


async def test_express_through_serverless_express(node_code: Path, serving: Any) -> None:
    config = behind({"runtime": "nodejs22.x", "code": str(node_code), "handler": "express.handler"})
    async with serving(config) as served:
        for door in DOORS:
            async with httpx.AsyncClient(base_url=served.urls[door], trust_env=False) as client:
                hello = await client.get("/hello/ada?from=here")
                assert (hello.status_code, hello.text) == (200, "hello ada from here"), door
                made = await client.post("/json", json={"a": 1})
                assert (made.status_code, made.json()) == (201, {"got": {"a": 1}})


async def test_hono_through_its_own_adapter(node_code: Path, serving: Any) -> None:
    config = behind({"runtime": "nodejs22.x", "code": str(node_code), "handler": "urls.handler"})
    async with serving(config) as served:
        for door in DOORS:
            async with httpx.AsyncClient(base_url=served.urls[door], trust_env=False) as client:
                assert (await client.get("/hello/ada")).text == "hello ada", door
                moved = await client.get("/cookies")
                assert (moved.status_code, moved.headers["location"]) == (302, "/there")
                assert len(moved.headers.get_list("set-cookie")) == 2
                made = await client.post("/json", json={"a": 1})
                assert (made.status_code, made.json()) == (201, {"got": {"a": 1}})


async def test_hono_streams(node_code: Path, serving: Any) -> None:
    function = {"runtime": "nodejs22.x", "code": str(node_code), "handler": "urls.streaming"}
    config = behind(function, invoke_mode="RESPONSE_STREAM")
    async with serving(config) as served:
        async with httpx.AsyncClient(base_url=served.urls["app"], trust_env=False) as client:
            assert (await client.get("/hello/ada")).text == "hello ada"
            async with client.stream("GET", "/ticks") as answer:
                assert answer.headers["content-type"].startswith("text/plain")
                assert "".join([text async for text in answer.aiter_text()]) == "one\ntwo\n"
