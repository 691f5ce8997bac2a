"""The cookies that keep a client with its target group and its target.

Sealed with AES-GCM: nobody can read or forge them, as on AWS. All are 128 characters long.
Source: ELB User Guide for ALB, "Edit target group attributes", "Sticky sessions"; the form of the
lines is from recorded responses.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from typing import Final, Literal, NamedTuple

from edgegw.alb.forwarding import BalancerFacts
from edgegw.alb.model import LoadBalancer
from edgegw.http.date import http_date
from edgegw.http.message import Header, Headers

CookieKind = Literal["target", "group", "application"]

_NAMES: Final[dict[CookieKind, tuple[bytes, ...]]] = {
    "target": (b"AWSALBCORS", b"AWSALB"),
    "group": (b"AWSALBTGCORS", b"AWSALBTG"),
    "application": (b"AWSALBAPP-0",),
}
"""The cookies of each kind; the first one that holds wins.

Source: ELB User Guide for ALB, "Sticky sessions".
"""

PREFIXES: Final = ("AWSALB", "AWSALBAPP", "AWSALBTG")
"""Names that an application's own cookie must not begin with.

Source: ELB User Guide for ALB, "Sticky sessions", application-based stickiness.
"""

_LIFETIME: Final = 7 * 24 * 3600
"""Seconds until a stickiness cookie expires in the browser, whatever its duration is.

Source: ELB User Guide for ALB, "Sticky sessions", duration-based stickiness.
"""
_LENGTH: Final = 68
"""Bytes of what is sealed; with nonce and tag 96, which is 128 characters."""

_FORM: Final = struct.Struct(">16sd")


class Held(NamedTuple):
    """What a request's cookies say: the mark of a target or group. `is_bad` if none holds."""

    mark: bytes | None = None
    is_bad: bool = False


def mark_of(*parts: object) -> bytes:
    """What stands for a target or a group in a cookie."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).digest()[:16]


def held(balancer: LoadBalancer, kind: CookieKind, headers: Headers, *, now: float) -> Held:
    """What the stickiness cookies of this kind say."""
    given = b";".join(headers.get_all(b"cookie"))
    pairs = [each.strip().partition(b"=") for each in given.split(b";")]
    is_bad = False
    for name in _NAMES[kind]:
        for key, _, value in pairs:
            if key == name:
                mark = _unseal(balancer, kind, value, now)
                if mark is not None:
                    return Held(mark)
                is_bad = True
    return Held(is_bad=is_bad)


def has_cookie(headers: Headers, name: str) -> bool:
    """Whether the request carries the cookie `name`."""
    wanted = name.encode()
    return any(
        each.strip().partition(b"=")[0] == wanted
        for line in headers.get_all(b"cookie")
        for each in line.split(b";")
    )


def set_cookie(headers: Headers, name: str) -> bytes | None:
    """The Set-Cookie value with which a response sets the cookie `name`, or None."""
    wanted = name.encode()
    for line in headers.get_all(b"set-cookie"):
        if line.partition(b"=")[0].strip() == wanted:
            return line
    return None


def lines(
    balancer: LoadBalancer,
    kind: CookieKind,
    mark: bytes,
    facts: BalancerFacts,
    *,
    duration: float,
    is_secure: bool,
    expires: bytes | None = None,
) -> list[Header]:
    """The Set-Cookie lines that hold a client to `mark` for `duration` seconds.

    `expires` replaces the usual week; empty makes a session cookie.
    """
    value = _seal(balancer, kind, mark, facts.now + duration, facts.entropy)
    if expires is None:
        expires = http_date(facts.now + _LIFETIME)
    rest = (b"; Expires=" + expires if expires else b"") + b"; Path=/"
    *cors, plain = _NAMES[kind]
    found = [(b"Set-Cookie", plain + b"=" + value + rest)]
    rest += b"; SameSite=None" + (b"; Secure" if is_secure else b"")
    return found + [(b"Set-Cookie", each + b"=" + value + rest) for each in cors]


def expiry(cookie: bytes, *, now: float) -> bytes:
    """When the cookie of a Set-Cookie line ends, as an Expires value; empty with the session."""
    found = {
        name.strip().lower(): value.strip()
        for name, _, value in (each.partition(b"=") for each in cookie.split(b";")[1:])
    }
    age = found.get(b"max-age", b"")
    if age.isdigit():
        return http_date(now + int(age[:12]))
    return found.get(b"expires", b"")


def _key(balancer: LoadBalancer, kind: CookieKind) -> bytes:
    # Of the load balancer, so that sessions outlive the gateway: what it protects is a choice.
    return hashlib.sha256(f"edgegw stickiness\n{kind}\n{balancer.arn}".encode()).digest()


def _seal(
    balancer: LoadBalancer, kind: CookieKind, mark: bytes, until: float, entropy: str
) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = bytes.fromhex(entropy)[:12]
    plain = _FORM.pack(mark, until).ljust(_LENGTH, b"\0")
    return base64.b64encode(nonce + AESGCM(_key(balancer, kind)).encrypt(nonce, plain, None))


def _unseal(balancer: LoadBalancer, kind: CookieKind, value: bytes, now: float) -> bytes | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        sealed = base64.b64decode(value, validate=True)
        plain = AESGCM(_key(balancer, kind)).decrypt(sealed[:12], sealed[12:], None)
    except (binascii.Error, ValueError, InvalidTag):
        return None
    mark, until = _FORM.unpack_from(plain)
    return mark if now < until else None
