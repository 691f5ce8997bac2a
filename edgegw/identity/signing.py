"""The keys that sign tokens: the newest signs, older ones are published as long as tokens live.

RSA with 2048 bits and RS256, which Amazon Cognito and a load balancer's `jwt_validation` have.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final

from edgegw.values import value

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

ALGORITHM: Final = "RS256"
_BITS: Final = 2048
MOST_KEYS: Final = 4
"""Keys that are published at most; a load balancer takes ten."""


@value(eq=False)
class SigningKey:
    """A key and when it was created (seconds since 1970). `kid` is its thumbprint (RFC 7638)."""

    private: RSAPrivateKey
    created: float
    kid: str
    public_jwk: dict[str, str]


def new_key(now: float) -> SigningKey:
    """A new key; takes some 50 ms."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return _signing_key(rsa.generate_private_key(65537, _BITS), now)


def _signing_key(private: RSAPrivateKey, created: float) -> SigningKey:
    numbers = private.public_key().public_numbers()
    jwk = {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}
    plain = json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()
    kid = _base64url(hashlib.sha256(plain).digest())
    published = {"alg": ALGORITHM, "e": jwk["e"], "kid": kid, "kty": "RSA", "n": jwk["n"]}
    return SigningKey(private, created, kid, {**published, "use": "sig"})


def _number(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


@value(eq=False)
class KeyRing:
    """The keys of a provider, newest first, and the secret of what it seals."""

    keys: tuple[SigningKey, ...]
    secret: bytes

    @property
    def current(self) -> SigningKey:
        """The one that signs."""
        return self.keys[0]

    def key(self, kid: object) -> SigningKey | None:
        """The key of this id, if it is published."""
        return next((key for key in self.keys if key.kid == kid), None)

    def rotated(self, now: float) -> KeyRing:
        """With a new key; the oldest one goes where there are too many."""
        return KeyRing((new_key(now), *self.keys)[:MOST_KEYS], self.secret)

    def jwks(self) -> dict[str, Any]:
        """The JSON Web Key Set that is published (RFC 7517)."""
        return {"keys": [key.public_jwk for key in self.keys]}


def encode_ring(ring: KeyRing) -> bytes:
    """`ring` as a file that only its owner may read: JSON with PEM."""
    from cryptography.hazmat.primitives import serialization as forms

    keys = [
        {
            "created": key.created,
            "pem": key.private.private_bytes(
                forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()
            ).decode(),
        }
        for key in ring.keys
    ]
    return json.dumps({"secret": ring.secret.hex(), "keys": keys}, indent=1).encode()


def decode_ring(content: bytes) -> KeyRing:
    """What `encode_ring` wrote. Raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        written = json.loads(content)
        secret = bytes.fromhex(written["secret"])
        keys: list[SigningKey] = []
        for entry in written["keys"]:
            private = load_pem_private_key(entry["pem"].encode(), None)
            if not isinstance(private, RSAPrivateKey):
                raise TypeError("no RSA key")
            keys.append(_signing_key(private, float(entry["created"])))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("it holds no keys of an identity provider") from error
    if not keys or len(secret) < 16:
        raise ValueError("it holds no keys of an identity provider")
    return KeyRing(tuple(keys), secret)
