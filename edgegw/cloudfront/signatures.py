"""Signatures of URLs and cookies: RSA 2048 and ECDSA P-256, over SHA-1 or SHA-256.

Text of its own for base64: `+`, `=` and `/` become `-`, `_` and `~`, which is not the URL-safe form
of RFC 4648. The library of cryptography is imported by the first who needs it.

Source: CloudFront Developer Guide, "Specify signers that can create signed URLs and signed cookies"
and "Create a URL signature using Perl" (the replaced characters).
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

HashAlgorithm: TypeAlias = Literal["SHA1", "SHA256"]

_TO_URL: Final = bytes.maketrans(b"+=/", b"-_~")
_FROM_URL: Final = bytes.maketrans(b"-_~", b"+=/")
RSA_BITS: Final = 2048
"""Bits of an RSA key.

Source: CloudFront Developer Guide, "Specify signers that can create signed URLs".
"""


class KeyFileError(ValueError):
    """A key cannot be used; the message says what to do."""


def encode_text(content: bytes) -> str:
    """Bytes as a signed URL has them."""
    return base64.b64encode(content).translate(_TO_URL).decode()


def decode_text(text: str) -> bytes | None:
    """The bytes of `encode_text`; None where it is none of these."""
    try:
        return base64.b64decode(text.encode("ascii").translate(_FROM_URL), validate=True)
    except (ValueError, binascii.Error):
        return None


def is_signed_by(pem: bytes, content: bytes, signature: bytes, algorithm: HashAlgorithm) -> bool:
    """Whether the owner of the public key signed `content`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    key, digest = public_key(pem), _digest(algorithm)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, content, ec.ECDSA(digest))
        else:
            key.verify(signature, content, padding.PKCS1v15(), digest)
    except InvalidSignature:
        return False
    return True


def sign(pem: bytes, content: bytes, algorithm: HashAlgorithm) -> bytes:
    """The signature of `content` by a private key in PEM. Raises KeyFileError."""
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    key, digest = private_key(pem), _digest(algorithm)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(content, ec.ECDSA(digest))
    return key.sign(content, padding.PKCS1v15(), digest)


@lru_cache(maxsize=64)
def public_key(pem: bytes) -> RSAPublicKey | EllipticCurvePublicKey:
    """A public key in PEM. Raises KeyFileError where CloudFront would not take it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError("is no public key in PEM: openssl rsa -pubout writes one") from None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size == RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise KeyFileError("is neither an RSA key of 2048 bits nor an ECDSA key of P-256")


@lru_cache(maxsize=8)
def private_key(pem: bytes) -> RSAPrivateKey | EllipticCurvePrivateKey:
    """A private key in PEM. Raises KeyFileError where CloudFront knows no such keys."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        text = "is no private key in PEM without a password: openssl genrsa 2048 makes one"
        raise KeyFileError(text) from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size == RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise KeyFileError("is neither an RSA key of 2048 bits nor an ECDSA key of P-256")


def _digest(algorithm: HashAlgorithm):
    from cryptography.hazmat.primitives import hashes

    return hashes.SHA256() if algorithm == "SHA256" else hashes.SHA1()  # noqa: S303 - CloudFront's default
