"""Identity providers of a gateway: in process, on sockets, with faults, over reloads."""

from __future__ import annotations

import logging
import ssl
import stat
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest

from edgegw import Gateway
from edgegw.config.gateway.faults import set_faults
from edgegw.config.resolve import load_dict
from edgegw.errors import EnvironmentProblem, UsageError
from edgegw.gateway.gateway import Gateway as AnyGateway
from tests.conftest import AUTHORITY

BACK = "https://app.test/back"
PROVIDER: dict[str, Any] = {
    "listen": 8095,
    "users": {
        "ada": {
            "password": "open sesame",
            "claims": {"email": "ada@example.com"},
            "groups": "admins",
        },
        "grace": {"password": "another"},
    },
    "clients": {
        "app": {"secret": "s3cret", "redirect_uris": BACK},
        "spa": {"redirect_uris": "https://spa.test/"},
    },
}
POOL: dict[str, Any] = {
    **PROVIDER,
    "listen": {"port": 0, "tls": True},
    "user_pool": {"id": "eu-west-1_Example1", "domain": "example"},
}
REQUEST = urlencode(
    {"client_id": "app", "response_type": "code", "redirect_uri": BACK, "scope": "openid email"}
)


def config(**more: Any) -> dict[str, Any]:
    return {"identity_providers": {"local": {**PROVIDER, **more}}}


class MovedClock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


# In process


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def test_a_token_in_process_is_what_a_sign_in_gives() -> None:
    gateway = Gateway.from_dict(config(), clock=MovedClock())
    identity = gateway.identity("local")
    token = identity.token("ada")
    key = jwt.PyJWK(identity.jwks["keys"][0])
    usual: Any = {"algorithms": ["RS256"], "audience": "app", "issuer": "http://127.0.0.1:8095"}
    claims = jwt.decode(token, key, **usual, options={"verify_iat": False})
    assert (claims["client_id"], claims["groups"]) == ("app", ["admins"])
    assert claims["exp"] - claims["iat"] == 3600
    known = claims_of(identity.token("ada", "spa", use="id"))
    assert (known["aud"], known["email"]) == ("spa", "ada@example.com")


def test_claims_and_times_of_a_token_are_the_tests_own() -> None:
    clock = MovedClock()
    identity = Gateway.from_dict(config(), clock=clock).identity()
    claims = claims_of(
        identity.token(
            "ada", expires=-60, claims={"iss": "https://evil.test", "aud": ["a", "b"], "sub": None}
        )
    )
    assert (claims["exp"], claims["iat"]) == (clock.now - 60, clock.now - 3660)
    assert (claims["iss"], claims["aud"]) == ("https://evil.test", ["a", "b"])
    assert "sub" not in claims
    clock.now += 100
    assert claims_of(identity.token("ada"))["iat"] == clock.now


def test_who_is_not_there_is_named_with_who_is() -> None:
    gateway = Gateway.from_dict(
        {"identity_providers": {"local": PROVIDER, "other": {**PROVIDER, "listen": 0}}}
    )
    with pytest.raises(UsageError, match="name one of local, other"):
        gateway.identity()
    with pytest.raises(UsageError, match="no identity provider 'locale'; did you mean 'local'"):
        gateway.identity("locale")
    identity = gateway.identity("local")
    with pytest.raises(UsageError, match="no user 'eve'; there are: ada, grace"):
        identity.token("eve")
    with pytest.raises(UsageError, match="no client 'ap'; did you mean 'app'"):
        identity.token("ada", "ap")
    assert identity is gateway.identity("local")
    for expires in (float("inf"), float("-inf"), float("nan"), 1e20):
        with pytest.raises(UsageError, match="expires in so many seconds"):
            identity.token("ada", expires=expires)
    with pytest.raises(UsageError, match="use is 'access' or 'id', not 'refresh'"):
        identity.token("ada", use=cast("Any", "refresh"))
    with pytest.raises(UsageError, match="there is no client_id"):
        identity.sign_in("ada", "https://app.test/basket")
    with pytest.raises(UsageError, match="of no client in the configuration; there is: app"):
        identity.sign_in("ada", "http://127.0.0.1:8095/oauth2/authorize?client_id=zz")
    with pytest.raises(UsageError, match="there are no identity providers"):
        Gateway.from_dict({"gateway": {"lambda_api": 0}}).identity()


async def test_a_test_signs_in_without_a_browser() -> None:
    identity = Gateway.from_dict(config()).identity()
    back = identity.sign_in("ada", f"http://127.0.0.1:8095/oauth2/authorize?{REQUEST}&state=s")
    query = parse_qs(urlsplit(back).query)
    transport = httpx.ASGITransport(identity.app)
    async with httpx.AsyncClient(transport=transport, base_url=identity.issuer) as client:
        form = {"grant_type": "authorization_code", "code": query["code"][0], "redirect_uri": BACK}
        tokens = await client.post("/oauth2/token", data=form, auth=("app", "s3cret"))
    assert tokens.json()["expires_in"] == 3600
    identity.sign_out("ada")
    with pytest.raises(UsageError, match="redirect_uri"):
        identity.sign_in("ada", "http://127.0.0.1:8095/oauth2/authorize?client_id=app")


def test_providers_of_one_gateway_have_keys_of_their_own() -> None:
    gateway = Gateway.from_dict(
        {"identity_providers": {"local": PROVIDER, "other": {**PROVIDER, "listen": 0}}}
    )
    first, second = gateway.identity("local"), gateway.identity("other")
    assert first.jwks != second.jwks
    before = first.jwks["keys"]
    first.rotate_keys()
    assert first.jwks["keys"][1:] == before


async def test_a_load_balancer_signs_in_without_a_socket() -> None:
    url = "http://127.0.0.1:8095"
    sign_in = {
        "authenticate_oidc": {
            "issuer": url,
            "authorization_endpoint": f"{url}/oauth2/authorize",
            "token_endpoint": f"{url}/oauth2/token",
            "user_info_endpoint": f"{url}/oauth2/userInfo",
            "client_id": "app",
            "client_secret": "s3cret",
            "scope": "openid email",
        },
        "order": 1,
    }
    answer = {"fixed_response": {"status_code": 200, "message_body": "hello"}, "order": 2}
    listener = {"listen": 8443, "protocol": "HTTPS", "public_port": 443}
    client = {"secret": "s3cret", "redirect_uris": "https://web.test/oauth2/idpresponse"}
    balancer = {"listeners": [{**listener, "default_actions": [sign_in, answer]}]}
    described = {**config(clients={"app": client}), "load_balancers": {"web": balancer}}
    gateway = Gateway.from_dict(described, clock=MovedClock())
    async with gateway.client("web", base_url="https://web.test") as browser:
        first = await browser.get("/page?a=1")
        assert first.status_code == 302
        back = gateway.identity().sign_in("ada", first.headers["location"])
        second = await browser.get(back)
        assert second.status_code == 302, gateway.exchange(second).reason
        assert second.headers["location"] == "https://web.test/page?a=1"
        third = await browser.get("/page?a=1")
        assert (third.status_code, third.text) == (200, "hello")


# Where keys are kept


def kept(folder: Path) -> AnyGateway:
    return AnyGateway(load_dict(config(), folder), lasting=True)


def test_keys_outlive_the_gateway_in_a_file_of_its_owner(tmp_path: Path) -> None:
    first = kept(tmp_path).identity()
    token = first.token("ada")
    (file,) = (tmp_path / ".edgegw" / "identity").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = kept(tmp_path).identity()
    assert again.jwks == first.jwks
    again.rotate_keys()
    assert len(first.jwks["keys"]) == 2  # what another process wrote counts at once
    kid = jwt.get_unverified_header(token)["kid"]
    assert first.jwks["keys"][1]["kid"] == kid


def test_keys_that_others_could_read_are_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = kept(tmp_path).identity().jwks
    (file,) = (tmp_path / ".edgegw" / "identity").iterdir()
    file.chmod(0o644)
    assert kept(tmp_path).identity().jwks != first
    assert "was readable by others" in caplog.text
    file.write_text("{}")
    with pytest.raises(EnvironmentProblem, match="remove the file"):
        kept(tmp_path).identity().token("ada")


# On sockets


async def test_it_serves_what_its_document_says(
    serving: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = ["open sesame", "s3cret"]
    async with serving(config(listen=0)) as served, httpx.AsyncClient() as client:
        url = served.urls["local"]
        document = (await client.get(f"{url}/.well-known/openid-configuration")).json()
        assert document["issuer"] == url
        back = served.gateway.identity().sign_in("ada", f"{url}/oauth2/authorize?{REQUEST}")
        code = parse_qs(urlsplit(back).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        tokens = await client.post(document["token_endpoint"], data=form, auth=("app", "s3cret"))
        bearer = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
        known = await client.get(document["userinfo_endpoint"], headers=bearer)
        assert known.json()["email"] == "ada@example.com"
        wrong = await client.post(document["token_endpoint"], data=form, auth=("app", "s3cret"))
        assert wrong.json()["error"] == "invalid_grant"
        login = f"{url}/login"
        forged = {"username": "ada", "password": "open sesame"}
        assert (await client.post(login, data=forged)).status_code == 403
        secrets += [code, *(str(text) for text in tokens.json().values() if len(str(text)) > 20)]
    assert "a code of app came twice" in caplog.text
    for secret in secrets:
        assert secret not in caplog.text


async def test_a_user_pool_has_certificates_for_its_names(serving: Any) -> None:
    async with serving({"identity_providers": {"pool": POOL}}) as served:
        host, port = served.address("pool")
        for name in (
            "cognito-idp.eu-west-1.amazonaws.com",
            "example.auth.eu-west-1.amazoncognito.com",
            "localhost",
        ):
            # Whoever asks for a name gets a certificate of that name.
            async with httpx.AsyncClient(
                verify=ssl.create_default_context(cafile=AUTHORITY)
            ) as client:
                answer = await client.get(
                    f"https://{host}:{port}/eu-west-1_Example1/.well-known/jwks.json",
                    headers={"Host": name},
                    extensions={"sni_hostname": name},
                )
            assert len(answer.json()["keys"]) == 1, name


async def test_faults_on_demand_meet_the_token_endpoint(
    serving: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "edgegw.gateway.identity_providers")
    given = config(listen=0, faults={"error": 1, "status": 500})
    async with serving(given) as served, httpx.AsyncClient() as client:
        gateway, url = served.gateway, f"{served.urls['local']}/oauth2/token"
        targets = gateway.config.fault_targets

        async def fails(*settings: str) -> httpx.Response:
            gateway.faults.put(set_faults({}, settings, targets))
            back = gateway.identity().sign_in("ada", f"x?{REQUEST}")
            code = parse_qs(urlsplit(back).query)["code"][0]
            form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
            return await client.post(url, data=form, auth=("app", "s3cret"))

        first = await client.post(url, data={})
        assert first.status_code == 500
        assert (await fails("local.error", "local.status=418")).status_code == 418
        expired = await fails("local.expired_code")
        assert expired.json()["error_description"] == "the code has expired"
        now = gateway.world.now()
        skewed = (await fails("local.clock_skew=-120s")).json()["access_token"]
        assert claims_of(skewed)["iat"] == pytest.approx(now - 120, abs=60)
        assert (await fails("local.latency=1ms")).status_code == 200
    assert [line for line in caplog.messages if "fault" in line] == [
        f"identity provider local: a fault on demand: {kinds}"
        for kinds in ("error", "error", "expired_code", "latency 1ms")
    ]


async def test_a_changed_configuration_counts_at_once(serving: Any) -> None:
    given = config(listen=0)
    async with serving(given) as served:
        gateway = served.gateway
        identity = gateway.identity()
        before = identity.jwks
        state = {"gateway": {"state": gateway.config.state}}
        changed = config(listen=0, users={"new": {"password": "x"}})
        await gateway.apply(load_dict({**changed, **state}))
        assert claims_of(identity.token("new"))["sub"]
        with pytest.raises(UsageError, match="no user 'ada'"):
            identity.token("ada")
        assert identity.jwks == before
        assert identity.issuer == served.urls["local"]
