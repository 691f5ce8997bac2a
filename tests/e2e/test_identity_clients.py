"""The built-in identity provider and clients that others wrote: one for each language, and a browser.

Packages from npm are installed by name into `.third_party/` at the top of the project.
"""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from joserfc import jwk
from joserfc import jwt as joserfc_jwt

from tests.conftest import AUTHORITY, IN_CI, free_port, need, one_at_a_time

pytestmark = pytest.mark.timeout(600)
"""Whoever comes first installs packages, and the others wait for that."""

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its authors move on from httpx
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from authlib.oidc.core import CodeIDToken

HERE = Path(__file__).parent / "identity"
NPM = ["cognito-at-edge@1", "express@5", "jose@6", "oidc-provider@9", "openid-client@6"]
INSTALLED = Path(__file__).parents[2] / ".third_party" / f"identity-{len(NPM)}"
BACK = "http://127.0.0.1:9/back"
PASSWORD = "open sesame"
POOL = "cognito-idp.eu-west-1.amazonaws.com"
PAGES = "example.auth.eu-west-1.amazoncognito.com"
USERS = {"ada": {"password": PASSWORD, "claims": {"email": "ada@example.com"}, "groups": ["staff"]}}
PROVIDER: dict[str, Any] = {
    "listen": 0,
    "users": USERS,
    "clients": {
        "app": {"secret": "a secret: with/signs", "redirect_uris": [BACK]},
        "spa": {"redirect_uris": [BACK]},
    },
}


@pytest.fixture(scope="module")
def npm_packages() -> Path:
    """The folder with `node_modules`."""
    need("node", "clients in Node.js are not tested")
    npm = need("npm", "clients in Node.js are not installed")
    with one_at_a_time("npm packages of identity clients"):
        if not (INSTALLED / "complete").exists():
            INSTALLED.mkdir(parents=True, exist_ok=True)
            done = subprocess.run(
                [npm, "install", "--silent", "--no-audit", "--no-fund", *NPM],
                cwd=INSTALLED,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            if done.returncode:
                reason = f"npm could not install: {done.stderr.strip()[-300:]}"
                (pytest.fail if IN_CI else pytest.skip)(reason)
            (INSTALLED / "complete").touch()
    return INSTALLED


async def test_authlib_signs_in(serving: Any) -> None:
    async with serving({"identity_providers": {"local": PROVIDER}}) as served:
        issuer = served.urls["local"]
        options: Any = {
            "code_challenge_method": "S256",
            "scope": "openid email",
            "redirect_uri": BACK,
        }
        async with (
            httpx.AsyncClient(base_url=issuer) as browser,
            AsyncOAuth2Client("app", PROVIDER["clients"]["app"]["secret"], **options) as client,
        ):
            document = (await browser.get("/.well-known/openid-configuration")).json()
            verifier = "v" * 64
            url, state = client.create_authorization_url(
                document["authorization_endpoint"], code_verifier=verifier, nonce="n"
            )
            page = await browser.get(url, follow_redirects=True)
            fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text)
            form = {name: html.unescape(text) for name, text in fields}
            back = await browser.post(
                "/login", data={**form, "username": "ada", "password": PASSWORD}
            )
            token = await client.fetch_token(
                document["token_endpoint"],
                authorization_response=back.headers["location"],
                state=state,
                code_verifier=verifier,
            )
            keys = jwk.KeySet.import_key_set((await browser.get(document["jwks_uri"])).json())
            decoded = joserfc_jwt.decode(token["id_token"], keys, ["RS256"])
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {"iss": {"value": issuer}, "aud": {"value": "app"}},
                {"nonce": "n", "client_id": "app", "access_token": token["access_token"]},
            )
            claims.validate(leeway=30)
            known = (await client.get(document["userinfo_endpoint"])).json()
            assert known["email"] == claims["email"] == "ada@example.com"
            fresh = await client.refresh_token(document["token_endpoint"])
            assert fresh["access_token"] != token["access_token"]


@pytest.mark.parametrize("client", ["app", "spa"])
async def test_openid_client_signs_in(
    serving: Any, npm_packages: Path, tmp_path: Path, client: str
) -> None:
    shutil.copy(HERE / "sign_in.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(npm_packages / "node_modules")
    async with serving({"identity_providers": {"local": PROVIDER}}) as served:
        process = await asyncio.create_subprocess_exec(
            need("node", "clients in Node.js are not tested"),
            "sign_in.mjs",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                "PATH": os.environ["PATH"],
                "ISSUER": served.urls["local"],
                "CLIENT": client,
                "SECRET": PROVIDER["clients"][client].get("secret", ""),
                "BACK": BACK,
                "USER_NAME": "ada",
                "PASSWORD": PASSWORD,
            },
        )
        printed, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-2000:]
    expected = {"email": "ada@example.com", "same": True, "revoked": "invalid_grant"}
    assert json.loads(printed) == expected


def user_pool(port: int, **clients: Any) -> dict[str, Any]:
    return {
        "pool": {
            "listen": {"port": port, "tls": True},
            "users": USERS,
            "clients": clients,
            "user_pool": {"id": "eu-west-1_Example1", "domain": "example"},
        }
    }


async def test_boto3_signs_in_and_out(serving: Any) -> None:
    def calls(url: str) -> None:
        options = Config(retries={"total_max_attempts": 1})
        client: Any = boto3.client(
            "cognito-idp",
            endpoint_url=url,
            region_name="eu-west-1",
            verify=str(AUTHORITY),
            aws_access_key_id="none",
            aws_secret_access_key="none",
            config=options,
        )
        given = {"USERNAME": "ada", "PASSWORD": PASSWORD}
        result = client.initiate_auth(
            ClientId="web", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given
        )["AuthenticationResult"]
        user = client.get_user(AccessToken=result["AccessToken"])
        assert {"Name": "email", "Value": "ada@example.com"} in user["UserAttributes"]
        client.global_sign_out(AccessToken=result["AccessToken"])
        with pytest.raises(client.exceptions.NotAuthorizedException, match="revoked"):
            client.get_user(AccessToken=result["AccessToken"])
        with pytest.raises(ClientError) as caught:
            client.initiate_auth(
                ClientId="web",
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={**given, "PASSWORD": "x"},
            )
        assert caught.value.response["Error"]["Code"] == "NotAuthorizedException"

    async with serving({"identity_providers": user_pool(0, web={})}) as served:
        url = served.urls["pool"].replace("127.0.0.1", "localhost")
        await asyncio.to_thread(calls, url)


async def test_cognito_at_edge_signs_in_by_browser_under_awss_names(
    serving: Any, npm_packages: Path, tmp_path: Path, chromium: str
) -> None:
    """The hook's source is as its authors publish it; browser and hook go to AWS's own names."""
    shutil.copy(HERE / "hook.cjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(npm_packages / "node_modules")
    site, pool = free_port(), free_port()
    home = f"https://localhost:{site}"
    function = {
        "runtime": "nodejs22.x",
        "code": str(tmp_path),
        "handler": "hook.handler",
        "timeout": 5,
    }
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "private.html").write_text("<h1>For you alone</h1>")
    config = {
        "functions": {"hook": function},
        "distributions": {
            "site": {
                "listen": {"port": site, "tls": True},
                "origins": {"files": {"s3": str(tmp_path / "site")}},
                "default_behavior": {
                    "origin": "files",
                    "cache_policy": "CachingDisabled",
                    "origin_request_policy": "AllViewerExceptHostHeader",
                    "lambda_functions": {"viewer-request": "hook"},
                },
            }
        },
        "identity_providers": user_pool(pool, web={"redirect_uris": [home]}),
        "gateway": {
            "hosts": {POOL: f"https://127.0.0.1:{pool}", PAGES: f"https://127.0.0.1:{pool}"},
            "local_environment": {"NODE_EXTRA_CA_CERTS": str(AUTHORITY)},
        },
    }
    async with serving(config) as served:
        assert served.gateway.config.strict
        await sign_in_by_browser(chromium, home, pool, tmp_path)
        hooks = [run for exchange in served.gateway.exchanges for run in exchange.runs]
        assert len(hooks) >= 3


async def sign_in_by_browser(chromium: str, home: str, pool: int, folder: Path) -> None:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", f"--host-resolver-rules=MAP {PAGES}:443 127.0.0.1:{pool}"],
        )
        context = await browser.new_context(ignore_https_errors=True)
        page = await context.new_page()
        foreign: list[str] = []
        page.on("request", lambda request: foreign.append(urlsplit(request.url).netloc))
        noise: list[str] = []
        page.on("console", lambda message: noise.append(message.text))
        await page.goto(f"{home}/private.html?page=1")
        assert urlsplit(page.url).netloc == PAGES
        # By keyboard alone: the first field has the focus, and every control is reached by Tab.
        assert await page.evaluate("document.activeElement.name") == "username"
        await page.keyboard.type("ada")
        await page.keyboard.press("Tab")
        await page.keyboard.type("wrong")
        await page.keyboard.press("Enter")
        await page.get_by_role("alert").wait_for()
        assert await page.evaluate("document.activeElement.name") == "password"
        for name in ("User name", "Password"):
            assert await page.get_by_label(name, exact=True).count() == 1
        assert await page.evaluate("document.querySelectorAll('script').length") == 0
        assert (
            await page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth")
            == "384px"
        )
        await page.screenshot(path=str(folder / "log-in.png"))
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_text("For you alone").wait_for()
        assert page.url == f"{home}/private.html?page=1"
        cookies = {cookie["name"].rpartition(".")[2] for cookie in await context.cookies(home)}
        assert {"idToken", "accessToken", "refreshToken"} <= cookies
        assert set(foreign) == {PAGES, urlsplit(home).netloc}
        assert [text for text in noise if "Content Security Policy" in text] == []
        await browser.close()
