"""The application: paths, headers, cookies, who may call it, pages of clients that may."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgegw.identity.app import identity_app
from edgegw.identity.bodies import MAX_BODY
from edgegw.identity.cognito_api import PREFIX
from edgegw.identity.provider import TokenRequestFault
from edgegw.identity.signing import KeyRing
from tests.identity.providers import BACK, ISSUER, Bench, query
from tests.identity.test_sign_in import Browser

POOL_HOST = "cognito-idp.eu-west-1.amazonaws.com"


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def client(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(bench) as found:
        yield found


def client_of(bench: Bench, url: str = ISSUER) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(identity_app(bench.provider))
    return httpx.AsyncClient(transport=transport, base_url=url)


async def signed_in(client: httpx.AsyncClient) -> dict[str, str]:
    """The tokens of a sign-in by form."""
    page = await client.get(f"/oauth2/authorize?{query()}", follow_redirects=True)
    browser = Browser(Bench())
    browser.answer.page = page.text  # type: ignore[misc]
    form = {**browser.form(), "username": "ada", "password": "demo"}
    back = await client.post("/login", data=form)
    code = parse_qs(urlsplit(back.headers["location"]).query)["code"][0]
    exchanged = await client.post(
        "/oauth2/token",
        data={"grant_type": "authorization_code", "code": code, "redirect_uri": BACK},
        auth=("app", "s3cret"),
    )
    assert exchanged.headers["cache-control"] == "no-store"
    return exchanged.json()


async def test_a_sign_in_from_the_first_page_to_user_info(client: httpx.AsyncClient) -> None:
    tokens = await signed_in(client)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    for answer in (
        await client.get("/oauth2/userInfo", headers=bearer),
        await client.post("/oauth2/userInfo", headers=bearer),
    ):
        assert answer.json()["email"] == "ada@example.com"


async def test_pages_are_held_to_themselves(client: httpx.AsyncClient) -> None:
    page = await client.get(f"/login?{query()}")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "same-origin"  # `no-referrer` makes Origin null
    assert page.headers["cache-control"] == "no-store"
    cookie = page.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie


async def test_over_tls_cookies_are_secure(bench: Bench) -> None:
    async with client_of(bench, "https://localhost:8095") as client:
        page = await client.get(f"/login?{query()}")
    assert "secure" in page.headers["set-cookie"].lower()


async def test_user_info_says_what_is_wrong_with_a_token(client: httpx.AsyncClient) -> None:
    without = await client.get("/oauth2/userInfo")
    assert (without.status_code, without.headers["www-authenticate"]) == (401, "Bearer")
    wrong = await client.get("/oauth2/userInfo", headers={"Authorization": "Bearer x"})
    assert wrong.status_code == 401
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


async def test_the_discovery_document_names_paths_that_are_there(client: httpx.AsyncClient) -> None:
    document = (await client.get("/.well-known/openid-configuration")).json()
    assert document["issuer"] == ISSUER
    for name, url in document.items():
        if name.endswith(("_endpoint", "_uri")):
            answer = await client.get(url)
            assert answer.status_code != 404, name
    keys = (await client.get(document["jwks_uri"])).json()["keys"]
    assert [sorted(key) for key in keys] == [["alg", "e", "kid", "kty", "n", "use"]]


async def test_a_user_pool_publishes_below_its_id() -> None:
    async with client_of(Bench(pool=True), f"https://{POOL_HOST}") as client:
        document = await client.get("/eu-west-1_Example1/.well-known/openid-configuration")
        pages = "https://example.auth.eu-west-1.amazoncognito.com"
        assert document.json()["authorization_endpoint"] == f"{pages}/oauth2/authorize"
        assert document.json()["issuer"] == f"https://{POOL_HOST}/eu-west-1_Example1"
        keys = await client.get("/eu-west-1_Example1/.well-known/jwks.json")
        assert len(keys.json()["keys"]) == 1
        assert (await client.get("/eu-west-1_Other/.well-known/jwks.json")).status_code == 404


async def test_a_user_pools_user_info_is_text() -> None:
    async with client_of(Bench(pool=True)) as client:
        tokens = await signed_in(client)
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        known = (await client.get("/oauth2/userInfo", headers=bearer)).json()
    assert (known["email_verified"], known["username"]) == ("true", "ada")


# Who may call


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8095", 200),
        ("localhost:8095", 200),
        ("id.localhost", 200),
        ("evil.test:8095", 403),
        ("127.0.0.1.evil.test", 403),
        (POOL_HOST, 403),
        ("", 403),
    ],
)
async def test_a_foreign_host_is_refused(client: httpx.AsyncClient, host: str, status: int) -> None:
    assert (await client.get("/", headers={"Host": host})).status_code == status


async def test_a_user_pool_answers_to_its_names() -> None:
    async with client_of(Bench(pool=True)) as client:
        for host in (POOL_HOST, "example.auth.eu-west-1.amazoncognito.com"):
            assert (await client.get("/", headers={"Host": host})).status_code == 200
        other = {"Host": "other.auth.eu-west-1.amazoncognito.com"}
        assert (await client.get("/", headers=other)).status_code == 403


@pytest.mark.parametrize(
    ("path", "origin", "is_let_in"),
    [
        ("/login", ISSUER, True),
        ("/login", "https://evil.test", False),
        ("/login", "https://app.test", False),
        ("/login", "null", False),
        ("/login", "http://127.0.0.1:8096", False),
        ("/consent", "https://evil.test", False),
        ("/oauth2/token", "https://spa.test", True),
        ("/oauth2/token", "https://evil.test", False),
        ("/oauth2/token", "null", False),
        ("/oauth2/revoke", "https://evil.test", False),
        ("/", "https://evil.test", False),
        ("/logout", "https://evil.test", False),
    ],
)
async def test_pages_elsewhere_post_nothing(
    client: httpx.AsyncClient, path: str, origin: str, is_let_in: bool
) -> None:
    form = {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.post(path, headers=form)
    is_refused = answer.status_code == 403 and answer.headers["content-type"].startswith(
        "text/plain"
    )
    assert is_refused != is_let_in


async def test_pages_of_clients_may_read_tokens_and_anybody_the_keys(
    client: httpx.AsyncClient,
) -> None:
    allowed = "access-control-allow-origin"
    asked = {"Origin": "https://spa.test", "Access-Control-Request-Method": "POST"}
    preflight = await client.options("/oauth2/token", headers=asked)
    assert (preflight.status_code, preflight.headers[allowed]) == (204, "https://spa.test")
    evil = {**asked, "Origin": "https://evil.test"}
    assert (await client.options("/oauth2/token", headers=evil)).status_code == 403
    keys = await client.get("/oauth2/jwks", headers={"Origin": "https://evil.test"})
    assert keys.headers[allowed] == "*"
    page = await client.get(f"/login?{query()}", headers={"Origin": "https://spa.test"})
    assert allowed not in page.headers


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        ("/oauth2/token", "application/json", 400),
        ("/oauth2/token", "text/plain", 400),
        ("/login", "text/plain", 403),
        ("/", "application/x-www-form-urlencoded", 404),
    ],
)
async def test_bodies_are_of_the_type_that_the_path_takes(
    client: httpx.AsyncClient, path: str, kind: str, status: int
) -> None:
    answer = await client.post(path, content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == status


# The API of a user pool


async def test_the_api_answers_in_awss_form() -> None:
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
    }
    body = {
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": "spa",
        "AuthParameters": {"USERNAME": "ada", "PASSWORD": "no"},
    }
    async with client_of(Bench(pool=True), f"https://{POOL_HOST}") as client:
        answer = await client.post("/", content=json.dumps(body), headers=headers)
        broken = await client.post("/", content="[", headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/x-amz-json-1.1")
    assert answer.json()["__type"] == "NotAuthorizedException"
    assert broken.json()["__type"] == "SerializationException"


# Faults on demand


async def test_the_token_endpoint_fails_on_demand(bench: Bench, client: httpx.AsyncClient) -> None:
    bench.fault = TokenRequestFault(status=503)
    answer = await client.post("/oauth2/token", data={"grant_type": "x"})
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


# Whatever comes


async def status_of(
    bench: Bench, method: str, path: bytes, query_: bytes, lines: list[Any], body: bytes
) -> int:
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query_,
        "root_path": "",
        "headers": [(b"host", b"localhost:8095"), *lines],
    }
    await identity_app(bench.provider)(scope, receive, send)  # type: ignore[arg-type]
    return statuses[0]


PATHS = (
    b"/login",
    b"/consent",
    b"/logout",
    b"/authorize",
    b"/oauth2/token",
    b"/oauth2/userInfo",
    b"/oauth2/revoke",
    b"/",
)
POOL_BENCH = Bench(pool=True)


@settings(max_examples=80)
@given(
    st.sampled_from(PATHS),
    st.sampled_from(["GET", "POST"]),
    st.binary(max_size=60),
    st.binary(max_size=60) | st.just(rb'{"AuthFlow": "\\ud800"}'),
    st.sampled_from(["application/x-www-form-urlencoded", "application/x-amz-json-1.1"]),
)
def test_no_bytes_are_a_fault_of_ours(
    path: bytes, method: str, text: bytes, body: bytes, kind: str
) -> None:
    lines = [
        (b"content-type", kind.encode()),
        (b"cookie", b"edgegw-identity-local=" + text),
        (b"authorization", b"Bearer " + text),
        (b"x-amz-target", b"AWSCognitoIdentityProviderService.InitiateAuth"),
    ]
    sent = query().encode() + b"&login_hint=" + text
    status = asyncio.run(status_of(POOL_BENCH, method, path, sent, lines, body))
    assert status < 500


async def test_an_authorization_request_by_post_goes_on_as_a_query(
    client: httpx.AsyncClient,
) -> None:
    """What may stand bare in a form may not in a Location: it would end it, or not fit in."""
    content = f"{query()}&login_hint=\u20ac\r\nSet-Cookie: a=b c"
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.post("/oauth2/authorize", content=content.encode(), headers=form)
    assert answer.status_code == 302
    assert answer.headers["location"].endswith("login_hint=%E2%82%AC%0D%0ASet-Cookie:%20a=b%20c")
    page = await client.get(answer.headers["location"])
    assert "\u20ac" in page.text


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/oauth2/authorize", "application/x-www-form-urlencoded"),
        ("/login", "application/x-www-form-urlencoded"),
        ("/oauth2/token", "application/x-www-form-urlencoded"),
        ("/oauth2/revoke", "application/x-www-form-urlencoded"),
        ("/", "application/x-amz-json-1.1"),
    ],
)
async def test_a_body_has_its_limit(path: str, kind: str) -> None:
    async with client_of(Bench(pool=path == "/")) as client:
        headers = {"content-type": kind, "x-amz-target": f"{PREFIX}GetUser"}
        content = b"a=" + b"x" * (MAX_BODY - 1)
        assert (await client.post(path, content=content, headers=headers)).status_code == 413
        fits = await client.post(path, content=content[:-1], headers=headers)
        assert fits.status_code != 413


async def test_keys_are_made_beside_the_event_loop() -> None:
    """RSA takes its time: at the first request, and when a key is too old."""
    bench = Bench(key_rotation=60)
    threads: list[threading.Thread] = []
    keys = bench.provider.world.keys
    ring, rotate = keys.ring, keys.rotate

    def noted(make: Callable[[], KeyRing]) -> Callable[[], KeyRing]:
        def making() -> KeyRing:
            threads.append(threading.current_thread())
            return make()

        return making

    async with client_of(bench) as client:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keys, "ring", noted(ring))
            await client.get("/oauth2/jwks")
            assert threads[0] is not threading.main_thread()
        threads.clear()
        bench.clock.now += 61
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keys, "rotate", noted(rotate))
            await asyncio.gather(*(client.get("/oauth2/jwks") for _ in range(3)))
        assert len(threads) == 1
        assert threads[0] is not threading.main_thread()
