"""The token endpoint: who may ask, what for, and what each thing that is wrong is called."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from edgegw.identity.provider import TokenRequestFault
from edgegw.identity.sign_in import signed_in_without_browser
from edgegw.identity.token_requests import TokenRequestError, answered, revoke
from edgegw.identity.tokens import read
from tests.identity.providers import BACK, CHALLENGE, ISSUER, NOW, VERIFIER, Bench, query

NO_FAULT = TokenRequestFault()


def basic(name: str, secret: str) -> str:
    return "Basic " + b64encode(f"{name}:{secret}".encode()).decode()


APP = basic("app", "s3cret")


def code_of(bench: Bench, asked: str = "") -> str:
    url = signed_in_without_browser(bench.provider, asked or query(nonce="n"), "ada")
    return parse_qs(urlsplit(url).query)["code"][0]


def ask(bench: Bench, authorization: str | None = APP, **form: str) -> Any:
    return answered(bench.provider, urlencode(form), authorization, NO_FAULT)


def exchange(bench: Bench, code: str, authorization: str | None = APP, **more: str) -> Any:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **more}
    return ask(bench, authorization, **form)


def error_of(answer: Any) -> str:
    assert isinstance(answer, TokenRequestError), answer
    return answer.error


def test_a_code_becomes_tokens_that_say_what_the_user_granted() -> None:
    bench = Bench()
    answer = exchange(bench, code_of(bench))
    assert list(answer) == [
        "id_token",
        "access_token",
        "refresh_token",
        "expires_in",
        "token_type",
        "scope",
    ]
    assert (answer["expires_in"], answer["token_type"], answer["scope"]) == (
        3600,
        "Bearer",
        "openid email",
    )
    key = bench.keys.ring().current.private.public_key()
    usual: Any = {"algorithms": ["RS256"], "issuer": ISSUER, "audience": "app"}
    known = jwt.decode(answer["id_token"], key, **usual, options={"verify_iat": False})
    assert known["sub"] == "84b2f556-b3a4-476f-92af-c718ac649a37"
    assert (known["email"], known["email_verified"], known["tier"]) == (
        "ada@example.com",
        True,
        "gold",
    )
    assert "name" not in known  # of the scope profile
    assert (known["nonce"], known["groups"]) == ("n", ["admins", "staff"])
    assert (known["iat"], known["exp"], known["auth_time"]) == (NOW, NOW + 3600, NOW)
    access = jwt.decode(answer["access_token"], key, **usual, options={"verify_iat": False})
    assert (access["client_id"], access["scope"]) == ("app", "openid email")
    assert jwt.get_unverified_header(answer["access_token"])["typ"] == "at+jwt"


def test_without_a_nonce_there_is_no_claim_of_it() -> None:
    bench = Bench()
    answer = exchange(bench, code_of(bench, query()))
    assert "nonce" not in (read(answer["id_token"], bench.keys.ring()) or {"nonce": 1})


def test_without_openid_there_is_no_id_token() -> None:
    bench = Bench()
    answer = exchange(bench, code_of(bench, query(scope="email things:read")))
    assert "id_token" not in answer


def test_tokens_of_a_user_pool_have_its_form() -> None:
    bench = Bench(pool=True)
    answer = exchange(bench, code_of(bench))
    assert list(answer) == ["id_token", "access_token", "refresh_token", "expires_in", "token_type"]
    known = read(answer["id_token"], bench.keys.ring())
    access = read(answer["access_token"], bench.keys.ring())
    assert known is not None
    assert access is not None
    issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example1"
    assert (known["iss"], known["token_use"], known["aud"]) == (issuer, "id", "app")
    assert (known["cognito:username"], known["cognito:groups"]) == ("ada", ["admins", "staff"])
    assert (access["iss"], access["token_use"], access["client_id"]) == (issuer, "access", "app")
    assert (access["username"], access["version"]) == ("ada", 2)
    assert "aud" not in access
    assert set(jwt.get_unverified_header(answer["id_token"])) == {"alg", "kid"}


# Who asks


@pytest.mark.parametrize(
    ("authorization", "form", "error"),
    [
        (basic("app", "wrong"), {}, "invalid_client"),
        (basic("app", ""), {}, "invalid_client"),
        (basic("eve", "s3cret"), {}, "invalid_client"),
        (basic("spa", "s3cret"), {}, "invalid_client"),
        ("Bearer abc", {}, "invalid_client"),
        ("Basic !!!", {}, "invalid_client"),
        ("Basic " + b64encode(b"app").decode(), {}, "invalid_client"),
        (None, {}, "invalid_client"),
        (None, {"client_id": "app"}, "invalid_client"),
        (None, {"client_id": "app", "client_secret": "wrong"}, "invalid_client"),
        (APP, {"client_id": "app", "client_secret": "s3cret"}, "invalid_request"),
        (APP, {"client_id": "spa"}, "invalid_request"),
    ],
)
def test_who_cannot_prove_to_be_a_client_gets_nothing(
    authorization: str | None, form: dict[str, str], error: str
) -> None:
    bench = Bench()
    code = code_of(bench)
    refused = exchange(bench, code, authorization, **form)
    assert error_of(refused) == error
    if error == "invalid_client":
        assert (refused.status, refused.asks) == (401, authorization is not None)
    assert "access_token" in exchange(bench, code)  # which nobody has spent
    assert "s3cret" not in " ".join(bench.lines)


@pytest.mark.parametrize("form", [{"client_id": "app", "client_secret": "s3cret"}])
def test_a_client_may_prove_itself_by_form(form: dict[str, str]) -> None:
    bench = Bench()
    assert "access_token" in exchange(bench, code_of(bench), None, **form)


# Codes


def test_a_code_is_good_once_and_a_second_use_takes_everything_back() -> None:
    bench = Bench()
    code = code_of(bench)
    answer = exchange(bench, code)
    assert not isinstance(bench.provider.holder(answer["access_token"]), str)
    assert error_of(exchange(bench, code)) == "invalid_grant"
    assert bench.provider.holder(answer["access_token"]) == "it was revoked"
    again = ask(bench, grant_type="refresh_token", refresh_token=answer["refresh_token"])
    assert error_of(again) == "invalid_grant"
    assert code not in " ".join(bench.lines)


@pytest.mark.parametrize(
    ("authorization", "changed"),
    [
        (APP, {"redirect_uri": "https://app.test/other"}),
        (APP, {"redirect_uri": ""}),
        (basic("careful", "s"), {}),
        (APP, {"code_verifier": VERIFIER}),
        (APP, {"code": "made-up"}),
    ],
)
def test_a_code_is_for_one_client_and_one_address(
    authorization: str, changed: dict[str, str]
) -> None:
    bench = Bench()
    form = {"code": code_of(bench), **changed}
    assert error_of(exchange(bench, authorization=authorization, **form)) == "invalid_grant"


@pytest.mark.parametrize(
    ("verifier", "is_right"),
    [
        (VERIFIER, True),
        ("", False),
        ("b" * 43, False),
        ("a" * 42, False),
        ("a" * 129, False),
        (CHALLENGE, False),
        ("ä" * 43, False),
    ],
)
def test_who_began_has_the_verifier(verifier: str, is_right: bool) -> None:
    bench = Bench()
    code = code_of(bench, query(code_challenge=CHALLENGE, code_challenge_method="S256"))
    answer = exchange(bench, code, code_verifier=verifier)
    assert isinstance(answer, dict) == is_right


def test_a_code_expires_after_five_minutes() -> None:
    bench = Bench()
    early, late = code_of(bench), code_of(bench)
    bench.clock.now = NOW + 299.9
    assert "access_token" in exchange(bench, early)
    bench.clock.now = NOW + 300
    assert error_of(exchange(bench, late)) == "invalid_grant"


def test_a_code_has_expired_on_demand() -> None:
    bench = Bench()
    form = {"grant_type": "authorization_code", "code": code_of(bench), "redirect_uri": BACK}
    fault = TokenRequestFault(has_expired=True)
    refused = answered(bench.provider, urlencode(form), APP, fault)
    assert refused == TokenRequestError("invalid_grant", "the code has expired")


# Refresh tokens


def test_a_refresh_token_gives_new_tokens_and_stays() -> None:
    bench = Bench()
    first = exchange(bench, code_of(bench))
    bench.clock.now = NOW + 5000
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = ask(bench, **form)
    assert "refresh_token" not in second
    known = read(second["id_token"], bench.keys.ring())
    assert known is not None
    assert (known["auth_time"], known["iat"]) == (NOW, NOW + 5000)
    assert "nonce" not in known
    narrow = ask(bench, scope="openid", **form)
    assert narrow["scope"] == "openid"
    assert error_of(ask(bench, scope="openid phone", **form)) == "invalid_scope"


def test_a_refresh_token_is_for_its_client_and_its_time() -> None:
    bench = Bench()
    token = exchange(bench, code_of(bench))["refresh_token"]
    form = {"grant_type": "refresh_token"}
    for changed in (token[:-2], "B" + token[1:], token + "AA", "", "x", "a" * 9000):
        assert error_of(ask(bench, refresh_token=changed, **form)) in (
            "invalid_grant",
            "invalid_request",
        )
    other = ask(bench, basic("careful", "s"), refresh_token=token, **form)
    assert error_of(other) == "invalid_grant"
    bench.clock.now = NOW + 30 * 86_400
    assert error_of(ask(bench, refresh_token=token, **form)) == "invalid_grant"


def test_a_refresh_token_outlives_the_provider() -> None:
    token = exchange(bench := Bench(), code_of(bench))["refresh_token"]
    again = ask(Bench(), grant_type="refresh_token", refresh_token=token)
    assert "access_token" in again


def test_revoking_takes_a_refresh_token_back() -> None:
    bench = Bench()
    answer = exchange(bench, code_of(bench))
    token = answer["refresh_token"]
    other = revoke(bench.provider, urlencode({"token": token}), basic("careful", "s"))
    assert other is None  # which says nothing, and does nothing
    form = {"grant_type": "refresh_token", "refresh_token": token}
    assert "access_token" in ask(bench, **form)
    assert revoke(bench.provider, urlencode({"token": token}), APP) is None
    assert error_of(ask(bench, **form)) == "invalid_grant"
    assert bench.provider.holder(answer["access_token"]) == "it was revoked"
    assert error_of(revoke(bench.provider, "token=x", None)) == "invalid_client"


# Others


def test_a_client_with_a_secret_has_tokens_of_its_own() -> None:
    bench = Bench()
    answer = ask(bench, grant_type="client_credentials", scope="things:read")
    access = read(answer["access_token"], bench.keys.ring())
    assert access is not None
    assert (access["sub"], access["scope"]) == ("app", "things:read")
    assert "refresh_token" not in answer
    assert error_of(ask(bench, grant_type="client_credentials", scope="no")) == "invalid_scope"
    public = ask(bench, None, grant_type="client_credentials", client_id="spa")
    assert error_of(public) == "unauthorized_client"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
    ],
)
def test_what_is_missing_is_named(form: dict[str, str], error: str) -> None:
    assert error_of(ask(Bench(), **form)) == error


def test_a_parameter_comes_once() -> None:
    refused = answered(Bench().provider, "grant_type=a&grant_type=b", APP, NO_FAULT)
    assert error_of(refused) == "invalid_request"


# Keys


def test_what_an_older_key_signed_still_counts() -> None:
    bench = Bench(key_rotation=1000)
    answer = exchange(bench, code_of(bench))
    bench.clock.now = NOW + 1000
    later = exchange(bench, code_of(bench))
    assert bench.keys.rotations == 1
    kids = [jwt.get_unverified_header(each["id_token"])["kid"] for each in (later, answer)]
    assert [key["kid"] for key in bench.provider.ring.jwks()["keys"]] == kids
    assert not isinstance(bench.provider.holder(answer["access_token"]), str)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: jwt.encode(
            jwt.decode(token, options={"verify_signature": False}), None, "none"
        ),
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: token.rpartition(".")[0] + "." + token.rpartition(".")[2][::-1],
        lambda token: "x" * 70_000,
        lambda token: "",
        lambda token: "a.b.c",
        lambda token: token + ".e30",
    ],
)
def test_no_other_token_is_taken_for_an_access_token(spoil: Any) -> None:
    bench = Bench()
    answer = exchange(bench, code_of(bench))
    assert isinstance(bench.provider.holder(spoil(answer["access_token"])), str)
    assert bench.provider.holder(answer["id_token"]) == "it is no access token"
    bench.clock.now = NOW + 3600
    assert bench.provider.holder(answer["access_token"]) == "it has expired"
