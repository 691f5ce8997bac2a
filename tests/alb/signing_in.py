"""What tests of sign-ins and tokens are made of: an action, keys, an identity provider's answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

from edgegw.alb.authentication.keys import SignInKeys, new_signing_key
from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.authentication.provider_replies import ProviderReply
from edgegw.alb.authentication.steps import CheckSession, ExchangeCode, FetchUserInfo
from edgegw.alb.finish import BalancerAnswer
from edgegw.alb.flow import BalancerStep, start
from edgegw.alb.model import Forward, Listener, Rule
from edgegw.http.message import Headers
from tests.alb import balancers
from tests.alb.balancers import FACTS, WEB

KEYS = SignInKeys(b"k" * 32, new_signing_key(), "9e2f3e6a-31ee-4d0e-8e0b-6d6a5b0c8c11")
ACTION = Authenticate(
    kind="authenticate-oidc",
    issuer="https://id.test",
    shown_endpoint="https://id.test/authorize",
    token_endpoint="https://id.test/token",
    user_info_endpoint="https://id.test/userinfo",
    client_id="app",
    client_secret="s e:cret",
)
NOW = FACTS.now


def secured(action: Authenticate = ACTION, *more: Rule) -> Listener:
    """A listener whose default rule signs in and forwards."""
    base = balancers.listener(*more, port=443, protocol="HTTPS")
    return replace(base, default=Rule(None, (), (action, Forward(((WEB, 1),)))))


def enter(
    listener: Listener,
    target: bytes = b"/page?a=1",
    *,
    cookies: Mapping[str, str] | None = None,
    later: float = 0.0,
    keys: SignInKeys = KEYS,
    entropy: str = FACTS.entropy,
    **more: Any,
) -> BalancerStep:
    """The step behind the question who the client is; `later` seconds have gone by."""
    lines = list(more.pop("headers", []))
    if cookies:
        lines.append(("Cookie", "; ".join(f"{name}={text}" for name, text in cookies.items())))
    request = balancers.request(target, headers=lines, **more)
    step = start(listener, request, replace(FACTS, now=NOW + later, entropy=entropy))
    assert isinstance(step, CheckSession)
    return step.next(keys)


def json_reply(value: object, status: int = 200) -> ProviderReply:
    return ProviderReply(status, json.dumps(value).encode())


def unsigned(claims: Mapping[str, Any], **header: Any) -> str:
    """An ID token; nobody looks at its signature."""
    parts = ({"alg": "RS256", **header}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts]
    return b".".join([*(part.rstrip(b"=") for part in encoded), b"c2ln"]).decode()


def id_claims(**more: Any) -> dict[str, Any]:
    return {"iss": "https://id.test", "aud": "app", "sub": "ada", "exp": NOW + 300} | more


def token_answer(**more: Any) -> dict[str, Any]:
    return {
        "access_token": "access-1",
        "token_type": "Bearer",
        "id_token": unsigned(id_claims()),
        "expires_in": 60,
        "refresh_token": "refresh-1",
    } | more


CLAIMS = {"sub": "ada", "email": "ada@example.com", "name": "Ada Ł"}


def answer(step: BalancerStep) -> BalancerAnswer:
    assert isinstance(step, BalancerAnswer), step
    return step


def set_cookies(headers: Headers) -> dict[str, str]:
    """The cookies that an answer sets, as a browser would send them."""
    pairs = (line.partition(b";")[0].partition(b"=") for line in headers.get_all(b"set-cookie"))
    return {name.decode(): text.decode() for name, _, text in pairs if text}


def location(sent: BalancerAnswer) -> tuple[str, dict[str, str]]:
    """Where an answer leads, and the parameters of its query."""
    url = urlsplit((sent.response.headers.get(b"location") or b"").decode())
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    return f"{url.scheme}://{url.netloc}{url.path}", query


def callback(state: str, code: str = "code-1") -> bytes:
    from urllib.parse import quote

    return f"/oauth2/idpresponse?code={code}&state={quote(state, safe='')}".encode()


def begun(listener: Listener, target: bytes = b"/page?a=1") -> tuple[dict[str, str], str]:
    """A client that was sent away: its cookies, and the state it went with."""
    sent = answer(enter(listener, target))
    return set_cookies(sent.response.headers), location(sent)[1]["state"]


def signed_in(
    listener: Listener, *, tokens: Mapping[str, Any] | None = None, claims: object = None
) -> dict[str, str]:
    """The session cookies of a user who signed in at `listener`."""
    cookies, state = begun(listener)
    step = enter(listener, callback(state), cookies=cookies)
    assert isinstance(step, ExchangeCode)
    step = step.next(json_reply(tokens or token_answer()))
    assert isinstance(step, FetchUserInfo)
    back = answer(step.next(json_reply(claims or CLAIMS)))
    assert back.refusal is None, back.refusal
    return set_cookies(back.response.headers)


@cache
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key of an issuer; the same number is the same key."""
    return rsa.generate_private_key(65537, bits)
