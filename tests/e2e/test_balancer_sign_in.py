"""A load balancer that signs users in, in a real browser, with the built-in identity provider."""

from __future__ import annotations

import json
import shutil
import time
from typing import Any

from tests.conftest import PYTHON
from tests.e2e.test_browser import lacking

PASSWORD = "open sesame"


def page_of(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """A target: its page says who it was told is there."""
    who = event["headers"].get("x-amzn-oidc-identity", "nobody")
    if event["path"].endswith("/log-out"):
        gone = "AWSELBAuthSessionCookie-0=; Path=/; Max-Age=0"
        headers = {"content-type": "text/html", "set-cookie": gone}
        return {"statusCode": 200, "headers": headers, "body": "bye"}
    return {
        "statusCode": 200,
        "headers": {"content-type": "text/html"},
        "body": f"<title>{event['path']}</title><p>{who}",
    }


def guard(url: str, **more: Any) -> dict[str, Any]:
    action = {
        "issuer": url,
        "authorization_endpoint": f"{url}/oauth2/authorize",
        "token_endpoint": f"{url}/oauth2/token",
        "user_info_endpoint": f"{url}/oauth2/userInfo",
        "client_id": "shop",
        "client_secret": "s3cret",
        **more,
    }
    return {"authenticate_oidc": action, "order": 1}


def described(provider_port: int, port: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{provider_port}"
    back = f"https://localhost:{port}/oauth2/idpresponse"
    client = {"secret": "s3cret", "redirect_uris": [back]}
    forward = {"forward": "api", "order": 2}
    guards = [
        ("/team/*", guard(url, client_id="team", session_cookie_name="team")),
        ("/closed/*", guard(url, on_unauthenticated_request="deny")),
    ]
    rules = [
        {"priority": at, "conditions": [{"path_pattern": path}], "actions": [each, forward]}
        for at, (path, each) in enumerate(guards, 1)
    ]
    users = {name: {"password": PASSWORD, "claims": {"sub": name}} for name in ("ada", "eve")}
    provider = {
        "listen": provider_port,
        "users": users,
        "clients": {"shop": client, "team": client},
        "access_token_validity": 60,
    }
    listener = {
        "listen": {"address": "127.0.0.1", "port": port, "tls": True},
        "protocol": "HTTPS",
        "rules": rules,
        "default_actions": [guard(url, session_timeout=7200), forward],
    }
    return {
        "functions": {"api": {"code": ".", "handler": "hooks.target", "runtime": PYTHON}},
        "target_groups": {"api": {"target_type": "lambda", "function": "api"}},
        "load_balancers": {"web": {"listeners": [listener]}},
        "identity_providers": {"local": provider},
    }


class MovedTime:
    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset


async def log_in(page: Any, user: str) -> None:
    await page.fill("input[type=password]", PASSWORD)
    await page.fill("input[name=username]", user)
    await page.click("button[name=signInSubmitButton]")


async def test_a_browser_is_signed_in_refreshed_signed_out_and_denied(
    serving: Any, free_port: Any
) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        lacking("Chromium is not installed: sign-ins are not tested in a browser")
    from playwright.async_api import async_playwright

    port, clock = free_port(), MovedTime()
    own = f"https://localhost:{port}"
    config = described(free_port(), port)
    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    async with (
        serving(config, clock=clock, functions={"api": page_of}) as served,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
        context = await browser.new_context(ignore_https_errors=True)
        page = await context.new_page()

        await page.goto(f"{own}/basket?item=1")
        assert page.url.startswith(served.urls["local"])
        await log_in(page, "ada")
        assert (page.url, await page.title()) == (f"{own}/basket?item=1", "/basket")
        assert await page.inner_text("p") == "ada"

        denied = await page.goto(f"{own}/closed/a")
        assert denied is not None
        assert denied.status == 200  # the same cookie, issuer and client: the same session
        stranger = await browser.new_context(ignore_https_errors=True)
        refused = await (await stranger.new_page()).goto(f"{own}/closed/a")
        assert refused is not None
        assert refused.status == 401

        before = {each["name"]: each["value"] for each in await context.cookies(own)}
        clock.offset = 61
        await page.goto(f"{own}/again")
        assert await page.inner_text("p") == "ada"
        after = {each["name"]: each["value"] for each in await context.cookies(own)}
        assert before["AWSELBAuthSessionCookie-0"] != after["AWSELBAuthSessionCookie-0"]
        assert "AWSALBAuthNonce" not in after

        await page.goto(f"{own}/team/a")  # the provider knows who it is
        assert await page.inner_text("p") == "ada"
        names = {each["name"] for each in await context.cookies(own)}
        assert {"team-0", "AWSELBAuthSessionCookie-0"} <= names

        clock.offset = 7300
        await page.goto(f"{own}/later")
        assert page.url.startswith(served.urls["local"])
        await log_in(page, "eve")
        assert await page.inner_text("p") == "eve"

        await page.goto(f"{own}/log-out")
        names = {each["name"] for each in await context.cookies(own)}
        assert "AWSELBAuthSessionCookie-0" not in names
        records = json.dumps([each.to_dict() for each in served.gateway.exchanges])
        await browser.close()
    values = [*before.values(), *after.values(), PASSWORD, "s3cret"]
    assert not [each for each in values if each in records]
