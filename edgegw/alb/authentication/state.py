"""What goes with a client on its way to the identity provider and back: `state` and a nonce.

`state` is sealed: where the client wanted to go, when it left, and the digest of the nonce that its
browser was given in a cookie. Who comes back with another's `state` has not its nonce.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Final, cast

from edgegw.alb.authentication.keys import SignInKeys
from edgegw.alb.authentication.model import Authenticate
from edgegw.alb.authentication.sealing import seal, unseal
from edgegw.http.message import Header, Headers
from edgegw.values import value

NONCE_COOKIE: Final = b"AWSALBAuthNonce"
"""The cookie that ties a sign-in to the browser that began it.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
authentication flow; its form is from recorded responses.
"""
LOGIN_TIMEOUT: Final = 15 * 60
"""Seconds in which a client must be back from the identity provider.

Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
client login timeout.
"""
_NONCE_LENGTH: Final = 16
"""Characters of the nonce, as recorded."""
_PURPOSE: Final = "state"


@value
class SignInState:
    """Where a client wanted to go (`host` and `target` as it sent them), and when it left."""

    host: str
    target: str
    left_at: float
    nonce: bytes

    def is_over(self, now: float) -> bool:
        return now >= self.left_at + LOGIN_TIMEOUT


def new_nonce(keys: SignInKeys, entropy: str) -> bytes:
    """A nonce that nobody can guess: the dice alone could be guessed."""
    digest = hmac.digest(keys.derived("nonce"), entropy.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest)[:_NONCE_LENGTH]


def nonce_line(nonce: bytes) -> Header:
    """The Set-Cookie line of a nonce."""
    return (b"Set-Cookie", NONCE_COOKIE + b"=" + nonce + b"; Path=/")


SPENT_NONCE: Final[Header] = (
    b"Set-Cookie",
    NONCE_COOKIE + b"=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/",
)
"""Takes the nonce from the browser: what was signed in with it cannot be so again."""


def given_nonces(headers: Headers) -> list[bytes]:
    """The nonces in the cookies of a request; a browser sends one."""
    pairs = b";".join(headers.get_all(b"cookie")).split(b";")
    split = (pair.strip().partition(b"=") for pair in pairs)
    return [given for name, _, given in split if name == NONCE_COOKIE]


def encode_state(
    keys: SignInKeys, action: Authenticate, arn: str, state: SignInState, entropy: str
) -> str:
    """`state` for the query of the identity provider: base64, not yet percent-encoded."""
    digest = hashlib.sha256(state.nonce).hexdigest()
    content = json.dumps([state.host, state.target, state.left_at, digest]).encode()
    sealed = seal(keys, f"{_PURPOSE} {arn}", content, action.mark, entropy)
    padded = sealed.replace(b"-", b"+").replace(b"_", b"/") + b"=" * (-len(sealed) % 4)
    return padded.decode("ascii")


def decode_state(
    keys: SignInKeys, action: Authenticate, arn: str, text: str, nonces: list[bytes]
) -> SignInState | None:
    """What a client left with; None where it is forged, or of another action or browser."""
    content = _content(keys, action, arn, text)
    if content is None or len(nonces) != 1:
        return None
    host, target, left_at, digest = cast("list[Any]", json.loads(content))
    if not hmac.compare_digest(hashlib.sha256(nonces[0]).hexdigest(), digest):
        return None
    return SignInState(host, target, left_at, nonces[0])


def is_state(keys: SignInKeys, action: Authenticate, arn: str, text: str) -> bool:
    """Whether `text` is a state of `action`, whoever left with it."""
    return _content(keys, action, arn, text) is not None


def _content(keys: SignInKeys, action: Authenticate, arn: str, text: str) -> bytes | None:
    sealed = text.encode("utf-8").replace(b"+", b"-").replace(b"/", b"_").rstrip(b"=")
    return unseal(keys, f"{_PURPOSE} {arn}", sealed, action.mark)
