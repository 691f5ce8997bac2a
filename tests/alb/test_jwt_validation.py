"""jwt-validation: which tokens go on, and what AWS calls every other one.

The table is what attackers try first. Tokens are made and checked with PyJWT, which knows nothing
of our reading of them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from edgegw.alb.access_log import Sizes, Timing, access_line
from edgegw.alb.finish import BalancerAnswer
from edgegw.alb.flow import BalancerStep, ChooseTarget, start
from edgegw.alb.jwt.key_set import (
    KEYS_LIFETIME,
    MAX_KEY_SET,
    MAX_KEYS,
    UNKNOWN_KEY_PAUSE,
    KeySet,
    KeysTrouble,
    parse_key_set,
)
from edgegw.alb.jwt.model import AdditionalClaim, JwtValidation
from edgegw.alb.jwt.steps import CheckToken
from edgegw.alb.jwt.token import ParsedToken, parsed_token
from edgegw.alb.model import Forward, Listener, Rule
from tests.alb import balancers
from tests.alb.balancers import FACTS, WEB
from tests.alb.signing_in import NOW, rsa_key

ACTION = JwtValidation("https://id.test/jwks", "https://id.test")
OWN, FOREIGN = rsa_key(0), rsa_key(1)


def guarded(*claims: AdditionalClaim) -> Listener:
    listener = balancers.listener(protocol="HTTPS", port=443)
    action = replace(ACTION, additional_claims=claims)
    return replace(listener, default=Rule(None, (), (action, Forward(((WEB, 1),)))))


LISTENER = guarded()


def jwk(key: rsa.RSAPrivateKey, kid: str | None = "one", **more: Any) -> dict[str, Any]:
    entry = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    entry |= {"use": "sig", "alg": "RS256", "kid": kid} | more
    return {name: value for name, value in entry.items() if value is not None}


def key_set(*entries: dict[str, Any], fetched: float = NOW) -> KeySet:
    keys = parse_key_set(json.dumps({"keys": entries or [jwk(OWN)]}).encode(), fetched)
    assert isinstance(keys, KeySet), keys
    return keys


KEYS = key_set()


def claims(**more: Any) -> dict[str, Any]:
    given = {"iss": "https://id.test", "exp": int(NOW) + 60, "sub": "ada"} | more
    return {name: value for name, value in given.items() if value is not ...}


def signed(
    stated: dict[str, Any] | None = None,
    key: rsa.RSAPrivateKey = OWN,
    kid: str | None = "one",
    **header: Any,
) -> str:
    members = header if kid is None else {"kid": kid, **header}
    return jwt.encode(claims() if stated is None else stated, key, "RS256", headers=members)


def raw_signed(header: str, payload: str, key: rsa.RSAPrivateKey = OWN) -> str:
    """A token of texts that no library would write, signed all the same."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    def encoded(part: bytes) -> bytes:
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    content = encoded(header.encode()) + b"." + encoded(payload.encode())
    return (content + b"." + encoded(key.sign(content, PKCS1v15(), SHA256()))).decode()


def judged(
    authorization: str | list[str] | None,
    keys: KeySet | KeysTrouble = KEYS,
    listener: Listener = LISTENER,
) -> BalancerStep:
    given = [authorization] if isinstance(authorization, str) else authorization or []
    request = balancers.request(headers=[("Authorization", line) for line in given])
    step = start(listener, request, FACTS)
    return step.next(keys) if isinstance(step, CheckToken) else step


def refusal(step: BalancerStep) -> tuple[int, str]:
    assert isinstance(step, BalancerAnswer), step
    assert step.refusal is not None
    return step.refusal.status, step.refusal.reason


def test_a_good_token_goes_on_with_the_request_as_it_is() -> None:
    token = signed()
    step = judged(f"Bearer {token}")
    assert isinstance(step, ChooseTarget)
    assert step.request.headers.get(b"authorization") == f"Bearer {token}".encode()
    assert not any(name.lower().startswith(b"x-amzn-oidc") for name, _ in step.request.headers)


PUBLIC_PEM = OWN.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
PLAIN_HEADER = '{"alg":"RS256","kid":"one"}'


def plain(**members: Any) -> str:
    return json.dumps(claims(**members))


def confused_with_public_key() -> str:
    """HS256 with the public key for a secret; PyJWT refuses to make one."""
    import hashlib
    import hmac

    token = raw_signed('{"alg":"HS256","kid":"one"}', plain()).rpartition(".")[0]
    digest = hmac.digest(PUBLIC_PEM, token.encode(), hashlib.sha256)
    return token + "." + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


SIGNATURE, FORMAT = "JWTSignatureValidationError", "JWTRequestFormatInvalid"
MISSING, SHAPE, VALUE = "JWTClaimNotPresent", "JWTClaimFormatInvalid", "JWTClaimValueInvalid"
REFUSED: dict[str, tuple[str, Callable[[], str | list[str] | None]]] = {
    "no header": ("JWTHeaderNotPresent", lambda: None),
    "basic": (FORMAT, lambda: "Basic YWRhOmRlbW8="),
    "no token": (FORMAT, lambda: "Bearer "),
    "opaque": (FORMAT, lambda: "Bearer abcdef"),
    "two tokens": (FORMAT, lambda: f"Bearer {signed()} {signed()}"),
    "two tokens with a comma": (FORMAT, lambda: f"Bearer {signed()},{signed()}"),
    "two headers": (FORMAT, lambda: [f"Bearer {signed()}", f"Bearer {signed()}"]),
    "four parts": (FORMAT, lambda: f"Bearer {signed()}.x"),
    "padding": (FORMAT, lambda: "Bearer " + signed().replace(".", "=.", 1)),
    "foreign characters": (FORMAT, lambda: "Bearer " + signed().replace(".", "!.", 1)),
    "header is a list": (FORMAT, lambda: "Bearer " + raw_signed("[]", plain())),
    "claims are a list": (FORMAT, lambda: "Bearer " + raw_signed(PLAIN_HEADER, "[]")),
    "deep": (FORMAT, lambda: "Bearer " + raw_signed(PLAIN_HEADER, "[" * 5000)),
    "alg none": (
        SIGNATURE,
        lambda: "Bearer " + jwt.encode(claims(), None, "none", headers={"kid": "one"}),
    ),
    "alg none, signature kept": (
        SIGNATURE,
        lambda: "Bearer " + raw_signed('{"alg":"none","kid":"one"}', plain()),
    ),
    "alg None": (SIGNATURE, lambda: "Bearer " + raw_signed('{"alg":"nOnE"}', plain())),
    "no alg": (SIGNATURE, lambda: "Bearer " + raw_signed('{"kid":"one"}', plain())),
    "alg is a list": (SIGNATURE, lambda: "Bearer " + raw_signed('{"alg":["RS256"]}', plain())),
    "HS256 with the public key": (SIGNATURE, lambda: "Bearer " + confused_with_public_key()),
    "RS512": (
        SIGNATURE,
        lambda: "Bearer " + jwt.encode(claims(), OWN, "RS512", headers={"kid": "one"}),
    ),
    "no signature": (SIGNATURE, lambda: "Bearer " + signed().rpartition(".")[0] + "."),
    "another token's signature": (
        SIGNATURE,
        lambda: (
            "Bearer "
            + signed().rpartition(".")[0]
            + "."
            + signed(claims(sub="eve")).rpartition(".")[2]
        ),
    ),
    "wrong kid": (SIGNATURE, lambda: "Bearer " + signed(kid="two")),
    "kid as a path": (SIGNATURE, lambda: "Bearer " + signed(kid="../../dev/null")),
    "kid is a number": (FORMAT, lambda: "Bearer " + raw_signed('{"alg":"RS256","kid":1}', plain())),
    "key of another issuer": (SIGNATURE, lambda: "Bearer " + signed(key=FOREIGN)),
    "key in the token": (
        SIGNATURE,
        lambda: "Bearer " + signed(key=FOREIGN, jwk=jwk(FOREIGN), jku="https://evil.test"),
    ),
    "crit": (FORMAT, lambda: "Bearer " + signed(crit=["exp"])),
    "another issuer": (VALUE, lambda: "Bearer " + signed(claims(iss="https://evil.test"))),
    "issuer with a slash": (VALUE, lambda: "Bearer " + signed(claims(iss="https://id.test/"))),
    "no issuer": (MISSING, lambda: "Bearer " + signed(claims(iss=...))),
    "issuer is a list": (
        SHAPE,
        lambda: "Bearer " + raw_signed(PLAIN_HEADER, plain(iss=["https://id.test"])),
    ),
    "expired": (VALUE, lambda: "Bearer " + signed(claims(exp=int(NOW)))),
    "expired a moment ago": (VALUE, lambda: "Bearer " + signed(claims(exp=int(NOW) - 1))),
    "no exp": (MISSING, lambda: "Bearer " + signed(claims(exp=...))),
    "exp is null": (MISSING, lambda: "Bearer " + raw_signed(PLAIN_HEADER, plain(exp=None))),
    "exp is text": (SHAPE, lambda: "Bearer " + raw_signed(PLAIN_HEADER, plain(exp="9999999999"))),
    "exp is true": (SHAPE, lambda: "Bearer " + raw_signed(PLAIN_HEADER, plain(exp=True))),
    "exp without end": (
        FORMAT,
        lambda: "Bearer " + raw_signed(PLAIN_HEADER, '{"iss":"https://id.test","exp":1e999}'),
    ),
    "exp is Infinity": (
        FORMAT,
        lambda: "Bearer " + raw_signed(PLAIN_HEADER, '{"iss":"https://id.test","exp":Infinity}'),
    ),
    "not yet": (VALUE, lambda: "Bearer " + signed(claims(nbf=int(NOW) + 1))),
    "of the future": (VALUE, lambda: "Bearer " + signed(claims(iat=int(NOW) + 30))),
    "nbf is text": (SHAPE, lambda: "Bearer " + raw_signed(PLAIN_HEADER, plain(nbf="soon"))),
    "iss twice": (
        FORMAT,
        lambda: (
            "Bearer "
            + raw_signed(
                PLAIN_HEADER,
                '{"iss":"https://evil.test","exp":9999999999,"iss":"https://id.test"}',
            )
        ),
    ),
    "alg twice": (
        FORMAT,
        lambda: "Bearer " + raw_signed('{"alg":"none","alg":"RS256"}', plain()),
    ),
    "member twice further in": (
        FORMAT,
        lambda: (
            "Bearer "
            + raw_signed(PLAIN_HEADER, plain()[:-1] + ',"a":{"role":"user","role":"admin"}}')
        ),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_confusion_is_refused(name: str) -> None:
    reason, make = REFUSED[name]
    authorization = make()
    step = judged(authorization)
    assert refusal(step) == (401, reason)
    assert isinstance(step, BalancerAnswer)
    assert step.response.headers.get(b"www-authenticate") is None
    assert b"401 Authorization Required" in (step.response.body.content or b"")
    line = access_line(
        step, balancers.request(), Timing(NOW, NOW), Sizes(1, 1), address="127.0.0.1"
    )
    assert f'"jwt-validation" "-" "{reason}"' in line
    assert step.refusal is not None
    said = line + step.refusal.detail
    for text in [authorization] if isinstance(authorization, str) else authorization or []:
        secret = text.partition(" ")[2]
        assert len(secret) < 6 or secret not in said


@pytest.mark.parametrize(
    "authorization",
    [
        lambda: "bearer " + signed(),
        lambda: "BEARER   " + signed(),
        lambda: "Bearer " + signed(kid=None),
        lambda: "Bearer " + signed(claims(nbf=int(NOW), iat=int(NOW))),
        lambda: "Bearer " + signed(claims(exp=NOW + 0.5)),
        lambda: "Bearer " + signed(claims(aud="anything", groups=["a"] * 700)),
    ],
    ids=["lower", "blanks", "no-kid", "from-now-on", "half-a-second", "huge"],
)
def test_what_is_unusual_and_good_goes_on(authorization: Callable[[], str]) -> None:
    assert isinstance(judged(authorization()), ChooseTarget)


# Additional claims

SINGLE = AdditionalClaim("aud", "single-string", ("app", "web"))
ARRAY = AdditionalClaim("groups", "string-array", ("admin", "staff"))
SPACED = AdditionalClaim("scope", "space-separated-values", ("read", "write"))


@pytest.mark.parametrize(
    ("wanted", "value", "reason"),
    [
        (SINGLE, "app", None),
        (SINGLE, "web", None),
        (SINGLE, "apps", VALUE),
        (SINGLE, "", VALUE),
        (SINGLE, ["app"], SHAPE),
        (SINGLE, 5, SHAPE),
        (SINGLE, ..., MISSING),
        (ARRAY, ["staff", "other"], None),
        (ARRAY, ["other"], VALUE),
        (ARRAY, [], VALUE),
        (ARRAY, "staff", SHAPE),
        (ARRAY, [["staff"]], SHAPE),
        (ARRAY, ["staff", ["x"]], SHAPE),
        (ARRAY, {"staff": 1}, SHAPE),
        (ARRAY, ..., MISSING),
        (SPACED, "read write", None),
        (SPACED, "write more read", None),
        (SPACED, "read", VALUE),
        (SPACED, "read\twrite", VALUE),
        (SPACED, ["read", "write"], SHAPE),
        (SPACED, ..., MISSING),
    ],
)
def test_additional_claims(wanted: AdditionalClaim, value: Any, reason: str | None) -> None:
    token = raw_signed(PLAIN_HEADER, plain(**{wanted.name: value}))
    step = judged(f"Bearer {token}", listener=guarded(wanted))
    if reason is None:
        assert isinstance(step, ChooseTarget)
    else:
        assert refusal(step) == (401, reason)


def test_every_additional_claim_must_hold() -> None:
    token = raw_signed(PLAIN_HEADER, plain(aud="app", groups=["x"]))
    assert refusal(judged(f"Bearer {token}", listener=guarded(SINGLE, ARRAY)))[1] == VALUE


# Key sets


def bare(content: bytes) -> KeysTrouble:
    trouble = parse_key_set(content, NOW)
    assert isinstance(trouble, KeysTrouble)
    return trouble


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b" " * (MAX_KEY_SET + 1), 500, "JWKSResponseSizeExceeded"),
        (b"<html>", 562, "JWKSResponseInvalid"),
        (b"[" * 60_000, 562, "JWKSResponseInvalid"),
        (b"[]", 562, "JWKSResponseInvalid"),
        (b"{}", 562, "JWKSResponseInvalid"),
        (b'{"keys": {}}', 562, "JWKSResponseInvalid"),
        (b'{"keys": [null, 5, {"kty": "EC"}]}', 562, "JWKSResponseInvalid"),
    ],
)
def test_a_key_set_that_cannot_be_used(content: bytes, status: int, reason: str) -> None:
    trouble = bare(content)
    assert (trouble.status, trouble.reason) == (status, reason)
    assert refusal(judged(f"Bearer {signed()}", trouble)) == (status, reason)


def test_ten_keys_are_taken_and_eleven_are_not() -> None:
    entries = [jwk(OWN, str(number)) for number in range(MAX_KEYS + 1)]
    assert len(key_set(*entries[:-1]).keys) == MAX_KEYS
    trouble = bare(json.dumps({"keys": entries}).encode())
    assert (trouble.status, trouble.reason) == (500, "JWKSResponseSizeExceeded")


@pytest.mark.parametrize(
    "entry",
    [
        lambda: jwk(rsa_key(2, 1024)),
        lambda: jwk(rsa_key(3, 3072)),
        lambda: jwk(OWN, use="enc"),
        lambda: jwk(OWN, alg="RS512"),
        lambda: jwk(OWN, kty="oct", k="c2VjcmV0"),
        lambda: jwk(OWN, n="AA"),
        lambda: jwk(OWN, n=5),
        lambda: jwk(OWN, n="ä"),
        lambda: jwk(OWN, e="AA"),
        lambda: jwk(OWN, e="AQ"),
        lambda: jwk(OWN, e="_" * 80),
        lambda: jwk(OWN, 5),  # type: ignore[arg-type]
    ],
)
def test_keys_that_do_not_count(entry: Callable[[], dict[str, Any]]) -> None:
    assert bare(json.dumps({"keys": [entry()]}).encode()).reason == "JWKSResponseInvalid"


def test_a_key_without_use_and_algorithm_counts() -> None:
    entry = {name: jwk(OWN)[name] for name in ("kty", "n", "e")}
    assert isinstance(judged(f"Bearer {signed(kid=None)}", key_set(entry)), ChooseTarget)
    assert refusal(judged(f"Bearer {signed()}", key_set(entry)))[1] == SIGNATURE


def test_of_two_keys_with_one_id_either_will_do() -> None:
    keys = key_set(jwk(FOREIGN), jwk(OWN))
    assert isinstance(judged(f"Bearer {signed()}", keys), ChooseTarget)


@pytest.mark.parametrize(
    ("kid", "age", "answers"),
    [
        ("one", KEYS_LIFETIME - 1, True),
        ("one", KEYS_LIFETIME, False),
        ("one", -1, False),
        ("new", UNKNOWN_KEY_PAUSE - 1, True),
        ("new", UNKNOWN_KEY_PAUSE, False),
        (None, KEYS_LIFETIME - 1, True),
    ],
)
def test_when_a_key_set_is_fetched_anew(kid: str | None, age: float, answers: bool) -> None:
    assert key_set().may_answer(kid, NOW + age) is answers


def test_a_signature_that_was_good_once_does_not_vouch_for_another() -> None:
    keys = key_set()
    token = signed()
    assert isinstance(judged(f"Bearer {token}", keys), ChooseTarget)
    assert isinstance(judged(f"Bearer {token}", keys), ChooseTarget)
    content, _, signature = token.rpartition(".")
    swapped = raw_signed(PLAIN_HEADER, plain(sub="eve"), FOREIGN).rpartition(".")[0]
    assert refusal(judged(f"Bearer {swapped}.{signature}", keys))[1] == SIGNATURE
    assert refusal(judged(f"Bearer {content}.{signature[:-8]}AAAAAAAA", keys))[1] == SIGNATURE


# Whatever comes


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_whatever_comes_is_a_token_or_is_none(text: bytes) -> None:
    parsed_token(text)
    parsed_token(b".".join([text[:100], text[100:200], text[200:]]))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=9), JSON, max_size=6))
def test_tokens_are_read_as_an_independent_library_reads_them(stated: dict[str, Any]) -> None:
    token = raw_signed(PLAIN_HEADER, json.dumps(stated, ensure_ascii=False))
    parsed = parsed_token(token.encode())
    assert isinstance(parsed, ParsedToken)
    assert parsed.claims == stated
    whole = jwt.api_jws.decode_complete(token, OWN.public_key(), algorithms=["RS256"])
    assert json.loads(whole["payload"]) == parsed.claims
    assert KEYS.is_signed("one", parsed.signed, parsed.signature)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["iss", "exp", "nbf", "iat", "aud", "groups", "scope"]), JSON)
)
def test_whatever_a_token_claims_has_an_answer_of_aws(stated: dict[str, Any]) -> None:
    token = raw_signed(PLAIN_HEADER, json.dumps(stated))
    step = judged(f"Bearer {token}", listener=guarded(SINGLE, ARRAY, SPACED))
    assert isinstance(step, ChooseTarget) or refusal(step)[0] == 401
