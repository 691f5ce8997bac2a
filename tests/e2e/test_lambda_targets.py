"""Real frameworks as Lambda targets of a load balancer, unchanged, through public adapters."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import PYTHON, free_port
from tests.e2e.test_third_party import HERE, node_code, npm_packages, pypi_packages

pytestmark = pytest.mark.timeout(600)
"""Whoever comes first installs packages, and the others wait for that."""

__all__ = ["node_code", "npm_packages", "pypi_packages"]  # fixtures


@pytest.fixture(params=["FastAPI through Mangum", "Flask through apig-wsgi", "Express"])
def function(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The function of one framework."""
    if request.param == "Express":
        code = request.getfixturevalue("node_code")
        return {"runtime": "nodejs22.x", "code": str(code), "handler": "shop.handler"}
    shutil.copytree(request.getfixturevalue("pypi_packages"), tmp_path, dirs_exist_ok=True)
    module = "fast" if "FastAPI" in request.param else "wsgi"
    shutil.copy(HERE / f"{module}.py", tmp_path)
    return {"runtime": PYTHON, "code": str(tmp_path), "handler": f"{module}.handler"}


@pytest.mark.anyio
@pytest.mark.parametrize("multi", [True, False], ids=["multi-value", "single-value"])
async def test_a_framework_behind_a_load_balancer(
    function: dict[str, Any], serving: Any, multi: bool
) -> None:
    config = {
        "functions": {"app": {"timeout": 30, "memory_size": 512, **function}},
        "target_groups": {
            "app": {"target_type": "lambda", "function": "app", "multi_value_headers": multi}
        },
        "load_balancers": {
            "web": {
                "listeners": [
                    {
                        "listen": free_port(),
                        "public_port": 80,
                        "default_actions": [{"forward": "app"}],
                    }
                ]
            }
        },
    }
    async with (
        serving(config) as served,
        httpx.AsyncClient(base_url=served.urls["web"], trust_env=False) as client,
    ):
        headers = {"host": "shop.example.com", "cookie": "x=1; y=2"}
        found = await client.get("/items/a%20b?limit=3&tag=p&tag=q", headers=headers)
        assert found.status_code == 200, [each.reason for each in served.gateway.exchanges]
        assert found.json() == {
            "name": "a b",
            "limit": 3,
            "all": ["p", "q"] if multi else ["q"],
            "host": "shop.example.com",
            "scheme": "http",
            "cookies": {"x": "1", "y": "2"},
        }
        made = await client.post("/items", json={"a": [1, "ü"]})
        assert made.json() == {"got": {"a": [1, "ü"]}}
        cookies = (await client.get("/cookies")).headers.get_list("set-cookie")
        # One map holds one of them, unless an adapter spells the name in several ways (Mangum).
        names = {each.split(";")[0] for each in cookies}
        assert names == {"a=1", "b=2"} if multi else names <= {"a=1", "b=2"} and names
        raw = await client.get("/bytes")
        assert (raw.content, raw.headers["content-type"]) == (bytes([0, 255, 1, 254]), "image/png")
        missing = await client.get("/nowhere")
        assert missing.status_code == 404, missing.text
