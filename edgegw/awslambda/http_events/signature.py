"""Signature Version 4 of requests to function URLs: who signed one, or what is wrong with it.

A signature is a chain of HMACs over what was sent: the canonical request, its digest in a string to
sign, a key made of the secret for one day, one Region and one service. Whoever knows the secret can
make the same chain again; that is done here, and nothing else proves anything.

Source: IAM User Guide, "AWS Signature Version 4 for API requests"; Lambda Developer Guide, "Control
access to Lambda function URLs".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from calendar import timegm
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from edgegw.http.message import Request
from edgegw.http.target import query_pairs
from edgegw.values import value

SERVICE: Final = "lambda"
ALGORITHM: Final = "AWS4-HMAC-SHA256"
SKEW: Final = 300.0
"""Seconds that the time of a signature may be away from now.

Source: IAM User Guide, "Elements of an AWS API request signature".
"""
UNSIGNED: Final = ("UNSIGNED-PAYLOAD",)
"""What may stand for the digest of a body. That function URLs take it is uncertain.

Source: IAM User Guide, "Create a signed AWS API request".
"""
MAX_EXPIRES: Final = 604_800
"""Seconds that a presigned URL may be good for.

Source: IAM User Guide, "Authenticating requests", query parameters.
"""
_AUTHORIZATION: Final = re.compile(
    rf"{ALGORITHM} Credential=([^,\s]+)[,\s]\s*SignedHeaders=([^,\s]+)[,\s]\s*Signature=([0-9a-f]+)"
)
_TIME: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")


@value
class Credentials:
    """What requests may be signed with."""

    access_key: str
    secret_key: str
    session_token: str = ""


@value
class Signer:
    """Who signed a request."""

    access_key: str


@value(kw_only=True)
class _SignatureClaim:
    """What a request says about its signature; `expires` in seconds for a presigned URL."""

    credential: tuple[str, ...]
    signed_headers: tuple[str, ...]
    signature: str
    time: str
    token: str
    expires: int | None = None


class SignatureError(Exception):
    """Why a signature does not hold: a sentence for the developer."""


def is_signed(request: Request) -> bool:
    """Whether `request` brings a signature at all, in its headers or its query."""
    return b"authorization" in request.headers or b"X-Amz-Signature=" in (
        request.target.query or b""
    )


def check_signature(
    request: Request, body: bytes, keys: Sequence[Credentials], region: str, now: float
) -> Signer:
    """Who signed `request`, whose body is `body`. Raises SignatureError."""
    claim = _claim(request)
    if len(claim.credential) != 5:
        raise SignatureError("the credential is not KEY/DATE/REGION/SERVICE/aws4_request")
    access_key, *scope = claim.credential
    day = claim.time[:8]
    if scope != [day, region, SERVICE, "aws4_request"]:
        wanted = f"{day}/{region}/{SERVICE}/aws4_request"
        raise SignatureError(f"the scope is {'/'.join(scope)}, and must be {wanted}")
    key = next((known for known in keys if known.access_key == access_key), None)
    if key is None:
        raise SignatureError(f"the access key {access_key} is none that functions here get")
    if claim.token != key.session_token:
        raise SignatureError("the session token is not the one that belongs to the access key")
    _check_time(claim, now)
    if "host" not in claim.signed_headers:
        raise SignatureError("the Host header is not signed")
    digest = _body_digest(request, body)
    expected = [_signature(request, claim, key, path, digest) for path in _paths(request)]
    if not any(hmac.compare_digest(claim.signature, known) for known in expected):
        raise SignatureError("the signature does not match: another secret, or another request")
    return Signer(access_key)


def _claim(request: Request) -> _SignatureClaim:
    header = request.headers.get(b"authorization")
    if header is None:
        return _query_claim(request)
    match = _AUTHORIZATION.fullmatch(header.decode("latin-1").strip())
    if match is None:
        raise SignatureError(f"the Authorization header is no signature of {ALGORITHM}")
    return _SignatureClaim(
        credential=tuple(match[1].split("/")),
        signed_headers=tuple(match[2].split(";")),
        signature=match[3],
        time=_text(request, b"x-amz-date"),
        token=_text(request, b"x-amz-security-token"),
    )


def _query_claim(request: Request) -> _SignatureClaim:
    given = {
        unquote_to_bytes(name).decode("latin-1"): unquote_to_bytes(text).decode("latin-1")
        for name, text in query_pairs(request.target.query or b"")
    }
    expires = given.get("X-Amz-Expires", "")
    if given.get("X-Amz-Algorithm") != ALGORITHM or not expires.isdigit():
        raise SignatureError("the request is not signed")
    if not 1 <= int(expires) <= MAX_EXPIRES:
        raise SignatureError(f"X-Amz-Expires is 1 to {MAX_EXPIRES} seconds")
    return _SignatureClaim(
        credential=tuple(given.get("X-Amz-Credential", "").split("/")),
        signed_headers=tuple(given.get("X-Amz-SignedHeaders", "").split(";")),
        signature=given.get("X-Amz-Signature", ""),
        time=given.get("X-Amz-Date", ""),
        token=given.get("X-Amz-Security-Token", ""),
        expires=int(expires),
    )


def _check_time(claim: _SignatureClaim, now: float) -> None:
    match = _TIME.fullmatch(claim.time)
    if match is None:
        raise SignatureError(f"X-Amz-Date is a time such as 20261120T214209Z, not {claim.time!r}")
    year, month, day, hour, minute, second = map(int, match.groups())
    signed = timegm((year, month, day, hour, minute, second))
    if signed - now > SKEW:
        raise SignatureError(f"the signature is of {claim.time}, which is yet to come")
    if now - signed > (SKEW if claim.expires is None else claim.expires):
        raise SignatureError(f"the signature of {claim.time} has expired")


def _body_digest(request: Request, body: bytes) -> str:
    """The digest that was signed. Raises SignatureError where it is not that of the body."""
    actual = hashlib.sha256(body).hexdigest()
    given = _text(request, b"x-amz-content-sha256")
    if given and given not in (actual, *UNSIGNED):
        raise SignatureError("x-amz-content-sha256 is not the digest of the body")
    return given or actual


def _paths(request: Request) -> list[str]:
    """The canonical path: as it came and encoded once more, less its dot segments or with them.

    Signers differ in the second; only one of both can be the one that was signed.
    """
    raw = request.target.path.decode("latin-1")
    kept: list[str] = []
    for segment in raw.split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment and segment != ".":
            kept.append(segment)
    end = "/" if kept and raw.endswith("/") else ""
    both = dict.fromkeys((f"/{'/'.join(kept)}{end}", raw))
    return [quote(path.encode("latin-1"), safe="/-_.~") for path in both]


def _signature(
    request: Request, claim: _SignatureClaim, key: Credentials, path: str, digest: str
) -> str:
    canonical = "\n".join(
        (
            request.method,
            path,
            _canonical_query(request.target.query or b""),
            *(f"{name}:{_header(request, name)}" for name in claim.signed_headers),
            "",
            ";".join(claim.signed_headers),
            digest,
        )
    )
    scope = "/".join(claim.credential[1:])
    text = "\n".join((ALGORITHM, claim.time, scope, _hex(canonical.encode("latin-1"))))
    secret = f"AWS4{key.secret_key}".encode()
    for part in claim.credential[1:]:
        secret = hmac.new(secret, part.encode("latin-1"), hashlib.sha256).digest()
    return hmac.new(secret, text.encode("latin-1"), hashlib.sha256).hexdigest()


def _canonical_query(query: bytes) -> str:
    pairs = sorted(
        (_encoded(name), _encoded(text))
        for name, text in query_pairs(query)
        if unquote_to_bytes(name) != b"X-Amz-Signature"
    )
    return "&".join(f"{name}={text}" for name, text in pairs)


def _encoded(raw: bytes) -> str:
    return quote(unquote_to_bytes(raw), safe="-_.~")


def _header(request: Request, name: str) -> str:
    values = request.headers.get_all(name.encode("latin-1"))
    return ",".join(" ".join(value.decode("latin-1").split()) for value in values)


def _text(request: Request, name: bytes) -> str:
    return (request.headers.get(name) or b"").decode("latin-1")


def _hex(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
