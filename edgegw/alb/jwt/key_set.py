"""The public keys of an issuer (JWKS), of which only those count that AWS takes: RSA of 2048 bits.

Source: ELB User Guide for ALB, "Verify JWTs using an Application Load Balancer".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, cast

from edgegw.values import value

MAX_KEY_SET: Final = 150 * 1024
"""Bytes of a key set.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 500.
"""
MAX_KEYS: Final = 10
"""Keys of a key set.

Source: ELB User Guide for ALB, "Troubleshoot", HTTP 500.
"""
KEY_BITS: Final = 2048
"""Bits of a key.

Source: ELB User Guide for ALB, "Verify JWTs using an Application Load Balancer".
"""
KEYS_LIFETIME: Final = 300.0
"""Seconds that a key set is kept; AWS is silent about it (uncertain)."""
UNKNOWN_KEY_PAUSE: Final = 5.0
"""Seconds after which a key that a set does not have is looked for anew; AWS is silent about it."""
_REMEMBERED: Final = 512
"""Tokens whose signature is known to be good."""


@value
class KeysTrouble:
    """There is no key set: the status and `error_reason` that a request gets.

    Source: ELB User Guide for ALB, "Access logs", error reason codes; "Troubleshoot", HTTP 500
    and 562.
    """

    status: Literal[500, 562]
    reason: Literal[
        "JWKSRequestTimeout",
        "JWKSResponseSizeExceeded",
        "JWKSRequestFailed",
        "JWKSResponseInvalid",
    ]
    detail: str


@value
class RsaKey:
    """A key that can be used, by its numbers."""

    kid: str | None
    modulus: int
    exponent: int


class KeySet:
    """Keys that were fetched, and what was found out with them."""

    def __init__(self, keys: tuple[RsaKey, ...], fetched: float) -> None:
        self.keys = keys
        self.fetched = fetched
        self._public: dict[RsaKey, Any] = {}
        self._good: set[bytes] = set()

    def may_answer(self, kid: str | None, now: float) -> bool:
        """Whether it need not be fetched anew for a token signed by `kid`."""
        age = now - self.fetched
        if not 0 <= age < KEYS_LIFETIME:
            return False
        return age < UNKNOWN_KEY_PAUSE or not kid or any(key.kid == kid for key in self.keys)

    def candidates(self, kid: str | None) -> tuple[RsaKey, ...]:
        """The keys of that id; without one all."""
        return self.keys if kid is None else tuple(key for key in self.keys if key.kid == kid)

    def is_signed(self, kid: str | None, signed: bytes, signature: bytes) -> bool:
        """Whether one of the keys made `signature` (RS256)."""
        token = signed + b"." + signature
        if token in self._good:
            return True
        if not any(self._verifies(key, signed, signature) for key in self.candidates(kid)):
            return False
        if len(self._good) >= _REMEMBERED:
            self._good.clear()
        self._good.add(token)
        return True

    def _verifies(self, key: RsaKey, signed: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
        from cryptography.hazmat.primitives.hashes import SHA256

        public = self._public.get(key)
        if public is None:
            public = self._public[key] = RSAPublicNumbers(key.exponent, key.modulus).public_key()
        try:
            public.verify(signature, signed, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


def parse_key_set(content: bytes, fetched: float) -> KeySet | KeysTrouble:
    """The keys in `content`, which was fetched at `fetched` (seconds since 1970)."""
    if len(content) > MAX_KEY_SET:
        return KeysTrouble(500, "JWKSResponseSizeExceeded", f"is larger than {MAX_KEY_SET} bytes")
    try:
        parsed: object = json.loads(content)
    except (ValueError, RecursionError):
        return KeysTrouble(562, "JWKSResponseInvalid", "is not JSON")
    given = cast("Mapping[str, object]", parsed).get("keys") if isinstance(parsed, dict) else None
    if not isinstance(given, list):
        return KeysTrouble(562, "JWKSResponseInvalid", "is no JSON object with a list of keys")
    listed = cast("list[object]", given)
    if len(listed) > MAX_KEYS:
        text = f"has {len(listed)} keys, more than {MAX_KEYS}"
        return KeysTrouble(500, "JWKSResponseSizeExceeded", text)
    keys = tuple(_usable(listed))
    if not keys:
        text = f"has no RSA key of {KEY_BITS} bits for signatures"
        return KeysTrouble(562, "JWKSResponseInvalid", text)
    return KeySet(keys, fetched)


def _usable(listed: list[object]) -> Iterator[RsaKey]:
    for entry in listed:
        key = _rsa_key(cast("Mapping[str, object]", entry)) if isinstance(entry, dict) else None
        if key is not None:
            yield key


def _rsa_key(jwk: Mapping[str, object]) -> RsaKey | None:
    """The key in a JWK (RFC 7517, 7518 section 6.3.1); None for one of another kind."""
    kid = jwk.get("kid")
    is_for_signatures = jwk.get("use", "sig") == "sig" and jwk.get("alg", "RS256") == "RS256"
    if jwk.get("kty") != "RSA" or not is_for_signatures or not isinstance(kid, str | None):
        return None
    modulus, exponent = _number(jwk.get("n")), _number(jwk.get("e"))
    if modulus.bit_length() != KEY_BITS or exponent < 3 or not exponent & modulus & 1:
        return None
    return RsaKey(kid, modulus, exponent) if exponent.bit_length() <= 32 else None


def _number(text: object) -> int:
    """A number in base64url; 0 for anything else."""
    if not isinstance(text, str) or not text.isascii():
        return 0
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return 0
    return int.from_bytes(raw, "big")
