"""What a target learns of the user: three headers, one of them signed by the load balancer.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
user claims encoding and signature verification; the order of members is from recorded headers.
"""

from __future__ import annotations

import base64
import json
from typing import Final

from edgegw.alb.authentication.keys import SignInKeys
from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.authentication.session import UserSession
from edgegw.http.message import Header, Headers

IDENTITY_HEADERS: Final = (
    b"x-amzn-oidc-accesstoken",
    b"x-amzn-oidc-identity",
    b"x-amzn-oidc-data",
)
"""The headers with which a load balancer tells a target who the user is.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
user claims encoding and signature verification.
"""
CLAIMS_LIFETIME: Final = 120
"""Seconds until the signed claims of a request expire; AWS is silent about it (uncertain)."""


def identity_lines(
    keys: SignInKeys, action: Authenticate, signer: str, session: UserSession, now: float
) -> tuple[Header, ...]:
    """The lines that a target gets; `signer` is the ARN of the load balancer."""
    signed = signed_claims(keys, action, signer, session.claims, int(now) + CLAIMS_LIFETIME)
    values = session.access_token.encode("latin-1"), session.subject.encode(), signed
    return tuple(zip(IDENTITY_HEADERS, values, strict=True))


def signed_claims(
    keys: SignInKeys, action: Authenticate, signer: str, claims: str, expires: int
) -> bytes:
    """The claims as a JWT (ES256), with the padding of base64 that AWS leaves in."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    header = {
        "typ": "JWT",
        "kid": keys.key_id,
        "alg": "ES256",
        "iss": action.issuer,
        "client": action.client_id,
        "signer": signer,
        "exp": expires,
    }
    own = json.dumps({"exp": expires, "iss": action.issuer}, separators=(",", ":"))
    payload = f"{claims[:-1]},{own[1:]}" if claims != "{}" else own
    content = b".".join(
        base64.urlsafe_b64encode(part.encode())
        for part in (json.dumps(header, separators=(",", ":")), payload)
    )
    r, s = decode_dss_signature(keys.signer.sign(content, ECDSA(SHA256())))
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return content + b"." + base64.urlsafe_b64encode(signature)


def has_identity(headers: Headers) -> bool:
    """Whether a client sent headers that only a load balancer may write."""
    return headers.derived(has_identity, _has_identity)


def _has_identity(headers: Headers) -> bool:
    return any(name in headers for name in IDENTITY_HEADERS)


def handed_on(headers: Headers, rest: bytes | None, lines: tuple[Header, ...]) -> Headers:
    """`headers` for the target: `rest` of the cookies, and `lines` in the place of what came.

    A Cookie header that held nothing else stays, and is empty: so it was seen on AWS.
    """
    kept: list[Header] = []
    for line in headers.raw:
        name = line[0].lower()
        if name == b"cookie":
            if rest is not None:
                kept.append((line[0], rest))
                rest = None  # of several lines one
        elif name not in IDENTITY_HEADERS:
            kept.append(line)
    return Headers((*kept, *lines))
