"""Sealed bytes: nobody can read, change or make them, nor use them elsewhere than they are for.

AES-256-GCM. Two messages under one key must never share their twelve first bytes, and the dice of
a gateway may be loaded (a seed): those bytes are a keyed digest of the message and of chance, so
that messages that differ have different ones whatever the dice say.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from typing import Final

from edgegw.alb.authentication.keys import SignInKeys

_PLAIN: Final = b"\0"
_DEFLATED: Final = b"\1"
_SMALL: Final = 2048
"""Bytes up to which compressing costs more than it saves."""
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


def seal(keys: SignInKeys, purpose: str, content: bytes, bound: bytes, entropy: str) -> bytes:
    """`content` as URL-safe base64, for `purpose` and only together with `bound`."""
    plain = _PLAIN + content if len(content) <= _SMALL else _DEFLATED + zlib.compress(content)
    salt = f"{entropy}\n".encode() + bound + b"\n" + plain
    start = hmac.digest(keys.derived(f"{purpose} start"), salt, hashlib.sha256)[:12]
    sealed = start + keys.cipher(purpose).encrypt(start, plain, bound)
    return base64.b64encode(sealed).rstrip(b"=").translate(_URL_SAFE)


def unseal(keys: SignInKeys, purpose: str, sealed: bytes, bound: bytes) -> bytes | None:
    """What `seal` was given; None for anything that it did not make."""
    from cryptography.exceptions import InvalidTag

    padded = sealed.translate(_STANDARD) + b"=" * (-len(sealed) % 4)
    try:
        raw = base64.b64decode(padded, validate=True)
        plain = keys.cipher(purpose).decrypt(raw[:12], raw[12:], bound)
    except (binascii.Error, ValueError, InvalidTag):
        return None
    return plain[1:] if plain[:1] == _PLAIN else zlib.decompress(plain[1:])
