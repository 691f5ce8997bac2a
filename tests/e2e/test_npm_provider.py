"""A load balancer, a provider from npm (panva's `oidc-provider`) and a target in Express.

One process of the provider and one of the target serve the whole module.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from edgegw.gateway.gateway import Gateway
from tests.conftest import AUTHORITY, FUNCTIONS, free_port, need
from tests.e2e.test_identity_clients import HERE, npm_packages
from tests.gateway.test_sign_in_round_trip import Clock, answering, described, oidc, target

pytestmark = pytest.mark.timeout(600)
"""Whoever comes first installs packages, and the others wait for that."""

__all__ = ["npm_packages"]

SAMPLE = Path(__file__).parents[2] / "sample_functions" / "oidc_target_node"
HOST = "https://shop.test"
SECRET = "a secret: with/signs"


@contextmanager
def running(folder: Path, script: str, url: str, **environment: str) -> Iterator[str]:
    """A script in Node.js that answers at `url`."""
    process = subprocess.Popen(
        [need("node", "providers in Node.js are not tested"), script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        answering(url)
        yield url
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def code(npm_packages: Path, tmp_path_factory: Any) -> Path:
    """A folder with the scripts and their `node_modules`."""
    folder: Path = tmp_path_factory.mktemp("npm-provider")
    shutil.copy(HERE / "provider.mjs", folder)
    shutil.copytree(SAMPLE, folder / "sample")
    (folder / "node_modules").symlink_to(npm_packages / "node_modules")
    return folder


@pytest.fixture(scope="module")
def own() -> str:
    """Where the load balancer of the Express target listens."""
    return f"https://localhost:{free_port()}"


@pytest.fixture(scope="module")
def npm_provider(code: Path, own: str) -> Iterator[str]:
    backs = " ".join(f"{host}/oauth2/idpresponse" for host in (HOST, own))
    url = f"http://localhost:{free_port()}"
    with running(code, "provider.mjs", url, ISSUER=url, CLIENT="app", SECRET=SECRET, BACKS=backs):
        yield url


def guard(provider: str, **more: Any) -> dict[str, Any]:
    document = httpx.get(f"{provider}/.well-known/openid-configuration").json()
    endpoints = {
        "authorization_endpoint": document["authorization_endpoint"],
        "token_endpoint": document["token_endpoint"],
        "user_info_endpoint": document["userinfo_endpoint"],
        "client_secret": SECRET,
    }
    return oidc(provider, **endpoints, **more)


def front(provider: str, clock: Clock | None = None, **more: Any) -> Gateway:
    config = described(guard(provider, **more))
    return Gateway.from_dict(config, base=FUNCTIONS, functions={"api": target}, clock=clock)


FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="(\w+)"')


async def through_forms(location: str, user: str, *, cancels: bool = False) -> str:
    """What a browser does at the provider: logs in, consents; the URL that it comes back with."""
    async with httpx.AsyncClient() as browser:
        page = await browser.get(location)
        while not page.headers.get("location", "").startswith("https://"):
            if page.is_redirect:
                page = await browser.get(str(page.next_request.url))  # type: ignore[union-attr]
                continue
            assert page.status_code == 200, page.text
            (action,) = re.findall(r'<form [^>]*action="([^"]+)"', page.text)
            if cancels:
                page = await browser.get(html.unescape(action) + "/abort")
                continue
            form = dict(FIELD.findall(page.text))
            if form["prompt"] == "login":
                form |= {"login": user, "password": "any"}
            page = await browser.post(html.unescape(action), data=form)
        return page.headers["location"]


async def sign_in(client: httpx.AsyncClient, path: str, user: str = "ada") -> httpx.Response:
    """The callback's answer."""
    sent = await client.get(path)
    assert sent.status_code == 302, sent.text
    return await client.get(await through_forms(sent.headers["location"], user))


async def refreshes(provider: str) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{provider}/refreshes")).json()["refreshes"]


async def test_a_provider_from_npm_signs_in_and_refreshes_once_for_all(npm_provider: str) -> None:
    clock = Clock()
    gateway = front(npm_provider, clock)
    async with gateway.client("web", base_url=HOST) as client:
        back = await sign_in(client, "/0/basket?item=1")
        assert back.status_code == 302, gateway.exchange(back).reason
        assert back.headers["location"] == f"{HOST}/0/basket?item=1"
        first = (await client.get("/0/basket?item=1")).json()
        assert first["x-amzn-oidc-identity"] == "ada"

        clock.offset = 61
        pages = await asyncio.gather(*(client.get(f"/0/{number}") for number in range(6)))
        assert [page.status_code for page in pages] == [200] * 6
        tokens = {page.json()["x-amzn-oidc-accesstoken"] for page in pages}
        assert len(tokens) == 1
        assert first["x-amzn-oidc-accesstoken"] not in tokens
        assert await refreshes(npm_provider) == 1

        clock.offset = 122  # with the refresh token that came with the last answer
        assert (await client.get("/0/a")).status_code == 200
        assert await refreshes(npm_provider) == 2
        again = await client.get(str(back.request.url))
        assert again.status_code == 401


async def test_who_cancels_there_is_not_let_in(npm_provider: str) -> None:
    gateway = front(npm_provider)
    async with gateway.client("web", base_url=HOST) as client:
        sent = await client.get("/0/a")
        back = await through_forms(sent.headers["location"], "ada", cancels=True)
        assert parse_qs(urlsplit(back).query)["error"] == ["access_denied"]
        assert (await client.get(back)).status_code == 401


async def test_a_wrong_secret_and_a_spent_code_have_awss_reasons(npm_provider: str) -> None:
    gateway = front(npm_provider, client_id="app")
    async with gateway.client("web", base_url=HOST) as client:
        sent = await client.get("/0/a")
        back = await through_forms(sent.headers["location"], "ada")
        code = parse_qs(urlsplit(back).query)["code"][0]
        forged = await client.get(back.replace(code, code[::-1]))
        assert (forged.status_code, gateway.exchange(forged).verdict) == (
            401,
            "AuthInvalidGrantError",
        )
    action = guard(npm_provider)
    action["authenticate_oidc"]["client_secret"] = "another"
    other = Gateway.from_dict(described(action), base=FUNCTIONS, functions={"api": target})
    async with other.client("web", base_url=HOST) as client:
        refused = await sign_in(client, "/0/a")
        assert (refused.status_code, other.exchange(refused).verdict) == (
            561,
            "AuthTokenEpRequestFailed",
        )
        assert "another" not in (other.exchange(refused).reason or "")


async def test_an_express_target_believes_its_load_balancer_alone(
    serving: Any, npm_provider: str, code: Path, own: str
) -> None:
    port = free_port()
    config = described(guard(npm_provider)) | {"gateway": {"public_keys": 0}}
    config["target_groups"] = {"api": {"targets": [f"127.0.0.1:{port}"]}}
    listener = config["load_balancers"]["web"]["listeners"][0]
    listen = {"address": "127.0.0.1", "port": urlsplit(own).port, "tls": True}
    forward = {"forward": "api", "order": 2}
    listener |= {"listen": listen, "rules": [], "default_actions": [guard(npm_provider), forward]}
    del listener["public_port"]
    async with serving(config) as served:
        balancer = served.gateway.config.listeners[0].listener.load_balancer
        variables = {
            "SIGNER": balancer.arn,
            "PUBLIC_KEYS": served.urls["public-keys"],
            "PORT": str(port),
        }
        direct = f"http://127.0.0.1:{port}"

        async def browse() -> None:
            trusted = ssl.create_default_context(cafile=str(AUTHORITY))
            async with httpx.AsyncClient(base_url=own, verify=trusted) as browser:
                assert (await sign_in(browser, "/")).headers["location"] == f"{own}/"
                assert (await browser.get("/")).json() == {"hello": "ada@example.com"}
                assert (await browser.get(f"{direct}/")).status_code == 403
                forged = {"x-amzn-oidc-data": "e30.e30.e30"}
                assert (await browser.get(f"{direct}/", headers=forged)).status_code == 403
                await browser.get("/log-out")
                assert (await browser.get("/")).status_code == 302

        with running(code / "sample", "server.js", f"{direct}/health", **variables):
            await browse()
        with running(
            code / "sample",
            "server.js",
            f"{direct}/health",
            **variables | {"SIGNER": "arn:another"},
        ):
            trusted = ssl.create_default_context(cafile=str(AUTHORITY))
            async with httpx.AsyncClient(base_url=own, verify=trusted) as browser:
                await sign_in(browser, "/")
                assert (await browser.get("/")).status_code == 403
