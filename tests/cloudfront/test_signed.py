"""Signed URLs and cookies, geo restriction: what is taken, what is refused, what goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from edgegw.cloudfront.behaviors import DistributionRefusal
from edgegw.cloudfront.model import GeoRestriction
from edgegw.cloudfront.signatures import (
    HashAlgorithm,
    KeyFileError,
    decode_text,
    encode_text,
    public_key,
    sign,
)
from edgegw.cloudfront.signed_policy import PolicyError, fits_resource, parse_policy
from edgegw.cloudfront.signed_request import refuse_unsigned, signed_url, without_signature
from edgegw.cloudfront.signing import signed_parameters, url_with
from edgegw.http.message import Client, Headers, Request
from edgegw.http.target import RequestTarget

RSA: Final = rsa.generate_private_key(65537, 2048)
EC: Final = ec.generate_private_key(ec.SECP256R1())


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_pem(key: Any) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


KEYS: Final = {"KRSA": public_pem(RSA), "KEC": public_pem(EC)}
PRIVATE: Final = {"KRSA": private_pem(RSA), "KEC": private_pem(EC)}
NOW: Final = 1_000_000
URL: Final = "https://d1.cloudfront.net/film.mp4"


def ask(url: str, *, cookie: str = "", address: str = "203.0.113.7") -> Request:
    scheme, _, rest = url.partition("://")
    host, slash, target = rest.partition("/")
    lines = [(b"Host", host.encode())]
    if cookie:
        lines.append((b"Cookie", cookie.encode()))
    parsed = RequestTarget.parse((slash + target).encode())
    client = Client(address, 1)
    return Request("GET", parsed, Headers(lines), scheme=scheme, client=client)


def signed(url: str = URL, key: str = "KRSA", until: int = NOW + 60, **options: Any) -> str:
    return url_with(url, signed_parameters(url, key, PRIVATE[key], until=until, **options))


def code(request: Request, keys: Mapping[str, bytes] = KEYS) -> str:
    refusal = refuse_unsigned(request, keys, NOW)
    return "" if refusal is None else refusal.code


@pytest.mark.parametrize("key", ["KRSA", "KEC"])
@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256"])
@pytest.mark.parametrize("options", [{}, {"resource": "https://d1.cloudfront.net/*"}])
def test_every_kind_of_signature_is_taken(
    key: str, algorithm: HashAlgorithm, options: dict[str, Any]
) -> None:
    assert code(ask(signed(key=key, algorithm=algorithm, **options))) == ""


def test_the_signature_of_a_canned_policy_is_over_its_text() -> None:
    text = b'{"Statement":[{"Resource":"https://d1.cloudfront.net/a?b=1","Condition":{"DateLessThan":{"AWS:EpochTime":1000060}}}]}'
    signature = RSA.sign(text, padding.PKCS1v15(), hashes.SHA1())
    url = "https://d1.cloudfront.net/a?Key-Pair-Id=KRSA&b=1&Expires=1000060&Signature="
    assert code(ask(url + encode_text(signature))) == ""


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        (URL, "MissingKey"),
        (URL + "?Expires=1&Signature=a", "MissingKey"),
        (URL + "?Key-Pair-Id=", "MissingKey"),
        (URL + "?key-pair-id=KRSA", "MissingKey"),
        (URL + "?Key-Pair-Id=KNOWN", "InvalidKey"),
        (URL + "?Key-Pair-Id=KRSA", "MissingKey"),
        (URL + "?Key-Pair-Id=KRSA&Signature=abcd", "MissingKey"),
        (URL + "?Key-Pair-Id=KRSA&Signature=%%%&Expires=1000060", "MalformedSignature"),
        (URL + "?Key-Pair-Id=KRSA&Signature=abcd&Expires=soon", "MalformedPolicy"),
        (URL + "?Key-Pair-Id=KRSA&Signature=abcd&Policy=%%%", "MalformedPolicy"),
        (URL + "?Key-Pair-Id=KRSA&Signature=abcd&Policy=abcd", "MalformedPolicy"),
        (URL + "?Key-Pair-Id=KRSA&Signature=abcd&Expires=1000060", "AccessDenied"),
        (signed() + "&Hash-Algorithm=MD5", "MalformedSignature"),
        (signed() + "&Hash-Algorithm=SHA256", "AccessDenied"),
        (signed() + "&more=1", "AccessDenied"),
        (signed().replace("film", "other"), "AccessDenied"),
        (signed().replace("https://", "http://"), "AccessDenied"),
        (signed().replace("KRSA", "KEC"), "AccessDenied"),
        (signed().replace(str(NOW + 60), str(NOW + 61)), "AccessDenied"),
        (signed(until=NOW + 1), ""),
        (signed(until=NOW), "AccessDenied"),
        (signed(after=NOW - 1), ""),
        (signed(after=NOW), "AccessDenied"),
        (signed(network="203.0.113.0/24"), ""),
        (signed(network="203.0.113.7"), ""),
        (signed(network="0.0.0.0/0"), ""),
        (signed(network="198.51.100.0/24"), "AccessDenied"),
        (signed(resource="https://d1.cloudfront.net/other*"), "AccessDenied"),
    ],
)  # fmt: skip
def test_what_is_refused(url: str, refused: str) -> None:
    assert code(ask(url)) == refused


def test_a_key_of_another_behavior_is_unknown() -> None:
    assert code(ask(signed()), {"KEC": KEYS["KEC"]}) == "InvalidKey"


def test_a_network_is_of_ipv4() -> None:
    url = signed(network="0.0.0.0/0")
    assert code(ask(url, address="2001:db8::1")) == "AccessDenied"


def cookie(**options: Any) -> str:
    given = signed_parameters(URL, "KRSA", PRIVATE["KRSA"], until=NOW + 60, **options)
    return "; ".join(f"CloudFront-{name}={text}" for name, text in given.items())


def test_cookies_count_where_the_url_has_no_parameter_of_signing() -> None:
    assert code(ask(URL, cookie=cookie())) == ""
    assert code(ask(URL, cookie=f"a=1; {cookie(resource='https://*/*')}; b=2")) == ""
    assert code(ask(URL + "?Expires=1", cookie=cookie())) == "MissingKey"
    assert code(ask(URL.replace("film", "other"), cookie=cookie())) == "AccessDenied"
    wide = cookie(resource="https://d1.cloudfront.net/*")
    assert code(ask(URL.replace("film", "other"), cookie=wide)) == ""


def test_nothing_of_the_signature_goes_on() -> None:
    request = ask(signed(URL + "?v=1") + "&", cookie=f"a=1; {cookie()}; b=2")
    left = without_signature(request)
    assert left.target.raw == b"/film.mp4?v=1&"
    assert left.headers.get(b"cookie") == b"a=1; b=2"
    assert without_signature(ask(signed())).target.query is None
    assert b"cookie" not in without_signature(ask(URL, cookie=cookie())).headers
    plain = ask(URL + "?", cookie="a=1")
    assert (without_signature(plain).target, without_signature(plain).headers) == (
        plain.target,
        plain.headers,
    )


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://h:8081/a", "http://h:8081/a"),
        ("http://h/a?", "http://h/a?"),
        ("http://h/a?Expires=1", "http://h/a"),
        ("http://h/a?x=1&Policy=2&y", "http://h/a?x=1&y"),
        ("http://h/a%20b/../c", "http://h/a%20b/../c"),
    ],
)
def test_the_url_that_is_signed(url: str, own: str) -> None:
    assert signed_url(ask(url)) == own


@pytest.mark.parametrize(
    ("resource", "url", "fits"),
    [
        ("*", "https://h/x?y", True),
        ("https://h/x", "https://h/x", True),
        ("https://h/x", "http://h/x", False),
        ("https://h/x", "https://h/x?y=1", False),
        ("https://h/x*", "https://h/x/y?z=1", True),
        ("https://h/x/*game.zip*", "https://h/x/game.zip", True),
        ("https://h/x/*game.zip*", "https://h/x/old_game.zip?license=1", True),
        ("https://h/x/*game.zip", "https://h/x/game.zip?license=1", False),
        ("https://h/x?y=*", "https://h/x?y=1", True),
        ("https://h/x?y=*", "https://h/x", False),
        ("https://h/x?", "https://h/xa", True),
        ("https://h/x??", "https://h/xa?", True),
        ("https://h/x.y", "https://h/xay", False),
        ("*://h/x", "http://h/x", True),
        ("http*://h/x", "https://h/x", True),
        ("*h/x", "https://www.h/x", True),
        ("https://*.h/x", "https://a.b.h/x", True),
        ("https://*/x", "https://h/y/x", False),
        ("https://h*", "https://h.test/any?thing", True),
        ("https://h", "https://h/", False),
        ("https://h/*/x", "https://h/a/b/x", True),
        ("https://h/*/x", "https://h/a?b/x", False),
    ],
)
def test_resources(resource: str, url: str, fits: bool) -> None:
    assert fits_resource(resource, url) is fits


GOOD: Final = {"Statement": [{"Condition": {"DateLessThan": {"AWS:EpochTime": 5}}}]}


def statement(**parts: Any) -> dict[str, Any]:
    return {"Statement": [{"Condition": {"DateLessThan": {"AWS:EpochTime": 5}, **parts}}]}


@pytest.mark.parametrize(
    "policy",
    [
        [],
        {},
        {"Statement": []},
        {"Statement": GOOD["Statement"] * 2},
        {"Statement": [5]},
        {"Statement": [{}]},
        {"Statement": [{"Condition": {}}]},
        statement(DateLessThan={"AWS:EpochTime": "5"}),
        statement(DateLessThan={"AWS:EpochTime": True}),
        statement(DateGreaterThan={}),
        statement(IpAddress={"AWS:SourceIp": "2001:db8::/32"}),
        statement(IpAddress={"AWS:SourceIp": 5}),
        {"Statement": [{**GOOD["Statement"][0], "Resource": "h/x"}]},
        {"Statement": [{**GOOD["Statement"][0], "Resource": 5}]},
    ],
)
def test_policies_that_are_malformed(policy: Any) -> None:
    with pytest.raises(PolicyError):
        parse_policy(json.dumps(policy).encode())


def test_a_policy_without_resource_is_for_everything() -> None:
    text = json.dumps({"Statement": [{"Condition": {"DateLessThan": {"AWS:EpochTime": NOW + 9}}}]})
    signature = encode_text(sign(PRIVATE["KEC"], text.encode(), "SHA1"))
    query = f"Policy={encode_text(text.encode())}&Signature={signature}&Key-Pair-Id=KEC"
    assert code(ask(f"http://any.test/x?y=1&{query}")) == ""


def test_base64_of_cloudfront() -> None:
    assert encode_text(b"\xfb\xef\xff\x00") == "--~~AA__"
    assert set(encode_text(bytes(range(256)))) & set("+/=") == set()
    assert decode_text(encode_text(bytes(range(256)))) == bytes(range(256))
    assert decode_text("a") is None
    assert decode_text("ü") is None


def test_other_keys_are_refused() -> None:
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP384R1())):
        with pytest.raises(KeyFileError, match="neither an RSA key of 2048 bits"):
            public_key(public_pem(key))
    with pytest.raises(KeyFileError, match="no public key in PEM"):
        public_key(b"nothing")


@pytest.mark.parametrize(
    ("kind", "country", "blocked"),
    [
        ("whitelist", "DE", False),
        ("whitelist", "US", True),
        ("blacklist", "DE", True),
        ("blacklist", "US", False),
        ("whitelist", "", False),
        ("blacklist", "", False),
    ],
)
def test_countries(kind: Any, country: str, blocked: bool) -> None:
    assert GeoRestriction(kind, frozenset({"DE", "AT"})).blocks(country) is blocked


def as_date(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_date_beyond_all_calendars_is_refused_as_any_other() -> None:
    refusal = refuse_unsigned(ask(signed(until=NOW + 9, after=10**14)), KEYS, NOW)
    assert isinstance(refusal, DistributionRefusal)
    assert refusal.detail == f"it is not valid until {10**14} (beyond the year 9999)"


def test_a_refusal_says_why_to_the_developer() -> None:
    refusal = refuse_unsigned(ask(signed(until=NOW - 5)), KEYS, NOW)
    assert isinstance(refusal, DistributionRefusal)
    assert refusal.detail == f"it expired at {NOW - 5} ({as_date(NOW - 5)})"
