"""What a target learns of the user: three headers, one of them signed by the load balancer.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
user claims encoding and signature verification; the order of members is from recorded headers.
"""

from __future__ import annotations

import base64
import json
from functools import lru_cache
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
_IDENTITY: Final = frozenset(IDENTITY_HEADERS)
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
    header, issuer = _always_said(keys.key_id, action.issuer, action.client_id, signer)
    payload = f'{claims[:-1]}{"," if claims != "{}" else ""}"exp":{expires},"iss":{issuer}}}'
    content = b"%b.%b" % (
        base64.urlsafe_b64encode(f'{header},"exp":{expires}}}'.encode()),
        base64.urlsafe_b64encode(payload.encode()),
    )
    return content + b"." + base64.urlsafe_b64encode(keys.sign(content))


@lru_cache(maxsize=64)
def _always_said(key_id: str, issuer: str, client: str, signer: str) -> tuple[str, str]:
    """The header up to its `exp`, and the issuer, as JSON."""
    header = {
        "typ": "JWT",
        "kid": key_id,
        "alg": "ES256",
        "iss": issuer,
        "client": client,
        "signer": signer,
    }
    return json.dumps(header, separators=(",", ":"))[:-1], json.dumps(issuer)


def has_identity(headers: Headers) -> bool:
    """Whether a client sent headers that only a load balancer may write."""
    return any(line[0].lower() in _IDENTITY for line in headers.raw)


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
        elif name not in _IDENTITY:
            kept.append(line)
    return Headers((*kept, *lines))
