"""What a listener asks of TLS, as values."""

from __future__ import annotations

from edgegw.values import value


@value
class ClientCertificates:
    """What is asked of the certificates of clients: that a `trust_store` (a file) vouches for them.

    Without one they are passed on unchecked.
    """

    trust_store: str | None
    ignores_expiry: bool = False
    tells_authorities: bool = False
