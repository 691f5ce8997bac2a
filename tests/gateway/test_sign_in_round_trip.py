"""Sign-ins and bearer tokens end to end, against an OpenID provider that is not ours."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from edgegw.gateway.gateway import Gateway
from tests.alb.test_jwt_validation import FOREIGN, OWN, jwk
from tests.conftest import AUTHORITY, FUNCTIONS, PYTHON, free_port

HOST = "https://shop.test"


def answering(url: str) -> None:
    """Waits until `url` answers."""
    for _ in range(300):
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"{url} does not answer")


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """`oidc-provider-mock` from PyPI in a process of its own: its URL."""
    port = free_port()
    url = f"http://localhost:{port}"
    claims = json.dumps({"sub": "ada", "email": "ada@example.com", "groups": ["staff"]})
    command = ["-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port), "--user-claims", claims]
    process = subprocess.Popen(
        [sys.executable, *command, "-H", "localhost", "-e", "60"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        answering(f"{url}/.well-known/openid-configuration")
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def target(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """A target that answers what it was told."""
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"path": event["path"], **event["headers"]}),
    }


def oidc(provider: str, **more: Any) -> dict[str, Any]:
    return {
        "authenticate_oidc": {
            "issuer": provider,
            "authorization_endpoint": f"{provider}/oauth2/authorize",
            "token_endpoint": f"{provider}/oauth2/token",
            "user_info_endpoint": f"{provider}/userinfo",
            "client_id": "app",
            "client_secret": "a-secret-word",
            "scope": "openid email",
            **more,
        },
        "order": 1,
    }


FORWARD = {"forward": "api", "order": 2}


def described(*guards: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A load balancer whose rules `/0/*`, `/1/*` … stand behind `guards`, others open."""
    rules = [
        {
            "priority": at + 1,
            "conditions": [{"path_pattern": f"/{at}/*"}],
            "actions": [guard, FORWARD],
        }
        for at, guard in enumerate(guards)
    ]
    return {
        "functions": {"api": {"code": ".", "handler": "hooks.target", "runtime": PYTHON}},
        "target_groups": {"api": {"target_type": "lambda", "function": "api"}},
        "load_balancers": {
            "web": {
                "listeners": [
                    {
                        "listen": 8443,
                        "protocol": "HTTPS",
                        "public_port": 443,
                        "rules": rules,
                        "default_actions": [{"forward": "api"}],
                    }
                ],
                **more,
            }
        },
    }


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset


def gateway_of(config: dict[str, Any], clock: Clock | None = None) -> Gateway:
    return Gateway.from_dict(config, base=FUNCTIONS, functions={"api": target}, clock=clock)


def client_of(gateway: Gateway) -> httpx.AsyncClient:
    return gateway.client("web", base_url=HOST)


def endpoints(provider: str) -> dict[str, str]:
    return httpx.get(f"{provider}/.well-known/openid-configuration").json()


async def sign_in(
    client: httpx.AsyncClient, path: str, user: str = "ada", own: str = HOST
) -> httpx.Response:
    """What a browser does: to the provider, the name there, and back; the callback's answer."""
    sent = await client.get(path)
    assert sent.status_code == 302, sent.text
    async with httpx.AsyncClient() as browser:
        form = await browser.get(sent.headers["location"])
        assert form.status_code == 200, form.text
        back = await browser.post(sent.headers["location"], data={"sub": user})
    assert back.status_code == 302, back.text
    assert back.headers["location"].startswith(f"{own}/oauth2/idpresponse?")
    return await client.get(back.headers["location"])


async def test_a_browser_signs_in_and_stays_signed_in(provider: str, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    gateway = gateway_of(described(oidc(provider), access_log=str(log)))
    async with client_of(gateway) as client:
        back = await sign_in(client, "/0/basket?item=1")
        assert back.status_code == 302, gateway.exchange(back).reason
        assert back.headers["location"] == f"{HOST}/0/basket?item=1"

        page = await client.get("/0/basket?item=1")
        seen = page.json()
        assert seen["x-amzn-oidc-identity"] == "ada"
        data = seen["x-amzn-oidc-data"]
        header = jwt.get_unverified_header(data)
        claims = jwt.decode(data, gateway.sign_in_keys.public_pem(), algorithms=["ES256"])
        assert claims["email"] == "ada@example.com"
        assert header["signer"].startswith("arn:aws:elasticloadbalancing:")
        userinfo = httpx.get(
            f"{provider}/userinfo",
            headers={"Authorization": f"Bearer {seen['x-amzn-oidc-accesstoken']}"},
        )
        assert userinfo.json()["sub"] == "ada"
        assert seen["cookie"] == ""

        again = await client.get(
            urlsplit(str(back.request.url)).path + "?" + str(back.request.url.query, "ascii")
        )
        assert again.status_code == 401
        assert gateway.exchange(again).verdict == "AuthInvalidStateParam"
        whole = [json.dumps(gateway.exchange(each).to_dict()) for each in (back, page, again)]
    shown = "".join(whole) + log.read_text()
    code = parse_qs(back.request.url.query.decode())["code"][0]
    secrets = [
        "a-secret-word",
        seen["x-amzn-oidc-accesstoken"],
        data,
        *(cookie.value or "" for cookie in client.cookies.jar),
    ]
    assert not [secret for secret in secrets if secret in shown]
    assert code not in "".join(whole)
    assert '"authenticate" "-" "-"' in log.read_text()
    assert '"authenticate,forward"' in log.read_text()
    assert '"authenticate" "-" "AuthInvalidStateParam"' in log.read_text()


async def test_an_access_token_is_refreshed_and_a_session_ends(provider: str) -> None:
    clock = Clock()
    gateway = gateway_of(described(oidc(provider, session_timeout=600)), clock)
    async with client_of(gateway) as client:
        await sign_in(client, "/0/a")
        first = (await client.get("/0/a")).json()["x-amzn-oidc-accesstoken"]
        clock.offset = 61
        second = await client.get("/0/a")
        assert second.json()["x-amzn-oidc-accesstoken"] != first
        assert "AWSELBAuthSessionCookie-0" in second.cookies
        assert (await client.get("/0/a")).json()["x-amzn-oidc-accesstoken"] == second.json()[
            "x-amzn-oidc-accesstoken"
        ]
        clock.offset = 600
        assert (await client.get("/0/a")).status_code == 302


async def test_two_rules_have_two_sessions_and_logging_out_ends_one(provider: str) -> None:
    team = oidc(provider, client_id="team", session_cookie_name="team")
    gateway = gateway_of(described(oidc(provider), team))
    async with client_of(gateway) as client:
        await sign_in(client, "/0/a", "ada")
        assert (await client.get("/1/a")).status_code == 302
        await sign_in(client, "/1/a", "eve")
        seen = [(await client.get(path)).json() for path in ("/0/a", "/1/a", "/open")]
        assert [each.get("x-amzn-oidc-identity") for each in seen] == ["ada", "eve", None]
        for cookie in list(client.cookies.jar):
            if cookie.name.startswith("team-"):
                client.cookies.delete(cookie.name)
        assert (await client.get("/1/a")).status_code == 302
        assert (await client.get("/0/a")).status_code == 200


async def test_denied_and_allowed(provider: str) -> None:
    guards = [oidc(provider, on_unauthenticated_request=word) for word in ("deny", "allow")]
    gateway = gateway_of(described(*guards))
    async with client_of(gateway) as client:
        denied = await client.get("/0/a")
        assert (denied.status_code, "location" in denied.headers) == (401, False)
        allowed = await client.get("/1/a", headers={"x-amzn-oidc-identity": "root"})
        assert allowed.status_code == 200
        assert "x-amzn-oidc-identity" not in allowed.json()
        assert "x-amzn-oidc" in gateway.exchange(allowed).warnings[0]
        refused = await client.get("/oauth2/idpresponse?error=access_denied")
        assert refused.status_code == 401
        failed = await client.get("/oauth2/idpresponse?error=server_error")
        assert failed.status_code == 561


async def test_sessions_hold_after_a_restart(provider: str, tmp_path: Path) -> None:
    config = described(oidc(provider)) | {"gateway": {"state": str(tmp_path / "state")}}
    cookies = httpx.Cookies()
    async with client_of(gateway_of(config)) as client:
        await sign_in(client, "/0/a")
        cookies = client.cookies
    async with client_of(gateway_of(config)) as client:
        client.cookies = cookies
        assert (await client.get("/0/a")).json()["x-amzn-oidc-identity"] == "ada"
    file = tmp_path / "state" / "sign-in-keys.json"
    assert file.stat().st_mode & 0o777 == 0o600
    async with client_of(gateway_of(described(oidc(provider)))) as client:
        client.cookies = cookies
        other = await client.get("/0/a")
        assert other.status_code == 302


async def test_a_provider_that_is_not_there(provider: str) -> None:
    action = oidc(provider, token_endpoint=f"http://127.0.0.1:{free_port()}/token")
    gateway = gateway_of(described(action))
    async with client_of(gateway) as client:
        back = await sign_in(client, "/0/a")
        assert back.status_code == 500
        exchange = gateway.exchange(back)
        assert exchange.verdict == "AuthTokenEpRequestFailed"


def bearer(**claims: Any) -> dict[str, str]:
    given = {"iss": "https://id.test", "exp": time.time() + 60, **claims}
    token = jwt.encode(given, OWN, "RS256", headers={"kid": claims.pop("kid", "one")})
    return {"Authorization": f"Bearer {token}"}


def validating() -> dict[str, Any]:
    return described(
        {
            "jwt_validation": {
                "jwks_endpoint": "https://id.test/jwks",
                "issuer": "https://id.test",
            },
            "order": 1,
        }
    )


async def test_key_sets_are_fetched_once_and_anew_when_keys_change(respx_mock: Any) -> None:
    keys = [jwk(OWN)]
    route = respx_mock.get("https://id.test/jwks").mock(
        side_effect=lambda _: httpx.Response(200, json={"keys": keys})
    )
    clock = Clock()
    gateway = gateway_of(validating(), clock)
    async with client_of(gateway) as client:
        assert (await client.get("/0/a", headers=bearer())).status_code == 200
        assert (await client.get("/0/a", headers=bearer())).status_code == 200
        assert route.call_count == 1
        assert (await client.get("/0/a")).status_code == 401
        foreign = jwt.encode(
            {"iss": "https://id.test", "exp": time.time() + 60},
            FOREIGN,
            headers={"kid": "two"},
            algorithm="RS256",
        )
        header = {"Authorization": f"Bearer {foreign}"}
        refused = await client.get("/0/a", headers=header)
        assert refused.status_code == 401
        assert route.call_count == 1
        keys.append(jwk(FOREIGN, "two"))
        clock.offset = 5
        good = await client.get("/0/a", headers=header)
        assert good.status_code == 200
        assert route.call_count == 2
        assert foreign not in json.dumps(gateway.exchange(good).to_dict())
        assert foreign not in json.dumps(gateway.exchange(refused).to_dict())


@pytest.mark.parametrize(
    ("answer", "status", "verdict"),
    [
        (httpx.Response(404), 562, "JWKSRequestFailed"),
        (httpx.Response(200, text="<html>"), 562, "JWKSResponseInvalid"),
        (httpx.Response(200, text=" " * 151 * 1024), 500, "JWKSResponseSizeExceeded"),
        (httpx.ConnectError("no"), 562, "JWKSRequestFailed"),
        (httpx.ReadTimeout("no"), 500, "JWKSRequestTimeout"),
    ],
)
async def test_key_sets_that_cannot_be_had(
    respx_mock: Any, answer: Any, status: int, verdict: str
) -> None:
    route = respx_mock.get("https://id.test/jwks")
    route.side_effect = answer if isinstance(answer, Exception) else [answer]
    gateway = gateway_of(validating())
    async with client_of(gateway) as client:
        refused = await client.get("/0/a", headers=bearer())
        assert refused.status_code == status
        assert gateway.exchange(refused).verdict == verdict


async def test_public_keys_are_at_awss_path(serving: Any) -> None:
    config = described() | {"gateway": {"public_keys": 0}}
    async with serving(config) as served:
        gateway = served.gateway
        key_id, pem = gateway.sign_in_keys.key_id, gateway.sign_in_keys.public_pem()
        url = served.urls["public-keys"]
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{url}/{key_id}")
            assert (answer.status_code, answer.content) == (200, pem)
            assert (await client.get(f"{url}/{key_id[:-1]}")).status_code == 404
            assert (await client.post(f"{url}/{key_id}")).status_code == 405


async def test_public_keys_have_awss_name_in_their_certificate(serving: Any) -> None:
    config = described() | {"gateway": {"public_keys": {"port": 0, "tls": True}}}
    async with serving(config) as served:
        key_id = served.gateway.sign_in_keys.key_id
        port = urlsplit(served.urls["public-keys"]).port
        context = ssl.create_default_context(cafile=str(AUTHORITY))
        name = "public-keys.auth.elb.us-east-1.amazonaws.com"
        async with httpx.AsyncClient(verify=context) as client:
            answer = await client.get(
                f"https://127.0.0.1:{port}/{key_id}", extensions={"sni_hostname": name}
            )
        assert answer.content.startswith(b"-----BEGIN PUBLIC KEY-----")


SAMPLE = Path(__file__).parents[2] / "sample_functions" / "oidc_target"


async def test_the_sample_application_believes_its_load_balancer_alone(
    serving: Any, provider: str
) -> None:
    port = free_port()
    config = described(oidc(provider)) | {"gateway": {"public_keys": 0}}
    config["target_groups"] = {"api": {"targets": [f"127.0.0.1:{port}"]}}
    listener = config["load_balancers"]["web"]["listeners"][0]
    listener |= {"listen": 0, "public_port": None, "default_actions": [oidc(provider), FORWARD]}
    async with serving(config) as served:
        balancer = served.gateway.config.listeners[0].listener.load_balancer
        variables = {"SIGNER": balancer.arn, "PUBLIC_KEYS": served.urls["public-keys"]}
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "app", "run", "-p", str(port)],
            cwd=SAMPLE,
            env={**os.environ, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            await asyncio.to_thread(answering, f"http://127.0.0.1:{port}/log-out")
            own = served.urls["web"].replace("127.0.0.1", "localhost")
            trusted = ssl.create_default_context(cafile=str(AUTHORITY))
            async with httpx.AsyncClient(base_url=own, verify=trusted) as browser:
                await sign_in(browser, "/", own=own)
                page = await browser.get("/")
                assert page.json() == {"hello": "ada@example.com"}
                data = {"x-amzn-oidc-data": "e30.e30.e30"}
                direct = f"http://127.0.0.1:{port}/"
                assert (await browser.get(direct, headers=data)).status_code == 403
                assert (await browser.get(direct)).status_code == 403
                await browser.get("/log-out")
                assert (await browser.get("/")).status_code == 302
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
