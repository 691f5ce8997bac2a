"""What seals sessions and signs claims: the gateway's own, the same after a restart."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from edgegw.alb.authentication.known_session import KnownSession

REMEMBERED: Final = 2048
"""Sessions that are kept open, so that a request does not open them again; of more the newest."""


class SignInKeys:
    """A secret of 32 bytes, and a private key of P-256 (PEM) with its id (a UUID).

    What is derived from them is kept here: it ends with them.
    """

    def __init__(self, secret: bytes, signing_key: bytes, key_id: str) -> None:
        self._secret = secret
        self._signing_key = signing_key
        self.key_id = key_id
        self._derived: dict[str, bytes] = {}
        self._signer: Any = None
        self._algorithm: Any = None
        self._ciphers: dict[str, Any] = {}
        self._sessions: dict[tuple[bytes, bytes], KnownSession] = {}

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose."""
        key = self._derived.get(purpose)
        if key is None:
            key = hmac.digest(self._secret, purpose.encode(), hashlib.sha256)
            self._derived[purpose] = key
        return key

    @property
    def signer(self) -> Any:
        """The private key (`cryptography`)."""
        if self._signer is None:
            from cryptography.hazmat.primitives.serialization import load_pem_private_key

            self._signer = load_pem_private_key(self._signing_key, None)
        return self._signer

    def sign(self, content: bytes) -> bytes:
        """The signature of `content` (ES256): the 64 bytes of a JWT, not DER."""
        if self._algorithm is None:
            from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
            from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
            from cryptography.hazmat.primitives.hashes import SHA256

            self._algorithm = ECDSA(SHA256()), decode_dss_signature
        algorithm, decode = self._algorithm
        r, s = decode(self.signer.sign(content, algorithm))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def cipher(self, purpose: str) -> Any:
        """AES-GCM (`cryptography`) by the key for one purpose."""
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            cipher = self._ciphers[purpose] = AESGCM(self.derived(purpose))
        return cipher

    def public_pem(self) -> bytes:
        """The public key of the signatures, as the public key endpoint answers it."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self.signer.public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def known(self, mark: bytes, sealed: bytes) -> KnownSession | None:
        """The session that `sealed` was found to hold."""
        return self._sessions.get((mark, sealed))

    def remember(self, mark: bytes, sealed: bytes, session: KnownSession) -> None:
        """From now on `sealed` is known to hold `session`."""
        while len(self._sessions) >= REMEMBERED:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[mark, sealed] = session


def new_signing_key() -> bytes:
    """A private key for signatures of claims (ES256), as PEM."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_keys_place(region: str) -> tuple[str, str]:
    """Where AWS answers public keys: the name, and what the path begins with before a key's id.

    In GovCloud it is a bucket of Amazon S3.
    Source: ELB User Guide for ALB, "Authenticate users using an Application Load Balancer",
    user claims encoding and signature verification.
    """
    if region.startswith("us-gov-"):
        return f"s3-{region}.amazonaws.com", f"/aws-elb-public-keys-prod-{region}/"
    return f"public-keys.auth.elb.{region}.amazonaws.com", "/"
