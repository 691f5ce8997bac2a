"""What guards ask of identity providers: once what many want to know, and how it is counted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from edgegw import Gateway
from edgegw.alb.authentication.steps import FetchUserInfo, RefreshTokens
from edgegw.alb.model import Logs
from edgegw.alb.targets import Routable
from edgegw.cli.render import Style, request_lines, request_record
from edgegw.gateway.balancer_logs import BalancerLogs
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.exchange_rendering import exchange_line
from edgegw.gateway.fronts.public_keys import PublicKeysFront
from edgegw.gateway.guards import Guards
from edgegw.gateway.origins.identity_provider import EndpointAnswer
from edgegw.http.message import Body, Headers, Response
from tests.alb import balancers
from tests.alb.signing_in import CLAIMS, KEYS, NOW, enter, json_reply, secured, signed_in
from tests.gateway.test_identity_providers import MovedClock, config


class SlowEndpoints:
    """Endpoints of a provider that takes a refresh token once, and answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()

    async def ask(self, call: Any, *, limit: int, timeout: float) -> EndpointAnswer:
        self.asked.append(f"{call} {(call.request.body.content or b'').decode()}")
        await self.may_answer.wait()
        if "/token" in str(call):
            tokens = {"access_token": f"access-{len(self.asked)}", "refresh_token": "refresh-2"}
            return EndpointAnswer(200, json.dumps(tokens).encode())
        return EndpointAnswer(200, json.dumps(CLAIMS).encode())


def refreshing() -> RefreshTokens:
    step = enter(LISTENER, cookies=COOKIES, later=60)
    assert isinstance(step, RefreshTokens)
    return step


LISTENER = secured()
COOKIES = signed_in(LISTENER)


async def test_requests_of_one_session_wait_for_one_refresh() -> None:
    endpoints = SlowEndpoints()
    guards = Guards(lambda: KEYS, lambda: endpoints, lambda: NOW + 60)

    async def request() -> Any:
        step: Any = refreshing()
        while isinstance(step, RefreshTokens | FetchUserInfo):
            step = step.next(await guards.ask(step))
        return step

    requests = [asyncio.ensure_future(request()) for _ in range(5)]
    await asyncio.sleep(0)
    requests.pop().cancel()  # who leaves ends it for nobody else
    await asyncio.sleep(0)
    endpoints.may_answer.set()
    ended = await asyncio.gather(*requests)
    assert [text.partition(" ")[0] for text in endpoints.asked] == [
        "https://id.test:443/token",
        "https://id.test:443/userinfo",
    ]
    tokens = {step.request.headers.get(b"x-amzn-oidc-accesstoken") for step in ended}
    assert tokens == {b"access-1"}
    await request()
    assert len(endpoints.asked) == 4  # nothing of it is kept
    await guards.close()


async def test_sign_ins_are_counted_as_aws_counts_them() -> None:
    url = "http://127.0.0.1:8095"
    action = {
        "issuer": url,
        "authorization_endpoint": f"{url}/oauth2/authorize",
        "token_endpoint": f"{url}/oauth2/token",
        "user_info_endpoint": f"{url}/oauth2/userInfo",
        "client_id": "app",
        "client_secret": "s3cret",
    }
    tokens = {"issuer": url, "jwks_endpoint": f"{url}/oauth2/jwks"}
    answer = {"fixed_response": {"status_code": 200, "message_body": "hello"}, "order": 2}
    rule = {"priority": 1, "conditions": [{"path_pattern": "/api/*"}]}
    listener = {
        "listen": 8443,
        "protocol": "HTTPS",
        "public_port": 443,
        "rules": [{**rule, "actions": [{"jwt_validation": tokens, "order": 1}, answer]}],
        "default_actions": [{"authenticate_oidc": action, "order": 1}, answer],
    }
    client = {"secret": "s3cret", "redirect_uris": "https://web.test/oauth2/idpresponse"}
    clock = MovedClock()
    gateway = Gateway.from_dict(
        {
            **config(clients={"app": client}, access_token_validity=60),
            "load_balancers": {"web": {"listeners": [listener]}},
        },
        clock=clock,
    )
    async with gateway.client("web", base_url="https://web.test") as browser:
        sent = await browser.get("/page")
        back = gateway.identity().sign_in("ada", sent.headers["location"])
        assert (await browser.get(back)).status_code == 302
        assert (await browser.get(back)).status_code == 401
        clock.now += 61
        assert (await browser.get("/page")).status_code == 200
        bearer = {"authorization": f"Bearer {gateway.identity().token('ada', 'app')}"}
        assert (await browser.get("/api/a", headers=bearer)).status_code == 200
        assert (await browser.get("/api/a")).status_code == 401
        code = parse_qs(urlsplit(back).query)["code"][0]
        assert_hidden(gateway, browser, bearer["authorization"].partition(" ")[2], code[:12])
    store = gateway.figures.gather()
    sums = {key.name: series.whole for key, series in store if key.name.startswith(("JWT", "ELBA"))}
    counts = {name: whole.total for name, whole in sums.items() if name != "ELBAuthLatency"}
    assert counts == {
        "ELBAuthSuccess": 1,
        "ELBAuthFailure": 1,
        "ELBAuthRefreshTokenSuccess": 1,
        "JWTValidationSuccessCount": 1,
        "JWTValidationFailureCount": 1,
    }
    assert sums["ELBAuthLatency"].count == 2  # the sign-in and the refresh


def assert_hidden(gateway: Any, browser: httpx.AsyncClient, *secrets: str) -> None:
    """No record and no line of the terminal has a secret."""
    exchanges = list(gateway.exchanges)
    assert len(exchanges) >= 6
    shown = json.dumps([exchange.to_dict() for exchange in exchanges])
    for exchange in exchanges:
        shown += f"\n{exchange_line(exchange)}\n{request_lines(exchange, '', [], Style())}"
        shown += json.dumps(request_record(exchange, []))
    cookies = [cookie.value or "-" for cookie in browser.cookies.jar]
    assert not [secret for secret in (*secrets, *cookies) if secret in shown]
    assert "code=[hidden]" in shown


def test_a_code_is_hidden_at_front_doors_without_a_guard_too() -> None:
    request = balancers.request(b"/signed-in?code=one-code-here&state=the-state-text")
    exchange = Exchange("id", "site", "distribution", request)
    shown = exchange_line(exchange) + json.dumps(exchange.to_dict())
    assert "one-code" not in shown
    assert "code=[hidden]&state=[hidden]" in shown


def test_the_access_log_has_the_time_at_the_provider_before_the_target(tmp_path: Path) -> None:
    balancer = replace(LISTENER.load_balancer, logs=Logs(access=str(tmp_path / "access.log")))
    listener = replace(LISTENER, load_balancer=balancer)
    step: Any = enter(listener, cookies=signed_in(listener), later=60)
    exchange = Exchange("id", "web", "load-balancer", balancers.request())
    for reply in ({"access_token": "access-2"}, CLAIMS):
        exchange.note(step, None, 1.0)
        step = step.next(json_reply(reply))
    group = listener.default.action.target_groups[0][0]  # type: ignore[union-attr]
    step = step.next(Routable(group.targets, "", 0))  # type: ignore[union-attr]
    response = Response(200, b"OK", Headers(), Body.of(b""))
    exchange.note(step, response, 0.5)
    exchange.note(step.next(response), None, 0.0)
    exchange.duration = 2.5
    logs = BalancerLogs()
    logs.request(balancer, exchange)
    logs.close()
    assert (tmp_path / "access.log").read_text().split()[5:8] == ["2.000", "0.500", "0.000"]


@pytest.mark.parametrize(
    ("region", "folder"),
    [("eu-west-1", "/"), ("us-gov-west-1", "/aws-elb-public-keys-prod-us-gov-west-1/")],
)
def test_public_keys_are_where_aws_has_them_in_the_region(region: str, folder: str) -> None:
    gateway = Gateway.from_dict({**config(), "gateway": {"region": region, "public_keys": 0}})
    listen = gateway.config.public_keys
    assert listen is not None
    front = PublicKeysFront(gateway, listen)
    key_id = gateway.sign_in_keys.key_id
    assert front.accept(balancers.request(f"{folder}{key_id}".encode())).status == 200
    assert front.accept(balancers.request(f"/x{folder}{key_id}".encode())).status == 404
