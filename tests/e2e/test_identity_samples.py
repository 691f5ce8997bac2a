"""The sample hooks that check tokens and sign in, as they stand, but for the port of the provider."""

from __future__ import annotations

import hmac
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from tests.conftest import PYTHON, free_port

SAMPLES = Path(__file__).parents[2] / "sample_functions"
BEHAVIOR = {
    "origin": "files",
    "cache_policy": "CachingDisabled",
    "origin_request_policy": "AllViewerExceptHostHeader",
}


@pytest.fixture
async def served(serving: Any, tmp_path: Path, node: str) -> AsyncIterator[Any]:
    """Three sites behind a hook each, and the provider."""
    port, site = free_port(), free_port()
    for name in ("jwt_cookie", "jwt_cookie_node", "oidc_sign_in"):
        shutil.copytree(SAMPLES / name, tmp_path / name)
        (file,) = (tmp_path / name).iterdir()
        file.write_text(file.read_text().replace("127.0.0.1:8095", f"127.0.0.1:{port}"))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "page.html").write_text("for you alone")
    hooks = {
        "python": {
            "runtime": PYTHON,
            "code": str(tmp_path / "jwt_cookie"),
            "handler": "handler.handler",
        },
        "node": {
            "code": str(tmp_path / "jwt_cookie_node"),
            "handler": "index.handler",
            "runtime": "nodejs22.x",
        },
        "oidc": {
            "code": str(tmp_path / "oidc_sign_in"),
            "handler": "index.handler",
            "runtime": "nodejs22.x",
        },
    }
    config = {
        "functions": {name: {**hook, "timeout": 5} for name, hook in hooks.items()},
        "distributions": {
            name: {
                "listen": site if name == "oidc" else 0,
                "origins": {"files": {"s3": str(tmp_path / "site")}},
                "default_behavior": {**BEHAVIOR, "lambda_functions": {"viewer-request": name}},
            }
            for name in hooks
        },
        "identity_providers": {
            "local": {
                "listen": port,
                "users": {"ada": {"password": "demo"}},
                "clients": {
                    "app": {
                        "redirect_uris": [f"http://localhost:{site}/signed-in"],
                        "logout_uris": [f"http://localhost:{site}/"],
                    },
                    "other": {},
                },
            }
        },
    }
    async with serving(config) as found:
        yield found


def confused(identity: Any) -> dict[str, str]:
    """Tokens that nobody may take, by what is wrong with them."""
    good = identity.token("ada")
    head, body, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    public = jwt.PyJWK(identity.jwks["keys"][0]).key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    symmetric = _part({"alg": "HS256", "kid": kid}) + "." + body
    mac = hmac.digest(public, symmetric.encode(), "sha256")
    content = jwt.utils.base64url_decode(body)
    return {
        "none": jwt.encode(claims, None, "none", headers={"kid": kid}),
        "no signature": f"{head}.{body}.",
        "cut": good[:-10],
        "another body": f"{head}.{_text(content + b' ')}.{signature}",
        "four parts": f"{good}.e30",
        "hs256": f"{symmetric}.{_text(mac)}",
        "wrong kid": jwt.encode(claims, "k" * 32, "HS256", headers={"kid": "other"}),
        "expired": identity.token("ada", expires=-1),
        "another issuer": identity.token("ada", claims={"iss": "https://evil.test"}),
        "another client": identity.token("ada", "other"),
        "no expiry": identity.token("ada", claims={"exp": None}),
        "huge": "a" * 5000,
        "empty": "",
    }


def _part(value: dict[str, Any]) -> str:
    return _text(json.dumps(value).encode())


def _text(raw: bytes) -> str:
    return jwt.utils.base64url_encode(raw).decode()


async def test_tokens_in_a_cookie_are_checked(served: Any) -> None:
    identity = served.gateway.identity()
    for name in ("python", "node"):
        async with httpx.AsyncClient(base_url=served.urls[name]) as client:
            good = {"cookie": f"a=b; token={identity.token('ada')}"}
            answer = await client.get("/page.html", headers=good)
            assert (answer.status_code, answer.text) == (200, "for you alone"), name
            assert (await client.get("/page.html")).status_code == 401
            for what, token in confused(identity).items():
                refused = await client.get("/page.html", headers={"cookie": f"token={token}"})
                assert refused.status_code == 401, (name, what)


async def test_a_hook_signs_in_and_out(served: Any) -> None:
    site = served.urls["oidc"].replace("127.0.0.1", "localhost")
    identity = served.gateway.identity()
    async with httpx.AsyncClient(base_url=site) as browser:
        first = await browser.get("/page.html?a=1")
        assert first.status_code == 302
        asked = parse_qs(urlsplit(first.headers["location"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        back = identity.sign_in("ada", first.headers["location"])
        async with httpx.AsyncClient() as stranger:  # who did not begin it
            assert (await stranger.get(back)).status_code == 400
        changed = back.replace("state=", "state=x")
        assert (await browser.get(changed)).status_code == 400
        done = await browser.get(back)
        assert (done.status_code, done.headers["location"]) == (302, f"{site}/page.html?a=1")
        assert (await browser.get("/page.html?a=1")).text == "for you alone"
        assert (await browser.get(back)).status_code == 400  # it was begun once
        out = await browser.get("/sign-out")
        assert out.headers["location"].startswith(f"{identity.issuer}/logout?client_id=app&")
        assert (await browser.get("/page.html")).status_code == 302
        denied = await browser.get("/page.html")
        state = parse_qs(urlsplit(denied.headers["location"]).query)["state"][0]
        refused = await browser.get("/signed-in", params={"error": "access_denied", "state": state})
        assert refused.status_code == 403


async def test_a_hook_leads_nowhere_else(served: Any) -> None:
    site = served.urls["oidc"].replace("127.0.0.1", "localhost")
    identity = served.gateway.identity()
    async with httpx.AsyncClient(base_url=site) as browser:
        first = await browser.get(f"{site}//evil.test/")
        back = identity.sign_in("ada", first.headers["location"])
        assert (await browser.get(back)).headers["location"] == f"{site}/"
