"""What a load balancer tells targets about the certificate of a client (mutual TLS).

Source: ELB User Guide for ALB, "Mutual authentication with TLS", "HTTP headers and mutual TLS".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import quote

from edgegw.http.message import Header

PREFIX: Final = b"X-Amzn-Mtls-Clientcert"
_PARTS: Final = (b"-Serial-Number", b"-Issuer", b"-Subject", b"-Validity", b"-Leaf")
_SAFE: Final = "+=/"
"""Characters of PEM that are not percent-encoded."""


def client_certificate_headers(
    mode: Literal["passthrough", "verify"], certificates: Sequence[bytes]
) -> list[Header]:
    """The headers for a client's chain in DER, leaf first; all that AWS has names for.

    Those without value take the place of what a client may have sent under these names.
    """
    return list(_headers(mode, tuple(certificates)))


@lru_cache(maxsize=256)
def _headers(
    mode: Literal["passthrough", "verify"], certificates: tuple[bytes, ...]
) -> tuple[Header, ...]:
    found: dict[bytes, bytes] = dict.fromkeys([PREFIX, *(PREFIX + part for part in _PARTS)], b"")
    if certificates and mode == "passthrough":
        found[PREFIX] = b"".join(_pem(each) for each in certificates)
    elif certificates:
        for part, value in zip(_PARTS, _about(certificates[0]), strict=True):
            found[PREFIX + part] = value
    return tuple(found.items())


def _pem(certificate: bytes) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    text = x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM).decode()
    return quote(text, safe=_SAFE).encode()


def _about(certificate: bytes) -> tuple[bytes, ...]:
    """Serial number, issuer, subject, validity and the certificate itself."""
    subject, validity, serial, issuer = leaf_facts(certificate)
    told = (serial, issuer, subject, validity)
    return (*(each.encode() for each in told), _pem(certificate))


def leaf_facts(certificate: bytes) -> tuple[str, str, str, str]:
    """Subject, validity, serial number and issuer of a certificate in DER, as ALB writes them."""
    from cryptography import x509

    found = x509.load_der_x509_certificate(certificate)
    form = "%Y-%m-%dT%H:%M:%SZ"
    validity = (
        f"NotBefore={found.not_valid_before_utc.strftime(form)};"
        f"NotAfter={found.not_valid_after_utc.strftime(form)}"
    )
    serial = f"{found.serial_number:X}"
    padded = serial if len(serial) % 2 == 0 else f"0{serial}"
    return found.subject.rfc4514_string(), validity, padded, found.issuer.rfc4514_string()
