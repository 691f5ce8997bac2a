"""Calls of `cognito-idp`: their answers and their errors, in AWS's words."""

from __future__ import annotations

import hmac
from base64 import b64encode
from typing import Any

import pytest

from edgegw.identity.cognito_api import PREFIX, PoolError, call
from edgegw.identity.tokens import read
from tests.identity.providers import NOW, Bench


def do(bench: Bench, operation: str, **body: Any) -> dict[str, Any]:
    return call(bench.provider, PREFIX + operation, body)


def sign_in(bench: Bench, name: str = "ada", password: str = "demo", **more: Any) -> dict[str, Any]:
    parameters = {"USERNAME": name, "PASSWORD": password, **more}
    return do(
        bench,
        "InitiateAuth",
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=more.pop("client", "spa"),
        AuthParameters=parameters,
    )


def fault(bench: Bench, operation: str, **body: Any) -> tuple[str, str]:
    with pytest.raises(PoolError) as caught:
        do(bench, operation, **body)
    return caught.value.kind, caught.value.message


def secret_hash(name: str) -> str:
    return b64encode(hmac.digest(b"s3cret", f"{name}app".encode(), "sha256")).decode()


def test_a_password_gives_tokens_that_get_the_user() -> None:
    bench = Bench(pool=True)
    result = sign_in(bench)["AuthenticationResult"]
    assert set(result) == {"AccessToken", "ExpiresIn", "IdToken", "RefreshToken", "TokenType"}
    known = read(result["IdToken"], bench.keys.ring())
    assert known is not None
    assert (known["token_use"], known["email"]) == ("id", "ada@example.com")
    user = do(bench, "GetUser", AccessToken=result["AccessToken"])
    assert user["Username"] == "ada"
    assert {"Name": "email_verified", "Value": "true"} in user["UserAttributes"]
    assert "demo" not in " ".join(bench.lines)


def test_a_refresh_token_gives_new_tokens() -> None:
    bench = Bench(pool=True)
    token = sign_in(bench)["AuthenticationResult"]["RefreshToken"]
    body = {"ClientId": "spa", "AuthParameters": {"REFRESH_TOKEN": token}}
    for flow in ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"):
        result = do(bench, "InitiateAuth", AuthFlow=flow, **body)["AuthenticationResult"]
        assert "RefreshToken" not in result
        assert result["IdToken"]
    do(bench, "RevokeToken", ClientId="spa", Token=token)
    assert fault(bench, "InitiateAuth", AuthFlow="REFRESH_TOKEN_AUTH", **body) == (
        "NotAuthorizedException",
        "Refresh Token has been revoked",
    )


def test_signing_out_everywhere_ends_all_tokens() -> None:
    bench = Bench(pool=True)
    first, second = (sign_in(bench)["AuthenticationResult"] for _ in range(2))
    assert do(bench, "GlobalSignOut", AccessToken=first["AccessToken"]) == {}
    for each in (first, second):
        assert fault(bench, "GetUser", AccessToken=each["AccessToken"]) == (
            "NotAuthorizedException",
            "Access Token has been revoked",
        )
    again = sign_in(bench)["AuthenticationResult"]
    assert do(bench, "GetUser", AccessToken=again["AccessToken"])["Username"] == "ada"


def test_a_new_password_is_asked_for() -> None:
    bench = Bench(pool=True)
    asked = sign_in(bench, "new", "first")
    assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert asked["ChallengeParameters"]["USER_ID_FOR_SRP"] == "new"
    answer = {
        "ChallengeName": "NEW_PASSWORD_REQUIRED",
        "ClientId": "spa",
        "Session": asked["Session"],
        "ChallengeResponses": {"USERNAME": "new", "NEW_PASSWORD": "second"},
    }
    assert "AuthenticationResult" in do(bench, "RespondToAuthChallenge", **answer)
    other = {"USERNAME": "ada", "NEW_PASSWORD": "second"}
    stolen = {**answer, "ChallengeResponses": other}
    assert fault(bench, "RespondToAuthChallenge", **stolen)[0] == "NotAuthorizedException"
    bench.clock.now = NOW + 180
    kind, message = fault(bench, "RespondToAuthChallenge", **answer)
    assert (kind, message) == (
        "NotAuthorizedException",
        "Invalid session for the user, session is expired.",
    )


def test_a_client_with_a_secret_sends_its_hash() -> None:
    bench = Bench(pool=True)
    parameters = {"USERNAME": "ada", "PASSWORD": "demo"}
    body: dict[str, Any] = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "app"}
    without = fault(bench, "InitiateAuth", AuthParameters=parameters, **body)
    assert without[1] == "Client app is configured with secret but SECRET_HASH was not received"
    wrong = {**parameters, "SECRET_HASH": secret_hash("eve")}
    assert fault(bench, "InitiateAuth", AuthParameters=wrong, **body)[1] == (
        "Unable to verify secret hash for client app"
    )
    right = {**parameters, "SECRET_HASH": secret_hash("ada")}
    result = do(bench, "InitiateAuth", AuthParameters=right, **body)["AuthenticationResult"]
    refresh = {"REFRESH_TOKEN": result["RefreshToken"], "SECRET_HASH": secret_hash("ada")}
    body["AuthFlow"] = "REFRESH_TOKEN_AUTH"
    assert "AuthenticationResult" in do(bench, "InitiateAuth", AuthParameters=refresh, **body)


@pytest.mark.parametrize(
    ("operation", "body", "expected"),
    [
        (
            "InitiateAuth",
            {"AuthParameters": {"USERNAME": "ada", "PASSWORD": "no"}},
            ("NotAuthorizedException", "Incorrect username or password."),
        ),
        (
            "InitiateAuth",
            {"AuthParameters": {"USERNAME": "eve", "PASSWORD": "no"}},
            ("UserNotFoundException", "User does not exist."),
        ),
        (
            "InitiateAuth",
            {"ClientId": "none"},
            ("ResourceNotFoundException", "User pool client none does not exist."),
        ),
        (
            "InitiateAuth",
            {"AuthFlow": "USER_SRP_AUTH"},
            ("InvalidParameterException", "USER_SRP_AUTH flow not enabled for this client"),
        ),
        ("GetUser", {"AccessToken": "x"}, ("NotAuthorizedException", "Invalid Access Token")),
        ("GetUser", {}, ("InvalidParameterException", "Missing required parameter AccessToken")),
        (
            "InitiateAuth",
            {"AuthParameters": []},
            ("SerializationException", "AuthParameters is no map"),
        ),
        ("DeleteUser", {}, ("UnknownOperationException", None)),
    ],
)
def test_errors_have_awss_names(
    operation: str, body: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    usual = (
        {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "spa"} if operation == "InitiateAuth" else {}
    )
    kind, message = fault(Bench(pool=True), operation, **{**usual, **body})
    assert kind == expected[0]
    if expected[1] is not None:
        assert message == expected[1]
