"""TLS of the tests' clients, without reading the system's authorities for each: 25 ms."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from typing import Any

import httpx


def trusting_anyone(*protocols: str) -> ssl.SSLContext:
    """For a client that takes any certificate, with `protocols` for ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


def share_usual_trust() -> None:
    """Clients of httpx that are told nothing about trust share one context."""
    transports: Any = httpx._transports.default
    make = httpx.create_ssl_context

    @lru_cache(maxsize=4)
    def usual(_file: str | None, _folder: str | None) -> ssl.SSLContext:
        return make()

    def create(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is True and cert is None and trust_env:
            return usual(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
        return make(verify, cert, trust_env)

    transports.create_ssl_context = create
