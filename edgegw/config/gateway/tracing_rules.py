"""`gateway.tracing`: addresses that are some, and what they become."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from edgegw.awslambda.xray import TracingTargets, daemon_address
from edgegw.config.document import Document
from edgegw.config.gateway.tracing_keys import Tracing

_TRACES: Final = "/v1/traces"


def check_tracing(document: Document, tracing: Tracing) -> None:
    """Adds what is wrong with where segments go."""
    path = ("gateway", "tracing")
    if tracing.xray is not None:
        try:
            daemon_address(tracing.xray)
        except ValueError as error:
            document.error((*path, "xray"), "config.tracing", str(error))
    if tracing.otlp is not None and _collector(tracing.otlp) is None:
        text = f"{tracing.otlp!r} is no URL of a collector, such as http://127.0.0.1:4318"
        document.error((*path, "otlp"), "config.tracing", text)


def resolve_tracing(tracing: Tracing) -> TracingTargets:
    """The checked addresses."""
    return TracingTargets(
        None if tracing.xray is None else daemon_address(tracing.xray),
        None if tracing.otlp is None else _collector(tracing.otlp),
    )


def _collector(url: str) -> str | None:
    """Where spans are posted: a URL without path gets the one of the protocol; None for no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return None
    if parts.fragment or any(char.isspace() for char in url):
        return None
    return url if parts.path.strip("/") else f"{url.rstrip('/')}{_TRACES}"
