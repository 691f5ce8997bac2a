"""Places to listen of a checked configuration → values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgegw.config import fields
from edgegw.config.balancers import keys as balancer_keys
from edgegw.config.model import ClientCertificates, Listen


def resolve_listen(listen: fields.Listen, base: Path) -> Listen:
    """Where a front door listens; relative paths are relative to `base`."""
    tls = listen.tls
    if isinstance(tls, fields.Tls):
        return Listen(
            listen.address,
            listen.port,
            tls=True,
            certificate=str(base / tls.certificate),
            key=str(base / tls.key),
        )
    return Listen(listen.address, listen.port, tls)


def resolve_listener_listen(listener: balancer_keys.Listener, base: Path) -> Listen:
    """Where a listener listens, with its certificates."""
    listen = resolve_listen(listener.listen, base)
    more = tuple(
        (str(base / each.certificate), str(base / each.key)) for each in listener.certificates
    )
    if listener.certificate is not None and listener.key is not None:
        certificate, key = str(base / listener.certificate), str(base / listener.key)
        listen = Listen(listen.address, listen.port, tls=True, certificate=certificate, key=key)
    mutual = listener.mutual_authentication
    asks = None
    if mutual is not None and mutual.mode != "off":
        asks = ClientCertificates(
            None if mutual.trust_store is None else str(base / mutual.trust_store),
            ignores_expiry=mutual.ignore_client_certificate_expiry,
            tells_authorities=mutual.advertise_trust_store_ca_names,
        )
    tls = listen.tls or listener.protocol == "HTTPS"
    return replace(listen, tls=tls, more=more, client_certificates=asks)
