"""Sign-ins and bearer tokens: every number and every list of AWS's pages against the code's."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from edgegw.alb.authentication import model, provider_calls, provider_replies, session, state
from edgegw.alb.authentication.identity_headers import IDENTITY_HEADERS
from edgegw.alb.authentication.keys import public_keys_place
from edgegw.alb.authentication.refusals import SignInFault
from edgegw.alb.jwt import key_set
from edgegw.alb.jwt import model as jwt_model
from edgegw.alb.jwt.key_set import KeysTrouble
from edgegw.alb.jwt.validation import ALGORITHM, TokenRefusal
from edgegw.alb.metrics import ClientRequests, samples
from tests.alb.test_jwt_validation import OWN, jwk

NUMBERS: list[tuple[str, object, object]] = [
    ("cookie name", model.DEFAULT_COOKIE, "AWSELBAuthSessionCookie"),
    ("scope", model.DEFAULT_SCOPE, "openid"),
    ("session, seconds", model.DEFAULT_SESSION, 604_800),
    ("extra parameters", model.MAX_EXTRA_PARAMS, 10),
    ("nonce cookie", state.NONCE_COOKIE, b"AWSALBAuthNonce"),
    ("log-in, seconds", state.LOGIN_TIMEOUT, 900),
    ("callback", provider_calls.CALLBACK_PATH, b"/oauth2/idpresponse"),
    ("endpoint, seconds", provider_calls.ENDPOINT_TIMEOUT, 5),
    ("claims and access token, bytes", provider_replies.MAX_CLAIMS, 11_264),
    ("session cookies", session.MAX_SHARDS, 4),
    ("session cookie, bytes", session.MAX_SHARD, 4096),
    ("session cookie, seconds", session.COOKIE_LIFETIME, 604_800),
    ("additional claims and their values", jwt_model.MAX_CLAIMS_CHECKED, 10),
    ("issuer, endpoint, value", jwt_model.MAX_CLAIM_VALUE, 256),
    ("claims checked anyhow", set(jwt_model.ALWAYS_CHECKED), {"exp", "iss", "nbf", "iat"}),
    ("algorithm", ALGORITHM, "RS256"),
    ("key, bits", key_set.KEY_BITS, 2048),
    ("key set, bytes", key_set.MAX_KEY_SET, 153_600),
    ("key set, keys", key_set.MAX_KEYS, 10),
    (
        "headers for targets",
        set(IDENTITY_HEADERS),
        {b"x-amzn-oidc-accesstoken", b"x-amzn-oidc-identity", b"x-amzn-oidc-data"},
    ),
]


@pytest.mark.parametrize(
    ("ours", "awss"), [row[1:] for row in NUMBERS], ids=[row[0] for row in NUMBERS]
)
def test_numbers_and_names_are_awss(ours: object, awss: object) -> None:
    assert ours == awss


FAILURE = "ELBAuthFailure"
ERROR = "ELBAuthError"
TOKEN_FAILURE = "JWTValidationFailureCount"
METRICS = {
    "AuthInvalidCookie": FAILURE,
    "AuthInvalidGrantError": FAILURE,
    "AuthInvalidIdToken": FAILURE,
    "AuthInvalidStateParam": FAILURE,
    "AuthInvalidTokenResponse": FAILURE,
    "AuthInvalidUserinfoResponse": FAILURE,
    "AuthMissingCodeParam": FAILURE,
    "AuthMissingStateParam": FAILURE,
    "AuthMissingHostHeader": ERROR,
    "AuthTokenEpRequestFailed": ERROR,
    "AuthTokenEpRequestTimeout": ERROR,
    "AuthUserinfoEpRequestFailed": ERROR,
    "AuthUserinfoEpRequestTimeout": ERROR,
    "AuthUserinfoResponseSizeExceeded": "ELBAuthUserClaimsSizeExceeded",
    "JWTHeaderNotPresent": TOKEN_FAILURE,
    "JWTRequestFormatInvalid": TOKEN_FAILURE,
    "JWTSignatureValidationError": TOKEN_FAILURE,
    "JWTClaimNotPresent": TOKEN_FAILURE,
    "JWTClaimFormatInvalid": TOKEN_FAILURE,
    "JWTClaimValueInvalid": TOKEN_FAILURE,
    "JWKSRequestTimeout": TOKEN_FAILURE,
    "JWKSResponseSizeExceeded": TOKEN_FAILURE,
    "JWKSRequestFailed": TOKEN_FAILURE,
    "JWKSResponseInvalid": TOKEN_FAILURE,
    "provider-denied": FAILURE,
    "provider-error": ERROR,
    "authenticated": "ELBAuthSuccess",
    "refreshed": "ELBAuthRefreshTokenSuccess",
    "token-validated": "JWTValidationSuccessCount",
}


def counted(status: int, verdict: str, guard: str = "") -> set[str]:
    """The metrics of one request, bytes aside."""
    requests = ClientRequests(status=status, verdict=verdict, count=1, processed=1, guard=guard)
    given = [name for name, *_ in samples(requests) if name != "ProcessedBytes"]
    assert len(given) == len(set(given))  # nothing counts twice
    return set(given)


@pytest.mark.parametrize("mark", METRICS)
def test_what_comes_of_a_guard_counts_as_awss_metric(mark: str) -> None:
    assert METRICS[mark] in counted(401, mark, mark)
    assert counted(200, "forwarded", mark) == {METRICS[mark]}


def test_every_reason_of_ours_is_in_the_table() -> None:
    reasons: set[Any] = {
        *get_args(SignInFault),
        *get_args(TokenRefusal.__annotations__["reason"]),
        *get_args(KeysTrouble.__annotations__["reason"]),
    } - {"-"}
    literals = {text for text in METRICS if text.startswith(("Auth", "JW"))}
    assert {reason for reason in reasons if isinstance(reason, str)} <= literals


@pytest.mark.parametrize("verdict", ["authenticate", "authenticated", "AuthInvalidCookie"])
def test_a_client_that_is_sent_away_and_back_counts_as_redirected(verdict: str) -> None:
    assert "HTTPCode_ELB_3XX_Count" in counted(302, verdict)
    assert "HTTP_Redirect_Count" not in counted(302, verdict)


@pytest.mark.parametrize(("status", "metric"), [(401, "4XX"), (561, "5XX"), (562, "5XX")])
def test_refusals_count_by_their_status(status: int, metric: str) -> None:
    assert f"HTTPCode_ELB_{metric}_Count" in counted(status, "-")


def test_govcloud_has_its_public_keys_in_a_bucket() -> None:
    assert public_keys_place("eu-west-1") == (
        "public-keys.auth.elb.eu-west-1.amazonaws.com",
        "/",
    )
    assert public_keys_place("us-gov-east-1") == (
        "s3-us-gov-east-1.amazonaws.com",
        "/aws-elb-public-keys-prod-us-gov-east-1/",
    )


def test_a_key_set_may_have_all_the_bytes_that_aws_allows() -> None:
    content = json.dumps({"keys": [jwk(OWN)]}).encode().ljust(153_600)
    assert isinstance(key_set.parse_key_set(content, 0.0), key_set.KeySet)
    assert isinstance(key_set.parse_key_set(content + b" ", 0.0), KeysTrouble)
