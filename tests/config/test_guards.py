"""Actions that sign users in or judge bearer tokens: what is refused, and what they become."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.jwt.model import AdditionalClaim, JwtValidation
from edgegw.alb.model import Guard, Listener
from edgegw.config.document import read_document
from edgegw.config.resolve import load_dict, load_document
from edgegw.errors import ConfigError
from tests.config.test_balancers import JWT, config, findings

OIDC = {
    "issuer": "https://id.test",
    "authorization_endpoint": "https://id.test/authorize",
    "token_endpoint": "https://id.test/token",
    "user_info_endpoint": "https://id.test/userinfo",
    "client_id": "app",
    "client_secret": "a-secret-word",
}
COGNITO = {
    "user_pool_arn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_abc",
    "user_pool_client_id": "app",
    "user_pool_domain": "team",
    "client_secret": "a-secret-word",
}


def described(
    action: dict[str, Any], hosts: dict[str, str] | None = None, **listener: Any
) -> dict[str, Any]:
    actions = [{**action, "order": 1}, {"forward": "web", "order": 2}]
    given = config(listener={"protocol": "HTTPS", "default_actions": actions, **listener})
    return given | ({"gateway": {"hosts": hosts}} if hosts else {})


def oidc(**more: Any) -> dict[str, Any]:
    return described({"authenticate_oidc": {**OIDC, **more}})


def cognito(**more: Any) -> dict[str, Any]:
    return described({"authenticate_cognito": {**COGNITO, **more}})


def tokens(**more: Any) -> dict[str, Any]:
    return described({"jwt_validation": {**JWT, **more}})


def claim(**more: Any) -> dict[str, Any]:
    return tokens(additional_claims=[{"name": "aud", "values": ["app"], **more}])


ROWS: list[tuple[str, dict[str, Any], str]] = [
    ("plain http", oidc(token_endpoint="http://id.test/token"), "warning alb.plain-endpoint AWS takes https only"),
    ("no scheme", oidc(issuer="id.test"), "error alb.endpoint 'id.test' is no URL of an endpoint: it is https://"),
    ("another scheme", oidc(token_endpoint="ftp://id.test"), "error alb.endpoint"),
    ("a port that is none", oidc(token_endpoint="https://id.test:99999/"), "error alb.endpoint"),
    ("a user", oidc(token_endpoint="https://a@id.test/"), "error alb.endpoint"),
    ("beyond ASCII", oidc(token_endpoint="https://id.test/ä"), "error alb.endpoint"),
    ("a line break", oidc(authorization_endpoint="https://id.test/\r\nX: 1"), "error alb.endpoint"),
    ("a cookie name", oidc(session_cookie_name="a b"), "error alb.sign-in 'a b' is no name of a cookie"),
    ("a scope", oidc(scope='openid "x"'), "error alb.sign-in a scope is words"),
    ("no openid", oidc(scope="email"), "warning alb.scope without 'openid'"),
    ("no time", oidc(session_timeout=0), "error config."),
    ("eleven parameters", oidc(authentication_request_extra_params={str(at): "x" for at in range(11)}), "error config."),
    ("another word", oidc(on_unauthenticated_request="permit"), "error config.value"),
    ("no secret", described({"authenticate_oidc": {k: v for k, v in OIDC.items() if k != "client_secret"}}), "error config.missing-key the key 'client_secret'"),
    ("an unknown key", oidc(sesion_timeout=5), "error config.unknown-key"),
    ("on HTTP", described({"authenticate_oidc": OIDC}, protocol="HTTP"), "error alb.action authenticate_oidc needs a listener with protocol HTTPS"),
    ("no ARN", cognito(user_pool_arn="eu-west-1_abc"), "error alb.sign-in a user pool's ARN is"),
    ("no domain", cognito(user_pool_domain="https://team"), "error alb.sign-in a user pool's domain"),
    ("keys by plain http", tokens(jwks_endpoint="http://id.test/jwks"), "warning alb.plain-endpoint"),
    ("a long endpoint", tokens(jwks_endpoint="https://id.test/" + "x" * 250), "error config."),
    ("a claim that is looked at anyhow", claim(name="exp"), "error alb.claim exp is looked at anyhow"),
    ("a format", claim(format="list"), "error config.value"),
    ("no values", claim(values=[]), "error config."),
    ("eleven values", claim(values=[str(at) for at in range(11)]), "error config."),
    ("a long value", claim(values=["x" * 257]), "error config."),
    ("eleven claims", tokens(additional_claims=[{"name": "a", "values": ["x"]}] * 11), "error config."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_what_is_refused(given: dict[str, Any], expected: str) -> None:
    found = findings(given)
    assert any(text.startswith(expected) for text in found), found
    assert "a-secret-word" not in " ".join(found)


def beside(
    given: dict[str, Any], client: dict[str, Any], name: str = "app", **provider: Any
) -> dict[str, Any]:
    """What `given` says, beside an identity provider with one client."""
    usual = {"secret": "a-secret-word", "redirect_uris": ["https://a.test/oauth2/idpresponse"]}
    clients = {name: {**usual, **client}}
    return {**given, "identity_providers": {"local": {"clients": clients, **provider}}}


HERE = {"authorization_endpoint": "http://localhost:8095/oauth2/authorize"}
POOL: dict[str, Any] = {"user_pool": {"id": "eu-west-1_abc", "domain": "team"}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (beside(oidc(**HERE), {}, "apps", listen=8095), "has no client 'app'; did you mean 'apps'?"),
        (beside(oidc(**HERE), {"secret": "own-word"}, listen=8095), "this is not the secret of the client app"),
        (beside(oidc(), {"redirect_uris": ["https://a.test/"]}, issuer="https://id.test"), "has no redirect_uri that load balancers take: add https://"),
        (beside(cognito(), {"secret": "own-word"}, **POOL), "this is not the secret of the client app"),
        (beside(cognito(), {}, "web", **POOL), "has no client 'app'; there are: web"),
    ],
)  # fmt: skip
def test_what_an_identity_provider_of_the_same_configuration_would_refuse(
    given: dict[str, Any], expected: str
) -> None:
    [text] = findings(given)
    assert text.startswith("warning alb.client ")
    assert expected in text
    assert "word" not in text


@pytest.mark.parametrize(
    "given",
    [
        beside(oidc(**HERE), {}, listen=8095),
        beside(oidc(**HERE), {}, "other", listen=8096),
        beside(oidc(), {}, "other", listen=443),
        beside(cognito(), {}, "other", user_pool={"id": "eu-west-1_def", "domain": "team"}),
        oidc(),
        oidc(token_endpoint="http://127.0.0.1:8095/token"),
        cognito(),
        tokens(jwks_endpoint="http://localhost:8095/jwks"),
        claim(values=[5]),
    ],
)
def test_what_is_right_has_no_findings(given: dict[str, Any]) -> None:
    assert findings(given) == []


def listener_of(given: dict[str, Any]) -> Listener:
    [door] = load_dict(given, Path()).listeners
    return door.listener


def guard_of(given: dict[str, Any]) -> Guard | None:
    return listener_of(given).default.guard


def test_an_oidc_action_in_full() -> None:
    guard = guard_of(
        oidc(
            session_cookie_name="team",
            scope="openid email",
            session_timeout=60,
            authentication_request_extra_params={"prompt": "login", "max_age": 5},
            on_unauthenticated_request="deny",
        )
    )
    assert guard == Authenticate(
        "authenticate-oidc",
        "https://id.test",
        "https://id.test/authorize",
        "https://id.test/token",
        "https://id.test/userinfo",
        "app",
        "a-secret-word",
        "team",
        "openid email",
        60,
        (("prompt", "login"), ("max_age", "5")),
        "deny",
    )
    assert "a-secret-word" not in repr(guard)


@pytest.mark.parametrize(
    ("domain", "host"),
    [("team", "team.auth.eu-west-1.amazoncognito.com"), ("login.team.test", "login.team.test")],
)
def test_a_user_pool_has_its_endpoints_by_its_domain(domain: str, host: str) -> None:
    guard = guard_of(cognito(user_pool_domain=domain))
    assert isinstance(guard, Authenticate)
    assert guard.kind == "authenticate-cognito"
    assert guard.issuer == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"
    assert guard.shown_endpoint == f"https://{host}/oauth2/authorize"
    assert guard.token_endpoint == f"https://{host}/oauth2/token"
    assert guard.user_info_endpoint == f"https://{host}/oauth2/userInfo"


def test_browsers_are_sent_where_names_lead_here() -> None:
    action = {"authenticate_cognito": COGNITO}
    given = described(action, {"*.auth.eu-west-1.amazoncognito.com": "http://127.0.0.1:8095"})
    guard = guard_of(given)
    assert isinstance(guard, Authenticate)
    assert guard.shown_endpoint == "http://127.0.0.1:8095/oauth2/authorize"
    assert guard.token_endpoint.startswith("https://team.auth.eu-west-1.amazoncognito.com/")


def test_a_token_action_in_full() -> None:
    assert guard_of(claim(format="string-array")) == JwtValidation(
        "https://id.test/jwks",
        "https://id.test",
        (AdditionalClaim("aud", "string-array", ("app",)),),
    )


def test_a_listener_knows_which_of_its_rules_sign_in() -> None:
    listener = listener_of(oidc())
    assert listener.sign_in_rules == (listener.default,)
    assert listener_of(tokens()).sign_in_rules == ()
    copied = pickle.loads(pickle.dumps(listener))
    assert copied.sign_in_rules == (copied.default,)


def test_plain_http_is_refused_at_deployment() -> None:
    text = json.dumps(oidc(token_endpoint="http://127.0.0.1:8095/token"))
    with pytest.raises(ConfigError) as caught:
        load_document(read_document(text, "c.yaml", {}), Path(), deploy=True)
    assert "alb.plain-endpoint" in {finding.code for finding in caught.value.findings}
