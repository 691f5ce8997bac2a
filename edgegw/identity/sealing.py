"""Texts that only this provider can read and that nobody else can make: cookies, refresh tokens.

AES-GCM, with what a text is for as associated data: a session cookie is no refresh token.
"""

from __future__ import annotations

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

_NONCE: Final = 12
_LONGEST: Final = 8192


class Sealer:
    """Seals with one secret; `chance` answers so many bytes that nobody can guess."""

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(hashlib.sha256(b"edgegw identity seal" + secret).digest())

    def seal(self, purpose: str, content: dict[str, Any], nonce: bytes) -> str:
        """`content` as a text for URLs and cookies; `nonce` is 12 bytes, never the same twice."""
        assert len(nonce) == _NONCE
        plain = json.dumps(content, separators=(",", ":")).encode()
        sealed = self._cipher.encrypt(nonce, plain, purpose.encode())
        return _text_of(nonce + sealed)

    def unseal(self, purpose: str, text: str) -> dict[str, Any] | None:
        """What was sealed for `purpose`; None where it was not, or not here."""
        from cryptography.exceptions import InvalidTag

        if len(text) > _LONGEST or not text.isascii():
            return None
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            if _text_of(raw) != text:  # there is one way to write it
                return None
            plain = self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], purpose.encode())
        except (binascii.Error, InvalidTag, ValueError):
            return None
        return json.loads(plain)


def _text_of(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
